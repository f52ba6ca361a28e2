/* SPDX-License-Identifier: MIT
 *
 * The dispatchers of a domain that spans cores (overview 1.5), as the library's own parts
 * see them: a table in memory that all of them share.  Programs use <barrelfish/domain.h>.
 */
#ifndef BARRELFISH_DOMAIN_DISPATCHERS_H
#define BARRELFISH_DOMAIN_DISPATCHERS_H

#include <barrelfish/core_state.h>
#include <barrelfish/dispatch.h>

#define DOMAIN_CORES_MAX 64

struct domain_dispatcher {
    dispatcher_handle_t handle; /* in its own address space; 0: the domain has none on this core */
    struct thread *arriving;    /* pushed by anybody, taken all at once by this dispatcher */
    uint32_t asleep;            /* it wants a notification for what arrives */
    uint32_t restless;          /* nobody can notify it yet: it does not sleep */
};

/* By core.  `handle` of a core is set before domain_is_spanned, or before anybody hears of it. */
extern struct domain_dispatcher domain_dispatchers[DOMAIN_CORES_MAX];

/* The domain has had more than one dispatcher; never false again. */
extern bool domain_is_spanned;

/* The core of the dispatcher with which the domain began. */
extern coreid_t domain_home_core;

/* What another dispatcher than the home's does if the heap lacks so much.  Blocks. */
extern errval_t (*domain_grow_heap)(size_t bytes);

/* What domain_exit does first, if it is no fault that ends the domain: the others end, too.  NULL:
 * there are no others. */
extern void (*domain_end_hook)(int status);

/* Hands a thread that is in no queue to the dispatcher of thread->core; the caller is disabled. */
void spanned_send_disabled(dispatcher_handle_t handle, struct thread *thread);

/* How a dispatcher of a spanned domain starts, on the frame that its agent prepared: with the core
 * state and the first thread that the home dispatcher made. */
struct domain_start {
    struct core_state *core_state;
    struct thread *thread;
    uint32_t home_iref; /* of interdisp */
    coreid_t home, core;
};
void domain_start_disabled(dispatcher_handle_t handle, struct domain_start *start)
    __attribute__((noreturn));

#endif
