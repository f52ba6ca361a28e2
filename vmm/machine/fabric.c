/* SPDX-License-Identifier: MIT
 *
 * Channels by name: which there are, and in whose rings lines must be seen (lines.c sees them).
 */
#include "machine/fabric.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine_private.h"
#include "machine/pump.h"

/* ---- life ---- */

static bool any_action(const struct fault_rules *rules, enum fault_action_kind kind)
{
    for (size_t r = 0; r < rules->count; r++)
        for (size_t a = 0; a < rules->rule[r].action_count; a++)
            if (rules->rule[r].action[a].kind == kind)
                return true;
    return false;
}

static struct far_memory *make_far(const struct machine *machine, struct interconnect *net)
{
    struct far_memory_range range[MACHINE_MAX_REGIONS];
    unsigned ranges = 0;
    for (unsigned i = 0; i < machine->region_count; i++) {
        const struct machine_region *region = &machine->region[i];
        if (region->kind == MACHINE_RAM) /* lines of the window have their own ways */
            range[ranges++] =
                (struct far_memory_range){ region->base, region->bytes, region->node };
    }
    return far_memory_create(net, machine->config.core_node, range, ranges);
}

int fabric_create(struct machine *machine)
{
    struct fabric *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    machine->fabric = f;
    event_queue_init(&f->queue);
    const struct fault_rules *rules = &machine->config.faults;
    f->check = machine->config.check_channels;
    if (machine->config.interconnect.given) {
        f->net = malloc(sizeof(*f->net));
        if (!f->net)
            return -ENOMEM;
        interconnect_init(f->net, &machine->config.interconnect);
        if (f->net->shape.loads && !(f->far = make_far(machine, f->net)))
            return -ENOMEM;
    }
    f->watch = machine->config.watch_messages;
    if (rules->count == 0 && !f->check && !f->net && !f->watch)
        return 0;
    f->faults = fault_create(rules, &f->names);
    if (!f->faults || !message_names_read(machine, &f->names))
        return -ENOMEM;
    f->rule_count = rules->count;
    f->see_all = fault_parts_cores(f->faults);
    f->keep_history = f->check || any_action(rules, FAULT_STALE);
    return 0;
}

static void forget_count(struct fabric *f, struct fabric_ring *ring)
{
    fault_ring_free(f->faults, ring->count);
    free(ring->open);
    free(ring->old);
    free(ring->left);
    ring->left = NULL;
    ring->count = NULL;
    ring->open = NULL;
    ring->old = NULL;
}

static void forget_rings(struct machine *machine, struct fabric_channel *c)
{
    struct fabric *f = machine->fabric;
    for (unsigned i = 0; i < 2; i++) {
        forget_count(f, &c->ring[i]);
        messages_forget(machine, &c->ring[i]);
        free(c->ring[i].history);
    }
    *c = (struct fabric_channel){ 0 };
}

void fabric_destroy(struct machine *machine)
{
    struct fabric *f = machine->fabric;
    if (!f)
        return;
    for (size_t i = 0; i < f->channel_count; i++)
        forget_rings(machine, &f->channel[i]);
    fault_destroy(f->faults);
    fault_names_free(&f->names);
    far_memory_destroy(f->far);
    free(f->net);
    free(f->channel);
    free(f->pair);
    free(f->held);
    free(f);
    machine->fabric = NULL;
}

/* ---- names ---- */

void *machine_grow(void *array, size_t count, size_t bytes)
{
    if (count & (count - 1))
        return array;
    return realloc(array, (count ? 2 * count : 1) * bytes);
}

/* How many times these ends have bound, with this. */
static unsigned count_bind(struct fabric *f, const char *name)
{
    for (size_t i = 0; i < f->pair_count; i++)
        if (strcmp(f->pair[i].name, name) == 0)
            return ++f->pair[i].binds;
    struct fabric_pair *grown = machine_grow(f->pair, f->pair_count, sizeof(*grown));
    if (!grown)
        return 1;
    f->pair = grown;
    struct fabric_pair *pair = &f->pair[f->pair_count++];
    snprintf(pair->name, sizeof(pair->name), "%s", name);
    pair->binds = 1;
    return 1;
}

static void name_channel(struct fabric *f, struct fabric_channel *c, const struct abi_channel *is)
{
    struct fault_end server = { is->server, is->ring[ABI_CHANNEL_SERVER].core };
    struct fault_end client = { is->client, is->ring[ABI_CHANNEL_CLIENT].core };
    char pair[FAULT_CHANNEL_NAME_MAX];
    fault_channel_name(pair, is->interface, &server, &client, 0);
    fault_channel_name(c->name, is->interface, &server, &client, count_bind(f, pair));
}

static struct fabric_channel *new_channel(struct fabric *f)
{
    for (size_t i = 0; i < f->channel_count; i++)
        if (!f->channel[i].used)
            return &f->channel[i];
    struct fabric_channel *grown = machine_grow(f->channel, f->channel_count, sizeof(*grown));
    if (!grown)
        return NULL;
    f->channel = grown;
    f->channel[f->channel_count] = (struct fabric_channel){ 0 };
    return &f->channel[f->channel_count++];
}

static struct fabric_channel *find_channel(const struct fabric *f, uint64_t record)
{
    for (size_t i = 0; i < f->channel_count; i++)
        if (f->channel[i].used && f->channel[i].record == record)
            return &f->channel[i];
    return NULL;
}

static bool watch_ring(struct fabric *f, struct fabric_channel *c, unsigned i,
                       const struct abi_channel *is)
{
    struct fabric_ring *ring = &c->ring[i];
    if (!f->faults)
        return false;
    unsigned other = is->ring[1 - i].core;
    ring->count =
        fault_ring_new(f->faults, c->name, is->interface, ring->core, other, ring->lines,
                       f->check || f->watch || ((f->see_all || f->net) && ring->core != other));
    if (!ring->count)
        return false;
    ring->open = calloc(ring->lines, sizeof(*ring->open));
    ring->old = calloc(ring->lines, is->layout.line_bytes);
    if (!ring->open || !ring->old) {
        forget_count(f, ring); /* the host has no memory: nothing happens here */
        return false;
    }
    if (f->watch)
        messages_watch(ring);
    if (f->keep_history)
        ring->history = calloc((size_t)ring->lines * FAULT_STALE_MAX, is->layout.line_bytes);
    return true;
}

static bool overlaps(const struct fabric_channel *c, const struct abi_channel *is)
{
    for (unsigned i = 0; i < 4; i++) {
        const struct fabric_ring *a = &c->ring[i & 1];
        const struct abi_ring *b = &is->ring[i >> 1];
        uint64_t a_end = a->base + (uint64_t)(a->lines + 1) * c->layout.line_bytes;
        if (a->base < b->base + b->bytes && b->base < a_end)
            return true;
    }
    return false;
}

/* Nothing that was held back is ever seen in memory that serves another purpose. */
static void drop_held(struct fabric *f, size_t channel)
{
    for (size_t i = 0; i < f->held_count; i++) {
        if (!f->held[i].used || f->held[i].channel != channel)
            continue;
        event_queue_cancel(&f->queue, f->held[i].event);
        f->held[i].used = false;
    }
}

static bool has_end_at(const struct fabric_channel *c, unsigned core)
{
    return c->used && (c->ring[0].core == core || c->ring[1].core == core);
}

void fabric_end_life(struct fabric *f, unsigned core)
{
    for (size_t i = 0; i < f->channel_count; i++)
        if (has_end_at(&f->channel[i], core))
            f->channel[i].ended = true;
    for (size_t i = 0; i < f->held_count; i++) {
        struct fabric_held *held = &f->held[i];
        if (!held->used || f->channel[held->channel].ring[held->side].core != core)
            continue;
        event_queue_cancel(&f->queue, held->event);
        held->used = false;
    }
}

static void forget(struct machine *machine, struct fabric_channel *c)
{
    struct fabric *f = machine->fabric;
    drop_held(f, (size_t)(c - f->channel));
    pump_join(machine, c);
    forget_rings(machine, c);
}

void fabric_pages(const struct fabric_channel *c, uint64_t *paddr, uint64_t *bytes)
{
    uint64_t first = *bytes ? *paddr : UINT64_MAX, end = *bytes ? *paddr + *bytes : 0;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t from = c->ring[i].base & ~(uint64_t)(ABI_PAGE_BYTES - 1);
        uint64_t to = c->ring[i].base + (uint64_t)(c->ring[i].lines + 1) * c->layout.line_bytes;
        to = (to + ABI_PAGE_BYTES - 1) & ~(uint64_t)(ABI_PAGE_BYTES - 1);
        first = from < first ? from : first;
        end = to > end ? to : end;
    }
    *paddr = first;
    *bytes = end - first;
}

static void add_pages(const struct fabric_channel *c, uint64_t *paddr, uint64_t *bytes)
{
    if (c->watched)
        fabric_pages(c, paddr, bytes);
}

static bool holds_back(const struct fabric *f, const struct fabric_channel *c)
{
    for (size_t i = 0; i < f->held_count; i++)
        if (f->held[i].used && &f->channel[f->held[i].channel] == c)
            return true;
    return false;
}

void fabric_retire(struct fabric *f, struct fabric_channel *c, uint64_t now_ns)
{
    if (!c->watched || f->check || f->watch || f->net || holds_back(f, c))
        return;
    for (unsigned i = 0; i < 2; i++)
        if (c->ring[i].count && !fault_ring_is_done(f->faults, c->ring[i].count, now_ns))
            return;
    c->watched = false;
    c->retired = f->retired = true;
}

void fabric_retire_all(struct fabric *f, uint64_t now_ns)
{
    for (size_t i = 0; i < f->channel_count; i++)
        if (f->channel[i].used)
            fabric_retire(f, &f->channel[i], now_ns);
}

uint64_t fabric_take_changed(struct fabric *f, uint64_t *paddr)
{
    uint64_t bytes = 0;
    for (size_t i = 0; f->retired && i < f->channel_count; i++) {
        struct fabric_channel *c = &f->channel[i];
        if (!c->retired)
            continue;
        c->retired = false;
        fabric_pages(c, paddr, &bytes);
        return bytes;
    }
    f->retired = false;
    return bytes;
}

void fabric_forget_ended(struct machine *machine, unsigned core)
{
    struct fabric *f = machine->fabric;
    for (size_t i = 0; i < f->channel_count; i++) {
        struct fabric_channel *c = &f->channel[i];
        if (c->ended && has_end_at(c, core))
            forget(machine, c);
    }
}

static void add_channel(struct machine *machine, uint64_t record, const struct abi_channel *is,
                        unsigned by, uint64_t now_ns, uint64_t *paddr, uint64_t *bytes)
{
    struct fabric *f = machine->fabric;
    for (size_t i = 0; i < f->channel_count; i++) {
        struct fabric_channel *old = &f->channel[i];
        if (!old->used || (old->record != record && !overlaps(old, is)))
            continue;
        add_pages(old, paddr, bytes);
        forget(machine, old);
    }
    struct fabric_channel *c = new_channel(f);
    if (!c)
        return; /* the host has no memory: the channel works, without a name */
    *c = (struct fabric_channel){ .used = true, .record = record, .layout = is->layout };
    name_channel(f, c, is);
    for (unsigned i = 0; i < 2; i++) {
        const struct abi_ring *ring = &is->ring[i];
        c->ring[i].base = ring->base;
        c->ring[i].lines = ring->bytes / is->layout.line_bytes - 1;
        c->ring[i].core = ring->core;
        c->ring[i].notify_id = ring->notify_id;
        c->watched |= watch_ring(f, c, i, is);
    }
    pump_split(machine, c, by);
    add_pages(c, paddr, bytes);
    machine_tell(machine, MACHINE_EVENT_CHANNEL, by, now_ns,
                 "%s at 0x%" PRIx64 ", rings of %u and %u bytes%s", c->name, is->ring[0].base,
                 is->ring[0].bytes, is->ring[1].bytes, c->watched ? ", watched" : "");
}

/* The same channel, of which more is known. */
static bool update_channel(struct fabric_channel *c, const struct abi_channel *is)
{
    for (unsigned i = 0; i < 2; i++)
        if (c->ring[i].base != is->ring[i].base || c->ring[i].core != is->ring[i].core)
            return false;
    c->ring[0].notify_id = is->ring[0].notify_id;
    c->ring[1].notify_id = is->ring[1].notify_id;
    return true;
}

void fabric_channel_changed(struct machine *machine, uint64_t record, const struct abi_channel *is,
                            unsigned by, uint64_t now_ns, uint64_t *paddr, uint64_t *bytes)
{
    struct fabric *f = machine->fabric;
    struct fabric_channel *known = find_channel(f, record);
    *bytes = 0;
    if (is->state == ABI_CHANNEL_FREE) {
        if (!known)
            return;
        machine_tell(machine, MACHINE_EVENT_CHANNEL, by, now_ns, "%s is no more", known->name);
        add_pages(known, paddr, bytes);
        forget(machine, known);
    } else if (!known || !update_channel(known, is)) {
        add_channel(machine, record, is, by, now_ns, paddr, bytes);
    }
}

/* Only engines in virtual time ask, and those run one core at a time, so no lock is needed. */
bool machine_watch_loads(struct machine *machine)
{
    return machine->fabric->far != NULL;
}

uint64_t machine_load_ns(struct machine *machine, unsigned core, uint64_t paddr, uint64_t now_ns)
{
    return far_memory_load(machine->fabric->far, core, paddr, now_ns);
}

void machine_stored(struct machine *machine, unsigned core, uint64_t paddr)
{
    far_memory_store(machine->fabric->far, core, paddr);
}

bool machine_is_trapped(struct machine *machine, uint64_t page)
{
    const struct fabric *f = machine->fabric;
    bool trapped = false;
    machine_lock(machine);
    for (size_t i = 0; i < f->channel_count && !trapped; i++) {
        uint64_t base = 0, bytes = 0;
        add_pages(&f->channel[i], &base, &bytes);
        trapped = page >= base && page < base + bytes;
    }
    machine_unlock(machine);
    return trapped;
}
