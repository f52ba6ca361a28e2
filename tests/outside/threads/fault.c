/* A handler of page faults that maps what is missing. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/except.h>
#include <stdio.h>

#define MISSING 0xc000000000ul

static char stack[8192];
static int faults;

static void handler(enum exception_type type, int subtype, void *addr, arch_registers_state_t *regs)
{
    struct capref frame;
    size_t bytes;

    assert(type == EXCEPT_PAGEFAULT && subtype == PAGEFLT_WRITE);
    errval_t err = frame_alloc(&frame, BASE_PAGE_SIZE, &bytes);
    assert(err_is_ok(err));
    err = vspace_map_one_frame_fixed((lvaddr_t)addr & ~(lvaddr_t)BASE_PAGE_MASK, bytes, frame, NULL,
                                     NULL);
    assert(err_is_ok(err));
    faults++;
}

int main(void)
{
    errval_t err =
        thread_set_exception_handler(handler, NULL, stack, stack + sizeof(stack), NULL, NULL);

    assert(err_is_ok(err));
    for (int i = 0; i < 3; i++) {
        volatile int *p = (int *)(MISSING + i * BASE_PAGE_SIZE + 8);
        *p = i;
        assert(*p == i);
    }
    assert(faults == 3);
    printf("th_fault: passed\n");
    return 0;
}
