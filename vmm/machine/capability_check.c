/* SPDX-License-Identifier: MIT
 *
 * Reads the databases of capabilities out of the guest's memory, and holds them against the rules
 * (capability_rules.c).
 *
 * A core that runs may be in the middle of a change: if its database makes no sense then, it is
 * not judged, and those who depend on it are not.  All comes from the guest: each address is
 * checked, and a walk has an end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi/capability.h"
#include "machine/capability_rules.h"
#include "machine/machine_private.h"

#define DEPTH_MAX 64
#define SLOTS_MAX 1000000

struct walk {
    struct machine *machine;
    uint64_t cr3;
    unsigned core;
    bool kept, quiet;
    uint64_t last_base; /* of the slots of one root, in the order */
    uint8_t last_root;
    struct seen_capability *list;
    size_t count, room, slots;
    const char *broken;
};

static const struct abi_slot *slot_at(const struct walk *walk, uint64_t vaddr)
{
    uint64_t paddr;
    if (vaddr % sizeof(struct abi_slot) != 0 ||
        !machine_translate(walk->machine, walk->cr3, vaddr, &paddr))
        return NULL;
    return machine_memory(walk->machine, paddr, sizeof(struct abi_slot));
}

static bool is_memory(const struct abi_slot *slot)
{
    return slot->type < 64 && (ABI_CAP_MEMORY_TYPES >> slot->type & 1);
}

/* Two kinds of memory all cores know from the start, or make together: modules, which nobody can
 * take back, and frames of channels. */
static bool is_common(const struct machine *machine, uint64_t base)
{
    const struct abi_boot *boot = machine->boot;
    if (base >= ABI_WINDOW_BASE)
        return true;
    for (unsigned i = 0; i < boot->region_count && i < ABI_BOOT_MAX_REGIONS; i++)
        if (boot->region[i].type == ABI_REGION_MODULE && base >= boot->region[i].base &&
            base - boot->region[i].base < boot->region[i].bytes)
            return true;
    return false;
}

static void note(struct walk *walk, const struct abi_slot *slot)
{
    const uint64_t base = slot->word[0], bytes = slot->word[1];
    if (!is_memory(slot))
        return;
    if (walk->last_root && base < walk->last_base)
        walk->broken = "capabilities are out of order";
    walk->last_root = true;
    walk->last_base = base;
    if (bytes == 0 || base + bytes < base || slot->owner >= ABI_MAX_CORES) {
        walk->broken = "a capability of no memory, or of no core";
        return;
    }
    if (is_common(walk->machine, base))
        return;
    if (walk->count == walk->room) {
        const size_t room = walk->room ? 2 * walk->room : 1024;
        struct seen_capability *more = realloc(walk->list, room * sizeof(*more));
        if (!more) {
            walk->broken = "the host has no memory to check them";
            return;
        }
        walk->list = more;
        walk->room = room;
    }
    walk->list[walk->count++] = (struct seen_capability){ .base = base,
                                                          .bytes = bytes,
                                                          .type = slot->type,
                                                          .core = (uint8_t)walk->core,
                                                          .owner = slot->owner,
                                                          .kept = walk->kept };
}

/* NOLINTNEXTLINE(misc-no-recursion): at most DEPTH_MAX deep */
static void visit(struct walk *walk, uint64_t vaddr, unsigned depth)
{
    const struct abi_slot *slot = vaddr ? slot_at(walk, vaddr) : NULL;
    if (vaddr == 0 || walk->broken)
        return;
    if (!slot || slot->level == 0 || depth == DEPTH_MAX || ++walk->slots > SLOTS_MAX) {
        walk->broken = "a link of the database leads nowhere";
        return;
    }
    visit(walk, slot->left, depth + 1);
    if (!walk->broken)
        note(walk, slot);
    visit(walk, slot->right, depth + 1);
}

static void visit_database(struct walk *walk, uint64_t root_at, bool kept)
{
    uint64_t paddr;
    const uint64_t *root = NULL;
    if (root_at % sizeof(*root) == 0 &&
        machine_translate(walk->machine, walk->cr3, root_at, &paddr))
        root = machine_memory(walk->machine, paddr, sizeof(*root));
    walk->kept = kept;
    walk->last_root = false;
    if (!root)
        walk->broken = "its database is not there";
    else
        visit(walk, *root, 0);
}

/* True: its capabilities are in the list, all of them or (false, or broken) none. */
static bool read_core(struct walk *walk, unsigned core)
{
    struct core_state state = { 0 };
    const struct abi_core_page *page = machine_core_page(walk->machine, core);
    const size_t before = walk->count;
    if (walk->machine->ops->core_state(walk->machine->engine, core, &state) < 0 ||
        (state.activity != CORE_RUNNING && state.activity != CORE_HALTED) ||
        page->databases[ABI_DATABASE_HERE] == 0)
        return false;
    walk->cr3 = state.cr3;
    walk->core = core;
    visit_database(walk, page->databases[ABI_DATABASE_HERE], false);
    if (!walk->broken)
        visit_database(walk, page->databases[ABI_DATABASE_KEPT], true);
    if (!walk->broken)
        return true;
    walk->count = before;
    if (state.activity == CORE_RUNNING && !walk->quiet)
        walk->broken = NULL; /* may be in the middle of a change */
    return false;
}

/* quiet: nobody is in the middle of a change, so each database makes sense. */
static bool check(struct machine *machine, bool quiet, char *problem, size_t bytes)
{
    struct walk walk = { .machine = machine, .quiet = quiet };
    uint64_t seen = 0;
    for (unsigned core = 0; core < machine->config.core_count && !walk.broken; core++)
        if (read_core(&walk, core))
            seen |= 1ull << core;
    bool fine = !walk.broken;
    if (!fine)
        snprintf(problem, bytes, "core %u: %s", walk.core, walk.broken);
    else if (seen == 0)
        fine = snprintf(problem, bytes, "no core has a database that could be read") < 0;
    else
        fine = capability_rules_hold(walk.list, walk.count, seen, problem, bytes);
    free(walk.list);
    return fine;
}

/* Is no core in ring 0, where it may be in the middle of a change?  idle: all sleep. */
static bool is_quiet(struct machine *machine, bool *idle)
{
    *idle = true;
    for (unsigned core = 0; core < machine->config.core_count; core++) {
        struct core_state state = { 0 };
        if (machine->ops->core_state(machine->engine, core, &state) < 0 ||
            (state.activity == CORE_RUNNING && (state.cs & 3) != 3))
            return false;
        *idle = *idle && state.activity != CORE_RUNNING;
    }
    return true;
}

void capabilities_look_next(struct machine *machine, uint64_t at_ns)
{
    event_queue_push(&machine->state.queue, at_ns, EVENT_CHECK, 0, 0);
}

/* A moment that is not quiet is followed by another one soon. */
#define TRIES_PER_PERIOD 16

void capabilities_look(struct machine *machine, uint64_t now_ns)
{
    const uint64_t every_ns = machine->config.check_capabilities_ns;
    char problem[256];
    bool idle;
    if (!is_quiet(machine, &idle)) {
        capabilities_look_next(machine, now_ns + every_ns / TRIES_PER_PERIOD);
        return;
    }
    if (machine_core_page(machine, 0)->databases[ABI_DATABASE_HERE] != 0 &&
        !check(machine, true, problem, sizeof(problem)))
        machine->config.sink.breach(machine->config.sink.context, now_ns, problem);
    if (!idle || !machine_has_nothing_due(machine)) /* else nothing changes any more */
        capabilities_look_next(machine, now_ns + every_ns);
}

bool machine_check_capabilities(struct machine *machine, char *problem, size_t bytes)
{
    return check(machine, false, problem, bytes);
}
