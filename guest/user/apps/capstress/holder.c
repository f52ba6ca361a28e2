/* SPDX-License-Identifier: MIT
 *
 * The holder: one on each core.  It waits for nobody but holders of higher cores, so they never
 * wait for each other in a circle.
 */
#include <barrelfish/nameservice_client.h>

#include "capstress.h"

static struct capref held[PLACES];
static bool full[PLACES];
static struct capstress_binding *higher[CORES_MAX];

static void drop_place(uint32_t place)
{
    if (!full[place])
        return;
    full[place] = false;
    capstress_may_fail("delete", cap_delete(held[place]));
    CHECK_OK(slot_free(held[place]));
}

static bool is_place(uint32_t place)
{
    return place < PLACES;
}

static errval_t take(struct capstress_binding *b, uint32_t place, struct capref frame,
                     errval_t *err)
{
    (void)b;
    CHECK(is_place(place));
    *err = SYS_ERR_CAP_NOT_FOUND; /* it was revoked on its way */
    if (capref_is_null(frame))
        return SYS_ERR_OK;
    drop_place(place);
    held[place] = frame;
    full[place] = true;
    *err = SYS_ERR_OK;
    return SYS_ERR_OK;
}

static errval_t pass(struct capstress_binding *b, uint32_t place, uint32_t core, uint32_t there,
                     errval_t *err)
{
    errval_t result = SYS_ERR_OK;
    (void)b;
    CHECK(is_place(place) && core < CORES_MAX && higher[core] != NULL);
    *err = SYS_ERR_CAP_NOT_FOUND;
    if (full[place])
        *err = higher[core]->rpc_tx_vtbl.take(higher[core], there, held[place], &result);
    if (err_is_ok(*err))
        *err = result;
    return SYS_ERR_OK;
}

static errval_t copy(struct capstress_binding *b, uint32_t place, uint32_t to, errval_t *err)
{
    struct capref slot;
    (void)b;
    CHECK(is_place(place) && is_place(to));
    CHECK_OK(slot_alloc(&slot));
    *err = full[place] ? cap_copy(slot, held[place]) : (errval_t)SYS_ERR_CAP_NOT_FOUND;
    if (err_is_fail(*err))
        return slot_free(slot);
    return take(b, to, slot, err);
}

static errval_t part(struct capstress_binding *b, uint32_t place, uint32_t to, uint64_t offset,
                     uint64_t bytes, errval_t *err)
{
    struct capref slot;
    (void)b;
    CHECK(is_place(place) && is_place(to));
    CHECK_OK(slot_alloc(&slot));
    *err = full[place] ? cap_retype(slot, held[place], offset, ObjType_Frame, bytes, 1)
                       : (errval_t)SYS_ERR_CAP_NOT_FOUND;
    if (err_is_fail(*err))
        return slot_free(slot);
    return take(b, to, slot, err);
}

static errval_t drop(struct capstress_binding *b, uint32_t place)
{
    (void)b;
    CHECK(is_place(place));
    drop_place(place);
    return SYS_ERR_OK;
}

static errval_t count(struct capstress_binding *b, uint64_t base, uint64_t bytes, uint32_t *places)
{
    (void)b;
    *places = 0;
    for (unsigned i = 0; i < PLACES; i++) {
        struct capability is;
        if (full[i] && err_is_ok(cap_direct_identify(held[i], &is)) &&
            is.u.mem.base < base + bytes && base < is.u.mem.base + is.u.mem.bytes)
            ++*places;
    }
    return SYS_ERR_OK;
}

static errval_t connected(void *st, struct capstress_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.take_call = take;
    b->rpc_rx_vtbl.pass_call = pass;
    b->rpc_rx_vtbl.copy_call = copy;
    b->rpc_rx_vtbl.part_call = part;
    b->rpc_rx_vtbl.drop_call = drop;
    b->rpc_rx_vtbl.count_call = count;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    char name[32];
    CHECK_OK(err);
    snprintf(name, sizeof(name), "capstress.%u", *(unsigned *)st);
    CHECK_OK(nameservice_register(name, iref));
}

int capstress_hold(unsigned core, unsigned cores)
{
    for (unsigned other = core + 1; other < cores; other++)
        higher[other] = capstress_bind_to(other);
    CHECK_OK(capstress_export(&core, exported, connected, get_default_waitset(),
                              IDC_EXPORT_FLAGS_DEFAULT));
    for (;;)
        CHECK_OK(event_dispatch(get_default_waitset()));
}
