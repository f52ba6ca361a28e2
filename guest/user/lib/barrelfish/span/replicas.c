/* SPDX-License-Identifier: MIT
 *
 * Domains on several cores, the home's side: one address space in page tables of each core
 * (docs/spanning.md, Mapping).
 *
 * What is mapped, unmapped or given other rights here is so on all cores before the call returns.
 * Agents map what the home sends them.  What takes something away, an address or a right, goes by
 * the monitors, each of which makes its agent change the page tables of its core
 * (docs/monitor.md, TLB shootdown).
 */
#include <barrelfish/domain.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_blocking_defs.h>
#include <stdlib.h>

#include "span.h"

static struct {
    enum shootdown_protocol protocol; /* what the domain wants */
    struct thread_mutex mutex; /* who takes away, against the list that a new core begins with */
    struct {
        struct interdisp_binding *agent; /* NULL: there is none */
        domainid_t domain;               /* of the agent */
    } core[DOMAIN_CORES_MAX];
} replicas = { .mutex = THREAD_MUTEX_INITIALIZER };

errval_t domain_set_shootdown(enum shootdown_protocol protocol)
{
    if (protocol >= SHOOTDOWN_PROTOCOLS)
        return ERR_INVALID_ARGS;
    replicas.protocol = protocol;
    return SYS_ERR_OK;
}

/* ---- mapping ---- */

static errval_t map_in(unsigned core, const struct vspace_piece *piece)
{
    struct interdisp_binding *agent = replicas.core[core].agent;
    errval_t answer = SYS_ERR_OK;
    errval_t err = agent->rpc_tx_vtbl.map(agent, piece->base, piece->bytes, piece->offset,
                                          piece->flags, piece->frame, &answer);
    return span_first_failure(err, answer);
}

/* On all other cores but `but`, where it lies in the page tables of the dispatcher itself. */
static errval_t map_elsewhere(const struct vspace_piece *piece, coreid_t but)
{
    errval_t err = SYS_ERR_OK;

    for (unsigned i = 0; i < DOMAIN_CORES_MAX && err_is_ok(err); i++)
        if (i != but && replicas.core[i].agent != NULL)
            err = map_in(i, piece);
    return err;
}

errval_t span_home_share(coreid_t from, const struct vspace_piece *wanted)
{
    struct vspace_piece piece = *wanted;

    piece.mapper = from;
    errval_t err = vspace_map_in(NULL, &piece);
    if (err_is_ok(err))
        err = map_elsewhere(&piece, from);
    return err;
}

/* ---- taking away ---- */

/* By the monitors; that it was not mapped everywhere yet is no error.  bytes 0: to be unmapped. */
static errval_t change_elsewhere(genvaddr_t base, size_t bytes, vregion_flags_t flags)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    domainid_t agents[DOMAIN_CORES_MAX];
    size_t count = 0;
    errval_t answer = SYS_ERR_OK;

    for (unsigned i = 0; i < DOMAIN_CORES_MAX; i++)
        if (replicas.core[i].agent != NULL)
            agents[count++] = replicas.core[i].domain;
    if (count == 0)
        return SYS_ERR_OK;
    if (b == NULL)
        return LIB_ERR_MONITOR_RPC_BIND;
    errval_t err = b->rpc_tx_vtbl.shootdown(b, base, bytes, flags, (uint8_t)replicas.protocol,
                                            agents, count, &answer);
    return span_first_failure(err, answer);
}

errval_t span_home_mapped(const struct vspace_piece *piece)
{
    errval_t err = map_elsewhere(piece, DOMAIN_CORES_MAX);

    if (err_is_fail(err))
        change_elsewhere(piece->base, 0, VREGION_FLAGS_NONE);
    return err;
}

/* What another dispatcher has mapped lies in page tables of its own, too, which only it changes. */
static errval_t may_change(coreid_t from, genvaddr_t address)
{
    coreid_t mapper = 0;
    errval_t err = vspace_mapper_of(address, &mapper);

    return err_is_ok(err) && mapper != disp_get_core_id() && mapper != from
               ? (errval_t)LIB_ERR_VSPACE_PROTECT
               : err;
}

errval_t span_home_unmap(coreid_t from, genvaddr_t base)
{
    thread_mutex_lock(&replicas.mutex);
    errval_t err = may_change(from, base);
    if (err_is_ok(err))
        err = change_elsewhere(base, 0, VREGION_FLAGS_NONE);
    thread_mutex_unlock(&replicas.mutex);
    return err_is_ok(err) ? vspace_unmap_in(NULL, base, NULL) : err;
}

/* The home first: what it refuses is changed nowhere. */
errval_t span_home_protect(coreid_t from, const struct vspace_rights *wanted)
{
    struct vspace_rights r = *wanted;

    thread_mutex_lock(&replicas.mutex);
    errval_t err = may_change(from, r.base);
    if (err_is_ok(err))
        err = vspace_protect_in(NULL, &r);
    if (err_is_ok(err))
        err = change_elsewhere(r.base, r.bytes, r.flags);
    thread_mutex_unlock(&replicas.mutex);
    return err;
}

/* ---- a further core ---- */

/* The arrays must not grow the heap once the list is taken. */
static bool list_shared(struct vspace_list *list)
{
    while (!vspace_list_shared(list)) {
        free(list->piece);
        free(list->change);
        list->piece_room = list->pieces + 16;
        list->change_room = list->changes + 4;
        list->piece = malloc(list->piece_room * sizeof(*list->piece));
        list->change = malloc(list->change_room * sizeof(*list->change));
        if (list->piece == NULL || list->change == NULL)
            return false;
    }
    return true;
}

static errval_t protect_in(struct interdisp_binding *agent, const struct vspace_rights *r)
{
    errval_t answer = SYS_ERR_OK;
    errval_t err = agent->rpc_tx_vtbl.protect(agent, r->base, r->bytes, r->flags, false, &answer);

    return span_first_failure(err, answer);
}

errval_t span_replica_begin(coreid_t core, struct interdisp_binding *agent, domainid_t domain)
{
    struct vspace_list list = { 0 };
    errval_t err = SYS_ERR_OK;

    thread_mutex_lock(&replicas.mutex);
    if (list_shared(&list)) {
        replicas.core[core].domain = domain;
        replicas.core[core].agent = agent;
    } else {
        err = LIB_ERR_MALLOC_FAIL;
    }
    for (size_t i = 0; err_is_ok(err) && i < list.pieces; i++)
        err = map_in(core, &list.piece[i]);
    for (size_t i = 0; err_is_ok(err) && i < list.changes; i++)
        err = protect_in(agent, &list.change[i]);
    thread_mutex_unlock(&replicas.mutex);
    free(list.piece);
    free(list.change);
    return err;
}

void span_replica_end(coreid_t core)
{
    replicas.core[core].agent = NULL;
}
