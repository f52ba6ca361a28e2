/* More memory than a program starts with; every piece is its own. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>

#define PIECES 24

int main(void)
{
    struct capref caps[PIECES];
    struct frame_identity ids[PIECES];

    for (int i = 0; i < PIECES; i++) {
        size_t bytes = 0;
        errval_t err = frame_alloc(&caps[i], 100 * 1024, &bytes);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "frame %d", i);
        assert(bytes >= 100 * 1024 && bytes % BASE_PAGE_SIZE == 0);
        err = frame_identify(caps[i], &ids[i]);
        assert(err_is_ok(err) && ids[i].bytes == bytes);
        for (int j = 0; j < i; j++) {
            assert(ids[i].base >= ids[j].base + ids[j].bytes ||
                   ids[j].base >= ids[i].base + ids[i].bytes);
        }
    }
    for (int i = 0; i < PIECES; i++) {
        errval_t err = cap_destroy(caps[i]);
        assert(err_is_ok(err));
    }
    printf("mem_ram: passed\n");
    return 0;
}
