/* SPDX-License-Identifier: MIT
 *
 * <sys/mman.h> over the address space: a region of its own for each mmap.
 */
#include <sys/mman.h>

#include <barrelfish/barrelfish.h>
#include <errno.h>

static vregion_flags_t rights_of(int protection)
{
    return (protection & PROT_READ ? VREGION_FLAGS_READ : 0) |
           (protection & PROT_WRITE ? VREGION_FLAGS_READ_WRITE : 0) |
           (protection & PROT_EXEC ? VREGION_FLAGS_READ_EXECUTE : 0);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
    const vregion_flags_t rights = rights_of(protection);
    void *memory;

    (void)address, (void)file, (void)offset;
    if (!(flags & MAP_ANONYMOUS)) {
        errno = ENODEV;
        return MAP_FAILED;
    }
    if (bytes == 0 || (flags & MAP_FIXED) || rights == 0) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    errval_t err = vspace_map_anon_attr(&memory, NULL, NULL, bytes, NULL, rights);
    if (err_is_fail(err)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return memory;
}

int munmap(void *address, size_t bytes)
{
    (void)bytes;
    if (err_is_fail(vspace_unmap(address))) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

int mprotect(void *address, size_t bytes, int protection)
{
    const vregion_flags_t rights = rights_of(protection);
    errval_t err = rights != 0 ? vspace_protect(address, bytes, rights) : SYS_ERR_VM_MAP_RIGHTS;

    if (err_is_ok(err))
        return 0;
    errno = err_no(err) == SYS_ERR_VM_MAP_SIZE         ? EINVAL
            : err_no(err) == LIB_ERR_VREGION_NOT_FOUND ? ENOMEM
                                                       : EACCES;
    return -1;
}
