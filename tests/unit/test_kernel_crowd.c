/* SPDX-License-Identifier: MIT
 *
 * Many dispatchers at once, all hostile: they make further dispatchers, endpoints and mappings,
 * send each other messages and capabilities, yield to each other, sleep, are woken, stopped,
 * deleted and revoked in any order, and write what they like into their frames meanwhile.  Whatever
 * the order, nothing that is gone may still be queued, asleep, woken or written to, and what the
 * database says must hold.  HOSTILE_CALLS (of which a hundredth are made here: each is followed by
 * checks) and HOSTILE_SEED in the environment make it longer or other.
 */
/* link: the CPU driver */
#include "kernel_fixture.h"

#define SLOTS 48
#define KERNEL_CPTR KPI_CPTR(0, TASKCN_SLOT_KERNELCAP)
#define PML4_CPTR KPI_CPTR(ROOTCN_SLOT_PAGECN, 0)
#define ENDPOINTS 4 /* in each frame, here: */
#define ENDPOINT_OFFSET(n) (16384u + 1024u * (n))
#define ENDPOINT_WORDS 24

static uint64_t random_state;

static uint64_t below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static capaddr_t any_slot(void)
{
    return SLOT(1 + (unsigned)below(SLOTS));
}

static void keep_own(struct dcb *dcb)
{
    struct capability *task = &cnode_slot(&dcb->cspace.cap, ROOTCN_SLOT_TASKCN)->cap;
    struct capability *pages = &cnode_slot(&dcb->cspace.cap, ROOTCN_SLOT_PAGECN)->cap;
    cap_copy_to_dcb(&dcb->vspace, cnode_slot(pages, 0));
    cap_copy_to_dcb(&dcb->disp_frame, cnode_slot(task, TASKCN_SLOT_DISPFRAME));
    dcb->disp->udisp = UDISP;
    dcb->disp->dispatcher_run = dcb->disp->upcall_stack = 0x400000;
    dcb->disp->dispatcher_lrpc = 0x400000;
    dcb->head.domain_id = 1;
    schedule_make_runnable(dcb);
}

static void begin(void)
{
    set_up();
    lrpc_buffer_words = ENDPOINT_WORDS;
    keep_own(alice);
    keep_own(bob);
    put(&cnode_slot(&bob->cspace.cap, ROOTCN_SLOT_SUPERCN)->cap, 0, ObjType_RAM, 12u << 20,
        4u << 20);
}

static struct cte *any_dispatcher(void)
{
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c))
        if (c->cap.type == ObjType_Dispatcher)
            return c;
    return NULL;
}

/* With the last dispatcher all that knows of dispatchers is empty: nothing here outlives the
 * machine. */
static void end(void)
{
    uint32_t domain;
    for (struct cte *c; (c = any_dispatcher()) != NULL;) {
        if (!cte_is_record(c))
            cap_delete(c);
        while (cap_delete_rest() == KERNEL_AGAIN || cap_delete_orphans() == KERNEL_AGAIN)
            continue;
        (void)stop_next(&domain);
    }
    cr_assert_null(schedule_head);
    cr_assert_eq(wakeup_first(), 0);
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c))
        cr_assert_neq(c->cap.type, ObjType_EndPointLMP);
    for (uint32_t id = 0; id < ABI_NOTIFY_IDS; id++)
        notify_deliver(id);
    cr_assert_null(schedule_head);
    while (stop_next(&domain))
        continue;
    current = NULL;
    tear_down();
}

TestSuite(kernel_crowd, .init = begin, .fini = end);

/* ---- what must hold ---- */

#define LIVE_MAX 4096
static const struct dcb *live[LIVE_MAX];
static unsigned live_count;

static bool is_live(const struct dcb *dcb)
{
    for (unsigned i = 0; i < live_count; i++)
        if (live[i] == dcb)
            return true;
    return false;
}

static void find_live(void)
{
    live_count = 0;
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c)) {
        if (c->cap.type != ObjType_Dispatcher)
            continue;
        const struct dcb *dcb = phys_to_mem(paddr(c->cap.u.mem.base));
        cr_assert_lt(live_count, LIVE_MAX);
        if (!is_live(dcb))
            live[live_count++] = dcb;
    }
}

static void check_queue(void)
{
    unsigned queued = 0, in_queue = 0;
    const struct dcb *before = NULL;
    for (const struct dcb *d = schedule_head; d != NULL;
         d = d->head.runq_next == 0 ? NULL : phys_to_mem(paddr(d->head.runq_next))) {
        cr_assert(is_live(d), "a dispatcher that is gone is in the run queue");
        cr_assert(d->queued && !d->stopped && !d->sleeping && d->disp != NULL);
        cr_assert_eq(d->runq_prev, before);
        before = d;
        cr_assert_leq(++in_queue, live_count);
    }
    cr_assert_eq(schedule_tail, before);
    for (unsigned i = 0; i < live_count; i++) {
        const struct dcb *d = live[i];
        queued += d->queued;
        cr_assert(!d->stopped || (!d->sleeping && !d->queued && d->notify == 0));
        /* its frame and address space are there, or it does not run any more */
        cr_assert(d->stopped || d->disp == NULL || d->disp_frame.cap.type == ObjType_Frame);
        cr_assert(d->stopped || d->head.cr3 == 0 ||
                  d->vspace.cap.type == ObjType_VNode_x86_64_pml4);
    }
    cr_assert_eq(queued, in_queue);
    cr_assert(current == NULL || is_live(current));
}

static void check_capabilities(void)
{
    struct mdb_violation v = { 0 };
    cr_assert(mdb_check_invariants(&kernel_mdb, NULL, &v), "%s", v.rule);
    cr_assert(mdb_check_nesting(&kernel_mdb, &v), "%s", v.rule);
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c)) {
        const struct capability *cap = &c->cap;
        /* what a dispatcher that has ended by its own call was deleting */
        cr_assert(!cte_is_record(c) || cap_is_cnode(cap) || cap_is_vnode(cap->type) ||
                  cap->type == ObjType_Dispatcher);
        if (cap->type == ObjType_EndPointLMP) {
            cr_assert(is_live(endpoint_listener(cap)));
            cr_assert(cap->u.endpoint.epoffset == 0 ||
                      cap->u.endpoint.epoffset >= DISP_SHARED_BYTES);
            cr_assert_leq(cap->u.endpoint.epoffset + sizeof(struct lmp_endpoint_kern) +
                              cap->u.endpoint.epbuflen * 8ull,
                          DISPATCHER_FRAME_BYTES);
        } else if (cap_is_mapping(cap->type)) {
            const struct cte *mapped = (struct cte *)cap->u.mapping.cap;
            cr_assert_eq(mapped->cap.type + 1, cap->type);
            cr_assert_eq(mapped->cap.u.word[CAP_MAPPING_WORD], (uint64_t)c);
            uint64_t base = *mapping_entry(cap) & 0xffffffffff000;
            cr_assert(base >= mapped->cap.u.mem.base &&
                      base < mapped->cap.u.mem.base + mapped->cap.u.mem.bytes);
        } else if (!cte_is_record(c) && cap_types[cap->type].mappable &&
                   cap->u.word[CAP_MAPPING_WORD] != 0) {
            cr_assert_eq(((struct cte *)cap->u.word[CAP_MAPPING_WORD])->cap.u.mapping.cap,
                         (uint64_t)c);
        }
    }
}

/* ---- what they do ---- */

/* A call that may give the core away: back in whoever runs next. */
static void go_on(enum outcome how)
{
    if (how == DISPATCHED || how == LRPC)
        current = dispatched;
    else if (how == NEXT)
        current = schedule_next(1000);
}

static void make_child(void)
{
    unsigned d = 1 + (unsigned)below(SLOTS - 2);
    uint64_t at = below(1024) << 12;
    if (err_is_fail(retype(RAM_CPTR, at, ObjType_Dispatcher, 0, 1, d)) ||
        err_is_fail(
            retype(RAM_CPTR, below(1024) << 12, ObjType_Frame, DISPATCHER_FRAME_BYTES, 1, d + 1)))
        return;
    struct dispatcher_shared *disp = phys_to_mem(paddr(cap_at(current, SLOT(d + 1))->u.mem.base));
    disp->udisp = UDISP;
    disp->dispatcher_run = disp->dispatcher_lrpc = disp->upcall_stack = 0x400000;
    INVOKE(SLOT(d), 2, DispatcherCmd_Setup, ROOT_CPTR | 2ull << 32, PML4_CPTR | 2ull << 32,
           SLOT(d + 1) | 2ull << 32, below(4) != 0, 1, PROOF);
    if (below(2) == 0)
        retype(SLOT(d), 0, ObjType_EndPointLMP, 0, 1, (unsigned)(1 + below(SLOTS)));
}

static void send_message(void)
{
    struct dispatcher_shared *disp = current->disp;
    struct registers_x86_64 *a = below(8) ? &disp->enabled_save_area : &disp->disabled_save_area;
    *a = (struct registers_x86_64){ .rdi = below(3) ? SYSCALL_INVOKE : SYSCALL_LRPC };
    capaddr_t endpoint = any_slot();
    if (a->rdi == SYSCALL_LRPC) {
        a->rsi = endpoint;
        a->rdx = below(5);
    } else {
        a->rsi =
            (uint64_t)endpoint << 32 | (1 + below(2)) << 24 | 2 << 16 | below(11) << 8 | below(8);
        a->rdx = below(2) ? 0 : below(2) ? any_slot() : KPI_CPTR(below(8), below(4));
    }
    struct cte *cte;
    if (err_is_ok(cspace_lookup(&current->cspace.cap, endpoint, 2, &cte)) &&
        cte->cap.type != ObjType_EndPointLMP)
        return; /* or it were an invocation without arguments */
    go_on(enter(a));
}

static void sleep_or_yield(void)
{
    struct dispatcher_shared *disp = current->disp;
    struct registers_x86_64 *a = &disp->disabled_save_area;
    *a = (struct registers_x86_64){ .rdi = SYSCALL_YIELD };
    a->rsi = below(3) ? 0 : below(2) ? any_slot() : KPI_CPTR(0, TASKCN_SLOT_DISPATCHER);
    disp->haswork = below(3) == 0;
    disp->wakeup = below(2) ? 0 : 500 + below(2000);
    if (below(2)) {
        disp->lmp_seen = disp->lmp_delivered;
        disp->notify_seen = disp->notified;
    }
    go_on(enter(a));
}

/* Into the own frame: endpoints, their receive slots, the words the kernel reads. */
static void spoil_frame(void)
{
    struct dispatcher_shared *disp = current->disp;
    struct lmp_endpoint_kern *ep =
        (void *)((char *)disp + ENDPOINT_OFFSET((unsigned)below(ENDPOINTS)));
    switch (below(5)) {
    case 0:
        ep->delivered = (uint32_t)below(ENDPOINT_WORDS + 2);
        break;
    case 1:
        disp->dispatcher_lrpc = below(2) ? 0x400000 : below(UINT64_MAX);
        break;
    case 2:
        ep->recv_cptr = (capaddr_t)below(UINT32_MAX);
        break;
    default:
        ep->consumed = ep->delivered;
        ep->recv_cptr = any_slot();
    }
}

static void one_call(void)
{
    static const uint8_t types[] = { ObjType_RAM,        ObjType_Frame,
                                     ObjType_L2CNode,    ObjType_VNode_x86_64_pdpt,
                                     ObjType_L1CNode,    ObjType_VNode_x86_64_ptable,
                                     ObjType_EndPointLMP };
    capaddr_t a = any_slot(), b = any_slot();
    unsigned slot = (unsigned)(1 + below(SLOTS));
    switch (below(20)) {
    case 0:
    case 1:
        make_child();
        break;
    case 2:
        retype(below(2) ? RAM_CPTR : a, below(1024) << 12, types[below(sizeof(types))],
               (1 + below(8)) << 12, 1 + below(3), slot);
        break;
    case 3:
        retype(KPI_CPTR(0, TASKCN_SLOT_DISPATCHER), 0, ObjType_EndPointLMP, 0, 1, slot);
        break;
    case 4:
    case 5:
        INVOKE(SLOT(0), 1, CNodeCmd_Mint, slot, ROOT_CPTR, a, 2,
               ENDPOINT_OFFSET((unsigned)below(ENDPOINTS)), ENDPOINT_WORDS);
        break;
    case 6:
        copy(slot, below(4) ? a : KPI_CPTR(below(2), below(6)));
        break;
    case 7:
        INVOKE(0, 0, CNodeCmd_Delete, below(16) ? a : KPI_CPTR(below(8), below(8)), 1 + below(2));
        break;
    case 8:
        INVOKE(0, 0, CNodeCmd_Revoke, below(64) ? a : RAM_CPTR, 2);
        break;
    case 9:
        INVOKE(below(2) ? PML4_CPTR : a, 2, VNodeCmd_Map, ROOT_CPTR, b, 2 | below(256) << 32,
               PTABLE_WRITE, 0, 1 + below(4), SLOT(0) | 1ull << 32, slot);
        break;
    case 10:
        INVOKE(a, 2, below(8) ? (uint64_t)DispatcherCmd_Setup : DispatcherCmd_Stop,
               ROOT_CPTR | 2ull << 32, PML4_CPTR | 2ull << 32, b | 2ull << 32, 1, 1, PROOF);
        break;
    case 11: /* what the monitor asks for */
        for (unsigned n = 1; n <= SLOTS && current == alice; n++)
            INVOKE(KERNEL_CPTR, 2,
                   below(8) ? KernelCmd_Notify_register : KernelCmd_Register_monitor, SLOT(n), 2);
        break;
    case 12:
        notify_deliver((uint32_t)below(ABI_NOTIFY_IDS < 300 ? ABI_NOTIFY_IDS : 300));
        break;
    case 13:
        schedule_wake(below(3000));
        break;
    case 14:
        spoil_frame();
        break;
    case 15:
    case 16:
        sleep_or_yield();
        break;
    default:
        send_message();
    }
}

/* May go on; else the machine starts anew. */
static bool runs(struct dcb *dcb)
{
    struct cte *cte;
    return dcb != NULL && !dcb->stopped && dcb->disp != NULL &&
           err_is_ok(cspace_lookup(&dcb->cspace.cap, SLOT(0), 1, &cte)) &&
           err_is_ok(cspace_lookup(&dcb->cspace.cap, ROOT_CPTR, 2, &cte)) &&
           cte->cap.type == ObjType_L1CNode;
}

Test(kernel_crowd, a_crowd_of_dispatchers_leaves_nothing_behind, .timeout = 3600)
{
    const char *calls = getenv("HOSTILE_CALLS"), *seed = getenv("HOSTILE_SEED");
    unsigned long total = calls != NULL ? strtoul(calls, NULL, 0) / 100 : 10000, restarts = 0;
    unsigned most = 0;
    random_state = seed != NULL ? strtoull(seed, NULL, 0) | 1 : 1;
    for (unsigned long i = 0; i < total; i++) {
        if (current == NULL || below(8) == 0)
            current = schedule_next(1000);
        if (!runs(current)) {
            if (current != NULL && current->queued && current != schedule_tail) {
                schedule_yield(current);
                current = schedule_next(1000);
            } else if (schedule_head == NULL && below(4) != 0) {
                schedule_wake(UINT64_MAX);
                for (uint32_t id = 0; id < 64; id++)
                    notify_deliver(id);
                current = schedule_next(1000);
            }
        }
        if (!runs(current) && below(16) == 0) {
            end();
            begin();
            restarts++;
        }
        if (!runs(current))
            continue;
        one_call();
        if (i % 8 == 0) {
            find_live();
            check_queue();
            check_capabilities();
            most = live_count > most ? live_count : most;
        }
    }
    cr_log_info("%lu calls, %lu restarts, at most %u dispatchers", total, restarts, most);
    cr_assert_gt(most, 6, "no crowd");
}
