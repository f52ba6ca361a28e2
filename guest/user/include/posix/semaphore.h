/* SPDX-License-Identifier: MIT
 *
 * POSIX semaphores of one program.  Functions return 0, or -1 and set errno.
 */
#ifndef BARRELFISH_SEMAPHORE_H
#define BARRELFISH_SEMAPHORE_H

#include <sys/cdefs.h>

__BEGIN_DECLS

typedef struct {
    volatile unsigned value;
    void *queue;
} sem_t;

int sem_init(sem_t *sem, int shared, unsigned value); /* ENOSYS: shared between programs */
int sem_destroy(sem_t *sem);                          /* EBUSY: somebody waits */
int sem_wait(sem_t *sem);
int sem_trywait(sem_t *sem); /* EAGAIN */
int sem_post(sem_t *sem);
int sem_getvalue(sem_t *sem, int *value);

__END_DECLS

#endif
