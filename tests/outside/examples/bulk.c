/* Larger data inside one program: a ring in a frame that is mapped twice. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct capref frame, copy;
    size_t bytes;
    char *writer, *reader;

    errval_t err = frame_alloc(&frame, 64 * 1024, &bytes);
    assert(err_is_ok(err) && bytes >= 64 * 1024);
    err = slot_alloc(&copy);
    assert(err_is_ok(err));
    err = cap_copy(copy, frame);
    assert(err_is_ok(err));
    err = vspace_map_one_frame((void **)&writer, bytes, frame, NULL, NULL);
    assert(err_is_ok(err));
    err = vspace_map_one_frame_attr((void **)&reader, bytes, copy, VREGION_FLAGS_READ, NULL, NULL);
    assert(err_is_ok(err) && writer != reader);
    for (size_t at = 0; at < bytes; at += 1024)
        memset(writer + at, (int)(at / 1024), 1024);
    for (size_t at = 0; at < bytes; at += 4096)
        assert(reader[at] == (char)(at / 1024) && memcmp(reader + at, writer + at, 4096) == 0);
    err = vspace_unmap(reader);
    assert(err_is_ok(err));
    printf("ex_bulk: passed\n");
    return 0;
}
