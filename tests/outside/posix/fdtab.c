/* Descriptors as a table: streams, files, places. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vfs/fdtab.h>
#include <vfs/vfs.h>

int main(void)
{
    char back[8] = "";

    assert(fdtab_get(0)->type == FDTAB_TYPE_STDIN && fdtab_get(1)->type == FDTAB_TYPE_STDOUT);
    assert(fdtab_get(2)->type == FDTAB_TYPE_STDERR && fdtab_get(MAX_FD)->type == 0);
    int fd = open("/fdtab", O_CREAT | O_RDWR, 0600);
    assert(fd > 2 && fdtab_get(fd)->type == FDTAB_TYPE_FILE);

    /* the same file at another place */
    struct fdtab_entry entry = *fdtab_get(fd);
    int other = fdtab_alloc_from(&entry, 20);
    assert(other == 20 && write(other, "hello", 5) == 5);
    fdtab_free(fd);
    assert(fdtab_get(fd)->type == FDTAB_TYPE_AVAILABLE);
    assert(read(fd, back, 1) == -1 && errno == EBADF);
    assert(lseek(other, 0, SEEK_SET) == 0 && read(other, back, 5) == 5);
    assert(strcmp(back, "hello") == 0 && close(other) == 0);

    entry.type = FDTAB_TYPE_UNIX_SOCKET;
    assert(fdtab_alloc_from(&entry, MIN_FD) == -1 && errno == EINVAL);
    for (int i = MIN_FD; i < MAX_FD; i++)
        assert(i < 3 || fdtab_get(i)->type == FDTAB_TYPE_AVAILABLE);
    printf("px_fdtab: passed\n");
    return 0;
}
