/* SPDX-License-Identifier: MIT
 *
 * The C library's, and what programs expect beside it.
 */
#ifndef BARRELFISH_SYS_PARAM_H
#define BARRELFISH_SYS_PARAM_H

#include_next <sys/param.h>

#ifndef nitems
#define nitems(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef CACHE_LINE_SIZE
#define CACHE_LINE_SIZE 64
#endif

#endif
