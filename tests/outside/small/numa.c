#include <barrelfish/barrelfish.h>
#include <numa.h>
#include <stdio.h>

int main(void)
{
    long free = 0;

    assert(numa_available() == 0);
    assert(numa_max_node() == 1 && numa_max_core() == 1);
    assert(numa_node_of_cpu(0) == 0 && numa_node_of_cpu(1) == 1 && numa_node_of_cpu(2) == -1);
    assert(numa_distance(0, 0) == 10 && numa_distance(0, 1) > 10 && numa_distance(0, 2) == 0);
    assert(numa_node_size(1, &free) > 0 && free > 0 && numa_node_size(2, NULL) == -1);
    for (int node = 0; node < 2; node++) { /* that of the other node comes from core 0 */
        char *memory = numa_alloc_onnode(1 << 20, node);
        assert(memory != NULL && memory[12345] == 0);
        memory[12345] = 1;
        numa_free(memory, 1 << 20);
    }
    assert(numa_alloc_onnode(4096, 2) == NULL && numa_alloc_local(4096) != NULL);
    assert(numa_alloc(4096) != NULL);
    printf("sm_numa: passed\n");
    return 0;
}
