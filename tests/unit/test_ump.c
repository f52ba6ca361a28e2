/* SPDX-License-Identifier: MIT
 *
 * UMP rings: line format, epochs, window, acknowledgements, sleeping (overview 3.2), step by step
 * and with two threads on one pair of rings.
 */
/* link: guest/user/lib/barrelfish/ring/ump_ring.c */
#include <barrelfish/ump_impl.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#define BYTES 2048
#define LINES (BYTES / UMP_LINE_BYTES - 1)
#define WINDOW (LINES - 2)
#define TYPE 5

static char memory[2][UMP_MAX_LINES * UMP_LINE_BYTES] __attribute__((aligned(64)));
static struct ump_ring_pair a, b;

static void connect(size_t bytes)
{
    memset(memory, 0, sizeof(memory));
    cr_assert(err_is_ok(ump_ring_pair_init(&a, memory[0], bytes, memory[1], bytes)));
    cr_assert(err_is_ok(ump_ring_pair_init(&b, memory[1], bytes, memory[0], bytes)));
}

static void set_up(void)
{
    connect(BYTES);
}

static bool send(struct ump_ring_pair *from, uint64_t value, bool acking)
{
    struct ump_control control;
    volatile struct ump_message *message = ump_ring_next(from, &control, acking);

    if (message == NULL)
        return false;
    for (unsigned i = 0; i < UMP_PAYLOAD_WORDS; i++)
        message->data[i] = value + i;
    ump_ring_commit(from, message, control, acking ? UMP_MSGTYPE_ACK : TYPE);
    return true;
}

/* Takes one line; false if there is none. */
static bool receive(struct ump_ring_pair *to, unsigned *type, uint64_t *value)
{
    volatile struct ump_message *message = ump_ring_peek(to, type);

    if (message == NULL)
        return false;
    *value = message->data[0];
    for (unsigned i = 1; *type == TYPE && i < UMP_PAYLOAD_WORDS; i++)
        cr_assert_eq(message->data[i], *value + i);
    ump_ring_consume(to);
    return true;
}

TestSuite(ump, .init = set_up, .timeout = 120);

Test(ump, line_is_payload_and_a_control_word)
{
    volatile uint64_t *word = (volatile uint64_t *)memory[1];

    cr_assert_eq(sizeof(struct ump_message), UMP_LINE_BYTES);
    cr_assert(send(&a, 0x1000, false));
    cr_assert_eq(word[0], 0x1000);
    cr_assert_eq(word[6], 0x1006);
    /* epoch 1, type 5 in bits 1-15, ack 0 */
    cr_assert_eq(word[7], 1 | TYPE << 1);
    cr_assert_eq(word[8 + 7], 0);

    unsigned type;
    uint64_t value;
    cr_assert(receive(&b, &type, &value));
    cr_assert(type == TYPE && value == 0x1000);
    /* the answer acknowledges message 1 in bits 16-31 */
    cr_assert(send(&b, 0x2000, false));
    cr_assert_eq(((volatile uint64_t *)memory[0])[7], 1 | TYPE << 1 | 1 << 16);
}

Test(ump, control_word_is_the_last_thing_written)
{
    struct ump_control control;
    volatile struct ump_message *message = ump_ring_next(&a, &control, false);
    unsigned type;

    message->data[0] = 1;
    cr_assert(!ump_ring_has_line(&b));
    cr_assert_null((void *)ump_ring_peek(&b, &type));
    ump_ring_commit(&a, message, control, TYPE);
    cr_assert(ump_ring_has_line(&b));
}

Test(ump, sender_never_overwrites_an_unread_line)
{
    unsigned sent = 0;
    char before[BYTES];

    while (send(&a, sent * 100, false))
        sent++;
    cr_assert_eq(sent, WINDOW);
    memcpy(before, memory[1], BYTES);
    cr_assert(!send(&a, 99, false));
    cr_assert_arr_eq(before, memory[1], BYTES);
    for (unsigned i = 0; i < sent; i++) {
        unsigned type;
        uint64_t value;

        cr_assert(receive(&b, &type, &value));
        cr_assert_eq(value, i * 100);
    }
    cr_assert(!ump_ring_has_line(&b));
}

Test(ump, reading_alone_does_not_open_the_window_an_ack_does)
{
    unsigned type;
    uint64_t value;

    while (send(&a, 1, false)) {
    }
    for (int i = 0; i < 10; i++)
        cr_assert(receive(&b, &type, &value));
    ump_ring_harvest_acks(&a);
    cr_assert(!send(&a, 1, false));
    cr_assert(send(&b, 7, false)); /* carries the ack */
    cr_assert_eq(ump_ring_window(&a), 0);
    ump_ring_harvest_acks(&a); /* without reading the message */
    cr_assert_eq(ump_ring_window(&a), 10);
    for (int i = 0; i < 10; i++)
        cr_assert(send(&a, 1, false));
    cr_assert(!send(&a, 1, false));
    cr_assert(receive(&a, &type, &value));
    cr_assert_eq(value, 7);
}

Test(ump, explicit_ack_is_due_after_half_a_ring)
{
    unsigned type;
    uint64_t value;

    for (unsigned i = 0; i < LINES / 2; i++) {
        cr_assert(!ump_ring_ack_due(&b));
        cr_assert(send(&a, 1, false));
        cr_assert(receive(&b, &type, &value));
    }
    cr_assert(ump_ring_ack_due(&b));
    cr_assert(send(&b, 0, true));
    cr_assert(!ump_ring_ack_due(&b));
    cr_assert(receive(&a, &type, &value));
    cr_assert_eq(type, UMP_MSGTYPE_ACK);
    cr_assert_eq(ump_ring_window(&a), WINDOW);
}

Test(ump, line_is_kept_for_the_ack_when_both_windows_are_closed)
{
    unsigned type;
    uint64_t value;

    while (send(&a, 1, false)) {
    }
    while (send(&b, 2, false)) {
    }
    while (receive(&b, &type, &value)) {
    }
    cr_assert(ump_ring_ack_due(&b));
    cr_assert(!send(&b, 3, false));
    cr_assert(send(&b, 0, true));
    cr_assert(!send(&b, 0, true), "one line must stay open");
    ump_ring_harvest_acks(&a);
    cr_assert_eq(ump_ring_window(&a), WINDOW);
}

Test(ump, epoch_flips_with_each_pass)
{
    unsigned type;
    uint64_t value;

    for (unsigned i = 0; i < 3 * LINES; i++) {
        unsigned line = i % LINES, pass = i / LINES;

        cr_assert(send(&a, i, false));
        cr_assert_eq(((volatile uint64_t *)memory[1])[line * 8 + 7] & 1, (pass + 1) & 1);
        cr_assert(receive(&b, &type, &value));
        cr_assert_eq(value, i);
        cr_assert(!ump_ring_has_line(&b));
        cr_assert(send(&b, i, false));
        cr_assert(receive(&a, &type, &value));
    }
}

Test(ump, ids_wrap_around)
{
    unsigned type;
    uint64_t value;

    for (uint64_t i = 0; i < 200000; i++) {
        cr_assert(send(&a, i, false));
        cr_assert(receive(&b, &type, &value));
        cr_assert_eq(value, i);
        if (ump_ring_ack_due(&b)) {
            cr_assert(send(&b, 0, true));
            cr_assert(receive(&a, &type, &value));
        }
    }
    cr_assert_eq(ump_ring_window(&a), WINDOW - (uint16_t)(a.sent_id - a.ack_id));
}

Test(ump, impossible_ack_does_not_open_the_window)
{
    volatile uint64_t *word = (volatile uint64_t *)memory[0];
    unsigned type;

    for (int i = 0; i < 3; i++)
        cr_assert(send(&a, 1, false));
    word[7] = UMP_CONTROL(1, TYPE, 500); /* acknowledges what was never sent */
    ump_ring_harvest_acks(&a);
    cr_assert_eq(ump_ring_window(&a), WINDOW - 3);
    word[7] = UMP_CONTROL(1, TYPE, 2);
    ump_ring_harvest_acks(&a);
    cr_assert_eq(ump_ring_window(&a), WINDOW - 1);
    word[7] = UMP_CONTROL(1, TYPE, 1); /* goes back */
    ump_ring_harvest_acks(&a);
    cr_assert_eq(ump_ring_window(&a), WINDOW - 1);
    word[7] = UMP_CONTROL(1, TYPE, 3);
    cr_assert_not_null((void *)ump_ring_peek(&a, &type));
    cr_assert_eq(ump_ring_window(&a), WINDOW - 1, "looking at a line changes nothing");
    ump_ring_consume(&a);
    cr_assert_eq(ump_ring_window(&a), WINDOW);
}

Test(ump, receiver_writes_nothing_into_the_senders_ring)
{
    char before[BYTES];
    unsigned type;
    uint64_t value;

    for (int i = 0; i < 10; i++)
        cr_assert(send(&a, 1, false));
    memcpy(before, memory[1], BYTES);
    while (receive(&b, &type, &value)) {
    }
    ump_ring_arm(&b);
    ump_ring_disarm(&b);
    cr_assert(send(&b, 1, false));
    cr_assert_arr_eq(before, memory[1], BYTES);
}

Test(ump, wake_flag_is_odd_while_asleep_and_new_each_time)
{
    uint64_t first, second;

    cr_assert_eq(ump_ring_peer_wake(&a), 0);
    ump_ring_arm(&b);
    first = ump_ring_peer_wake(&a);
    cr_assert_eq(first & 1, 1);
    cr_assert_eq(*(volatile uint64_t *)(memory[0] + LINES * UMP_LINE_BYTES), first);
    ump_ring_disarm(&b);
    cr_assert_eq(ump_ring_peer_wake(&a) & 1, 0);
    ump_ring_arm(&b);
    second = ump_ring_peer_wake(&a);
    cr_assert(second > first && (second & 1));
    ump_ring_arm(&b); /* not disarmed in between */
    cr_assert(ump_ring_peer_wake(&a) > second && (ump_ring_peer_wake(&a) & 1));
}

Test(ump, buffers_must_be_whole_aligned_lines)
{
    struct ump_ring_pair p;

    cr_assert_eq(err_no(ump_ring_pair_init(&p, memory[0] + 8, BYTES, memory[1], BYTES)),
                 LIB_ERR_UMP_BUFADDR_INVALID);
    cr_assert_eq(err_no(ump_ring_pair_init(&p, memory[0], BYTES + 8, memory[1], BYTES)),
                 LIB_ERR_UMP_BUFSIZE_INVALID);
    cr_assert_eq(err_no(ump_ring_pair_init(&p, memory[0], 4 * 64, memory[1], BYTES)),
                 LIB_ERR_UMP_BUFSIZE_INVALID);
    cr_assert_eq(
        err_no(ump_ring_pair_init(&p, memory[0], BYTES, memory[1], sizeof(memory[1]) + 64)),
        LIB_ERR_UMP_BUFSIZE_INVALID);
    cr_assert(err_is_ok(ump_ring_pair_init(&p, memory[0], 5 * 64, memory[1], 5 * 64)));
}

/* ---- two threads ---- */

#define MESSAGES 100000

static int finished; /* sides that have sent and received everything */

/* Each side sends MESSAGES and receives MESSAGES; the payload says which.  Then it goes on
 * acknowledging until the other side has finished, too. */
static void *ping(void *arg)
{
    struct ump_ring_pair *me = arg;
    uint64_t sent = 0, received = 0;
    bool counted = false;
    unsigned type;

    while (__atomic_load_n(&finished, __ATOMIC_ACQUIRE) < 2) {
        volatile struct ump_message *message = ump_ring_peek(me, &type);

        if (message != NULL) {
            if (type == TYPE) {
                for (unsigned i = 0; i < UMP_PAYLOAD_WORDS; i++)
                    cr_assert_eq(message->data[i], received * 3 + i, "torn, lost or doubled");
                received++;
            }
            ump_ring_consume(me);
        }
        if (ump_ring_ack_due(me))
            send(me, 0, true); /* or later, when there is a line */
        /* uneven loads: one side sends in bursts */
        for (int burst = me == &a ? 1 : 40; burst > 0 && sent < MESSAGES; burst--) {
            if (!send(me, sent * 3, false))
                break;
            sent++;
        }
        if (!counted && sent == MESSAGES && received == MESSAGES) {
            counted = true;
            __atomic_add_fetch(&finished, 1, __ATOMIC_RELEASE);
        }
        if (message == NULL)
            sched_yield();
    }
    cr_assert_eq(received, MESSAGES);
    return NULL;
}

static void run_pair(size_t bytes)
{
    pthread_t thread;

    connect(bytes);
    finished = 0;
    cr_assert_eq(pthread_create(&thread, NULL, ping, &b), 0);
    ping(&a);
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(ump, two_threads_over_a_default_ring)
{
    run_pair(BYTES);
}

Test(ump, two_threads_over_the_smallest_ring)
{
    run_pair(UMP_MIN_LINES * UMP_LINE_BYTES);
}

Test(ump, two_threads_over_a_large_ring)
{
    run_pair(64 * 1024);
}

/* Sleep instead of poll: the receiver sleeps after every empty look; a lost wake-up hangs. */
#define SLEEPS 20000

static sem_t notification;
static uint64_t notifications;

static void *sleepy_receiver(void *arg)
{
    uint64_t received = 0, value;
    unsigned type;

    (void)arg;
    while (received < SLEEPS) {
        while (receive(&b, &type, &value)) {
            cr_assert_eq(value, received);
            received++;
            if (ump_ring_ack_due(&b))
                cr_assert(send(&b, 0, true));
        }
        if (received == SLEEPS)
            break;
        ump_ring_arm(&b);
        if (!ump_ring_has_line(&b))
            sem_wait(&notification);
        ump_ring_disarm(&b);
    }
    return NULL;
}

Test(ump, sleeping_receiver_never_misses_a_message)
{
    pthread_t thread;
    uint64_t notified = 0, value;
    unsigned type;

    sem_init(&notification, 0, 0);
    cr_assert_eq(pthread_create(&thread, NULL, sleepy_receiver, NULL), 0);
    while (!(ump_ring_peer_wake(&a) & 1)) /* one sleep at least, whoever is faster afterwards */
        sched_yield();
    for (uint64_t i = 0; i < SLEEPS; i++) {
        while (!send(&a, i, false)) {
            while (receive(&a, &type, &value)) {
            }
            sched_yield();
        }
        uint64_t wake = ump_ring_peer_wake(&a);
        if ((wake & 1) && wake != notified) {
            notified = wake;
            notifications++;
            sem_post(&notification);
        }
        if (i % 7 == 0)
            sched_yield();
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_gt(notifications, 0);
    cr_assert_leq(notifications, SLEEPS);
}

/* The decisive moment, many times over: one side commits and reads the wake flag while the other
 * sets it and looks at the ring.  With both fences, one of the two always sees the other. */
#define MOMENTS 20000

static int stage; /* both count up to the next moment */

static void meet(int moment)
{
    __atomic_add_fetch(&stage, 1, __ATOMIC_SEQ_CST);
    for (unsigned spins = 0; __atomic_load_n(&stage, __ATOMIC_ACQUIRE) < 2 * moment; spins++)
        if (spins > 1000)
            sched_yield();
}

static bool saw_line[2]; /* by parity, so that the next moment does not overwrite it */

static void *falls_asleep(void *arg)
{
    uint64_t value;
    unsigned type;

    (void)arg;
    for (int i = 0; i < MOMENTS; i++) {
        meet(2 * i + 1);
        ump_ring_arm(&b);
        saw_line[i & 1] = ump_ring_has_line(&b);
        meet(2 * i + 2);
        cr_assert(receive(&b, &type, &value)); /* committed before we met */
        if (ump_ring_ack_due(&b))
            send(&b, 0, true);
        ump_ring_disarm(&b);
    }
    return NULL;
}

Test(ump, sender_sees_the_flag_or_the_sleeper_sees_the_line)
{
    pthread_t thread;
    uint64_t value;
    unsigned type;

    stage = 0;
    cr_assert_eq(pthread_create(&thread, NULL, falls_asleep, NULL), 0);
    for (int i = 0; i < MOMENTS; i++) {
        struct ump_control control;
        volatile struct ump_message *message;

        while ((message = ump_ring_next(&a, &control, false)) == NULL)
            receive(&a, &type, &value);
        for (unsigned j = 0; j < UMP_PAYLOAD_WORDS; j++)
            message->data[j] = (uint64_t)i + j;
        meet(2 * i + 1);
        ump_ring_commit(&a, message, control, TYPE);
        bool saw_flag = ump_ring_peer_wake(&a) & 1;
        meet(2 * i + 2);
        cr_assert(saw_flag || saw_line[i & 1], "a message was missed at moment %d", i);
        receive(&a, &type, &value);
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
}
