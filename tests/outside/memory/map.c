#include <barrelfish/barrelfish.h>
#include <barrelfish/memobj.h>
#include <barrelfish/vregion.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct capref frame;
    size_t bytes;
    void *aligned, *anon;
    struct memobj *memobj;
    struct vregion *vregion;

    errval_t err = frame_alloc(&frame, LARGE_PAGE_SIZE, &bytes);
    assert(err_is_ok(err));
    err = vspace_map_one_frame_attr_aligned(&aligned, bytes, frame, VREGION_FLAGS_READ_WRITE,
                                            4 * LARGE_PAGE_SIZE, &memobj, &vregion);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "aligned");
    assert((uintptr_t)aligned % (4 * LARGE_PAGE_SIZE) == 0);
    assert(vregion_get_base_addr(vregion) == (genvaddr_t)(uintptr_t)aligned);
    assert(vregion_get_size(vregion) == bytes && vregion_get_memobj(vregion) == memobj);
    memset(aligned, 0x5a, bytes);
    err = vregion_destroy(vregion);
    assert(err_is_ok(err));

    size_t retbytes = 0;
    vs_prot_flags_t flags = VREGION_FLAGS_READ_WRITE;
    err = vspace_map_anon_attr(&anon, &memobj, &vregion, 3 * BASE_PAGE_SIZE, &retbytes, flags);
    assert(err_is_ok(err) && retbytes >= 3 * BASE_PAGE_SIZE);
    for (size_t i = 0; i < retbytes; i++)
        assert(((char *)anon)[i] == 0);
    err = vspace_unmap(anon);
    assert(err_is_ok(err));
    err = vspace_unmap(anon);
    assert(err_is_fail(err));
    assert(
        err_is_fail(vspace_map_one_frame_attr_aligned(&anon, 4096, frame, flags, 100, NULL, NULL)));

    /* memory of large pages, and memory that comes when it is touched */
    struct pmap_mapping_info info;
    struct pmap *pmap = get_current_pmap();
    err = vspace_map_anon_attr(&anon, NULL, NULL, BASE_PAGE_SIZE, &retbytes,
                               flags | VREGION_FLAGS_LARGE);
    assert(err_is_ok(err) && retbytes == LARGE_PAGE_SIZE);
    err = pmap->f.lookup(pmap, (genvaddr_t)(uintptr_t)anon, &info);
    assert(err_is_ok(err) && info.page_size == LARGE_PAGE_SIZE);
    memset(anon, 1, retbytes);
    assert(err_is_ok(vspace_unmap(anon)));

    static struct memobj_anon object;
    static struct vregion region;
    err = memobj_create_anon(&object, 1ul << 30, 0);
    assert(err_is_ok(err));
    err = vregion_map(&region, get_current_vspace(), &object.m, 0, 1ul << 30, flags);
    assert(err_is_ok(err)); /* more than the machine has */
    for (size_t at = 0; at < 1ul << 30; at += 77ul << 20)
        *(volatile char *)(vregion_get_base_addr(&region) + at) = 1;
    assert(err_is_ok(vregion_destroy(&region)));
    assert(err_is_ok(memobj_destroy_anon(&object.m)));
    printf("mem_map: passed\n");
    return 0;
}
