/* SPDX-License-Identifier: MIT
 *
 * Threads and capabilities of a domain on several cores: <barrelfish/domain.h>.
 *
 * A thread goes to another dispatcher through that one's list of arrivals (spanned.h), with
 * registers, stack and thread-local storage where they are: all memory is everybody's.
 */
#include <barrelfish/dispatcher.h>
#include <barrelfish/domain.h>
#include <stdlib.h>

#include "../dispatch/threads_priv.h"
#include "../dispatch/wait_note.h"
#include "span.h"

static dispatcher_handle_t dispatcher_of(coreid_t core)
{
    if (core == disp_get_core_id())
        return curdispatcher();
    return core < DOMAIN_CORES_MAX ? domain_dispatchers[core].handle : 0;
}

errval_t domain_thread_create_on_varstack(coreid_t core, thread_func_t start, void *arg,
                                          size_t stack_bytes, struct thread **ret)
{
    const dispatcher_handle_t there = dispatcher_of(core);

    if (there == 0)
        return LIB_ERR_NO_SPANNED_DISP;
    struct thread *thread = thread_new(there, core, start, arg, stack_bytes);
    if (thread == NULL)
        return LIB_ERR_THREAD_CREATE;
    thread->detached = ret == NULL;
    dispatcher_handle_t handle = disp_disable();
    if (there == handle) {
        thread->is_new_here = false;
        wait_note_begin(handle, thread);
        thread_make_runnable_disabled(handle, thread);
    } else {
        spanned_send_disabled(handle, thread);
    }
    disp_enable(handle);
    if (ret != NULL)
        *ret = thread;
    return SYS_ERR_OK;
}

errval_t domain_thread_create_on(coreid_t core, thread_func_t start, void *arg, struct thread **ret)
{
    return domain_thread_create_on_varstack(core, start, arg, THREADS_DEFAULT_STACK_BYTES, ret);
}

errval_t domain_thread_join(struct thread *thread, int *retval)
{
    return thread_join(thread, retval);
}

errval_t domain_thread_move_to(struct thread *thread, coreid_t core)
{
    return thread_move_to(thread, core);
}

/* ---- capabilities ---- */

struct arrived {
    struct arrived *next;
    struct capref cap;
};

/* By core: what has come for its dispatcher. */
static struct {
    struct thread_mutex mutex;
    struct thread_sem count;
    struct arrived *first, **last;
} arrivals[DOMAIN_CORES_MAX];

void span_cap_arrived(struct capref cap)
{
    __typeof__(&arrivals[0]) to = &arrivals[disp_get_core_id()];
    struct arrived *entry = malloc(sizeof(*entry));

    if (entry == NULL) {
        debug_printf("out of memory: a capability for core %u is dropped\n",
                     (unsigned)disp_get_core_id());
        cap_destroy(cap);
        return;
    }
    *entry = (struct arrived){ .cap = cap };
    thread_mutex_lock(&to->mutex);
    if (to->first == NULL)
        to->first = entry;
    else
        *to->last = entry;
    to->last = &entry->next;
    thread_mutex_unlock(&to->mutex);
    thread_sem_post(&to->count);
}

errval_t domain_send_cap(coreid_t core, struct capref cap)
{
    struct capref copy;

    if (core != disp_get_core_id())
        return span_is_home() ? span_home_send_cap(core, cap) : span_ask_send_cap(core, cap);
    errval_t err = slot_alloc(&copy);
    if (err_is_ok(err)) {
        err = cap_copy(copy, cap);
        if (err_is_fail(err))
            slot_free(copy);
    }
    if (err_is_ok(err))
        span_cap_arrived(copy);
    return err;
}

errval_t domain_receive_cap(struct capref *ret)
{
    __typeof__(&arrivals[0]) from = &arrivals[disp_get_core_id()];

    thread_sem_wait(&from->count);
    thread_mutex_lock(&from->mutex);
    struct arrived *entry = from->first;

    from->first = entry->next;
    thread_mutex_unlock(&from->mutex);
    *ret = entry->cap;
    free(entry);
    return SYS_ERR_OK;
}
