/* SPDX-License-Identifier: MIT
 *
 * Capability invocations: one file per kind of object, one function per type, called by syscall.c
 * with the capability found and the arguments taken apart.  Every invocation checks everything
 * before it changes anything: where that is more than a line or two, decode_*() finds all errors and
 * changes nothing, and what follows it (invoke_*(), cap_*()) acts and cannot fail.
 */
#ifndef KERNEL_OBJECTS_H
#define KERNEL_OBJECTS_H

#include <barrelfish_kpi/invocations.h>

#include "arch.h"
#include "cspace.h"
#include "dispatch.h"

/* All of it is kernel memory: read it as often as you like. */
struct invocation {
    struct dcb *caller;
    struct capability *root; /* the caller's root CNode */
    bool again;              /* the call has been entered before: KERNEL_AGAIN (delete.h), and */
    uint64_t progress;       /* the value that came with it, if the caller is honest */
    uint64_t command;        /* word 0 */
    const union invocation_args *args; /* words 1..9 */
};

/* The CSpace root named by a cptr of the caller's (level 2). */
errval_t invocation_root(const struct invocation *inv, uint64_t cptr, struct capability **root);

/* Copies `bytes` bytes from or to the caller's address `user`, which must lie 8-byte aligned in its
 * dispatcher frame; false if it does not (SYS_ERR_INVALID_USER_BUFFER).  Nobody gets a pointer to that memory:
 * the domain may write it from another core. */
bool invocation_copy_in(const struct invocation *inv, void *to, uint64_t user, uint64_t bytes);
bool invocation_copy_out(const struct invocation *inv, uint64_t user, const void *from,
                         uint64_t bytes);

struct sysret cnode_invoke(struct cte *cte, const struct invocation *inv);
struct sysret vnode_invoke(struct cte *cte, const struct invocation *inv);
struct sysret mapping_invoke(struct cte *cte, const struct invocation *inv);
struct sysret frame_invoke(struct cte *cte, const struct invocation *inv);
struct sysret dispatcher_invoke(struct cte *cte, const struct invocation *inv);
struct sysret kernel_invoke(struct cte *cte, const struct invocation *inv);
struct sysret notify_invoke(struct cte *cte, const struct invocation *inv);
struct sysret io_invoke(struct cte *cte, const struct invocation *inv);
struct sysret id_invoke(struct cte *cte, const struct invocation *inv);

/* LMP (endpoint.c): a capability that goes along with a message. */
struct lmp_transfer {
    struct capability *root; /* of the sender's CSpace */
    capaddr_t cptr;
    unsigned level;
    bool give_away; /* it leaves the sender's slot */
};

/* Sends the `length` words at `words` (NULL if there are none), which lie in kernel memory, and
 * what `transfer` says (NULL: nothing).  On success the receiver is runnable; `endpoint` may be
 * gone. */
errval_t lmp_deliver(struct cte *endpoint, const uint64_t *words, unsigned length,
                     const struct lmp_transfer *transfer);
/* May sending succeed later? */
bool lmp_error_is_transient(errval_t err);

#endif
