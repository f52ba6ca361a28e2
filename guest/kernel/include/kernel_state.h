/* SPDX-License-Identifier: MIT
 *
 * State of this core's CPU driver that several files share.
 */
#ifndef KERNEL_STATE_H
#define KERNEL_STATE_H

#include <barrelfish_kpi/syscalls.h>

#include "kernel.h"
#include "mdb/mdb.h"

extern struct kernel_stats kernel_counters;
extern struct mdb kernel_mdb;

#endif
