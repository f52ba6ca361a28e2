/* SPDX-License-Identifier: MIT
 *
 * Kept for programs that include it: what a region shows is part of <barrelfish/vspace.h>.
 */
#ifndef BARRELFISH_MEMOBJ_H
#define BARRELFISH_MEMOBJ_H

#include <barrelfish/vspace.h>

#endif
