/* SPDX-License-Identifier: MIT
 *
 * The memory servers of the simulated cores, and what domains send each other by parcels.
 */
#include "domains.h"

/* ---- parcels ---- */

static uint64_t tickets[16];

void parcel_deposited(uint64_t ticket)
{
    tickets[random_below(16)] = ticket;
}

static uint64_t parcel_ticket(void)
{
    return tickets[random_below(16)];
}

#define PAGE 4096ull
#define WHOLE_PAGES 3

/* Some frames of its own core, so that many have the same: one as a whole, and its pages. */
static void own_frame(const struct domain *d, struct capability *is)
{
    *is = (struct capability){ .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    is->u.mem.base = (1 + 1000ull * d->core) * PAGE;
    is->u.mem.bytes = WHOLE_PAGES * PAGE;
    if (world.share && chance(40))
        return;
    is->u.mem.base += random_below(world.share ? WHOLE_PAGES : 1000) * PAGE;
    is->u.mem.bytes = PAGE;
}

/* A block of the memory that this core has had from the start, or all of it. */
#define RAM_PAGES 4
#define RAM_BLOCKS 3
static void own_ram(const struct domain *d, struct capability *is, bool all)
{
    *is = (struct capability){ .type = ObjType_RAM, .rights = CAPRIGHTS_ALLRIGHTS };
    is->u.mem.base = (501 + 1000ull * d->core) * PAGE;
    is->u.mem.bytes = (all ? RAM_BLOCKS + 1 : 1) * RAM_PAGES * PAGE;
    if (!all)
        is->u.mem.base += random_below(RAM_BLOCKS) * RAM_PAGES * PAGE;
}

/* cap_revoke(), whose first half is the CPU driver's. */
static bool act_revoke(struct domain *d)
{
    struct capability is;
    if (chance(30))
        own_ram(d, &is, true);
    else
        own_frame(d, &is);
    struct cap *target = cap_new(d->core, d, &is, NULL);
    cap_revoke_all(target);
    struct message *m = message_new(monitor_blocking_remote_cap_revoke_call__msgnum);
    m->args.monitor_blocking.remote_cap_revoke_call.cptr = WORLD_CPTR;
    m->args.monitor_blocking.remote_cap_revoke_call.level = 2;
    is.flags = is.type;
    is.type = ObjType_L1CNode;
    struct cap *root = cap_new(d->core, d, &is, NULL);
    const bool sent = domain_call(d, m, root);
    cap_gone(root);
    if (sent) {
        d->target = target;
        d->revoked_from = world.steps;
    } else {
        cap_gone(target);
    }
    return sent;
}

/* And its second half: the word of the CPU driver is the last one.  Who has the whole may make the
 * part again, but what was made before is gone. */
void revoke_answered(struct domain *d, errval_t err)
{
    struct cap *target = d->target;
    if (target == NULL) /* somebody else has revoked it */
        return;
    d->target = NULL;
    cap_revoke_all(target);
    const bool is_part =
        target->is.type == ObjType_Frame && target->is.u.mem.bytes < WHOLE_PAGES * PAGE;
    if (err_is_ok(err) && !cap_is_remote(target))
        CHECK(!cap_is_elsewhere(target, is_part ? d->revoked_from : UINT64_MAX),
              "%s has revoked %#lx, and another core has a copy", d->name, target->is.u.mem.base);
    cap_gone(target);
}

/* A page of what came as a whole takes its place, or lies beside it. */
static void make_part(struct domain *d)
{
    struct cap *whole = d->parcel;
    if (whole->is.type != ObjType_Frame || whole->is.u.mem.bytes == PAGE)
        return;
    d->parcel = cap_make_part(whole, random_below(WHOLE_PAGES) * PAGE, PAGE);
    if (chance(50))
        cap_gone(whole);
}

/* cap_retype() of RAM that another core owns: the first half is the CPU driver's, which refuses. */
static bool act_claim(struct domain *d)
{
    struct capability is = d->parcel->is;
    struct message *m = message_new(monitor_blocking_remote_cap_retype_call__msgnum);
    d->wanted = random_below(is.u.mem.bytes / PAGE) * PAGE;
    m->args.monitor_blocking.remote_cap_retype_call.cptr = WORLD_CPTR;
    m->args.monitor_blocking.remote_cap_retype_call.level = 2;
    m->args.monitor_blocking.remote_cap_retype_call.offset = d->wanted;
    m->args.monitor_blocking.remote_cap_retype_call.bytes = PAGE;
    is.flags = is.type;
    is.type = ObjType_L1CNode;
    struct cap *root = cap_new(d->core, d, &is, NULL);
    root->owner = d->parcel->owner;
    const bool sent = domain_call(d, m, root);
    cap_gone(root);
    return sent;
}

/* The CPU driver makes it only of what is claimed now. */
void retype_answered(struct domain *d, errval_t err)
{
    const struct cap *lent = d->parcel;
    CHECK(err_no(err) != MON_ERR_INVALID_MON_ID, "a claim of what was revoked, or never there");
    if (err_is_fail(err) || lent == NULL || lent->is.type != ObjType_RAM ||
        lent->owner == d->core || d->wanted >= lent->is.u.mem.bytes)
        return;
    const struct cap *piece = cap_claim_of(lent, d->wanted, PAGE);
    if (piece == NULL)
        return;
    struct cap *frame = cap_make_of_ram(piece, ObjType_Frame, 0, PAGE);
    if (frame == NULL)
        return;
    frame->holder = d;
    if (chance(30)) { /* keeps the RAM, and drops what it has made */
        cap_gone(frame);
        return;
    }
    say("%s makes a frame of what core %u lends", d->name, lent->owner);
    cap_gone(d->parcel);
    d->parcel = frame;
}

/* What a domain does with RAM: makes a frame or smaller RAM of it, keeping it or not, or gives it
 * away. */
static bool act_ram(struct domain *d)
{
    struct cap *ram = d->parcel;
    if (ram != NULL && ram->is.type == ObjType_RAM && ram->owner == d->core && chance(50)) {
        const uint64_t pages = ram->is.u.mem.bytes / PAGE, first = random_below(pages);
        struct cap *made = cap_make_of_ram(
            ram, chance(50) && pages > 1 ? ObjType_RAM : ObjType_Frame, first * PAGE, PAGE);
        if (made == NULL)
            return false;
        d->parcel = made;
        if (chance(50))
            cap_gone(ram);
        return false;
    }
    struct capability is;
    if (ram == NULL || ram->is.type != ObjType_RAM) {
        own_ram(d, &is, false);
        if (memory_is_in_use(&is))
            return false;
        ram = cap_new(d->core, d, &is, NULL);
    }
    const bool gives = chance(50);
    const bool sent = domain_call(d, message_new(monitor_blocking_deposit_cap_call__msgnum), ram);
    if (ram == d->parcel && gives && sent)
        d->parcel = NULL;
    if (ram != d->parcel && (gives || !sent))
        cap_gone(ram);
    return sent;
}

static bool has_lent_ram(const struct domain *d)
{
    const struct cap *ram = d->parcel;
    return ram != NULL && ram->is.type == ObjType_RAM && ram->owner != d->core &&
           ram->is.u.mem.bytes > PAGE;
}

bool act_parcel(struct domain *d)
{
    struct message *m;
    if (has_lent_ram(d) && chance(60))
        return act_claim(d);
    if (world.share && chance(35))
        return act_ram(d);
    if (world.share && d->parcel != NULL && chance(40))
        make_part(d);
    if (world.share && chance(20))
        return act_revoke(d);
    if (world.share && d->parcel != NULL && chance(30)) { /* passes it on */
        m = message_new(monitor_blocking_deposit_cap_call__msgnum);
        return domain_call(d, m, d->parcel);
    }
    if (chance(50)) {
        m = message_new(monitor_blocking_collect_cap_call__msgnum);
        m->args.monitor_blocking.collect_cap_call.ticket = parcel_ticket();
        return domain_call(d, m, NULL);
    }
    struct capability is;
    own_frame(d, &is);
    if (chance(world.share ? 5 : 30))
        is.type = ObjType_ID;
    struct cap *cap = cap_new(d->core, d, &is, NULL);
    m = message_new(monitor_blocking_deposit_cap_call__msgnum);
    return domain_call(d, m, cap);
}

/* ---- memory servers ---- */

/* Blocks of a memory server that are given out, as many as there are ever. */
static struct {
    unsigned core;
    uint64_t base, bytes;
} ram[64];

static struct cap *ram_new(const struct core *core, struct domain *d, uint8_t bits)
{
    const uint64_t bytes = 1ull << bits, end = core->ram_base + core->ram_bytes;
    for (uint64_t base = (core->ram_base + bytes - 1) / bytes * bytes; base + bytes <= end;
         base += bytes) {
        unsigned i, empty = 64;
        for (i = 0; i < 64; i++)
            if (ram[i].bytes == 0)
                empty = i;
            else if (ram[i].core == core->id && base < ram[i].base + ram[i].bytes &&
                     ram[i].base < base + bytes)
                break;
        if (i < 64 || empty == 64)
            continue;
        ram[empty].core = core->id;
        ram[empty].base = base;
        ram[empty].bytes = bytes;
        struct capability is = { .type = ObjType_RAM };
        is.u.mem.base = base;
        is.u.mem.bytes = bytes;
        return cap_new(core->id, d, &is, NULL);
    }
    return NULL;
}

static errval_t ram_back(const struct core *core, uint64_t base)
{
    for (unsigned i = 0; i < 64; i++)
        if (ram[i].core == core->id && ram[i].bytes > 0 && ram[i].base == base) {
            ram[i].bytes = 0;
            return SYS_ERR_OK;
        }
    world_fail("memory is given back that nobody had");
}

unsigned ram_given(unsigned core)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 64; i++)
        count += ram[i].bytes > 0 && ram[i].core == core;
    return count;
}

/* The memory server answers the monitor. */
bool serve_memory(struct domain *d)
{
    struct message *q = d->mem_request;
    if (q == NULL || d->mem_client == NULL)
        return false;
    struct core *core = &world.core[d->core];
    struct message *m;
    struct cap *ram = NULL;
    if (q->number == mem_allocate_call__msgnum) {
        m = message_new(mem_allocate_response__msgnum);
        if (!world.refuse_ram || d->core != 0)
            ram = ram_new(core, d, q->args.mem.allocate_call.bits);
        m->args.mem.allocate_response.err = ram != NULL ? SYS_ERR_OK : LIB_ERR_RAM_ALLOC;
    } else {
        m = message_new(mem_free_monitor_response__msgnum);
        m->args.mem.free_monitor_response.err = ram_back(core, q->args.mem.free_monitor_call.base);
    }
    const bool sent = domain_send(d, d->mem_client, m, ram);
    if (ram != NULL)
        cap_gone(ram);
    if (!sent)
        return false;
    d->mem_request = NULL;
    message_free(q);
    return true;
}
