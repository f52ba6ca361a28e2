/* SPDX-License-Identifier: MIT
 *
 * Page faults in regions of memory objects are served here, by the thread that touched the page.
 */
#include <barrelfish/barrelfish.h>

#include "../dispatch/faults.h"
#include "../dispatch/threads_priv.h"
#include "vspace_priv.h"

static bool covers(lvaddr_t address)
{
    return reserved_around(address) != NULL;
}

static errval_t serve(lvaddr_t address, enum pagefault_exception_type access)
{
    static const vm_fault_type_t fault_type[] = { [PAGEFLT_READ] = VM_FAULT_READ,
                                                  [PAGEFLT_WRITE] = VM_FAULT_WRITE,
                                                  [PAGEFLT_EXEC] = VM_FAULT_EXECUTE };
    struct vregion *vregion = reserved_around(address);

    if (vregion == NULL)
        return LIB_ERR_VREGION_NOT_FOUND;
    /* A region that all dispatchers see is filled by one: the thread goes there, and comes back. */
    const coreid_t here = disp_get_core_id();
    const bool elsewhere = here != vregion->core && (vregion->flags & VREGION_FLAGS_PRIVATE) == 0;
    errval_t err = elsewhere ? thread_move_to(thread_self(), vregion->core) : SYS_ERR_OK;
    if (err_is_fail(err))
        return err;
    err = vregion->memobj->f.pagefault(vregion->memobj, vregion,
                                       ROUND_DOWN(address - vregion->base, BASE_PAGE_SIZE),
                                       fault_type[access]);
    errval_t back = elsewhere ? thread_move_to(thread_self(), here) : SYS_ERR_OK;
    return err_is_fail(err) ? err : back;
}

void paging_init(void)
{
    static const struct pager pager = { .covers = covers, .serve = serve };

    disp_set_pager(&pager);
}
