/* SPDX-License-Identifier: MIT
 *
 * The machine's shape: cores, nodes of memory, distances.  Read once from the boot information,
 * which the monitor shows to every domain.
 */
#ifndef BARRELFISH_MACHINE_TOPOLOGY_H
#define BARRELFISH_MACHINE_TOPOLOGY_H

#include <abi/boot.h>
#include <errors/errno.h>

/* Gives a structure that stays.  Blocks the calling thread the first time.  LIB_ERR_MALLOC_FAIL,
 * errors of the monitor, LIB_ERR_VSPACE_MAP. */
errval_t machine_topology_get(const struct abi_topology **ret);

#endif
