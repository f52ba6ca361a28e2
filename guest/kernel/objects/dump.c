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

/* Empty entries or slots that one entry looks at, and after how many it does not begin a line. */
#define LOOKS_MAX 30
#define LOOKS_BEFORE_LINE 1

static struct sysret again(uint64_t progress)
{
    return (struct sysret){ .error = KERNEL_AGAIN, .value = progress };
}

/* ---- page tables ---- */

#define LEVELS 4
#define ENTRIES 512

#define RUN_MAX 64 /* entries of one line */

/* The entry that maps `page`, or the highest one that maps nothing; *level: of its table, 0 the
 * lowest. */
static const uint64_t *entry_of(uint64_t cr3, uint64_t page, unsigned *level)
{
    const uint64_t *entry = NULL;
    for (*level = LEVELS; *level > 0;) {
        --*level;
        entry = (const uint64_t *)phys_to_mem(paddr(cr3)) + (page >> 9 * *level & (ENTRIES - 1));
        if (!(*entry & ABI_PTE_PRESENT) || *level == 0 || (*entry & ABI_PTE_LARGE))
            break;
        cr3 = *entry & PTE_ADDRESS;
    }
    return entry;
}

/* How many entries from here on, in this table, map the memory that follows in the same way. */
static uint64_t run_length(const uint64_t *entry, uint64_t left, uint64_t bytes)
{
    const uint64_t marks = 0x60; /* accessed, dirty */
    uint64_t run = 1;
    LOOP_BOUND(same, RUN_MAX);
    while (run < left && run < RUN_MAX &&
           (entry[run] & ~marks) == (entry[0] & ~marks) + run * bytes) {
        LOOP_ROUND(same);
        run++;
    }
    return run;
}

static void say(const struct dcb *dcb, uint64_t page, uint64_t entry, uint64_t bytes, uint64_t run)
{
    printk("%s: %lx maps %lx, %lu pages of %lu KiB%s%s", dcb->head.name, page * ABI_PAGE_BYTES,
           (uint64_t)(entry & PTE_ADDRESS & ~(bytes - 1)), run, bytes / 1024,
           entry & ABI_PTE_WRITE ? ", writable" : "", entry & ABI_PTE_NX ? "" : ", executable");
}

struct sysret dump_page_tables(const struct dcb *dcb, uint64_t page)
{
    const uint64_t end = USER_END / ABI_PAGE_BYTES;
    if (dcb->head.cr3 == 0)
        return SYSRET(SYS_ERR_DISP_VSPACE_INVALID);
    LOOP_BOUND(looks, LOOKS_MAX);
    for (unsigned looked = 0; page < end && looked < LOOKS_MAX; looked++) {
        LOOP_ROUND(looks);
        unsigned level;
        const uint64_t *entry = entry_of(dcb->head.cr3, page, &level), step = 1ull << 9 * level;
        uint64_t run = 1;
        page &= ~(step - 1);
        if (*entry & ABI_PTE_PRESENT) {
            if (looked >= LOOKS_BEFORE_LINE)
                return again(page);
            run = run_length(entry, ENTRIES - (page / step & (ENTRIES - 1)), step * ABI_PAGE_BYTES);
            say(dcb, page, *entry, step * ABI_PAGE_BYTES, run);
            looked = LOOKS_MAX;
        }
        page += run * step;
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
    if (root->type != ObjType_L1CNode)
        return SYSRET(SYS_ERR_DISP_CSPACE_INVALID);
    LOOP_BOUND(looks, LOOKS_MAX);
    for (unsigned looked = 0; looked < LOOKS_MAX; looked++, at++) {
        LOOP_ROUND(looks);
        uint64_t l1 = at >> L2_CNODE_BITS;
        struct cte *slot;
        const struct capability *part = cspace_root_part(root, &l1);
        if (l1 >= cnode_slots(part))
            return SYSRET(SYS_ERR_OK);
        errval_t err = cspace_lookup_slot(root, (capaddr_t)at, 2, &slot);
        if (err_is_fail(err)) { /* no CNode there */
            at |= L2_CNODE_SLOTS - 1;
            continue;
        }
        if (slot->cap.type == ObjType_Null)
            continue;
        if (looked >= LOOKS_BEFORE_LINE)
            return again(at);
        printk("%s: slot %lx: %s %lx %lx rights %x", dcb->head.name, at, type_names[slot->cap.type],
               cap_base(&slot->cap), cap_bytes(&slot->cap), slot->cap.rights);
        looked = LOOKS_MAX;
    }
    return again(at);
}
