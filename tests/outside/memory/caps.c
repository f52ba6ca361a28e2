/* Copies, mints, retypes, and what deleting and revoking does to them. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>

static struct capref new_slot(void)
{
    struct capref slot;
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "slot_alloc");
    return slot;
}

int main(void)
{
    struct capref ram, frame = new_slot(), second = new_slot(), copy = new_slot(),
                       minted = new_slot();
    struct capability cap;

    errval_t err = ram_alloc(&ram, 14);
    assert(err_is_ok(err));
    err = cap_retype(frame, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1);
    assert(err_is_ok(err));
    err = cap_retype(second, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1);
    assert(err_no(err) == SYS_ERR_REVOKE_FIRST);
    err = cap_retype(second, ram, BASE_PAGE_SIZE, ObjType_Frame, BASE_PAGE_SIZE, 1);
    assert(err_is_ok(err));
    err = cap_copy(copy, frame);
    assert(err_is_ok(err));
    err = cap_mint(minted, frame, CAPRIGHTS_READ | CAPRIGHTS_IDENTIFY, 0);
    assert(err_is_ok(err));
    err = cap_direct_identify(minted, &cap);
    assert(err_is_ok(err) && cap.type == ObjType_Frame && cap.u.frame.bytes == BASE_PAGE_SIZE);
    err = vspace_map_one_frame(&(void *){ NULL }, BASE_PAGE_SIZE, minted, NULL, NULL);
    assert(err_is_fail(err)); /* not writable */
    err = cap_delete(copy);
    assert(err_is_ok(err));
    err = cap_direct_identify(frame, &cap);
    assert(err_is_ok(err));
    err = cap_revoke(ram);
    assert(err_is_ok(err));
    err = cap_direct_identify(frame, &cap);
    assert(err_is_fail(err) || cap.type == ObjType_Null);
    err = cap_destroy(ram);
    assert(err_is_ok(err));
    assert(err_is_ok(slot_free(copy)));
    printf("mem_caps: passed\n");
    return 0;
}
