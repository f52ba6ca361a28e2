/* SPDX-License-Identifier: MIT
 *
 * Types of POSIX threads, in place of the C library's, which are numbers.  The library gives them
 * the layout of our own threads' primitives (guest/user/lib/posix).
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <stddef.h>

typedef struct pthread *pthread_t;

typedef struct {
    struct {
        volatile int depth;
        void *holder, *queue;
    } mutex;
    int kind;
} pthread_mutex_t;

typedef struct {
    int kind;
} pthread_mutexattr_t;

typedef struct {
    void *queue;
} pthread_cond_t;

typedef struct {
    int unused;
} pthread_condattr_t;

typedef struct {
    volatile int state;
    pthread_mutex_t mutex;
} pthread_once_t;

typedef struct {
    size_t stack_bytes;
    int detached;
} pthread_attr_t;

typedef unsigned pthread_key_t;

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int readers; /* -1: a writer */
    int writers_waiting;
} pthread_rwlock_t;

typedef struct {
    int unused;
} pthread_rwlockattr_t;

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t passed;
    unsigned wanted, here, round;
} pthread_barrier_t;

typedef struct {
    int unused;
} pthread_barrierattr_t;

typedef volatile int pthread_spinlock_t;

#endif
