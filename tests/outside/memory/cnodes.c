#include <barrelfish/barrelfish.h>
#include <stdio.h>

int main(void)
{
    struct capref cnode_cap, ram, l2;
    struct cnoderef cnode;
    cslot_t slots = 0;

    errval_t err = cnode_create(&cnode_cap, &cnode, 256, &slots);
    assert(err_is_ok(err) && slots == 256);
    struct capref slot = { .cnode = cnode, .slot = 200 };
    err = ram_alloc(&ram, BASE_PAGE_BITS);
    assert(err_is_ok(err));
    err = cap_copy(slot, ram);
    assert(err_is_ok(err));
    assert(err_is_fail(cap_copy(slot, ram)));
    struct capability c;
    assert(err_is_ok(cap_direct_identify(slot, &c)) && c.type == ObjType_RAM &&
           c.u.ram.bytes == 4096);
    assert(err_is_ok(cap_delete(slot)));

    struct capref big;
    err = ram_alloc(&big, 14);
    assert(err_is_ok(err));
    err = slot_alloc(&l2);
    assert(err_is_ok(err));
    err = cnode_create_from_mem(l2, big, ObjType_L1CNode, NULL, 256);
    assert(err_is_ok(err));
    assert(err_no(cnode_create_from_mem(l2, big, ObjType_L2CNode, NULL, 1024)) ==
           LIB_ERR_CNODE_SLOTS);
    assert(!capref_is_null(ram) && capref_is_null(NULL_CAP) && capcmp(ram, ram));
    err = cap_destroy(cnode_cap);
    assert(err_is_ok(err));
    printf("mem_cnodes: passed\n");
    return 0;
}
