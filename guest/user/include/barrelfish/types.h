/* SPDX-License-Identifier: MIT
 *
 * Kept for programs that include it: the basic types are those of the kernel's interface.
 */
#ifndef BARRELFISH_TYPES_H
#define BARRELFISH_TYPES_H

#include <barrelfish_kpi/types.h>
#include <inttypes.h>

#endif
