/* SPDX-License-Identifier: MIT
 *
 * Memory of nodes.  Cores and nodes are numbered from 0; sizes are in bytes.
 */
#ifndef BARRELFISH_NUMA_H
#define BARRELFISH_NUMA_H

#include <stddef.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

/* 0: there is one, if with a single node; -1: the monitor did not say.  Before all others. */
int numa_available(void);
int numa_max_node(void);
int numa_max_core(void);
int numa_node_of_cpu(int core);            /* -1: no such core */
int numa_distance(int one, int other);     /* 10 to itself; 0: no such node */
long numa_node_size(int node, long *free); /* bytes; free (may be NULL) is given the same; -1 */

/* Zeroed memory, of that node or of the caller's own.  NULL: none; of another node than the own one
 * there is what core 0 has left of it. */
void *numa_alloc_onnode(size_t bytes, int node);
void *numa_alloc_local(size_t bytes);
void *numa_alloc(size_t bytes);
void numa_free(void *memory, size_t bytes);

__END_DECLS

#endif
