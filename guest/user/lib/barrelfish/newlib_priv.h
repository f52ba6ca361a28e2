/* SPDX-License-Identifier: MIT */
#ifndef NEWLIB_PRIV_H
#define NEWLIB_PRIV_H

#include <barrelfish_kpi/types.h>

/* Prints what printf has collected of an unfinished line. */
void newlib_flush_console(void);
void newlib_flush_console_disabled(dispatcher_handle_t handle);

#endif
