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

bool act_parcel(struct domain *d)
{
    struct message *m;
    if (chance(50)) {
        m = message_new(monitor_blocking_collect_cap_call__msgnum);
        m->args.monitor_blocking.collect_cap_call.ticket = parcel_ticket();
        return domain_call(d, m, NULL);
    }
    struct capability is = { .type = chance(70) ? ObjType_Frame : ObjType_ID };
    is.u.mem.base = (uint64_t)(1 + random_below(1000)) << 12;
    is.u.mem.bytes = 4096;
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
        for (i = 0; i < 64; i++) {
            if (ram[i].bytes == 0)
                empty = i;
            else if (ram[i].core == core->id && base < ram[i].base + ram[i].bytes &&
                     ram[i].base < base + bytes)
                break;
        }
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
