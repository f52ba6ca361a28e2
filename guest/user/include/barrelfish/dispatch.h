/* SPDX-License-Identifier: MIT
 *
 * The dispatcher as its own code sees it (overview 1.2, facts §4).
 *
 * A dispatcher is found through the GS base, which the kernel sets to the dispatcher frame's
 * address at every dispatch; never through a global variable, so that several dispatchers can share
 * one address space.  Disabled mode is a critical section against everything else that runs on the
 * dispatcher: no upcall and no other thread comes in between.  It must be short and must not block.
 */
#ifndef BARRELFISH_DISPATCH_H
#define BARRELFISH_DISPATCH_H

#include <barrelfish_kpi/dispatcher_shared.h>
#include <barrelfish_kpi/types.h>

struct dispatcher_generic; /* <barrelfish/dispatcher.h> */
struct waitset;

/* Room in the frame for a structure the kernel reads or writes; use while disabled. */
#define DISP_KERNEL_BUFFER_BYTES 512

#ifdef HOST_TEST
dispatcher_handle_t curdispatcher(void);
#else
static inline dispatcher_handle_t curdispatcher(void)
{
    dispatcher_handle_t handle;

    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(handle) : "i"(DISP_UDISP));
    return handle;
}
#endif

static inline struct dispatcher_shared *get_dispatcher_shared(dispatcher_handle_t handle)
{
    return (struct dispatcher_shared *)handle;
}
#define get_dispatcher_shared_generic get_dispatcher_shared

#ifdef HOST_TEST
struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle);
#endif

/* Enters disabled mode. */
static inline dispatcher_handle_t disp_disable(void)
{
#ifdef HOST_TEST
    dispatcher_handle_t handle = curdispatcher();
    *(volatile uint32_t *)&get_dispatcher_shared(handle)->disabled = 1;
#else
    dispatcher_handle_t handle;

    /* One instruction, so that the flag set is the flag of the dispatcher we run on. */
    __asm__ volatile("movl $1, %%gs:%c1\n\tmov %%gs:%c2, %0"
                     : "=r"(handle)
                     : "i"(DISP_DISABLED), "i"(DISP_UDISP)
                     : "memory");
#endif
    return handle;
}

/* Leaves disabled mode. */
static inline void disp_enable(dispatcher_handle_t handle)
{
    __asm__ volatile("" ::: "memory");
    *(volatile uint32_t *)&get_dispatcher_shared(handle)->disabled = 0;
}

static inline bool disp_is_disabled(dispatcher_handle_t handle)
{
    return *(volatile uint32_t *)&get_dispatcher_shared(handle)->disabled != 0;
}

/* For code that runs in either mode: disables and says whether it was enabled before. */
static inline dispatcher_handle_t disp_try_disable(bool *was_enabled)
{
#ifdef HOST_TEST
    *was_enabled = !disp_is_disabled(curdispatcher());
#else
    uint32_t disabled;

    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(disabled) : "i"(DISP_DISABLED));
    *was_enabled = disabled == 0;
#endif
    return disp_disable(); /* nothing changes if it is disabled already */
}

void *disp_kernel_buffer(dispatcher_handle_t handle);

coreid_t disp_get_core_id(void);
coreid_t disp_get_current_core_id(void);
domainid_t disp_get_domain_id(void);
const char *disp_name(void);

/* Time: machine time in ns.  get_system_time makes a system call; disp_get_dispatch_time is the
 * time of the last dispatch and costs nothing. */
systime_t get_system_time(void);
systime_t disp_get_dispatch_time(void);

/* The waitset that start-up code, bindings of the library and simple programs use. */
struct waitset *get_default_waitset(void);

#endif
