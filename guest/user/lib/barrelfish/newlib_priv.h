/* SPDX-License-Identifier: MIT */
#ifndef NEWLIB_PRIV_H
#define NEWLIB_PRIV_H

/* Prints what printf has collected of an unfinished line. */
void newlib_flush_console(void);

#endif
