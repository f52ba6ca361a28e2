/* SPDX-License-Identifier: MIT
 *
 * The domain: start-up, end, and (later) its dispatchers on other cores (facts §2.2).
 */
#ifndef BARRELFISH_DOMAIN_H
#define BARRELFISH_DOMAIN_H

#include <barrelfish/caddr.h>
#include <barrelfish/shootdown.h>
#include <barrelfish/threads.h>
#include <barrelfish_kpi/init.h>

struct abi_boot;

/* Boot information, if this domain was given it, else NULL. */
struct abi_boot *domain_get_bootinfo(void);

/* True in init on core 0 and in the monitors of later cores: started by the kernel, no monitor to
 * talk to, RAM of its own. */
bool domain_is_first(void);

/* Ends the domain: flushes output, tells the monitor, stops the dispatcher.  exit() ends here. */
void domain_exit(int status) __attribute__((noreturn));

/* Stops the dispatcher at once, without flushing output.  A domain that has not said goodbye has
 * then ended with status 255. */
void disp_stop(void) __attribute__((noreturn));

/* --- domains on several cores (docs/spanning.md) ---------------------------------------------
 *
 * A dispatcher on another core shares the address space, with page tables of its own: what one
 * maps, all have at the same address when the call that maps it returns.  It has a CSpace, waitsets
 * and bindings of its own.  Threads, mutexes, condition variables, semaphores, thread_once and the
 * heap are the whole domain's; waitsets, bindings and capabilities belong to the dispatcher that
 * made them.  The domain ends when any of its dispatchers does. */

typedef void (*domain_spanned_callback_t)(void *arg, errval_t err);

/* Makes a dispatcher on a core.  Returns at once; the callback comes, once, on a thread of the
 * first dispatcher.  A core that has one already is no error.  LIB_ERR_NO_SPANNED_DISP: no such
 * core; LIB_ERR_THREAD_CREATE, LIB_ERR_MALLOC_FAIL; to the callback also SPAWN_ERR_* and whatever
 * making address space and CSpace may fail with. */
errval_t domain_new_dispatcher(coreid_t core, domain_spanned_callback_t callback, void *arg);

/* Creates a thread on a core where there is a dispatcher; ret may be NULL: then it is detached.
 * LIB_ERR_NO_SPANNED_DISP, LIB_ERR_THREAD_CREATE. */
errval_t domain_thread_create_on(coreid_t core, thread_func_t start, void *arg,
                                 struct thread **ret);
errval_t domain_thread_create_on_varstack(coreid_t core, thread_func_t start, void *arg,
                                          size_t stack_bytes, struct thread **ret);

/* thread_join, for a thread of any dispatcher. */
errval_t domain_thread_join(struct thread *thread, int *retval);

/* Goes on with a thread on another core: the caller itself, which returns there, or a thread of the
 * caller's dispatcher that could run.  LIB_ERR_NO_SPANNED_DISP; ERR_INVALID_ARGS: it waits, or is
 * elsewhere.  What the thread waits for or has bound stays where it is. */
errval_t domain_thread_move_to(struct thread *thread, coreid_t core);

/* Sends a copy of a capability to the dispatcher of a core, which takes it by domain_receive_cap,
 * in the order of arrival; that blocks the calling thread.  Types that travel between cores: frames
 * and others (docs/monitor.md, parcels).  LIB_ERR_NO_SPANNED_DISP, MON_ERR_WRONG_CAP_TYPE. */
errval_t domain_send_cap(coreid_t core, struct capref cap);
errval_t domain_receive_cap(struct capref *ret);

/* How what this domain unmaps is unmapped on its other cores, from now on: by messages of the
 * monitors, in this order and over these ways.  SHOOTDOWN_DEFAULT: as the menu says.  In each case
 * an unmap that has returned success means that no core of the domain uses the old translation;
 * with MON_ERR_NO_MONITOR_FOR_CORE one that cannot be reached may, and the memory must not be used
 * for anything else.  ERR_INVALID_ARGS. */
errval_t domain_set_shootdown(enum shootdown_protocol protocol);

#endif
