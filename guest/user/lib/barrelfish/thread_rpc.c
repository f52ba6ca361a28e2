/* SPDX-License-Identifier: MIT
 *
 * What generated stubs keep for the thread that makes a remote procedure call (facts §1.4).
 */
#include <assert.h>
#include <barrelfish/slot_alloc.h>
#include <barrelfish/threads.h>
#include <barrelfish/waitset_chan.h>

#include "threads_priv.h"

uint32_t thread_get_next_token(void)
{
    struct thread *me = thread_self();

    me->token_counter++;
    return (me->id & 0xff) << 16 | (uint32_t)disp_get_core_id() << 24 |
           (uint32_t)me->token_counter << 8 | 1;
}

void thread_set_token(struct waitset_chanstate *channel, uint32_t token)
{
    struct thread *me = thread_self();

    (void)channel; /* the channel's own token is set when a reply arrives */
    me->token = token & ~1u;
}

void thread_clear_token(struct waitset_chanstate *channel)
{
    channel->token = 0;
    thread_self()->token = 0;
}

uint32_t thread_current_token(void)
{
    return thread_self()->token;
}

void thread_set_outgoing_token(uint32_t token)
{
    thread_self()->outgoing_token = token;
}

void thread_get_outgoing_token(uint32_t *token)
{
    struct thread *me = thread_self();

    if (me->outgoing_token != 0) {
        *token = me->outgoing_token;
        me->outgoing_token = 0;
    }
}

bool thread_begin_call(void)
{
    struct thread *me = thread_self();

    if (me->calls == THREAD_CALLS_MAX) {
        return false;
    }
    me->calls++;
    return true;
}

void thread_end_call(void)
{
    struct thread *me = thread_self();

    assert(me->calls > 0);
    me->calls--;
}

bool thread_get_rpc_in_progress(void)
{
    return thread_self()->rpc_in_progress;
}

void thread_set_rpc_in_progress(bool in_progress)
{
    thread_self()->rpc_in_progress = in_progress;
}

void thread_set_async_error(errval_t err)
{
    thread_self()->async_error = err;
}

errval_t thread_get_async_error(void)
{
    struct thread *me = thread_self();
    errval_t err = me->async_error;

    me->async_error = SYS_ERR_OK;
    return err;
}

errval_t thread_store_recv_slot(struct capref slot)
{
    dispatcher_handle_t handle = disp_disable();
    struct core_state *state = get_dispatcher_generic(handle)->core_state;
    bool room = state->recv_slot_count < MAX_RECV_SLOTS;

    if (room) {
        state->recv_slots[state->recv_slot_count++] = slot;
    }
    disp_enable(handle);
    return room ? SYS_ERR_OK : LIB_ERR_SLOT_ALLOC_NO_SPACE;
}

struct capref thread_get_next_recv_slot(void)
{
    dispatcher_handle_t handle = disp_disable();
    struct core_state *state = get_dispatcher_generic(handle)->core_state;
    struct capref slot = NULL_CAP;

    if (state->recv_slot_count > 0) {
        slot = state->recv_slots[--state->recv_slot_count];
    }
    disp_enable(handle);
    if (capref_is_null(slot) && err_is_fail(slot_alloc(&slot))) {
        return NULL_CAP;
    }
    return slot;
}
