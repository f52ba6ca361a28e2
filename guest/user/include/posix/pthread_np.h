/* SPDX-License-Identifier: MIT
 *
 * On which cores a thread may run: on the one where it is, and no other.  (A thread on another core
 * is made by domain_thread_create_on, <barrelfish/domain.h>.)
 */
#ifndef BARRELFISH_PTHREAD_NP_H
#define BARRELFISH_PTHREAD_NP_H

#include <pthread.h>
#include <sys/cpuset.h>

__BEGIN_DECLS

/* 0 if the caller's core is in the set, though it may run on no other; ENOTSUP if it is not.
 * `thread` is of this core.  EINVAL: `bytes` is not the size of a cpuset_t. */
int pthread_setaffinity_np(pthread_t thread, size_t bytes, const cpuset_t *set);
/* The caller's core alone. */
int pthread_getaffinity_np(pthread_t thread, size_t bytes, cpuset_t *set);

__END_DECLS

#endif
