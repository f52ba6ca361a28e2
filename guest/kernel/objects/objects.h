/* SPDX-License-Identifier: MIT
 *
 * Capabilities by type: one file per kind of object, which fills its lines of the table
 * (cap_ops.h).  Every invocation checks everything before it changes anything: where that is more
 * than a line or two, decode_*() finds all errors and changes nothing, and what follows it
 * (invoke_*(), cap_*()) acts and cannot fail.
 */
#ifndef KERNEL_OBJECTS_H
#define KERNEL_OBJECTS_H

#include <barrelfish_kpi/invocations.h>

#include "arch.h"
#include "cap_ops.h"
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
 * dispatcher frame; false if it does not (SYS_ERR_INVALID_USER_BUFFER).  Nobody gets a pointer to
 * that memory: the domain may write it from another core. */
bool invocation_copy_in(const struct invocation *inv, void *to, uint64_t user, uint64_t bytes);
bool invocation_copy_out(const struct invocation *inv, uint64_t user, const void *from,
                         uint64_t bytes);

/* The same for reading and writing by the machine: the kernel's address of the caller's bytes, or
 * NULL. */
void *user_buffer(const struct dcb *dcb, uint64_t user, uint64_t bytes);

/* What the types do: each in the file of its kind. */
#define CAP_OPS(name, ops) extern const struct cap_ops ops;
#include <barrelfish_kpi/caps.def>

/* One byte of the console's input, if the IO capability allows it (simple.c). */
struct sysret io_getchar(const struct capability *io);

/* Interrupts of devices are taken from now on (irq.c). */
void irq_init(void);

/* A capability of any CSpace whose root the caller has, named by `identify` (kernel.c). */
errval_t kernel_find_anywhere(const struct invocation *inv, struct cte **cte);

/* The commands on the Kernel capability that kernel.c does not know (kernel_relations.c). */
struct sysret kernel_relations_invoke(const struct invocation *inv);

/* CNodeCmd_Retype, KernelCmd_Retype (cnode.c). */
struct sysret cnode_retype(const struct invocation *inv);

/* Starts a core as `spawn_core` of the arguments says, fences it, or says whether it could be
 * started: KernelCmd_Spawn_core, _Kill_core, _Retire_core, _Core_available (kernel.c). */
struct sysret power_of_core(uint64_t command, const struct invocation *inv);

/* One entry's part of a dump, from where `progress` says (dump.c).  KERNEL_AGAIN: there is more. */
struct sysret dump_page_tables(const struct dcb *dcb, uint64_t progress);
struct sysret dump_cspace(struct dcb *dcb, uint64_t progress);

/* The end of a CNode (cnode_delete.c). */
void cnode_delete_step(struct cte *record, struct work *work);

/* What another core says of an object of several parts: its owner's, here a name (invocation.c). */
errval_t object_check_wire(struct capability *cap);

/* An address space that is empty but for the CPU driver's part (vnode.c). */
void vnode_init_root(uint64_t base);

/* What a capability that may be mapped has in common (vnode.c), for its `moved`, `release` and
 * `identify`. */
void mappable_moved(struct cte *cte);
void mappable_release(struct cte *cte);
void mappable_identify(struct capability *cap);

/* Puts a copy of `src` into a DCB, for the frame or the address space of its dispatcher, which
 * stops when they are revoked (dispatcher.c). */
void cap_copy_to_dcb(struct cte *dest, struct cte *src);
void dispatcher_abandon(struct cte *cte); /* and when it goes */

/* The domain of a dispatcher that has stopped and that the monitor has not asked for yet; false:
 * there is none. */
bool stop_next(uint32_t *domain);

/* What must happen before a range of memory is revoked (dispatcher.c, for `before_revoke`). */
bool dispatchers_stop(const struct capability *range, uint64_t *from, struct work *work);

/* LMP (endpoint.c): a capability that goes along with a message. */
struct lmp_transfer {
    struct capability *root; /* of the sender's CSpace */
    capaddr_t cptr;
    unsigned level;
    bool give_away; /* it leaves the sender's slot */
};

/* Sends the `length` words at `words` (NULL if there are none), which lie in kernel memory, and
 * what `transfer` says (NULL: nothing).  On success the receiver is runnable, and the flight
 * recorder has a record with `flags` (the system call's, or ABI_LMP_BY_KERNEL); `endpoint` may be
 * gone. */
errval_t lmp_deliver(struct cte *endpoint, const uint64_t *words, unsigned length,
                     const struct lmp_transfer *transfer, unsigned flags);

/* The part of a trace record that tells of a message in syscall_words (core_page.h). */
static inline uint64_t trace_message(uint64_t endpoint_offset, uint64_t length)
{
    return (syscall_words[0] & 0xffff) << 16 | (endpoint_offset | length) << 32;
}

#endif
