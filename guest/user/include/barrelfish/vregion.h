/* SPDX-License-Identifier: MIT
 *
 * Kept for programs that include it: regions and their flags are part of <barrelfish/vspace.h>.
 */
#ifndef BARRELFISH_VREGION_H
#define BARRELFISH_VREGION_H

#include <barrelfish/vspace.h>

#endif
