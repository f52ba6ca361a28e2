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

/* Capabilities that the monitor keeps locked for other cores: each says that a copy of it, or
 * something made of it, is in use there.  Not in kernel_mdb, so that revocation does not meet them
 * again and again. */
extern struct mdb kernel_remote_mdb;

#endif
