/* SPDX-License-Identifier: MIT
 *
 * Notifications: how another core, with nothing shared, wakes a dispatcher here.
 *
 * Each dispatcher has at most one id, an index into this core's table.  A peer holds a Notify_IPI
 * capability {core, id}; invoking it raises the id's bit in this core's pending words.  Delivery
 * counts in the dispatcher frame and makes the dispatcher runnable; which channel has a message is
 * for user code to find out.  Notifications coalesce and cannot overflow.
 *
 * Where an interconnect does not let this core signal that one, the notification goes over others:
 * each core on the way gets it with an id that says for whom it is (abi_notify_pass()), and passes
 * it on.  Such an id has room for few ids of a core; one stands for all the others, which are then
 * woken together and find out who was meant.  So nothing needs to be set up, or can be full.  The
 * ways are those of the whole machine until the monitor says others, because cores have died.
 */
#include "dispatch.h"
#include "kernel_state.h"
#include "plat.h"
#include "schedule.h"

void (*notify_irq)(uint32_t number);

static struct dcb *table[ABI_NOTIFY_PASS_FIRST];
static uint64_t in_use[(ABI_NOTIFY_PASS_FIRST + 63) / 64]; /* bit b of word w: id 64 * w + b */

_Static_assert(ABI_NOTIFY_PASS_END <= NOTIFY_IRQ_FIRST, "ranges of ids");

/* Ids are handed out in turn; those that were given back follow in the order in which they came, so
 * that a peer that has not heard of a dispatcher's end has long to hear of it before he wakes
 * another one. */
static uint32_t next_fresh;
static uint16_t given_back[ABI_NOTIFY_PASS_FIRST]; /* a ring: `waiting` of them from `oldest` */
static uint32_t oldest, waiting;

/* SYS_ERR_NOTIFY_IDS: all are in use. */
static errval_t take_id(uint32_t *id)
{
    if (next_fresh < ABI_NOTIFY_PASS_FIRST) {
        *id = next_fresh++;
    } else if (waiting != 0) {
        *id = given_back[oldest];
        oldest = (oldest + 1) % ABI_NOTIFY_PASS_FIRST;
        waiting--;
    } else {
        return SYS_ERR_NOTIFY_IDS;
    }
    return SYS_ERR_OK;
}

errval_t notify_register(struct dcb *dcb, uint32_t *id)
{
    if (!dispatcher_is_complete(dcb))
        return SYS_ERR_DISP_NOT_RUNNABLE;
    if (dcb->notify == 0) {
        uint32_t i;
        errval_t err = take_id(&i);
        if (err_is_fail(err))
            return err;
        assert(table[i] == NULL);
        table[i] = dcb;
        in_use[i / 64] |= 1ull << i % 64;
        dcb->notify = i + 1;
    }
    *id = dcb->notify - 1;
    return SYS_ERR_OK;
}

void notify_unregister(struct dcb *dcb)
{
    if (dcb->notify == 0)
        return;
    const uint32_t id = dcb->notify - 1;
    assert(table[id] == dcb && waiting < ABI_NOTIFY_PASS_FIRST);
    table[id] = NULL;
    in_use[id / 64] &= ~(1ull << id % 64);
    dcb->notify = 0;
    given_back[(oldest + waiting++) % ABI_NOTIFY_PASS_FIRST] = (uint16_t)id;
}

errval_t notify_delete(uint64_t id)
{
    if (id >= ABI_NOTIFY_PASS_FIRST || table[id] == NULL)
        return SYS_ERR_NOTIFY_ID_INVALID;
    notify_unregister(table[id]);
    return SYS_ERR_OK;
}

/* An interrupt of a device: a message and who gets it is woken, or another core told.  The same for
 * a notification that is passed on. */
#define COST_IRQ 700

static uint8_t next_on_way[ABI_MAX_CORES]; /* to each core; NO_WAY: nothing gets there */
#define NO_WAY UINT8_MAX

void notify_init(void)
{
    LOOP_BOUND(rounds, ABI_MAX_CORES);
    for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
        LOOP_ROUND(rounds);
        const uint8_t over = boot_info->topology.signal_over[my_core_id][core];
        next_on_way[core] = over != 0 ? (uint8_t)(over - 1) : (uint8_t)core;
    }
}

bool notify_reaches(coreid_t core)
{
    return boot_info->topology.signal_over[my_core_id][core] == 0;
}

errval_t notify_set_way(uint64_t core, uint64_t over)
{
    const uint32_t cores = boot_info->topology.core_count;
    if (core >= cores || core == my_core_id || over == my_core_id)
        return SYS_ERR_CORE_NOT_FOUND;
    if (over < cores && !notify_reaches((coreid_t)over))
        return SYS_ERR_CORE_NOT_FOUND;
    next_on_way[core] = over < cores ? (uint8_t)over : NO_WAY;
    return SYS_ERR_OK;
}

static void pass_on(coreid_t core, uint32_t pass)
{
    if (next_on_way[core] != NO_WAY)
        plat_notify(next_on_way[core], pass);
}

void notify_send(coreid_t core, uint32_t id)
{
    if (next_on_way[core] == core)
        plat_notify(core, id);
    else
        pass_on(core, abi_notify_pass(core, id));
}

/* It was passed on to this core: the dispatchers that may be meant. */
static void arrive(uint32_t passed)
{
    uint64_t ids[sizeof(in_use) / sizeof(in_use[0])];
    const unsigned words = (next_fresh + 63) / 64;
    const unsigned first = passed == ABI_NOTIFY_PASSED_ALL ? 0 : ABI_NOTIFY_PASSED_REST;
    uint64_t any = 0;
    if (passed < ABI_NOTIFY_PASSED_REST) {
        notify_deliver(passed);
        return;
    }
    LOOP_BOUND(rounds, sizeof(ids) / sizeof(ids[0]));
    for (unsigned w = 0; w < words; w++) {
        LOOP_ROUND(rounds);
        ids[w] = in_use[w] & (w == 0 ? UINT64_MAX << first : UINT64_MAX);
        any |= ids[w];
    }
    if (any != 0)
        plat_notify_self(ids, words);
}

static void take_passed(uint32_t pass)
{
    const uint32_t number = pass - ABI_NOTIFY_PASS_FIRST;
    const coreid_t core = (coreid_t)(number / ABI_NOTIFY_PASSED);
    if (core == my_core_id)
        arrive(number % ABI_NOTIFY_PASSED);
    else if (core < boot_info->topology.core_count)
        pass_on(core, pass);
}

errval_t notify_wake_all(uint64_t core)
{
    if (core >= boot_info->topology.core_count)
        return SYS_ERR_CORE_NOT_FOUND;
    take_passed(abi_notify_pass((coreid_t)core, 0) + ABI_NOTIFY_PASSED_ALL);
    return SYS_ERR_OK;
}

/* What is left of the share of this entry, and whether it brought something for whoever runs. */
static int work_left;
static bool for_current;

static void deliver_or_put_off(uint32_t id)
{
    const struct dcb *dcb = id < ABI_NOTIFY_PASS_FIRST ? table[id] : NULL;
    if (work_left <= 0) {
        plat_notify(my_core_id, id); /* again, with an interrupt to itself */
        return;
    }
    work_left -= dcb != NULL ? wakeup_cost(dcb) : id < ABI_NOTIFY_PASS_FIRST ? 0 : COST_IRQ;
    notify_deliver(id);
}

bool notify_take(void)
{
    work_left = WAKEUP_WORK;
    for_current = false;
    plat_take_notifications(deliver_or_put_off);
    return for_current;
}

void notify_deliver(uint32_t id)
{
    if (id >= NOTIFY_IRQ_FIRST) {
        kernel_counters.notifications_received++;
        for_current = true; /* it may be: that message is not counted here */
        if (notify_irq != NULL)
            notify_irq(id - NOTIFY_IRQ_FIRST);
        return;
    }
    if (id >= ABI_NOTIFY_PASS_FIRST) {
        if (id < ABI_NOTIFY_PASS_END)
            take_passed(id);
        return;
    }
    struct dcb *dcb = table[id];
    if (dcb == NULL) /* its dispatcher is gone */
        return;
    debug_assert(dispatcher_is_complete(dcb)); /* otherwise it was unregistered */
    kernel_counters.notifications_received++;
    dcb->disp->notified++;
    for_current |= dcb == current;
    schedule_make_runnable(dcb);
}
