/* SPDX-License-Identifier: MIT
 *
 * What would give the frames of a memory object away while somebody can reach them is noticed.  How
 * objects work with a kernel below them is seen in test_vspace.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "../../guest/user/lib/barrelfish/memory/memobj.c"

/* Nothing here maps. */
void thread_mutex_init(struct thread_mutex *mutex)
{
    (void)mutex;
}

void thread_mutex_lock(struct thread_mutex *mutex)
{
    (void)mutex;
}

void thread_mutex_unlock(struct thread_mutex *mutex)
{
    (void)mutex;
}

struct vspace *vspace_here(void)
{
    return NULL;
}

errval_t vspace_frame_alloc(struct capref *frame, size_t bytes, vregion_flags_t flags,
                            size_t *ret_bytes)
{
    (void)frame, (void)bytes, (void)flags, (void)ret_bytes;
    return LIB_ERR_VSPACE_NO_SPACE;
}

errval_t vspace_map_reserved(genvaddr_t address, size_t bytes, struct capref frame, size_t offset,
                             vregion_flags_t flags)
{
    (void)address, (void)bytes, (void)frame, (void)offset, (void)flags;
    return LIB_ERR_VSPACE_NO_SPACE;
}

errval_t vspace_unmap_reserved(genvaddr_t address)
{
    (void)address;
    return SYS_ERR_OK;
}

errval_t vspace_protect_mapped(genvaddr_t address, size_t bytes, vregion_flags_t flags)
{
    (void)address, (void)bytes, (void)flags;
    return SYS_ERR_OK;
}

struct region *vspace_region_at(const struct vspace *v, genvaddr_t address)
{
    (void)v, (void)address;
    return NULL;
}

static unsigned destroyed;

errval_t cap_destroy(struct capref cap)
{
    (void)cap;
    destroyed++;
    return SYS_ERR_OK;
}

static struct memobj_anon anon;

static void fill_page(size_t page)
{
    const struct capref frame = { .cnode = CNODE_L2(1), .slot = (cslot_t)page };
    errval_t err = anon.m.f.fill(&anon.m, page * BASE_PAGE_SIZE, frame, BASE_PAGE_SIZE);

    cr_assert(err_is_ok(err));
}

static void set_up(void)
{
    cr_assert(err_is_ok(memobj_create_anon(&anon, 4 * BASE_PAGE_SIZE, 0)));
    fill_page(0);
    fill_page(2);
}

TestSuite(memobj, .init = set_up);

Test(memobj, its_frames_go_with_it)
{
    cr_assert(err_is_ok(memobj_destroy_anon(&anon.m)));
    cr_assert_eq(destroyed, 2);
}

/* As after a region that let go of the object without unmapping it. */
Test(memobj, a_frame_that_is_mapped_does_not_go, .signal = SIGABRT)
{
    piece_at(&anon.m, 2 * BASE_PAGE_SIZE)->mapped_at = 1ull << 40;
    memobj_destroy_anon(&anon.m);
}

/* As of a caller that has not asked may_lie(). */
Test(memobj, no_page_has_two_frames, .signal = SIGABRT)
{
    add_piece(&anon.m, BASE_PAGE_SIZE, NULL_CAP, 2 * BASE_PAGE_SIZE, 0);
}
