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
    assert(mprotect(p, 4096, PROT_READ) == 0 && p[0] == 1);
    p[4096] = 2;
    assert(mprotect(p, 100000, PROT_READ | PROT_WRITE) == 0);
    p[0] = 3;
    assert(mprotect(p + 5, 4096, PROT_READ) == -1 && errno == EINVAL);
    assert(mprotect(p, 1 << 30, PROT_READ) == -1 && errno == EINVAL);
    assert(mprotect(p, 4096, PROT_NONE) == -1 && errno == EACCES);
    assert(munmap(p, 100000) == 0);
    assert(munmap(p, 100000) == -1 && errno == EINVAL);
    assert(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, 3, 0) == MAP_FAILED && errno == ENODEV);
    assert(mmap(NULL, 0, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    printf("px_memory: passed\n");
    return 0;
}
