/* SPDX-License-Identifier: MIT
 *
 * Capability invocations: one file per kind of object, one function per type, called by syscall.c
 * with the capability found and the arguments taken apart.  Every invocation checks everything
 * before it changes anything: where that is more than a line or two, decode_*() finds all errors and
 * changes nothing, and what follows it (invoke_*(), cap_*()) acts and cannot fail.
 */
#ifndef KERNEL_OBJECTS_H
#define KERNEL_OBJECTS_H

#include "arch.h"
#include "cspace.h"
#include "dispatch.h"

#define INVOCATION_ARGS 9

struct invocation {
    struct dcb *caller;
    struct capability *root; /* the caller's root CNode */
    unsigned flags;          /* LMP_FLAG_* */
    capaddr_t send_cptr;     /* capability to send with a message, 0: none */
    unsigned send_level;
    unsigned length;               /* words given */
    uint64_t command;              /* word 0 */
    uint64_t arg[INVOCATION_ARGS]; /* words 1..9; not given: 0 */
};

/* The CSpace root named by a cptr of the caller's (level 2). */
errval_t invocation_root(const struct invocation *inv, uint64_t cptr, struct capability **root);

/* Kernel address of `bytes` bytes at the caller's address `user`, which must lie 8-byte aligned in
 * its dispatcher frame; NULL if it does not. */
void *invocation_buffer(const struct invocation *inv, uint64_t user, uint64_t bytes);

struct sysret cnode_invoke(struct cte *cte, const struct invocation *inv);
struct sysret vnode_invoke(struct cte *cte, const struct invocation *inv);
struct sysret mapping_invoke(struct cte *cte, const struct invocation *inv);
struct sysret frame_invoke(struct cte *cte, const struct invocation *inv);
struct sysret dispatcher_invoke(struct cte *cte, const struct invocation *inv);
struct sysret kernel_invoke(struct cte *cte, const struct invocation *inv);
struct sysret notify_invoke(struct cte *cte, const struct invocation *inv);
struct sysret io_invoke(struct cte *cte, const struct invocation *inv);
struct sysret id_invoke(struct cte *cte, const struct invocation *inv);

/* LMP (endpoint.c): sends `length` words, which lie in the registers at `from` (NULL if there are none),
 * and maybe a capability.  On success `*receiver` is runnable. */
errval_t lmp_deliver(struct cte *endpoint, struct dcb *sender, const struct registers_x86_64 *from,
                     unsigned length, capaddr_t send_cptr, unsigned send_level, bool give_away,
                     struct dcb **receiver);
/* May sending succeed later? */
bool lmp_error_is_transient(errval_t err);

#endif
