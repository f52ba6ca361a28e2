/* SPDX-License-Identifier: MIT
 *
 * Kept for programs that include it: the receive side of UMP is part of <barrelfish/ump_chan.h>.
 */
#ifndef BARRELFISH_UMP_ENDPOINT_H
#define BARRELFISH_UMP_ENDPOINT_H

#include <barrelfish/ump_chan.h>

#endif
