#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char *p = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert(p != MAP_FAILED && p[0] == 0 && p[99999] == 0);
    memset(p, 1, 100000);
    assert(munmap(p, 100000) == 0);
    assert(munmap(p, 100000) == -1 && errno == EINVAL);
    assert(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, 3, 0) == MAP_FAILED && errno == ENODEV);
    assert(mmap(NULL, 0, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    printf("px_memory: passed\n");
    return 0;
}
