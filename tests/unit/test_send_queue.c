/* SPDX-License-Identifier: MIT
 *
 * The send queue of services, over a binding that is played here: it can be busy, owes one
 * continuation for each message it took, and may break.
 */
/* link: guest/user/lib/services/send_queue.c guest/user/lib/services/account.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <services/send_queue.h>

struct numbered {
    struct send_item item;
    int number;
};

static struct {
    bool busy; /* somebody else is sending */
    errval_t refuse;
    struct event_closure cont, registered;
    char log[256]; /* "s1" sent, "d1" done, "f1" failed, "g" gone */
} binding;
static struct send_queue queue;
static struct account *payer;

/* ---- what the library would provide ---- */

struct waitset *get_default_waitset(void)
{
    return NULL;
}

void debug_printf(const char *fmt, ...)
{
    (void)fmt;
}

void debug_err(const char *file, const char *func, int line, errval_t err, const char *fmt, ...)
{
    (void)file, (void)func, (void)line, (void)err, (void)fmt;
}

/* ---- the binding ---- */

static void note(char what, int number)
{
    size_t used = strlen(binding.log);
    snprintf(binding.log + used, sizeof(binding.log) - used, "%c%d ", what, number);
}

static errval_t send_fn(struct send_queue *q, struct send_item *item, struct event_closure cont)
{
    cr_assert_eq(q, &queue);
    if (binding.busy || binding.cont.handler != NULL)
        return FLOUNDER_ERR_TX_BUSY;
    if (err_is_fail(binding.refuse))
        return binding.refuse;
    note('s', ((struct numbered *)item)->number);
    binding.cont = cont;
    return SYS_ERR_OK;
}

static errval_t register_send(void *b, struct waitset *ws, struct event_closure closure)
{
    (void)b, (void)ws;
    cr_assert_null(binding.registered.handler, "registered twice");
    binding.registered = closure;
    return SYS_ERR_OK;
}

static void run(struct event_closure *closure)
{
    struct event_closure now = *closure;
    cr_assert_not_null(now.handler);
    *closure = NOP_CLOSURE;
    now.handler(now.arg);
}

static void done(struct send_item *item, errval_t err)
{
    note(err_is_ok(err) ? 'd' : 'f', ((struct numbered *)item)->number);
}

static void gone(struct send_queue *q)
{
    cr_assert_eq(q, &queue);
    note('g', 0);
}

static void add_long(int number, size_t bytes)
{
    struct numbered *n = malloc(sizeof(*n));
    *n = (struct numbered){
        .item = { .send = send_fn, .done = done, .payer = payer, .bytes = bytes }, .number = number
    };
    send_queue_add(&queue, &n->item);
}

static void add(int number)
{
    add_long(number, 0);
}

static void fresh(void)
{
    memset(&binding, 0, sizeof(binding));
    send_queue_init(&queue, &binding, "nobody", 0, register_send);
}

Test(send_queue, one_at_a_time_and_in_order)
{
    fresh();
    add(1);
    add(2);
    add(3);
    cr_assert_str_eq(binding.log, "s1 ");
    run(&binding.cont);
    cr_assert_str_eq(binding.log, "s1 d1 s2 ");
    run(&binding.cont);
    run(&binding.cont);
    cr_assert_str_eq(binding.log, "s1 d1 s2 d2 s3 d3 ");
    cr_assert_eq(queue.count, 0);
}

Test(send_queue, waits_while_somebody_else_sends)
{
    fresh();
    binding.busy = true;
    add(1);
    add(2);
    cr_assert_str_eq(binding.log, "");
    binding.busy = false;
    run(&binding.registered);
    run(&binding.cont);
    run(&binding.cont);
    cr_assert_str_eq(binding.log, "s1 d1 s2 d2 ");
}

Test(send_queue, a_message_that_cannot_be_sent_does_not_hold_up_the_next)
{
    fresh();
    binding.refuse = FLOUNDER_ERR_TX_MSG_SIZE;
    add(1);
    cr_assert_str_eq(binding.log, "f1 ");
    binding.refuse = SYS_ERR_OK;
    add(2);
    run(&binding.cont);
    cr_assert_str_eq(binding.log, "f1 s2 d2 ");
}

Test(send_queue, who_does_not_read_holds_up_himself)
{
    static const struct account_kind kinds[] = { { "messages", 9, 1 } };
    struct account_book book;
    fresh();
    account_book_init(&book, kinds, 1, CHIPS_ERR_OVER_SHARE);
    payer = account_open(&book, 1, NULL);
    for (int i = 1; i <= 5; i++)
        add(i); /* four may wait: as many as it leaves to others, but for one */
    cr_assert_str_eq(binding.log, "s1 f5 ");
    struct account *hog = payer, *other = account_open(&book, 2, NULL);
    payer = other;
    add(6); /* to the same queue, for another one's sake */
    payer = NULL;
    add(7); /* is owed */
    cr_assert_eq(queue.count, 6);
    cr_assert_str_eq(binding.log, "s1 f5 ");
    for (int i = 0; i < 6; i++)
        run(&binding.cont);
    cr_assert_eq(book.used[0], 0);
    account_close(hog);
    account_close(other);
    binding.log[0] = '\0';
}

/* Long ones count as several. */
Test(send_queue, what_waits_is_charged_by_its_length)
{
    static const struct account_kind kinds[] = { { "messages", 20, 1 } };
    static const size_t bytes[] = { 0, SEND_ITEM_BYTES - 1, 5 * SEND_ITEM_BYTES, 3 };
    static const uint32_t used[] = { 1, 2, 8, 9 };
    struct account_book book;
    fresh();
    account_book_init(&book, kinds, 1, CHIPS_ERR_OVER_SHARE);
    payer = account_open(&book, 1, NULL);
    for (int i = 0; i < 4; i++) {
        add_long(i, bytes[i]);
        cr_assert_eq(book.used[0], used[i]);
    }
    add_long(4, SEND_ITEM_BYTES); /* two would be more than half */
    cr_assert_eq(book.used[0], 9);
    add_long(5, 0);
    cr_assert_eq(book.used[0], 10);
    for (int i = 0; i < 5; i++)
        run(&binding.cont);
    cr_assert_eq(book.used[0], 0);
    account_close(payer);
    payer = NULL;
}

Test(send_queue, closing_waits_for_the_message_under_way)
{
    fresh();
    add(1);
    add(2);
    add(3);
    send_queue_close(&queue, gone);
    cr_assert_str_eq(binding.log, "s1 f2 f3 ");
    add(4);
    cr_assert_str_eq(binding.log, "s1 f2 f3 f4 ", "a closed queue takes nothing");
    run(&binding.cont);
    cr_assert_str_eq(binding.log, "s1 f2 f3 f4 f1 g0 ");
}

Test(send_queue, closing_waits_for_a_registration)
{
    fresh();
    binding.busy = true;
    add(1);
    send_queue_close(&queue, gone);
    cr_assert_str_eq(binding.log, "f1 ");
    run(&binding.registered);
    cr_assert_str_eq(binding.log, "f1 g0 ");
}

Test(send_queue, closing_an_idle_queue_is_immediate_and_once)
{
    fresh();
    send_queue_close(&queue, gone);
    send_queue_close(&queue, gone);
    cr_assert_str_eq(binding.log, "g0 ");
}

Test(send_queue, what_waits_can_be_taken_back_and_the_rest_leaves_in_order)
{
    fresh();
    for (int i = 1; i <= 4; i++)
        add(i);
    struct send_item *first = queue.head, *third = queue.head->next->next, *last = queue.tail;
    cr_assert(!send_queue_withdraw(first), "the binding has it");
    cr_assert(send_queue_withdraw(third));
    cr_assert(send_queue_withdraw(last));
    cr_assert_str_eq(binding.log, "s1 f3 f4 ");
    add(5);
    cr_assert_eq(queue.count, 3);
    for (int i = 0; i < 3; i++)
        run(&binding.cont);
    cr_assert_str_eq(binding.log, "s1 f3 f4 d1 s2 d2 s5 d5 ");
}
