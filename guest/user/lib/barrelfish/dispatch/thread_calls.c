/* SPDX-License-Identifier: MIT
 *
 * How many remote procedure calls wait on a thread's stack, each in a handler on top of the one
 * before: as many as fit there.
 */
#include <assert.h>

#include "threads_priv.h"

bool thread_begin_call(void)
{
    struct thread *me = thread_self();

    if (me->calls == THREAD_CALLS_MAX)
        return false;
    me->calls++;
    return true;
}

void thread_end_call(void)
{
    struct thread *me = thread_self();

    assert(me->calls > 0);
    me->calls--;
}
