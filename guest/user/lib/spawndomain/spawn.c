/* SPDX-License-Identifier: MIT
 *
 * Building a domain out of one block of RAM.
 *
 * System calls are what spawning costs (some hosts need 150 us for one), so the order is chosen to
 * need few: CNodes and page tables are made several at a time, everything the spawner must write
 * (dispatcher frame, arguments, data) lies in one Frame that it maps once, and every capability is
 * made where it will stay.  What must be invoked while building lies in TASKCN and PAGECN; these
 * two hang in the spawner's own root meanwhile.  The block of RAM, in this order:
 *
 *   staging   dispatcher frame | arguments page | private segments, one after the other
 *   CNodes    root, the L2CNodes of L1 slots 0-4, SLOT_ALLOC0, ARGCN if it gets one
 *   tables    PML4, PDPT, page directories, page tables
 *   1 page    dispatcher
 *   the rest  start RAM
 *
 * PAGECN holds the tables from slot 0 and the mappings from slot FIRST_MAPPING on; SEGCN holds the
 * staging frame in slot 0 and the segments after it.
 */
#include <spawndomain/spawndomain.h>
#include <string.h>

#define L2_CNODES_FIRST 5 /* TASKCN, PAGECN, BASE_PAGE_CN, SUPERCN, SEGCN: L1 slots 0-4 */
#define MAX_TABLES 48     /* page directories, and page tables */
#define MAX_PIECES (ELF_IMAGE_MAX_SEGMENTS + 3)
#define FIRST_MAPPING 100 /* in PAGECN, after the tables */
#define PDIR_BYTES (1ull << 30)
#define PTABLE_BYTES (1ull << 21)
#define PTABLE_ENTRIES 512
#define RFLAGS_IF 0x202
#define FXSAVE_FCW 0x37f
#define FXSAVE_MXCSR 0x1f80

_Static_assert(FIRST_MAPPING >= 2 + 2 * MAX_TABLES, "PAGECN layout");
_Static_assert(FIRST_MAPPING + 1 + 2 * MAX_TABLES + MAX_PIECES + MAX_TABLES <= L2_CNODE_SLOTS,
               "a mapping for each table and for each piece under each table");

/* Something to map into the new domain. */
struct piece {
    genvaddr_t vaddr;
    gensize_t bytes;
    struct capref frame;
    gensize_t offset; /* in the frame */
    uint64_t attr;    /* PTABLE_* */
};

struct builder {
    const struct spawn_request *request;
    struct spawn_domain *d;
    gensize_t next, end; /* in request->ram */
    cslot_t next_mapping, next_segment;
    uint8_t *staging; /* mapped here */
    gensize_t staging_bytes;
    unsigned piece_count;
    struct piece piece[MAX_PIECES];
    unsigned pdir_count, ptable_count;
    genvaddr_t pdir[MAX_TABLES], ptable[MAX_TABLES]; /* address each one starts with */
};

static struct capref slot_in(struct capref cnode, cslot_t slot)
{
    return (struct capref){ .cnode = build_cnoderef(cnode, CNODE_TYPE_OTHER), .slot = slot };
}

/* Slots of the new domain's own root. */
static struct capref foreign(struct spawn_domain *d, cslot_t l1_slot)
{
    return (struct capref){ .cnode = build_cnoderef(d->rootcn, CNODE_TYPE_ROOT), .slot = l1_slot };
}

/* A slot of one of its L2CNodes, for what is made or mapped there but not invoked. */
static struct capref foreign_slot(struct spawn_domain *d, cslot_t l1_slot, cslot_t slot)
{
    return (struct capref){ .cnode = { .croot = get_cap_addr(d->rootcn),
                                       .cnode = l1_slot << L2_CNODE_BITS,
                                       .level = CNODE_TYPE_OTHER },
                            .slot = slot };
}

static gensize_t private_bytes(const struct spawn_module *module)
{
    gensize_t bytes = 0;
    for (unsigned i = 0; i < module->image.segment_count; i++)
        if (!elf_segment_is_shareable(&module->image.segment[i]))
            bytes += module->image.segment[i].bytes;
    return bytes;
}

gensize_t spawn_needed_bytes(const struct spawn_module *module, bool with_boot,
                             gensize_t start_ram_bytes)
{
    gensize_t image = module->image.vlimit - ROUND_DOWN(module->image.vbase, PTABLE_BYTES);
    gensize_t tables = 2 + 2 * (DIVIDE_ROUND_UP(image, PTABLE_BYTES) + 2 + (with_boot ? 1 : 0));
    return DISPATCHER_FRAME_BYTES + SPAWN_ARGS_BYTES + private_bytes(module) +
           (1 + L2_CNODES_FIRST + 2) * (gensize_t)OBJSIZE_L2CNODE + tables * OBJSIZE_VNODE +
           BASE_PAGE_SIZE + start_ram_bytes;
}

/* Makes objects out of the next part of the block. */
static errval_t make(struct builder *b, struct capref dest, enum objtype type, gensize_t bytes,
                     size_t count)
{
    gensize_t all = ROUND_UP(bytes * count, BASE_PAGE_SIZE);
    if (all > b->end - b->next)
        return LIB_ERR_RAM_ALLOC_WRONG_SIZE;
    errval_t err = cap_retype(dest, b->request->ram, b->next, type, bytes, count);
    if (err_is_ok(err))
        b->next += all;
    return err;
}

/* ---- CSpace ---- */

/* Hangs an L2CNode of the domain into the spawner's own root. */
static errval_t hang(struct builder *b, cslot_t l1_slot, struct capref *ret)
{
    struct capref slot;
    errval_t err = slot_alloc_root(&slot);
    if (err_is_fail(err))
        return err;
    err = cap_copy(slot, foreign(b->d, l1_slot));
    if (err_is_fail(err)) {
        slot_free_root(slot);
        return err;
    }
    *ret = slot;
    return SYS_ERR_OK;
}

static void unhang(struct capref *cnode)
{
    if (capref_is_null(*cnode))
        return;
    if (err_is_ok(cap_delete(*cnode)))
        slot_free_root(*cnode);
    *cnode = NULL_CAP;
}

static errval_t build_cspace(struct builder *b)
{
    struct spawn_domain *d = b->d;
    errval_t err = slot_alloc(&d->rootcn);
    if (err_is_fail(err))
        return err;
    err = make(b, d->rootcn, ObjType_L1CNode, OBJSIZE_L2CNODE, 1);
    if (err_is_fail(err)) {
        slot_free(d->rootcn);
        d->rootcn = NULL_CAP;
        return err;
    }
    _Static_assert(ROOTCN_SLOT_TASKCN == 0 && ROOTCN_SLOT_SEGCN == L2_CNODES_FIRST - 1, "L1 slots");
    err =
        make(b, foreign(d, ROOTCN_SLOT_TASKCN), ObjType_L2CNode, OBJSIZE_L2CNODE, L2_CNODES_FIRST);
    if (err_is_ok(err))
        err = make(b, foreign(d, ROOTCN_SLOT_SLOT_ALLOC0), ObjType_L2CNode, OBJSIZE_L2CNODE, 1);
    if (err_is_ok(err) && b->request->argcn)
        err = make(b, foreign(d, ROOTCN_SLOT_ARGCN), ObjType_L2CNode, OBJSIZE_L2CNODE, 1);
    if (err_is_ok(err))
        err = hang(b, ROOTCN_SLOT_TASKCN, &d->taskcn);
    if (err_is_ok(err))
        err = hang(b, ROOTCN_SLOT_PAGECN, &d->pagecn);
    if (err_is_ok(err))
        err = cap_copy(slot_in(d->taskcn, TASKCN_SLOT_SELF), d->taskcn);
    if (err_is_ok(err))
        err = cap_copy(slot_in(d->taskcn, TASKCN_SLOT_ROOTCN), d->rootcn);
    if (err_is_ok(err) && !capref_is_null(b->request->init_ep))
        err = cap_copy(slot_in(d->taskcn, TASKCN_SLOT_INITEP), b->request->init_ep);
    return err;
}

/* ---- what lies in memory ---- */

static struct piece *add_piece(struct builder *b, genvaddr_t vaddr, gensize_t bytes,
                               struct capref frame, gensize_t offset, uint64_t attr)
{
    assert(b->piece_count < MAX_PIECES);
    b->piece[b->piece_count] = (struct piece){ vaddr, bytes, frame, offset, attr };
    return &b->piece[b->piece_count++];
}

/* One Frame for all that is written now, mapped here; its parts become Frames of their own. */
static errval_t build_staging(struct builder *b)
{
    struct spawn_domain *d = b->d;
    struct capref staging = foreign_slot(d, ROOTCN_SLOT_SEGCN, b->next_segment++);
    b->staging_bytes =
        DISPATCHER_FRAME_BYTES + SPAWN_ARGS_BYTES + private_bytes(b->request->module);
    errval_t err = make(b, staging, ObjType_Frame, b->staging_bytes, 1);
    if (err_is_fail(err))
        return err;
    void *address;
    err = vspace_map_one_frame(&address, b->staging_bytes, staging, NULL, NULL);
    if (err_is_fail(err))
        return err;
    b->staging = address;

    struct capref frame = slot_in(d->taskcn, TASKCN_SLOT_DISPFRAME);
    err = cap_retype(frame, staging, 0, ObjType_Frame, DISPATCHER_FRAME_BYTES, 1);
    if (err_is_fail(err))
        return err;
    add_piece(b, DOMAIN_DISPFRAME_VBASE, DISPATCHER_FRAME_BYTES, frame, 0, PTABLE_WRITE);
    frame = slot_in(d->taskcn, TASKCN_SLOT_ARGSPAGE);
    err = cap_retype(frame, staging, DISPATCHER_FRAME_BYTES, ObjType_Frame, SPAWN_ARGS_BYTES, 1);
    if (err_is_fail(err))
        return err;
    add_piece(b, DOMAIN_ARGS_VBASE, SPAWN_ARGS_BYTES, frame, 0, PTABLE_WRITE);

    gensize_t offset = DISPATCHER_FRAME_BYTES + SPAWN_ARGS_BYTES;
    const struct spawn_module *module = b->request->module;
    for (unsigned i = 0; i < module->image.segment_count; i++) {
        const struct elf_segment *segment = &module->image.segment[i];
        uint64_t attr = ((segment->flags & ELF_SEGMENT_W) ? PTABLE_WRITE : PTABLE_READ_ONLY) |
                        ((segment->flags & ELF_SEGMENT_X) ? PTABLE_EXECUTE : 0);
        frame = foreign_slot(d, ROOTCN_SLOT_SEGCN, b->next_segment++);
        if (elf_segment_is_shareable(segment)) {
            err = spawn_put_cap(d, ROOTCN_SLOT_SEGCN, frame.slot,
                                (struct capref){ .cnode = cnode_module, .slot = module->slot });
            if (err_is_fail(err))
                return err;
            add_piece(b, segment->vaddr, segment->bytes, frame,
                      segment->file_offset - segment->lead, attr);
        } else {
            err = cap_retype(frame, staging, offset, ObjType_Frame, segment->bytes, 1);
            if (err_is_fail(err))
                return err;
            add_piece(b, segment->vaddr, segment->bytes, frame, 0, attr);
            if (segment->file_bytes > 0)
                memcpy(b->staging + offset + segment->lead, module->contents[i],
                       segment->file_bytes);
            offset += segment->bytes;
        }
    }
    return SYS_ERR_OK;
}

static errval_t fill_staging(struct builder *b)
{
    const struct spawn_request *request = b->request;
    assert(b->staging != NULL);
    struct dispatcher_shared *disp = (struct dispatcher_shared *)b->staging;
    memcpy(disp->name, b->d->name, sizeof(disp->name));
    disp->udisp = DOMAIN_DISPFRAME_VBASE;
    disp->disabled = 1;
    disp->upcall_stack = DOMAIN_DISPFRAME_VBASE + DISPATCHER_FRAME_BYTES - 16;
    struct registers_x86_64 *area = &disp->disabled_save_area;
    area->rip = request->module->image.entry;
    area->rdi = DOMAIN_DISPFRAME_VBASE;
    area->rsi = DOMAIN_ARGS_VBASE;
    area->rsp = disp->upcall_stack;
    area->eflags = RFLAGS_IF;
    const uint16_t control = FXSAVE_FCW;
    const uint32_t mxcsr = FXSAVE_MXCSR;
    memcpy(area->fxsave_area, &control, sizeof(control));
    memcpy(area->fxsave_area + 24, &mxcsr, sizeof(mxcsr));

    struct spawn_domain_params *params =
        (struct spawn_domain_params *)(b->staging + DISPATCHER_FRAME_BYTES);
    errval_t err = request->args != NULL
                       ? spawn_args_fill(params, SPAWN_ARGS_BYTES, DOMAIN_ARGS_VBASE, request->args)
                       : spawn_words_fill(params, SPAWN_ARGS_BYTES, DOMAIN_ARGS_VBASE,
                                          &request->argv, &request->envp);
    params->bootinfo = request->boot != NULL ? DOMAIN_BOOTINFO_VBASE : 0;
    params->flags = request->flags;
    params->domain_id = request->domain;
    const char *line = request->module->line;
    const size_t path_bytes = strcspn(line, " \t");
    if (path_bytes < sizeof(params->program))
        memcpy(params->program, line, path_bytes);
    return err;
}

/* ---- address space ---- */

static errval_t add_table(genvaddr_t *table, unsigned *count, genvaddr_t vaddr)
{
    for (unsigned i = 0; i < *count; i++)
        if (table[i] == vaddr)
            return SYS_ERR_OK;
    if (*count == MAX_TABLES)
        return LIB_ERR_VSPACE_NO_SPACE;
    table[(*count)++] = vaddr;
    return SYS_ERR_OK;
}

static struct capref next_mapping(struct builder *b)
{
    return slot_in(b->d->pagecn, b->next_mapping++);
}

/* Maps the part of a piece that lies under one page table. */
static errval_t map_part(struct builder *b, const struct piece *piece, unsigned which,
                         struct capref ptable)
{
    genvaddr_t low = piece->vaddr > b->ptable[which] ? piece->vaddr : b->ptable[which];
    genvaddr_t high = piece->vaddr + piece->bytes;
    if (high > b->ptable[which] + PTABLE_BYTES)
        high = b->ptable[which] + PTABLE_BYTES;
    if (low >= high)
        return SYS_ERR_OK;
    struct capref frame = piece->frame;
    if (low !=
        piece->vaddr) { /* a capability can be mapped once: a further table, a further copy */
        frame = foreign_slot(b->d, ROOTCN_SLOT_SEGCN, b->next_segment++);
        errval_t err = spawn_put_cap(b->d, ROOTCN_SLOT_SEGCN, frame.slot, piece->frame);
        if (err_is_fail(err))
            return err;
    }
    return vnode_map(ptable, frame, (capaddr_t)(low / BASE_PAGE_SIZE % PTABLE_ENTRIES), piece->attr,
                     piece->offset + (low - piece->vaddr), (high - low) / BASE_PAGE_SIZE,
                     next_mapping(b));
}

static errval_t build_vspace(struct builder *b)
{
    struct capref pml4 = slot_in(b->d->pagecn, 0);
    struct capref pdpt = slot_in(b->d->pagecn, 1);
    errval_t err = SYS_ERR_OK;
    for (unsigned i = 0; i < b->piece_count && err_is_ok(err); i++) {
        genvaddr_t end = b->piece[i].vaddr + b->piece[i].bytes;
        for (genvaddr_t va = ROUND_DOWN(b->piece[i].vaddr, PTABLE_BYTES);
             va < end && err_is_ok(err); va += PTABLE_BYTES) {
            err = add_table(b->ptable, &b->ptable_count, va);
            if (err_is_ok(err))
                err = add_table(b->pdir, &b->pdir_count, ROUND_DOWN(va, PDIR_BYTES));
        }
    }
    struct capref pdir0 = slot_in(b->d->pagecn, 2);
    struct capref ptable0 = slot_in(b->d->pagecn, 2 + b->pdir_count);
    if (err_is_ok(err))
        err = make(b, pml4, ObjType_VNode_x86_64_pml4, OBJSIZE_VNODE, 1);
    if (err_is_ok(err))
        err = make(b, pdpt, ObjType_VNode_x86_64_pdpt, OBJSIZE_VNODE, 1);
    if (err_is_ok(err))
        err = make(b, pdir0, ObjType_VNode_x86_64_pdir, OBJSIZE_VNODE, b->pdir_count);
    if (err_is_ok(err))
        err = make(b, ptable0, ObjType_VNode_x86_64_ptable, OBJSIZE_VNODE, b->ptable_count);
    if (err_is_ok(err))
        err = vnode_map(pml4, pdpt, 0, PTABLE_WRITE | PTABLE_EXECUTE, 0, 1, next_mapping(b));
    for (unsigned i = 0; i < b->pdir_count && err_is_ok(err); i++)
        err = vnode_map(pdpt, slot_in(b->d->pagecn, 2 + i),
                        (capaddr_t)(b->pdir[i] / PDIR_BYTES % PTABLE_ENTRIES),
                        PTABLE_WRITE | PTABLE_EXECUTE, 0, 1, next_mapping(b));
    for (unsigned i = 0; i < b->ptable_count && err_is_ok(err); i++) {
        unsigned parent = 0;
        while (b->pdir[parent] != ROUND_DOWN(b->ptable[i], PDIR_BYTES))
            parent++;
        struct capref ptable = slot_in(b->d->pagecn, 2 + b->pdir_count + i);
        err = vnode_map(slot_in(b->d->pagecn, 2 + parent), ptable,
                        (capaddr_t)(b->ptable[i] / PTABLE_BYTES % PTABLE_ENTRIES),
                        PTABLE_WRITE | PTABLE_EXECUTE, 0, 1, next_mapping(b));
        for (unsigned p = 0; p < b->piece_count && err_is_ok(err); p++)
            err = map_part(b, &b->piece[p], i, ptable);
    }
    return err;
}

/* ---- boot information, dispatcher, start RAM ---- */

static errval_t give_boot(struct builder *b)
{
    const struct spawn_request *request = b->request;
    if (request->boot == NULL)
        return SYS_ERR_OK;
    struct capref frame = slot_in(b->d->taskcn, TASKCN_SLOT_BOOTINFO);
    errval_t err = cap_copy(frame, TASK_CAP(TASKCN_SLOT_BOOTINFO));
    if (err_is_fail(err))
        return err;
    add_piece(b, DOMAIN_BOOTINFO_VBASE, ROUND_UP(request->boot->boot_bytes, BASE_PAGE_SIZE), frame,
              0, PTABLE_READ_ONLY);
    return spawn_put_cnode(b->d, ROOTCN_SLOT_MODULECN,
                           (struct capref){ .cnode = cnode_root, .slot = ROOTCN_SLOT_MODULECN });
}

static errval_t build_dispatcher(struct builder *b)
{
    return make(b, slot_in(b->d->taskcn, TASKCN_SLOT_DISPATCHER), ObjType_Dispatcher,
                OBJSIZE_DISPATCHER, 1);
}

static errval_t give_start_ram(struct builder *b)
{
    b->d->start_ram_bytes = b->end - b->next;
    if (b->d->start_ram_bytes == 0)
        return SYS_ERR_OK;
    return spawn_put_ram(b->d, 0, b->request->ram, b->next, b->end - b->next);
}

errval_t spawn_create(const struct spawn_request *request, struct spawn_domain *ret)
{
    static const struct {
        errval_t (*build)(struct builder *);
        enum err_code code;
    } steps[] = {
        { build_cspace, SPAWN_ERR_SETUP_CSPACE },
        { build_staging, SPAWN_ERR_LOAD },
        { fill_staging, SPAWN_ERR_SETUP_ARGS },
        { give_boot, SPAWN_ERR_SETUP_ARGS },
        { build_vspace, SPAWN_ERR_SETUP_VSPACE },
        { build_dispatcher, SPAWN_ERR_SETUP_DISPATCHER },
        { give_start_ram, SPAWN_ERR_SETUP_CSPACE },
    };
    errval_t err = spawn_open_program(request->module);
    if (err_is_fail(err))
        return err;
    struct builder *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return LIB_ERR_MALLOC_FAIL;
    *ret = (struct spawn_domain){ .id = request->domain };
    b->request = request;
    b->d = ret;
    b->next = request->ram_offset;
    b->end = request->ram_offset + request->ram_bytes;
    b->next_mapping = FIRST_MAPPING;
    const char *words = request->args != NULL ? request->args : request->argv.text;
    size_t length = strcspn(words, " \t");
    if (length > sizeof(ret->name) - 1)
        length = sizeof(ret->name) - 1;
    memcpy(ret->name, words, length);

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) && err_is_ok(err); i++) {
        err = steps[i].build(b);
        if (err_is_fail(err))
            err = err_push(err, steps[i].code);
    }
    if (b->staging != NULL)
        vspace_unmap(b->staging);
    if (err_is_fail(err))
        spawn_abandon(ret);
    free(b);
    return err;
}

errval_t spawn_put_cap(struct spawn_domain *d, cslot_t l1_slot, cslot_t slot, struct capref src)
{
    /* the receiving CNode is not in this CSpace: invoke the new domain's root with a full
     * address */
    return CAP_INVOKE(d->rootcn, CNodeCmd_Copy,
                      .copy = { .dest_slot = KPI_CPTR(l1_slot, slot),
                                .dest_level = 2,
                                .src_root = get_croot_addr(src),
                                .src_cptr = get_cap_addr(src),
                                .src_level = get_cap_level(src) })
        .error;
}

errval_t spawn_put_cnode(struct spawn_domain *d, cslot_t l1_slot, struct capref src)
{
    return cap_copy(foreign(d, l1_slot), src);
}

errval_t spawn_put_devices(struct spawn_domain *d)
{
    static const cslot_t slots[] = { TASKCN_SLOT_IRQSRC, TASKCN_SLOT_IRQ, TASKCN_SLOT_PERF_MON,
                                     TASKCN_SLOT_PROC_MNG, TASKCN_SLOT_DEVMAN };
    errval_t err = SYS_ERR_OK;
    for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]) && err_is_ok(err); i++)
        err = cap_copy(slot_in(d->taskcn, slots[i]), TASK_CAP(slots[i]));
    return err;
}

errval_t spawn_put_ram(struct spawn_domain *d, cslot_t slot, struct capref src, gensize_t offset,
                       gensize_t bytes)
{
    struct capref dest = foreign_slot(d, ROOTCN_SLOT_SUPERCN, slot);
    return cap_retype(dest, src, offset, ObjType_RAM, bytes, 1);
}

errval_t spawn_copy_dispatcher(const struct spawn_domain *d, struct capref slot)
{
    return cap_copy(slot, slot_in(d->taskcn, TASKCN_SLOT_DISPATCHER));
}

static void release(struct spawn_domain *d)
{
    unhang(&d->taskcn);
    unhang(&d->pagecn);
    if (!capref_is_null(d->rootcn) && err_is_ok(cap_delete(d->rootcn)))
        slot_free(d->rootcn);
    d->rootcn = NULL_CAP;
}

errval_t spawn_run(struct spawn_domain *d)
{
    errval_t err = invoke_dispatcher_setup(
        slot_in(d->taskcn, TASKCN_SLOT_DISPATCHER), d->rootcn, slot_in(d->pagecn, 0),
        slot_in(d->taskcn, TASKCN_SLOT_DISPFRAME), true, d->id, TASK_CAP(TASKCN_SLOT_PROC_MNG));
    if (err_is_fail(err))
        return err_push(err, SPAWN_ERR_RUN);
    release(d);
    return SYS_ERR_OK;
}

void spawn_abandon(struct spawn_domain *d)
{
    release(d);
}
