/* SPDX-License-Identifier: MIT
 *
 * What the CPU driver does with capabilities of other cores: objects of several parts are names, RAM
 * is its owner's to use, and ownership comes and goes with the last copy.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_foreign, .init = set_up, .fini = tear_down);

#define BUFFER (UDISP + DISPATCHER_FRAME_BYTES - 64)
#define KERNEL_CPTR KPI_CPTR(0, TASKCN_SLOT_KERNELCAP)
#define KERNEL(...) INVOKE(KERNEL_CPTR, 2, __VA_ARGS__)
#define FAR_BASE (2ull << 30) /* memory that this core does not have */

/* As the monitor makes it of what it is told. */
static errval_t receive(unsigned slot, unsigned type, uint64_t base, uint64_t bytes,
                        unsigned generation, unsigned owner)
{
    struct capability given = { .type = (uint8_t)type,
                                .generation = (uint8_t)generation,
                                .rights = CAPRIGHTS_ALLRIGHTS };
    given.u.mem.base = base;
    given.u.mem.bytes = bytes;
    memcpy((char *)alice->disp + DISPATCHER_FRAME_BYTES - 64, &given, sizeof(given));
    return KERNEL(KernelCmd_Create_cap, BUFFER, SLOT(0), 1, slot, owner).error;
}

static unsigned owner_of(unsigned slot)
{
    const struct sysret result = KERNEL(KernelCmd_Get_cap_owner, ROOT_CPTR, SLOT(slot), 2);
    EXPECT_OK(result.error);
    return (unsigned)result.value;
}

static errval_t on(uint64_t command, unsigned slot)
{
    return KERNEL(command, SLOT(slot), 2).error;
}

/* Of what is kept, as the monitor does it. */
static errval_t set_owner(unsigned slot, unsigned core)
{
    EXPECT_OK(on(KernelCmd_Lock_cap, slot));
    const errval_t err = KERNEL(KernelCmd_Set_cap_owner, SLOT(slot), 2, core).error;
    EXPECT_OK(on(KernelCmd_Unlock_cap, slot));
    return err;
}

static bool is_shared(unsigned slot)
{
    const struct sysret result = KERNEL(KernelCmd_Is_shared, SLOT(slot), 2);
    EXPECT_OK(result.error);
    return result.value != 0;
}

static errval_t revoke(capaddr_t cptr)
{
    return INVOKE(0, 0, CNodeCmd_Revoke, cptr, 2).error;
}

static unsigned type_in(unsigned slot)
{
    return cap_at(alice, SLOT(slot))->type;
}

static const struct {
    unsigned type;
    uint64_t bytes;
} objects[] = {
    { ObjType_L1CNode, OBJSIZE_L2CNODE },           { ObjType_L2CNode, OBJSIZE_L2CNODE },
    { ObjType_Dispatcher, OBJSIZE_DISPATCHER },     { ObjType_VNode_x86_64_pml4, OBJSIZE_VNODE },
    { ObjType_VNode_x86_64_pdpt, OBJSIZE_VNODE },   { ObjType_VNode_x86_64_pdir, OBJSIZE_VNODE },
    { ObjType_VNode_x86_64_ptable, OBJSIZE_VNODE },
};
#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

/* Its memory is not even there: whoever looked into it would fall. */
Test(kernel_foreign, no_command_touches_an_object_of_another_core)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        EXPECT_OK(receive(1, objects[i].type, FAR_BASE, objects[i].bytes, 0, 1));
        for (uint64_t command = 0; command < 16; command++)
            EXPECT_ERR(INVOKE(SLOT(1), 2, command, 0, 0, 0, 0, 0, 0, 0, 0).error,
                       SYS_ERR_RETRY_THROUGH_MONITOR);
        EXPECT_OK(copy(2, SLOT(1)));
        cr_expect_eq(owner_of(2), 1);
        EXPECT_ERR(INVOKE(SLOT(2), 2, 0, 0).error, SYS_ERR_RETRY_THROUGH_MONITOR);
        EXPECT_OK(delete_cap(SLOT(1)));
        cr_expect_eq(entries, 1, "there is nothing to take apart");
        EXPECT_OK(delete_cap(SLOT(2)));
        cr_expect_eq(type_in(2), ObjType_Null);
    }
}

Test(kernel_foreign, no_argument_leads_into_an_object_of_another_core)
{
    EXPECT_OK(receive(1, ObjType_L1CNode, FAR_BASE, OBJSIZE_L2CNODE, 0, 1));
    EXPECT_OK(receive(2, ObjType_L2CNode, FAR_BASE + (1u << 20), OBJSIZE_L2CNODE, 0, 1));
    EXPECT_OK(receive(3, ObjType_VNode_x86_64_pdpt, FAR_BASE + (2u << 20), OBJSIZE_VNODE, 0, 1));
    EXPECT_OK(receive(4, ObjType_VNode_x86_64_pml4, FAR_BASE + (3u << 20), OBJSIZE_VNODE, 0, 1));
    EXPECT_OK(receive(5, ObjType_Dispatcher, FAR_BASE + (4u << 20), OBJSIZE_DISPATCHER, 0, 1));
    const errval_t through = SYS_ERR_RETRY_THROUGH_MONITOR;

    /* as the root of a CSpace, as the CNode that receives, as a part of a CSpace */
    EXPECT_ERR(err_pop(INVOKE(SLOT(0), 1, CNodeCmd_Copy, 9, SLOT(1), RAM_CPTR, 2).error), through);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Copy, 50, ROOT_CPTR, SLOT(2), 2).error, through);
    errval_t err = INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 0, ObjType_Frame,
                          4096, 1, ROOT_CPTR, SLOT(2) | 2ull << 32, 0)
                       .error;
    EXPECT_ERR(err_pop(err), through);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Resize, SLOT(1), 2).error, through);

    /* as a table to be hung into another one, and as what a dispatcher is set up with */
    err = INVOKE(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(3),
                 2 | 5ull << 32, 0, 0, 1, SLOT(0) | 1ull << 32, 9)
              .error;
    EXPECT_ERR(err, through);
    err = INVOKE(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), 2, VNodeCmd_Inherit, ROOT_CPTR,
                 SLOT(4) | 2ull << 32, 1ull << 32, INHERIT_ATTR_SAME, SLOT(0) | 1ull << 32, 9)
              .error;
    EXPECT_ERR(err_pop(err), through);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 10));
    err = INVOKE(SLOT(10), 2, DispatcherCmd_Setup, SLOT(1) | 2ull << 32).error;
    EXPECT_ERR(err_pop(err), through);
    err = INVOKE(SLOT(10), 2, DispatcherCmd_Setup, 0, SLOT(4) | 2ull << 32).error;
    EXPECT_ERR(err_pop(err), through);
    err = INVOKE(SLOT(10), 2, DispatcherCmd_Setup, 0, 0, 0, 0, 0, 0, SLOT(5) | 2ull << 32).error;
    EXPECT_ERR(err_pop(err), through);
    EXPECT_OK(delete_cap(SLOT(10)));

    /* and nothing is made of a dispatcher */
    EXPECT_ERR(retype(SLOT(5), 0, ObjType_EndPointLMP, 0, 1, 11), through);
    for (unsigned slot = 1; slot <= 5; slot++)
        EXPECT_OK(delete_cap(SLOT(slot)));
}

/* What is kept for another core is a capability of the object, too: the object stays. */
Test(kernel_foreign, an_object_lives_as_long_as_another_core_has_it)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_L2CNode, 0, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(on(KernelCmd_Lock_cap, 2));
    struct cte *in = cnode_slot(cap_at(alice, SLOT(1)), 7);
    EXPECT_OK(INVOKE(SLOT(1), 2, CNodeCmd_Copy, 7, ROOT_CPTR, RAM_CPTR, 2).error);
    EXPECT_OK(delete_cap(SLOT(1)));
    cr_expect_eq(in->cap.type, ObjType_RAM, "nothing was taken apart");
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 3), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(on(KernelCmd_Unlock_cap, 2));
    EXPECT_OK(delete_cap(SLOT(2)));
    cr_expect_eq(in->cap.type, ObjType_Null);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 3));
    EXPECT_OK(delete_cap(SLOT(3)));
}

Test(kernel_foreign, nothing_is_made_of_foreign_ram_without_a_claim)
{
    EXPECT_OK(receive(1, ObjType_RAM, FAR_BASE, 16384, 0, 1));
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_RAM, 4096, 1, 2), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(delete_cap(SLOT(1)));
    EXPECT_OK(receive(1, ObjType_RAM, FAR_BASE, 16384, 0, my_core_id));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_RAM, 4096, 1, 2));
    cr_expect_eq(owner_of(2), my_core_id);
    EXPECT_OK(revoke(SLOT(1)));
    EXPECT_OK(delete_cap(SLOT(1)));
}

static errval_t claimed(unsigned slot, uint64_t base, uint64_t bytes, unsigned generation)
{
    return KERNEL(KernelCmd_Mark_witness, SLOT(slot), 2, base, bytes, generation).error;
}

/* The monitor holds the piece; domains have only the RAM it is a piece of. */
Test(kernel_foreign, what_was_claimed_of_foreign_ram_is_used_from_there)
{
    EXPECT_OK(receive(1, ObjType_RAM, FAR_BASE, 32768, 0, 1));
    EXPECT_OK(receive(2, ObjType_RAM, FAR_BASE + 8192, 8192, 0, my_core_id));
    EXPECT_ERR(retype(SLOT(1), 8192, ObjType_RAM, 4096, 1, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(claimed(2, FAR_BASE, 32768, 0));

    /* in it, not beside it, nor around it, nor twice */
    EXPECT_ERR(retype(SLOT(1), 4096, ObjType_RAM, 4096, 1, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(retype(SLOT(1), 4096, ObjType_RAM, 8192, 1, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(retype(SLOT(1), 8192, ObjType_RAM, 4096, 3, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(retype(SLOT(1), 8192, ObjType_RAM, 4096, 2, 4));
    cr_expect(owner_of(4) == my_core_id && owner_of(5) == my_core_id);
    cr_expect_eq(cap_at(alice, SLOT(5))->u.mem.base, FAR_BASE + 12288);
    EXPECT_ERR(retype(SLOT(1), 8192, ObjType_RAM, 4096, 1, 6), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(delete_cap(SLOT(4)));
    EXPECT_OK(retype(SLOT(1), 8192, ObjType_RAM, 4096, 1, 4));
    EXPECT_OK(delete_cap(SLOT(4)));
    EXPECT_OK(delete_cap(SLOT(5)));
    cr_expect_not(is_shared(2));

    /* of its size it is its child, and its holder may revoke it */
    cap_at(alice, SLOT(1))->rights &= (uint8_t)~CAPRIGHTS_REVOKE;
    EXPECT_OK(retype(SLOT(1), 8192, ObjType_RAM, 8192, 1, 4));
    cr_expect_eq(cap_at(alice, SLOT(4))->generation, 1);
    EXPECT_OK(retype(SLOT(4), 0, ObjType_RAM, 4096, 1, 5));
    EXPECT_OK(revoke(SLOT(4)));
    cr_expect(type_in(4) == ObjType_RAM && type_in(5) == ObjType_Null);
    cr_expect(is_shared(2));

    /* what the owner revokes goes piece by piece */
    EXPECT_ERR(on(KernelCmd_Delete_foreigns, 1), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(on(KernelCmd_Delete_foreigns, 2));
    cr_expect(type_in(2) == ObjType_RAM && type_in(4) == ObjType_Null);
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_OK(on(KernelCmd_Delete_foreigns, 1));
    EXPECT_OK(delete_cap(SLOT(1)));
}

/* What was made of the one, and the piece was claimed of, may still be on some core. */
Test(kernel_foreign, what_was_claimed_of_other_ram_is_not_used)
{
    EXPECT_OK(receive(1, ObjType_RAM, FAR_BASE, 32768, 0, 1));
    EXPECT_OK(receive(2, ObjType_RAM, FAR_BASE, 16384, 0, 1));
    EXPECT_OK(receive(3, ObjType_RAM, FAR_BASE, 4096, 0, my_core_id));
    EXPECT_OK(claimed(3, FAR_BASE, 16384, 0));
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_RAM, 4096, 1, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(retype(SLOT(2), 0, ObjType_RAM, 4096, 1, 4));
    EXPECT_OK(delete_cap(SLOT(4)));
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_RAM, 4096, 1, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(receive(5, ObjType_RAM, FAR_BASE + 16384, 4096, 0, my_core_id));
    EXPECT_OK(on(KernelCmd_Mark_witness, 5)); /* it came with its ownership, and was not claimed */
    EXPECT_ERR(retype(SLOT(1), 16384, ObjType_RAM, 4096, 1, 4), SYS_ERR_RETRY_THROUGH_MONITOR);
    for (unsigned slot = 1; slot <= 5; slot += 2)
        EXPECT_OK(delete_cap(SLOT(slot)));
}

Test(kernel_foreign, a_claim_of_the_last_generation_has_no_child_of_its_size)
{
    EXPECT_OK(receive(1, ObjType_RAM, FAR_BASE, 8192, CAP_GENERATION_MAX - 1, 1));
    EXPECT_OK(receive(2, ObjType_RAM, FAR_BASE, 8192, CAP_GENERATION_MAX, my_core_id));
    EXPECT_OK(claimed(2, FAR_BASE, 8192, CAP_GENERATION_MAX - 1));
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_RAM, 8192, 1, 3), SYS_ERR_INVALID_RETYPE);
    EXPECT_OK(retype(SLOT(1), 0, ObjType_RAM, 4096, 1, 3));
    EXPECT_OK(delete_cap(SLOT(3)));
}

Test(kernel_foreign, ownership_goes_with_the_last_copy_and_comes_back)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 16384, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_ERR(set_owner(1, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_RAM, 4096, 1, 2));
    EXPECT_ERR(set_owner(1, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(on(KernelCmd_Lock_cap, 2));
    EXPECT_ERR(set_owner(1, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(on(KernelCmd_Unlock_cap, 2));
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_ERR(set_owner(1, 2), SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Set_cap_owner, SLOT(99), 2, 1).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Set_cap_owner, SLOT(1), 2, 1).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(set_owner(1, 1));
    cr_expect_eq(owner_of(1), 1);
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(set_owner(1, my_core_id));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2));
    EXPECT_OK(revoke(RAM_CPTR));
}

Test(kernel_foreign, a_witness_stands_for_what_came_with_its_ownership)
{
    EXPECT_OK(receive(1, ObjType_RAM, FAR_BASE, 16384, 0, my_core_id));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(on(KernelCmd_Mark_witness, 1));
    EXPECT_ERR(on(KernelCmd_Mark_witness, 2), SYS_ERR_SLOT_IN_USE);
    cr_expect(is_shared(1));
    EXPECT_OK(copy(3, SLOT(2)));
    EXPECT_OK(retype(SLOT(2), 0, ObjType_RAM, 4096, 1, 4));
    EXPECT_OK(revoke(SLOT(2)));
    cr_expect(type_in(1) == ObjType_RAM && type_in(2) == ObjType_RAM);
    cr_expect(type_in(3) == ObjType_Null && type_in(4) == ObjType_Null);
    EXPECT_ERR(on(KernelCmd_Delete_foreigns, 2), SYS_ERR_DELETE_REMOTE_LOCAL);

    /* it goes along when the last copy does */
    EXPECT_OK(set_owner(2, 1));
    cr_expect(owner_of(1) == 1 && owner_of(2) == 1);
    EXPECT_OK(set_owner(2, my_core_id));

    /* what is kept for a third core is use, too */
    EXPECT_OK(retype(SLOT(2), 0, ObjType_RAM, 4096, 1, 4));
    EXPECT_OK(on(KernelCmd_Lock_cap, 4));
    EXPECT_OK(delete_cap(SLOT(2)));
    cr_expect(is_shared(1));
    EXPECT_OK(on(KernelCmd_Unlock_cap, 4));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(on(KernelCmd_Delete_foreigns, 1));
    cr_expect(type_in(1) == ObjType_RAM && type_in(2) == ObjType_Null &&
              type_in(4) == ObjType_Null);
    cr_expect_not(is_shared(1));
    EXPECT_OK(delete_cap(SLOT(1)));
}

/* The other core keeps it for this one, and this one for that: neither is use. */
Test(kernel_foreign, what_went_away_and_was_lent_back_is_not_used_by_itself)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 16384, 1, 1));
    const uint64_t base = cap_at(alice, SLOT(1))->u.mem.base;
    EXPECT_OK(on(KernelCmd_Lock_cap, 1));
    EXPECT_OK(KERNEL(KernelCmd_Set_cap_owner, SLOT(1), 2, 1).error);
    EXPECT_OK(receive(2, ObjType_RAM, base, 16384, 0, 1));
    cr_expect_not(is_shared(2));
    EXPECT_OK(copy(3, SLOT(2)));
    cr_expect(is_shared(2));
    EXPECT_OK(delete_cap(SLOT(3)));
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_OK(KERNEL(KernelCmd_Set_cap_owner, SLOT(1), 2, my_core_id).error);
    EXPECT_OK(on(KernelCmd_Unlock_cap, 1));
    EXPECT_OK(delete_cap(SLOT(1)));
}

/* A part that went away, and came back with its ownership: revoking the whole asks that core. */
Test(kernel_foreign, no_revoke_takes_the_witness_of_a_part)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 16384, 1, 1));
    EXPECT_OK(retype(SLOT(1), 4096, ObjType_RAM, 4096, 1, 2));
    EXPECT_OK(copy(3, SLOT(2)));
    EXPECT_OK(on(KernelCmd_Mark_witness, 3));
    EXPECT_ERR(revoke(RAM_CPTR), SYS_ERR_RETRY_THROUGH_MONITOR);
    cr_expect_eq(type_in(3), ObjType_RAM);
    EXPECT_OK(delete_cap(SLOT(3)));
    EXPECT_OK(revoke(RAM_CPTR));
    cr_expect(type_in(1) == ObjType_Null && type_in(2) == ObjType_Null);
}

Test(kernel_foreign, a_child_of_full_size_goes_and_its_parent_stays)
{
    EXPECT_OK(receive(1, ObjType_Frame, FAR_BASE, 16384, 0, 1)); /* the witness */
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(retype(SLOT(2), 0, ObjType_Frame, 16384, 1, 3));
    EXPECT_OK(retype(SLOT(3), 4096, ObjType_Frame, 4096, 1, 4));
    EXPECT_OK(retype(SLOT(3), 8192, ObjType_Frame, 8192, 1, 5));
    EXPECT_ERR(KERNEL(KernelCmd_Delete_foreigns, SLOT(1), 2, FAR_BASE, 16384, 0, 0).error,
               SYS_ERR_RETYPE_INVALID_OFFSET);
    const struct sysret result =
        KERNEL(KernelCmd_Delete_foreigns, SLOT(1), 2, FAR_BASE, 16384, 0, 1);
    cr_expect(err_is_ok(result.error) && result.value == 0);
    for (unsigned slot = 1; slot <= 5; slot++)
        cr_expect_eq(type_in(slot), slot <= 2 ? ObjType_Frame : ObjType_Null, "slot %u", slot);
}
