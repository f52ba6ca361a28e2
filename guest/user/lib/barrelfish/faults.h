/* SPDX-License-Identifier: MIT
 *
 * The end of a dispatcher that cannot go on.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <barrelfish/dispatch.h>

/* Exit status of a domain stopped by a fault: 128 + 11, as a shell shows a segmentation fault. */
#define EXIT_STATUS_FAULT 139

/* Says what the current thread has done and ends the domain, in order: the monitor is told. */
void disp_thread_fatal(dispatcher_handle_t handle, const char *what) __attribute__((noreturn));

/* Prints one line and stops the dispatcher.  Disabled, any stack. */
void disp_fatal(dispatcher_handle_t handle, const char *message) __attribute__((noreturn));

#endif
