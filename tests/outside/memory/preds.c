#include <barrelfish/barrelfish.h>
#include <barrelfish/cap_predicates.h>
#include <bitmacros.h>
#include <stdio.h>

int main(void)
{
    struct capref ram, frame, copy;
    struct capability r, f, c;

    errval_t err = ram_alloc(&ram, 13);
    assert(err_is_ok(err));
    assert(err_is_ok(slot_alloc(&frame)) && err_is_ok(slot_alloc(&copy)));
    err = cap_retype(frame, ram, BASE_PAGE_SIZE, ObjType_Frame, BASE_PAGE_SIZE, 1);
    assert(err_is_ok(err));
    err = cap_copy(copy, frame);
    assert(err_is_ok(err));
    assert(err_is_ok(cap_direct_identify(ram, &r)) && err_is_ok(cap_direct_identify(frame, &f)) &&
           err_is_ok(cap_direct_identify(copy, &c)));
    assert(get_size(&r) == 8192 && get_address(&f) == get_address(&r) + 4096);
    assert(is_ancestor(&f, &r) && !is_ancestor(&r, &f) && !is_ancestor(&f, &c));
    assert(is_copy(&f, &c) && !is_copy(&f, &r));
    assert(compare_caps(&f, &c, false) == 0 && compare_caps(&r, &f, false) < 0);
    assert(get_type_root(ObjType_Frame) == get_type_root(ObjType_RAM));
    assert(get_type_root(ObjType_EndPointLMP) == get_type_root(ObjType_Dispatcher));
    assert(log2floor(4096) == 12 && log2floor(8191) == 12 && log2ceil(4097) == 13 &&
           log2ceil(1) == 0);
    assert(BIT(5) == 32 && MASK(4) == 15);
    printf("mem_preds: passed\n");
    return 0;
}
