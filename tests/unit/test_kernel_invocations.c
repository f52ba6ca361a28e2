/* SPDX-License-Identifier: MIT
 *
 * What is refused, and what the rarer invocations do: the Kernel capability, set-up of dispatchers,
 * rights of mappings, capabilities that move while they are mapped, identities, notification ids.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_invocations, .init = set_up, .fini = tear_down);

#define KERNEL_CPTR KPI_CPTR(0, TASKCN_SLOT_KERNELCAP)
#define BUFFER (UDISP + 16384)
#define KERNEL(cmd, ...) INVOKE(KERNEL_CPTR, 2, cmd, __VA_ARGS__)

static struct capability *buffer(void)
{
    return (void *)((char *)alice->disp + 16384);
}

static void give_endpoint(unsigned slot, struct dcb *listener)
{
    struct capability cap = { .type = ObjType_EndPointLMP, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.endpoint.listener = mem_to_phys(listener).v;
    cap.u.endpoint.epoffset = 8192;
    cap.u.endpoint.epbuflen = 24;
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, slot),
                   &cap, 0);
}

/* ---- the Kernel capability ---- */

Test(kernel_invocations, a_capability_is_made_anew_from_what_identify_says)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 1, 1));
    EXPECT_OK(KERNEL(KernelCmd_Identify_cap, ROOT_CPTR, SLOT(1), 2, BUFFER).error);
    cr_expect(buffer()->type == ObjType_Frame && buffer()->u.mem.base == 8u << 20);
    EXPECT_OK(delete_cap(SLOT(1)));
    EXPECT_OK(KERNEL(KernelCmd_Create_cap, BUFFER, SLOT(0), 1, 2, 7).error);
    cr_expect_eq(cap_at(alice, SLOT(2))->type, ObjType_Frame);
    struct cte *cte;
    EXPECT_OK(cspace_lookup(&alice->cspace.cap, SLOT(2), 2, &cte));
    cr_expect_eq(cte->node.owner, 7);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 1, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(KERNEL(KernelCmd_Nullify_cap, SLOT(2), 2).error);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 1, 1));

    EXPECT_ERR(KERNEL(KernelCmd_Identify_cap, RAM_CPTR, SLOT(1), 2, BUFFER).error,
               SYS_ERR_CNODE_TYPE);
    EXPECT_ERR(KERNEL(KernelCmd_Identify_cap, ROOT_CPTR, SLOT(9), 2, BUFFER).error,
               SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Identify_cap, ROOT_CPTR, SLOT(1), 2, UDISP - 64).error,
               SYS_ERR_INVALID_USER_BUFFER);
}

Test(kernel_invocations, what_cannot_be_made_anew_is_refused)
{
    static const struct {
        uint8_t type;
        uint64_t word[2];
        errval_t err;
    } cases[] = {
        { ObjType_Num, { 0, 0 }, SYS_ERR_INVALID_RETYPE },
        { 255, { 0, 0 }, SYS_ERR_INVALID_RETYPE },
        { ObjType_Kernel, { 0, 0 }, SYS_ERR_INVALID_RETYPE },
        { ObjType_KernelControlBlock, { 1 << 20, 131072 }, SYS_ERR_INVALID_RETYPE },
        { ObjType_Frame_Mapping, { 1 << 20, 8 }, SYS_ERR_INVALID_RETYPE },
        { ObjType_Dispatcher, { (1 << 20) + 512, 1024 }, SYS_ERR_INVALID_SIZE },
        { ObjType_Dispatcher, { 1 << 20, 2048 }, SYS_ERR_INVALID_SIZE },
        { ObjType_L2CNode, { 1 << 20, 32768 }, SYS_ERR_INVALID_SIZE },
        { ObjType_L1CNode, { 1 << 20, 4096 }, SYS_ERR_INVALID_SIZE },
        { ObjType_VNode_x86_64_ptable, { (1 << 20) + 1024, 4096 }, SYS_ERR_INVALID_SIZE },
        { ObjType_EndPointLMP, { 1 << 20, 0 }, SYS_ERR_INVALID_RETYPE },
        { ObjType_Frame, { 1, 4096 }, SYS_ERR_INVALID_SIZE },
        { ObjType_Frame, { 4096, 0 }, SYS_ERR_INVALID_SIZE },
        { ObjType_Frame, { 4096, 100 }, SYS_ERR_INVALID_SIZE },
        { ObjType_Frame, { ABI_PHYS_LIMIT, 4096 }, SYS_ERR_INVALID_SIZE },
        { ObjType_Frame, { -4096ull, 8192 }, SYS_ERR_INVALID_SIZE },
        { ObjType_Frame, { 4096, -4096ull }, SYS_ERR_INVALID_SIZE },
        { ObjType_Notify_IPI, { 2, 0 }, SYS_ERR_INVARGS_SYSCALL },
        { ObjType_Notify_IPI, { 0, ABI_NOTIFY_IDS }, SYS_ERR_INVARGS_SYSCALL },
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        *buffer() = (struct capability){ .type = cases[i].type, .rights = CAPRIGHTS_ALLRIGHTS };
        buffer()->u.word[0] = cases[i].word[0];
        buffer()->u.word[1] = cases[i].word[1];
        errval_t err = KERNEL(KernelCmd_Create_cap, BUFFER, SLOT(0), 1, 2, 0).error;
        cr_expect_eq(err_no(err), cases[i].err, "case %u", i);
        cr_expect_eq(cap_at(alice, SLOT(2))->type, ObjType_Null);
    }
    *buffer() = (struct capability){ .type = ObjType_ID, .rights = CAPRIGHTS_ALLRIGHTS };
    EXPECT_ERR(KERNEL(KernelCmd_Create_cap, UDISP + 1, SLOT(0), 1, 2, 0).error,
               SYS_ERR_INVALID_USER_BUFFER);
    EXPECT_ERR(KERNEL(KernelCmd_Create_cap, BUFFER, KPI_CPTR(99, 0), 1, 2, 0).error,
               SYS_ERR_DEST_CNODE_LOOKUP);
    EXPECT_ERR(KERNEL(KernelCmd_Create_cap, BUFFER, RAM_CPTR, 2, 2, 0).error,
               SYS_ERR_DEST_CNODE_INVALID);
    EXPECT_ERR(KERNEL(KernelCmd_Create_cap, BUFFER, SLOT(0), 1, 256, 0).error,
               SYS_ERR_SLOTS_INVALID);
    EXPECT_OK(KERNEL(KernelCmd_Create_cap, BUFFER, SLOT(0), 1, 2, 0).error);
    EXPECT_ERR(KERNEL(KernelCmd_Create_cap, BUFFER, SLOT(0), 1, 2, 0).error, SYS_ERR_SLOT_IN_USE);
}

Test(kernel_invocations, the_kernel_capability_starts_cores_and_tells)
{
    EXPECT_OK(KERNEL(KernelCmd_Spawn_core, 1, 0, 0, 0).error);
    EXPECT_ERR(KERNEL(KernelCmd_Spawn_core, 0, 0, 0, 0).error, SYS_ERR_CORE_RUNNING);
    EXPECT_ERR(KERNEL(KernelCmd_Spawn_core, 2, 0, 0, 0).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Spawn_core, ~0ull, 0, 0, 0).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_OK(KERNEL(KernelCmd_Kill_core, 1).error);
    EXPECT_ERR(KERNEL(KernelCmd_Kill_core, my_core_id).error, SYS_ERR_CORE_RUNNING);
    EXPECT_ERR(KERNEL(KernelCmd_Kill_core, 2).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Kill_core, ~0ull).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_OK(KERNEL(KernelCmd_Retire_core, 1).error);
    EXPECT_ERR(KERNEL(KernelCmd_Retire_core, my_core_id).error, SYS_ERR_CORE_RUNNING);
    EXPECT_ERR(KERNEL(KernelCmd_Retire_core, 2).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Core_available, 1).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Core_available, my_core_id).error, SYS_ERR_CORE_RUNNING);
    EXPECT_ERR(KERNEL(KernelCmd_Core_available, ~0ull).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Core_late, ~0ull).error, SYS_ERR_CORE_NOT_FOUND);
    cr_expect_eq(KERNEL(KernelCmd_Core_late, my_core_id).value, 1000u + my_core_id);
    cr_expect_eq(KERNEL(KernelCmd_Get_core_id, 0).value, my_core_id);
    EXPECT_OK(KERNEL(KernelCmd_Get_stats, BUFFER).error);
    cr_expect_gt(((struct kernel_stats *)buffer())->syscalls, 4);
    EXPECT_ERR(KERNEL(KernelCmd_Get_stats, BUFFER + 4).error, SYS_ERR_INVALID_USER_BUFFER);
    EXPECT_OK(KERNEL(KernelCmd_Register_channel, BUFFER).error);
    EXPECT_ERR(KERNEL(12345, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
    EXPECT_ERR(KERNEL(KernelCmd_Notify_register, RAM_CPTR, 2).error, SYS_ERR_LRPC_NOT_ENDPOINT);
    EXPECT_ERR(KERNEL(KernelCmd_Notify_register, SLOT(9), 2).error, SYS_ERR_CAP_NOT_FOUND);
}

Test(kernel_invocations, a_notification_id_is_used_again_after_its_dispatcher)
{
    static struct dcb others[ABI_NOTIFY_PASS_FIRST];
    static struct dispatcher_shared frame;
    uint32_t id, again;
    for (unsigned i = 0; i < ABI_NOTIFY_PASS_FIRST; i++) {
        others[i] = (struct dcb){ .disp = &frame, .head.cr3 = ABI_PAGE_BYTES, .complete = 1 };
        EXPECT_OK(notify_register(&others[i], &id));
        EXPECT_OK(notify_register(&others[i], &again));
        cr_assert_eq(id, again, "one id for one dispatcher");
    }
    EXPECT_ERR(notify_register(bob, &id), SYS_ERR_NOTIFY_IDS);
    notify_unregister(&others[77]);
    notify_unregister(&others[77]);
    notify_deliver(77); /* to nobody */
    EXPECT_OK(notify_register(bob, &id));
    cr_expect_eq(id, 77);
    notify_deliver(77);
    cr_expect(bob->queued && bob->disp->notified == 1);
}

/* ---- notifications over other cores ---- */

Test(kernel_invocations, a_notification_goes_over_the_core_that_passes_it_on)
{
    boot.topology.core_count = 4;
    boot.topology.signal_over[my_core_id][3] = 1 + 1;
    notify_init();
    notify_send(2, 700);
    cr_expect(notified_core == 2 && notified_id == 700);
    notify_send(3, 7);
    cr_expect(notified_core == 1 && notified_id == abi_notify_pass(3, 7));
    notify_send(3, 700);
    cr_expect(notified_core == 1 && notified_id == abi_notify_pass(3, 99), "one of many");
    notify_deliver(abi_notify_pass(2, 7)); /* this core is on the way */
    cr_expect(notified_core == 2 && notified_id == abi_notify_pass(2, 7));
    notify_deliver(abi_notify_pass(3, 7));
    cr_expect(notified_core == 1 && notified_id == abi_notify_pass(3, 7), "and not the last");
    const unsigned before = notifications;
    notify_deliver(abi_notify_pass(9, 7)); /* no such core */
    notify_deliver(ABI_NOTIFY_PASS_END);
    cr_expect_eq(notifications, before);
}

Test(kernel_invocations, what_was_passed_on_wakes_whom_it_may_be_meant_for)
{
    static struct dcb others[70];
    static struct dispatcher_shared frames[70];
    uint32_t id;
    for (unsigned i = 0; i < 70; i++) {
        others[i] = (struct dcb){ .disp = &frames[i], .head.cr3 = ABI_PAGE_BYTES, .complete = 1 };
        EXPECT_OK(notify_register(&others[i], &id));
        cr_assert_eq(id, i);
    }
    notify_deliver(abi_notify_pass(my_core_id, 3));
    cr_expect_eq(frames[3].notified, 1, "exactly this one");
    notify_unregister(&others[20]);
    notify_deliver(abi_notify_pass(my_core_id, 33)); /* 33, or any other from 14 on */
    cr_expect_eq(notifications, 70 - 14 - 1, "%u", notifications);
    cr_expect_eq(notified_id, 69);
    cr_expect_eq(notified_core, my_core_id);
    EXPECT_OK(KERNEL(KernelCmd_Wake_core, my_core_id).error);
    cr_expect_eq(notifications, 70 - 14 - 1 + 70 - 1, "all of them: %u", notifications);
}

Test(kernel_invocations, ways_of_notifications_change_when_the_monitor_says_so)
{
    boot.topology.core_count = 5;
    boot.topology.signal_over[my_core_id][3] = 1 + 1;
    boot.topology.signal_over[my_core_id][4] = 2 + 1;
    notify_init();
    EXPECT_OK(KERNEL(KernelCmd_Set_way, 3, 2).error);
    notify_send(3, 7);
    cr_expect(notified_core == 2 && notified_id == abi_notify_pass(3, 7));
    notify_deliver(abi_notify_pass(3, 7)); /* what this core passes on, too */
    cr_expect(notifications == 2 && notified_core == 2);
    EXPECT_OK(KERNEL(KernelCmd_Wake_core, 3).error);
    cr_expect(notified_core == 2 && notified_id == abi_notify_pass(3, 0) + ABI_NOTIFY_PASSED_ALL);
    EXPECT_OK(KERNEL(KernelCmd_Set_way, 3, ABI_MAX_CORES).error);
    const unsigned before = notifications;
    notify_send(3, 7);
    EXPECT_OK(KERNEL(KernelCmd_Wake_core, 3).error);
    cr_expect_eq(notifications, before, "nothing gets there");
    EXPECT_OK(KERNEL(KernelCmd_Set_way, 2, 2).error);
    EXPECT_ERR(KERNEL(KernelCmd_Set_way, 3, 4).error, SYS_ERR_CORE_NOT_FOUND); /* not signalled */
    EXPECT_ERR(KERNEL(KernelCmd_Set_way, 3, my_core_id).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Set_way, my_core_id, 2).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Set_way, 5, 2).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(KERNEL(KernelCmd_Wake_core, 5).error, SYS_ERR_CORE_NOT_FOUND);
}

/* ---- dispatchers ---- */

static errval_t setup(uint64_t cspace, uint64_t vspace, uint64_t frame, bool run)
{
    return INVOKE(SLOT(1), 2, DispatcherCmd_Setup, cspace, vspace, frame, run, 5, PROOF).error;
}

Test(kernel_invocations, set_up_checks_everything_before_it_changes_anything)
{
    const uint64_t level = 2ull << 32, root = ROOT_CPTR | level;
    const uint64_t pml4 = KPI_CPTR(ROOTCN_SLOT_PAGECN, 0) | level;
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 1 << 20, ObjType_Frame, DISPATCHER_FRAME_BYTES, 1, 2));
    EXPECT_OK(retype(RAM_CPTR, 2 << 20, ObjType_Frame, DISPATCHER_FRAME_BYTES / 2, 1, 3));
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 4, ROOT_CPTR, SLOT(2), 2, CAPRIGHTS_READ).error);
    struct dcb *child = phys_to_mem(paddr(cap_at(alice, SLOT(1))->u.mem.base));
    struct dispatcher_shared *disp = phys_to_mem(paddr(cap_at(alice, SLOT(2))->u.mem.base));

    EXPECT_ERR(setup(0, 0, 0, true), SYS_ERR_DISP_NOT_RUNNABLE);
    EXPECT_ERR(setup(SLOT(9) | level, 0, 0, false), SYS_ERR_DISP_CSPACE_INVALID);
    EXPECT_ERR(setup(SLOT(0) | 1ull << 32, 0, 0, false), SYS_ERR_DISP_CSPACE_INVALID);
    EXPECT_ERR(setup(root, SLOT(9) | level, 0, false), SYS_ERR_DISP_VSPACE_INVALID);
    EXPECT_ERR(setup(root, root, 0, false), SYS_ERR_DISP_VSPACE_INVALID);
    EXPECT_ERR(setup(root, pml4, SLOT(9) | level, false), SYS_ERR_DISP_FRAME_INVALID);
    EXPECT_ERR(setup(root, pml4, RAM_CPTR | level, false), SYS_ERR_DISP_FRAME_INVALID);
    EXPECT_ERR(setup(root, pml4, SLOT(3) | level, true), SYS_ERR_DISP_FRAME_SIZE);
    EXPECT_ERR(setup(root, pml4, SLOT(4) | level, true), SYS_ERR_DISP_FRAME_INVALID);
    cr_expect(child->disp == NULL && child->head.cr3 == 0 && !child->queued);
    cr_expect(child->cspace.cap.type == ObjType_Null && child->vspace.cap.type == ObjType_Null);

    disp->udisp = USER_END; /* not an address of user mode */
    EXPECT_OK(setup(root, pml4, SLOT(2) | level, true));
    cr_expect(child->queued && child->udisp == 0 && child->head.domain_id == 5);
    EXPECT_ERR(setup(root, 0, 0, false), SYS_ERR_DISP_CSPACE_INVALID);
    EXPECT_ERR(setup(0, pml4, 0, false), SYS_ERR_DISP_VSPACE_INVALID);
    EXPECT_ERR(setup(0, 0, SLOT(2) | level, false), SYS_ERR_DISP_FRAME_INVALID);
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_Properties, 0).error, SYS_ERR_DISP_NO_PARAMETERS);
    EXPECT_OK(INVOKE(SLOT(1), 2, DispatcherCmd_Stop, 0).error);
    cr_expect(child->stopped && !child->queued);
    EXPECT_ERR(setup(0, 0, 0, true), SYS_ERR_DISP_NOT_RUNNABLE);
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_Properties, 0).error, SYS_ERR_DISP_NOT_RUNNABLE);
}

/* A dispatcher that ends in the middle of its own call does not come back from it. */
Test(kernel_invocations, who_deletes_or_stops_itself_does_not_return)
{
    EXPECT_ERR(INVOKE(KPI_CPTR(0, TASKCN_SLOT_DISPATCHER), 2, DispatcherCmd_Stop, 0).error,
               SYS_ERR_IMPOSSIBLE);
    cr_expect_null(current);
    current = bob;
    EXPECT_ERR(delete_cap(KPI_CPTR(0, TASKCN_SLOT_DISPATCHER)), SYS_ERR_IMPOSSIBLE);
    cr_expect_null(current);
}

/* ---- mappings ---- */

static void make_table(void)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_ptable, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 65536, ObjType_Frame, 16384, 1, 2));
}

static errval_t map(capaddr_t table, capaddr_t src, uint64_t slot, uint64_t attr, uint64_t count,
                    unsigned mapping)
{
    return INVOKE(table, 2, VNodeCmd_Map, ROOT_CPTR, src, 2 | slot << 32, attr, 0, count,
                  SLOT(0) | 1ull << 32, mapping)
        .error;
}

static uint64_t pte(unsigned slot)
{
    return ((uint64_t *)(memory + (8u << 20)))[slot];
}

Test(kernel_invocations, rights_of_a_mapping_change_page_by_page)
{
    const uint64_t page = (8u << 20) + 65536;
    make_table();
    EXPECT_OK(map(SLOT(1), SLOT(2), 10, PTABLE_WRITE, 4, 20));
    EXPECT_OK(INVOKE(SLOT(20), 2, MappingCmd_Modify, 1, 2, 0).error);
    cr_expect_eq(pte(10), page | 7 | ABI_PTE_NX);
    cr_expect_eq(pte(11), (page + 4096) | 5 | ABI_PTE_NX);
    cr_expect_eq(pte(12), (page + 8192) | 5 | ABI_PTE_NX);
    cr_expect_eq(pte(13), (page + 12288) | 7 | ABI_PTE_NX);
    EXPECT_OK(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 12, 2, PTABLE_EXECUTE).error);
    cr_expect_eq(pte(12), (page + 8192) | 5);
    cr_expect_eq(pte(13), (page + 12288) | 5);
    EXPECT_ERR(INVOKE(SLOT(20), 2, MappingCmd_Modify, 3, 2, 0).error, SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(INVOKE(SLOT(20), 2, MappingCmd_Modify, 5, 0, 0).error, SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(INVOKE(SLOT(20), 2, MappingCmd_Modify, ~0ull, 2, 0).error, SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 12, 3, 0).error, SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 14, 1, 0).error,
               SYS_ERR_VNODE_NOT_INSTALLED);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 510, 3, 0).error,
               SYS_ERR_VNODE_SLOT_INVALID);
    EXPECT_ERR(INVOKE(SLOT(20), 2, 9, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
}

Test(kernel_invocations, device_memory_can_change_its_rights_too)
{
    struct capability dev = { .type = ObjType_DevFrame, .rights = CAPRIGHTS_ALLRIGHTS };
    dev.u.mem.base = 12u << 20;
    dev.u.mem.bytes = 4096;
    make_table();
    EXPECT_OK(delete_cap(RAM_CPTR)); /* it surrounds what was made; nothing else does */
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 3),
                   &dev, 0);
    EXPECT_OK(map(SLOT(1), SLOT(3), 5, PTABLE_WRITE, 1, 21));
    EXPECT_OK(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 5, 1, 0).error);
    cr_expect_eq(pte(5), (12u << 20) | 5 | ABI_PTE_NX);
}

Test(kernel_invocations, large_pages_stay_large)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_pdir, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 2u << 20, ObjType_Frame, 4u << 20, 1, 2));
    EXPECT_ERR(map(SLOT(1), SLOT(2), 3, PTABLE_WRITE, 3, 20), SYS_ERR_FRAME_OFFSET_INVALID);
    EXPECT_OK(map(SLOT(1), SLOT(2), 3, PTABLE_WRITE, 2, 20));
    cr_expect_eq(pte(3), (10u << 20) | 7 | ABI_PTE_LARGE | ABI_PTE_NX);
    cr_expect_eq(pte(4), (12u << 20) | 7 | ABI_PTE_LARGE | ABI_PTE_NX);
    EXPECT_OK(INVOKE(SLOT(20), 2, MappingCmd_Modify, 1, 1, 0).error);
    cr_expect_eq(pte(4), (12u << 20) | 5 | ABI_PTE_LARGE | ABI_PTE_NX);
    EXPECT_OK(delete_cap(SLOT(20)));
    cr_expect_eq(pte(3) | pte(4), 0);
}

Test(kernel_invocations, unmap_asks_for_the_table_that_holds_the_mapping)
{
    make_table();
    EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_VNode_x86_64_ptable, 0, 1, 3));
    EXPECT_OK(map(SLOT(1), SLOT(2), 10, 0, 4, 20));
    EXPECT_ERR(INVOKE(SLOT(3), 2, VNodeCmd_Unmap, SLOT(20), 2).error, SYS_ERR_VNODE_NOT_INSTALLED);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(2), 2).error, SYS_ERR_WRONG_MAPPING);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(40), 2).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(map(SLOT(1), SLOT(2), 512, 0, 1, 21), SYS_ERR_VNODE_SLOT_INVALID);
    EXPECT_ERR(copy(30, SLOT(20)), SYS_ERR_DEST_TYPE_INVALID);
    EXPECT_OK(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(20), 2).error);
    cr_expect_eq(pte(10), 0);
    EXPECT_OK(map(SLOT(1), SLOT(2), 10, 0, 4, 21));
}

/* An L1CNode in the right slot of a root goes on where the root ends. */
Test(kernel_invocations, a_root_grows_by_parts)
{
    const uint64_t l1 = OBJSIZE_L2CNODE, more = ROOTCN_SLOT_MORE;
    struct capability *root = &alice->cspace.cap;
    const capaddr_t far = KPI_CPTR(256 + 20, 3);
#define ROOT_RETYPE(offset, type, bytes, slot)                                              \
    INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, offset, type, bytes, 1, \
           ROOT_CPTR, 0, slot)                                                              \
        .error
    EXPECT_ERR(ROOT_RETYPE(0, ObjType_L2CNode, 0, 256 + 20), SYS_ERR_SLOTS_INVALID);
    EXPECT_ERR(ROOT_RETYPE(0, ObjType_L1CNode, l1, 20), SYS_ERR_DEST_TYPE_INVALID);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Copy, more, ROOT_CPTR, ROOT_CPTR, 1 << 8 | 2).error,
               SYS_ERR_DEST_TYPE_INVALID);
    EXPECT_OK(ROOT_RETYPE(0, ObjType_L1CNode, l1, more));
    EXPECT_OK(ROOT_RETYPE(l1, ObjType_L2CNode, 0, 256 + 20));
    EXPECT_OK(INVOKE(KPI_CPTR(256 + 20, 0), 1, CNodeCmd_Copy, 3, ROOT_CPTR, RAM_CPTR, 2).error);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Copy, far, ROOT_CPTR, RAM_CPTR, 2 << 8 | 2).error,
               SYS_ERR_SLOT_IN_USE);
    /* and once more, behind the second part; there is nothing behind the third */
    EXPECT_OK(ROOT_RETYPE(2 * l1, ObjType_L1CNode, l1, 256 + more));
    EXPECT_OK(
        INVOKE(0, 0, CNodeCmd_Copy, 512 + 1, ROOT_CPTR, KPI_CPTR(256 + 20, 0), 1 << 8 | 1).error);
    EXPECT_OK(delete_cap(KPI_CPTR(512 + 1, 3))); /* the same CNode, seen from there */
    EXPECT_ERR(delete_cap(far), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(delete_cap(KPI_CPTR(768, 0)), SYS_ERR_CNODE_NOT_FOUND);
    EXPECT_ERR(delete_cap(0xffffffff), SYS_ERR_CNODE_NOT_FOUND);
    /* with its part, all that lies in it and behind it goes */
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Delete, (uint64_t)more << 8, 1).error);
    cr_expect_eq(cnode_slot(root, more)->cap.type, ObjType_Null);
    EXPECT_ERR(delete_cap(far), SYS_ERR_CNODE_NOT_FOUND);
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

Test(kernel_invocations, unmap_leaves_the_mapping_to_its_owner)
{
    make_table();
    EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_Frame, 4096, 2, 3));
    EXPECT_OK(map(SLOT(1), SLOT(3), 10, 0, 1, 20));
    EXPECT_OK(map(SLOT(1), SLOT(4), 11, 0, 1, 21));
    EXPECT_OK(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(20), 2).error);
    EXPECT_OK(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(21), 2).error);
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_Unmap, SLOT(20), 2).error, SYS_ERR_VNODE_NOT_INSTALLED);
    EXPECT_ERR(INVOKE(SLOT(20), 2, MappingCmd_Modify, 0, 1, 0).error, SYS_ERR_WRONG_MAPPING);
    /* what is mapped there now is found, and only that */
    EXPECT_OK(map(SLOT(1), SLOT(3), 11, 0, 1, 22));
    EXPECT_OK(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 11, 1, PTABLE_EXECUTE).error);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_ModifyFlags, 10, 1, 0).error,
               SYS_ERR_VNODE_NOT_INSTALLED);
    /* two retired mappings are no copies of each other */
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Revoke, SLOT(20), 2).error);
    cr_expect_eq(cap_at(alice, SLOT(21))->type, ObjType_Frame_Mapping);
    EXPECT_OK(delete_cap(SLOT(1))); /* the table ends; the retired mappings do not */
    cr_expect_eq(cap_at(alice, SLOT(22))->type, ObjType_Null);
    EXPECT_OK(delete_cap(SLOT(20)));
    EXPECT_OK(delete_cap(SLOT(3)));
    EXPECT_OK(delete_cap(SLOT(21)));
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

/* Mapping and mapped point at each other; who is given away must be found at its new place. */
Test(kernel_invocations, a_frame_given_away_takes_its_mapping_along)
{
    make_table();
    EXPECT_OK(map(SLOT(1), SLOT(2), 10, 0, 4, 20));
    give_endpoint(5, bob);
    ((struct lmp_endpoint_kern *)((char *)bob->disp + 8192))->recv_cptr = SLOT(40);
    struct registers_x86_64 *a = &alice->disp->enabled_save_area;
    a->rdi = SYSCALL_INVOKE;
    a->rsi = (uint64_t)SLOT(5) << 32 | 2 << 24 | 2 << 16 | LMP_FLAG_GIVEAWAY;
    a->rdx = SLOT(2);
    cr_assert_eq(enter(a), RETURNED);
    EXPECT_OK(a->rax);
    cr_expect_neq(pte(10), 0);
    current = bob;
    EXPECT_OK(delete_cap(SLOT(40)));
    cr_expect_eq(pte(10), 0);
    cr_expect_eq(cap_at(alice, SLOT(20))->type, ObjType_Null);
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

/* ---- identities, locks, the rest ---- */

Test(kernel_invocations, identities_differ_and_copies_do_not)
{
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Create, ObjType_ID, SLOT(0), 1, 1).error);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Create, ObjType_ID, SLOT(0), 1, 2).error);
    EXPECT_OK(copy(3, SLOT(1)));
    uint64_t one = INVOKE(SLOT(1), 2, IDCmd_Identify, 0).value;
    cr_expect_neq(one, INVOKE(SLOT(2), 2, IDCmd_Identify, 0).value);
    cr_expect_eq(one, INVOKE(SLOT(3), 2, IDCmd_Identify, 0).value);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Create, ObjType_ID, SLOT(0), 1, 2).error, SYS_ERR_SLOT_IN_USE);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Create, ObjType_ID, SLOT(0), 1, 256).error,
               SYS_ERR_SLOTS_INVALID);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Create, ObjType_ID, RAM_CPTR, 2, 4).error,
               SYS_ERR_DEST_CNODE_INVALID);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Create, ObjType_Kernel, SLOT(0), 1, 4).error,
               SYS_ERR_ILLEGAL_INVOCATION);
    EXPECT_ERR(INVOKE(SLOT(1), 2, 1, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
}

Test(kernel_invocations, what_is_locked_is_left_to_the_monitor)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    EXPECT_OK(KERNEL(KernelCmd_Lock_cap, SLOT(1), 2).error);
    EXPECT_ERR(KERNEL(KernelCmd_Lock_cap, SLOT(1), 2).error, SYS_ERR_RETRY_THROUGH_MONITOR);
    errval_t err = delete_cap(SLOT(1));
    EXPECT_ERR(err, SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(err_pop(err), SYS_ERR_CAP_LOCKED);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Revoke, SLOT(1), 2).error, SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(err_pop(copy(2, SLOT(1))), SYS_ERR_RETRY_THROUGH_MONITOR);
    cr_expect_eq(INVOKE(0, 0, CNodeCmd_GetState, SLOT(1), 2).value, MDB_BIT_LOCKED);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_Frame);
    EXPECT_OK(KERNEL(KernelCmd_Unlock_cap, SLOT(1), 2).error);
    EXPECT_ERR(KERNEL(KernelCmd_Unlock_cap, SLOT(1), 2).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(delete_cap(SLOT(1)));
}

Test(kernel_invocations, a_monitor_registers_again)
{
    give_endpoint(1, bob);
    give_endpoint(2, alice);
    EXPECT_OK(KERNEL(KernelCmd_Register_monitor, SLOT(1), 2).error);
    EXPECT_OK(KERNEL(KernelCmd_Register_monitor, SLOT(2), 2).error);
    bob->head.domain_id = 9;
    dispatch_stop(bob, true);
    cr_expect(alice->queued && !bob->queued);
    cr_expect_eq(KERNEL(KernelCmd_Next_stopped, 0).value, 9);
}
