/* SPDX-License-Identifier: MIT
 *
 * The machine: checks its configuration, answers port requests, makes events happen.
 *
 * A request runs the pure device model (devices/) and then applies the effects it asked for: cause
 * bits are set in the target's page in the order core_page.h prescribes and the engine is kicked;
 * timers become events of the queue; lines go to the sink.  One lock covers models, queue and sink;
 * only the scrub device's zeroing, which can be long, happens outside.  The machine never executes
 * the guest and never asks a clock: the engine brings the time with each call.  After the machine
 * was stopped, requests of cores that still run are ignored, so that nothing follows the last line.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/lmp_messages.h"
#include "machine/machine_private.h"
#include "machine/pump.h"

static_assert(MACHINE_NO_EVENT == EVENT_NEVER, "engines and the queue mean the same");

/* ---- making and unmaking ---- */

static int check_nodes(const struct machine_config *c, struct machine_error *error)
{
    uint64_t total = 0;
    for (unsigned n = 0; n < c->node_count; n++) {
        uint64_t ram = c->node[n].ram_bytes, window = c->node[n].window_bytes;
        if (ram % ABI_LARGE_PAGE_BYTES != 0)
            return machine_fail(error, -EINVAL, "memory of node %u is not a multiple of 2 MiB", n);
        if (ram > ABI_RAM_LIMIT || (total += ram) > ABI_RAM_LIMIT)
            return machine_fail(error, -EINVAL, "memory of all nodes exceeds 31 GiB");
        if (window % ABI_PAGE_BYTES != 0 || window > ABI_WINDOW_STRIDE)
            return machine_fail(error, -EINVAL,
                                "window of node %u must be a multiple of 4 KiB, at most 512 MiB",
                                n);
    }
    return 0;
}

static int check_config(const struct machine_config *c, struct machine_error *error)
{
    if (c->core_count < 1 || c->core_count > ABI_MAX_CORES)
        return machine_fail(error, -EINVAL, "a machine has 1 to %d cores, not %u", ABI_MAX_CORES,
                            c->core_count);
    if (c->node_count < 1 || c->node_count > ABI_MAX_NODES)
        return machine_fail(error, -EINVAL, "a machine has 1 to %d nodes, not %u", ABI_MAX_NODES,
                            c->node_count);
    for (unsigned i = 0; i < c->core_count; i++) {
        if (c->core_node[i] >= c->node_count)
            return machine_fail(error, -EINVAL, "core %u is on node %u, which does not exist", i,
                                c->core_node[i]);
    }
    if (c->module_count > MACHINE_MAX_MODULES)
        return machine_fail(error, -EINVAL, "the boot menu has %u modules, at most %d are possible",
                            c->module_count, MACHINE_MAX_MODULES);
    if (!c->image_dir || !c->kernel.path || !c->kernel.line)
        return machine_fail(error, -EINVAL, "the boot menu has no `kernel` line");
    return check_nodes(c, error);
}

static bool copy_line(struct machine_menu_line *to, const struct machine_menu_line *from)
{
    *to = (struct machine_menu_line){
        .path = strdup(from->path),
        .image = from->image ? strdup(from->image) : NULL,
        .line = strdup(from->line),
        .file = from->file ? strdup(from->file) : NULL,
        .line_number = from->line_number,
    };
    return to->path && to->line && (to->file || !from->file) && (to->image || !from->image);
}

static void free_line(struct machine_menu_line *line)
{
    free((char *)line->path);
    free((char *)line->image);
    free((char *)line->line);
    free((char *)line->file);
}

static bool copy_config(struct machine *machine, const struct machine_config *config)
{
    struct machine_config *to = &machine->config;
    *to = *config;
    to->module = machine->module;
    to->image_dir = strdup(config->image_dir);
    bool ok = copy_line(&to->kernel, &config->kernel) && to->image_dir;
    for (unsigned i = 0; i < config->module_count; i++)
        ok = copy_line(&machine->module[i], &config->module[i]) && ok;

    bool any_distance = false;
    for (unsigned i = 0; i < ABI_MAX_NODES * ABI_MAX_NODES; i++)
        any_distance |= config->distance[i / ABI_MAX_NODES][i % ABI_MAX_NODES] != 0;
    for (unsigned i = 0; !any_distance && i < config->node_count; i++)
        for (unsigned j = 0; j < config->node_count; j++)
            to->distance[i][j] = i == j ? 10 : 20;
    return ok;
}

int machine_create(struct machine **out, const struct machine_config *config, char *text,
                   size_t text_bytes)
{
    struct machine_error error = { text, text_bytes };
    if (text_bytes > 0)
        text[0] = 0;
    *out = NULL;
    int r = check_config(config, &error);
    if (r < 0)
        return r;
    struct machine *machine = calloc(1, sizeof(*machine));
    if (!machine)
        return machine_fail(&error, -ENOMEM, "no host memory");
    pthread_mutex_init(&machine->lock, NULL);
    device_state_init(&machine->state.device, config->core_count);
    memcpy(machine->state.device.unsignalled, config->interconnect.unsignalled,
           sizeof(machine->state.device.unsignalled));
    event_queue_init(&machine->state.queue);
    if (!copy_config(machine, config) || !(machine->symbols = symbol_cache_new()))
        r = machine_fail(&error, -ENOMEM, "no host memory");
    if (r == 0)
        r = machine_load(machine, &error);
    if (r == 0 && fabric_create(machine) < 0)
        r = machine_fail(&error, -ENOMEM, "no host memory");
    if (r == 0 && config->watch_messages && !lmp_messages_create(machine))
        r = machine_fail(&error, -ENOMEM, "no host memory");
    if (r == 0 && config->private_memory)
        r = machine_privatise_memory(machine, &error);
    if (r < 0) {
        machine_destroy(machine);
        return r;
    }
    char *kernel_path = machine_image_path(machine, &machine->config.kernel);
    if (kernel_path)
        machine->names = trace_names_load(kernel_path);
    free(kernel_path);
    *out = machine;
    return 0;
}

void machine_destroy(struct machine *machine)
{
    if (!machine)
        return;
    lmp_messages_destroy(machine);
    handlers_destroy(machine);
    fabric_destroy(machine);
    pump_destroy(machine);
    reports_destroy(machine);
    machine_free_memory(machine);
    trace_names_free(machine->names);
    symbol_cache_free(machine->symbols);
    for (unsigned i = 0; i < machine->config.module_count; i++)
        free_line(&machine->module[i]);
    free_line(&machine->config.kernel);
    free((char *)machine->config.image_dir);
    pthread_mutex_destroy(&machine->lock);
    free(machine);
}

void machine_attach(struct machine *machine, const struct engine_ops *ops, struct engine *engine)
{
    machine->ops = ops;
    machine->engine = engine;
}

void machine_set_platform(struct machine *machine, uint32_t boot_flags, uint64_t tsc_hz)
{
    machine->boot->flags = boot_flags;
    machine->boot->tsc_hz = tsc_hz;
}

void machine_set_error(struct machine *machine, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(machine->error, sizeof(machine->error), format, list);
    va_end(list);
}

const char *machine_error_text(const struct machine *machine)
{
    return machine->error;
}

unsigned machine_core_count(const struct machine *machine)
{
    return machine->config.core_count;
}

void machine_get_stats(const struct machine *machine, struct machine_stats *out)
{
    *out = machine->state.stats;
}

void machine_region_moved(struct machine *machine, unsigned region, uint64_t fd_offset)
{
    assert(region < machine->region_count && fd_offset % ABI_PAGE_BYTES == 0);
    machine->region[region].fd_offset = fd_offset;
}

size_t machine_state_bytes(void)
{
    return sizeof(struct machine_state);
}

void machine_save_state(const struct machine *machine, void *block)
{
    memcpy(block, &machine->state, sizeof(machine->state));
}

void machine_load_state(struct machine *machine, const void *block)
{
    memcpy(&machine->state, block, sizeof(machine->state));
    machine->told_ns = 0;
}

/* ---- effects; the lock is held ---- */

void machine_tell(struct machine *machine, enum machine_event kind, unsigned core, uint64_t now_ns,
                  const char *format, ...)
{
    const struct machine_sink *sink = &machine->config.sink;
    if (!sink->event)
        return;
    char text[200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    sink->event(sink->context, kind, core, now_ns, text);
}

static void stop(struct machine *machine, enum stop_reason reason, unsigned core)
{
    if (machine->state.stopped)
        return;
    machine->state.stopped = true;
    machine->state.stop_reason = reason;
    machine->state.stop_core = core;
    machine->ops->request_stop(machine->engine, reason);
}

void machine_notify(struct machine *machine, unsigned core, uint32_t bits, uint32_t notify_id)
{
    struct abi_core_page *page =
        machine->pump ? pump_core_page(machine, core) : machine_core_page(machine, core);
    if (!page)
        return; /* no CPU driver runs yet */
    if (notify_id != MACHINE_NO_NOTIFY) {
        uint32_t word = notify_id / 64, bit = notify_id % 64;
        __atomic_fetch_or(&page->notify_pending[word], 1ull << bit, __ATOMIC_SEQ_CST);
        __atomic_fetch_or(&page->notify_summary, 1ull << word, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_or(&page->cause, bits, __ATOMIC_SEQ_CST);
    /* Only now: a core that lets go of a cause looks at it afterwards: one of the two sees it. */
    if (bits & ~__atomic_load_n(&page->held, __ATOMIC_SEQ_CST))
        machine->ops->kick(machine->engine, core);
}

static void set_cause(struct machine *machine, unsigned by, const struct device_effect *effect,
                      uint64_t now_ns)
{
    if (effect->cause.bits == ABI_CAUSE_NOTIFY)
        fabric_ipi(machine, by, effect->core, effect->cause.notify_id, now_ns);
    else
        machine_notify(machine, effect->core, effect->cause.bits, MACHINE_NO_NOTIFY);
}

static uint64_t next_event_ns(const struct machine *machine)
{
    uint64_t next = event_queue_next_ns(&machine->state.queue);
    uint64_t fault = event_queue_next_ns(&machine->fabric->queue);
    return fault < next ? fault : next;
}

void machine_lock(struct machine *machine)
{
    pthread_mutex_lock(&machine->lock);
}

void machine_unlock(struct machine *machine)
{
    const uint64_t next_ns = next_event_ns(machine);
    if (machine->ops && next_ns != machine->told_ns) {
        machine->told_ns = next_ns;
        machine->ops->events_changed(machine->engine, next_ns);
    }
    pthread_mutex_unlock(&machine->lock);
}

/* at_ns: machine time */
static void queue_timer(struct machine *machine, unsigned core, unsigned which, uint64_t at_ns)
{
    struct event_queue *queue = &machine->state.queue;
    uint64_t *event = &machine->state.timer_event[core][which];
    event_queue_cancel(queue, *event);
    *event = 0;
    if (at_ns != 0) {
        *event = event_queue_push(queue, at_ns, EVENT_TIMER, core, which);
        assert(*event != 0); /* two for each core: the queue cannot be full */
    }
}

/* at_ns: as the core reads the clock */
static void set_timer(struct machine *machine, unsigned core, unsigned which, uint64_t at_ns,
                      uint64_t now_ns)
{
    uint64_t due_ns = at_ns ? fabric_machine_time(machine, core, at_ns) : 0;
    uint64_t then_ns = fabric_timer(machine, core, due_ns, now_ns);
    /* the device fires when its own time has come */
    if (then_ns != due_ns)
        machine->state.device.timer_at_ns[core][which] =
            then_ns ? fabric_clock(machine, core, then_ns) : 0;
    queue_timer(machine, core, which, then_ns);
}

void machine_timers_again(struct machine *machine, unsigned core)
{
    for (unsigned which = 0; which < ABI_TIMERS; which++) {
        uint64_t at_ns = machine->state.device.timer_at_ns[core][which];
        if (at_ns != 0)
            queue_timer(machine, core, which, fabric_machine_time(machine, core, at_ns));
    }
}

void machine_end(struct machine *machine, enum stop_reason reason, unsigned core)
{
    stop(machine, reason, core);
}

void machine_end_request(struct machine *machine)
{
    stop(machine, STOP_REQUEST, 0);
}

static void say(struct machine *machine, const struct device_effect *effect, uint64_t now_ns)
{
    char text[ABI_CONSOLE_MAX + 1];
    struct machine_console_line line = {
        .core = effect->core,
        .time_ns = now_ns,
        .kind = effect->console.kind,
        .text = text,
        .bytes = effect->console.bytes,
    };
    assert(line.bytes <= ABI_CONSOLE_MAX);
    memcpy(text, effect->console.text, line.bytes);
    text[line.bytes] = 0;
    if (effect->console.speaker)
        memcpy(line.speaker, effect->console.speaker->name, 16); /* [16] stays zero */
    machine->state.stats.console_lines++;
    const struct machine_sink *sink = &machine->config.sink;
    if (sink->console_line)
        sink->console_line(sink->context, &line);
    machine_look_for_crash(machine, line.core, line.time_ns);
    fabric_console(machine, &line);
    input_console(machine, &line);
}

/* As it was when the machine was switched on, but for the trace, which goes on. */
static void clear_core_page(struct abi_core_page *page)
{
    page->cause = page->notify_summary = page->held = 0;
    page->current_dcb = page->runq_head = 0;
    page->phase = ABI_PHASE_NONE;
    memset(page->stop, 0, sizeof(page->stop));
    memset(page->notify_pending, 0, sizeof(page->notify_pending));
}

static void start_core(struct machine *machine, unsigned by, const struct device_effect *effect,
                       uint64_t now_ns)
{
    struct core_entry entry = { .rip = effect->start.rip,
                                .rdi = effect->start.rdi,
                                .cr3 = effect->start.cr3 };
    machine_tell(machine, MACHINE_EVENT_CORE_STARTED, effect->core, now_ns,
                 "by core %u at 0x%" PRIx64 ", boot information at 0x%" PRIx64, by, entry.rip,
                 entry.rdi);
    if (effect->start.again) {
        fabric_restart_core(machine, effect->core);
        clear_core_page(machine_core_page(machine, effect->core));
    }
    if (machine->ops->start_core(machine->engine, effect->core, &entry) < 0)
        stop(machine, STOP_ENGINE, effect->core);
    else if (effect->start.again)
        machine->ops->hold_core(machine->engine, effect->core, false);
}

static void stop_if_none_is_on(struct machine *machine, unsigned core)
{
    for (unsigned i = 0; i < machine->config.core_count; i++)
        if (machine->state.device.power[i] == DEVICE_CORE_ON)
            return;
    stop(machine, STOP_ALL_STOPPED, core);
}

static void stop_core(struct machine *machine, unsigned core, uint64_t now_ns)
{
    machine_tell(machine, MACHINE_EVENT_CORE_STOPPED, core, now_ns, "switched itself off");
    stop_if_none_is_on(machine, core);
}

static void kill_core(struct machine *machine, unsigned by, unsigned core, uint64_t now_ns)
{
    machine_tell(machine, MACHINE_EVENT_CORE_STOPPED, core, now_ns, "killed by core %u", by);
    fabric_kill_core(machine, core);
}

/* It has asked for the last time: its vCPU stops when the request is done. */
static void panicked_core_is_dead(struct machine *machine, unsigned core)
{
    machine->state.device.power[core] = DEVICE_CORE_KILLED;
    for (unsigned which = 0; which < ABI_TIMERS; which++) {
        machine->state.device.timer_at_ns[core][which] = 0;
        queue_timer(machine, core, which, 0);
    }
    fabric_kill_core(machine, core);
    stop_if_none_is_on(machine, core);
}

/* Applies what a model asked for; `by` made the request. */
static void apply(struct machine *machine, unsigned by, const struct device_reply *reply,
                  uint64_t now_ns)
{
    for (unsigned i = 0; i < reply->effect_count; i++) {
        const struct device_effect *effect = &reply->effect[i];
        switch (effect->kind) {
        case DEVICE_SET_CAUSE:
            set_cause(machine, by, effect, now_ns);
            break;
        case DEVICE_TIMER:
            set_timer(machine, effect->core, effect->timer.which, effect->timer.at_ns, now_ns);
            break;
        case DEVICE_CONSOLE:
            say(machine, effect, now_ns);
            break;
        case DEVICE_START_CORE:
            start_core(machine, by, effect, now_ns);
            break;
        case DEVICE_STOP_CORE:
            stop_core(machine, effect->core, now_ns);
            break;
        case DEVICE_KILL_CORE:
            kill_core(machine, by, effect->core, now_ns);
            break; /* waited for by the caller, without the lock */
        case DEVICE_EXIT:
            machine_tell(machine, MACHINE_EVENT_EXIT, by, now_ns, "exit code %u",
                         effect->exit_code);
            machine->state.exit_code = effect->exit_code;
            stop(machine, STOP_EXIT, by);
            break;
        case DEVICE_PANIC:
            machine_tell(machine, MACHINE_EVENT_PANIC, by, now_ns, "the CPU driver gave up");
            if (machine->config.panic_kills_core)
                panicked_core_is_dead(machine, by);
            else
                stop(machine, STOP_PANIC, by);
            break;
        case DEVICE_REPORT:
            reports_add(machine, by, effect->report.block, effect->report.speaker, now_ns);
            break;
        case DEVICE_SYSCALL:
            fabric_syscall(machine, by, effect->syscall.number, effect->syscall.speaker, now_ns);
            break;
        case DEVICE_INPUT:
            input_taken(machine, effect, now_ns);
            break;
        case DEVICE_SCRUB:
            reports_forget(machine, effect->scrub.paddr, effect->scrub.bytes, now_ns);
            break; /* zeroed by the caller, without the lock */
        case DEVICE_VECTORS:
        case DEVICE_LATE:
            break; /* the same */
        case DEVICE_CHANNEL:
            break; /* by the caller */
        }
    }
}

/* ---- what engines call ---- */

static void count_bad_request(struct machine *machine, const struct device_access *access,
                              uint64_t result)
{
    static const char *const results[] = {
        "ok",          "no such core", "core is running",
        "bad address", "bad request",  "cannot signal that core"
    };
    assert(result < sizeof(results) / sizeof(results[0]));
    machine->state.stats.bad_requests++;
    if (machine->state.device.bad_requests[access->core] > MACHINE_BAD_REQUESTS_SHOWN)
        return;
    machine_tell(machine, MACHINE_EVENT_BAD_REQUEST, access->core, access->now_ns,
                 "%s: port 0x%x, %u bytes, value 0x%x, arguments 0x%" PRIx64 " 0x%" PRIx64
                 " 0x%" PRIx64 " 0x%" PRIx64,
                 results[result], access->port, access->width, access->value, access->arg[0],
                 access->arg[1], access->arg[2], access->arg[3]);
}

enum machine_next machine_port_out(struct machine *machine, unsigned core, uint16_t port,
                                   unsigned width, uint32_t value, uint64_t now_ns)
{
    struct abi_core_page *page = machine_core_page(machine, core);
    struct device_access access = { .core = core,
                                    .port = port,
                                    .width = width,
                                    .value = value,
                                    .now_ns = fabric_clock(machine, core, now_ns) };
    memcpy(access.arg, page->arg, sizeof(access.arg));

    struct device_reply reply;
    machine_lock(machine);
    if (machine->state.stopped) {
        machine_unlock(machine);
        return MACHINE_STOP_MACHINE;
    }
    if (machine->state.device.power[core] == DEVICE_CORE_KILLED) {
        machine_unlock(machine); /* meanwhile: it asked too late */
        return MACHINE_STOP_CORE;
    }
    machine_drain_trace(machine, core, now_ns);
    device_out(&machine->state.device, &machine->device_memory, &access, &reply);
    if (reply.result != ABI_RESULT_OK)
        count_bad_request(machine, &access, reply.result);
    apply(machine, core, &reply, now_ns);
    if (machine->config.watch_values)
        reports_look(machine, core, now_ns);
    uint64_t changed = 0, changed_bytes = 0; /* pages that are to be trapped, or no more */
    if (reply.effect_count > 0 && reply.effect[0].kind == DEVICE_CHANNEL)
        fabric_channel_changed(machine, reply.effect[0].channel.record, &reply.effect[0].channel.is,
                               core, now_ns, &changed, &changed_bytes);
    bool stopped = machine->state.stopped;
    bool core_on = machine->state.device.power[core] == DEVICE_CORE_ON;
    machine_unlock(machine);

    for (unsigned i = 0; i < reply.effect_count; i++)
        if (reply.effect[i].kind == DEVICE_SCRUB)
            machine_zero(machine, reply.effect[i].scrub.host, reply.effect[i].scrub.bytes);
        else if (reply.effect[i].kind == DEVICE_VECTORS && machine->ops->clear_vectors)
            machine->ops->clear_vectors(machine->engine, core);
        else if (reply.effect[i].kind == DEVICE_LATE)
            page->late_ns = machine->ops->late_ns
                                ? machine->ops->late_ns(machine->engine, reply.effect[i].core)
                                : 0;
        else if (reply.effect[i].kind == DEVICE_KILL_CORE && machine->ops->wait_until_held)
            machine->ops->wait_until_held(machine->engine, reply.effect[i].core);
    if (changed_bytes > 0 && machine->ops->trap_changed)
        machine->ops->trap_changed(machine->engine, changed, changed_bytes);
    page->result = reply.result;
    page->clock_ns = fabric_clock(machine, core, now_ns);
    if (stopped)
        return MACHINE_STOP_MACHINE;
    return core_on ? MACHINE_CONTINUE : MACHINE_STOP_CORE;
}

uint32_t machine_port_in(struct machine *machine, unsigned core, uint16_t port, unsigned width)
{
    assert(core < machine->config.core_count);
    (void)port;
    return device_in(width);
}

uint64_t machine_next_event_ns(struct machine *machine)
{
    machine_lock(machine);
    uint64_t next = next_event_ns(machine);
    machine_unlock(machine);
    return next;
}

static void happen(struct machine *machine, const struct event *event, uint64_t now_ns)
{
    struct device_reply reply;
    switch (event->kind) {
    case EVENT_TIMER:
        machine->state.timer_event[event->core][event->argument] = 0;
        device_timer_due(&machine->state.device, event->core, (unsigned)event->argument,
                         fabric_clock(machine, event->core, now_ns), &reply);
        apply(machine, event->core, &reply, now_ns);
        break;
    case EVENT_DEADLINE:
        stop(machine, STOP_DEADLINE, 0);
        break;
    case EVENT_CHECK:
        capabilities_look(machine, now_ns);
        break;
    case EVENT_INPUT:
        machine->state.input_event = 0;
        input_give(machine, now_ns);
        break;
    default:
        fabric_event(machine, event, now_ns);
        break;
    }
}

/* The earlier one of both queues; faults first if they are due at the same time. */
static bool next_due(struct machine *machine, uint64_t now_ns, struct event *event)
{
    struct event_queue *faults = &machine->fabric->queue, *queue = &machine->state.queue;
    return event_queue_pop_due(
        event_queue_next_ns(faults) <= event_queue_next_ns(queue) ? faults : queue, now_ns, event);
}

/* Pages that need not be trapped any more: known with the lock, told without. */
static void unlock_and_tell_pages(struct machine *machine)
{
    uint64_t paddr, bytes;
    while ((bytes = fabric_take_changed(machine->fabric, &paddr)) > 0) {
        machine_unlock(machine);
        if (machine->ops->trap_changed)
            machine->ops->trap_changed(machine->engine, paddr, bytes);
        machine_lock(machine);
    }
    machine_unlock(machine);
}

void machine_run_events(struct machine *machine, uint64_t now_ns)
{
    struct event event;
    machine_lock(machine);
    machine->told_ns = 0; /* the engine's timer has run out, and must be set again in any case */
    while (!machine->state.stopped && next_due(machine, now_ns, &event))
        happen(machine, &event, now_ns);
    unlock_and_tell_pages(machine);
}

uint64_t machine_core_clock(const struct machine *machine, unsigned core, uint64_t now_ns)
{
    return fabric_clock(machine, core, now_ns);
}

bool machine_cause_pending(const struct machine *machine, unsigned core)
{
    const struct abi_core_page *page = machine_core_page(machine, core);
    const uint64_t held = __atomic_load_n(&page->held, __ATOMIC_SEQ_CST);
    return (__atomic_load_n(&page->cause, __ATOMIC_SEQ_CST) & ~held) != 0;
}

void machine_before_interrupt(struct machine *machine, unsigned core, uint64_t now_ns)
{
    machine_core_page(machine, core)->clock_ns = fabric_clock(machine, core, now_ns);
    machine_lock(machine);
    machine_drain_trace(machine, core, now_ns);
    if (machine->config.watch_values)
        reports_look(machine, core, now_ns);
    machine_unlock(machine);
}

/* Aligned stores of natural size must reach the other cores in one piece, and after all that this
 * core stored before: the control word of a line is one of them. */
static void store(void *host, uint64_t paddr, const void *data, unsigned bytes)
{
    uint64_t value = 0;
    memcpy(&value, data, bytes);
    if (bytes == 8 && paddr % 8 == 0)
        __atomic_store_n((uint64_t *)host, value, __ATOMIC_RELEASE);
    else if (bytes == 4 && paddr % 4 == 0)
        __atomic_store_n((uint32_t *)host, (uint32_t)value, __ATOMIC_RELEASE);
    else if (bytes == 2 && paddr % 2 == 0)
        __atomic_store_n((uint16_t *)host, (uint16_t)value, __ATOMIC_RELEASE);
    else
        memcpy(host, data, bytes);
}

bool machine_window_store(struct machine *machine, unsigned core, uint64_t paddr, const void *data,
                          unsigned bytes, uint64_t now_ns)
{
    const struct device_range *range = device_memory_find(&machine->device_memory, paddr, bytes);
    if (!range || range->kind != DEVICE_RANGE_WINDOW || bytes > 8)
        return false;
    machine_lock(machine);
    if (machine->state.stopped || !fabric_store(machine, core, paddr, data, bytes, now_ns))
        store((uint8_t *)range->host + (paddr - range->base), paddr, data, bytes);
    unlock_and_tell_pages(machine);
    return true;
}

void machine_fill_stop(const struct machine *machine, struct engine_stop *why)
{
    why->core = machine->state.stop_core;
    why->exit_code = machine->state.exit_code;
}

int machine_run(struct machine *machine, struct engine_stop *why)
{
    assert(machine->ops && machine->engine);
    memset(why, 0, sizeof(*why));
    machine_lock(machine);
    if (machine->state.device.power[0] == DEVICE_CORE_OFF) {
        if (machine->config.deadline_ns != 0)
            event_queue_push(&machine->state.queue, machine->config.deadline_ns, EVENT_DEADLINE, 0,
                             0);
        if (machine->config.check_capabilities_ns != 0)
            capabilities_look_next(machine, machine->config.check_capabilities_ns);
        fabric_power_on(machine);
        device_power_on(&machine->state.device);
        input_give(machine, 0);
        machine_tell(machine, MACHINE_EVENT_CORE_STARTED, 0, 0, "power-on at 0x%" PRIx64,
                     machine->boot_entry.rip);
        int r = machine->ops->start_core(machine->engine, 0, &machine->boot_entry);
        if (r < 0) {
            machine_unlock(machine);
            why->reason = STOP_ENGINE;
            snprintf(why->detail, sizeof(why->detail), "core 0 cannot be started: %s",
                     strerror(-r));
            return r;
        }
    }
    /* A machine that has ended stays so: another reason, such as a request of the program in the
     * same moment, may have been the first that the engine heard of. */
    if (machine->state.stopped)
        machine->ops->request_stop(machine->engine, machine->state.stop_reason);
    machine_unlock(machine);
    int r = machine->ops->run(machine->engine, why);
    for (unsigned core = 0; core < machine->config.core_count; core++)
        machine_drain_trace(machine, core, why->time_ns);
    reports_look(machine, REPORTS_ALL, why->time_ns);
    return r;
}
