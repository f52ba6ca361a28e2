/* SPDX-License-Identifier: MIT
 *
 * libtest: capabilities, address space, heap.
 */
#include <stdio.h>
#include <string.h>

#include "libtest.h"

void test_capabilities(void)
{
    struct capref ram, frame, copy, many, cnode_cap;
    struct cnoderef cnode;
    struct capability contents;
    struct frame_identity id, id2;
    char text[128];

    CHECK_OK(ram_alloc(&ram, 14));
    CHECK_OK(cap_direct_identify(ram, &contents));
    CHECK(contents.type == ObjType_RAM && contents.u.mem.bytes == 16384);
    CHECK(contents.u.mem.base % 16384 == 0);

    CHECK_OK(slot_alloc(&frame));
    CHECK_OK(cap_retype(frame, ram, 4096, ObjType_Frame, 8192, 1));
    CHECK_OK(frame_identify(frame, &id));
    CHECK_OK(invoke_frame_identify(frame, &id2)); /* the Frame itself says the same */
    CHECK(id2.base == id.base && id2.bytes == id.bytes);
    CHECK(id.base == contents.u.mem.base + 4096 && id.bytes == 8192);
    /* the range is taken; another part of the same RAM is not */
    CHECK_OK(slot_alloc(&copy));
    CHECK(err_no(cap_retype(copy, ram, 8192, ObjType_Frame, 4096, 1)) == SYS_ERR_REVOKE_FIRST);
    CHECK_OK(cap_retype(copy, ram, 12288, ObjType_Frame, 4096, 1));
    CHECK_OK(cap_delete(copy));

    CHECK_OK(cap_copy(copy, frame));
    CHECK_OK(frame_identify(copy, &id2));
    CHECK(id2.base == id.base && id2.bytes == id.bytes);
    CHECK(err_no(cap_copy(copy, frame)) == SYS_ERR_SLOT_IN_USE);
    CHECK_OK(cap_delete(copy));
    CHECK_OK(cap_mint(copy, frame, CAPRIGHTS_READ | CAPRIGHTS_IDENTIFY, 0));
    CHECK_OK(cap_direct_identify(copy, &contents));
    CHECK(contents.rights == (CAPRIGHTS_READ | CAPRIGHTS_IDENTIFY));
    CHECK_OK(cap_revoke(frame));
    CHECK(err_is_fail(cap_direct_identify(copy, &contents)));
    CHECK(debug_print_cap_at_capref(text, sizeof(text), frame) > 0);
    CHECK(strncmp(text, "Frame cap (0x", 13) == 0);
    CHECK_OK(slot_free(copy));
    CHECK_OK(cap_destroy(frame));
    CHECK_OK(cap_destroy(ram));
    CHECK(err_no(slot_free(ram)) == LIB_ERR_SLOT_FREE);

    /* more than any machine has, also so much more that sums overflow */
    for (size_t bytes = SIZE_MAX; bytes > 1ul << 40; bytes /= 2) {
        CHECK(err_is_fail(frame_alloc(&frame, bytes, NULL)));
        CHECK(err_is_fail(frame_alloc(&frame, bytes - 8192, NULL)));
    }
    CHECK(err_is_fail(frame_alloc(&frame, 0, NULL)));

    CHECK_OK(cnode_create(&cnode_cap, &cnode, 256, NULL));
    many = (struct capref){ .cnode = cnode, .slot = 7 };
    CHECK_OK(frame_create(many, 5000, NULL));
    CHECK_OK(frame_identify(many, &id));
    CHECK(id.bytes == 8192);
    CHECK_OK(cap_delete(many));

    /* enough slots to need further CNodes */
    static struct capref slots[600];
    for (unsigned i = 0; i < 600; i++) {
        CHECK_OK(slot_alloc(&slots[i]));
        for (unsigned j = i < 3 ? 0 : i - 3; j < i; j++)
            CHECK(!capcmp(slots[i], slots[j]));
    }
    CHECK_OK(frame_create(slots[599], 4096, NULL));
    CHECK_OK(cap_delete(slots[599]));
    for (unsigned i = 0; i < 600; i++)
        CHECK_OK(slot_free(slots[i]));
}

void test_vspace(void)
{
    struct capref frame, head;
    struct vregion *region;
    volatile uint64_t *a, *b;
    void *mapped;
    size_t bytes;

    /* the same memory at two places, and zeroed */
    CHECK_OK(frame_alloc(&frame, 3 * 4096, &bytes));
    CHECK(bytes == 3 * 4096);
    CHECK_OK(slot_alloc(&head));
    CHECK_OK(cap_copy(head, frame));
    CHECK_OK(vspace_map_one_frame(&mapped, bytes, frame, NULL, &region));
    a = mapped;
    CHECK_OK(vspace_map_one_frame_attr(&mapped, 4096, head, VREGION_FLAGS_READ, NULL, NULL));
    b = mapped;
    CHECK(a[0] == 0 && a[bytes / 8 - 1] == 0);
    a[5] = 0x1234567890;
    a[bytes / 8 - 1] = 1;
    CHECK(b[5] == 0x1234567890);
    CHECK(vregion_get_base_addr(region) == (genvaddr_t)a);
    CHECK_OK(vspace_unmap((void *)b));
    CHECK(err_no(vspace_unmap((void *)b)) == LIB_ERR_VREGION_NOT_FOUND);
    CHECK_OK(vspace_unmap((void *)a));
    CHECK_OK(cap_destroy(head));
    CHECK_OK(cap_destroy(frame));

    /* across page tables, at a fixed address */
    lvaddr_t fixed = DOMAIN_OWN_VBASE + (3ul << 30) - 8192;
    CHECK_OK(frame_alloc(&frame, 4 * 4096, NULL));
    CHECK_OK(vspace_map_one_frame_fixed(fixed, 4 * 4096, frame, NULL, NULL));
    memset((void *)fixed, 0xa5, 4 * 4096);
    CHECK(*(volatile uint8_t *)(fixed + 4 * 4096 - 1) == 0xa5);
    CHECK(err_is_fail(vspace_map_one_frame_fixed(fixed + 4096, 4096, frame, NULL, NULL)));
    CHECK_OK(vspace_unmap((void *)fixed));
    CHECK_OK(cap_destroy(frame));

    CHECK_OK(vspace_map_anon_attr(&mapped, NULL, NULL, 10000, &bytes, VREGION_FLAGS_READ_WRITE));
    CHECK(bytes == 12288);
    memset(mapped, 1, bytes);
    CHECK_OK(vspace_unmap(mapped));
}

/* Threads that allocate at the same time must not take from each other what each has seen to be
 * there. With slices of a few microseconds they meet between the look and the taking. */
#define HUNGRY_THREADS 4
#define HUNGRY_BLOCKS 24

static int be_hungry(void *arg)
{
    static char *block[HUNGRY_THREADS][HUNGRY_BLOCKS];
    char **mine = block[(uintptr_t)arg];

    for (unsigned i = 0; i < HUNGRY_BLOCKS; i++) {
        mine[i] = malloc(90000);
        CHECK(mine[i] != NULL);
        thread_yield();
    }
    for (unsigned i = 0; i < HUNGRY_BLOCKS; i++)
        free(mine[i]);
    return 0;
}

static void test_hungry_threads(void)
{
    struct thread *thread[HUNGRY_THREADS];

    for (uintptr_t i = 0; i < HUNGRY_THREADS; i++) {
        thread[i] = thread_create(be_hungry, (void *)i);
        CHECK(thread[i] != NULL);
    }
    for (unsigned i = 0; i < HUNGRY_THREADS; i++)
        CHECK_OK(thread_join(thread[i], NULL));
}

/* What the C library allocates by itself comes from the same heap. */
static void test_library_heap(void)
{
    static char *copy[6000];
    static char text[70000];

    for (unsigned i = 0; i < 6000; i++) {
        copy[i] = strdup("sixty letters or so, of which some hundred thousand are kept");
        CHECK(copy[i] != NULL);
    }
    for (unsigned i = 0; i < 6000; i++)
        free(copy[i]);
    memset(text, 'x', sizeof(text) - 1);
    for (unsigned i = 0; i < 8; i++) {
        copy[i] = strdup(text);
        CHECK(copy[i] != NULL && strcmp(copy[i], text) == 0);
    }
    for (unsigned i = 0; i < 8; i++)
        free(copy[i]);
    void *aligned = aligned_alloc(4096, 1 << 20);
    CHECK(aligned != NULL && (uintptr_t)aligned % 4096 == 0);
    free(aligned);
}

void test_heap(void)
{
    static char *block[64];
    static char not_heap[16];
    char *volatile not_from_malloc = not_heap; /* as one of the examples does */

    for (unsigned i = 0; i < 64; i++) {
        block[i] = malloc(1000 + 100 * i);
        CHECK(block[i] != NULL);
        memset(block[i], (int)i, 1000 + 100 * i);
    }
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned j = 0; j < 1000 + 100 * i; j++)
            CHECK(block[i][j] == (char)i);
        free(block[i]);
    }
    char *large = malloc(200000);
    CHECK(large != NULL);
    memset(large, 7, 200000);
    char *larger = realloc(large, 220000);
    CHECK(larger != NULL && larger[199999] == 7);
    free(larger);

    /* more than the domain was started with */
    large = malloc(3 << 20);
    CHECK(large != NULL);
    memset(large, 7, 3 << 20);
    for (unsigned i = 0; i < 32; i++) {
        block[i] = calloc(1, 65536);
        CHECK(block[i] != NULL && block[i][65535] == 0);
    }
    for (unsigned i = 0; i < 32; i++)
        free(block[i]);
    free(large);
    free(not_from_malloc);
    test_library_heap();
    test_hungry_threads();
}
