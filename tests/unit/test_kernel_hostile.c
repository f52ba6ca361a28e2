/* SPDX-License-Identifier: MIT
 *
 * A hostile caller: random invocations with random arguments, half of them likely enough to
 * succeed, after which every invariant of the capability system must hold.  HOSTILE_CALLS and
 * HOSTILE_SEED in the environment make it longer or other.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

TestSuite(kernel_hostile, .init = set_up, .fini = tear_down);

static uint64_t random_state = 1;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_argument(void)
{
    switch (random_number() % 12) {
    case 0:
        return random_number();
    case 1:
        return UINT64_MAX - random_number() % 4;
    case 2:
        return (random_number() % 64) << 12;
    case 3:
        return UDISP + random_number() % (DISPATCHER_FRAME_BYTES + 64);
    case 4:
    case 5:
        return ROOT_CPTR;
    case 6:
        return SLOT(random_number() % 64) | (random_number() % 3) << 32;
    case 7:
        return RAM_CPTR | 2ull << 32;
    case 8:
        return 2 | (random_number() % 512) << 32;
    case 9:
        return random_number() % ObjType_Num;
    default:
        return random_number() % 64;
    }
}

struct wild_call {
    capaddr_t cptr;
    unsigned level;
    uint64_t command, arg[9];
};

static struct wild_call wild_call(void)
{
    static const capaddr_t targets[] = { 0, SLOT(0), KPI_CPTR(ROOTCN_SLOT_PAGECN, 0) };
    struct wild_call c = { .cptr = random_number() % 2 ? targets[random_number() % 3]
                                                       : (capaddr_t)SLOT(random_number() % 64),
                           .command = random_number() % 10 };
    c.level = c.cptr == 0 ? 0 : c.cptr == SLOT(0) ? 1 : 2;
    for (unsigned k = 0; k < 9; k++)
        c.arg[k] = random_argument();
    return c;
}

/* What few programs have, in the last slots it knows; again whenever it has thrown them away. */
static void give_rare_kinds(void)
{
    /* not ports: a program of the host may not touch them */
    static const uint8_t kinds[] = { ObjType_IRQTable,        ObjType_IRQSrc,
                                     ObjType_DeviceIDManager, ObjType_PerfMon,
                                     ObjType_ProcessManager,  ObjType_FCNode };
    struct cte *cnode;
    if (err_is_fail(cspace_lookup(&alice->cspace.cap, SLOT(0), 1, &cnode)) ||
        cnode->cap.type != ObjType_L2CNode)
        return;
    for (unsigned i = 0; i < sizeof(kinds); i++) {
        struct cte *slot = cnode_slot(&cnode->cap, 63 - i);
        struct capability cap = { .type = kinds[i], .rights = CAPRIGHTS_ALLRIGHTS };
        if (kinds[i] == ObjType_IRQSrc)
            cap.u.irqsrc.count = IRQ_LINES;
        if (slot->cap.type == ObjType_Null)
            cap_insert_new(slot, &cap, 0);
    }
}

/* A call that may well succeed, so that there is something to break. */
static struct wild_call likely_call(void)
{
    uint64_t a = SLOT(random_number() % 64), b = random_number() % 64;
    static const uint8_t types[] = { ObjType_RAM,
                                     ObjType_RAM,
                                     ObjType_Frame,
                                     ObjType_L2CNode,
                                     ObjType_Dispatcher,
                                     ObjType_EndPointLMP,
                                     ObjType_VNode_x86_64_pdpt,
                                     ObjType_VNode_x86_64_pdir,
                                     ObjType_VNode_x86_64_ptable,
                                     ObjType_L1CNode,
                                     ObjType_EndPointUMP };
    switch (random_number() % 10) {
    case 6: /* each command of each of the rare kinds, with small numbers and slots */
        return (struct wild_call){ SLOT(63 - random_number() % 8),
                                   2,
                                   random_number() % 7,
                                   { random_number() % 70, SLOT(random_number() % 64), 2, b } };
    case 7: {
        static const uint8_t parts[] = { ObjType_IRQSrc, ObjType_Domain, ObjType_EndPointLMP };
        return (struct wild_call){ 0,
                                   0,
                                   CNodeCmd_Retype,
                                   { ROOT_CPTR, SLOT(63 - random_number() % 8) | 2ull << 32,
                                     random_number() % 70, parts[random_number() % sizeof(parts)],
                                     random_number() % 4, 1, ROOT_CPTR, CN, b } };
    }
    case 8:
        return (struct wild_call){ (capaddr_t)a,
                                   2,
                                   VNodeCmd_CopyRemap,
                                   { ROOT_CPTR, SLOT(random_number() % 64),
                                     2 | (random_number() % 8) << 32, PTABLE_WRITE, 0, 1,
                                     SLOT(0) | 1ull << 32, b } };
    case 9:
        return (struct wild_call){ (capaddr_t)a,
                                   2,
                                   VNodeCmd_Inherit,
                                   { ROOT_CPTR, SLOT(random_number() % 64) | 2ull << 32,
                                     random_number() % 16 | 512ull << 32, INHERIT_ATTR_SAME,
                                     SLOT(0) | 1ull << 32, random_number() % 128 } };
    case 0:
    case 1:
        return (struct wild_call){
            0,
            0,
            CNodeCmd_Retype,
            { ROOT_CPTR, (random_number() % 2 ? RAM_CPTR : a) | 2ull << 32,
              (random_number() % 64) << 12, types[random_number() % sizeof(types)],
              (1 + random_number() % 8) << 12, 1 + random_number() % 3, ROOT_CPTR, CN, b }
        };
    case 2:
        return (struct wild_call){ SLOT(0), 1, CNodeCmd_Copy, { b, ROOT_CPTR, a, 2 } };
    case 3:
        return (struct wild_call){ random_number() % 4 ? (capaddr_t)SLOT(random_number() % 64)
                                                       : KPI_CPTR(ROOTCN_SLOT_PAGECN, 0),
                                   2,
                                   VNodeCmd_Map,
                                   { ROOT_CPTR, a,
                                     2 | (random_number() % (random_number() % 2 ? 8 : 256)) << 32,
                                     PTABLE_WRITE, 0, 1, SLOT(0) | 1ull << 32, b } };
    case 4:
        return (struct wild_call){ 0, 0, CNodeCmd_Delete, { a, 2 } };
    default:
        return (struct wild_call){
            0, 0, random_number() % 8 ? CNodeCmd_Delete : CNodeCmd_Revoke, { a, 2 }
        };
    }
}

Test(kernel_hostile, a_hostile_caller_breaks_no_invariant, .timeout = 3600)
{
    const char *calls = getenv("HOSTILE_CALLS"), *seed = getenv("HOSTILE_SEED");
    unsigned long total = calls != NULL ? strtoul(calls, NULL, 0) : 40000, succeeded = 0,
                  restarts = 0;
    if (seed != NULL)
        random_state = strtoull(seed, NULL, 0) | 1;
    /* without the Kernel capability, which is trusted, and without what it runs on */
    delete_cap(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP));
    irq_init();
    for (unsigned long i = 0; i < total; i++) {
        struct wild_call c = random_number() % 2 ? wild_call() : likely_call();
        /* it may saw off the branch it sits on; then it starts anew */
        struct cte *slots;
        if (alice->stopped || alice->cspace.cap.type != ObjType_L1CNode ||
            err_is_fail(cspace_lookup(&alice->cspace.cap, SLOT(0), 1, &slots)) ||
            err_is_fail(cspace_lookup(&alice->cspace.cap, ROOT_CPTR, 2, &slots))) {
            tear_down();
            set_up();
            delete_cap(KPI_CPTR(0, TASKCN_SLOT_KERNELCAP));
            irq_init();
            restarts++;
        }
        if (i % 256 == 0)
            give_rare_kinds();
        current = alice;
        succeeded += err_is_ok(invoke(c.cptr, c.level, c.command, c.arg).error);
        if (i % 16 == 0) {
            struct mdb_violation v = { 0 };
            cr_assert(mdb_check_invariants(&kernel_mdb, NULL, &v), "call %lu: %s", i, v.rule);
            cr_assert(mdb_check_nesting(&kernel_mdb, &v), "call %lu: %s", i, v.rule);
            check_mappings();
        }
    }
    cr_log_info("%lu of %lu calls succeeded, %lu restarts", succeeded, total, restarts);
    cr_assert_gt(succeeded, total / 20, "the caller is not hostile enough to prove anything");
}

/* Now the receiver is hostile: whatever it writes into its frame, messages change nothing there but
 * the buffer that the endpoint capability names, its index and the counters. */
static uint64_t random_index(void)
{
    return random_number() % 4 == 0 ? random_number() : random_number() % (EP_WORDS + 2);
}

static lvaddr_t random_address(void)
{
    switch (random_number() % 8) {
    case 0:
        return random_number();
    case 1:
        return USER_END - 1 + random_number() % 3;
    case 2:
        return 0;
    default:
        return 0x400000 + random_number() % 4096;
    }
}

static enum outcome random_message(bool *lrpc)
{
    struct registers_x86_64 *a =
        random_number() % 4 ? &alice->disp->enabled_save_area : &alice->disp->disabled_save_area;
    uint64_t length = random_number() % 16 == 0 ? random_number() : random_number() % 6;
    *lrpc = random_number() % 2;
    current = alice;
    *a = (struct registers_x86_64){ .rdi = *lrpc ? SYSCALL_LRPC : SYSCALL_INVOKE };
    a->rsi = *lrpc ? SLOT(1) : (uint64_t)SLOT(1) << 32 | 2 << 16 | (length & 15) << 8 | 3;
    a->rdx = *lrpc ? length : 0;
    a->r10 = a->r8 = a->r9 = a->rax = a->rbx = 0x5a5a5a5a5a5a5a5a;
    return enter(a);
}

Test(kernel_hostile, a_hostile_receiver_hurts_itself_only, .timeout = 3600)
{
    connect();
    lrpc_buffer_words = EP_WORDS;
    static char before[DISPATCHER_FRAME_BYTES];
    struct dispatcher_shared *disp = bob->disp, *old = (void *)before;
    struct lmp_endpoint_kern *ep = bobs_endpoint();
    const size_t ep_end = EP_OFFSET + sizeof(*ep) + EP_WORDS * sizeof(uint64_t);
    unsigned outcomes[LRPC + 1] = { 0 }, lrpcs = 0;
    for (unsigned i = 0; i < 20000; i++) {
        ep->delivered = (uint32_t)random_index();
        ep->consumed = (uint32_t)random_index();
        disp->dispatcher_lrpc = random_address();
        disp->upcall_stack = random_address();
        disp->lmp_delivered = (uint32_t)random_number();
        disp->disabled = (uint32_t)random_number() % 2;
        bob->head.disabled = random_number() % 4 == 0;
        if (random_number() % 4 == 0)
            schedule_remove(bob);
        memcpy(before, disp, sizeof(before));
        bool lrpc;
        enum outcome how = random_message(&lrpc);
        outcomes[how]++;
        lrpcs += lrpc;
        cr_assert(how == RETURNED || dispatched == bob);
        cr_assert(how == RETURNED || bob->queued);
        cr_assert(how != LRPC || lrpc);
        /* the rest of the frame */
        old->lmp_delivered = disp->lmp_delivered;
        old->lmp_hint = disp->lmp_hint;
        old->disabled = disp->disabled;
        old->systime = disp->systime;
        memcpy(before + EP_OFFSET, ep, ep_end - EP_OFFSET);
        cr_assert_arr_eq(before, disp, sizeof(before));
        cr_assert(how == RETURNED || disp->lmp_hint == EP_OFFSET || disp->lmp_hint == 0);
    }
    cr_assert(outcomes[LRPC] > 500 && outcomes[DISPATCHED] > 500 && outcomes[RETURNED] > 500);
}
