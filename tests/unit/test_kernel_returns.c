/* SPDX-License-Identifier: MIT
 *
 * The table of errors, from its rows that say `returns`: each is provoked, or this fails.  Most are
 * of families: places and slots that are named by arguments, and what another core says there is.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_returns, .init = set_up, .fini = tear_down);

#define BUFFER (UDISP + DISPATCHER_FRAME_BYTES - 64)
#define KERNEL_CPTR KPI_CPTR(0, TASKCN_SLOT_KERNELCAP)
#define AT2(cptr) ((cptr) | 2ull << 32)
#define READ_ONLY_ROOT_SLOT 40 /* of the root: a CNode that cannot be changed through it */

/* What the slots hold. */
enum slot {
    FRAME = 1,
    EMPTY,
    LOCKED,
    TABLE, /* with a mapping of FRAME in entry 3 */
    OTHER_TABLE,
    READ_ONLY_CNODE,
    CNODE,
    IRQ_TABLE,
    MANAGER,
    IRQ_SRC,
    IRQ_DEST, /* of another core */
    CORES,
    KCB,
    BLIND_KCB,
    MAPPING,
    FOREIGN_TABLE,
    DIRECTORY,
    PDPT,
    READ_ONLY_FRAME,
    ROOT,
    READ_ONLY_ROOT,
    PART,
    CROOKED_FRAME, /* of 4 MiB, not aligned to 2 MiB */
    LARGE_FRAME,   /* of 2 GiB */
    SECOND_FRAME,
    MAPPED_COPY, /* of READ_ONLY_FRAME */
    ENDPOINT,    /* of bob */
    PORT,        /* one */
    FREE         /* nothing from here on */
};

static bool provoked[RETURNS_ROWS];

static void provoke(const char *type, uint64_t command, enum err_code code, errval_t err)
{
    const unsigned row = returns_row(type, command, code);
    cr_assert_lt(row, RETURNS_ROWS, "%s, command %lu, error %u", type, command, code);
    cr_assert_eq(err_no(err), code, "%s %s: wanted %u, got %u", type, returns[row].name, code,
                 (unsigned)err_no(err));
    provoked[row] = true;
}

#define PROVOKE(type, command, code, cptr, level, ...) \
    provoke(#type, type##Cmd_##command, (code),        \
            INVOKE((cptr), (level), type##Cmd_##command, __VA_ARGS__).error)

/* A command whose arguments are all right but for what a test puts there. */
struct good_call {
    const char *type;
    capaddr_t target;
    unsigned level;
    uint64_t command;
    uint64_t args[9];
    unsigned at;     /* the argument in question */
    unsigned packed; /* its level is in the same word, not in the next one */
    unsigned slot;   /* and the argument that says which slot of it */
};

static void try_place(const struct good_call *call, uint64_t cptr, uint64_t level,
                      enum err_code code)
{
    struct good_call bad = *call;
    if (returns_row(call->type, call->command, code) == RETURNS_ROWS)
        return;
    bad.args[call->at] = call->packed ? cptr | level << 32 : cptr;
    if (!call->packed)
        bad.args[call->at + 1] = level;
    provoke(call->type, call->command, code,
            invoke(call->target, call->level, call->command, bad.args).error);
}

#define ON_ROOT(name, ...)                                       \
    {                                                            \
        "CNode", 0, 0, CNodeCmd_##name, { __VA_ARGS__ }, 0, 0, 0 \
    }
#define ON_KERNEL(name, index, ...)                                                \
    {                                                                              \
        "Kernel", KERNEL_CPTR, 2, KernelCmd_##name, { __VA_ARGS__ }, (index), 0, 0 \
    }

static void find_nothing(void)
{
    const struct good_call calls[] = {
        ON_ROOT(Delete, 0),
        ON_ROOT(Revoke, 0),
        ON_ROOT(GetState, 0),
        ON_ROOT(CapIdentify, 0, 0, BUFFER),
        { "VNode", SLOT(TABLE), 2, VNodeCmd_Unmap, { 0 }, 0, 0, 0 },
        { "Mapping", SLOT(MAPPING), 2, MappingCmd_Destroy, { 0 }, 0, 0, 0 },
        ON_KERNEL(Nullify_cap, 0, 0),
        ON_KERNEL(Notify_register, 0, 0),
        ON_KERNEL(Register_monitor, 0, 0),
        ON_KERNEL(Stop_dispatcher, 0, 0),
        ON_KERNEL(Is_shared, 0, 0),
        ON_KERNEL(Lock_cap, 0, 0),
        ON_KERNEL(Unlock_cap, 0, 0),
        ON_KERNEL(Set_cap_owner, 0, 0),
        ON_KERNEL(Mark_witness, 0, 0),
        ON_KERNEL(Delete_foreigns, 0, 0),
        ON_KERNEL(Domain_id, 0, 0),
        ON_KERNEL(Identify_cap, 1, ROOT_CPTR, 0, 0, BUFFER),
        ON_KERNEL(Get_cap_owner, 1, ROOT_CPTR),
        ON_KERNEL(Delete_last, 1, ROOT_CPTR),
        ON_KERNEL(Revoke_mark_target, 1, ROOT_CPTR),
    };
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        try_place(&calls[i], SLOT(EMPTY), 2, SYS_ERR_CAP_NOT_FOUND);
        try_place(&calls[i], KPI_CPTR(200, 0), 2, SYS_ERR_CNODE_NOT_FOUND);
        try_place(&calls[i], SLOT(FRAME), 7, SYS_ERR_INVARGS_SYSCALL);
        try_place(&calls[i], SLOT(LOCKED), 2, SYS_ERR_RETRY_THROUGH_MONITOR);
    }
}

#define COPY(name)                                                                 \
    {                                                                              \
        "CNode", SLOT(0), 1, CNodeCmd_##name, { FREE, 0, SLOT(FRAME), 2 }, 1, 1, 0 \
    }
#define RETYPE_ARGS ROOT_CPTR, AT2(RAM_CPTR), 4u << 20, ObjType_Frame, 4096, 1, ROOT_CPTR, CN, FREE
#define MAP_ARGS ROOT_CPTR, SLOT(FRAME), 2 | 9ull << 32, 0, 0, 1, CN, FREE, 0
#define INHERIT_ARGS ROOT_CPTR, AT2(SLOT(TABLE)), 512ull << 32, INHERIT_ATTR_SAME, CN, FREE, 0

static void find_no_root(void)
{
    const struct good_call calls[] = {
        COPY(Copy),
        COPY(Mint),
        { "CNode", 0, 0, CNodeCmd_Retype, { RETYPE_ARGS }, 0, 1, 0 },
        { "CNode", 0, 0, CNodeCmd_Retype, { RETYPE_ARGS }, 6, 1, 0 },
        { "VNode", SLOT(TABLE), 2, VNodeCmd_Map, { MAP_ARGS }, 0, 1, 0 },
        { "VNode", SLOT(TABLE), 2, VNodeCmd_CopyRemap, { MAP_ARGS }, 0, 1, 0 },
        { "VNode", SLOT(OTHER_TABLE), 2, VNodeCmd_Inherit, { INHERIT_ARGS }, 0, 1, 0 },
        { "VNode", SLOT(OTHER_TABLE), 2, VNodeCmd_Inherit, { INHERIT_ARGS }, 6, 1, 0 },
        ON_KERNEL(Retype, 0, RETYPE_ARGS),
        ON_KERNEL(Identify_cap, 0, 0, SLOT(FRAME), 2, BUFFER),
        ON_KERNEL(Get_cap_owner, 0, 0, SLOT(FRAME), 2),
        ON_KERNEL(Delete_last, 0, 0, SLOT(FRAME), 2),
        ON_KERNEL(Revoke_mark_target, 0, 0, SLOT(FRAME), 2),
    };
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct good_call call = calls[i];
        call.packed = 1;
        try_place(&call, SLOT(EMPTY), 0, SYS_ERR_SOURCE_ROOTCN_LOOKUP);
        try_place(&call, SLOT(FRAME), 0, SYS_ERR_CNODE_TYPE);
    }
    for (uint64_t c = CNodeCmd_Delete; c <= CNodeCmd_CapIdentify; c++)
        if (c != CNodeCmd_Create)
            provoke("CNode", c, SYS_ERR_CNODE_TYPE,
                    INVOKE(SLOT(0), 1, c, SLOT(FRAME), 2, BUFFER).error);
}

static void say(unsigned type, uint64_t base, uint64_t bytes)
{
    struct capability given = { .type = (uint8_t)type, .rights = CAPRIGHTS_ALLRIGHTS };
    given.u.mem.base = base;
    given.u.mem.bytes = bytes;
    memcpy((char *)alice->disp + DISPATCHER_FRAME_BYTES - 64, &given, sizeof(given));
}

static void fill_no_slot(void)
{
    const struct good_call calls[] = {
        { "CNode", 0, 0, CNodeCmd_Create, { ObjType_ID, 0, 0, FREE }, 1, 0, 3 },
        { "CNode", 0, 0, CNodeCmd_Retype, { RETYPE_ARGS }, 7, 1, 8 },
        { "VNode", SLOT(TABLE), 2, VNodeCmd_Map, { MAP_ARGS }, 6, 1, 7 },
        { "VNode", SLOT(TABLE), 2, VNodeCmd_CopyRemap, { MAP_ARGS }, 6, 1, 7 },
        { "VNode", SLOT(OTHER_TABLE), 2, VNodeCmd_Inherit, { INHERIT_ARGS }, 4, 1, 5 },
        { "IRQTable", SLOT(IRQ_TABLE), 2, IRQTableCmd_AllocDestCap, { 0, 0, FREE }, 0, 0, 2 },
        { "DeviceIDManager",
          SLOT(MANAGER),
          2,
          DeviceIDManagerCmd_CreateID,
          { 1, 2, 0, 0, FREE },
          2,
          0,
          4 },
        { "Kernel", KERNEL_CPTR, 2, KernelCmd_Retype, { RETYPE_ARGS }, 7, 1, 8 },
        { "Kernel", KERNEL_CPTR, 2, KernelCmd_Create_cap, { BUFFER, 0, 0, FREE, 1 }, 1, 0, 3 },
        { "Kernel", KERNEL_CPTR, 2, KernelCmd_Copy_existing, { BUFFER, 0, 0, FREE }, 1, 0, 3 },
        { "Kernel", KERNEL_CPTR, 2, KernelCmd_ReclaimRAM, { 0, 0, 0, FREE }, 1, 0, 3 },
    };
    say(ObjType_ID, 1, 2);
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct good_call call = calls[i];
        try_place(&call, SLOT(EMPTY), 2, SYS_ERR_DEST_CNODE_LOOKUP);
        try_place(&call, SLOT(FRAME), 2, SYS_ERR_DEST_CNODE_INVALID);
        try_place(&call, SLOT(READ_ONLY_CNODE), 2, SYS_ERR_CAP_RIGHTS);
        call.args[call.slot] = FRAME;
        try_place(&call, SLOT(0), 1, SYS_ERR_SLOT_IN_USE);
        call.args[call.slot] = L2_CNODE_SLOTS;
        try_place(&call, SLOT(0), 1, SYS_ERR_SLOTS_INVALID);
    }
    for (uint64_t c = CNodeCmd_Copy; c <= CNodeCmd_Mint; c++) {
        provoke("CNode", c, SYS_ERR_SLOTS_INVALID,
                INVOKE(SLOT(0), 1, c, L2_CNODE_SLOTS, ROOT_CPTR, SLOT(FRAME), 2).error);
        provoke("CNode", c, SYS_ERR_DEST_CNODE_LOOKUP,
                INVOKE(0, 0, c, KPI_CPTR(200, 0), ROOT_CPTR, SLOT(FRAME), 2 | 2 << 8).error);
    }
}

static void say_nonsense(void)
{
    static const uint64_t commands[] = { KernelCmd_Create_cap, KernelCmd_Copy_existing,
                                         KernelCmd_Has_descendants, KernelCmd_Is_retypeable,
                                         KernelCmd_Revoke_mark_relations };
    static const struct {
        uint8_t type;
        uint64_t base, bytes;
        enum err_code code;
    } nonsense[] = {
        { ObjType_Kernel, 0, 0, SYS_ERR_INVALID_RETYPE },
        { ObjType_Num, 0, 0, SYS_ERR_INVALID_RETYPE },
        { ObjType_Frame, 0, 4095, SYS_ERR_INVALID_SIZE },
        { ObjType_Notify_IPI, 200, 0, SYS_ERR_INVARGS_SYSCALL },
    };
    for (unsigned c = 0; c < sizeof(commands) / sizeof(commands[0]); c++) {
        provoke("Kernel", commands[c], SYS_ERR_INVALID_USER_BUFFER,
                INVOKE(KERNEL_CPTR, 2, commands[c], BUFFER + 64).error);
        for (unsigned i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
            say(nonsense[i].type, nonsense[i].base, nonsense[i].bytes);
            provoke("Kernel", commands[c], nonsense[i].code,
                    INVOKE(KERNEL_CPTR, 2, commands[c], BUFFER, SLOT(0), 1, FREE, 1).error);
        }
    }
}

static void ask_for_cores(void)
{
    static const uint64_t commands[] = { KernelCmd_Spawn_core, KernelCmd_Kill_core,
                                         KernelCmd_Retire_core, KernelCmd_Core_available,
                                         KernelCmd_Core_late };
    power_says = UINT64_MAX;
    for (unsigned c = 0; c < sizeof(commands) / sizeof(commands[0]); c++)
        provoke("Kernel", commands[c], SYS_ERR_CORE_START,
                INVOKE(KERNEL_CPTR, 2, commands[c], 1).error);
    PROVOKE(IPI, Send_Start, SYS_ERR_CORE_START, SLOT(CORES), 2, 1);
    power_says = 0;
}

/* KernelCmd_Retype refuses what CNodeCmd_Retype does. */
static void retype_nonsense(void)
{
    static const struct {
        capaddr_t src;
        uint64_t offset, type, bytes, count;
        enum err_code code;
    } nonsense[] = {
        { SLOT(EMPTY), 0, ObjType_Frame, 4096, 1, SYS_ERR_SOURCE_CAP_LOOKUP },
        { RAM_CPTR, 0, ObjType_Kernel, 4096, 1, SYS_ERR_INVALID_RETYPE },
        { RAM_CPTR, 0, ObjType_Frame_Mapping, 4096, 1, SYS_ERR_RETYPE_MAPPING_EXPLICIT },
        { RAM_CPTR, 0, ObjType_VNode_x86_64_pml5, 0, 1, SYS_ERR_VM_NO_FIVE_LEVELS },
        { RAM_CPTR, 0, ObjType_Frame, 0, 1, SYS_ERR_INVALID_SIZE },
        { RAM_CPTR, 0, ObjType_Frame, 4096, 0, SYS_ERR_RETYPE_INVALID_COUNT },
        { RAM_CPTR, 1, ObjType_Frame, 4096, 1, SYS_ERR_RETYPE_INVALID_OFFSET },
    };
    for (unsigned i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
        PROVOKE(Kernel, Retype, nonsense[i].code, KERNEL_CPTR, 2, ROOT_CPTR, AT2(nonsense[i].src),
                nonsense[i].offset, nonsense[i].type, nonsense[i].bytes, nonsense[i].count,
                ROOT_CPTR, CN, FREE);
    PROVOKE(Kernel, Retype, SYS_ERR_DEST_TYPE_INVALID, KERNEL_CPTR, 2, ROOT_CPTR, AT2(RAM_CPTR), 0,
            ObjType_Frame, 4096, 1, ROOT_CPTR, 0, 200);
}

#define REMAP(code, table, src, entry, offset)                                                    \
    PROVOKE(VNode, CopyRemap, (code), SLOT(table), 2, ROOT_CPTR, SLOT(src), 2 | (entry) << 32, 0, \
            (offset), 1, CN, FREE)

static void map_nonsense(void)
{
    REMAP(SYS_ERR_SOURCE_CAP_LOOKUP, TABLE, EMPTY, 3ull, 0);
    REMAP(SYS_ERR_VNODE_SLOT_INVALID, TABLE, SECOND_FRAME, 512ull, 0);
    REMAP(SYS_ERR_FRAME_OFFSET_INVALID, TABLE, SECOND_FRAME, 3ull, 17);
    REMAP(SYS_ERR_VM_FRAME_TOO_SMALL, DIRECTORY, SECOND_FRAME, 3ull, 0);
    REMAP(SYS_ERR_VM_FRAME_UNALIGNED, DIRECTORY, CROOKED_FRAME, 3ull, 0);
    REMAP(SYS_ERR_RETRY_THROUGH_MONITOR, TABLE, FOREIGN_TABLE, 3ull, 0);
    huge_pages = false;
    REMAP(SYS_ERR_VM_NO_HUGE_PAGES, PDPT, LARGE_FRAME, 3ull, 0);
    huge_pages = true;
    PROVOKE(VNode, Map, SYS_ERR_VM_FRAME_UNALIGNED, SLOT(DIRECTORY), 2, ROOT_CPTR,
            SLOT(CROOKED_FRAME), 2, 0, 0, 1, CN, FREE);
    EXPECT_OK(INVOKE(SLOT(TABLE), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(READ_ONLY_FRAME),
                     2 | 30ull << 32, 0, 0, 1, CN, FREE)
                  .error);
    PROVOKE(VNode, ModifyFlags, SYS_ERR_VM_MAP_RIGHTS, SLOT(TABLE), 2, 30, 1, PTABLE_WRITE);
    EXPECT_OK(delete_cap(SLOT(FREE)));
    PROVOKE(Mapping, Destroy, SYS_ERR_CAP_RIGHTS, KPI_CPTR(READ_ONLY_ROOT_SLOT, 0), 2,
            KPI_CPTR(READ_ONLY_ROOT_SLOT, 0), 2);
}

/* Nobody copies what is marked. */
static void copy_what_is_marked(void)
{
    EXPECT_OK(INVOKE(KERNEL_CPTR, 2, KernelCmd_Revoke_mark_target, ROOT_CPTR, RAM_CPTR, 2).error);
    PROVOKE(CNode, Retype, SYS_ERR_RETRY_THROUGH_MONITOR, 0, 0, RETYPE_ARGS);
    PROVOKE(CNode, Copy, SYS_ERR_RETRY_THROUGH_MONITOR, SLOT(0), 1, FREE, ROOT_CPTR, SLOT(FRAME),
            2);
    PROVOKE(CNode, Mint, SYS_ERR_RETRY_THROUGH_MONITOR, SLOT(0), 1, FREE, ROOT_CPTR, SLOT(FRAME),
            2);
    PROVOKE(VNode, Inherit, SYS_ERR_RETRY_THROUGH_MONITOR, SLOT(OTHER_TABLE), 2, INHERIT_ARGS);
    PROVOKE(Kernel, Retype, SYS_ERR_RETRY_THROUGH_MONITOR, KERNEL_CPTR, 2, RETYPE_ARGS);
    say(ObjType_Frame, cap_base(cap_at(alice, SLOT(FRAME))), 8192);
    PROVOKE(Kernel, Copy_existing, SYS_ERR_RETRY_THROUGH_MONITOR, KERNEL_CPTR, 2, BUFFER, SLOT(0),
            1, FREE);
    say(ObjType_Null, 0, 0);
    EXPECT_OK(INVOKE(KERNEL_CPTR, 2, KernelCmd_Revoke_mark_relations, BUFFER).error);
}

static void others(void)
{
    PROVOKE(CNode, Mint, SYS_ERR_DEST_TYPE_INVALID, 0, 0, 200, ROOT_CPTR, SLOT(FRAME), 2 | 1 << 8);
    PROVOKE(CNode, Resize, SYS_ERR_CAP_RIGHTS, SLOT(READ_ONLY_ROOT), 2, SLOT(PART), 2);
    PROVOKE(KCB, Identify, SYS_ERR_INVALID_USER_BUFFER, SLOT(KCB), 2, BUFFER + 64);
    PROVOKE(KCB, Identify, SYS_ERR_CAP_IDENTIFY, SLOT(BLIND_KCB), 2, BUFFER);
    boot.topology.signal_over[0][1] = 1;
    PROVOKE(IRQSrc, Route, SYS_ERR_IRQ_WRONG_CORE, SLOT(IRQ_SRC), 2, 0, SLOT(IRQ_DEST), 2);
    boot.topology.signal_over[0][1] = 0;
    PROVOKE(IO, Outw, SYS_ERR_IO_PORT_INVALID, SLOT(PORT), 2, 0x60, 1);
    PROVOKE(IO, Inw, SYS_ERR_IO_PORT_INVALID, SLOT(PORT), 2, 0x60);
    PROVOKE(Kernel, Lock_cap, SYS_ERR_DEST_TYPE_INVALID, KERNEL_CPTR, 2, KERNEL_CPTR, 2);
    PROVOKE(Kernel, Mark_witness, SYS_ERR_DEST_TYPE_INVALID, KERNEL_CPTR, 2, KERNEL_CPTR, 2);
    EXPECT_OK(INVOKE(KERNEL_CPTR, 2, KernelCmd_Lock_cap, SLOT(ROOT), 2).error);
    PROVOKE(Kernel, Set_cap_owner, SYS_ERR_DEST_TYPE_INVALID, KERNEL_CPTR, 2, SLOT(ROOT), 2, 1);
    EXPECT_OK(INVOKE(KERNEL_CPTR, 2, KernelCmd_Unlock_cap, SLOT(ROOT), 2).error);
}

/* Dispatchers have all notification ids. */
static void ring_too_many_bells(void)
{
    static struct dcb crowd[ABI_NOTIFY_PASS_FIRST];
    uint32_t id;
    for (unsigned i = 0; i < ABI_NOTIFY_PASS_FIRST; i++) {
        crowd[i] = (struct dcb){ .disp = alice->disp, .head.cr3 = alice->head.cr3, .complete = 1 };
        EXPECT_OK(notify_register(&crowd[i], &id));
    }
    PROVOKE(Kernel, Notify_register, SYS_ERR_NOTIFY_IDS, KERNEL_CPTR, 2, SLOT(ENDPOINT), 2);
}

static void give(enum slot slot, struct capability cap)
{
    cap.rights = CAPRIGHTS_ALLRIGHTS;
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, slot),
                   &cap, 0);
}

static void make(enum slot slot, unsigned type, uint64_t bytes)
{
    static uint64_t offset;
    EXPECT_OK(retype(RAM_CPTR, offset, type, bytes, 1, slot));
    offset += 256 * 1024;
}

static void reduce(enum slot to, enum slot from, unsigned rights)
{
    EXPECT_OK(INVOKE(SLOT(0), 1, CNodeCmd_Mint, to, ROOT_CPTR, SLOT(from), 2,
                     CAPRIGHTS_ALLRIGHTS & ~rights)
                  .error);
}

static void fill_slots(void)
{
    make(FRAME, ObjType_Frame, 8192);
    make(SECOND_FRAME, ObjType_Frame, 8192);
    make(LOCKED, ObjType_Frame, 4096);
    EXPECT_OK(INVOKE(KERNEL_CPTR, 2, KernelCmd_Lock_cap, SLOT(LOCKED), 2).error);
    make(TABLE, ObjType_VNode_x86_64_ptable, 0);
    make(OTHER_TABLE, ObjType_VNode_x86_64_ptable, 0);
    make(DIRECTORY, ObjType_VNode_x86_64_pdir, 0);
    make(PDPT, ObjType_VNode_x86_64_pdpt, 0);
    make(CNODE, ObjType_L2CNode, 0);
    reduce(READ_ONLY_CNODE, CNODE, CAPRIGHTS_WRITE);
    make(KCB, ObjType_KernelControlBlock, 0);
    reduce(BLIND_KCB, KCB, CAPRIGHTS_IDENTIFY);
    make(ROOT, ObjType_L1CNode, OBJSIZE_L2CNODE);
    reduce(READ_ONLY_ROOT, ROOT, CAPRIGHTS_WRITE);
    make(PART, ObjType_L1CNode, OBJSIZE_L2CNODE);
    make(READ_ONLY_FRAME, ObjType_Frame, 4096);
    reduce(FREE, READ_ONLY_FRAME, CAPRIGHTS_WRITE);
    EXPECT_OK(delete_cap(SLOT(READ_ONLY_FRAME)));
    EXPECT_OK(copy(READ_ONLY_FRAME, SLOT(FREE)));
    EXPECT_OK(delete_cap(SLOT(FREE)));
    give(IRQ_TABLE, (struct capability){ .type = ObjType_IRQTable });
    give(MANAGER, (struct capability){ .type = ObjType_DeviceIDManager });
    give(IRQ_SRC, (struct capability){ .type = ObjType_IRQSrc, .u.irqsrc.count = IRQ_LINES });
    give(IRQ_DEST, (struct capability){ .type = ObjType_IRQDest, .u.irqdest.coreid = 1 });
    give(PORT, (struct capability){ .type = ObjType_IO, .u.io = { 0x60, 0x60 } });
    give(CORES, (struct capability){ .type = ObjType_IPI });
    struct capability endpoint = { .type = ObjType_EndPointLMP };
    endpoint.u.endpoint.listener = mem_to_phys(bob).v;
    endpoint.u.endpoint.epoffset = EP_OFFSET;
    endpoint.u.endpoint.epbuflen = EP_WORDS;
    give(ENDPOINT, endpoint);
    give(CROOKED_FRAME, (struct capability){ .type = ObjType_Frame,
                                             .u.mem = { (1ull << 30) + 4096, 4u << 20, 0 } });
    give(LARGE_FRAME,
         (struct capability){ .type = ObjType_Frame, .u.mem = { 2ull << 30, 2ull << 30, 0 } });
    say(ObjType_VNode_x86_64_ptable, 5ull << 30, OBJSIZE_VNODE);
    EXPECT_OK(
        INVOKE(KERNEL_CPTR, 2, KernelCmd_Create_cap, BUFFER, SLOT(0), 1, FOREIGN_TABLE, 1).error);
    EXPECT_OK(INVOKE(SLOT(TABLE), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(FRAME), 2 | 3ull << 32, 0, 0, 1,
                     CN, MAPPING)
                  .error);
    /* a mapping in the CNode that is read-only from one side */
    EXPECT_OK(copy(MAPPED_COPY, SLOT(READ_ONLY_FRAME)));
    EXPECT_OK(INVOKE(SLOT(TABLE), 2, VNodeCmd_Map, ROOT_CPTR, SLOT(MAPPED_COPY), 2 | 40ull << 32, 0,
                     0, 1, AT2(SLOT(CNODE)), 0)
                  .error);
    EXPECT_OK(INVOKE(0, 0, CNodeCmd_Mint, READ_ONLY_ROOT_SLOT, ROOT_CPTR, SLOT(CNODE), 2 | 1 << 8,
                     CAPRIGHTS_ALLRIGHTS & ~CAPRIGHTS_WRITE)
                  .error);
}

Test(kernel_returns, every_pair_of_the_table_is_provoked)
{
    irq_init();
    fill_slots();
    find_nothing();
    find_no_root();
    fill_no_slot();
    say_nonsense();
    ask_for_cores();
    retype_nonsense();
    map_nonsense();
    copy_what_is_marked();
    others();
    ring_too_many_bells();
    for (unsigned i = 0; i < RETURNS_ROWS; i++)
        cr_expect(provoked[i] || strcmp(returns[i].where, "returns") != 0, "%s %s, error %u",
                  returns[i].type, returns[i].name, returns[i].code);
}
