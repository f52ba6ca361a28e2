/* SPDX-License-Identifier: MIT
 *
 * The agent: a small domain of its own on another core, which makes a dispatcher there for the
 * domain that had it spawned, and fills that one's page tables for as long as it lives.
 *
 * It runs the same program, but nothing of what the program's author wrote: it has a private copy
 * of the data, so its own heap never depends on the address space it fills.  The new dispatcher has
 * a CSpace and page tables made here, of memory of this core; what it maps is the home's memory, by
 * capabilities that came from there.
 *
 * If the home or the dispatcher goes, so does the agent: it stops the dispatcher first.
 */
#include <barrelfish/dispatcher.h>
#include <barrelfish/domain_agent.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_blocking_defs.h>
#include <if/monitor_defs.h>
#include <stdlib.h>
#include <string.h>

#include "span.h"

#define RAM_BITS 19 /* what the dispatcher begins with */
#define RFLAGS_IF 0x202
#define FXSAVE_FCW 0x37f
#define FXSAVE_MXCSR 0x1f80

extern char __text_start[], __rodata_start[], __data_start[], __data_end[];

/* The dispatcher that is made. */
static struct {
    struct capref rootcn, pml4, dispatcher, frame;
    struct vspace *vspace;
    struct dispatcher_shared *shared; /* its frame, mapped here */
    domainid_t domain;
} made;

static errval_t bind_err;
static bool bind_done;

/* ---- its CSpace ---- */

/* A copy in a slot of the new CSpace. */
static errval_t put(cslot_t l1_slot, cslot_t slot, struct capref src)
{
    return CAP_INVOKE(made.rootcn, CNodeCmd_Copy,
                      .copy = { .dest_slot = KPI_CPTR(l1_slot, slot),
                                .dest_level = 2,
                                .src_root = get_croot_addr(src),
                                .src_cptr = get_cap_addr(src),
                                .src_level = get_cap_level(src) })
        .error;
}

static errval_t make_cspace(void)
{
    static const cslot_t cnodes[] = { ROOTCN_SLOT_TASKCN, ROOTCN_SLOT_PAGECN, ROOTCN_SLOT_SUPERCN,
                                      ROOTCN_SLOT_SEGCN, ROOTCN_SLOT_SLOT_ALLOC0 };
    struct cnoderef ref;
    struct capref ram;
    errval_t err = cnode_create_l1(&made.rootcn, &ref);

    for (unsigned i = 0; i < sizeof(cnodes) / sizeof(cnodes[0]) && err_is_ok(err); i++)
        err = cnode_create_foreign_l2(made.rootcn, cnodes[i], &ref);
    if (err_is_ok(err))
        err = put(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_ROOTCN, made.rootcn);
    if (err_is_ok(err))
        err = ram_alloc(&ram, RAM_BITS);
    if (err_is_ok(err))
        err = put(ROOTCN_SLOT_SUPERCN, 0, ram);
    return err;
}

/* To the monitor it is a domain of its own, and a child of this one. */
static errval_t connect_to_monitor(void)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    struct capref ep = NULL_CAP;
    errval_t answer = SYS_ERR_OK;
    errval_t err = b->rpc_tx_vtbl.alloc_monitor_ep(b, disp_name(), &answer, &made.domain, &ep);

    if (err_is_ok(err))
        err = answer;
    return err_is_ok(err) ? put(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_INITEP, ep) : err;
}

/* ---- its address space ---- */

/* What is constant in the program is copied: memory of this core, and no module is needed. */
static errval_t map_copy(const char *start, const char *end, vregion_flags_t flags)
{
    size_t bytes = ROUND_UP((size_t)(end - start), BASE_PAGE_SIZE);
    struct vspace_piece piece = { .base = (genvaddr_t)start, .bytes = bytes, .flags = flags };
    void *here;
    errval_t err = frame_alloc(&piece.frame, bytes, NULL);

    if (err_is_ok(err))
        err = vspace_map_one_frame(&here, bytes, piece.frame, NULL, NULL);
    if (err_is_fail(err))
        return err;
    memcpy(here, start, bytes);
    err = vspace_unmap(here);
    return err_is_ok(err) ? vspace_map_in(made.vspace, &piece) : err;
}

size_t span_image_bytes(void)
{
    return DISPATCHER_FRAME_BYTES + SPAWN_ARGS_BYTES + (size_t)(__data_end - __data_start);
}

/* A part of the home's image; a capability is mapped once, so each part takes a copy. */
static errval_t map_image_part(struct capref image, size_t offset, genvaddr_t base, size_t bytes)
{
    struct vspace_piece piece = {
        .base = base, .bytes = bytes, .offset = offset, .flags = VREGION_FLAGS_READ_WRITE
    };
    errval_t err = slot_alloc(&piece.frame);

    if (err_is_ok(err))
        err = cap_copy(piece.frame, image);
    return err_is_ok(err) ? vspace_map_in(made.vspace, &piece) : err;
}

static errval_t make_vspace(struct capref image)
{
    const size_t data_bytes = (size_t)(__data_end - __data_start);
    errval_t err = slot_alloc(&made.pml4);

    if (err_is_ok(err))
        err = vnode_create(made.pml4, ObjType_VNode_x86_64_pml4);
    if (err_is_fail(err))
        return err;
    made.vspace = vspace_new(made.pml4, 0, 0);
    if (made.vspace == NULL)
        return LIB_ERR_MALLOC_FAIL;
    err = put(ROOTCN_SLOT_PAGECN, 0, made.pml4);
    if (err_is_ok(err))
        err = map_copy(__text_start, __rodata_start, VREGION_FLAGS_READ_EXECUTE);
    if (err_is_ok(err))
        err = map_copy(__rodata_start, __data_start, VREGION_FLAGS_READ);
    if (err_is_ok(err))
        err = map_image_part(image, DISPATCHER_FRAME_BYTES, DOMAIN_ARGS_VBASE, SPAWN_ARGS_BYTES);
    return err_is_ok(err) ? map_image_part(image, DISPATCHER_FRAME_BYTES + SPAWN_ARGS_BYTES,
                                           (genvaddr_t)__data_start, data_bytes)
                          : err;
}

/* ---- the dispatcher itself ---- */

static errval_t make_dispatcher(void)
{
    const dispatcher_handle_t handle = span_handle(disp_get_core_id());
    struct vspace_piece piece = { .base = handle,
                                  .bytes = DISPATCHER_FRAME_BYTES,
                                  .flags = VREGION_FLAGS_READ_WRITE };
    void *here;
    errval_t err = frame_alloc(&made.frame, DISPATCHER_FRAME_BYTES, NULL);

    if (err_is_ok(err))
        err = put(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_DISPFRAME, made.frame);
    if (err_is_ok(err))
        err = vspace_map_one_frame(&here, DISPATCHER_FRAME_BYTES, made.frame, NULL, NULL);
    if (err_is_ok(err))
        err = slot_alloc(&piece.frame);
    if (err_is_ok(err))
        err = cap_copy(piece.frame, made.frame);
    if (err_is_ok(err))
        err = vspace_map_in(made.vspace, &piece);
    if (err_is_ok(err))
        err = slot_alloc(&made.dispatcher);
    if (err_is_ok(err))
        err = dispatcher_create(made.dispatcher);
    if (err_is_fail(err))
        return err;
    made.shared = here;
    made.shared->udisp = handle;
    made.shared->disabled = 1;
    memcpy(made.shared->name, get_dispatcher_shared(curdispatcher())->name, DISP_NAME_LEN);
    return put(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_DISPATCHER, made.dispatcher);
}

/* ---- what the monitor asks ---- */

static errval_t send_changed(struct monitor_request *r, struct event_closure done)
{
    return monitor_replica_changed__tx(r->mon, done, r->id, r->err);
}

static errval_t protect_here(uint64_t base, uint64_t bytes, uint32_t flags)
{
    return made.vspace != NULL
               ? vspace_protect_in(made.vspace,
                                   &(struct vspace_rights){ base, bytes, flags, false })
               : (errval_t)LIB_ERR_VREGION_NOT_FOUND;
}

static errval_t unmap_here(uint64_t base)
{
    struct capref frame = NULL_CAP;
    errval_t err = made.vspace != NULL ? vspace_unmap_in(made.vspace, base, &frame)
                                       : LIB_ERR_VREGION_NOT_FOUND;

    return err_is_ok(err) ? cap_destroy(frame) : err; /* so the home's core can have it back */
}

/* The home has asked the monitors (docs/monitor.md, TLB shootdown). */
static void change(struct monitor_binding *b, uintptr_t id, uint64_t base, uint64_t bytes,
                   uint32_t flags)
{
    errval_t err = bytes != 0 ? protect_here(base, bytes, flags) : unmap_here(base);

    err = monitor_queue_request(
        (struct monitor_request){ .mon = b, .send = send_changed, .id = id, .err = err });
    if (err_is_fail(err))
        USER_PANIC_ERR(err,
                       "telling the monitor of a changed mapping"); /* the home must not wait */
}

/* Only what this domain wants changed is, and it only hears of it here. */
static errval_t listen_for(domainid_t home)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer = SYS_ERR_OK;

    get_monitor_binding()->rx_vtbl.change_replica = change;
    errval_t err = b->rpc_tx_vtbl.fill_for(b, home, &answer);
    return err_is_fail(err) ? err : answer;
}

/* ---- interdisp ---- */

static errval_t prepare(struct interdisp_binding *b, domainid_t home, struct capref image,
                        errval_t *err, domainid_t *domain)
{
    *err = listen_for(home);
    if (err_is_ok(*err))
        *err = make_cspace();
    if (err_is_ok(*err))
        *err = put(ROOTCN_SLOT_TASKCN, TASKCN_SLOTS_USER, span_notify_of(b));
    if (err_is_ok(*err))
        *err = connect_to_monitor();
    if (err_is_ok(*err))
        *err = make_vspace(image);
    if (err_is_ok(*err))
        *err = make_dispatcher();
    *domain = made.domain;
    return SYS_ERR_OK;
}

static errval_t map(struct interdisp_binding *b, uint64_t base, uint64_t bytes, uint64_t offset,
                    uint32_t flags, struct capref frame, errval_t *err)
{
    (void)b;
    const struct vspace_piece piece = {
        .base = base, .bytes = bytes, .offset = offset, .flags = flags, .frame = frame
    };
    if (made.vspace == NULL)
        *err = LIB_ERR_VSPACE_MAP;
    else if (vspace_has(made.vspace, base, bytes)) /* from the list, and from who mapped it */
        *err = cap_destroy(frame);
    else
        *err = vspace_map_in(made.vspace, &piece);
    return SYS_ERR_OK;
}

static errval_t protect(struct interdisp_binding *b, uint64_t base, uint64_t bytes, uint32_t flags,
                        bool rights_only, errval_t *err)
{
    (void)b, (void)rights_only; /* the home has found out what the other flags are */
    *err = protect_here(base, bytes, flags);
    return SYS_ERR_OK;
}

/* It is of another domain than the agent, which its monitor gives proof of. */
static errval_t start_dispatcher(void)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    struct capref proof = NULL_CAP;
    errval_t answer = SYS_ERR_OK;
    errval_t err = b->rpc_tx_vtbl.get_domain_cap(b, made.domain, &answer, &proof);

    if (err_is_ok(err))
        err = answer;
    if (err_is_fail(err))
        return err;
    err = invoke_dispatcher_setup(made.dispatcher, made.rootcn, made.pml4, made.frame, true,
                                  made.domain, proof);
    cap_destroy(proof);
    return err;
}

static errval_t run(struct interdisp_binding *b, uint64_t entry, uint64_t argument, errval_t *err)
{
    (void)b;
    struct registers_x86_64 *area = &made.shared->disabled_save_area;
    const uint16_t control = FXSAVE_FCW;
    const uint32_t mxcsr = FXSAVE_MXCSR;

    made.shared->upcall_stack = span_handle(disp_get_core_id()) + DISP_UPCALL_STACK_TOP;
    area->rip = entry;
    area->rdi = made.shared->udisp;
    area->rsi = argument;
    area->rsp = made.shared->upcall_stack - 8; /* as after a call */
    area->eflags = RFLAGS_IF;
    memcpy(area->fxsave_area, &control, sizeof(control));
    memcpy(area->fxsave_area + 24, &mxcsr, sizeof(mxcsr));
    *err = start_dispatcher();
    return SYS_ERR_OK;
}

static errval_t stop(void)
{
    return capref_is_null(made.dispatcher) ? SYS_ERR_OK : invoke_dispatcher_stop(made.dispatcher);
}

static errval_t end(struct interdisp_binding *b, errval_t *err)
{
    (void)b;
    *err = stop();
    return SYS_ERR_OK;
}

/* The home has gone. */
static void broken(struct interdisp_binding *b, errval_t err)
{
    (void)b, (void)err;
    stop();
    domain_exit(EXIT_SUCCESS);
}

/* The dispatcher has gone; the home hears of it from its own monitor. */
static void dispatcher_ended(struct monitor_binding *b, domainid_t domain, uint8_t status)
{
    (void)b;
    if (domain == made.domain)
        domain_exit(status);
}

static void bound(void *st, errval_t err, struct interdisp_binding *b)
{
    (void)st;
    bind_err = err;
    bind_done = true;
    if (err_is_fail(err))
        return;
    b->error_handler = broken;
    b->rpc_rx_vtbl.prepare_call = prepare;
    b->rpc_rx_vtbl.map_call = map;
    b->rpc_rx_vtbl.protect_call = protect;
    b->rpc_rx_vtbl.run_call = run;
    b->rpc_rx_vtbl.end_call = end;
}

void domain_agent_main(int argc, char *argv[])
{
    errval_t err = ERR_INVALID_ARGS;

    get_monitor_binding()->rx_vtbl.domain_exited = dispatcher_ended;
    if (argc == 2) {
        err = interdisp_bind((iref_t)strtoul(argv[1], NULL, 10), bound, NULL, get_default_waitset(),
                             IDC_BIND_FLAGS_DEFAULT);
    }
    while (err_is_ok(err) && !bind_done)
        err = event_dispatch(get_default_waitset());
    if (err_is_ok(err))
        err = bind_err;
    while (err_is_ok(err))
        err = event_dispatch(get_default_waitset());
    USER_PANIC_ERR(err, "connecting to the domain that is to span this core");
}
