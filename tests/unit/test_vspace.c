/* SPDX-License-Identifier: MIT
 *
 * The user side of the address space, against a played kernel that keeps real page tables: every
 * invocation must be legal, and what is mapped must be found by a walk.
 */
/* link: guest/user/lib/barrelfish/memory/vspace.c guest/user/lib/barrelfish/memory/mappings.c */
/* link: guest/user/lib/barrelfish/memory/page_tables.c */
/* link: guest/user/lib/barrelfish/memory/reserved.c */
/* link: guest/user/lib/barrelfish/memory/vregion.c */
/* link: guest/user/lib/barrelfish/memory/memobj.c */
/* link: guest/user/lib/barrelfish/memory/pmap.c guest/user/lib/barrelfish/memory/paging.c */
#include "fake_dispatcher.h"

#include <barrelfish/barrelfish.h>
#include <stdlib.h>

#include "../../guest/user/lib/barrelfish/dispatch/faults.h"
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
static bool has_huge_pages;

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

/* From entry to entry of a table, if a frame lies there. */
static uint64_t page_bytes_in(enum objtype table)
{
    return table == ObjType_VNode_x86_64_pdpt   ? HUGE_PAGE_SIZE
           : table == ObjType_VNode_x86_64_pdir ? LARGE_PAGE_SIZE
                                                : PAGE;
}

static errval_t kernel_map(struct cap *table, const uintptr_t *arg)
{
    capaddr_t src_address = (capaddr_t)arg[1];
    struct cap *src = &caps[src_address];
    unsigned first = (unsigned)(arg[2] >> 32), count = (unsigned)arg[5];
    capaddr_t mapping = (capaddr_t)((arg[6] & 0xffffff00) | arg[7]);
    uint64_t page_bytes = page_bytes_in(table->type);
    bool large = page_bytes > PAGE && src->type == ObjType_Frame;

    cr_assert(is_vnode(table->type));
    cr_assert_eq(caps[mapping].type, ObjType_Null, "the mapping's slot is in use");
    cr_assert_neq(src->type, ObjType_Null);
    cr_assert_eq(src->mapping, 0, "a capability can be mapped once");
    cr_assert(count >= 1 && first + count <= 512, "%u entries from %u", count, first);
    if (src->type == ObjType_Frame) {
        cr_assert(table->type != ObjType_VNode_x86_64_pml4);
        if (page_bytes == HUGE_PAGE_SIZE && !has_huge_pages)
            return SYS_ERR_VM_NO_HUGE_PAGES;
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
    for (unsigned i = 0; cap->table != NULL && i < 512; i++)
        cr_assert(!cap->table->entry[i].present, "something is mapped in the table that goes");
    free(cap->table);
    *cap = (struct cap){ 0 };
    return SYS_ERR_OK;
}

static errval_t kernel_modify(const struct cap *mapping, const uintptr_t *arg)
{
    cr_assert_leq(arg[0] + arg[1], mapping->count);
    for (uintptr_t i = arg[0]; i < arg[0] + arg[1]; i++) {
        struct entry *e = &mapping->in->entry[mapping->first + i];

        cr_assert(e->present);
        e->writable = arg[2] & PTABLE_WRITE;
        e->executable = arg[2] & PTABLE_EXECUTE;
    }
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
    if (level == 2) {
        cr_assert(cap->in != NULL && word[0] == MappingCmd_Modify);
        return SYSRET(kernel_modify(cap, word + 1));
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

void ram_return_free(gensize_t keep)
{
    cr_assert_gt(keep, 0);
}

errval_t ram_alloc(struct capref *ret, uint8_t bits)
{
    cr_assert(err_is_ok(slot_alloc(ret)));
    errval_t err = create(*ret, ObjType_RAM, 1ull << bits, 1ull << bits);

    if (err_is_fail(err))
        slot_free(*ret);
    return err;
}

errval_t cap_retype(struct capref dest, struct capref src, gensize_t offset, enum objtype type,
                    gensize_t bytes, size_t count)
{
    cr_assert(count == 1 && at(dest)->type == ObjType_Null && offset + bytes <= at(src)->bytes);
    *at(dest) = (struct cap){ .type = type, .base = at(src)->base + offset, .bytes = bytes };
    return SYS_ERR_OK;
}

coreid_t disp_get_core_id(void)
{
    return 0;
}

errval_t thread_move_to(struct thread *thread, coreid_t core)
{
    (void)thread;
    cr_assert_fail("there is no core %u", core);
    return SYS_ERR_OK;
}

static const struct pager *pager;

void disp_set_pager(const struct pager *given)
{
    pager = given;
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

void thread_mutex_init(struct thread_mutex *mutex)
{
    *mutex = (struct thread_mutex)THREAD_MUTEX_INITIALIZER;
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
    has_huge_pages = false;
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
    /* copies and mappings are gone, and all tables but one of each level */
    tables = 1 + 1 + 1;
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

Test(vspace, tables_go_with_what_was_mapped_in_them)
{
    const unsigned before = slots_in_use;

    for (unsigned i = 0; i < 20; i++) {
        lvaddr_t address = DOMAIN_OWN_VBASE + i * (37ul << 30);
        struct capref cap = frame(PAGE, PAGE);

        OK(vspace_map_one_frame_fixed(address, PAGE, cap, NULL, NULL));
        expect_mapped(address, PAGE, at(cap)->base, true);
        OK(vspace_unmap((void *)address));
        OK(cap_destroy(cap));
        cr_assert_eq(slots_in_use, before + 6, "one table of each level is kept");
    }
}

Test(vspace, huge_pages_where_the_processor_has_them)
{
    struct entry e = { 0 };
    void *va;

    for (int has = 0; has < 2; has++) {
        struct capref cap = frame(2 * HUGE_PAGE_SIZE, HUGE_PAGE_SIZE);

        has_huge_pages = has;
        OK(vspace_map_one_frame_attr_aligned(&va, 2 * HUGE_PAGE_SIZE, cap,
                                             VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_HUGE,
                                             HUGE_PAGE_SIZE, NULL, NULL));
        cr_assert_eq(walk((genvaddr_t)va + 5 * LARGE_PAGE_SIZE, &e),
                     at(cap)->base + 5 * LARGE_PAGE_SIZE);
        struct pmap_mapping_info info;
        OK(get_current_pmap()->f.lookup(get_current_pmap(), (genvaddr_t)va, &info));
        cr_assert_eq(info.page_size, has ? HUGE_PAGE_SIZE : LARGE_PAGE_SIZE);
        OK(vspace_unmap(va));
    }
}

Test(vspace, anonymous_memory_of_large_pages)
{
    struct entry e = { 0 };
    size_t bytes;
    void *va;

    OK(vspace_map_anon_attr(&va, NULL, NULL, PAGE, &bytes,
                            VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_LARGE));
    cr_assert_eq(bytes, LARGE_PAGE_SIZE);
    cr_assert(walk((genvaddr_t)va, &e) != 0 && e.large);
    cr_assert_eq(err_no(vspace_protect(va, PAGE, VREGION_FLAGS_READ)), SYS_ERR_VM_MAP_SIZE);
    OK(vspace_protect(va, LARGE_PAGE_SIZE, VREGION_FLAGS_READ));
    walk((genvaddr_t)va, &e);
    cr_assert(!e.writable);
}

/* ---- rights of parts of a region ---- */

#define PARTS 24

static vregion_flags_t random_rights(void)
{
    return rand() % 2 != 0 ? VREGION_FLAGS_READ_WRITE : VREGION_FLAGS_READ;
}

/* What the library notes is what the page tables have, whatever was asked for in what order. */
Test(vspace, rights_of_parts_are_noted_as_they_are_mapped)
{
    struct vspace_piece piece[4];
    struct vspace_rights change[PARTS];
    vregion_flags_t wanted[PARTS];
    struct capref cap = frame(PARTS * PAGE, PAGE);
    void *va;

    srand(7);
    OK(vspace_map_one_frame(&va, PARTS * PAGE, cap, NULL, NULL));
    for (unsigned i = 0; i < PARTS; i++)
        wanted[i] = VREGION_FLAGS_READ_WRITE;
    for (unsigned round = 0; round < 3000; round++) {
        const unsigned first = (unsigned)rand() % PARTS;
        const unsigned count = 1 + (unsigned)rand() % (PARTS - first);
        const vregion_flags_t flags = random_rights();
        struct vspace_list list = { piece, change, 0, 4, 0, PARTS };
        vregion_flags_t listed[PARTS];

        OK(vspace_protect((char *)va + first * PAGE, count * PAGE, flags));
        for (unsigned i = first; i < first + count; i++)
            wanted[i] = flags;
        cr_assert(vspace_list_shared(&list));
        for (unsigned i = 0; i < PARTS; i++)
            listed[i] = piece[list.pieces - 1].flags;
        for (size_t c = 0; c < list.changes; c++) {
            cr_assert(c == 0 || change[c].base >= change[c - 1].base + change[c - 1].bytes);
            for (genvaddr_t at = change[c].base; at < change[c].base + change[c].bytes; at += PAGE)
                listed[(at - (genvaddr_t)va) / PAGE] = change[c].flags;
        }
        for (unsigned i = 0; i < PARTS; i++) {
            struct entry e = { 0 };

            walk((genvaddr_t)va + i * PAGE, &e);
            cr_assert_eq(listed[i], wanted[i], "page %u, round %u", i, round);
            cr_assert_eq(e.writable, (wanted[i] & VREGION_FLAGS_WRITE) != 0);
        }
    }
    OK(vspace_unmap(va));
    OK(cap_destroy(cap));
}

/* ---- regions of memory objects ---- */

static struct memobj_anon anon;
static struct vregion region;

/* A thread touches an address: true if it goes on. */
static bool touch(genvaddr_t address, enum pagefault_exception_type access)
{
    struct entry e = { 0 };

    if (walk(address, &e) != 0 && (access == PAGEFLT_READ || e.writable))
        return true;
    return pager->covers(address) && err_is_ok(pager->serve(address, access));
}

static void map_anon(size_t pages, vregion_flags_t flags)
{
    OK(memobj_create_anon(&anon, pages * PAGE, 0));
    OK(vregion_map(&region, get_current_vspace(), &anon.m, 0, pages * PAGE, flags));
}

Test(vspace, pages_that_are_touched_are_mapped)
{
    const unsigned before = slots_in_use;
    struct entry e;

    map_anon(1000, VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_GUARD);
    const genvaddr_t base = vregion_get_base_addr(&region);
    cr_assert_eq(slots_in_use, before, "nothing is allocated before");
    cr_assert(touch(base + 999 * PAGE + 5, PAGEFLT_WRITE));
    cr_assert(walk(base + 999 * PAGE, &e) != 0 && walk(base + 998 * PAGE, &e) == 0);
    cr_assert(!touch(base - 1, PAGEFLT_READ) && !touch(base + 1000 * PAGE, PAGEFLT_READ));
    cr_assert(!touch(base, PAGEFLT_EXEC), "it was not mapped to be executed");
    OK(vregion_destroy(&region));
    cr_assert(!touch(base + 999 * PAGE, PAGEFLT_READ));
    OK(memobj_destroy_anon(&anon.m));
    cr_assert_eq(slots_in_use, before + 6);
}

Test(vspace, large_pages_on_demand)
{
    struct entry e = { 0 };

    map_anon(1024 + 3, VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_LARGE);
    const genvaddr_t base = vregion_get_base_addr(&region);
    cr_assert_eq(base % LARGE_PAGE_SIZE, 0);
    cr_assert(touch(base + 700 * PAGE, PAGEFLT_READ) && touch(base + 1025 * PAGE, PAGEFLT_READ));
    cr_assert(walk(base + 512 * PAGE, &e) != 0 && e.large);
    cr_assert(walk(base + 1025 * PAGE, &e) != 0 && !e.large);
    cr_assert_eq(walk(base, &e), 0);
    OK(vregion_destroy(&region));
    OK(memobj_destroy_anon(&anon.m));
}

Test(vspace, nobody_else_gets_a_reserved_range)
{
    map_anon(100, VREGION_FLAGS_READ_WRITE);
    for (unsigned i = 0; i < 50; i++) {
        struct capref cap = frame(PAGE, PAGE);
        void *va;

        OK(vspace_map_one_frame(&va, PAGE, cap, NULL, NULL));
        cr_assert((genvaddr_t)va >= region.base + region.size ||
                  (genvaddr_t)va + PAGE <= region.base);
    }
    struct capref cap = frame(PAGE, PAGE);
    cr_assert(
        err_is_fail(vspace_map_one_frame_fixed(region.base + 50 * PAGE, PAGE, cap, NULL, NULL)));
    static struct memobj_anon second;
    static struct vregion other;
    OK(memobj_create_anon(&second, PAGE, 0));
    cr_assert(err_is_fail(vregion_map_fixed(&other, NULL, &second.m, 0, PAGE, region.base, 0)));
    OK(vregion_destroy(&region));
    OK(vregion_map_fixed(&other, NULL, &second.m, 0, PAGE, region.base, VREGION_FLAGS_READ));
    OK(vregion_destroy(&other));
}

#define MODEL_PAGES 24

/* Random touches, rights, pins and fills of a region, against what each page should be. */
Test(vspace, random_pages_of_a_region)
{
    struct {
        bool filled, mapped;
        unsigned pins;
        vregion_flags_t rights;
    } page[MODEL_PAGES] = { 0 };
    unsigned random = 7;
    const unsigned before = slots_in_use;

    map_anon(MODEL_PAGES, VREGION_FLAGS_READ_WRITE);
    for (unsigned i = 0; i < MODEL_PAGES; i++)
        page[i].rights = VREGION_FLAGS_READ_WRITE;
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1103515245 + 12345;
        const unsigned i = (random >> 16) % MODEL_PAGES, what = (random >> 8) % 6;
        const unsigned count = 1 + (random >> 24) % (MODEL_PAGES - i);
        struct capref cap;
        struct entry e = { 0 };

        if (what < 2) {
            const enum pagefault_exception_type access = what == 0 ? PAGEFLT_READ : PAGEFLT_WRITE;
            const bool may =
                page[i].rights & (what == 0 ? VREGION_FLAGS_READ : VREGION_FLAGS_WRITE);

            cr_assert_eq(touch(region.base + i * PAGE, access), may, "step %u", step);
            page[i].filled |= may;
            page[i].mapped |= may;
        } else if (what == 2) {
            const vregion_flags_t rights = (random >> 20) % 3 == 0   ? VREGION_FLAGS_NONE
                                           : (random >> 20) % 3 == 1 ? VREGION_FLAGS_READ
                                                                     : VREGION_FLAGS_READ_WRITE;

            OK(anon.m.f.protect(&anon.m, &region, i * PAGE, count * PAGE, rights));
            for (unsigned j = i; j < i + count; j++) {
                page[j].rights = rights;
                page[j].mapped &= rights != VREGION_FLAGS_NONE;
            }
        } else if (what == 3) {
            errval_t err = anon.m.f.unfill(&anon.m, i * PAGE, &cap, NULL);

            cr_assert_eq(err_no(err), !page[i].filled    ? LIB_ERR_MEMOBJ_UNFILL_TOO_HIGH
                                      : page[i].pins > 0 ? LIB_ERR_MEMOBJ_PINNED
                                                         : SYS_ERR_OK);
            if (err_is_ok(err)) {
                OK(cap_destroy(cap));
                page[i].filled = page[i].mapped = false;
            }
        } else if (what == 4 && page[i].rights != VREGION_FLAGS_NONE) {
            OK(anon.m.f.pin(&anon.m, &region, i * PAGE, PAGE));
            page[i].pins++;
            page[i].filled = page[i].mapped = true;
        } else if (what == 5) {
            OK(anon.m.f.unpin(&anon.m, &region, i * PAGE, PAGE));
            page[i].pins -= page[i].pins > 0;
        }
        for (unsigned j = 0; j < MODEL_PAGES; j++) {
            cr_assert_eq(walk(region.base + j * PAGE, &e) != 0, page[j].mapped, "step %u page %u",
                         step, j);
            if (page[j].mapped)
                cr_assert_eq(e.writable, (page[j].rights & VREGION_FLAGS_WRITE) != 0, "step %u",
                             step);
        }
    }
    OK(vregion_destroy(&region));
    OK(memobj_destroy_anon(&anon.m));
    cr_assert_eq(slots_in_use, before + 6);
}

Test(vspace, a_page_that_cannot_be_had_is_an_error)
{
    for (unsigned failing = 1; failing <= 5; failing++) {
        OK(memobj_create_anon(&anon, 8 * PAGE, 0));
        OK(vregion_map_fixed(&region, NULL, &anon.m, 0, 8 * PAGE,
                             DOMAIN_OWN_VBASE + failing * (1ul << 39), VREGION_FLAGS_READ_WRITE));
        ram_failures = failing;
        bool had = touch(region.base + PAGE, PAGEFLT_READ);
        ram_failures = 0;
        cr_assert_eq(had, failing == 5, "a frame and three tables");
        cr_assert(touch(region.base + PAGE, PAGEFLT_READ));
        OK(vregion_destroy(&region));
        OK(memobj_destroy_anon(&anon.m));
    }
}
