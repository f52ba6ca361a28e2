#include <barrelfish/barrelfish.h>
#include <barrelfish/slab.h>
#include <stdio.h>

int main(void)
{
    static uint64_t memory[SLAB_STATIC_SIZE(4, 20) / 8];
    struct slab_allocator fixed, growing;
    void *blocks[5];

    slab_init(&fixed, 20, NULL);
    slab_grow(&fixed, memory, sizeof(memory));
    assert(slab_freecount(&fixed) == 4);
    for (int i = 0; i < 5; i++) {
        blocks[i] = slab_alloc(&fixed);
        assert((blocks[i] == NULL) == (i == 4));
    }
    assert(blocks[0] != blocks[1]);
    slab_free(&fixed, blocks[2]);
    assert(slab_alloc(&fixed) == blocks[2]);
    slab_init(&growing, 100, slab_default_refill);
    for (int i = 0; i < 200; i++)
        assert(slab_alloc(&growing) != NULL);
    printf("sm_slab: passed\n");
    return 0;
}
