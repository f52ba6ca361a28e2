/* SPDX-License-Identifier: MIT */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <barrelfish_kpi/types.h>

/* Collects; prints what is complete. */
void console_write(const char *text, size_t length);

/* Prints what has been collected of an unfinished line. */
void console_flush(void);
void console_flush_disabled(dispatcher_handle_t handle);

#endif
