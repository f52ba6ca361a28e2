/* SPDX-License-Identifier: MIT
 *
 * The library's functions for the Kernel capability, and those that share a structure of arguments
 * with one, against the CPU driver itself: an argument in the wrong word would be seen here and, of
 * functions that no monitor calls, nowhere else.
 */
/* link: guest/kernel/delete.c guest/kernel/stop.c */
/* link: guest/kernel/lrpc.c guest/kernel/syscall.c guest/kernel/cspace.c */
/* link: guest/kernel/schedule.c guest/kernel/wakeup.c guest/kernel/notify.c */
/* link: guest/kernel/schedule_rbed.c */
/* link: guest/kernel/objects/cnode.c guest/kernel/objects/vnode.c guest/kernel/objects/dispatcher.c */
/* link: guest/kernel/objects/endpoint.c guest/kernel/objects/simple.c */
/* link: guest/kernel/objects/kernel.c guest/kernel/objects/table.c */
/* link: guest/kernel/objects/irq.c guest/kernel/objects/device.c */
/* link: guest/kernel/objects/kernel_relations.c guest/kernel/objects/vnode_inherit.c */
/* link: guest/kernel/objects/dump.c guest/kernel/objects/cnode_delete.c */
/* link: guest/kernel/invocation.c */
#include "kernel_fixture.h"

#include <barrelfish/invocations.h>

#define RAM_BASE (8ull << 20)
#define PAGE 4096ull
#define BUFFER_BYTES 512

/* ---- what the library stands on ---- */

dispatcher_handle_t curdispatcher(void)
{
    return (dispatcher_handle_t)alice->disp;
}

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    return (char *)handle + DISPATCHER_FRAME_BYTES - BUFFER_BYTES;
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    cr_assert_eq(rdx, 0);
    current = alice;
    return invoke((capaddr_t)(rsi >> 32), rsi >> 16 & 0xff, words[0],
                  (const uint64_t *)(words + 1));
}

/* The frame is where Alice sees it: her addresses are those of the host. */
static void set_up_library(void)
{
    set_up();
    alice->udisp = (lvaddr_t)alice->disp;
}

TestSuite(kernel_library, .init = set_up_library, .fini = tear_down);

static struct capref slot(unsigned n)
{
    return (struct capref){ .cnode = CNODE_L2(ROOTCN_SLOT_SLOT_ALLOC0), .slot = n };
}

static struct capref ram(void)
{
    return (struct capref){ .cnode = cnode_super, .slot = 0 };
}

static const struct capability *in(unsigned n)
{
    return cap_at(alice, SLOT(n));
}

static errval_t make(unsigned n, enum objtype type, gensize_t offset, gensize_t bytes, size_t count)
{
    return invoke_cnode_retype(slot(n), ram(), offset, type, bytes, count);
}

static struct capability contents(unsigned n)
{
    struct capability raw;
    EXPECT_OK(invoke_kernel_identify_cap(cap_kernel, CPTR_ROOTCN, SLOT(n), 2, &raw));
    return raw;
}

/* ---- retype and map: one structure, two commands ---- */

static void check_made(unsigned first, unsigned count, gensize_t offset, gensize_t bytes)
{
    for (unsigned i = 0; i < count; i++) {
        cr_expect_eq(in(first + i)->type, ObjType_Frame);
        cr_expect_eq(cap_base(in(first + i)), RAM_BASE + offset + i * bytes);
        cr_expect_eq(cap_bytes(in(first + i)), bytes);
    }
    cr_expect_eq(in(first + count)->type, ObjType_Null);
}

Test(kernel_library, retype_by_either_command)
{
    EXPECT_OK(make(3, ObjType_Frame, 16 * PAGE, 2 * PAGE, 4));
    check_made(3, 4, 16 * PAGE, 2 * PAGE);
    EXPECT_OK(
        invoke_kernel_retype(cap_kernel, slot(20), ram(), 64 * PAGE, ObjType_Frame, 4 * PAGE, 3));
    check_made(20, 3, 64 * PAGE, 4 * PAGE);
    EXPECT_ERR(invoke_kernel_retype(cap_kernel, slot(30), ram(), 64 * PAGE, ObjType_Frame, PAGE, 1),
               SYS_ERR_REVOKE_FIRST);
}

Test(kernel_library, map_and_remap)
{
    EXPECT_OK(make(1, ObjType_VNode_x86_64_ptable, 0, 0, 1));
    EXPECT_OK(make(2, ObjType_Frame, 16 * PAGE, 4 * PAGE, 2));
    EXPECT_OK(invoke_vnode_map(slot(1), slot(2), 7, PTABLE_WRITE, PAGE, 3, slot(10)));
    const uint64_t *table = phys_to_mem(paddr(RAM_BASE));
    cr_expect_eq(table[6], 0);
    cr_expect_eq(table[7] & 0xffffffffff000, RAM_BASE + 17 * PAGE);
    cr_expect(table[7] & ABI_PTE_WRITE);
    cr_expect_eq(table[10], 0);
    EXPECT_OK(invoke_vnode_copy_remap(slot(1), slot(3), 7, PTABLE_READ_ONLY, 0, 3, slot(11)));
    cr_expect_eq(table[9] & 0xffffffffff000, RAM_BASE + 22 * PAGE);
    cr_expect(!(table[7] & ABI_PTE_WRITE));
    cr_expect_eq(in(11)->type, ObjType_Frame_Mapping);
    EXPECT_ERR(invoke_vnode_copy_remap(slot(1), slot(2), 7, 0, 0, 2, slot(12)),
               SYS_ERR_VM_MAP_SIZE);
}

/* ---- answers ---- */

Test(kernel_library, structures_come_back)
{
    struct capability raw;
    struct frame_identity frame;
    struct kernel_stats stats = { 0 };
    coreid_t core = 7;
    EXPECT_OK(make(1, ObjType_Frame, 16 * PAGE, 2 * PAGE, 1));
    raw = contents(1);
    cr_expect(cap_is_copy(&raw, in(1)));
    memset(&raw, 0, sizeof(raw));
    EXPECT_OK(invoke_cnode_cap_identify(slot(1), &raw));
    cr_expect(cap_is_copy(&raw, in(1)));
    EXPECT_OK(invoke_frame_identify(slot(1), &frame));
    cr_expect(frame.base == RAM_BASE + 16 * PAGE && frame.bytes == 2 * PAGE);
    EXPECT_ERR(invoke_kernel_identify_cap(cap_kernel, CPTR_ROOTCN, SLOT(2), 2, &raw),
               SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(invoke_kernel_get_stats(cap_kernel, &stats));
    cr_expect_eq(memcmp(&stats, &kernel_counters, sizeof(stats)), 0);
    EXPECT_OK(invoke_kernel_get_core_id(cap_kernel, &core));
    cr_expect_eq(core, 0);
    cr_expect_not(disp_is_disabled(curdispatcher()));
}

/* ---- by contents ---- */

Test(kernel_library, a_capability_by_its_contents)
{
    bool descendants;
    coreid_t owner;
    EXPECT_OK(make(1, ObjType_RAM, 0, 16 * PAGE, 1));
    const struct capability raw = contents(1);
    EXPECT_OK(invoke_kernel_copy_existing(cap_kernel, &raw, slot(2)));
    cr_expect(cap_is_copy(in(1), in(2)));
    EXPECT_ERR(invoke_kernel_copy_existing(cap_kernel, &raw, slot(2)), SYS_ERR_SLOT_IN_USE);
    EXPECT_OK(invoke_kernel_has_descendants(cap_kernel, &raw, &descendants));
    cr_expect_not(descendants);
    EXPECT_OK(invoke_cnode_retype(slot(3), slot(1), 4 * PAGE, ObjType_Frame, PAGE, 1));
    EXPECT_OK(invoke_kernel_has_descendants(cap_kernel, &raw, &descendants));
    cr_expect(descendants);
    EXPECT_OK(invoke_kernel_is_retypeable(cap_kernel, &raw, 5 * PAGE, PAGE, 11));
    EXPECT_OK(invoke_kernel_is_retypeable(cap_kernel, &raw, 0, 2 * PAGE, 2));
    EXPECT_ERR(invoke_kernel_is_retypeable(cap_kernel, &raw, PAGE, 2 * PAGE, 2),
               SYS_ERR_REVOKE_FIRST);
    EXPECT_ERR(invoke_kernel_is_retypeable(cap_kernel, &raw, 5 * PAGE, PAGE, 12),
               SYS_ERR_RETYPE_INVALID_OFFSET);
    struct capability other = raw;
    other.u.mem.base = MEMORY_BYTES;
    EXPECT_ERR(invoke_kernel_copy_existing(cap_kernel, &other, slot(4)), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(invoke_kernel_create_cap(cap_kernel, &other, slot(4), 1));
    EXPECT_OK(invoke_kernel_get_cap_owner(cap_kernel, CPTR_ROOTCN, SLOT(4), 2, &owner));
    cr_expect(owner == 1 && cap_is_copy(in(4), &other));
}

Test(kernel_library, what_is_marked_is_not_copied)
{
    const struct capability nothing = { 0 };
    EXPECT_OK(make(1, ObjType_Frame, 0, PAGE, 2));
    const struct capability raw = contents(2);
    EXPECT_OK(invoke_kernel_revoke_mark_target(cap_kernel, CPTR_ROOTCN, SLOT(1), 2));
    EXPECT_ERR(invoke_cnode_copy(slot(3), slot(1)), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(invoke_kernel_revoke_mark_relations(cap_kernel, &raw));
    EXPECT_OK(invoke_cnode_copy(slot(3), slot(1)));
    EXPECT_ERR(invoke_cnode_copy(slot(4), slot(2)), SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_OK(invoke_kernel_revoke_mark_relations(cap_kernel, &nothing));
    EXPECT_OK(invoke_cnode_copy(slot(4), slot(2)));
}

/* ---- ends ---- */

Test(kernel_library, the_last_one_ends_and_its_memory_comes_back)
{
    EXPECT_OK(make(1, ObjType_Frame, PAGE, 2 * PAGE, 1));
    EXPECT_OK(invoke_cnode_copy(slot(2), slot(1)));
    EXPECT_ERR(invoke_kernel_delete_last(cap_kernel, CPTR_ROOTCN, SLOT(1), 2),
               SYS_ERR_REVOKE_FIRST);
    EXPECT_OK(invoke_kernel_nullify_cap(cap_kernel, slot(2)));
    EXPECT_OK(invoke_cnode_delete(ram()));
    EXPECT_OK(invoke_kernel_delete_last(cap_kernel, CPTR_ROOTCN, SLOT(1), 2));
    cr_expect_eq(in(1)->type, ObjType_Null);
    EXPECT_OK(invoke_kernel_reclaim_ram(cap_kernel, slot(3)));
    cr_expect_eq(in(3)->type, ObjType_RAM);
    cr_expect(cap_base(in(3)) == RAM_BASE + PAGE && cap_bytes(in(3)) == 2 * PAGE);
    EXPECT_ERR(invoke_kernel_reclaim_ram(cap_kernel, slot(4)), SYS_ERR_NO_RAM_PENDING);
    EXPECT_OK(invoke_kernel_delete_step(cap_kernel));
    EXPECT_OK(invoke_kernel_clear_step(cap_kernel));
}

Test(kernel_library, what_is_kept_for_another_core)
{
    enum cap_shared shared;
    coreid_t owner;
    genpaddr_t from = 0;
    EXPECT_OK(make(1, ObjType_Frame, 0, PAGE, 1));
    EXPECT_OK(invoke_kernel_is_shared(cap_kernel, slot(1), &shared));
    cr_expect_eq(shared, CAP_SHARED_NOT);
    EXPECT_ERR(invoke_kernel_unlock_cap(cap_kernel, slot(1)), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_ERR(invoke_kernel_set_cap_owner(cap_kernel, slot(1), 1), SYS_ERR_CAP_NOT_FOUND);
    EXPECT_OK(invoke_kernel_lock_cap(cap_kernel, slot(1)));
    EXPECT_ERR(invoke_kernel_set_cap_owner(cap_kernel, slot(1), 2), SYS_ERR_CORE_NOT_FOUND);
    EXPECT_OK(invoke_kernel_set_cap_owner(cap_kernel, slot(1), 1));
    EXPECT_OK(invoke_kernel_unlock_cap(cap_kernel, slot(1)));
    EXPECT_OK(invoke_kernel_get_cap_owner(cap_kernel, CPTR_ROOTCN, SLOT(1), 2, &owner));
    cr_expect_eq(owner, 1);
    EXPECT_OK(invoke_kernel_mark_witness(cap_kernel, slot(1), NULL));
    EXPECT_OK(invoke_cnode_copy(slot(2), slot(1)));
    EXPECT_OK(invoke_kernel_is_shared(cap_kernel, slot(1), &shared));
    cr_expect_eq(shared, CAP_SHARED_HERE);
    EXPECT_ERR(invoke_kernel_delete_foreigns(cap_kernel, slot(1), RAM_BASE + PAGE, PAGE, 0, &from),
               SYS_ERR_RETYPE_INVALID_OFFSET);
    do
        EXPECT_OK(invoke_kernel_delete_foreigns(cap_kernel, slot(1), 0, 0, 0, &from));
    while (from != 0);
    cr_expect(in(1)->type == ObjType_Frame && in(2)->type == ObjType_Null);
}

/* ---- dispatchers and cores ---- */

Test(kernel_library, a_dispatcher_and_its_bell)
{
    uintptr_t id, domain;
    connect();
    EXPECT_OK(invoke_kernel_domain_id(cap_kernel, slot(1), 77));
    cr_expect(bob->head.domain_id == 77 && bob->disp->domain_id == 77);
    EXPECT_ERR(invoke_kernel_domain_id(cap_kernel, ram(), 77), SYS_ERR_LRPC_NOT_ENDPOINT);
    EXPECT_OK(invoke_kernel_notify_register(cap_kernel, slot(1), &id));
    const uint64_t before = bob->disp->notified;
    notify_deliver((uint32_t)id);
    cr_expect_eq(bob->disp->notified, before + 1);
    EXPECT_OK(invoke_kernel_ipi_delete(cap_kernel, id));
    EXPECT_ERR(invoke_kernel_ipi_delete(cap_kernel, id), SYS_ERR_NOTIFY_ID_INVALID);
    EXPECT_ERR(invoke_kernel_next_stopped(cap_kernel, &domain), SYS_ERR_NONE_STOPPED);
    EXPECT_OK(invoke_kernel_stop_dispatcher(cap_kernel, slot(1)));
    cr_expect(bob->stopped);
}

Test(kernel_library, other_cores)
{
    uint64_t late;
    EXPECT_OK(invoke_kernel_spawn_core(cap_kernel, 1, 2, 3, 4));
    EXPECT_ERR(invoke_kernel_spawn_core(cap_kernel, 0, 2, 3, 4), SYS_ERR_CORE_RUNNING);
    EXPECT_ERR(invoke_kernel_kill_core(cap_kernel, 0), SYS_ERR_CORE_RUNNING);
    EXPECT_OK(invoke_kernel_kill_core(cap_kernel, 1));
    EXPECT_OK(invoke_kernel_retire_core(cap_kernel, 1));
    EXPECT_ERR(invoke_kernel_core_available(cap_kernel, 1), SYS_ERR_CORE_NOT_FOUND);
    EXPECT_OK(invoke_kernel_core_late(cap_kernel, 1, &late));
    cr_expect_eq(late, 1001);
    EXPECT_ERR(invoke_kernel_core_late(cap_kernel, 2, &late), SYS_ERR_CORE_NOT_FOUND);
}

Test(kernel_library, control_blocks_are_memory_and_no_more)
{
    EXPECT_OK(make(1, ObjType_KernelControlBlock, 0, 0, 2));
    EXPECT_ERR(invoke_kernel_add_kcb(cap_kernel, slot(1)), SYS_ERR_KCB_NONE);
    EXPECT_ERR(invoke_kernel_remove_kcb(cap_kernel, slot(1)), SYS_ERR_KCB_NONE);
    EXPECT_ERR(invoke_kernel_suspend_kcb(cap_kernel, slot(1)), SYS_ERR_KCB_NONE);
    EXPECT_ERR(invoke_kcb_clone(slot(2), slot(1)), SYS_ERR_KCB_NONE);
}
