/* SPDX-License-Identifier: MIT
 *
 * A thread goes on with another dispatcher of its domain: through that one's list of arrivals
 * (spanned.h), with registers, stack and thread-local storage where they are.
 */
#include <assert.h>
#include <barrelfish/domain_dispatchers.h>

#include "threads_priv.h"
#include "wait_note.h"

errval_t thread_move_to(struct thread *thread, coreid_t core)
{
    if (core != disp_get_core_id() &&
        (core >= DOMAIN_CORES_MAX || domain_dispatchers[core].handle == 0))
        return LIB_ERR_NO_SPANNED_DISP;
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    if (thread->handle != handle || thread->state != THREAD_RUNNABLE) {
        disp_enable(handle);
        return ERR_INVALID_ARGS;
    }
    if (thread->core == core) {
        disp_enable(handle);
        return SYS_ERR_OK;
    }
    thread_dequeue(thread, &disp->runq);
    wait_note_end(handle, thread);
    thread->is_new_here = true;
    thread->core = core;
    if (thread != disp->current) {
        spanned_send_disabled(handle, thread);
        disp_enable(handle);
        return SYS_ERR_OK;
    }
    thread->full_state = false;
    assert(disp->leaving == NULL); /* one that leaves is sent before another one runs */
    disp->leaving = thread;
    disp->leave = spanned_send_disabled;
    disp->current = NULL;
    disp_save_and_schedule(&thread->regs, handle);
    return SYS_ERR_OK; /* over there, enabled */
}
