/* SPDX-License-Identifier: MIT
 *
 * What the less common types do: interrupts, names of devices and domains, counters, endpoints of
 * shared memory, foreign CNodes; and invocations of CNodes, tables and mappings that few programs
 * make.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"
#include <signal.h>

TestSuite(kernel_types, .init = set_up, .fini = tear_down);

#define BUFFER (UDISP + 16384)

static struct capability *give(unsigned slot, unsigned type)
{
    struct capability cap = { .type = (uint8_t)type, .rights = CAPRIGHTS_ALLRIGHTS };
    if (type == ObjType_IRQSrc)
        cap.u.irqsrc.count = IRQ_LINES;
    if (type == ObjType_Frame) {
        cap.u.mem.base = 1ull << 30;
        cap.u.mem.bytes = 2ull << 30;
    }
    struct cte *cte =
        cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, slot);
    cap_insert_new(cte, &cap, 0);
    return &cte->cap;
}

/* ---- interrupts ---- */

Test(kernel_types, an_interrupt_goes_from_its_line_to_the_endpoint)
{
    irq_init();
    connect();
    give(2, ObjType_IRQTable);
    give(3, ObjType_IRQSrc);
    struct sysret made = INVOKE(SLOT(2), 2, IRQTableCmd_AllocDestCap, SLOT(0), 1, 4);
    EXPECT_OK(made.error);
    cr_expect_eq(INVOKE(SLOT(4), 2, IRQDestCmd_GetVector, 0).value, made.value);
    cr_expect_eq(INVOKE(SLOT(4), 2, IRQDestCmd_GetCpu, 0).value, my_core_id);
    EXPECT_OK(INVOKE(SLOT(4), 2, IRQDestCmd_Connect, 0, SLOT(1), 2).error);

    /* a part of the lines: others it cannot touch */
    EXPECT_OK(retype(SLOT(3), 5, ObjType_IRQSrc, 2, 1, 6));
    EXPECT_ERR(retype(SLOT(3), 6, ObjType_IRQSrc, 1, 1, 7), SYS_ERR_REVOKE_FIRST);
    EXPECT_ERR(retype(SLOT(3), IRQ_LINES, ObjType_IRQSrc, 1, 1, 7), SYS_ERR_RETYPE_INVALID_OFFSET);
    cr_expect_eq(INVOKE(SLOT(6), 2, IRQSrcCmd_GetVecStart, 0).value, 5);
    cr_expect_eq(INVOKE(SLOT(6), 2, IRQSrcCmd_GetVecEnd, 0).value, 6);
    EXPECT_ERR(INVOKE(SLOT(6), 2, IRQSrcCmd_Route, 7, SLOT(4), 2).error, SYS_ERR_IRQ_INVALID_LINE);
    EXPECT_ERR(INVOKE(SLOT(6), 2, IRQSrcCmd_Raise, 4).error, SYS_ERR_IRQ_INVALID_LINE);
    EXPECT_ERR(INVOKE(SLOT(6), 2, IRQSrcCmd_Route, 6, SLOT(9), 2).error, SYS_ERR_IRQ_LOOKUP_DEST);
    EXPECT_ERR(INVOKE(SLOT(6), 2, IRQSrcCmd_Route, 6, SLOT(1), 2).error, SYS_ERR_IRQ_NOT_IRQ_TYPE);
    EXPECT_OK(INVOKE(SLOT(6), 2, IRQSrcCmd_Route, 6, SLOT(4), 2).error);

    EXPECT_OK(INVOKE(SLOT(6), 2, IRQSrcCmd_Raise, 6).error);
    cr_assert(notified_core == my_core_id && notified_id == NOTIFY_IRQ_FIRST + IRQ_LINES + 6);
    const uint32_t before = bobs_endpoint()->delivered;
    notify_deliver(notified_id);
    cr_expect_eq(bobs_endpoint()->delivered, before + 2);
    cr_expect_eq(bobs_endpoint()->buf[before + 1], made.value);
    cr_expect(bob->queued);

    EXPECT_OK(INVOKE(SLOT(6), 2, IRQSrcCmd_Route, 6, 0).error);
    notify_deliver(notified_id);
    cr_expect_eq(bobs_endpoint()->delivered, before + 2, "routed nowhere");

    /* to another core as that core's vector */
    cap_at(alice, SLOT(4))->u.irqdest.coreid = 1;
    EXPECT_OK(INVOKE(SLOT(6), 2, IRQSrcCmd_Route, 5, SLOT(4), 2).error);
    notify_deliver(NOTIFY_IRQ_FIRST + IRQ_LINES + 5);
    cr_expect(notified_core == 1 && notified_id == NOTIFY_IRQ_FIRST + made.value);
    EXPECT_ERR(INVOKE(SLOT(4), 2, IRQDestCmd_Connect, 0, SLOT(1), 2).error, SYS_ERR_IRQ_WRONG_CORE);
    cap_at(alice, SLOT(4))->u.irqdest.coreid = 0;
    EXPECT_OK(INVOKE(SLOT(2), 2, IRQTableCmd_Delete, made.value).error);
    EXPECT_ERR(INVOKE(SLOT(4), 2, IRQDestCmd_Connect, 0, SLOT(1), 2).error,
               SYS_ERR_IRQ_INVALID_VECTOR);
}

Test(kernel_types, vectors_end_and_their_endpoints_are_checked)
{
    connect();
    give(2, ObjType_IRQTable);
    for (unsigned i = 0; i < IRQ_LINES; i++)
        cr_assert_eq(INVOKE(SLOT(2), 2, IRQTableCmd_Alloc, 0).value, i);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_Alloc, 0).error, SYS_ERR_IRQ_NO_FREE_VECTOR);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_AllocDestCap, SLOT(0), 1, 4).error,
               SYS_ERR_IRQ_NO_FREE_VECTOR);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_AllocDestCap, SLOT(0), 1, 1).error,
               SYS_ERR_SLOT_IN_USE);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_Set, 3, SLOT(9), 2).error, SYS_ERR_IRQ_LOOKUP_EP);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_Set, 3, SLOT(2), 2).error, SYS_ERR_IRQ_NOT_ENDPOINT);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_Set, IRQ_LINES, SLOT(1), 2).error,
               SYS_ERR_IRQ_INVALID_VECTOR);
    EXPECT_OK(INVOKE(SLOT(2), 2, IRQTableCmd_Set, 3, SLOT(1), 2).error);
    EXPECT_OK(INVOKE(SLOT(2), 2, IRQTableCmd_Set, 3, SLOT(1), 2).error);
    for (unsigned i = 0; i < IRQ_LINES; i++)
        EXPECT_OK(INVOKE(SLOT(2), 2, IRQTableCmd_Delete, i).error);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IRQTableCmd_Delete, 0).error, SYS_ERR_IRQ_INVALID_VECTOR);
}

/* ---- names and counters ---- */

Test(kernel_types, names_are_given_by_their_managers_only)
{
    give(2, ObjType_DeviceIDManager);
    EXPECT_OK(INVOKE(SLOT(2), 2, DeviceIDManagerCmd_CreateID, 0x10203, 0, SLOT(0), 1, 3).error);
    EXPECT_ERR(INVOKE(SLOT(2), 2, DeviceIDManagerCmd_CreateID, 1, 0, SLOT(0), 1, 3).error,
               SYS_ERR_SLOT_IN_USE);
    cr_expect_eq(INVOKE(SLOT(3), 2, DeviceIDCmd_Identify, 0).value, 0x10203);
    EXPECT_ERR(INVOKE(SLOT(3), 2, 1, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
    EXPECT_ERR(INVOKE(SLOT(2), 2, 1, 0).error, SYS_ERR_ILLEGAL_INVOCATION);

    EXPECT_OK(retype((capaddr_t)PROOF, 0, ObjType_Domain, 0, 2, 4));
    cr_expect_neq(INVOKE(SLOT(4), 2, IDCmd_Identify, 0).value,
                  INVOKE(SLOT(5), 2, IDCmd_Identify, 0).value);
}

Test(kernel_types, a_dispatcher_is_of_the_domain_that_its_maker_shows)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 1));
    EXPECT_OK(retype((capaddr_t)PROOF, 0, ObjType_Domain, 0, 1, 2));
    const uint64_t domain = cap_at(alice, SLOT(2))->u.id.core_local_id, at = 2ull << 32;
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_Setup, 0, 0, 0, 0, domain).error,
               SYS_ERR_DISP_DOMAIN);
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_Setup, 0, 0, 0, 0, domain + 1, SLOT(2) | at).error,
               SYS_ERR_DISP_DOMAIN);
    EXPECT_OK(INVOKE(SLOT(1), 2, DispatcherCmd_Setup, 0, 0, 0, 0, domain, SLOT(2) | at).error);
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_Setup, 0, 0, 0, 0, 0, 0, SLOT(9) | at).error,
               SYS_ERR_DISP_OCAP_LOOKUP);
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_Setup, 0, 0, 0, 0, 0, 0, SLOT(1) | at).error,
               SYS_ERR_DISP_OCAP_TYPE);
    alice->head.domain_id = 77;
    EXPECT_OK(retype(RAM_CPTR, 1 << 20, ObjType_Frame, DISPATCHER_FRAME_BYTES, 1, 3));
    EXPECT_OK(INVOKE(SLOT(1), 2, DispatcherCmd_Setup, 0, 0, SLOT(3) | at, 0, 0, 0,
                     KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_DISPATCHER) | at)
                  .error);
    struct dcb *child = phys_to_mem(paddr(cap_at(alice, SLOT(1))->u.mem.base));
    cr_expect_eq(child->head.domain_id, 77);
}

/* As after a stop that forgot a list: its memory would become somebody else's while it is in it. */
Test(kernel_types, a_dispatcher_that_is_still_in_a_list_does_not_go, .signal = SIGABRT)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 1));
    struct dcb *dcb = phys_to_mem(paddr(cap_at(alice, SLOT(1))->u.mem.base));
    dcb->stopped = 1;
    dcb->queued = 1;
    delete_cap(SLOT(1));
}

Test(kernel_types, counters_count_from_when_they_are_told)
{
    give(2, ObjType_PerfMon);
    EXPECT_ERR(INVOKE(SLOT(2), 2, PerfMonCmd_Read, 0).error, SYS_ERR_PERFMON_NOT_AVAILABLE);
    EXPECT_ERR(INVOKE(SLOT(2), 2, PerfMonCmd_Activate, PERFMON_COUNTERS, 0).error,
               SYS_ERR_PERFMON_NOT_AVAILABLE);
    EXPECT_ERR(INVOKE(SLOT(2), 2, PerfMonCmd_Activate, 0, 8).error, SYS_ERR_PERFMON_NOT_AVAILABLE);
    EXPECT_OK(INVOKE(SLOT(2), 2, PerfMonCmd_Activate, 0, 0).error); /* system calls */
    cr_expect_eq(INVOKE(SLOT(2), 2, PerfMonCmd_Read, 0).value, 1);
    EXPECT_OK(INVOKE(SLOT(2), 2, PerfMonCmd_Write, 0, 100).error);
    cr_expect_eq(INVOKE(SLOT(2), 2, PerfMonCmd_Deactivate, 0).value, 101);
    EXPECT_ERR(INVOKE(SLOT(2), 2, PerfMonCmd_Deactivate, 0).error, SYS_ERR_PERFMON_NOT_AVAILABLE);
    EXPECT_ERR(INVOKE(SLOT(2), 2, PerfMonCmd_Read + 1, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
}

Test(kernel_types, cores_are_started_by_ipi_and_foreign_cnodes_are_the_monitors)
{
    give(2, ObjType_IPI);
    EXPECT_OK(INVOKE(SLOT(2), 2, IPICmd_Send_Init, 1).error);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IPICmd_Send_Init, 2).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_OK(INVOKE(SLOT(2), 2, IPICmd_Send_Start, 1).error);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IPICmd_Send_Start, 0).error, SYS_ERR_CORE_RUNNING);
    EXPECT_ERR(INVOKE(SLOT(2), 2, IPICmd_Send_Start, 7).error, SYS_ERR_CORE_NOT_FOUND);
    EXPECT_ERR(INVOKE(SLOT(2), 2, 2, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
    give(3, ObjType_FCNode);
    EXPECT_ERR(INVOKE(SLOT(3), 2, CNodeCmd_Copy, 0).error, SYS_ERR_RETRY_THROUGH_MONITOR);
    EXPECT_ERR(INVOKE(SLOT(3), 2, 100, 0).error, SYS_ERR_ILLEGAL_INVOCATION);
}

Test(kernel_types, an_endpoint_of_memory_is_told_its_interface_once)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_EndPointUMP, 8192, 1, 1));
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 2, ROOT_CPTR, SLOT(1), 2, 0, 0).error,
               SYS_ERR_MINT_INVALID);
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 2, ROOT_CPTR, SLOT(1), 2, 1 << 16, 0).error,
               SYS_ERR_MINT_INVALID);
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 2, ROOT_CPTR, SLOT(1), 2, 9, 0).error);
    cr_expect_eq(cap_at(alice, SLOT(2))->flags, 9);
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_Mint, 3, ROOT_CPTR, SLOT(2), 2, 8, 0).error,
               SYS_ERR_MINT_INVALID);
}

/* ---- CNodes ---- */

Test(kernel_types, a_root_goes_on_in_a_cnode_that_nobody_else_has)
{
    const uint64_t own = INVOKE(0, 0, CNodeCmd_GetSize, 0).value;
    cr_expect_eq(own, OBJSIZE_L2CNODE);
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_GetSize, 0).error, SYS_ERR_CNODE_TYPE);
    EXPECT_ERR(INVOKE(SLOT(0), 1, CNodeCmd_Resize, SLOT(1), 2).error, SYS_ERR_CNODE_TYPE);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Resize, SLOT(1), 2).error, SYS_ERR_SOURCE_CAP_LOOKUP);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Resize, RAM_CPTR, 2).error, SYS_ERR_CNODE_TYPE);
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Resize, ROOT_CPTR, 2).error, SYS_ERR_CNODE_IN_USE);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_L1CNode, 2 * OBJSIZE_L2CNODE, 1, 1));
    EXPECT_OK(copy(2, SLOT(1)));
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Resize, SLOT(1), 2).error, SYS_ERR_CNODE_IN_USE);
    EXPECT_OK(delete_cap(SLOT(2)));
    EXPECT_ERR(INVOKE(SLOT(1), 2, CNodeCmd_Resize, SLOT(1), 2).error, SYS_ERR_CNODE_IN_USE);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Resize, SLOT(1), 2).error);
    cr_expect_eq(cap_at(alice, SLOT(1))->type, ObjType_Null);
    cr_expect_eq(INVOKE(0, 0, CNodeCmd_GetSize, 0).value, 3 * OBJSIZE_L2CNODE);
    for (unsigned i = 2; i < ROOTCN_MAX_PARTS; i++) {
        EXPECT_OK(
            retype(RAM_CPTR, i * 2 * OBJSIZE_L2CNODE, ObjType_L1CNode, OBJSIZE_L2CNODE, 1, 1));
        EXPECT_OK(INVOKE(0, 0, CNodeCmd_Resize, SLOT(1), 2).error);
    }
    EXPECT_OK(retype(RAM_CPTR, 1 << 20, ObjType_L1CNode, OBJSIZE_L2CNODE, 1, 1));
    EXPECT_ERR(INVOKE(0, 0, CNodeCmd_Resize, SLOT(1), 2).error, SYS_ERR_SLOTS_INVALID);
}

/* ---- tables and mappings ---- */

static errval_t map(capaddr_t table, capaddr_t src, uint64_t attr, uint64_t count, unsigned slot)
{
    return INVOKE(table, 2, VNodeCmd_Map, ROOT_CPTR, src, 2, attr, 0, count, CN, slot).error;
}

Test(kernel_types, attributes_are_where_the_processor_looks_for_them)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_ptable, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 4096, ObjType_VNode_x86_64_pdir, 0, 1, 2));
    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_Frame, 4096, 1, 3));
    EXPECT_OK(retype(RAM_CPTR, ABI_LARGE_PAGE_BYTES, ObjType_Frame, ABI_LARGE_PAGE_BYTES, 1, 4));
    const uint64_t *ptable = phys_to_mem(paddr(cap_at(alice, SLOT(1))->u.mem.base));
    const uint64_t *pdir = phys_to_mem(paddr(cap_at(alice, SLOT(2))->u.mem.base));
    EXPECT_OK(map(SLOT(1), SLOT(3), PTABLE_CACHE_DISABLED | PTABLE_ATTR_INDEX, 1, 5));
    EXPECT_OK(map(SLOT(2), SLOT(4), PTABLE_WRITE_THROUGH | PTABLE_ATTR_INDEX, 1, 6));
    cr_expect_eq(ptable[0] & 0xfff, 1 | 4 | 1 << 4 | 1 << 7);
    cr_expect_eq(pdir[0] & 0x1fff, 1 | 4 | 1 << 3 | 1 << 7 | 1 << 12);
    EXPECT_OK(INVOKE(SLOT(6), 2, MappingCmd_Modify, 0, 1, PTABLE_WRITE).error);
    cr_expect_eq(pdir[0] & 0x1fff, 1 | 2 | 4 | 1 << 7);
    EXPECT_OK(INVOKE(SLOT(5), 2, MappingCmd_Modify, 0, 1, PTABLE_WRITE).error);
    cr_expect_eq(ptable[0] & 0xfff, 1 | 2 | 4);
}

Test(kernel_types, huge_pages_are_for_processors_that_have_them)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_pdpt, 0, 1, 1));
    give(2, ObjType_Frame);
    huge_pages = false;
    EXPECT_ERR(map(SLOT(1), SLOT(2), PTABLE_WRITE, 2, 3), SYS_ERR_VM_NO_HUGE_PAGES);
    huge_pages = true;
    EXPECT_ERR(map(SLOT(1), SLOT(2), PTABLE_WRITE, 3, 3), SYS_ERR_FRAME_OFFSET_INVALID);
    EXPECT_OK(map(SLOT(1), SLOT(2), PTABLE_WRITE, 2, 3));
    const uint64_t *pdpt = phys_to_mem(paddr(cap_at(alice, SLOT(1))->u.mem.base));
    cr_expect_eq(pdpt[1] & ~(1ull << 63), 2ull << 30 | 1 | 2 | 4 | 1 << 7);
}

Test(kernel_types, dirty_pages_are_counted_and_mappings_destroyed)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_ptable, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_Frame, 3 * 4096, 1, 3));
    EXPECT_OK(map(SLOT(1), SLOT(3), PTABLE_WRITE, 3, 5));
    uint64_t *ptable = phys_to_mem(paddr(cap_at(alice, SLOT(1))->u.mem.base));
    ptable[0] |= 1 << 6;
    ptable[2] |= 1 << 6;
    cr_expect_eq(INVOKE(SLOT(1), 2, VNodeCmd_CleanDirtyBits, 0).value, 2);
    cr_expect_eq(INVOKE(SLOT(1), 2, VNodeCmd_CleanDirtyBits, 0).value, 0);
    EXPECT_ERR(INVOKE(KPI_CPTR(ROOTCN_SLOT_PAGECN, 0), 2, VNodeCmd_CleanDirtyBits, 0).error,
               SYS_ERR_WRONG_MAPPING);
    EXPECT_ERR(INVOKE(SLOT(5), 2, MappingCmd_Destroy, SLOT(3), 2).error, SYS_ERR_WRONG_MAPPING);
    EXPECT_OK(INVOKE(SLOT(5), 2, MappingCmd_Destroy, SLOT(5), 2).error);
    cr_expect(ptable[0] == 0 && ptable[2] == 0);
    cr_expect_eq(cap_at(alice, SLOT(5))->type, ObjType_Null);
    EXPECT_OK(map(SLOT(1), SLOT(3), PTABLE_WRITE, 3, 5));
}

Test(kernel_types, a_mapping_may_lie_in_another_cspace)
{
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_VNode_x86_64_ptable, 0, 1, 1));
    EXPECT_OK(retype(RAM_CPTR, 8192, ObjType_Frame, 4096, 1, 2));
    cap_copy_to(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 3),
                &bob->cspace);
    EXPECT_ERR(
        INVOKE(SLOT(1), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(2), 2, 0, 0, 1, CN, 7, SLOT(2)).error,
        SYS_ERR_CNODE_TYPE);
    EXPECT_ERR(INVOKE(SLOT(1), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(2), 2, 0, 0, 1, CN, 256).error,
               SYS_ERR_SLOTS_INVALID);
    EXPECT_OK(
        INVOKE(SLOT(1), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(2), 2, 0, 0, 1, CN, 7, SLOT(3)).error);
    cr_expect_eq(cap_at(bob, SLOT(7))->type, ObjType_Frame_Mapping);
    cr_expect_eq(cap_at(alice, SLOT(7))->type, ObjType_Null);
}

/* Each entry of a dump does a bounded piece, and the whole ends. */
Test(kernel_types, dumps_end)
{
    const capaddr_t self = KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_DISPATCHER);
    EXPECT_OK(INVOKE(self, 2, DispatcherCmd_DumpCapabilities, 0).error);
    cr_expect_gt(entries, 5);
    EXPECT_OK(INVOKE(self, 2, DispatcherCmd_DumpPTables, 0).error);
    EXPECT_OK(retype(RAM_CPTR, 0, ObjType_Dispatcher, 0, 1, 1));
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_DumpPTables, 0).error, SYS_ERR_DISP_VSPACE_INVALID);
    EXPECT_ERR(INVOKE(SLOT(1), 2, DispatcherCmd_DumpCapabilities, 0).error,
               SYS_ERR_DISP_CSPACE_INVALID);
}

/* Traces, tests and callers take them from one table; a gap or a number twice is a slip there. */
Test(kernel_types, commands_of_a_kind_count_from_zero)
{
    static const struct {
        const char *kind;
        unsigned number;
    } command[] = {
#define CAP_COMMAND(kind, name, number) { #kind, number },
#include <barrelfish_kpi/commands.def>
    };
    for (unsigned i = 0; i < sizeof(command) / sizeof(command[0]); i++) {
        const bool first = i == 0 || strcmp(command[i].kind, command[i - 1].kind) != 0;
        cr_expect_eq(command[i].number, first ? 0 : command[i - 1].number + 1, "%s, %u",
                     command[i].kind, command[i].number);
    }
}
