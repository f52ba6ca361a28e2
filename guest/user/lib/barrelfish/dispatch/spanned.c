/* SPDX-License-Identifier: MIT
 *
 * Threads that come from other dispatchers of the domain (spanned.h).
 *
 * Must not wait for another dispatcher but for the lock: it may not run for a long time.
 */
#include "spanned.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>

#include "threads_priv.h"
#include "wait_note.h"

struct domain_dispatcher domain_dispatchers[DOMAIN_CORES_MAX];
bool domain_is_spanned;
coreid_t domain_home_core;
errval_t (*domain_grow_heap)(size_t bytes);
void (*domain_end_hook)(int status);
volatile uint32_t spanned_lock_word;

/* Cores whose dispatchers the home's is to notify, for one that cannot. */
static uint64_t to_relay;

static struct domain_dispatcher *of_core(coreid_t core)
{
    assert(core < DOMAIN_CORES_MAX);
    return &domain_dispatchers[core];
}

/* Wakes a dispatcher, if it sleeps.  Only the home's and each other one can notify each other: the
 * home does it for the others. */
static void wake(dispatcher_handle_t handle, coreid_t core)
{
    const struct capref *notify = get_dispatcher_generic(handle)->core_state->notify;
    struct domain_dispatcher *to = of_core(core);

    if (__atomic_load_n(&to->asleep, __ATOMIC_SEQ_CST) == 0)
        return;
    if (capref_is_null(notify[core])) {
        __atomic_or_fetch(&to_relay, UINT64_C(1) << core, __ATOMIC_SEQ_CST);
        core = domain_home_core;
        to = of_core(core);
    }
    if (__atomic_exchange_n(&to->asleep, 0, __ATOMIC_SEQ_CST) != 0)
        invoke_notify_send(notify[core]);
}

/* On the home's dispatcher. */
static void relay(dispatcher_handle_t handle)
{
    uint64_t cores = __atomic_exchange_n(&to_relay, 0, __ATOMIC_SEQ_CST);

    while (cores != 0) {
        coreid_t core = (coreid_t)__builtin_ctzl(cores);

        cores &= cores - 1;
        wake(handle, core);
    }
}

static void push(struct domain_dispatcher *to, struct thread *thread)
{
    assert(thread->next == NULL); /* in no queue of the dispatcher that it leaves */
    thread->handle = to->handle;
    thread->arrives_next = __atomic_load_n(&to->arriving, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&to->arriving, &thread->arrives_next, thread, true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
}

void spanned_send_disabled(dispatcher_handle_t handle, struct thread *thread)
{
    const coreid_t core = thread->core; /* it may be elsewhere, or gone, once it is in the list */

    assert(of_core(core)->handle != 0);
    push(of_core(core), thread);
    wake(handle, core);
}

void spanned_take_arrived_disabled(dispatcher_handle_t handle)
{
    struct domain_dispatcher *here = of_core((coreid_t)get_dispatcher_shared(handle)->curr_core_id);

    if (__atomic_load_n(&to_relay, __ATOMIC_RELAXED) != 0 &&
        get_dispatcher_shared(handle)->curr_core_id == domain_home_core)
        relay(handle);
    if (__atomic_load_n(&here->arriving, __ATOMIC_RELAXED) == NULL)
        return;
    struct thread *thread = __atomic_exchange_n(&here->arriving, NULL, __ATOMIC_ACQUIRE);
    struct thread *in_order = NULL; /* the list is the last one first */

    while (thread != NULL) {
        struct thread *next = thread->arrives_next;

        thread->arrives_next = in_order;
        in_order = thread;
        thread = next;
    }
    while (in_order != NULL) {
        struct thread *next = in_order->arrives_next;

        in_order->arrives_next = NULL;
        assert(in_order->handle == handle && in_order->next == NULL);
        if (in_order->is_new_here) {
            in_order->is_new_here = false;
            wait_note_begin(handle, in_order);
        }
        thread_make_runnable_disabled(handle, in_order);
        in_order = next;
    }
}

void spanned_arm(dispatcher_handle_t handle)
{
    if (domain_is_spanned) {
        struct domain_dispatcher *here =
            of_core((coreid_t)get_dispatcher_shared(handle)->curr_core_id);

        __atomic_store_n(&here->asleep, 1, __ATOMIC_SEQ_CST);
    }
}

bool spanned_may_sleep(dispatcher_handle_t handle)
{
    if (!domain_is_spanned)
        return true;
    const struct domain_dispatcher *here =
        of_core((coreid_t)get_dispatcher_shared(handle)->curr_core_id);

    return __atomic_load_n(&here->asleep, __ATOMIC_SEQ_CST) != 0 &&
           __atomic_load_n(&here->restless, __ATOMIC_SEQ_CST) == 0;
}

void spanned_disarm_here(dispatcher_handle_t handle)
{
    struct domain_dispatcher *here = of_core((coreid_t)get_dispatcher_shared(handle)->curr_core_id);

    __atomic_store_n(&here->asleep, 0, __ATOMIC_RELAXED);
}
