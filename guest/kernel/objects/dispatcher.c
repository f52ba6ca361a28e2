/* SPDX-License-Identifier: MIT
 *
 * Dispatchers: set-up, stop and end.
 *
 * Setup gives a DCB its CSpace, VSpace and dispatcher frame (each at most once) and may make it
 * runnable.  The DCB keeps capabilities of its own to all three, so they live as long as it does,
 * unless they are revoked: a dispatcher that loses its frame or address space is stopped.
 * The first run resumes from the disabled save area, which the spawner filled.
 */
#include "objects.h"

#include "delete.h"
#include "schedule.h"
#include "schedule_rbed.h"

static errval_t find(const struct invocation *inv, struct cap_place place, struct cte **cte)
{
    return cspace_lookup_object(inv->root, place.cptr, place.level, cte);
}

static errval_t check_frame(const struct capability *cap)
{
    if (cap->type != ObjType_Frame || (cap->rights & 3) != 3)
        return SYS_ERR_DISP_FRAME_INVALID;
    if (cap->u.mem.bytes < DISPATCHER_FRAME_BYTES || cap->u.mem.base >= ABI_RAM_LIMIT)
        return SYS_ERR_DISP_FRAME_SIZE;
    return SYS_ERR_OK;
}

void cap_copy_to_dcb(struct cte *dest, struct cte *src)
{
    cap_copy_to(dest, src);
    dest->node.bits |= MDB_BIT_IN_DCB;
}

/* Takes what the spawner wrote into the frame; from here on the kernel trusts its own copies. */
static void adopt_frame(struct dcb *dcb, struct cte *frame, uint32_t domain_id)
{
    cap_copy_to_dcb(&dcb->disp_frame, frame);
    struct dispatcher_shared *disp = phys_to_mem(paddr(frame->cap.u.mem.base));
    dcb->disp = disp;
    lvaddr_t udisp = read_once(disp->udisp);
    dcb->udisp = udisp < USER_END ? udisp : 0;
    for (unsigned i = 0; i < sizeof(dcb->head.name) - 1; i++) /* the bound */
        dcb->head.name[i] = disp->name[i];
    dcb->head.disp_frame = frame->cap.u.mem.base;
    dcb->head.domain_id = domain_id;
    dcb->head.disabled = 1;
    disp->disabled = 1;
    disp->curr_core_id = my_core_id;
    disp->domain_id = domain_id;
    disp->tsc_hz = boot_info->tsc_hz;
}

struct setup {
    struct cte *cspace, *vspace, *frame; /* NULL: not given */
    bool run;
    uint32_t domain_id;
};

/* Of which domain the dispatcher is: the monitor believes what a dispatcher's end says of it, so
 * nobody makes one of a domain that is not his own without showing that he may.  A Domain
 * capability is proof for that domain, a ProcessManager for all; another dispatcher of a domain
 * shares it. */
static errval_t decode_domain(const struct invocation *inv, uint32_t *domain_id)
{
    const __typeof__(inv->args->setup) *a = &inv->args->setup;
    struct cte *shown;
    *domain_id = (uint32_t)a->domain_id;
    if (a->other.cptr != 0) {
        errval_t err = find(inv, a->other, &shown);
        if (err_is_fail(err))
            return err_push(err, SYS_ERR_DISP_OCAP_LOOKUP);
        if (shown->cap.type != ObjType_Dispatcher || !dispatcher_is_complete(dcb_of(shown)))
            return SYS_ERR_DISP_OCAP_TYPE;
        *domain_id = dcb_of(shown)->head.domain_id;
        return SYS_ERR_OK;
    }
    if (a->domain_id == 0 || a->domain_id == inv->caller->head.domain_id)
        return SYS_ERR_OK;
    if (a->proof.cptr == 0 || err_is_fail(find(inv, a->proof, &shown)))
        return SYS_ERR_DISP_DOMAIN;
    const struct capability *proof = &shown->cap;
    return proof->type == ObjType_ProcessManager ||
                   (proof->type == ObjType_Domain && proof->u.id.core_local_id == a->domain_id)
               ? SYS_ERR_OK
               : SYS_ERR_DISP_DOMAIN;
}

static errval_t decode_setup(const struct dcb *dcb, const struct invocation *inv, struct setup *s)
{
    const __typeof__(inv->args->setup) *a = &inv->args->setup;
    errval_t err;
    *s = (struct setup){ .run = a->run != 0 };
    if (dcb->stopped)
        return SYS_ERR_DISP_NOT_RUNNABLE;
    err = decode_domain(inv, &s->domain_id);
    if (err_is_fail(err))
        return err;
    if (a->cspace.cptr != 0) {
        err = find(inv, a->cspace, &s->cspace);
        if (err_is_fail(err))
            return err_push(err, SYS_ERR_DISP_CSPACE_INVALID);
        if (s->cspace->cap.type != ObjType_L1CNode || dcb->cspace.cap.type != ObjType_Null)
            return SYS_ERR_DISP_CSPACE_INVALID;
    }
    if (a->vspace.cptr != 0) {
        err = find(inv, a->vspace, &s->vspace);
        if (err_is_fail(err))
            return err_push(err, SYS_ERR_DISP_VSPACE_INVALID);
        if (s->vspace->cap.type != ObjType_VNode_x86_64_pml4 ||
            dcb->vspace.cap.type != ObjType_Null)
            return SYS_ERR_DISP_VSPACE_INVALID;
    }
    if (a->frame.cptr != 0) {
        err = find(inv, a->frame, &s->frame);
        if (err_is_fail(err))
            return err_push(err, SYS_ERR_DISP_FRAME_INVALID);
        if (dcb->disp != NULL)
            return SYS_ERR_DISP_FRAME_INVALID;
        err = check_frame(&s->frame->cap);
        if (err_is_fail(err))
            return err;
    }
    if (s->run && ((dcb->disp == NULL && s->frame == NULL) ||
                   (dcb->cspace.cap.type == ObjType_Null && s->cspace == NULL) ||
                   (dcb->head.cr3 == 0 && s->vspace == NULL)))
        return SYS_ERR_DISP_NOT_RUNNABLE;
    return SYS_ERR_OK;
}

static void invoke_setup(struct dcb *dcb, const struct setup *s)
{
    if (s->cspace != NULL)
        cap_copy_to(&dcb->cspace, s->cspace);
    if (s->vspace != NULL) {
        cap_copy_to_dcb(&dcb->vspace, s->vspace);
        dcb->head.cr3 = s->vspace->cap.u.mem.base;
    }
    if (s->frame != NULL)
        adopt_frame(dcb, s->frame, s->domain_id);
    dispatcher_update_complete(dcb);
    if (s->run)
        schedule_make_runnable(dcb);
}

static struct sysret setup(struct dcb *dcb, const struct invocation *inv)
{
    struct setup s;
    errval_t err = decode_setup(dcb, inv, &s);
    if (err_is_ok(err))
        invoke_setup(dcb, &s);
    return SYSRET(err);
}

/* The value is when the first period begins. */
static struct sysret set_properties(struct dcb *dcb, const struct invocation *inv)
{
    const __typeof__(inv->args->properties) *a = &inv->args->properties;
    const struct rbed_parameters p = { .type = a->type,
                                       .deadline = a->deadline,
                                       .budget = a->wcet,
                                       .period = a->period,
                                       .release = a->release };
    systime_t begins = 0;
    errval_t err = SYS_ERR_DISP_NOT_RUNNABLE;
    if (dispatcher_is_complete(dcb))
        err = schedule_set_parameters(dcb, &p, &begins);
    return (struct sysret){ .error = err, .value = begins };
}

static struct sysret count(const struct dcb *dcb, uint64_t event)
{
    if (dcb->disp == NULL)
        return SYSRET(SYS_ERR_DISP_NOT_RUNNABLE);
    if (event >= DISPATCHER_EVENTS)
        return SYSRET(SYS_ERR_PERFMON_NOT_AVAILABLE);
    return SYSRET_VALUE(event == DISPATCHER_LMP_MESSAGES ? read_once(dcb->disp->lmp_delivered)
                                                         : read_once(dcb->disp->notified));
}

static struct sysret dispatcher_invoke(struct cte *cte, const struct invocation *inv)
{
    struct dcb *dcb = dcb_of(cte);
    switch (inv->command) {
    case DispatcherCmd_Setup:
        return setup(dcb, inv);
    case DispatcherCmd_Properties:
        return set_properties(dcb, inv);
    case DispatcherCmd_Stop:
        dispatch_stop(dcb, true);
        return SYSRET(SYS_ERR_OK);
    case DispatcherCmd_DumpPTables:
        return dump_page_tables(dcb, inv->again ? inv->progress : 0);
    case DispatcherCmd_DumpCapabilities:
        return dump_cspace(dcb, inv->again ? inv->progress : 0);
    case DispatcherCmd_PerfMon:
        return count(dcb, inv->args->dispatcher_perfmon.event);
    case DispatcherCmd_SetupGuest:
        return SYSRET(SYS_ERR_NOT_IMPLEMENTED);
    default:
        return SYSRET(SYS_ERR_ILLEGAL_INVOCATION);
    }
}

/* ---- the end ---- */

/* Its memory may be anything next, so nothing may be saved there or run on it any more. */
void dispatcher_abandon(struct cte *cte)
{
    struct dcb *dcb = cte->cap.type == ObjType_Frame
                          ? (struct dcb *)((char *)cte - offsetof(struct dcb, disp_frame))
                          : (struct dcb *)((char *)cte - offsetof(struct dcb, vspace));
    dispatch_stop(dcb, true);
    dispatch_forget(dcb);
    if (cte->cap.type == ObjType_Frame) {
        dcb->disp = NULL;
        dcb->head.disp_frame = 0;
    } else {
        dcb->head.cr3 = 0;
    }
}

#define COST_HAND_OVER 60

/* One of its own capabilities; true if there is none any more. */
static bool give_up(struct cte *cte, struct work *work)
{
    if (cte->cap.type == ObjType_Null)
        return true;
    if (!cte_is_record(cte)) {
        if (!work_affords(work, delete_cost(cte)))
            return false;
        delete_slot(cte);
    }
    if (!cte_is_record(cte))
        return true;
    delete_raise(cte);
    return false;
}

/* Its memory will be something else's: no list of the CPU driver may lead there any more. */
static void finish(struct cte *record)
{
    const struct dcb *dcb = dcb_of(record);
    assert(dcb->stopped && dcb != current);
    assert(!dcb->queued && !dcb->sleeping && dcb->task == 0 && !dcb->unreported);
    delete_finish(record);
}

static void delete_step(struct cte *record, struct work *work)
{
    struct dcb *dcb = dcb_of(record);
    if (record != &dcb->self) {
        if (!work_affords(work, COST_STOP + delete_cost_move()))
            return;
        dispatch_stop(dcb, true);
        dispatch_forget(dcb);
        delete_move(&dcb->self, record);
        return;
    }
    /* endpoints that name it cease to exist: no dangling listener */
    LOOP_BOUND(endpoints, WORK_OF_A_CALL / 100);
    for (;;) {
        LOOP_ROUND(endpoints);
        if (!work_looks(work, mdb_cost_find(&kernel_mdb)))
            return;
        struct cte *endpoint = mdb_first_descendant(&kernel_mdb, &record->cap);
        if (endpoint == NULL)
            break;
        if (!work_affords(work, delete_cost(endpoint)))
            return;
        cap_delete_now(endpoint);
    }
    struct cte *begun = delete_begun_by(dcb);
    if (begun != NULL) {
        if (work_affords(work, COST_HAND_OVER))
            delete_raise(begun);
        return;
    }
    if (!give_up(&dcb->cspace, work) || !give_up(&dcb->vspace, work) ||
        !give_up(&dcb->disp_frame, work))
        return;
    if (stop_holds(dcb))
        delete_suspend(record, STEP_WAITS);
    else if (work_affords(work, mdb_cost_remove(&kernel_mdb)))
        finish(record);
}

/* A record that waits for the monitor to ask. */
static errval_t may_finish(const struct cte *record)
{
    if (!stop_holds(dcb_of(record)))
        return SYS_ERR_OK;
    return stop_is_monitor(current) ? delete_locked() : KERNEL_AGAIN_LATER;
}

bool stop_next(uint32_t *domain)
{
    struct dcb *dcb = stop_take();
    if (dcb == NULL)
        return false;
    *domain = dcb->head.domain_id;
    if (cte_is_record(&dcb->self) && dcb->self.node.step == STEP_WAITS)
        finish(&dcb->self);
    return true;
}

/* ---- before revoking ---- */

/* Nothing of a domain runs while its memory goes: that would be a domain without this or
 * that.  So the dispatchers in the range stop first.  Between two entries they may still run, and
 * make others; those end when it is their turn, like all.  *from: up to here there are no more. */
bool dispatchers_stop(const struct capability *range, uint64_t *from, struct work *work)
{
    const uint64_t end = cap_base(range) + cap_bytes(range);
    LOOP_BOUND(objects, WORK_OF_A_CALL / COST_STEP);
    while (*from < end) {
        LOOP_ROUND(objects);
        if (!work_looks(work, COST_STEP + 2 * mdb_cost_find(&kernel_mdb)))
            return false;
        struct cte *at = mdb_find_from(&kernel_mdb, cap_type_root(range->type), *from);
        if (at == NULL || cap_base(&at->cap) >= end)
            break;
        struct capability dispatcher = { .type = ObjType_Dispatcher };
        dispatcher.u.mem.base = cap_base(&at->cap);
        dispatcher.u.mem.bytes = OBJSIZE_DISPATCHER;
        uint64_t next = dispatcher.u.mem.base + cap_bytes(&at->cap);
        if (at->cap.type != ObjType_Dispatcher && cap_is_ancestor(&dispatcher, &at->cap) &&
            (at->cap.type == ObjType_RAM || at->cap.type == ObjType_PhysAddr)) {
            at = mdb_find_equal(&kernel_mdb, &dispatcher);
            next = dispatcher.u.mem.base + OBJSIZE_DISPATCHER;
        }
        if (at != NULL && at->cap.type == ObjType_Dispatcher &&
            !(at->node.bits & MDB_BIT_FOREIGN) && dcb_of(at) != current && !dcb_of(at)->stopped) {
            if (!work_affords(work, COST_STOP))
                return false;
            dispatch_stop(dcb_of(at), true);
        }
        *from = next;
        work_advances(work);
    }
    return true;
}

const struct cap_ops dispatcher_ops = { .invoke = dispatcher_invoke,
                                        .delete_step = delete_step,
                                        .may_finish = may_finish,
                                        .check_wire = object_check_wire };
