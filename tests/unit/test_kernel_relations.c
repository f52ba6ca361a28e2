/* SPDX-License-Identifier: MIT
 *
 * Page tables that take over what others have; what monitors ask of capabilities for others; the
 * system calls of few.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

#include <signal.h>

TestSuite(kernel_relations, .init = set_up, .fini = tear_down);

#define BUFFER (UDISP + DISPATCHER_FRAME_BYTES - 64)
#define KERNEL_CPTR KPI_CPTR(0, TASKCN_SLOT_KERNELCAP)
#define KERNEL(...) INVOKE(KERNEL_CPTR, 2, __VA_ARGS__)
#define RAM_BASE (8ull << 20)
#define PTABLE(n) ((uint64_t *)(memory + RAM_BASE + (n)*OBJSIZE_VNODE))

static unsigned type_in(unsigned slot)
{
    return cap_at(alice, SLOT(slot))->type;
}

/* Slots 1 and 2: page tables, at the beginning of the RAM; 3: a frame of 128 KiB behind them, 4: of
 * 8 KiB. */
static void make_tables(unsigned type)
{
    EXPECT_OK(retype(RAM_CPTR, 0, type, 0, 2, 1));
    EXPECT_OK(retype(RAM_CPTR, 65536, ObjType_Frame, 131072, 1, 3));
    EXPECT_OK(retype(RAM_CPTR, 262144, ObjType_Frame, 8192, 1, 4));
}

static errval_t map(unsigned table, unsigned src, uint64_t entry, uint64_t attr, uint64_t count,
                    unsigned mapping)
{
    return INVOKE(SLOT(table), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(src), 2 | entry << 32, attr, 0,
                  count, CN, mapping)
        .error;
}

static errval_t remap(unsigned src, uint64_t entry, uint64_t count, unsigned mapping)
{
    return INVOKE(SLOT(1), 2, VNodeCmd_CopyRemap, ROOT_CPTR, SLOT(src), 2 | entry << 32,
                  PTABLE_WRITE, 0, count, CN, mapping)
        .error;
}

Test(kernel_relations, a_mapping_goes_over_to_another_frame)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(map(1, 3, 7, PTABLE_READ_ONLY, 2, 10));
    EXPECT_ERR(remap(4, 8, 1, 11), SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(remap(4, 7, 1, 11), SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(remap(4, 6, 2, 11), SYS_ERR_VNODE_NOT_INSTALLED);
    EXPECT_ERR(remap(2, 7, 1, 11), SYS_ERR_VM_MAP_RIGHTS);
    EXPECT_ERR(remap(3, 7, 2, 11), SYS_ERR_VM_ALREADY_MAPPED);
    EXPECT_ERR(remap(4, 7, 2, 10), SYS_ERR_SLOT_IN_USE);
    EXPECT_OK(remap(4, 7, 2, 11));
    cr_expect_eq(PTABLE(0)[7] & 0xffffff000, RAM_BASE + 262144);
    cr_expect_eq(PTABLE(0)[8] & 0xffffff000, RAM_BASE + 262144 + 4096);
    cr_expect(PTABLE(0)[8] & ABI_PTE_WRITE);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(10), 2).error, SYS_ERR_VNODE_NOT_INSTALLED);
    EXPECT_OK(delete_cap(SLOT(10)));
    EXPECT_OK(map(1, 3, 20, PTABLE_READ_ONLY, 1, 10));
    check_mappings();
    EXPECT_OK(delete_cap(SLOT(4)));
    cr_expect_eq(PTABLE(0)[7], 0);
    cr_expect_eq(type_in(11), ObjType_Null);
}

static struct sysret inherit(unsigned to, unsigned from, uint64_t first, uint64_t end,
                             uint64_t attr, unsigned slot)
{
    return INVOKE(SLOT(to), 2, VNodeCmd_Inherit, ROOT_CPTR, SLOT(from) | 2ull << 32,
                  first | end << 32, attr, CN, slot, 0);
}

Test(kernel_relations, a_table_takes_over_what_another_has)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(map(1, 3, 100, PTABLE_WRITE, 32, 10));
    EXPECT_OK(map(1, 4, 500, PTABLE_READ_ONLY, 2, 11));
    PTABLE(0)[101] |= 0x60; /* accessed, dirty */
    const struct sysret all = inherit(2, 1, 0, 512, INHERIT_ATTR_SAME, 20);
    EXPECT_OK(all.error);
    cr_expect_eq(all.value, 512 | 4ull << 32);
    for (unsigned i = 0; i < 512; i++)
        cr_assert_eq(PTABLE(1)[i], PTABLE(0)[i] & ~0x60ull, "entry %u", i);
    check_mappings();
    cr_expect(type_in(20) == ObjType_Frame && type_in(21) == ObjType_Frame_Mapping);
    cr_expect_not(cap_at(alice, SLOT(20))->rights & (CAPRIGHTS_GRANT | CAPRIGHTS_REVOKE));
    EXPECT_ERR(copy(30, SLOT(20)), SYS_ERR_CAP_RIGHTS);

    /* revoke finds what was taken over */
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Revoke, SLOT(3), 2).error);
    cr_expect(PTABLE(1)[100] == 0 && PTABLE(1)[131] == 0 && PTABLE(1)[500] != 0);
    cr_expect(type_in(20) == ObjType_Null && type_in(21) == ObjType_Null);
    EXPECT_OK(delete_cap(SLOT(2)));
    cr_expect(type_in(22) == ObjType_Frame && type_in(23) == ObjType_Null);
    check_mappings();
}

Test(kernel_relations, a_part_of_a_mapping_is_taken_over_and_narrowed)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(map(1, 3, 100, PTABLE_WRITE, 32, 10));
    const struct sysret part = inherit(2, 1, 110, 120, PTABLE_READ_ONLY, 20);
    EXPECT_OK(part.error);
    cr_expect_eq(part.value, 120 | 2ull << 32);
    cr_expect(PTABLE(1)[109] == 0 && PTABLE(1)[120] == 0);
    cr_expect_eq(PTABLE(1)[110] & 0xffffff000, RAM_BASE + 65536 + 10 * 4096);
    cr_expect_not(PTABLE(1)[119] & ABI_PTE_WRITE);
    cr_expect(PTABLE(0)[119] & ABI_PTE_WRITE);
    check_mappings();
}

/* As of a capability that was moved without its mapping: entries of somebody else would be freed. */
Test(kernel_relations, a_mapping_that_its_frame_does_not_know_is_noticed, .signal = SIGABRT)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(map(1, 3, 100, PTABLE_WRITE, 32, 10));
    cap_at(alice, SLOT(3))->u.word[CAP_MAPPING_WORD] += sizeof(struct cte);
    delete_cap(SLOT(10));
}

Test(kernel_relations, lower_tables_are_shared)
{
    make_tables(ObjType_VNode_x86_64_pdir);
    EXPECT_OK(retype(RAM_CPTR, 524288, ObjType_VNode_x86_64_ptable, 0, 1, 5));
    EXPECT_OK(map(1, 5, 3, 0, 1, 10));
    EXPECT_OK(inherit(2, 1, 0, 512, INHERIT_ATTR_SAME, 20).error);
    cr_expect_eq(PTABLE(1)[3], PTABLE(0)[3]);
    cr_expect_eq(type_in(21), ObjType_VNode_x86_64_ptable_Mapping);
    EXPECT_OK(delete_cap(SLOT(5)));
    cr_expect(PTABLE(0)[3] == 0 && PTABLE(1)[3] != 0);
    EXPECT_OK(delete_cap(SLOT(20)));
    cr_expect_eq(PTABLE(1)[3], 0);
}

Test(kernel_relations, inherit_goes_on_where_slots_have_ended)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(map(1, 3, 100, PTABLE_WRITE, 32, 10));
    EXPECT_OK(map(1, 4, 500, PTABLE_READ_ONLY, 2, 11));
    const struct sysret some = inherit(2, 1, 0, 512, INHERIT_ATTR_SAME, 254);
    EXPECT_OK(some.error);
    cr_expect_eq(some.value, 500 | 2ull << 32);
    EXPECT_OK(inherit(2, 1, some.value & UINT32_MAX, 512, INHERIT_ATTR_SAME, 20).error);
    cr_expect_eq(PTABLE(1)[501], PTABLE(0)[501]);
}

Test(kernel_relations, what_inherit_refuses)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(retype(RAM_CPTR, 524288, ObjType_VNode_x86_64_pml4, 0, 2, 5));
    EXPECT_OK(map(1, 3, 100, PTABLE_READ_ONLY, 32, 10));
    EXPECT_ERR(inherit(2, 30, 0, 512, 0, 20).error, SYS_ERR_SOURCE_CAP_LOOKUP);
    EXPECT_ERR(inherit(2, 5, 0, 512, 0, 20).error, SYS_ERR_WRONG_MAPPING);
    EXPECT_ERR(inherit(2, 1, 0, 513, 0, 20).error, SYS_ERR_VNODE_SLOT_INVALID);
    EXPECT_ERR(inherit(2, 1, 4, 3, 0, 20).error, SYS_ERR_VNODE_SLOT_INVALID);
    EXPECT_ERR(inherit(5, 6, 0, 257, 0, 20).error, SYS_ERR_VNODE_SLOT_RESERVED);
    EXPECT_ERR(inherit(1, 1, 0, 512, 0, 20).error, SYS_ERR_VNODE_SLOT_INUSE);
    EXPECT_ERR(inherit(2, 1, 0, 512, 0, 10).error, SYS_ERR_SLOT_IN_USE);
    EXPECT_ERR(inherit(2, 1, 0, 512, 0, 255).error, SYS_ERR_SLOTS_INVALID);
    EXPECT_ERR(INVOKE(SLOT(2), 2, VNodeCmd_Inherit, SLOT(1), SLOT(1) | 2ull << 32, 512ull << 32, 0,
                      CN, 20, 0)
                   .error,
               SYS_ERR_CNODE_TYPE);
    EXPECT_ERR(INVOKE(SLOT(2), 2, VNodeCmd_Inherit, ROOT_CPTR, SLOT(1) | 2ull << 32, 512ull << 32,
                      0, SLOT(40) | 2ull << 32, 20, 0)
                   .error,
               SYS_ERR_DEST_CNODE_LOOKUP);
    EXPECT_ERR(INVOKE(SLOT(2), 2, VNodeCmd_Inherit, ROOT_CPTR, SLOT(1) | 2ull << 32, 512ull << 32,
                      0, SLOT(3) | 2ull << 32, 20, 0)
                   .error,
               SYS_ERR_DEST_CNODE_INVALID);
    cr_expect_eq(PTABLE(1)[100], 0);

    /* a frame that may not be copied, and one that may not be written */
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 12, ROOT_CPTR, SLOT(4), 2,
                     CAPRIGHTS_READ | CAPRIGHTS_GRANT)
                  .error);
    EXPECT_OK(map(1, 12, 200, PTABLE_READ_ONLY, 1, 13));
    EXPECT_ERR(inherit(2, 1, 200, 201, PTABLE_WRITE, 20).error, SYS_ERR_VM_MAP_RIGHTS);
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 14, ROOT_CPTR, SLOT(4), 2, CAPRIGHTS_READ).error);
    EXPECT_OK(map(1, 14, 300, PTABLE_READ_ONLY, 1, 15));
    EXPECT_ERR(inherit(2, 1, 300, 301, INHERIT_ATTR_SAME, 20).error, SYS_ERR_CAP_RIGHTS);
    check_mappings();
}

Test(kernel_relations, entries_without_a_mapping_are_not_taken_over)
{
    make_tables(ObjType_VNode_x86_64_ptable);
    EXPECT_OK(map(1, 3, 100, PTABLE_READ_ONLY, 1, 10));
    PTABLE(0)[200] = 0x1000 | ABI_PTE_PRESENT; /* as of the first domain */
    const struct sysret result = inherit(2, 1, 0, 512, INHERIT_ATTR_SAME, 20);
    EXPECT_ERR(result.error, SYS_ERR_VNODE_NOT_INSTALLED);
    cr_expect_eq(result.value, 200 | 2ull << 32);
    cr_expect(PTABLE(1)[100] != 0 && PTABLE(1)[200] == 0);
    check_mappings();
}

Test(kernel_relations, no_table_has_five_levels)
{
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_pml5, 0, 1, 1), SYS_ERR_VM_NO_FIVE_LEVELS);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_pml5_Mapping, 0, 1, 1),
               SYS_ERR_RETYPE_MAPPING_EXPLICIT);
}

/* ---- by contents ---- */

static void say(unsigned type, uint64_t base, uint64_t bytes)
{
    struct capability given = { .type = (uint8_t)type, .rights = CAPRIGHTS_ALLRIGHTS };
    given.u.mem.base = base;
    given.u.mem.bytes = bytes;
    memcpy((char *)alice->disp + DISPATCHER_FRAME_BYTES - 64, &given, sizeof(given));
}

Test(kernel_relations, a_capability_is_found_by_what_it_says)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    say(ObjType_Frame, RAM_BASE, 4096);
    EXPECT_OK(KERNEL(KernelCmd_Copy_existing, BUFFER, SLOT(0), 1, 2).error);
    cr_expect(cap_is_copy(cap_at(alice, SLOT(1)), cap_at(alice, SLOT(2))));
    EXPECT_ERR(KERNEL(KernelCmd_Copy_existing, BUFFER, SLOT(0), 1, 2).error, SYS_ERR_SLOT_IN_USE);
    EXPECT_ERR(KERNEL(KernelCmd_Copy_existing, BUFFER, SLOT(9), 2, 3).error,
               SYS_ERR_DEST_CNODE_LOOKUP);
    EXPECT_ERR(KERNEL(KernelCmd_Copy_existing, 8, SLOT(0), 1, 3).error,
               SYS_ERR_INVALID_USER_BUFFER);
    say(ObjType_Frame, RAM_BASE, 8192);
    EXPECT_ERR(KERNEL(KernelCmd_Copy_existing, BUFFER, SLOT(0), 1, 3).error, SYS_ERR_CAP_NOT_FOUND);
    say(ObjType_Frame, RAM_BASE, 8191);
    EXPECT_ERR(KERNEL(KernelCmd_Copy_existing, BUFFER, SLOT(0), 1, 3).error, SYS_ERR_INVALID_SIZE);
    say(ObjType_Kernel, 0, 0);
    EXPECT_ERR(KERNEL(KernelCmd_Copy_existing, BUFFER, SLOT(0), 1, 3).error,
               SYS_ERR_INVALID_RETYPE);
}

static uint64_t has_descendants(void)
{
    const struct sysret result = KERNEL(KernelCmd_Has_descendants, BUFFER);
    EXPECT_OK(result.error);
    return result.value;
}

static errval_t is_retypeable(uint64_t offset, uint64_t bytes, uint64_t count)
{
    return KERNEL(KernelCmd_Is_retypeable, BUFFER, offset, bytes, count).error;
}

Test(kernel_relations, relations_of_what_lies_elsewhere)
{
    say(ObjType_RAM, RAM_BASE, 65536);
    cr_expect_eq(has_descendants(), 0);
    EXPECT_OK(is_retypeable(0, 4096, 16));
    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_Frame, 4096, 1, 1));
    cr_expect_eq(has_descendants(), 1);
    EXPECT_OK(is_retypeable(0, 4096, 2));
    EXPECT_ERR(is_retypeable(0, 4096, 3), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(KERNEL(KernelCmd_Lock_cap, SLOT(1), 2).error);
    cr_expect_eq(has_descendants(), 1);
    EXPECT_ERR(is_retypeable(8192, 4096, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(KERNEL(KernelCmd_Unlock_cap, SLOT(1), 2).error);
    EXPECT_ERR(is_retypeable(0, 0, 1), SYS_ERR_INVALID_SIZE);
    EXPECT_ERR(is_retypeable(0, 131072, 1), SYS_ERR_INVALID_SIZE);
    EXPECT_ERR(is_retypeable(0, 4096, 17), SYS_ERR_RETYPE_INVALID_COUNT);
    EXPECT_ERR(is_retypeable(0, 4096, 0), SYS_ERR_RETYPE_INVALID_COUNT);
    EXPECT_ERR(is_retypeable(4096, 4096, 16), SYS_ERR_RETYPE_INVALID_OFFSET);
    say(ObjType_ID, 1, 2);
    EXPECT_ERR(is_retypeable(0, 4096, 1), SYS_ERR_DEST_TYPE_INVALID);
}

Test(kernel_relations, what_is_marked_is_not_copied)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 1, 1));
    EXPECT_OK(KERNEL(KernelCmd_Revoke_mark_target, ROOT_CPTR, SLOT(1), 2).error);
    EXPECT_ERR(copy(2, SLOT(1)), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2), SYS_ERR_RETRY_THROUGH_MONITOR);
    say(ObjType_Null, 0, 0);
    EXPECT_OK(KERNEL(KernelCmd_Revoke_mark_relations, BUFFER).error);
    EXPECT_OK(copy(2, SLOT(1)));
    say(ObjType_RAM, RAM_BASE, 65536);
    EXPECT_OK(KERNEL(KernelCmd_Revoke_mark_relations, BUFFER).error);
    EXPECT_ERR(copy(3, SLOT(1)), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(retype(RAM_CPTR, 16384, ObjType_Frame, 4096, 1, 3), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(retype(RAM_CPTR, 65536, ObjType_Frame, 4096, 1, 3));
    say(ObjType_Null, 0, 0);
    EXPECT_OK(KERNEL(KernelCmd_Revoke_mark_relations, BUFFER).error);
    EXPECT_ERR(KERNEL(KernelCmd_Revoke_mark_target, ROOT_CPTR, SLOT(40), 2).error,
               SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Revoke_mark_relations, 8).error, SYS_ERR_INVALID_USER_BUFFER);
}

/* ---- the last one ---- */

static errval_t delete_last(unsigned slot)
{
    return KERNEL(KernelCmd_Delete_last, ROOT_CPTR, SLOT(slot), 2).error;
}

static errval_t reclaim(unsigned slot)
{
    return KERNEL(KernelCmd_ReclaimRAM, 0, SLOT(0), 1, slot).error;
}

Test(kernel_relations, memory_of_the_last_capability_is_reclaimed_once)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 65536, 1, 1));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_L2CNode, 0, 1, 2));
    EXPECT_OK(copy(3, SLOT(2)));
    EXPECT_ERR(delete_last(1), SYS_ERR_REVOKE_FIRST);
    EXPECT_ERR(delete_last(2), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(delete_cap(SLOT(3)));
    EXPECT_OK(delete_last(2));
    EXPECT_ERR(reclaim(3), SYS_ERR_NO_RAM_PENDING); /* it is part of somebody's RAM */
    EXPECT_OK(retype(SLOT(1), 0, ObjType_L2CNode, 0, 1, 2));
    EXPECT_OK(delete_cap(SLOT(1)));
    EXPECT_OK(delete_cap(RAM_CPTR));
    EXPECT_ERR(reclaim(2), SYS_ERR_SLOT_IN_USE);
    EXPECT_OK(delete_last(2));
    EXPECT_OK(reclaim(3));
    cr_expect(type_in(3) == ObjType_RAM && cap_bytes(cap_at(alice, SLOT(3))) == OBJSIZE_L2CNODE);
    cr_expect_eq(cap_base(cap_at(alice, SLOT(3))), RAM_BASE);
    EXPECT_ERR(reclaim(4), SYS_ERR_NO_RAM_PENDING);
    EXPECT_ERR(delete_last(40), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Delete_last, ROOT_CPTR, KERNEL_CPTR, 2).error,
               SYS_ERR_DEST_TYPE_INVALID);
}

Test(kernel_relations, only_so_much_waits_to_be_reclaimed)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 6, 1));
    EXPECT_OK(KERNEL(KernelCmd_Lock_cap, SLOT(6), 2).error);
    EXPECT_ERR(delete_last(6), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(delete_cap(RAM_CPTR));
    for (unsigned slot = 1; slot <= 4; slot++)
        EXPECT_OK(delete_last(slot));
    EXPECT_ERR(delete_last(5), SYS_ERR_RAM_PENDING_FULL);
    EXPECT_OK(reclaim(10));
    EXPECT_OK(delete_last(5));
    for (unsigned slot = 11; slot <= 14; slot++)
        EXPECT_OK(reclaim(slot));
    EXPECT_ERR(reclaim(15), SYS_ERR_NO_RAM_PENDING);
}

/* ---- others ---- */

Test(kernel_relations, retype_on_behalf_of_another)
{
    EXPECT_OK(KERNEL(KernelCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 0, ObjType_Frame, 4096, 3,
                     ROOT_CPTR, CN, 1)
                  .error);
    cr_expect(type_in(1) == ObjType_Frame && type_in(3) == ObjType_Frame);
    EXPECT_ERR(KERNEL(KernelCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 0, ObjType_Frame, 4096, 1,
                      ROOT_CPTR, CN, 4)
                   .error,
               SYS_ERR_REVOKE_FIRST);
}

Test(kernel_relations, a_dispatcher_of_another_domain)
{
    connect();
    EXPECT_OK(KERNEL(KernelCmd_Domain_id, SLOT(1), 2, 77).error);
    cr_expect(bob->head.domain_id == 77 && bob->disp->domain_id == 77);
    EXPECT_ERR(KERNEL(KernelCmd_Domain_id, RAM_CPTR, 2, 77).error, SYS_ERR_LRPC_NOT_ENDPOINT);
    EXPECT_ERR(KERNEL(KernelCmd_Domain_id, SLOT(9), 2, 77).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 2));
    EXPECT_ERR(KERNEL(KernelCmd_Domain_id, SLOT(2), 2, 77).error, SYS_ERR_DISP_NOT_RUNNABLE);

    /* who asks is told, also of one that has ended */
    dispatch_stop(bob, false);
    const struct sysret asked = KERNEL(KernelCmd_Domain_id, SLOT(1), 2, 0);
    EXPECT_OK(asked.error);
    cr_expect(asked.value == 77 && bob->head.domain_id == 77);
}

Test(kernel_relations, a_notification_id_that_wakes_nobody)
{
    connect();
    const struct sysret id = KERNEL(KernelCmd_Notify_register, SLOT(1), 2);
    EXPECT_OK(id.error);
    const uint64_t before = bob->disp->notified;
    notify_deliver((uint32_t)id.value);
    cr_expect_eq(bob->disp->notified, before + 1);
    EXPECT_OK(KERNEL(KernelCmd_IPI_Delete, id.value).error);
    notify_deliver((uint32_t)id.value);
    cr_expect_eq(bob->disp->notified, before + 1);
    EXPECT_ERR(KERNEL(KernelCmd_IPI_Delete, id.value).error, SYS_ERR_NOTIFY_ID_INVALID);
    EXPECT_ERR(KERNEL(KernelCmd_IPI_Delete, UINT64_MAX).error, SYS_ERR_NOTIFY_ID_INVALID);
}

Test(kernel_relations, what_a_dispatcher_has_got)
{
    const capaddr_t own = KPI_CPTR(0, TASKCN_SLOT_DISPATCHER);
    alice->disp->lmp_delivered = 5;
    alice->disp->notified = 6;
    cr_expect_eq(INVOKE(own, 2, DispatcherCmd_PerfMon, DISPATCHER_LMP_MESSAGES).value, 5);
    cr_expect_eq(INVOKE(own, 2, DispatcherCmd_PerfMon, DISPATCHER_NOTIFICATIONS).value, 6);
    EXPECT_ERR(INVOKE(own, 2, DispatcherCmd_PerfMon, DISPATCHER_EVENTS).error,
               SYS_ERR_PERFMON_NOT_AVAILABLE);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 2));
    EXPECT_ERR(INVOKE(SLOT(2), 2, DispatcherCmd_PerfMon, 0).error, SYS_ERR_DISP_NOT_RUNNABLE);
}

Test(kernel_relations, there_are_no_control_blocks_to_add)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_KernelControlBlock, 0, 2, 1));
    EXPECT_ERR(KERNEL(KernelCmd_Add_kcb, SLOT(1), 2).error, SYS_ERR_KCB_NONE);
    EXPECT_ERR(KERNEL(KernelCmd_Remove_kcb, SLOT(1), 2).error, SYS_ERR_KCB_NONE);
    EXPECT_ERR(KERNEL(KernelCmd_Suspend_kcb, SLOT(1), 2).error, SYS_ERR_KCB_NONE);
    EXPECT_ERR(INVOKE(SLOT(1), 2, KCBCmd_Clone, SLOT(2), 2).error, SYS_ERR_KCB_NONE);
    EXPECT_OK(INVOKE(SLOT(1), 2, KCBCmd_Identify, BUFFER).error);
    EXPECT_OK(KERNEL(KernelCmd_Clear_step, 0).error);
    EXPECT_ERR(KERNEL(KernelCmd_Wake_core + 1, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
}

/* A receiver that has lost its CSpace's slots. */
Test(kernel_relations, a_capability_for_which_there_is_no_place)
{
    connect();
    bobs_endpoint()->recv_cptr = KPI_CPTR(200, 0);
    const struct registers_x86_64 send = { .rdi = SYSCALL_INVOKE,
                                           .rsi = (uint64_t)SLOT(1) << 32 | 2 << 24 | 2 << 16,
                                           .rdx = RAM_CPTR };
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    *a = send;
    cr_expect_eq(enter(a), RETURNED);
    EXPECT_ERR(a->rax, SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_INVALID);
    bob->cspace.cap.type = ObjType_Null; /* as when its root has been revoked */
    *a = send;
    cr_expect_eq(enter(a), RETURNED);
    EXPECT_ERR(a->rax, SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_LOOKUP);
}

/* ---- system calls ---- */

static struct sysret call(uint64_t number, uint64_t cptr, enum outcome expected)
{
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    current = alice;
    *a = (struct registers_x86_64){ .rdi = number, .rsi = cptr };
    cr_expect_eq(enter(a), expected);
    return (struct sysret){ .error = a->rax, .value = a->rdx };
}

static void give_ports(unsigned slot, uint64_t first, uint64_t last)
{
    struct capability io = { .type = ObjType_IO, .rights = CAPRIGHTS_ALLRIGHTS };
    io.u.io.start = first;
    io.u.io.end = last;
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, slot),
                   &io, 0);
}

Test(kernel_relations, only_who_has_the_machine_ends_it)
{
    EXPECT_ERR(call(SYSCALL_REBOOT, 0, RETURNED).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(call(SYSCALL_REBOOT, RAM_CPTR, RETURNED).error, SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(call(SYSCALL_REBOOT, SLOT(1), RETURNED).error, SYS_ERR_CAP_NOT_FOUND);
    call(SYSCALL_REBOOT, KERNEL_CPTR, POWERED_OFF);
    EXPECT_ERR(call(SYSCALL_X86_RELOAD_LDT, 0, RETURNED).error, SYS_ERR_NOT_IMPLEMENTED);
}

Test(kernel_relations, a_byte_of_input)
{
    give_ports(1, 0, UINT16_MAX);
    give_ports(2, IO_PORT_INPUT, IO_PORT_INPUT + 2);
    const struct sysret byte = call(SYSCALL_GETCHAR, SLOT(1), RETURNED);
    EXPECT_OK(byte.error);
    cr_expect_eq(byte.value, 'x');
    input_bytes = 0;
    EXPECT_ERR(call(SYSCALL_GETCHAR, SLOT(1), RETURNED).error, SYS_ERR_NO_INPUT);
    input_bytes = ABI_INPUT_MAX;
    EXPECT_ERR(call(SYSCALL_GETCHAR, SLOT(2), RETURNED).error, SYS_ERR_IO_PORT_INVALID);
    EXPECT_ERR(call(SYSCALL_GETCHAR, RAM_CPTR, RETURNED).error, SYS_ERR_CAP_RIGHTS);
    EXPECT_ERR(call(SYSCALL_GETCHAR, SLOT(3), RETURNED).error, SYS_ERR_CAP_NOT_FOUND);
}
