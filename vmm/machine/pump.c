/* SPDX-License-Identifier: MIT
 *
 * Carries lines of a machine whose stores nobody traps: the two ends of a channel see different
 * memory, the *views*, and a thread of the engine calls machine_pump() again and again.
 *
 *   writer's view                          reader's view
 *   slot: what was left ──store──▶ a line ──fabric_carry()──▶ slot, or later, or changed, or never
 *            ▲                        │
 *            └──── TAKEN, atomically ─┘
 *
 * A line that was taken leaves a commit word that no line has, so a line that is written again is
 * seen even if it is the same.  If the writer is faster than that, the newer one is taken.  Wake
 * words stay with their owners: the writer finds 0 in its view and never notifies; we look at the
 * reader's own word behind each line that we show, as lines.c does for a late one, and set the bits
 * of its core's page, and the engine interrupts the core.  Where it cannot, the CPU driver finds
 * them after ABI_PUMP_LOOK_NS at the latest.
 *
 * Everything in shared memory may change under us at any time, by a broken guest: addresses and
 * sizes are copied once, and checked.
 */
#include "machine/pump.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi/pump.h"
#include "machine/engine_host.h"
#include "machine/export.h"
#include "machine/machine_private.h"

#define WORD_BYTES 8
#define LOOK_NS 1000000  /* between two looks at what programs report */
#define TAKEN UINT64_MAX /* type and everything else all ones: no protocol has such a line */

struct pump {
    uint8_t *ram; /* from guest-physical 0; of the engine */
    uint64_t bytes;
    struct abi_pump *shared; /* in ram; NULL: not found yet */
    uint64_t core_area;
    uint64_t guest_zero_ns;       /* machine time when the guest's clock showed 0 */
    uint64_t looked_ns;           /* when what programs report was last looked at */
    struct device_memory windows; /* in the first view; the second lies behind each */
    struct device_state device;
};

int machine_pump_memory(struct machine *machine, void *ram, uint64_t bytes)
{
    struct pump *pump = calloc(1, sizeof(*pump));
    if (!pump)
        return -ENOMEM;
    pump->ram = ram;
    pump->bytes = bytes;
    machine->pump = pump;
    return 0;
}

void pump_destroy(struct machine *machine)
{
    free(machine->pump);
    machine->pump = NULL;
}

/* ---- finding it ---- */

static bool in_ram(const struct pump *pump, uint64_t paddr, uint64_t bytes)
{
    return paddr % ABI_PAGE_BYTES == 0 && paddr <= pump->bytes && bytes <= pump->bytes - paddr;
}

/* NULL, or what is wrong. */
static const char *copy_shape(const struct machine *machine, struct pump *pump, uint64_t paddr)
{
    const struct abi_pump *shared = (const struct abi_pump *)(pump->ram + paddr);
    const unsigned nodes = shared->node_count;
    uint64_t pages = 0;
    pump->core_area = shared->core_area;
    if (shared->magic != ABI_PUMP_MAGIC || nodes > ABI_MAX_NODES)
        return "it is none";
    if (!in_ram(pump, pump->core_area, (uint64_t)machine->config.core_count * ABI_CORE_AREA_BYTES))
        return "its cores have no memory";
    for (unsigned n = 0; n < nodes; n++) {
        const uint64_t base = shared->window[n].base, bytes = shared->window[n].bytes;
        if (bytes % ABI_PAGE_BYTES != 0 || bytes > pump->bytes || !in_ram(pump, base, 2 * bytes))
            return "a window lies outside of memory";
        pages += bytes / ABI_PAGE_BYTES;
        pump->windows.range[n] = (struct device_range){
            .kind = DEVICE_RANGE_WINDOW, .base = base, .bytes = bytes, .host = pump->ram + base
        };
    }
    pump->windows.count = nodes;
    return in_ram(pump, paddr, sizeof(*shared) + pages) ? NULL : "it lies at the end of memory";
}

uint64_t pump_time(const struct machine *machine, uint64_t guest_ns)
{
    return guest_ns + (machine->pump ? machine->pump->guest_zero_ns : 0);
}

void pump_found(struct machine *machine, const struct pc_line *said, uint64_t now_ns)
{
    struct pump *pump = machine->pump;
    char text[24] = "";
    if (!pump || pump->shared)
        return;
    memcpy(text, said->text, said->bytes < sizeof(text) ? said->bytes : sizeof(text) - 1);
    const uint64_t paddr = strtoull(text, NULL, 10);
    const char *wrong = in_ram(pump, paddr, sizeof(struct abi_pump))
                            ? copy_shape(machine, pump, paddr)
                            : "it lies outside of memory";
    if (wrong) {
        machine_tell(machine, MACHINE_EVENT_CHANNEL, said->core, said->time_ns,
                     "no line is carried: the guest's pump at 0x%" PRIx64 ": %s", paddr, wrong);
        return;
    }
    device_state_init(&pump->device, machine->config.core_count);
    pump->guest_zero_ns = now_ns > said->time_ns ? now_ns - said->time_ns : 0;
    pump->shared = (struct abi_pump *)(pump->ram + paddr);
    if (machine_has_bell(machine) && !pump->shared->bell)
        machine_tell(machine, MACHINE_EVENT_CHANNEL, said->core, said->time_ns,
                     "this QEMU has no device to interrupt cores with: each looks every "
                     "millisecond whether a line was carried");
}

void *pump_ram(const struct machine *machine, uint64_t paddr, uint64_t bytes)
{
    const struct pump *pump = machine->pump;
    const bool there = pump->shared && paddr <= pump->bytes && bytes <= pump->bytes - paddr;
    return there ? pump->ram + paddr : NULL;
}

struct abi_core_page *pump_core_page(const struct machine *machine, unsigned core)
{
    const struct pump *pump = machine->pump;
    if (!pump->shared)
        return NULL;
    return (struct abi_core_page *)(pump->ram + pump->core_area +
                                    (uint64_t)core * ABI_CORE_AREA_BYTES);
}

uint64_t *pump_memory(const struct machine *machine, uint64_t paddr, unsigned bytes, bool second)
{
    const struct pump *pump = machine->pump;
    const struct device_range *range = device_memory_find(&pump->windows, paddr, bytes);
    if (!range)
        return NULL;
    return (uint64_t *)((uint8_t *)range->host + (paddr - range->base) +
                        (second ? range->bytes : 0));
}

/* ---- two views ---- */

/* Who maps these pages in the second view: 1 + core, 0: nobody. */
static void mark_pages(struct pump *pump, uint64_t paddr, uint64_t bytes, unsigned mark)
{
    uint8_t *second = pump->shared->second;
    for (unsigned n = 0; n < pump->windows.count; n++) {
        const struct device_range *range = &pump->windows.range[n];
        if (paddr - range->base < range->bytes)
            for (uint64_t at = paddr; at < paddr + bytes; at += ABI_PAGE_BYTES)
                __atomic_store_n(&second[(at - range->base) / ABI_PAGE_BYTES], (uint8_t)mark,
                                 __ATOMIC_RELEASE);
        second += range->bytes / ABI_PAGE_BYTES;
    }
}

static uint64_t *commit_word(const struct machine *machine, const struct fabric_channel *c,
                             unsigned side, unsigned slot)
{
    return fabric_line(machine, c, side, slot, true) + c->layout.commit_offset / WORD_BYTES;
}

static bool note_what_is_left(const struct machine *machine, struct fabric_channel *c)
{
    for (unsigned side = 0; side < 2; side++) {
        struct fabric_ring *ring = &c->ring[side];
        ring->left = calloc(ring->lines, sizeof(*ring->left));
        for (unsigned slot = 0; ring->left && slot < ring->lines; slot++)
            ring->left[slot] = *commit_word(machine, c, side, slot);
        if (!ring->left)
            return false;
    }
    return true;
}

/* The end that may have been there before sees the memory as it was. */
void pump_split(struct machine *machine, struct fabric_channel *c, unsigned by)
{
    uint64_t paddr = 0, bytes = 0;
    if (!machine->pump || !c->watched || c->ring[0].core == c->ring[1].core)
        return;
    fabric_pages(c, &paddr, &bytes);
    uint64_t *first = pump_memory(machine, paddr, (unsigned)bytes, false);
    if (!first)
        return; /* it does not lie in one window: nothing happens here */
    memcpy(pump_memory(machine, paddr, (unsigned)bytes, true), first, bytes);
    c->split = true;
    c->second = c->ring[FAULT_SERVER].core == by ? FAULT_CLIENT : FAULT_SERVER;
    if (!note_what_is_left(machine, c)) {
        c->split = c->watched = false; /* the host has no memory: nothing happens here */
        return;
    }
    mark_pages(machine->pump, paddr, bytes, 1 + c->ring[c->second].core);
}

void pump_join(struct machine *machine, struct fabric_channel *c)
{
    uint64_t paddr = 0, bytes = 0;
    if (!c->split)
        return;
    fabric_pages(c, &paddr, &bytes);
    mark_pages(machine->pump, paddr, bytes, 0);
    c->split = false;
}

/* ---- carrying ---- */

/* The line of a slot, which leaves it; `seen` is its commit word. */
static void take(uint64_t *line, unsigned words, uint64_t *commit, uint64_t seen,
                 uint64_t taken[FAULT_LINE_WORDS_MAX])
{
    do {
        for (unsigned w = 0; w < words; w++)
            taken[w] = __atomic_load_n(&line[w], __ATOMIC_RELAXED);
        taken[commit - line] = seen;
    } while (!__atomic_compare_exchange_n(commit, &seen, TAKEN, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
}

static bool carry_slots(struct machine *machine, size_t channel, unsigned side, uint64_t now_ns)
{
    struct fabric_channel *c = &machine->fabric->channel[channel];
    struct fabric_ring *ring = &c->ring[side];
    const unsigned words = c->layout.line_bytes / WORD_BYTES;
    uint64_t line[FAULT_LINE_WORDS_MAX];
    bool any = false;
    for (unsigned i = 0, slot = ring->next; i < ring->lines; i++, slot = (slot + 1) % ring->lines) {
        uint64_t *commit = commit_word(machine, c, side, slot);
        const uint64_t seen = __atomic_load_n(commit, __ATOMIC_ACQUIRE);
        if (seen == ring->left[slot])
            continue;
        take(fabric_line(machine, c, side, slot, true), words, commit, seen, line);
        ring->left[slot] = TAKEN;
        if (slot == ring->next)
            ring->next = (slot + 1) % ring->lines;
        fabric_carry(machine, channel, side, slot, line, 0, now_ns);
        any = true;
    }
    return any;
}

/* What the writer says beside its lines, except head and wake word. */
static void carry_control(struct machine *machine, const struct fabric_channel *c, unsigned side)
{
    const uint64_t *from = fabric_line(machine, c, side, c->ring[side].lines, true);
    uint64_t *to = fabric_line(machine, c, side, c->ring[side].lines, false);
    for (unsigned w = 0; w < c->layout.line_bytes / WORD_BYTES; w++)
        if (w != c->layout.commit_offset / WORD_BYTES && w != c->layout.wake_offset / WORD_BYTES)
            __atomic_store_n(&to[w], __atomic_load_n(&from[w], __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

static bool carry_by_head(struct machine *machine, size_t channel, unsigned side, uint64_t now_ns)
{
    struct fabric_channel *c = &machine->fabric->channel[channel];
    struct fabric_ring *ring = &c->ring[side];
    uint64_t line[FAULT_LINE_WORDS_MAX];
    const uint64_t head =
        __atomic_load_n(commit_word(machine, c, side, ring->lines), __ATOMIC_ACQUIRE);
    carry_control(machine, c, side);
    if (head <= ring->head || head - ring->head > ring->lines)
        return false;
    while (ring->head < head) {
        const unsigned slot = (unsigned)(ring->head++ % ring->lines);
        memcpy(line, fabric_line(machine, c, side, slot, true), c->layout.line_bytes);
        fabric_carry(machine, channel, side, slot, line, ring->head, now_ns);
    }
    return true;
}

static bool carry_all(struct machine *machine, uint64_t now_ns)
{
    struct fabric *f = machine->fabric;
    bool any = false;
    for (size_t i = 0; i < f->channel_count; i++)
        for (unsigned side = 0; f->channel[i].split && side < 2; side++)
            any |= f->channel[i].layout.commit == ABI_COMMIT_HEAD
                       ? carry_by_head(machine, i, side, now_ns)
                       : carry_slots(machine, i, side, now_ns);
    return any;
}

/* ---- the fabric device ---- */

/* False: that is no request of this kind. */
static bool answer_for_core(struct machine *machine, unsigned by, uint64_t request, uint64_t now_ns)
{
    const uint64_t core = request >> 8;
    const bool started = (request & 0xff) == ABI_PUMP_STARTED;
    if ((!started && (request & 0xff) != ABI_PUMP_KILLED) || core >= machine->config.core_count)
        return false;
    machine_tell(machine, started ? MACHINE_EVENT_CORE_STARTED : MACHINE_EVENT_CORE_STOPPED,
                 (unsigned)core, now_ns, started ? "again, by core %u" : "killed by core %u", by);
    if (started)
        fabric_forget_ended(machine, (unsigned)core);
    else
        fabric_end_life(machine->fabric, (unsigned)core);
    return true;
}

/* As the report and the scrub device do, whose ports this machine does not have.  False: that is no
 * request of this kind. */
static bool answer_for_values(struct machine *machine, unsigned core, uint64_t request,
                              uint64_t now_ns)
{
    const uint64_t *argument = machine->pump->shared->argument[core];
    const uint64_t first = __atomic_load_n(&argument[0], __ATOMIC_RELAXED);
    const uint64_t second = __atomic_load_n(&argument[1], __ATOMIC_RELAXED);
    if (request == ABI_PUMP_SCRUB) {
        reports_forget(machine, first, second, now_ns);
        return true;
    }
    if (request != ABI_PUMP_REPORT)
        return false;
    if (first % 8 == 0 && second % 8 == 0 && pump_ram(machine, first, ABI_REPORT_BYTES) &&
        pump_ram(machine, second, sizeof(struct abi_dcb_head)))
        reports_add(machine, core, first, second, now_ns);
    return true;
}

static void answer(struct machine *machine, unsigned core, uint64_t record, uint64_t now_ns)
{
    struct pump *pump = machine->pump;
    if (answer_for_core(machine, core, record, now_ns) ||
        answer_for_values(machine, core, record, now_ns))
        return;
    const struct device_access access = {
        .core = core, .port = ABI_PORT_FABRIC, .width = 4, .arg = { record }, .now_ns = now_ns
    };
    struct device_reply reply;
    uint64_t paddr, bytes;
    device_out(&pump->device, &pump->windows, &access, &reply);
    if (reply.effect_count > 0 && reply.effect[0].kind == DEVICE_CHANNEL)
        fabric_channel_changed(machine, reply.effect[0].channel.record, &reply.effect[0].channel.is,
                               core, now_ns, &paddr, &bytes);
}

static bool answer_requests(struct machine *machine, uint64_t now_ns)
{
    struct abi_pump *shared = machine->pump->shared;
    bool any = false;
    for (unsigned core = 0; core < machine->config.core_count; core++) {
        const uint64_t record = __atomic_load_n(&shared->request[core], __ATOMIC_ACQUIRE);
        if (record == 0)
            continue;
        carry_all(machine, now_ns); /* what was written before a name is taken back */
        answer(machine, core, record, now_ns);
        __atomic_store_n(&shared->request[core], 0, __ATOMIC_RELEASE);
        any = true;
    }
    return any;
}

/* Nobody tells of exits, at which our own machine looks. */
static void look_at_values(struct machine *machine, uint64_t now_ns)
{
    struct pump *pump = machine->pump;
    if (!machine->config.watch_values || now_ns - pump->looked_ns < LOOK_NS)
        return;
    pump->looked_ns = now_ns;
    reports_look(machine, REPORTS_ALL, now_ns);
}

bool machine_pump(struct machine *machine, uint64_t now_ns)
{
    bool any = false;
    machine_lock(machine);
    if (!machine->state.stopped && machine->pump->shared) {
        any = answer_requests(machine, now_ns);
        any |= carry_all(machine, now_ns);
        look_at_values(machine, now_ns);
    }
    machine_unlock(machine);
    return any;
}
