/* SPDX-License-Identifier: MIT
 *
 * Domains, as the user library describes them (abi/wait_table.h): who has crashed and where, and
 * what each thread waits for.
 *
 * Dispatchers are known from the trace, which names whoever ran.  A control block that is gone
 * has no frame any more, and one whose memory is something else now shows no table, so both are
 * passed over. What is most likely to be the culprit comes first: threads that wait for one
 * certain thing, then those that wait for whatever comes, which is what an idle service does.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "machine/machine_private.h"

#define WAITS_SHOWN 32
#define SERVERS_SHOWN 24
#define NEVER_NS (UINT64_MAX / 2)

void machine_note_dispatcher(struct machine *machine, unsigned core, uint64_t dcb)
{
    struct machine_dispatchers *known = &machine->state.dispatchers[core];
    if (dcb == 0 || (known->count > 0 && known->dcb[known->last] == dcb))
        return;
    unsigned free = known->count;
    for (unsigned i = 0; i < known->count; i++) {
        if (known->dcb[i] == dcb) {
            known->last = i;
            return;
        }
        const struct abi_dcb_head *head = machine_dcb_head(machine, known->dcb[i]);
        if (!head || head->disp_frame == 0)
            free = i;
    }
    if (free == MACHINE_DISPATCHERS_MAX)
        return;
    known->dcb[free] = dcb;
    known->last = free;
    known->count += free == known->count;
}

const struct abi_wait_table *machine_wait_table(const struct machine *machine, uint64_t dcb)
{
    const struct abi_dcb_head *head = machine_dcb_head(machine, dcb);
    uint64_t frame = head ? head->disp_frame : 0;
    if (frame == 0 || frame % ABI_PAGE_BYTES != 0)
        return NULL;
    const struct abi_wait_table *table =
        machine_memory(machine, frame + ABI_WAIT_OFFSET, sizeof(*table));
    return table && table->magic == ABI_WAIT_MAGIC && table->version == ABI_WAIT_VERSION ? table
                                                                                         : NULL;
}

/* A name out of the table, printable. */
static void copy_name(const char *from, char to[ABI_WAIT_NAME_BYTES + 1])
{
    memcpy(to, from, ABI_WAIT_NAME_BYTES);
    to[ABI_WAIT_NAME_BYTES] = 0;
    for (char *c = to; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
}

/* ---- crashes ---- */

void machine_look_for_crash(struct machine *machine, unsigned core, uint64_t now_ns)
{
    uint64_t dcb = machine_core_page(machine, core)->current_dcb;
    const struct abi_wait_table *table = machine_wait_table(machine, dcb);
    if (!table || table->crash.thread == 0 || machine->state.crash_count == MACHINE_CRASHES_MAX)
        return;
    struct machine_crash *crash = &machine->state.crash[machine->state.crash_count];
    uint32_t domain_id = machine_dcb_head(machine, dcb)->domain_id;
    for (unsigned i = 0; i < machine->state.crash_count; i++)
        if (machine->state.crash[i].core == core && machine->state.crash[i].domain_id == domain_id)
            return; /* it is saying more */
    *crash = (struct machine_crash){
        .time_ns = now_ns, .core = core, .domain_id = domain_id, .is = table->crash
    };
    machine_dispatcher_name(machine, dcb, crash->name);
    machine->state.crash_count++;
    char text[160];
    if (machine_crash_text(machine, text, sizeof(text)))
        machine_tell(machine, MACHINE_EVENT_CRASH, core, now_ns, "%s", text);
}

static const char *vector_name(uint32_t vector)
{
    static const char *const names[] = {
        [0] = "division error", [1] = "debug exception",
        [3] = "breakpoint",     [4] = "overflow",
        [5] = "bound range",    [6] = "invalid instruction",
        [7] = "no FPU",         [11] = "segment missing",
        [12] = "stack fault",   [13] = "general protection",
        [16] = "x87 error",     [17] = "misaligned access",
        [19] = "SIMD error",
    };
    const char *name = vector < sizeof(names) / sizeof(names[0]) ? names[vector] : NULL;
    return name ? name : "exception";
}

static void crash_text(const struct machine_crash *crash, char *text, size_t bytes)
{
    const struct abi_wait_crash *is = &crash->is;
    if (is->vector == 14)
        snprintf(text, bytes, "%s.%u died: page fault, %s of address 0x%" PRIx64 "%s", crash->name,
                 crash->core,
                 is->error & 16  ? "execution"
                 : is->error & 2 ? "write"
                                 : "read",
                 is->address, is->address < ABI_PAGE_BYTES ? " (NULL pointer)" : "");
    else
        snprintf(text, bytes, "%s.%u died: %s (vector %u, error 0x%" PRIx64 ")", crash->name,
                 crash->core, vector_name(is->vector), is->vector, is->error);
}

bool machine_crash_text(const struct machine *machine, char *text, size_t text_bytes)
{
    if (machine->state.crash_count == 0)
        return false;
    if (text_bytes > 0)
        crash_text(&machine->state.crash[0], text, text_bytes);
    return true;
}

static void print_crash(struct machine *machine, const struct machine_crash *crash, FILE *out)
{
    static const char *const names[15] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8 ",
                                           "r9 ", "r10", "r11", "r12", "r13", "r14", "r15" };
    const struct abi_wait_crash *is = &crash->is;
    char text[200];
    crash_text(crash, text, sizeof(text));
    fprintf(out, "%s\n", text);
    machine_symbol(machine, crash->name, is->rip, text, sizeof(text));
    fprintf(out, "    at %s\n", text);
    for (unsigned i = 0; i < ABI_WAIT_CALLERS && is->caller[i] != 0; i++) {
        /* a return address may already be the next line's */
        if (machine_symbol(machine, crash->name, is->caller[i] - 1, text, sizeof(text)))
            fprintf(out, "    called from %s\n", text);
    }
    for (unsigned i = 0; i < 15; i++)
        fprintf(out, "%s%s %016" PRIx64 "%s", i % 4 == 0 ? "    " : " ", names[i], is->reg[i],
                i % 4 == 3 ? "\n" : "");
    fprintf(out, " rsp %016" PRIx64 "\n    rip %016" PRIx64 " flags %06" PRIx64 " thread %u\n",
            is->rsp, is->rip, is->rflags, is->thread - 1);
}

/* ---- waits ---- */

/* A place to go on from: called with every thread that has an entry. */
void machine_visit_threads(struct machine *machine, machine_thread_visit *visit, void *context)
{
    for (unsigned core = 0; core < machine->config.core_count; core++) {
        const struct machine_dispatchers *known = &machine->state.dispatchers[core];
        for (unsigned i = known->count; i-- > 0;) { /* programs were seen after services */
            const struct abi_wait_table *table = machine_wait_table(machine, known->dcb[i]);
            for (unsigned j = 0; table && j < ABI_WAIT_THREADS; j++)
                if (table->thread[j].id != 0)
                    visit(machine, core, known->dcb[i], &table->thread[j], context);
        }
    }
}

/* Who exports an interface under that iref: "quiz.2"; "" if that is not known. */
static void exporter(const struct machine *machine, uint32_t iref, char *text, size_t bytes)
{
    text[0] = 0;
    for (unsigned core = 0; iref != 0 && core < machine->config.core_count; core++) {
        const struct machine_dispatchers *known = &machine->state.dispatchers[core];
        for (unsigned i = 0; i < known->count; i++) {
            const struct abi_wait_table *table = machine_wait_table(machine, known->dcb[i]);
            for (unsigned j = 0; table && j < ABI_WAIT_EXPORTS; j++) {
                char name[17];
                if (table->exported[j].iref != iref)
                    continue;
                machine_dispatcher_name(machine, known->dcb[i], name);
                snprintf(text, bytes, "%s.%u", name, core);
                return;
            }
        }
    }
}

static void time_text(uint64_t ns, char *text, size_t bytes)
{
    if (ns == 0 || ns > NEVER_NS)
        snprintf(text, bytes, "for ever");
    else
        snprintf(text, bytes, "until %" PRIu64 ".%06" PRIu64 " s", ns / 1000000000,
                 ns / 1000 % 1000000);
}

/* With whom a binding is: " with quiz.2 (iref 258)". */
static void peer_text(const struct machine *machine, uint32_t iref, char *text, size_t bytes)
{
    char name[32];
    exporter(machine, iref, name, sizeof(name));
    if (name[0])
        snprintf(text, bytes, " with %s (iref %u)", name, iref);
    else if (iref)
        snprintf(text, bytes, " with iref %u, whose exporter is gone", iref);
    else
        snprintf(text, bytes, " with whoever bound to it");
}

/* Has the thread of that id an entry in the table?  (Not told of those that had no room.) */
static bool is_alive(const struct machine *machine, uint64_t dcb, uint32_t id)
{
    const struct abi_wait_table *table = machine_wait_table(machine, dcb);
    bool found = !table || table->threads_left_out > 0;
    for (unsigned i = 0; !found && i < ABI_WAIT_THREADS; i++)
        found = table->thread[i].id == id;
    return found;
}

static void wait_text(struct machine *machine, uint64_t dcb, const struct abi_wait_thread *thread,
                      char *text, size_t bytes)
{
    char interface[ABI_WAIT_NAME_BYTES + 1], message[ABI_WAIT_NAME_BYTES + 1], peer[96], time[48];
    /* names of messages begin with that of their interface */
    copy_name(thread->interface, interface);
    copy_name(thread->message, message);
    switch (thread->kind) {
    case ABI_WAIT_REPLY:
        peer_text(machine, thread->other, peer, sizeof(peer));
        snprintf(text, bytes, "waits for %s of its binding%s", message, peer);
        break;
    case ABI_WAIT_SEND:
        peer_text(machine, thread->other, peer, sizeof(peer));
        snprintf(text, bytes, "cannot send %s: no room in its binding%s", message, peer);
        break;
    case ABI_WAIT_TURN:
        peer_text(machine, thread->other, peer, sizeof(peer));
        snprintf(text, bytes, "waits for its turn to send: %s is busy sending, in its binding%s",
                 interface, peer);
        break;
    case ABI_WAIT_CHANNEL:
        snprintf(text, bytes, "waits for channel 0x%" PRIx64, thread->object);
        break;
    case ABI_WAIT_SLEEP:
        time_text(thread->until_ns, time, sizeof(time));
        snprintf(text, bytes, "sleeps %s", time);
        break;
    case ABI_WAIT_MUTEX:
        snprintf(text, bytes, "waits for mutex 0x%" PRIx64 ", held by thread %u%s", thread->object,
                 thread->other, is_alive(machine, dcb, thread->other) ? "" : ", which has ended");
        break;
    case ABI_WAIT_CONDITION:
        snprintf(text, bytes, "waits for a signal of condition variable 0x%" PRIx64,
                 thread->object);
        break;
    case ABI_WAIT_SEMAPHORE:
        snprintf(text, bytes, "waits for semaphore 0x%" PRIx64, thread->object);
        break;
    case ABI_WAIT_JOIN:
        snprintf(text, bytes, "waits for the end of thread %u", thread->other);
        break;
    case ABI_WAIT_PAUSED:
        snprintf(text, bytes, "is paused");
        break;
    case ABI_WAIT_EVENT_MUTEX:
        snprintf(text, bytes, "waits for event mutex 0x%" PRIx64, thread->object);
        break;
    case ABI_WAIT_EVENT:
        snprintf(text, bytes, "waits for events of a waitset that has no channel");
        break;
    default:
        snprintf(text, bytes, "waits for something unknown (%u)", thread->kind);
    }
}

/* Does it wait for whatever comes? */
static bool waits_for_anything(const struct abi_wait_thread *thread)
{
    return thread->kind == ABI_WAIT_EVENT && thread->other != 0;
}

struct listing {
    FILE *out;
    unsigned shown, servers, more;
    bool asleep; /* print_runner: those that nobody will run */
};

static void print_wait(struct machine *machine, unsigned core, uint64_t dcb,
                       const struct abi_wait_thread *thread, void *context)
{
    struct listing *list = context;
    char name[17], text[320], at[160];
    if (thread->kind == ABI_WAIT_NOTHING || waits_for_anything(thread))
        return;
    if (list->shown == WAITS_SHOWN) {
        list->more++;
        return;
    }
    list->shown++;
    machine_dispatcher_name(machine, dcb, name);
    wait_text(machine, dcb, thread, text, sizeof(text));
    fprintf(list->out, "%s.%u thread %u %s", name, core, thread->id, text);
    bool placed = thread->kind >= ABI_WAIT_SLEEP || thread->kind == ABI_WAIT_EVENT;
    if (placed && machine_symbol(machine, name, thread->at - 1, at, sizeof(at)))
        fprintf(list->out, ", at %s", at);
    fprintf(list->out, "\n");
}

static void print_server(struct machine *machine, unsigned core, uint64_t dcb,
                         const struct abi_wait_thread *thread, void *context)
{
    struct listing *list = context;
    char name[17];
    if (!waits_for_anything(thread))
        return;
    if (++list->servers > SERVERS_SHOWN)
        return;
    machine_dispatcher_name(machine, dcb, name);
    fprintf(list->out, "%s%s.%u", list->servers == 1 ? "wait for whatever comes: " : ", ", name,
            core);
}

/* Is the dispatcher in the run queue of the core?  The guest may have damaged that. */
static bool is_queued(const struct machine *machine, unsigned core, uint64_t dcb)
{
    const uint64_t first = machine_core_page(machine, core)->runq_head;
    uint64_t at = first;
    for (unsigned i = 0; at != 0 && i < MACHINE_DISPATCHERS_MAX; i++) {
        if (at == dcb)
            return true;
        const struct abi_dcb_head *head = machine_dcb_head(machine, at);
        at = head ? head->runq_next : 0;
        if (at == first)
            break; /* kept as a ring */
    }
    return false;
}

/* A thread that waits for nothing runs, or waits for the core's next slice of its dispatcher. */
static void print_runner(struct machine *machine, unsigned core, uint64_t dcb,
                         const struct abi_wait_thread *thread, void *context)
{
    struct listing *list = context;
    const struct abi_core_page *page = machine_core_page(machine, core);
    char name[17];
    bool has_core = page->phase == ABI_PHASE_RUNNING && page->current_dcb == dcb;
    if (thread->kind != ABI_WAIT_NOTHING ||
        (has_core || is_queued(machine, core, dcb)) == list->asleep)
        return;
    if (list->shown == WAITS_SHOWN) {
        list->more++;
        return;
    }
    list->shown++;
    machine_dispatcher_name(machine, dcb, name);
    fprintf(list->out, "%s.%u thread %u %s\n", name, core, thread->id,
            list->asleep ? "waits for nothing, and its dispatcher is not in the run queue"
            : has_core   ? "runs"
                         : "could run");
}

static void print_waits(struct machine *machine, FILE *out)
{
    struct listing list = { .out = out };
    machine_visit_threads(machine, print_runner, &list);
    machine_visit_threads(machine, print_wait, &list);
    list.asleep = true; /* behind the culprits: it may have ended */
    machine_visit_threads(machine, print_runner, &list);
    if (list.more > 0)
        fprintf(out, "and %u more threads run or wait\n", list.more);
    machine_visit_threads(machine, print_server, &list);
    if (list.servers > SERVERS_SHOWN)
        fprintf(out, " and %u more", list.servers - SERVERS_SHOWN);
    if (list.servers > 0)
        fprintf(out, "\n");
}

void machine_print_domains(struct machine *machine, FILE *out)
{
    for (unsigned i = 0; i < machine->state.crash_count; i++)
        print_crash(machine, &machine->state.crash[i], out);
    print_waits(machine, out);
    machine_print_rings(machine, out);
}

void machine_explain(struct machine *machine, FILE *out)
{
    machine_lock(machine);
    machine_print_domains(machine, out);
    machine_unlock(machine);
}
