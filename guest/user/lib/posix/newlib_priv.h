/* SPDX-License-Identifier: MIT */
#ifndef NEWLIB_PRIV_H
#define NEWLIB_PRIV_H

#include <barrelfish_kpi/types.h>

/* Prints what printf has collected of an unfinished line. */
void newlib_flush_console(void);
void newlib_flush_console_disabled(dispatcher_handle_t handle);

/* Heap memory, for free(), from what is mapped already; NULL if there is none.  For those whom the
 * growing of the heap would call again. */
void *newlib_alloc_mapped(size_t bytes);

#endif
