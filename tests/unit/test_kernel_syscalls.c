/* SPDX-License-Identifier: MIT
 *
 * The CPU driver's system calls, driven on the host: retype, copy, delete, revoke, mappings, yield,
 * notifications, print, and what is refused.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_syscalls, .init = set_up, .fini = tear_down);

/* ---- retype ---- */

Test(kernel_syscalls, retype_makes_disjoint_objects_and_refuses_overlap)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 2, 1));
    cr_expect_eq(cap_at(alice, SLOT(2))->u.mem.base, (8u << 20) + 8192);
    EXPECT_ERR(retype(RAM_CPTR, 8192, ObjType_Frame, 4096, 1, 5), SYS_ERR_REVOKE_FIRST);
    EXPECT_ERR(retype(RAM_CPTR, 4096, ObjType_Frame, 65536, 1, 5), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(retype(RAM_CPTR, 16384, ObjType_Frame, 4096, 1, 5));
}

Test(kernel_syscalls, retype_zeroes_frames_but_keeps_ram)
{
    memset(memory + (8u << 20), 0x55, 8192);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 4096, 1, 1));
    cr_expect_eq(memory[8u << 20], 0x55);
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Frame, 4096, 1, 2));
    cr_expect_eq(memory[8u << 20], 0);
    cr_expect_eq(memory[(8u << 20) + 4096], 0x55);
}

Test(kernel_syscalls, retype_checks_types_sizes_and_slots)
{
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Kernel, 4096, 1, 1), SYS_ERR_INVALID_RETYPE);
    EXPECT_ERR(retype(RAM_CPTR, 0, 200, 4096, 1, 1), SYS_ERR_INVALID_RETYPE);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame_Mapping, 4096, 1, 1),
               SYS_ERR_RETYPE_MAPPING_EXPLICIT);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 0, 1), SYS_ERR_RETYPE_INVALID_COUNT);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 100, 1, 1), SYS_ERR_INVALID_SIZE);
    EXPECT_ERR(retype(RAM_CPTR, 100, ObjType_Frame, 4096, 1, 1), SYS_ERR_RETYPE_INVALID_OFFSET);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 16u << 20, 1, 1), SYS_ERR_INVALID_SIZE);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4u << 20, 3, 1), SYS_ERR_RETYPE_INVALID_COUNT);
    EXPECT_ERR(retype(RAM_CPTR, 4096, ObjType_Frame, 8u << 20, 1, 1),
               SYS_ERR_RETYPE_INVALID_OFFSET);
    EXPECT_ERR(retype(RAM_CPTR, 8u << 20, ObjType_Frame, 4096, 1, 1),
               SYS_ERR_RETYPE_INVALID_OFFSET);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 300), SYS_ERR_SLOTS_INVALID);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, UINT64_MAX, 1),
               SYS_ERR_RETYPE_INVALID_COUNT);
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, L2_CNODE_SLOTS + 1, 0),
               SYS_ERR_RETYPE_INVALID_COUNT);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    EXPECT_ERR(retype(RAM_CPTR, 8192, ObjType_Frame, 4096, 1, 1), SYS_ERR_SLOT_IN_USE);
    /* the root takes CNodes only */
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 8192, ObjType_Frame,
                      4096, 1, ROOT_CPTR, 0, 20)
                   .error,
               SYS_ERR_DEST_TYPE_INVALID);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, RAM_CPTR | 2ull << 32, 16384,
                     ObjType_L2CNode, 0, 1, ROOT_CPTR, 0, 20)
                  .error);
    EXPECT_OK(INVOKE(KPI_CPTR(20, 0), 1, CNodeCmd_Copy, 7, ROOT_CPTR, RAM_CPTR, 2).error);
}

/* ---- copy, delete ---- */

Test(kernel_syscalls, memory_is_free_again_when_the_last_copy_is_deleted)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_OK(delete_cap(SLOT(1)));
    EXPECT_ERR(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_ERR(delete_cap(SLOT(2)), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 4096, 1, 1));
}

Test(kernel_syscalls, deleting_a_cnode_deletes_what_is_in_it_even_itself)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_L2CNode, 0, 2, 1));
    EXPECT_OK(retype(RAM_CPTR, 65536, ObjType_Frame, 4096, 1, 5));
    /* make the new CNodes reachable: first one in the root; a copy of it and of the second
     * inside */
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Copy, 30, ROOT_CPTR, SLOT(1), 1 << 8 | 2).error);
    EXPECT_OK(INVOKE(KPI_CPTR(30, 0), 1, CNodeCmd_Copy, 0, ROOT_CPTR, SLOT(1), 2).error);
    EXPECT_OK(INVOKE(KPI_CPTR(30, 0), 1, CNodeCmd_Copy, 1, ROOT_CPTR, SLOT(2), 2).error);
    EXPECT_OK(INVOKE(KPI_CPTR(30, 0), 1, CNodeCmd_Copy, 2, ROOT_CPTR, SLOT(5), 2).error);
    EXPECT_OK(delete_cap(SLOT(1)));
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_OK(delete_cap(SLOT(5)));
    EXPECT_ERR(retype(RAM_CPTR, 65536, ObjType_Frame, 4096, 1, 5), SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(delete_cap(KPI_CPTR(30, 0))); /* the copy of the first inside itself stays */
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Delete, KPI_CPTR(30, 0), 1).error);
    EXPECT_OK(retype(RAM_CPTR, 65536, ObjType_Frame, 4096, 1, 5));
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_L2CNode, 0, 2, 1));
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

Test(kernel_syscalls, revoke_leaves_only_the_capability_itself)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 1 << 20, 1, 1));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_Frame, 4096, 8, 10));
    EXPECT_OK(copy(30, SLOT(1)));
    EXPECT_OK(copy(31, SLOT(12)));
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Revoke, SLOT(1), 2).error);
    for (unsigned i = 2; i < 256; i++)
        cr_expect_eq(cap_at(alice, SLOT(i))->type, ObjType_Null, "slot %u", i);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_RAM);
    cr_expect_eq(cap_at(alice, RAM_CPTR)->type, ObjType_RAM);
}

/* A child whose frame or address space is revoked must not run on memory that is another's by
 * then. */
static void revoke_from_under(unsigned type, unsigned bytes)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 1 << 20, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 1 << 20, ObjType_Dispatcher, 0, 1, 2));
    EXPECT_OK(retype(RAM_CPTR, 2 << 20, ObjType_L1CNode, OBJSIZE_L2CNODE, 1, 3));
    bool frame = type == ObjType_Frame;
    EXPECT_OK(retype(SLOT(1), 0, type, bytes, 1, 4));
    EXPECT_OK(frame ? retype(RAM_CPTR, 3 << 20, ObjType_VNode_x86_64_pml4, 0, 1, 5)
                    : retype(RAM_CPTR, 3 << 20, ObjType_Frame, DISPATCHER_FRAME_BYTES, 1, 5));
    EXPECT_OK(INVOKE(SLOT(2), 2, DispatcherCmd_Setup, SLOT(3) | 2ull << 32,
                     SLOT(frame ? 5 : 4) | 2ull << 32, SLOT(frame ? 4 : 5) | 2ull << 32, 1, 77,
                     PROOF)
                  .error);
    struct dcb *child = phys_to_mem(paddr(cap_at(alice, SLOT(2))->u.mem.base));
    cr_assert(child->queued && child->disp != NULL);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Revoke, SLOT(1), 2).error);
    cr_expect(child->stopped && !child->queued);
    cr_expect(frame ? child->disp == NULL : child->head.cr3 == 0);
    EXPECT_OK(retype(SLOT(1), 0, ObjType_L2CNode, 0, 2, 6));
    EXPECT_OK(delete_cap(SLOT(2)));
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

Test(kernel_syscalls, a_dispatcher_without_its_frame_is_stopped)
{
    revoke_from_under(ObjType_Frame, DISPATCHER_FRAME_BYTES);
}

Test(kernel_syscalls, a_dispatcher_without_its_address_space_is_stopped)
{
    revoke_from_under(ObjType_VNode_x86_64_pml4, 0);
}

/* ---- faults on purpose ---- */

Test(kernel_syscalls, the_machine_ends_dispatchers_and_nothing_else)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_RAM, 1 << 20, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 1 << 20, ObjType_Dispatcher, 0, 1, 2));
    EXPECT_OK(retype(RAM_CPTR, 2 << 20, ObjType_L1CNode, OBJSIZE_L2CNODE, 1, 3));
    EXPECT_OK(retype(SLOT(1), 0, ObjType_VNode_x86_64_pml4, 0, 1, 4));
    EXPECT_OK(retype(RAM_CPTR, 3 << 20, ObjType_Frame, DISPATCHER_FRAME_BYTES, 1, 5));
    EXPECT_OK(INVOKE(SLOT(2), 2, DispatcherCmd_Setup, SLOT(3) | 2ull << 32, SLOT(4) | 2ull << 32,
                     SLOT(5) | 2ull << 32, 1, 77, PROOF)
                  .error);
    EXPECT_OK(INVOKE(SLOT(2), 2, DispatcherCmd_Setup, 0, 0, 0, 1, 0).error);
    const uint64_t base = cap_at(alice, SLOT(2))->u.mem.base;
    struct dcb *child = phys_to_mem(paddr(base));
    stop_ordered(paddr(base + 8));
    stop_ordered(paddr(base - OBJSIZE_DISPATCHER));
    stop_ordered(paddr(cap_at(alice, SLOT(5))->u.mem.base));
    stop_ordered(paddr(UINT64_MAX - 4095));
    cr_expect(child->queued && !child->stopped);
    stop_ordered(paddr(base));
    cr_expect(!child->queued && child->stopped && child->unreported);
    stop_ordered(paddr(base)); /* again: it has ended already */
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

/* ---- mappings ---- */

static void make_tables(void)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_pdpt, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_VNode_x86_64_pdir, 0, 1, 2));
    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_VNode_x86_64_ptable, 0, 1, 3));
    EXPECT_OK(retype(RAM_CPTR, 65536, ObjType_Frame, 16384, 1, 4));
}

static errval_t map(capaddr_t table, capaddr_t src, uint64_t slot, uint64_t attr, uint64_t offset,
                    uint64_t count, unsigned mapping)
{
    return INVOKE(table, 2, VNodeCmd_Map, ROOT_CPTR, src, 2 | slot << 32, attr, offset, count,
                  SLOT(0) | 1ull << 32, mapping)
        .error;
}

static uint64_t pte(unsigned slot)
{
    return ((uint64_t *)(memory + (8u << 20) + 8192))[slot];
}

Test(kernel_syscalls, map_fills_entries_and_any_deletion_clears_them)
{
    make_tables();
    EXPECT_OK(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(1), 1, 0, 0, 1, 21));
    EXPECT_ERR(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(2), 2, 0, 0, 1, 25),
               SYS_ERR_WRONG_MAPPING);
    EXPECT_OK(map(SLOT(1), SLOT(2), 0, 0, 0, 1, 22));
    EXPECT_OK(map(SLOT(2), SLOT(3), 0, 0, 0, 1, 23));
    EXPECT_OK(map(SLOT(3), SLOT(4), 7, PTABLE_WRITE, 4096, 3, 24));
    cr_expect_eq(pte(7), ((8u << 20) + 65536 + 4096) | 7 | ABI_PTE_NX);
    cr_expect_eq(pte(10), 0);
    EXPECT_ERR(map(SLOT(3), SLOT(4), 100, 0, 0, 1, 26), SYS_ERR_VM_ALREADY_MAPPED);
    EXPECT_ERR(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(4), 100, 0, 0, 1, 26),
               SYS_ERR_WRONG_MAPPING);
    EXPECT_ERR(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(2), 100, 0, 0, 1, 26),
               SYS_ERR_WRONG_MAPPING);
    EXPECT_ERR(map(SLOT(1), SLOT(4), 20, 0, 0, 1, 26), SYS_ERR_VM_FRAME_TOO_SMALL);
    EXPECT_ERR(map(SLOT(3), SLOT(4), 20, 0, 4096, 4, 26), SYS_ERR_FRAME_OFFSET_INVALID);
    EXPECT_ERR(map(SLOT(3), SLOT(4), 7, 0, 0, 1, 26), SYS_ERR_VM_ALREADY_MAPPED);
    EXPECT_OK(copy(5, SLOT(4)));
    EXPECT_ERR(map(SLOT(3), SLOT(5), 9, 0, 0, 1, 26), SYS_ERR_VNODE_SLOT_INUSE);
    EXPECT_ERR(map(SLOT(3), SLOT(5), 510, 0, 0, 3, 26), SYS_ERR_VM_MAP_SIZE);
    EXPECT_ERR(map(SLOT(3), SLOT(5), 20, 0, 4096, 4, 26), SYS_ERR_FRAME_OFFSET_INVALID);
    EXPECT_ERR(map(SLOT(3), SLOT(5), 20, 0, 17, 1, 26), SYS_ERR_FRAME_OFFSET_INVALID);
    EXPECT_ERR(map(SLOT(2), SLOT(5), 20, 0, 0, 1, 26), SYS_ERR_VM_FRAME_TOO_SMALL);
    EXPECT_ERR(map(SLOT(1), SLOT(5), 20, 0, 0, 1, 26), SYS_ERR_VM_FRAME_TOO_SMALL);
    EXPECT_ERR(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(5), 20, 0, 0, 1, 26),
               SYS_ERR_WRONG_MAPPING);
    EXPECT_OK(map(SLOT(3), SLOT(5), 20, 0, 0, 4, 26));
    EXPECT_OK(delete_cap(SLOT(4))); /* the frame: its mapping goes */
    cr_expect_eq(pte(7) | pte(8) | pte(9), 0);
    cr_expect_eq(cap_at(alice, SLOT(24))->type, ObjType_Null);
    cr_expect_neq(pte(20), 0);
    EXPECT_OK(delete_cap(SLOT(3))); /* the table: the other mapping goes, the frame stays */
    cr_expect_eq(cap_at(alice, SLOT(26))->type, ObjType_Null);
    cr_expect_eq(cap_at(alice, SLOT(23))->type, ObjType_Null);
    cr_expect_eq(cap_at(alice, SLOT(5))->type, ObjType_Frame);
    cr_expect(mdb_check_invariants(&kernel_mdb, NULL, NULL));
}

Test(kernel_syscalls, a_read_only_frame_is_not_mapped_writable)
{
    make_tables();
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 6, ROOT_CPTR, SLOT(4), 2, CAPRIGHTS_READ).error);
    EXPECT_ERR(map(SLOT(3), SLOT(6), 0, PTABLE_WRITE, 0, 1, 30), SYS_ERR_VM_MAP_RIGHTS);
    EXPECT_OK(map(SLOT(3), SLOT(6), 0, 0, 0, 1, 30));
    EXPECT_ERR(INVOKE(SLOT(30), 2, MappingCmd_Modify, 0, 1, PTABLE_WRITE).error,
               SYS_ERR_VM_MAP_RIGHTS);
}

Test(kernel_syscalls, the_upper_half_cannot_be_mapped)
{
    make_tables();
    EXPECT_ERR(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(1), 256, 0, 0, 1, 21),
               SYS_ERR_VNODE_SLOT_RESERVED);
    EXPECT_ERR(map(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), SLOT(1), 511, 0, 0, 1, 21),
               SYS_ERR_VNODE_SLOT_RESERVED);
}

/* ---- yield, notification, print ---- */

static enum outcome call(uint64_t number, uint64_t a1, uint64_t a2, bool disabled, errval_t *err)
{
    struct dispatcher_shared *d = current->disp;
    struct registers_x86_64 *a = disabled ? &d->disabled_save_area : &d->enabled_save_area;
    a->rdi = number, a->rsi = a1, a->rdx = a2, a->r10 = 0;
    enum outcome how = enter(a);
    *err = a->rax;
    return how;
}

Test(kernel_syscalls, the_machine_is_told_of_the_calls_it_looks_for)
{
    errval_t err;
    CORE_PAGE->watch = 1ull << SYSCALL_NOP | 1ull << 63;
    syscall_init();
    watched.calls = 0;
    call(SYSCALL_NOP, 0, 0, false, &err);
    cr_expect_eq(watched.calls, 1);
    cr_expect_eq(watched.number, SYSCALL_NOP);
    cr_expect_eq(watched.speaker, mem_to_phys(alice).v);
    call(SYSCALL_DEBUG, DEBUG_CORE_ID, 0, false, &err);
    call(1ull << 32 | SYSCALL_NOP, 0, 0, false, &err);
    call(UINT64_MAX, 0, 0, false, &err);
    cr_expect_eq(watched.calls, 1);
}

Test(kernel_syscalls, yield_sleeps_only_without_work)
{
    errval_t err;
    schedule_make_runnable(alice);
    cr_expect_eq(call(SYSCALL_YIELD, 0, 0, false, &err), RETURNED);
    EXPECT_ERR(err, SYS_ERR_CALLER_ENABLED);

    alice->disp->haswork = 1;
    cr_expect_eq(call(SYSCALL_YIELD, 0, 0, true, &err), NEXT);
    cr_expect(alice->queued);
    alice->disp->haswork = 0;
    alice->disp->lmp_delivered = 5;
    call(SYSCALL_YIELD, 0, 0, true, &err);
    cr_expect(alice->queued, "an unseen message keeps it awake");
    alice->disp->lmp_seen = 5;
    alice->disp->notified = 1;
    call(SYSCALL_YIELD, 0, 0, true, &err);
    cr_expect(alice->queued, "an unseen notification keeps it awake");
    alice->disp->notify_seen = 1;
    alice->disp->wakeup = 10;
    call(SYSCALL_YIELD, 0, 0, true, &err);
    cr_expect(alice->queued, "a wakeup in the past keeps it awake");
    alice->disp->wakeup = 5000;
    call(SYSCALL_YIELD, 0, 0, true, &err);
    cr_expect(!alice->queued && alice->sleeping);
    schedule_wake(4999);
    cr_expect(!alice->queued);
    schedule_wake(5000);
    cr_expect(alice->queued && !alice->sleeping);
}

Test(kernel_syscalls, a_notification_wakes_the_dispatcher_it_was_registered_for)
{
    notify_init();
    connect();
    struct sysret r =
        INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Notify_register, SLOT(1), 2);
    EXPECT_OK(r.error);
    notify_deliver((uint32_t)r.value);
    cr_expect(bob->queued);
    cr_expect_eq(bob->disp->notified, 1);

    struct capability *given = (void *)((char *)alice->disp + 16384);
    *given = (struct capability){ .type = ObjType_Notify_IPI, .rights = CAPRIGHTS_ALLRIGHTS };
    given->u.notify.coreid = 1;
    given->u.notify.chanid = 77;
    EXPECT_OK(INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Create_cap, UDISP + 16384,
                     SLOT(0), 1, 50, 0)
                  .error);
    EXPECT_OK(INVOKE(SLOT(50), 2, NotifyCmd_Send, 0).error);
    cr_expect(notifications == 1 && notified_core == 1 && notified_id == 77);
    given->u.notify.coreid = 2;
    EXPECT_ERR(INVOKE(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP), 2, KernelCmd_Create_cap, UDISP + 16384,
                      SLOT(0), 1, 51, 0)
                   .error,
               SYS_ERR_INVARGS_SYSCALL);
}

Test(kernel_syscalls, the_monitor_learns_of_dispatchers_that_were_stopped)
{
    errval_t err;
    const capaddr_t kernel = KPI_CPTR(0, TASKCN_SLOT_KERNELCAP);
    connect();
    EXPECT_ERR(INVOKE(kernel, 2, KernelCmd_Register_monitor, kernel, 2).error,
               SYS_ERR_LRPC_NOT_ENDPOINT);
    EXPECT_OK(INVOKE(kernel, 2, KernelCmd_Register_monitor, SLOT(1), 2).error);
    EXPECT_ERR(INVOKE(kernel, 2, KernelCmd_Next_stopped, 0).error, SYS_ERR_NONE_STOPPED);
    uint32_t domain = 0;
    alice->head.domain_id = 42;
    dispatch_stop(alice, true);
    cr_expect(bob->queued, "the monitor has a message");
    cr_expect_eq(bobs_endpoint()->delivered, 1);
    dispatch_stop(alice, true); /* stopped already: not told twice */
    cr_expect(stop_next(&domain) && domain == 42);
    cr_expect_not(stop_next(&domain));

    alice->stopped = 0;
    dispatcher_update_complete(alice);
    call(SYSCALL_DEBUG, DEBUG_EXIT, 0, false, &err);
    cr_expect(alice->stopped);
    cr_expect(stop_next(&domain) && domain == 42,
              "one that asks for its end may not have said goodbye");
}

Test(kernel_syscalls, the_monitor_stops_a_dispatcher_by_its_endpoint)
{
    const capaddr_t kernel = KPI_CPTR(0, TASKCN_SLOT_KERNELCAP);
    connect();
    EXPECT_ERR(INVOKE(kernel, 2, KernelCmd_Stop_dispatcher, RAM_CPTR, 2).error,
               SYS_ERR_LRPC_NOT_ENDPOINT);
    EXPECT_ERR(INVOKE(kernel, 2, KernelCmd_Stop_dispatcher, SLOT(99), 2).error,
               SYS_ERR_CAP_NOT_FOUND);
    bob->head.domain_id = 43;
    schedule_make_runnable(bob);
    EXPECT_OK(INVOKE(kernel, 2, KernelCmd_Stop_dispatcher, SLOT(1), 2).error);
    cr_expect(bob->stopped && !bob->queued);
    uint32_t domain;
    cr_expect_not(stop_next(&domain), "who stops it knows");
    schedule_make_runnable(bob);
    cr_expect(!bob->queued, "for good");
    EXPECT_OK(INVOKE(kernel, 2, KernelCmd_Stop_dispatcher, SLOT(1), 2).error);
}

Test(kernel_syscalls, the_monitor_sees_whether_a_capability_is_shared)
{
    const capaddr_t kernel = KPI_CPTR(0, TASKCN_SLOT_KERNELCAP);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Frame, 8192, 1, 1));
    cr_expect_eq(INVOKE(kernel, 2, KernelCmd_Is_shared, SLOT(1), 2).value, 0, "with its ancestor");
    EXPECT_OK(copy(2, SLOT(1)));
    cr_expect_eq(INVOKE(kernel, 2, KernelCmd_Is_shared, SLOT(1), 2).value, 1);
    EXPECT_OK(delete_cap(SLOT(2)));
    cr_expect_eq(INVOKE(kernel, 2, KernelCmd_Is_shared, SLOT(1), 2).value, 0);
    EXPECT_OK(retype(SLOT(1), 4096, ObjType_Frame, 4096, 1, 3));
    cr_expect_eq(INVOKE(kernel, 2, KernelCmd_Is_shared, SLOT(1), 2).value, 1, "a part of it");
    EXPECT_OK(delete_cap(SLOT(3)));
    cr_expect_eq(INVOKE(kernel, 2, KernelCmd_Is_shared, SLOT(1), 2).value, 0);
    EXPECT_ERR(INVOKE(kernel, 2, KernelCmd_Is_shared, SLOT(99), 2).error, SYS_ERR_CAP_NOT_FOUND);
}

Test(kernel_syscalls, print_takes_text_of_the_dispatcher_frame_only)
{
    errval_t err;
    call(SYSCALL_PRINT, UDISP + 4096, 10, false, &err);
    EXPECT_OK(err);
    static const uint64_t bad[][2] = {
        { 0, 10 },
        { UDISP - 1, 10 },
        { UDISP + DISPATCHER_FRAME_BYTES - 5, 10 },
        { UDISP, ABI_CONSOLE_MAX + 1 },
        { UINT64_MAX, 10 },
        { UDISP, UINT64_MAX },
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        call(SYSCALL_PRINT, bad[i][0], bad[i][1], false, &err);
        EXPECT_ERR(err, SYS_ERR_INVALID_USER_BUFFER);
    }
}

Test(kernel_syscalls, unknown_calls_and_commands_are_errors)
{
    errval_t err;
    call(99, 0, 0, false, &err);
    EXPECT_ERR(err, SYS_ERR_ILLEGAL_SYSCALL);
    EXPECT_ERR(INVOKE(RAM_CPTR, 2, 77, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
    EXPECT_ERR(INVOKE(SLOT(99), 2, 0, 0).error, SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(INVOKE(0xffffff00, 2, 0, 0).error, SYS_ERR_CNODE_NOT_FOUND);
    EXPECT_ERR(INVOKE(RAM_CPTR, 7, 0, 0).error, SYS_ERR_INVARGS_SYSCALL);
}
