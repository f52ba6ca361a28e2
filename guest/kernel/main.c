/* SPDX-License-Identifier: MIT
 *
 * Start of the CPU driver on one core.
 *
 * Whoever started the core loaded this image, private to the core, and left the boot information
 * whose physical address comes in RDI; page tables are final.  So start-up is short: descriptor
 * tables, the first domain (startup.c), dispatch.
 */
#include "arch.h"
#include "cspace.h"
#include "dispatch.h"
#include "objects/objects.h"
#include "plat.h"
#include "schedule.h"
#include "startup.h"

const struct abi_boot *boot_info;
coreid_t my_core_id;

void __attribute__((noreturn)) kernel_main(uint64_t boot_paddr);

/* The menu's line for this image; the monitor that starts a core hands it on. */
static const char *command_line(void)
{
    for (unsigned i = 0; i < boot_info->region_count; i++) {
        const struct abi_region *region = &boot_info->region[i];
        if (region->type == ABI_REGION_MODULE && (region->flags & ABI_REGION_FLAG_KERNEL))
            return (const char *)boot_info + region->cmdline;
    }
    return "";
}

/* Where the machine finds the databases, if it is to check them. */
static void tell_databases(void)
{
    _Static_assert(sizeof(struct abi_slot) == sizeof(struct cte) &&
                       offsetof(struct abi_slot, type) == offsetof(struct cte, cap.type) &&
                       offsetof(struct abi_slot, word) == offsetof(struct cte, cap.u) &&
                       offsetof(struct abi_slot, left) == offsetof(struct cte, node.left) &&
                       offsetof(struct abi_slot, level) == offsetof(struct cte, node.level) &&
                       offsetof(struct abi_slot, owner) == offsetof(struct cte, node.owner),
                   "struct abi_slot");
    _Static_assert(ABI_CAP_PHYSADDR == ObjType_PhysAddr && ABI_CAP_RAM == ObjType_RAM &&
                       ABI_CAP_MEMORY_TYPES == (0
#define CAP_TYPE(name, memory, bytes, mapping, copy) | ((memory) == 1 ? 1ul << ObjType_##name : 0ul)
#include <barrelfish_kpi/caps.def>
                                                ),
                   "types of memory");
    CORE_PAGE->databases[ABI_DATABASE_HERE] = (uint64_t)&kernel_mdb.root;
    CORE_PAGE->databases[ABI_DATABASE_KEPT] = (uint64_t)&kernel_remote_mdb.root;
}

void kernel_main(uint64_t boot_paddr)
{
    boot_info = phys_to_mem(paddr(boot_paddr));
    my_core_id = (coreid_t)boot_info->core;
    plat_init();
    CORE_PAGE->phase = ABI_PHASE_KERNEL;
    if (boot_info->magic != ABI_BOOT_MAGIC || boot_info->version != ABI_BOOT_VERSION)
        panic("boot information is not of version %d", ABI_BOOT_VERSION);
    arch_init();
    syscall_init();
    trace_line("CPU driver on core %u: image at %lx, %lu KiB, system calls enter %s",
               boot_info->core, boot_info->kernel_paddr, boot_info->kernel_bytes / 1024,
               boot_info->flags & ABI_BOOT_SYSCALL_FAULTS ? "by page fault" : "natively");
    arch_tell_protection();
    schedule_options(command_line());
    notify_init();
    irq_init();
    tell_databases();
    startup_first_domain(boot_paddr);
    dispatch_next();
}
