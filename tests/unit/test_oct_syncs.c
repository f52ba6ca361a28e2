/* SPDX-License-Identifier: MIT
 *
 * Locks, barriers and semaphores of octopus, exhaustively: every order of calls and deaths of three
 * clients up to a length, compared with a model that keeps nothing but what each client has.
 *
 * A client that waits calls nothing, as its thread would; it may die.  After each step the answers
 * are the model's, and after the death of all nothing is charged to anybody.
 */
/* link: guest/user/octopus/syncs.c guest/user/lib/services/account.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../../guest/user/octopus/octopus.h"

#define CLIENTS 3

enum step { TAKE, GIVE, DIE, STEPS };

/* ---- what the library and the rest of octopus would provide ---- */

void debug_printf(const char *fmt, ...)
{
    (void)fmt;
}

static struct octopus_binding binding[CLIENTS];
static struct service_client client[CLIENTS];
static struct account_book book;
static unsigned answers[CLIENTS]; /* since the last step */
static errval_t last_error[CLIENTS];

void answer(struct octopus_binding *b, struct reply reply)
{
    answers[b - binding]++;
    last_error[b - binding] = reply.err;
}

void answer_now(struct octopus_binding *b, enum reply_kind kind, errval_t err)
{
    answer(b, (struct reply){ .kind = kind, .err = err });
}

/* ---- a world ---- */

static void begin(void)
{
    static const struct account_kind kinds[] = { OCTOPUS_RESOURCES(ACCOUNT_KIND) };
    account_book_init(&book, kinds, ACCOUNT_KINDS, OCT_ERR_OVER_SHARE);
    memset(binding, 0, sizeof(binding));
    for (unsigned c = 0; c < CLIENTS; c++) {
        client[c].account = account_open(&book, 100 + c, NULL);
        binding[c].st = &client[c];
        syncs_serve(&binding[c]);
    }
}

static void die(unsigned c)
{
    syncs_forget(&binding[c]);
    for (unsigned kind = 0; kind < ACCOUNT_KINDS; kind++)
        cr_assert_not(account_holds(&book, 100 + c, kind), "a dead client is charged for kind %u",
                      kind);
    account_close(client[c].account);
    client[c].account = NULL;
}

enum state { IDLE, WAITS, DEAD };

struct model {
    enum state state[CLIENTS];
    unsigned queue[CLIENTS], waiting; /* who waits, the longest first */
    unsigned holder;                  /* of the lock, from 1; 0: nobody */
    unsigned value;                   /* of the semaphore */
    bool gone;                        /* the semaphore, with client 0, who made it */
};

typedef void model_step(struct model *model, unsigned c, enum step step);
typedef void real_step(unsigned c, enum step step);

/* What answers a step brings, by comparing states; of a call that fails at once the error. */
static errval_t refused;
static unsigned expected[CLIENTS];

static void leave_queue(struct model *m, unsigned c)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->waiting; i++)
        if (m->queue[i] != c)
            m->queue[kept++] = m->queue[i];
    m->waiting = kept;
}

static unsigned first_waiter(struct model *m)
{
    const unsigned c = m->queue[0];
    leave_queue(m, c);
    expected[c]++;
    return c;
}

/* ---- locks ---- */

static void lock_model(struct model *m, unsigned c, enum step step)
{
    const bool had = m->holder == c + 1;
    if (step == TAKE && m->holder != 0) { /* who has it and asks again waits for himself */
        m->state[c] = WAITS;
        m->queue[m->waiting++] = c;
        return;
    }
    if (step == TAKE) {
        expected[c]++;
        m->holder = c + 1;
        return;
    }
    if (step == GIVE) {
        expected[c]++;
        refused = had ? (errval_t)SYS_ERR_OK : (errval_t)OCT_ERR_NOT_OWNER;
    } else {
        m->state[c] = DEAD;
        leave_queue(m, c);
    }
    if (!had)
        return;
    m->holder = m->waiting > 0 ? first_waiter(m) + 1 : 0;
    if (m->holder != 0)
        m->state[m->holder - 1] = IDLE;
}

static void lock_real(unsigned c, enum step step)
{
    if (step == TAKE)
        binding[c].rx_vtbl.lock_call(&binding[c], "lock");
    else if (step == GIVE)
        binding[c].rx_vtbl.unlock_call(&binding[c], "lock");
    else
        die(c);
}

/* ---- barriers of two ---- */

static void barrier_model(struct model *m, unsigned c, enum step step)
{
    if (step == DIE) {
        m->state[c] = DEAD;
        leave_queue(m, c);
        return;
    }
    m->state[c] = WAITS;
    m->queue[m->waiting++] = c;
    if (m->waiting == 2)
        for (unsigned i = 0; i < 2; i++)
            m->state[first_waiter(m)] = IDLE;
}

static void barrier_real(unsigned c, enum step step)
{
    if (step == DIE)
        die(c);
    else
        binding[c].rx_vtbl.barrier_call(&binding[c], "barrier", 2);
}

/* ---- a semaphore of one, made by client 0 ---- */

static uint32_t semaphore_id;

static void semaphore_model(struct model *m, unsigned c, enum step step)
{
    if (step == DIE) {
        m->state[c] = DEAD;
        leave_queue(m, c);
        m->gone |= c == 0;
        while (m->gone && m->waiting > 0) {
            const unsigned next = first_waiter(m);
            m->state[next] = IDLE;
        }
        return;
    }
    refused = m->gone ? (errval_t)OCT_ERR_INVALID_ID : (errval_t)SYS_ERR_OK;
    if (step == TAKE && !m->gone && m->value == 0) {
        m->state[c] = WAITS;
        m->queue[m->waiting++] = c;
        return;
    }
    expected[c]++;
    if (m->gone)
        return;
    if (step == TAKE)
        m->value--;
    else if (m->waiting > 0)
        m->state[first_waiter(m)] = IDLE;
    else
        m->value++;
}

static void semaphore_real(unsigned c, enum step step)
{
    if (step == TAKE)
        binding[c].rx_vtbl.sem_wait_call(&binding[c], semaphore_id, true);
    else if (step == GIVE)
        binding[c].rx_vtbl.sem_post_call(&binding[c], semaphore_id);
    else
        die(c);
}

/* ---- all orders ---- */

struct history {
    uint8_t step[16];
    unsigned length;
};

static const char *text_of(const struct history *history)
{
    static char text[64];
    for (unsigned i = 0; i < history->length; i++)
        snprintf(text + 3 * i, 4, "%c%u ", "tgd"[history->step[i] / CLIENTS],
                 history -> step[i] % CLIENTS);
    return text;
}

static void play_one(struct model *m, uint8_t step, model_step *model, real_step *real,
                     const struct history *history)
{
    const unsigned c = step % CLIENTS;
    const bool of_itself = step / CLIENTS != DIE;
    memset(answers, 0, sizeof(answers));
    memset(expected, 0, sizeof(expected));
    refused = SYS_ERR_OK;
    model(m, c, step / CLIENTS);
    real(c, step / CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++)
        cr_assert_eq(answers[i], expected[i], "%s: client %u has %u answers, not %u",
                     text_of(history), i, answers[i], expected[i]);
    if (of_itself && expected[c] > 0 && real != barrier_real)
        cr_assert_eq(err_no(last_error[c]), err_no(refused), "%s: another error", text_of(history));
}

/* Plays the steps from the beginning, then lets all die.  Returns the model as it was before. */
static struct model play(const struct history *history, model_step *model, real_step *real)
{
    struct model m = { .value = 1 };
    begin();
    if (real == semaphore_real) {
        static uint32_t made;
        binding[0].rx_vtbl.sem_new_call(&binding[0], 1);
        semaphore_id = ++made; /* they are numbered from 1 */
    }
    for (unsigned i = 0; i < history->length; i++)
        play_one(&m, history->step[i], model, real, history);
    const struct model end = m;
    for (unsigned c = 0; c < CLIENTS; c++)
        if (m.state[c] != DEAD)
            play_one(&m, (uint8_t)(DIE * CLIENTS + c), model, real, history);
    return end;
}

static unsigned long search(struct history *history, unsigned most, model_step *model,
                            real_step *real, bool gives)
{
    const struct model m = play(history, model, real);
    unsigned long played = 1;
    if (history->length == most)
        return played;
    for (uint8_t step = 0; step < STEPS * CLIENTS; step++) {
        const unsigned c = step % CLIENTS;
        const bool dies = step / CLIENTS == DIE;
        if (m.state[c] == DEAD || (m.state[c] == WAITS && !dies) ||
            (step / CLIENTS == GIVE && !gives))
            continue;
        history->step[history->length++] = step;
        played += search(history, most, model, real, gives);
        history->length--;
    }
    return played;
}

Test(oct_syncs, every_order_of_locking_unlocking_and_dying)
{
    struct history history = { 0 };
    const unsigned long played = search(&history, 6, lock_model, lock_real, true);
    cr_assert_gt(played, 1000, "only %lu", played);
}

Test(oct_syncs, every_order_of_coming_to_a_barrier_and_dying)
{
    struct history history = { 0 };
    const unsigned long played = search(&history, 9, barrier_model, barrier_real, false);
    cr_assert_gt(played, 1000, "only %lu", played);
}

Test(oct_syncs, every_order_of_waiting_posting_and_dying)
{
    struct history history = { 0 };
    const unsigned long played = search(&history, 5, semaphore_model, semaphore_real, true);
    cr_assert_gt(played, 1000, "only %lu", played);
}
