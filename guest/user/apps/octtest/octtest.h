/* SPDX-License-Identifier: MIT
 *
 * What the parts of octtest share.
 */
#ifndef OCTTEST_H
#define OCTTEST_H

#include <barrelfish/barrelfish.h>

/* Each counts a failure and says what it was. */
void check(bool holds, const char *what);
void good(errval_t err, const char *what);

/* hostile.c */
void be_lazy(void);
void be_deaf(void);

#endif
