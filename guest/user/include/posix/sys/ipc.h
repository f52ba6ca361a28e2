/* SPDX-License-Identifier: MIT
 *
 * Names of System V for <sys/shm.h>.
 */
#ifndef BARRELFISH_SYS_IPC_H
#define BARRELFISH_SYS_IPC_H

#include <sys/types.h>

#define IPC_CREAT 01000
#define IPC_EXCL 02000
#define IPC_NOWAIT 04000
#define IPC_PRIVATE ((key_t)0)
#define IPC_RMID 0
#define IPC_SET 1
#define IPC_STAT 2

#endif
