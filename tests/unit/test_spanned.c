/* SPDX-License-Identifier: MIT
 *
 * A dispatcher that goes to sleep while others send it threads (docs/spanning.md): every order of
 * the steps of one that sleeps and of two that send, directly and by way of the home.  Whoever
 * sleeps in the end has either nothing to do or a notification that the kernel has counted.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "../../guest/user/lib/barrelfish/dispatch/threads_priv.h"

static void wait_note_begin(dispatcher_handle_t handle, struct thread *thread)
{
    (void)handle, (void)thread;
}

static void wait_note_end(dispatcher_handle_t handle, struct thread *thread)
{
    (void)handle, (void)thread;
}

#include "../../guest/user/lib/barrelfish/dispatch/spanned.c"
#include "../../guest/user/lib/barrelfish/dispatch/thread_move.c"

/* Dispatchers: the one that sleeps, two senders, and one that sleeps all the time. */
enum { SLEEPER, SENDER_A, SENDER_B, FAR, FRAMES };

static struct frame {
    struct dispatcher_shared shared;
    struct dispatcher_generic generic;
} frames[FRAMES];
static struct core_state states[FRAMES];
static struct capref notify[FRAMES][DOMAIN_CORES_MAX];
static struct thread threads[2];
static uint32_t far_notified, ran;

static dispatcher_handle_t handle_of(unsigned which)
{
    return (dispatcher_handle_t)&frames[which];
}

dispatcher_handle_t curdispatcher(void)
{
    return handle_of(SENDER_A);
}

struct dispatcher_generic *get_dispatcher_generic(dispatcher_handle_t handle)
{
    return &((struct frame *)handle)->generic;
}

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    static uint64_t buffer[FRAMES][DISP_KERNEL_BUFFER_BYTES / 8];

    return buffer[((struct frame *)handle) - frames];
}

/* A capability's slot says whom it notifies.  The far one takes what is there and sleeps again. */
struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rdx, (void)words;
    if ((rsi >> 32 & 0xff) == FAR) {
        far_notified++;
        domain_dispatchers[FAR].arriving = NULL;
        domain_dispatchers[FAR].asleep = 1;
    } else {
        frames[SLEEPER].shared.notified++;
    }
    return SYSRET(SYS_ERR_OK);
}

void thread_make_runnable_disabled(dispatcher_handle_t handle, struct thread *thread)
{
    (void)handle;
    thread->state = THREAD_RUNNABLE;
    ran++;
}

coreid_t disp_get_core_id(void)
{
    return SENDER_A;
}

void thread_dequeue(struct thread *thread, struct thread **queue)
{
    cr_assert_eq(*queue, thread);
    *queue = thread->next = thread->prev = NULL;
}

/* The real one does not return; here the dispatcher would go on with `leave`. */
static unsigned saved;

void disp_save_and_schedule(struct registers_x86_64 *regs, dispatcher_handle_t handle)
{
    (void)regs, (void)handle;
    saved++;
}

/* ---- steps ---- */

static bool busy, asleep, by_home;

static void reset(void)
{
    memset(frames, 0, sizeof(frames));
    memset(domain_dispatchers, 0, sizeof(domain_dispatchers));
    memset(threads, 0, sizeof(threads));
    for (unsigned i = 0; i < FRAMES; i++) {
        frames[i].shared.curr_core_id = i;
        frames[i].generic.core_state = &states[i];
        states[i].notify = notify[i];
        domain_dispatchers[i].handle = handle_of(i);
        for (unsigned j = 0; j < FRAMES; j++)
            notify[i][j] = (struct capref){ .cnode = CNODE_L2(7), .slot = j };
    }
    if (by_home) { /* senders know the home only, and send to a dispatcher that sleeps */
        notify[SENDER_A][FAR] = notify[SENDER_B][FAR] = NULL_CAP;
        domain_dispatchers[FAR].asleep = 1;
    }
    domain_is_spanned = true;
    domain_home_core = SLEEPER;
    to_relay = 0;
    far_notified = ran = 0;
    busy = asleep = false;
}

#define SLEEPER_STEPS 5

static void sleeper_step(unsigned step)
{
    struct dispatcher_shared *shared = &frames[SLEEPER].shared;
    const dispatcher_handle_t handle = handle_of(SLEEPER);
    static bool may_sleep;

    switch (step) {
    case 0:
        spanned_arm(handle);
        break;
    case 1:
        shared->notify_seen = shared->notified;
        break;
    case 2:
        spanned_receive_disabled(handle);
        busy = ran > 0;
        break;
    case 3:
        may_sleep = spanned_may_sleep(handle);
        break;
    default: /* the kernel looks */
        asleep = !busy && may_sleep && shared->notified == shared->notify_seen;
    }
}

static void sender_step(unsigned which, unsigned step)
{
    const coreid_t to = by_home ? FAR : SLEEPER;

    if (step == 0) {
        threads[which].core = to;
        push(of_core(to), &threads[which]);
    } else {
        wake(handle_of(SENDER_A + which), to);
    }
}

static void check(const char *order)
{
    const struct dispatcher_shared *shared = &frames[SLEEPER].shared;
    bool work = domain_dispatchers[SLEEPER].arriving != NULL || to_relay != 0;

    if (asleep && work)
        cr_assert_neq(shared->notified, shared->notify_seen, "sleeps beside work: %s", order);
    if (by_home && !work) {
        cr_assert_gt(far_notified, 0, "nobody wakes the far one: %s", order);
        cr_assert_null(domain_dispatchers[FAR].arriving, "left lying: %s", order);
    }
}

/* All orders; letters: s the sleeper, a and b the senders. */
static unsigned try_all(char *order, unsigned length, unsigned s, unsigned a, unsigned b)
{
    unsigned tried = 0;

    if (s + a + b == SLEEPER_STEPS + 4) {
        unsigned at[3] = { 0, 0, 0 };

        reset();
        for (unsigned i = 0; i < length; i++)
            if (order[i] == 's')
                sleeper_step(at[0]++);
            else
                sender_step((unsigned)(order[i] - 'a'), at[order[i] - 'a' + 1]++);
        check(order);
        return 1;
    }
    order[length + 1] = '\0';
    if (s < SLEEPER_STEPS) {
        order[length] = 's';
        tried += try_all(order, length + 1, s + 1, a, b);
    }
    if (a < 2) {
        order[length] = 'a';
        tried += try_all(order, length + 1, s, a + 1, b);
    }
    if (b < 2) {
        order[length] = 'b';
        tried += try_all(order, length + 1, s, a, b + 1);
    }
    order[length] = '\0';
    return tried;
}

Test(spanned, who_sleeps_is_woken_by_every_sender)
{
    char order[SLEEPER_STEPS + 6] = "";

    by_home = false;
    cr_assert_eq(try_all(order, 0, 0, 0, 0), 756);
}

Test(spanned, the_home_sleeps_and_still_wakes_others)
{
    char order[SLEEPER_STEPS + 6] = "";

    by_home = true;
    cr_assert_eq(try_all(order, 0, 0, 0, 0), 756);
}

Test(spanned, threads_arrive_in_order)
{
    by_home = false;
    reset();
    sender_step(0, 0);
    sender_step(1, 0);
    cr_assert_eq(domain_dispatchers[SLEEPER].arriving, &threads[1]);
    spanned_take_arrived_disabled(handle_of(SLEEPER));
    cr_assert_eq(ran, 2);
    cr_assert_null(domain_dispatchers[SLEEPER].arriving);
    cr_assert_eq(threads[0].handle, handle_of(SLEEPER));
}

Test(spanned, a_dispatcher_that_nobody_can_wake_does_not_sleep)
{
    by_home = false;
    reset();
    domain_dispatchers[SLEEPER].restless = 1;
    spanned_arm(handle_of(SLEEPER));
    cr_assert_not(spanned_may_sleep(handle_of(SLEEPER)));
}

Test(spanned, a_thread_of_another_dispatcher_is_noticed, .signal = SIGABRT)
{
    reset();
    push(of_core(SLEEPER), &threads[0]);
    threads[0].handle = handle_of(FAR);
    spanned_take_arrived_disabled(handle_of(SLEEPER));
}

Test(spanned, a_thread_that_is_still_in_a_queue_does_not_leave, .signal = SIGABRT)
{
    reset();
    threads[0].next = threads[0].prev = &threads[0];
    push(of_core(SLEEPER), &threads[0]);
}

static void run_on_sender(struct thread *thread)
{
    reset();
    thread->handle = handle_of(SENDER_A);
    thread->core = SENDER_A;
    thread->state = THREAD_RUNNABLE;
    frames[SENDER_A].generic.current = frames[SENDER_A].generic.runq = thread;
}

Test(spanned, the_running_thread_leaves_when_its_registers_are_saved)
{
    struct dispatcher_generic *disp = &frames[SENDER_A].generic;

    saved = 0;
    run_on_sender(&threads[0]);
    cr_assert(err_is_ok(thread_move_to(&threads[0], FAR)));
    cr_assert(saved == 1 && disp->leaving == &threads[0] && disp->current == NULL);
    cr_assert(domain_dispatchers[FAR].arriving == 0, "nobody may run it before");
}

/* It would never be sent, and be in no queue. */
Test(spanned, two_threads_do_not_leave_at_once, .signal = SIGABRT)
{
    run_on_sender(&threads[0]);
    frames[SENDER_A].generic.leaving = &threads[1];
    thread_move_to(&threads[0], FAR);
}
