/* SPDX-License-Identifier: MIT
 *
 * The user side of the address space, against a played kernel that keeps real page tables: every
 * invocation must be legal, and what is mapped must be found by a walk.
 */
/* link: guest/user/lib/barrelfish/memory/vspace.c */
#include "fake_dispatcher.h"

#include <barrelfish/barrelfish.h>
#include <stdlib.h>

#include "../../guest/user/lib/barrelfish/dispatch/heap.h"
#include "../../guest/user/lib/barrelfish/memory/ram_priv.h"

#define CAPS 0x20000
#define PAGE 4096ull

/* ---- the kernel ---- */

struct table;
struct entry {
    struct table *table; /* of the next level, or NULL */
    uint64_t phys;       /* of a page, if present */
    bool present, large, writable, executable;
};
struct table {
    struct entry entry[512];
};
struct cap {
    enum objtype type;
    uint64_t base, bytes;
    struct table *table; /* of a VNode */
    capaddr_t mapping;   /* where its mapping capability is; 0: not mapped */
    capaddr_t mapped;    /* of a mapping: the capability mapped */
    struct table *in;    /* of a mapping: where, and which entries */
    unsigned first, count;
};
static struct cap caps[CAPS];
static uint64_t next_frame;
static unsigned ram_failures; /* after so many objects the RAM is used up; 0: never */

static capaddr_t next_slot;
static capaddr_t free_slots[CAPS];
static unsigned free_slot_count, slots_in_use;

errval_t slot_alloc(struct capref *ret)
{
    capaddr_t address = free_slot_count > 0 ? free_slots[--free_slot_count] : next_slot++;

    cr_assert_lt(address, CAPS);
    cr_assert_eq(caps[address].type, ObjType_Null, "slot 0x%x was freed with something in it",
                 address);
    *ret = (struct capref){ .cnode = CNODE_L2(address >> 8), .slot = address & 255 };
    slots_in_use++;
    return SYS_ERR_OK;
}

errval_t slot_free(struct capref cap)
{
    free_slots[free_slot_count++] = get_cap_addr(cap);
    slots_in_use--;
    return SYS_ERR_OK;
}

static struct cap *at(struct capref cap)
{
    return &caps[get_cap_addr(cap)];
}

static bool is_vnode(enum objtype type)
{
    return type == ObjType_VNode_x86_64_pml4 || type == ObjType_VNode_x86_64_pdpt ||
           type == ObjType_VNode_x86_64_pdir || type == ObjType_VNode_x86_64_ptable;
}

static void unmap(capaddr_t mapping)
{
    struct cap *m = &caps[mapping];

    for (unsigned i = 0; i < m->count; i++) {
        cr_assert(m->in->entry[m->first + i].present);
        m->in->entry[m->first + i] = (struct entry){ 0 };
    }
    caps[m->mapped].mapping = 0;
    *m = (struct cap){ 0 };
}

static errval_t kernel_map(struct cap *table, const uintptr_t *arg)
{
    capaddr_t src_address = (capaddr_t)arg[1];
    struct cap *src = &caps[src_address];
    unsigned first = (unsigned)(arg[2] >> 32), count = (unsigned)arg[5];
    capaddr_t mapping = (capaddr_t)((arg[6] & 0xffffff00) | arg[7]);
    bool large = table->type == ObjType_VNode_x86_64_pdir && src->type == ObjType_Frame;
    uint64_t page_bytes = large ? LARGE_PAGE_SIZE : PAGE;

    cr_assert(is_vnode(table->type));
    cr_assert_eq(caps[mapping].type, ObjType_Null, "the mapping's slot is in use");
    cr_assert_neq(src->type, ObjType_Null);
    cr_assert_eq(src->mapping, 0, "a capability can be mapped once");
    cr_assert(count >= 1 && first + count <= 512, "%u entries from %u", count, first);
    if (src->type == ObjType_Frame) {
        cr_assert(large || table->type == ObjType_VNode_x86_64_ptable);
        cr_assert_eq((src->base + arg[4]) % page_bytes, 0);
        cr_assert_leq(arg[4] + count * page_bytes, src->bytes);
    } else {
        cr_assert_eq(src->type, table->type + 2, "a table goes below its parent");
        cr_assert_eq(count, 1);
    }
    for (unsigned i = 0; i < count; i++) {
        struct entry *e = &table->table->entry[first + i];

        cr_assert(!e->present, "entry %u is in use", first + i);
        *e = (struct entry){ .table = src->table,
                             .phys = src->base + arg[4] + i * page_bytes,
                             .present = true,
                             .large = large,
                             .writable = arg[3] & PTABLE_WRITE,
                             .executable = arg[3] & PTABLE_EXECUTE };
    }
    caps[mapping] = (struct cap){ .type = src->type + 1,
                                  .mapped = src_address,
                                  .in = table->table,
                                  .first = first,
                                  .count = count };
    src->mapping = mapping;
    return SYS_ERR_OK;
}

static errval_t kernel_delete(capaddr_t address)
{
    struct cap *cap = &caps[address];

    cr_assert_neq(cap->type, ObjType_Null, "nothing to delete at 0x%x", address);
    if (cap->in != NULL) {
        unmap(address);
        return SYS_ERR_OK;
    }
    if (cap->mapping != 0)
        unmap(cap->mapping);
    *cap = (struct cap){ 0 };
    return SYS_ERR_OK;
}

struct sysret sys_invoke_raw(uint64_t header, uint64_t send, const uintptr_t *word)
{
    capaddr_t cptr = (capaddr_t)(header >> 32);
    unsigned level = header >> 16 & 0xff;
    struct cap *cap = &caps[cptr];

    (void)send;
    if (level == 2 && is_vnode(cap->type)) {
        cr_assert_eq(word[0], VNodeCmd_Map);
        return SYSRET(kernel_map(cap, word + 1));
    }
    if (level == 1) { /* copy into an L2 CNode */
        struct cap *dest = &caps[cptr | word[1]];

        cr_assert_eq(word[0], CNodeCmd_Copy);
        cr_assert_eq(dest->type, ObjType_Null);
        *dest = caps[word[3]];
        dest->mapping = 0;
        return SYSRET(SYS_ERR_OK);
    }
    cr_assert(level == 0 && word[0] == CNodeCmd_Delete, "unexpected invocation");
    return SYSRET(kernel_delete((capaddr_t)word[1]));
}

/* ---- what the library's other parts do ---- */

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    return (void *)(handle + DISP_KERNEL_BUFFER_OFFSET);
}

errval_t cap_identify_mappable(struct capref cap, struct frame_identity *ret)
{
    const struct cap *frame = &caps[get_cap_addr(cap)];

    cr_assert_eq(frame->type, ObjType_Frame);
    *ret = (struct frame_identity){ .base = frame->base, .bytes = frame->bytes };
    return SYS_ERR_OK;
}

errval_t ram_prepare(gensize_t bytes)
{
    (void)bytes;
    return SYS_ERR_OK;
}

static errval_t create(struct capref dest, enum objtype type, uint64_t bytes, uint64_t align)
{
    if (ram_failures > 0 && --ram_failures == 0) {
        ram_failures = 1;
        return LIB_ERR_RAM_ALLOC;
    }
    cr_assert_eq(at(dest)->type, ObjType_Null);
    next_frame = ROUND_UP(next_frame, align);
    *at(dest) = (struct cap){ .type = type, .base = next_frame, .bytes = bytes };
    if (is_vnode(type))
        at(dest)->table = calloc(1, sizeof(struct table));
    next_frame += bytes;
    return SYS_ERR_OK;
}

errval_t vnode_create(struct capref dest, enum objtype type)
{
    return create(dest, type, PAGE, PAGE);
}

errval_t frame_alloc(struct capref *dest, size_t bytes, size_t *retbytes)
{
    cr_assert(err_is_ok(slot_alloc(dest)));
    *retbytes = ROUND_UP(bytes, PAGE);
    return create(*dest, ObjType_Frame, *retbytes, PAGE);
}

/* The layers below have what they need of this test's host. */
void heap_set_source(errval_t (*map)(lvaddr_t address, size_t bytes))
{
    cr_assert_not_null(map);
}

void thread_set_memory(errval_t (*map)(void **ret, size_t bytes, size_t *got))
{
    cr_assert_not_null(map);
}

errval_t cap_destroy(struct capref cap)
{
    errval_t err = cap_delete(cap);

    return err_is_fail(err) ? err : slot_free(cap);
}

void thread_mutex_lock(struct thread_mutex *mutex)
{
    cr_assert_eq(mutex->locked, 0, "the lock is taken twice");
    mutex->locked = 1;
}

void thread_mutex_unlock(struct thread_mutex *mutex)
{
    cr_assert_eq(mutex->locked, 1);
    mutex->locked = 0;
}

/* ---- tests ---- */

static struct cap *root_cap;

static void set_up(void)
{
    fake_reset();
    memset(caps, 0, sizeof(caps));
    next_slot = ROOTCN_SLOT_SLOT_ALLOC0 << 8;
    next_frame = 0x10000000;
    free_slot_count = slots_in_use = ram_failures = 0;
    root_cap = at(cap_vroot);
    *root_cap =
        (struct cap){ .type = ObjType_VNode_x86_64_pml4, .table = calloc(1, sizeof(struct table)) };
    cr_assert(err_is_ok(vspace_init()));
}

/* The physical address behind a virtual one, or 0. */
static uint64_t walk(genvaddr_t address, struct entry *ret)
{
    struct table *table = root_cap->table;

    for (int shift = 39;; shift -= 9) {
        struct entry *e = &table->entry[address >> shift & 511];

        if (!e->present)
            return 0;
        if (shift == 12 || e->large) {
            *ret = *e;
            return e->phys + (address & ((1ull << shift) - 1));
        }
        table = e->table;
    }
}

static struct capref frame(uint64_t bytes, uint64_t align)
{
    struct capref cap;

    cr_assert(err_is_ok(slot_alloc(&cap)));
    cr_assert(err_is_ok(create(cap, ObjType_Frame, bytes, align)));
    return cap;
}

static void expect_mapped(genvaddr_t base, uint64_t bytes, uint64_t phys, bool writable)
{
    struct entry e = { 0 };

    for (uint64_t offset = 0; offset < bytes; offset += PAGE) {
        cr_assert_eq(walk(base + offset, &e), phys + offset, "at offset 0x%lx",
                     (unsigned long)offset);
        cr_assert_eq(e.writable, writable);
    }
}

#define OK(err) cr_assert(err_is_ok(err))

TestSuite(vspace, .init = set_up, .timeout = 120);

Test(vspace, frame_is_found_where_it_was_mapped)
{
    struct capref cap = frame(3 * PAGE, PAGE);
    struct entry e;
    void *va;

    OK(vspace_map_one_frame(&va, 3 * PAGE, cap, NULL, NULL));
    cr_assert_geq((genvaddr_t)va, DOMAIN_OWN_VBASE);
    expect_mapped((genvaddr_t)va, 3 * PAGE, at(cap)->base, true);
    cr_assert_eq(walk((genvaddr_t)va + 3 * PAGE, &e), 0);
    OK(vspace_unmap(va));
    cr_assert_eq(walk((genvaddr_t)va, &e), 0);
    cr_assert_eq(err_no(vspace_unmap(va)), LIB_ERR_VREGION_NOT_FOUND);
}

Test(vspace, rights_are_those_asked_for)
{
    struct capref cap = frame(PAGE, PAGE), code = frame(PAGE, PAGE);
    struct entry e = { 0 };
    void *va;

    OK(vspace_map_one_frame_attr(&va, PAGE, cap, VREGION_FLAGS_READ, NULL, NULL));
    expect_mapped((genvaddr_t)va, PAGE, at(cap)->base, false);
    OK(vspace_map_one_frame_attr(&va, PAGE, code, VREGION_FLAGS_READ_EXECUTE, NULL, NULL));
    cr_assert_neq(walk((genvaddr_t)va, &e), 0);
    cr_assert(e.executable && !e.writable);
}

Test(vspace, region_across_page_tables_maps_copies)
{
    struct capref cap = frame(2000 * PAGE, PAGE);
    unsigned before = slots_in_use, tables;
    void *va;

    OK(vspace_map_one_frame(&va, 2000 * PAGE, cap, NULL, NULL));
    expect_mapped((genvaddr_t)va, 2000 * PAGE, at(cap)->base, true);
    OK(vspace_unmap(va));
    /* copies and mappings are gone, the tables stay */
    tables = 1 + 1 + 4;
    cr_assert_eq(slots_in_use, before + 2 * tables);
    OK(vspace_map_one_frame(&va, 2000 * PAGE, cap, NULL, NULL));
    OK(vspace_unmap(va));
    cr_assert_eq(slots_in_use, before + 2 * tables);
}

Test(vspace, part_of_a_frame)
{
    struct capref cap = frame(10 * PAGE, PAGE);
    void *va;

    OK(vspace_map_frame_offset_attr(&va, 2 * PAGE, cap, 5 * PAGE, VREGION_FLAGS_READ_WRITE, NULL));
    expect_mapped((genvaddr_t)va, 2 * PAGE, at(cap)->base + 5 * PAGE, true);
    cr_assert(err_is_fail(
        vspace_map_frame_offset_attr(&va, PAGE, cap, 100, VREGION_FLAGS_READ_WRITE, NULL)));
}

Test(vspace, large_pages_where_everything_is_aligned)
{
    struct capref cap = frame(3 * LARGE_PAGE_SIZE, LARGE_PAGE_SIZE);
    struct capref unaligned = frame(LARGE_PAGE_SIZE, PAGE);
    struct entry e = { 0 };
    void *va;

    OK(vspace_map_one_frame(&va, 3 * LARGE_PAGE_SIZE, cap, NULL, NULL));
    expect_mapped((genvaddr_t)va, 3 * LARGE_PAGE_SIZE, at(cap)->base, true);
    walk((genvaddr_t)va, &e);
    cr_assert(e.large);
    next_frame += PAGE;
    at(unaligned)->base = next_frame;
    OK(vspace_map_one_frame(&va, LARGE_PAGE_SIZE, unaligned, NULL, NULL));
    expect_mapped((genvaddr_t)va, LARGE_PAGE_SIZE, at(unaligned)->base, true);
    walk((genvaddr_t)va, &e);
    cr_assert(!e.large);
}

Test(vspace, fixed_addresses_are_kept_and_overlaps_refused)
{
    lvaddr_t address = DOMAIN_OWN_VBASE + (1ul << 39) - 2 * PAGE; /* across PML4 entries */
    struct capref cap = frame(4 * PAGE, PAGE), other = frame(PAGE, PAGE);

    OK(vspace_map_one_frame_fixed(address, 4 * PAGE, cap, NULL, NULL));
    expect_mapped(address, 4 * PAGE, at(cap)->base, true);
    cr_assert(err_is_fail(vspace_map_one_frame_fixed(address + PAGE, PAGE, other, NULL, NULL)));
    cr_assert(err_is_fail(vspace_map_one_frame_fixed(address - 8, PAGE, other, NULL, NULL)));
    cr_assert(err_is_fail(vspace_map_one_frame_fixed(0x400000, PAGE, other, NULL, NULL)),
              "the spawner's part is not ours");
    OK(vspace_map_one_frame_fixed(address - PAGE, PAGE, other, NULL, NULL));
}

Test(vspace, anonymous_memory_goes_with_its_region)
{
    unsigned before;
    size_t bytes;
    void *va;

    OK(vspace_map_anon_attr(&va, NULL, NULL, 5000, &bytes, VREGION_FLAGS_READ_WRITE));
    cr_assert_eq(bytes, 2 * PAGE);
    OK(vspace_unmap(va));
    before = slots_in_use;
    OK(vspace_map_anon_attr(&va, NULL, NULL, 5000, NULL, VREGION_FLAGS_READ_WRITE));
    OK(vspace_unmap(va));
    cr_assert_eq(slots_in_use, before);
}

Test(vspace, failure_half_way_leaves_nothing_behind)
{
    for (unsigned failing = 1; failing <= 6; failing++) {
        struct capref cap = frame(2000 * PAGE, PAGE);
        struct entry e;
        void *va;

        ram_failures = failing; /* the n-th table cannot be made */
        errval_t err = vspace_map_one_frame(&va, 2000 * PAGE, cap, NULL, NULL);
        ram_failures = 0;
        if (err_is_ok(err)) {
            OK(vspace_unmap(va)); /* the tables of earlier rounds were enough */
            continue;
        }
        cr_assert_eq(at(cap)->mapping, 0);
        for (genvaddr_t a = DOMAIN_OWN_VBASE; a < DOMAIN_OWN_VBASE + 4000 * PAGE; a += PAGE)
            cr_assert_eq(walk(a, &e), 0);
        OK(vspace_map_one_frame(&va, PAGE, cap, NULL, NULL));
        OK(vspace_unmap(va));
    }
}

#define REGIONS 40

/* Random maps and unmaps: regions never overlap and always show their frame. */
Test(vspace, random_maps_and_unmaps)
{
    struct {
        struct capref cap;
        void *va;
        uint64_t bytes;
    } region[REGIONS] = { 0 };
    unsigned random = 1;

    for (unsigned step = 0; step < 3000; step++) {
        random = random * 1103515245 + 12345;
        unsigned i = (random >> 16) % REGIONS;

        if (region[i].va != NULL) {
            expect_mapped((genvaddr_t)region[i].va, region[i].bytes, at(region[i].cap)->base, true);
            OK(vspace_unmap(region[i].va));
            cr_assert_eq(at(region[i].cap)->mapping, 0);
            region[i].va = NULL;
            continue;
        }
        random = random * 1103515245 + 12345;
        unsigned pages = 1 + (random >> 16) % ((random >> 8) % 8 == 0 ? 1500 : 20);
        if (region[i].bytes != 0)
            OK(cap_destroy(region[i].cap));
        region[i].bytes = pages * PAGE;
        region[i].cap = frame(region[i].bytes, PAGE);
        OK(vspace_map_one_frame(&region[i].va, region[i].bytes, region[i].cap, NULL, NULL));
        for (unsigned j = 0; j < REGIONS; j++) {
            genvaddr_t a = (genvaddr_t)region[i].va, b = (genvaddr_t)region[j].va;

            cr_assert(j == i || b == 0 || a + region[i].bytes + PAGE <= b ||
                          b + region[j].bytes + PAGE <= a,
                      "regions overlap or touch");
        }
    }
}
