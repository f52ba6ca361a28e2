/* SPDX-License-Identifier: MIT
 *
 * What ump_chan.c calls and a test of channels alone does not need: threads that block, the address
 * space, the monitor.  Included by one file of each program.
 */
#ifndef FAKE_UMP_H
#define FAKE_UMP_H

#include <barrelfish/barrelfish.h>
#include <criterion/criterion.h>

void *thread_block_disabled(dispatcher_handle_t handle, struct thread **queue)
{
    (void)handle, (void)queue;
    cr_assert_fail("nobody blocks here");
    return NULL;
}

void thread_unblock_disabled(dispatcher_handle_t handle, struct thread **queue,
                             struct thread *thread, void *reason)
{
    (void)handle, (void)queue, (void)thread, (void)reason;
    cr_assert_fail("nobody is blocked");
}

errval_t vspace_map_one_frame_attr(void **ret, size_t bytes, struct capref frame,
                                   vregion_flags_t flags, struct memobj **memobj,
                                   struct vregion **vregion)
{
    (void)ret, (void)bytes, (void)flags, (void)frame, (void)memobj, (void)vregion;
    return LIB_ERR_MALLOC_FAIL;
}

errval_t vspace_unmap(const void *buf)
{
    (void)buf;
    return SYS_ERR_OK;
}

errval_t cap_destroy(struct capref cap)
{
    (void)cap;
    return SYS_ERR_OK;
}

#endif
