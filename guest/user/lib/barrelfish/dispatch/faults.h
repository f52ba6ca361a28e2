/* SPDX-License-Identifier: MIT
 *
 * The end of a dispatcher that cannot go on.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <barrelfish/dispatch.h>
#include <barrelfish/threads.h>

/* Exit status of a domain stopped by a fault: 128 + 11, as a shell shows a segmentation fault. */
#define EXIT_STATUS_FAULT 139

/* Ends the domain in order, on the current thread but on a stack of its own: the monitor is told.
 * A second call, or one without a thread, stops the dispatcher.  Disabled, any stack. */
void disp_end_domain(dispatcher_handle_t handle) __attribute__((noreturn));

/* Says what the current thread has done and ends the domain as above. */
void disp_thread_fatal(dispatcher_handle_t handle, const char *what) __attribute__((noreturn));

/* Prints one line and stops the dispatcher.  Disabled, any stack. */
void disp_fatal(dispatcher_handle_t handle, const char *message) __attribute__((noreturn));

/* Serves page faults of the addresses that it covers, on the thread's own stack.  `covers` is asked
 * while disabled; a failure to serve is a fault of the thread. */
struct pager {
    bool (*covers)(lvaddr_t address);
    errval_t (*serve)(lvaddr_t address, enum pagefault_exception_type access);
};
void disp_set_pager(const struct pager *pager);

#endif
