/* SPDX-License-Identifier: MIT
 *
 * Domains on several cores: what the parts of this folder know of each other (docs/spanning.md).
 */
#ifndef SPAN_H
#define SPAN_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/domain_dispatchers.h>
#include <if/interdisp_defs.h>
#include <if/interdisp_ump_defs.h>

/* The dispatcher with which the domain began.  True also in a domain of one. */
bool span_is_home(void);

/* Where the dispatcher of a core chooses addresses: a PML4 entry of its own, behind the home's. */
static inline genvaddr_t span_low_address(coreid_t core)
{
    return DOMAIN_OWN_VBASE * (2ul + core);
}

static inline dispatcher_handle_t span_handle(coreid_t core)
{
    return DOMAIN_SPANNED_VBASE + (dispatcher_handle_t)core * DISPATCHER_FRAME_BYTES;
}

/* Size of the frame that holds a domain's dispatcher, arguments and data when it is spawned. */
size_t span_image_bytes(void);

/* Where an agent leaves the capability that wakes the home, for its dispatcher. */
#define span_home_notify TASK_CAP(TASKCN_SLOTS_USER)

/* The first thread of a further dispatcher. */
int span_dispatcher_main(void *start);

/* Somebody of this domain has connected as an agent, and it is not known yet who that is
 * (candidates.c).  MON_ERR_IDC_BIND_REFUSED, LIB_ERR_MALLOC_FAIL: not kept. */
errval_t span_candidate_add(struct interdisp_binding *b, domainid_t domain);
/* It is this domain; 0: there will be none.  Its binding, whose end `broken` hears of from now on;
 * NULL: it has not connected yet.  All others are let go. */
struct interdisp_binding *span_candidate_choose(domainid_t domain,
                                                interdisp_error_handler_fn *broken);

/* The capability with which the other end of a UMP binding is notified; NULL_CAP: it has none. */
struct capref span_notify_of(struct interdisp_binding *b);

/* The binding of this dispatcher, which is not the home's, with the home; NULL: not yet. */
struct interdisp_binding *span_binding_with_home(void);

/* A capability has come for this dispatcher; the handler that the program set takes it. */
void span_cap_arrived(struct capref cap);

/* ---- page tables of other cores, at the home (replicas.c) ---- */

/* Maps what is mapped so far, and from now on whatever is, by this agent.  Blocks. */
errval_t span_replica_begin(coreid_t core, struct interdisp_binding *agent, domainid_t domain);
/* The agent is not to be used any more; it need not be. */
void span_replica_end(coreid_t core);

/* Of a call: its own failure, or what it was answered. */
static inline errval_t span_first_failure(errval_t err, errval_t answer)
{
    return err_is_fail(err) ? err : answer;
}

/* How the functions of <barrelfish/domain.h> act on the home; `err` of the answer is in the
 * result. */
errval_t span_home_mapped(const struct vspace_piece *piece);
errval_t span_home_share(coreid_t from, const struct vspace_piece *piece);
errval_t span_home_unmap(coreid_t from, genvaddr_t base);
errval_t span_home_protect(coreid_t from, const struct vspace_rights *r);
errval_t span_home_send_cap(coreid_t to, struct capref cap);
void span_home_end(void);

/* The same, asked of the home by another dispatcher. */
errval_t span_ask_share(const struct vspace_piece *piece);
errval_t span_ask_unmap(genvaddr_t base);
errval_t span_ask_protect(struct vspace_rights *r);
errval_t span_ask_grow_heap(size_t bytes);
errval_t span_ask_send_cap(coreid_t to, struct capref cap);
void span_ask_exit(uint8_t status);

#endif
