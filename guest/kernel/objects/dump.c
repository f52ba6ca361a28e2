/* SPDX-License-Identifier: MIT
 *
 * What a dispatcher has, on the console: its page tables and its CSpace.
 *
 * A line costs more than anything else that the CPU driver does, and a table has 512 entries, so a
 * call says a line or looks at a few hundred slots, and is made again from where it stopped: a
 * virtual page, or an address in the CSpace.  What changes between two entries is shown as it is
 * when its turn comes.
 */
#include "delete.h"
#include "objects.h"

#define COST_LOOK 8
#define COST_LINE 3000

static struct sysret again(uint64_t progress)
{
    return (struct sysret){ .error = KERNEL_AGAIN, .value = progress };
}

/* ---- page tables ---- */

#define LEVELS 4
#define ENTRIES 512

/* The entry that maps `page`, or the highest one that maps nothing; *level: of its table, 0 the
 * lowest. */
static uint64_t entry_of(uint64_t cr3, uint64_t page, unsigned *level)
{
    uint64_t table = cr3, entry = 0;
    for (*level = LEVELS; *level > 0;) {
        --*level;
        entry = ((const uint64_t *)phys_to_mem(paddr(table)))[page >> 9 * *level & (ENTRIES - 1)];
        if (!(entry & ABI_PTE_PRESENT) || *level == 0 || (entry & ABI_PTE_LARGE))
            break;
        table = entry & PTE_ADDRESS;
    }
    return entry;
}

struct sysret dump_page_tables(const struct dcb *dcb, uint64_t page)
{
    const uint64_t end = USER_END / ABI_PAGE_BYTES;
    int left = WORK_OF_A_CALL;
    if (dcb->cr3 == 0)
        return SYSRET(SYS_ERR_DISP_VSPACE_INVALID);
    LOOP_BOUND(looks, WORK_OF_A_CALL / COST_LOOK);
    while (page < end && left > 0) {
        LOOP_ROUND(looks);
        unsigned level;
        const uint64_t entry = entry_of(dcb->cr3, page, &level), step = 1ull << 9 * level;
        left -= LEVELS * COST_LOOK;
        if (entry & ABI_PTE_PRESENT) {
            if (left < COST_LINE && left < WORK_OF_A_CALL - LEVELS * COST_LOOK)
                return again(page);
            printk("%s: %lx maps %lx, %lu KiB%s%s", dcb->head.name, page * ABI_PAGE_BYTES,
                   (uint64_t)(entry & PTE_ADDRESS & ~(step * ABI_PAGE_BYTES - 1)), 4 * step,
                   entry & ABI_PTE_WRITE ? ", writable" : "",
                   entry & ABI_PTE_NX ? "" : ", executable");
            left = 0;
        }
        page = (page & ~(step - 1)) + step;
    }
    return page < end ? again(page) : SYSRET(SYS_ERR_OK);
}

/* ---- CSpace ---- */

static const char *const type_names[] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) #name,
#include <barrelfish_kpi/caps.def>
};

struct sysret dump_cspace(struct dcb *dcb, uint64_t at)
{
    struct capability *root = &dcb->cspace.cap;
    int left = WORK_OF_A_CALL;
    if (root->type != ObjType_L1CNode)
        return SYSRET(SYS_ERR_DISP_CSPACE_INVALID);
    LOOP_BOUND(looks, WORK_OF_A_CALL / COST_LOOK);
    while (left > 0) {
        LOOP_ROUND(looks);
        uint64_t l1 = at >> L2_CNODE_BITS;
        struct cte *slot;
        left -= 8 * COST_LOOK;
        const struct capability *part = cspace_root_part(root, &l1);
        if (l1 >= cnode_slots(part))
            return SYSRET(SYS_ERR_OK);
        errval_t err = cspace_lookup_slot(root, (capaddr_t)at, 2, &slot);
        if (err_is_fail(err)) { /* no CNode there */
            at = (at | (L2_CNODE_SLOTS - 1)) + 1;
            continue;
        }
        if (slot->cap.type != ObjType_Null) {
            if (left < COST_LINE && left < WORK_OF_A_CALL - 8 * COST_LOOK)
                return again(at);
            printk("%s: slot %lx: %s %lx %lx rights %x", dcb->head.name, at,
                   type_names[slot->cap.type], cap_base(&slot->cap), cap_bytes(&slot->cap),
                   slot->cap.rights);
            left = 0;
        }
        at++;
    }
    return again(at);
}
