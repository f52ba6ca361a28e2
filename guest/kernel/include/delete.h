/* SPDX-License-Identifier: MIT
 *
 * Delete and revoke, a bounded piece at a time (delete.c explains how).
 */
#ifndef KERNEL_DELETE_H
#define KERNEL_DELETE_H

#include "cspace.h"
#include "dispatch.h"
#include "work.h"

/* Instead of an error: the call has done its share of work, and its caller must make it again, at
 * once or when others have run.  No code of errors/errno.def, and no domain ever sees them. */
#define KERNEL_AGAIN (~(errval_t)0)
#define KERNEL_AGAIN_LATER (~(errval_t)1)

/* Deletes the capability; the last one of an object ends the object, and contents of CNodes go,
 * too. KERNEL_AGAIN: cap_delete_rest() must follow, `cte` is done with. */
errval_t cap_delete(struct cte *cte);
errval_t cap_delete_rest(void);

/* The same for what is no object of several parts, such as a mapping or an endpoint: at once. */
void cap_delete_now(struct cte *cte);

/* Deletes all copies and descendants of `cte`, which stays, after it has stopped the dispatchers
 * among them, but for the caller.  KERNEL_AGAIN, KERNEL_AGAIN_LATER: once more, with the value
 * that came along as `progress`, which is 0 at first.  What other cores have stays, and the
 * answer says so.  Value 1 of a success: another core has the whole of which this is a part. */
struct sysret cap_revoke(struct cte *cte, uint64_t progress);

/* A share of deleting all other copies of `cte`, which another core owns, and what was made of
 * them; value 1: there is more.  Whoever is stopped by it is: the owner has decided.  `bytes` not
 * 0: only this part of it, and the value is the address from which to go on; 0: it is done. */
struct sysret cap_delete_foreigns(struct cte *cte, const struct capability *part, uint64_t from);

/* What dispatchers that are gone have begun to delete. */
errval_t cap_delete_orphans(void);

/* ---- for the steps of one type (objects/) ---- */

/* A record: the last capability of an object that is being taken apart.  node.step says how far: a
 * number of the type's own, 0 at first, or one of these. */
#define STEP_STUCK UINT32_MAX       /* something in it is locked */
#define STEP_WAITS (UINT32_MAX - 1) /* nothing is left to do, but it must stay: `may_finish` */

/* Empties a slot that is neither empty nor a record, or leaves a record in it; what that costs. */
int delete_cost(const struct cte *cte);
void delete_slot(struct cte *cte);

/* What it costs to look at one of many, to take a dispatcher out of all lists, and
 * delete_move(). */
#define COST_STEP 60
#define COST_STOP 1000
int delete_cost_move(void);

/* Makes the record the one that is worked on next. */
void delete_raise(struct cte *record);

/* Moves the record to an empty slot. */
void delete_move(struct cte *to, struct cte *record);

/* Two records change places; the one that goes to `other` is worked on before what was there. */
void delete_exchange(struct cte *record, struct cte *other);

/* Nobody works on the record until it is raised again.  Is it one like that? */
bool delete_is_suspended(const struct cte *cte);
void delete_suspend(struct cte *record, uint32_t step);

/* What a caller is told who must wait for the monitor. */
errval_t delete_locked(void);

/* The object is no more. */
void delete_finish(struct cte *record);

/* A record that calls of `dcb` have begun, NULL: none. */
struct cte *delete_begun_by(const struct dcb *dcb);

#endif
