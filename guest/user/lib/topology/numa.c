/* SPDX-License-Identifier: MIT
 *
 * <numa.h>: nodes are ranges of physical memory, and RAM can be asked for within a range.
 *
 * The range that the domain prefers is set for as long as one allocation takes.  Another thread
 * that allocates meanwhile gets memory of that node, too.
 */
#include <numa.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>

static const struct abi_topology *machine;

int numa_available(void)
{
    return err_is_ok(machine_topology_get(&machine)) ? 0 : -1;
}

int numa_max_node(void)
{
    return (int)machine->node_count - 1;
}

int numa_max_core(void)
{
    return (int)machine->core_count - 1;
}

int numa_node_of_cpu(int core)
{
    return core < 0 || core > numa_max_core() ? -1 : machine->core_node[core];
}

static bool is_node(int node)
{
    return node >= 0 && node <= numa_max_node();
}

int numa_distance(int one, int other)
{
    return is_node(one) && is_node(other) ? machine->distance[one][other] : 0;
}

long numa_node_size(int node, long *free)
{
    if (!is_node(node))
        return -1;
    if (free != NULL)
        *free = (long)machine->node[node].ram_bytes;
    return (long)machine->node[node].ram_bytes;
}

void *numa_alloc_onnode(size_t bytes, int node)
{
    uint64_t from, to;
    void *memory = NULL;

    if (!is_node(node))
        return NULL;
    ram_get_affinity(&from, &to);
    ram_set_affinity(machine->node[node].ram_base,
                     machine->node[node].ram_base + machine->node[node].ram_bytes);
    errval_t err = vspace_map_anon_attr(&memory, NULL, NULL, bytes, NULL, VREGION_FLAGS_READ_WRITE);
    ram_set_affinity(from, to);
    return err_is_ok(err) ? memory : NULL;
}

void *numa_alloc_local(size_t bytes)
{
    return numa_alloc_onnode(bytes, numa_node_of_cpu(disp_get_core_id()));
}

void *numa_alloc(size_t bytes)
{
    return numa_alloc_local(bytes);
}

void numa_free(void *memory, size_t bytes)
{
    (void)bytes;
    if (memory != NULL)
        vspace_unmap(memory);
}
