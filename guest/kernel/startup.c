/* SPDX-License-Identifier: MIT
 *
 * The first domain of the core, made by the CPU driver itself (overview 1.7, facts §5.1).
 *
 * Its image was unpacked by whoever started the core; here it gets a CSpace with the well-known
 * slots of barrelfish_kpi/init.h, an address space, a dispatcher, and capabilities to everything
 * the core was given: free RAM, UMP window, modules, the Kernel capability.  Objects come from the
 * scratch range of the boot information, which is zeroed; what is left of it becomes RAM.
 */
#include "startup.h"

#include <barrelfish_kpi/init.h>

#include "cspace.h"
#include "dispatch.h"
#include "objects/objects.h"
#include "schedule.h"

static uint64_t scratch_next, scratch_end;

/* Zeroed, physically contiguous, aligned to `align` (a power of two). */
static uint64_t take(uint64_t bytes, uint64_t align)
{
    uint64_t base = (scratch_next + align - 1) & ~(align - 1);
    if (base + bytes > scratch_end)
        panic("scratch memory exhausted: %lu bytes were given", boot_info->scratch_bytes);
    scratch_next = base + bytes;
    return base;
}

static void put_memory(struct capability *cnode, unsigned slot, unsigned type, uint64_t base,
                       uint64_t bytes, unsigned rights, unsigned owner)
{
    struct cte *cte = cnode_slot(cnode, slot);
    if (slot >= cnode_slots(cnode) || cte->cap.type != ObjType_Null)
        panic("first domain: slot %u is taken or does not exist", slot);
    struct capability cap = { .type = (uint8_t)type, .rights = (uint8_t)rights };
    cap.u.mem.base = base;
    cap.u.mem.bytes = bytes;
    if (err_is_fail(cap_insert_given(cte, &cap, (coreid_t)owner)))
        panic("first domain: memory at 0x%lx overlaps", base);
}

static struct capability *put_cnode_with(struct capability *root, unsigned slot, unsigned rights)
{
    put_memory(root, slot, ObjType_L2CNode, take(OBJSIZE_L2CNODE, ABI_PAGE_BYTES), OBJSIZE_L2CNODE,
               rights, my_core_id);
    return &cnode_slot(root, slot)->cap;
}

static struct capability *put_cnode(struct capability *root, unsigned slot)
{
    return put_cnode_with(root, slot, CAPRIGHTS_ALLRIGHTS);
}

/* ---- address space ---- */

static uint64_t *next_table(uint64_t *table, unsigned index)
{
    if (table[index] == 0)
        table[index] =
            take(OBJSIZE_VNODE, ABI_PAGE_BYTES) | ABI_PTE_PRESENT | ABI_PTE_WRITE | ABI_PTE_USER;
    return phys_to_mem(paddr(table[index] & ~0xfffull));
}

static void map(uint64_t pml4, uint64_t vaddr, uint64_t base, uint64_t bytes, uint64_t flags)
{
    uint64_t *ptable = NULL;
    for (uint64_t off = 0; off < bytes; off += ABI_PAGE_BYTES) {
        uint64_t va = vaddr + off;
        if (ptable == NULL || (va >> 12 & 511) == 0) {
            uint64_t *pdpt = next_table(phys_to_mem(paddr(pml4)), va >> 39 & 511);
            uint64_t *pdir = next_table(pdpt, va >> 30 & 511);
            ptable = next_table(pdir, va >> 21 & 511);
        }
        ptable[va >> 12 & 511] = (base + off) | flags | ABI_PTE_PRESENT | ABI_PTE_USER;
    }
}

static void map_image(uint64_t pml4)
{
    for (unsigned i = 0; i < boot_info->segment_count; i++) {
        const struct abi_segment *s = &boot_info->segment[i];
        uint64_t flags = 0;
        if (s->flags & ABI_SEGMENT_W)
            flags |= ABI_PTE_WRITE;
        if (!(s->flags & ABI_SEGMENT_X))
            flags |= ABI_PTE_NX;
        if (s->vaddr + s->bytes > DOMAIN_OWN_VBASE)
            panic("first domain: segment at %lx lies outside the image range", s->vaddr);
        map(pml4, s->vaddr, s->paddr, s->bytes, flags);
    }
}

/* ---- capabilities of the core ---- */

static void put_regions(struct capability *root)
{
    struct capability *super = put_cnode(root, ROOTCN_SLOT_SUPERCN);
    struct capability *windows = put_cnode(root, ROOTCN_SLOT_WINDOWCN);
    /* one CNode for all that start programs: nobody takes anything out of it, or puts it there */
    struct capability *modules = put_cnode_with(
        root, ROOTCN_SLOT_MODULECN, CAPRIGHTS_ALLRIGHTS & ~(CAPRIGHTS_WRITE | CAPRIGHTS_REVOKE));
    struct capability *task = &cnode_slot(root, ROOTCN_SLOT_TASKCN)->cap;
    unsigned ram = 0, module = 0;
    const unsigned read_only =
        CAPRIGHTS_READ | CAPRIGHTS_EXECUTE | CAPRIGHTS_GRANT | CAPRIGHTS_IDENTIFY;
    for (unsigned i = 0; i < boot_info->region_count; i++) {
        const struct abi_region *r = &boot_info->region[i];
        switch (r->type) {
        case ABI_REGION_RAM:
            put_memory(super, ram++, ObjType_RAM, r->base, r->bytes, CAPRIGHTS_ALLRIGHTS,
                       my_core_id);
            break;
        case ABI_REGION_WINDOW:
            put_memory(windows, r->node, ObjType_Frame, r->base, r->bytes, CAPRIGHTS_ALLRIGHTS,
                       my_core_id);
            break;
        case ABI_REGION_MODULE: /* the same memory on all cores; core 0 owns it */
            put_memory(modules, module++, ObjType_Frame, r->base, r->bytes, read_only, 0);
            break;
        case ABI_REGION_URPC:
            put_memory(task, TASKCN_SLOT_MON_URPC, ObjType_Frame, r->base, r->bytes,
                       CAPRIGHTS_ALLRIGHTS, boot_info->boot_core);
            break;
        default:
            break;
        }
    }
    /* the rest of the scratch range */
    uint64_t rest = (scratch_next + ABI_PAGE_BYTES - 1) & ~(uint64_t)(ABI_PAGE_BYTES - 1);
    if (rest < scratch_end)
        put_memory(super, ram, ObjType_RAM, rest, scratch_end - rest, CAPRIGHTS_ALLRIGHTS,
                   my_core_id);
}

static const char *first_domain_name(void)
{
    return boot_info->core == boot_info->boot_core ? "init" : "monitor";
}

static void set_up_frame(struct dispatcher_shared *disp)
{
    const char *name = first_domain_name();
    for (unsigned i = 0; name[i] != '\0'; i++)
        disp->name[i] = name[i];
    disp->udisp = DOMAIN_DISPFRAME_VBASE;
    disp->upcall_stack = DOMAIN_DISPFRAME_VBASE + DISPATCHER_FRAME_BYTES - 16;
    struct registers_x86_64 *area = &disp->disabled_save_area;
    area->rip = boot_info->init_entry;
    area->rdi = DOMAIN_DISPFRAME_VBASE;
    area->rsi = DOMAIN_ARGS_VBASE;
    area->rsp = disp->upcall_stack;
    area->eflags = RFLAGS_IF | RFLAGS_RESERVED1;
    memcpy(area->fxsave_area, clean_area.fxsave_area, sizeof(area->fxsave_area));
}

/* Capabilities that name no memory, of which the first domain has the first copy. */
static void put_names(struct capability *task)
{
    static const struct {
        uint8_t slot, type;
    } names[] = {
        { TASKCN_SLOT_IRQ, ObjType_IRQTable },
        { TASKCN_SLOT_PERF_MON, ObjType_PerfMon },
        { TASKCN_SLOT_IPI, ObjType_IPI },
        { TASKCN_SLOT_IRQSRC, ObjType_IRQSrc },
        { TASKCN_SLOT_PROC_MNG, ObjType_ProcessManager },
        { TASKCN_SLOT_DEVMAN, ObjType_DeviceIDManager },
    };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct capability cap = { .type = names[i].type, .rights = CAPRIGHTS_ALLRIGHTS };
        if (cap.type == ObjType_IRQSrc)
            cap.u.irqsrc.count = IRQ_LINES;
        cap_insert_new(cnode_slot(task, names[i].slot), &cap, my_core_id);
    }
}

/* What the first domain is made of; physical addresses. */
struct first_domain {
    uint64_t dispatcher, disp_frame, args, pml4;
    uint64_t boot, boot_bytes; /* the boot information */
};

static void make_address_space(const struct first_domain *d)
{
    vnode_init_root(d->pml4);
    map_image(d->pml4);
    map(d->pml4, DOMAIN_DISPFRAME_VBASE, d->disp_frame, DISPATCHER_FRAME_BYTES,
        ABI_PTE_WRITE | ABI_PTE_NX);
    map(d->pml4, DOMAIN_ARGS_VBASE, d->args, SPAWN_ARGS_BYTES, ABI_PTE_WRITE | ABI_PTE_NX);
    map(d->pml4, DOMAIN_BOOTINFO_VBASE, d->boot, d->boot_bytes, ABI_PTE_NX);
}

static void fill_task_cnode(struct capability *task, const struct first_domain *d)
{
    put_memory(task, TASKCN_SLOT_DISPATCHER, ObjType_Dispatcher, d->dispatcher, OBJSIZE_DISPATCHER,
               CAPRIGHTS_ALLRIGHTS, my_core_id);
    put_memory(task, TASKCN_SLOT_DISPFRAME, ObjType_Frame, d->disp_frame, DISPATCHER_FRAME_BYTES,
               CAPRIGHTS_ALLRIGHTS, my_core_id);
    put_memory(task, TASKCN_SLOT_ARGSPAGE, ObjType_Frame, d->args, SPAWN_ARGS_BYTES,
               CAPRIGHTS_ALLRIGHTS, my_core_id);
    put_memory(task, TASKCN_SLOT_BOOTINFO, ObjType_Frame, d->boot, d->boot_bytes,
               CAPRIGHTS_READ | CAPRIGHTS_GRANT | CAPRIGHTS_IDENTIFY, my_core_id);
    struct capability kernel_cap = { .type = ObjType_Kernel, .rights = CAPRIGHTS_ALLRIGHTS };
    cap_insert_new(cnode_slot(task, TASKCN_SLOT_KERNELCAP), &kernel_cap, my_core_id);
    put_names(task);
    struct capability io_cap = { .type = ObjType_IO, .rights = CAPRIGHTS_ALLRIGHTS };
    io_cap.u.io.end = 0xffff;
    cap_insert_new(cnode_slot(task, TASKCN_SLOT_IO), &io_cap, my_core_id);
}

/* The root lies in the DCB and in the task CNode. */
static void make_cspace(struct dcb *dcb, const struct first_domain *d)
{
    struct capability root_cap = { .type = ObjType_L1CNode, .rights = CAPRIGHTS_ALLRIGHTS };
    root_cap.u.mem.base = take(OBJSIZE_L2CNODE, ABI_PAGE_BYTES);
    root_cap.u.mem.bytes = OBJSIZE_L2CNODE;
    cap_insert_new(&dcb->cspace, &root_cap, my_core_id);
    struct capability *root = &dcb->cspace.cap;

    struct capability *task = put_cnode(root, ROOTCN_SLOT_TASKCN);
    cap_copy_to(cnode_slot(task, TASKCN_SLOT_SELF), cnode_slot(root, ROOTCN_SLOT_TASKCN));
    cap_copy_to(cnode_slot(task, TASKCN_SLOT_ROOTCN), &dcb->cspace);
    fill_task_cnode(task, d);

    struct capability *pages = put_cnode(root, ROOTCN_SLOT_PAGECN);
    put_memory(pages, 0, ObjType_VNode_x86_64_pml4, d->pml4, OBJSIZE_VNODE, CAPRIGHTS_ALLRIGHTS,
               my_core_id);
    put_cnode(root, ROOTCN_SLOT_SLOT_ALLOC0);
    put_cnode(root, ROOTCN_SLOT_BASE_PAGE_CN);
    cap_copy_to_dcb(&dcb->vspace, cnode_slot(pages, 0));
    cap_copy_to_dcb(&dcb->disp_frame, cnode_slot(task, TASKCN_SLOT_DISPFRAME));
}

static void make_dispatcher(struct dcb *dcb, const struct first_domain *d)
{
    dcb->head.cr3 = d->pml4;
    dcb->disp = phys_to_mem(paddr(d->disp_frame));
    set_up_frame(dcb->disp);
    dcb->udisp = DOMAIN_DISPFRAME_VBASE;
    memcpy(dcb->head.name, dcb->disp->name, sizeof(dcb->head.name));
    dcb->head.disp_frame = d->disp_frame;
    dcb->head.disabled = 1;
    dcb->disp->disabled = 1;
    dcb->disp->curr_core_id = my_core_id;
    dcb->disp->tsc_hz = boot_info->tsc_hz;
    struct spawn_domain_params *params = phys_to_mem(paddr(d->args));
    params->bootinfo = DOMAIN_BOOTINFO_VBASE;
}

void startup_first_domain(uint64_t boot_paddr)
{
    scratch_next = boot_info->scratch_paddr;
    scratch_end = scratch_next + boot_info->scratch_bytes;

    struct first_domain d = { .boot = boot_paddr };
    d.dispatcher = take(ABI_PAGE_BYTES, ABI_PAGE_BYTES);
    d.disp_frame = take(DISPATCHER_FRAME_BYTES, DISPATCHER_FRAME_BYTES);
    d.args = take(SPAWN_ARGS_BYTES, ABI_PAGE_BYTES);
    d.pml4 = take(OBJSIZE_VNODE, ABI_PAGE_BYTES);
    d.boot_bytes = (boot_info->boot_bytes + ABI_PAGE_BYTES - 1) & ~(uint64_t)(ABI_PAGE_BYTES - 1);

    struct dcb *dcb = phys_to_mem(paddr(d.dispatcher));
    make_address_space(&d);
    make_cspace(dcb, &d);
    make_dispatcher(dcb, &d);
    put_regions(&dcb->cspace.cap); /* last: what is left of the scratch range is the domain's */
    dispatcher_update_complete(dcb);
    schedule_make_runnable(dcb);
}
