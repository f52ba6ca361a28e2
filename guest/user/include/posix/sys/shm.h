/* SPDX-License-Identifier: MIT
 *
 * Shared memory of System V, so that programs which may use it compile: there is none, and all fail
 * with ENOSYS.  Domains share a Frame that one sends to the other.
 */
#ifndef BARRELFISH_SYS_SHM_H
#define BARRELFISH_SYS_SHM_H

#include <sys/cdefs.h>
#include <sys/ipc.h>

__BEGIN_DECLS

#define SHM_RDONLY 010000
#define SHM_R 0400
#define SHM_W 0200

struct shmid_ds {
    size_t shm_segsz;
    pid_t shm_cpid;
    int shm_nattch;
};

int shmget(key_t key, size_t bytes, int flags);
void *shmat(int id, const void *address, int flags); /* (void *)-1 */
int shmdt(const void *address);
int shmctl(int id, int command, struct shmid_ds *ds);

__END_DECLS

#endif
