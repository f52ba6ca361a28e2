/* SPDX-License-Identifier: MIT
 *
 * libtest: regions of memory objects, page faults that are served, rights, page tables that go.
 */
#include <string.h>

#include "libtest.h"

#define PAGE BASE_PAGE_SIZE

static struct {
    struct vregion *region;
    volatile unsigned count;
    volatile int subtype;
    void *volatile address;
} faults;

/* Makes what has faulted writable: the access is made again. */
static void allow(enum exception_type type, int subtype, void *addr, arch_registers_state_t *regs)
{
    struct memobj *memobj = vregion_get_memobj(faults.region);
    const genvaddr_t offset = (genvaddr_t)addr - vregion_get_base_addr(faults.region);

    (void)regs;
    CHECK(type == EXCEPT_PAGEFAULT);
    faults.count++;
    faults.subtype = subtype;
    faults.address = addr;
    CHECK_OK(memobj->f.protect(memobj, faults.region, ROUND_DOWN(offset, PAGE), PAGE,
                               VREGION_FLAGS_READ_WRITE));
}

/* Reads one byte from RBX, which is set to a good place. */
static char fallback = 'f';
static void divert(enum exception_type type, int subtype, void *addr, arch_registers_state_t *regs)
{
    (void)subtype;
    CHECK(type == EXCEPT_PAGEFAULT);
    faults.count++;
    faults.address = addr;
    regs->rbx = (uint64_t)&fallback;
}

static char read_byte(const void *address)
{
    char value;

    __asm__ volatile("movb (%%rbx), %0" : "=q"(value) : "b"(address) : "memory");
    return value;
}

static void handle_faults(exception_handler_fn handler, struct vregion *region)
{
    faults.region = region;
    faults.count = 0;
    CHECK_OK(thread_set_exception_handler(handler, NULL, NULL, NULL, NULL, NULL));
}

static bool is_mapped(const volatile void *address)
{
    struct pmap *pmap = get_current_pmap();
    struct pmap_mapping_info info;
    errval_t err = pmap->f.lookup(pmap, (genvaddr_t)address, &info);

    CHECK(err_is_ok(err) || err_no(err) == LIB_ERR_PMAP_FIND_VNODE);
    return err_is_ok(err);
}

/* ---- anonymous ---- */

#define ANON_PAGES 700 /* across page tables */

static void move_page(struct memobj *m, struct vregion *region, volatile char *memory)
{
    struct capref frame;
    genvaddr_t offset;

    CHECK_OK(m->f.pin(m, region, 5 * PAGE, 2 * PAGE));
    CHECK(is_mapped(memory + 5 * PAGE) && is_mapped(memory + 6 * PAGE));
    CHECK(err_no(m->f.unfill(m, 5 * PAGE, &frame, NULL)) == LIB_ERR_MEMOBJ_PINNED);
    CHECK_OK(m->f.unpin(m, region, 5 * PAGE, 2 * PAGE));
    memory[5 * PAGE + 9] = 'm';
    CHECK_OK(m->f.unfill(m, 5 * PAGE + 8, &frame, &offset));
    CHECK(offset == 5 * PAGE && !is_mapped(memory + 5 * PAGE));
    CHECK(err_no(m->f.unfill(m, 5 * PAGE, &frame, NULL)) == LIB_ERR_MEMOBJ_UNFILL_TOO_HIGH);
    CHECK_OK(m->f.fill(m, 100 * PAGE, frame, PAGE));
    CHECK(!is_mapped(memory + 100 * PAGE));
    CHECK(memory[100 * PAGE + 9] == 'm' && memory[5 * PAGE + 9] == 0);
}

/* Pages are written by the handler's leave, and read again without it. */
static void change_rights(struct memobj *m, struct vregion *region, volatile char *memory)
{
    memory[40 * PAGE] = 'a';
    handle_faults(allow, region);
    CHECK_OK(m->f.protect(m, region, 40 * PAGE, 2 * PAGE, VREGION_FLAGS_READ));
    CHECK(memory[40 * PAGE] == 'a' && memory[41 * PAGE] == 0 && faults.count == 0);
    memory[40 * PAGE] = 'b';
    CHECK(faults.count == 1 && faults.subtype == PAGEFLT_WRITE &&
          faults.address == memory + 40 * PAGE);
    memory[41 * PAGE] = 'c';
    CHECK(faults.count == 2 && memory[40 * PAGE] == 'b' && memory[41 * PAGE] == 'c');
    CHECK_OK(vspace_protect((char *)memory + 40 * PAGE, 2 * PAGE, VREGION_FLAGS_NONE));
    CHECK(!is_mapped(memory + 40 * PAGE));
    memory[40 * PAGE + 1] = 'd';
    CHECK(faults.count == 3 && memory[40 * PAGE] == 'b');
    handle_faults(NULL, NULL);
}

static void test_anonymous(void)
{
    static struct memobj_anon anon;
    static struct vregion region, second;
    struct memobj *m = &anon.m;
    struct capref taken[4];
    size_t count;

    CHECK(err_no(memobj_create_anon(&anon, 100, 0)) == ERR_INVALID_ARGS);
    CHECK_OK(memobj_create_anon(&anon, ANON_PAGES * PAGE, 0));
    CHECK_OK(vregion_map(&region, get_current_vspace(), m, 0, ANON_PAGES * PAGE,
                         VREGION_FLAGS_READ_WRITE));
    CHECK(err_no(err_pop(vregion_map(&second, NULL, m, 0, PAGE, 0))) ==
          LIB_ERR_MEMOBJ_VREGION_ALREADY_MAPPED);
    volatile char *memory = (char *)vregion_get_base_addr(m->vregion);
    for (unsigned page = 0; page < ANON_PAGES; page += 69) {
        CHECK(!is_mapped(memory + page * PAGE));
        CHECK(memory[page * PAGE + 7] == 0);
        memory[page * PAGE + 7] = (char)page;
        CHECK(is_mapped(memory + page * PAGE) && !is_mapped(memory + (page + 1) * PAGE));
    }
    for (unsigned page = 0; page < ANON_PAGES; page += 69)
        CHECK(memory[page * PAGE + 7] == (char)page);
    move_page(m, &region, memory);
    change_rights(m, &region, memory);
    CHECK_OK(m->f.pager_free(m, 3 * PAGE, taken, 4, &count));
    CHECK(count == 3 && !is_mapped(memory) && memory[7] == 0);
    while (count > 0)
        CHECK_OK(cap_destroy(taken[--count]));
    CHECK(err_no(memobj_destroy_anon(m)) == LIB_ERR_MEMOBJ_VREGION_ALREADY_MAPPED);
    CHECK_OK(vspace_unmap((char *)memory));
    CHECK(!is_mapped(memory));
    CHECK_OK(memobj_destroy_anon(m));
}

/* ---- frames that a program gives ---- */

static void test_one_frame(void)
{
    static struct memobj_one_frame one;
    static struct vregion region;
    struct memobj *m = &one.m;
    struct capref frame, other;
    genvaddr_t at = DOMAIN_OWN_VBASE + (5ul << 30);
    char *memory = (char *)at;

    CHECK_OK(frame_alloc(&frame, 6 * PAGE, NULL));
    CHECK_OK(memobj_create_one_frame(&one, 4 * PAGE, 0));
    CHECK_OK(vregion_map_fixed(&region, get_current_vspace(), m, PAGE, 2 * PAGE, at,
                               VREGION_FLAGS_READ_WRITE | VREGION_FLAGS_GUARD));
    handle_faults(divert, &region);
    CHECK(read_byte(memory) == 'f' && faults.count == 1); /* nothing is there yet */
    CHECK_OK(m->f.fill_foff(m, 0, frame, 6 * PAGE, PAGE));
    CHECK(err_no(err_pop(m->f.fill(m, 0, frame, PAGE))) == LIB_ERR_MEMOBJ_WRONG_OFFSET);
    CHECK(read_byte(memory) == 0 && faults.count == 1);
    CHECK(read_byte(memory + 2 * PAGE - 1) == 0 && faults.count == 1);
    CHECK(read_byte(memory - 1) == 'f' && read_byte(memory + 2 * PAGE) == 'f' && faults.count == 3);
    CHECK_OK(m->f.pagefault(m, &region, PAGE, VM_FAULT_WRITE));
    CHECK(err_no(m->f.pagefault(m, &region, PAGE, VM_FAULT_EXECUTE)) == LIB_ERR_MEMOBJ_PROTECT);
    CHECK(err_no(m->f.pagefault(m, &region, 2 * PAGE, 0)) == LIB_ERR_MEMOBJ_WRONG_OFFSET);
    /* guard pages are nobody's */
    CHECK_OK(slot_alloc(&other));
    CHECK_OK(cap_copy(other, frame));
    CHECK(err_is_fail(vspace_map_one_frame_fixed(at - PAGE, PAGE, other, NULL, NULL)));
    CHECK(err_is_fail(vspace_map_one_frame_fixed(at + 2 * PAGE, PAGE, other, NULL, NULL)));
    CHECK_OK(cap_destroy(other));
    handle_faults(NULL, NULL);
    CHECK_OK(vregion_destroy(&region));
    CHECK_OK(memobj_destroy_one_frame(m));
    CHECK_OK(slot_alloc(&frame)); /* the object's frame went with it */
    CHECK_OK(slot_free(frame));
}

static void test_given_frames(void)
{
    static struct memobj_pinned pinned;
    static struct memobj_fixed fixed;
    static struct vregion region;
    struct capref frame;

    CHECK_OK(memobj_create_pinned(&pinned, 8 * PAGE, 0));
    CHECK_OK(vregion_map_aligned(&region, NULL, &pinned.m, 0, 8 * PAGE, VREGION_FLAGS_READ_WRITE,
                                 64 * PAGE));
    CHECK(region.base % (64 * PAGE) == 0);
    CHECK_OK(frame_alloc(&frame, 2 * PAGE, NULL));
    CHECK_OK(pinned.m.f.fill(&pinned.m, 3 * PAGE, frame, 2 * PAGE));
    CHECK(is_mapped((char *)region.base + 4 * PAGE) && !is_mapped((char *)region.base));
    CHECK(err_no(pinned.m.f.pin(&pinned.m, &region, 0, PAGE)) == LIB_ERR_MEMOBJ_NOT_FILLED);
    CHECK_OK(vregion_destroy(&region));
    CHECK_OK(memobj_destroy_pinned(&pinned.m));

    CHECK(err_no(memobj_create_fixed(&fixed, 8 * PAGE, 0, 3, 2 * PAGE)) == ERR_INVALID_ARGS);
    CHECK_OK(memobj_create_fixed(&fixed, 8 * PAGE, 0, 4, 2 * PAGE));
    CHECK_OK(vregion_map(&region, NULL, &fixed.m, 0, 8 * PAGE, VREGION_FLAGS_READ_WRITE));
    CHECK_OK(frame_alloc(&frame, 2 * PAGE, NULL));
    CHECK(err_no(err_pop(fixed.m.f.fill(&fixed.m, PAGE, frame, 2 * PAGE))) ==
          LIB_ERR_MEMOBJ_WRONG_OFFSET);
    CHECK_OK(fixed.m.f.fill(&fixed.m, 2 * PAGE, frame, 2 * PAGE));
    *(volatile char *)(region.base + 3 * PAGE) = 1;
    CHECK_OK(vregion_destroy(&region));
    CHECK_OK(memobj_destroy_fixed(&fixed.m));
}

/* ---- by addresses ---- */

static void test_pmap(void)
{
    struct pmap *pmap = get_current_pmap();
    struct pmap_mapping_info info;
    struct capref frame;
    genvaddr_t at;
    size_t bytes;

    CHECK_OK(frame_alloc(&frame, 4 * PAGE, NULL));
    CHECK_OK(pmap->f.determine_addr_raw(pmap, 4 * PAGE, 8 * PAGE, &at));
    CHECK(at % (8 * PAGE) == 0);
    CHECK_OK(pmap->f.map(pmap, at, frame, PAGE, 3 * PAGE, VREGION_FLAGS_READ_WRITE, NULL, &bytes));
    CHECK(bytes == 3 * PAGE);
    *(volatile char *)(at + 2 * PAGE) = 7;
    CHECK_OK(pmap->f.lookup(pmap, at + PAGE, &info));
    CHECK(capcmp(info.cap, frame) && info.offset == PAGE && info.base == at &&
          info.size == 3 * PAGE && info.flags == VREGION_FLAGS_READ_WRITE &&
          info.page_size == PAGE);
    handle_faults(divert, NULL);
    CHECK_OK(pmap->f.modify_flags(pmap, at + PAGE, 2 * PAGE, VREGION_FLAGS_READ, &bytes));
    CHECK(bytes == 2 * PAGE && read_byte((char *)at + 2 * PAGE) == 7 && faults.count == 0);
    CHECK(err_no(err_pop(pmap->f.unmap(pmap, at, 2 * PAGE, NULL))) == LIB_ERR_VREGION_NOT_FOUND);
    CHECK_OK(pmap->f.unmap(pmap, at, 3 * PAGE, &bytes));
    CHECK(bytes == 3 * PAGE && read_byte((char *)at) == 'f' && faults.count == 1);
    CHECK(err_is_fail(pmap->f.modify_flags(pmap, at, PAGE, VREGION_FLAGS_READ, NULL)));
    handle_faults(NULL, NULL);
    CHECK_OK(cap_destroy(frame));
}

/* Page tables go with what was mapped in them: far apart, so that each mapping has its own. */
static void test_tables_go(void)
{
    size_t before = 0, after;

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 6; i++) {
            const lvaddr_t at = DOMAIN_OWN_VBASE + (8ul << 30) + i * (3ul << 30);
            struct capref frame;

            CHECK_OK(frame_alloc(&frame, PAGE, NULL));
            CHECK_OK(vspace_map_one_frame_fixed(at, PAGE, frame, NULL, NULL));
            *(volatile char *)at = 1;
            CHECK_OK(vspace_unmap((void *)at));
            CHECK_OK(cap_destroy(frame));
        }
        CHECK_OK(sys_debug_get_mdb_size(&after));
        CHECK(round == 0 || after == before);
        before = after;
    }
}

/* More than a machine has is mapped in turn: what was unmapped is used again, and what is free goes
 * back when a larger piece is wanted. */
static void test_memory_returns(void)
{
    for (unsigned round = 0; round < 120; round++) {
        const size_t bytes = (1 + round % 3) * (512 << 10);
        void *memory;

        CHECK_OK(vspace_map_anon_attr(&memory, NULL, NULL, bytes, NULL, VREGION_FLAGS_READ_WRITE));
        CHECK(((volatile char *)memory)[bytes - 1] == 0);
        ((volatile char *)memory)[bytes - 1] = 1;
        CHECK_OK(vspace_unmap(memory));
    }
}

void test_regions(void)
{
    test_anonymous();
    test_one_frame();
    test_given_frames();
    test_pmap();
    test_tables_go();
    test_memory_returns();
}
