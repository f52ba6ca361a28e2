/* SPDX-License-Identifier: MIT
 *
 * What the files of the benchmark share.
 */
#ifndef IDCBENCH_H
#define IDCBENCH_H

#include <barrelfish/barrelfish.h>
#include <if/idcbench_defs.h>

/* The processor's cycles. */
static inline uint64_t cycles(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* Instructions executed so far by this core, where tests/bench/count runs us: it finds the number
 * in RAX when a basic block begins, and puts the count there.  Elsewhere the number itself. */
#define COUNT_ALL 0x1dcbe9c4a11c0de5  /* of all rings */
#define COUNT_USER 0x1dcbe9c4053c0de5 /* of ring 3 */
/* The first begins to count what this domain executes in ring 3, the second, in any domain, is that
 * count. */
#define COUNT_MARK 0x1dcbe9c40a4c0de5
#define COUNT_MARKED 0x1dcbe9c40a4d0de5

static inline __attribute__((always_inline)) uint64_t instructions(uint64_t which)
{
    uint64_t count;

    __asm__ volatile("movabs %1, %%rax\n\tjmp 1f\n1:" : "=a"(count) : "i"(which) : "memory");
    return count;
}

/* A word of the channel's memory that its protocol does not use, in the writer's control line. */
static inline volatile uint64_t *spare_word(const struct ump_chan_state *half)
{
    return &half->control->reserved[0];
}

/* Waits for one line of the bare channel; polls for ever. */
static inline volatile struct ump_message *bare_receive(struct ump_chan *chan)
{
    volatile struct ump_message *message;
    unsigned type;

    while (err_is_fail(ump_chan_recv(chan, &message, &type)))
        __asm__ volatile("pause");
    return message;
}

#define BARE_TYPE UMP_MSGTYPE_FIRST_USER

/* Sends a line of `words` words over the bare channel. */
static inline __attribute__((always_inline)) void bare_send(struct ump_chan *chan, unsigned words,
                                                            uint64_t value)
{
    struct ump_control control;
    volatile struct ump_message *line;

    while ((line = ump_chan_get_next(chan, &control)) == NULL)
        __asm__ volatile("pause");
    for (unsigned i = 0; i < words; i++)
        line->data[i] = value;
    ump_chan_commit(chan, line, control, BARE_TYPE);
}

/* The next message of an LMP channel that nobody listens on; gives the core away until it is
 * there. */
static inline void bare_lmp_receive(struct lmp_chan *chan, struct lmp_recv_msg *msg)
{
    struct capref cap;

    while (err_is_fail(lmp_chan_recv(chan, msg, &cap)))
        thread_yield_dispatcher(NULL_CAP);
}

static inline void must(errval_t err, const char *what)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "%s failed", what);
}

/* ---- results.c ---- */

#define SAMPLES_MAX 64

struct results {
    uint64_t sample[SAMPLES_MAX];
    unsigned count;
};

void results_add(struct results *results, uint64_t value);
uint64_t results_median(struct results *results);
/* Prints "bench NAME median MIN MAX", each less `overhead`; returns the median. */
uint64_t results_print(struct results *results, const char *name, uint64_t overhead);

/* ---- caps.c ---- */

/* Instructions of the CPU driver for operations on capabilities. */
void count_operations(void);

/* ---- server.c, count.c, roundtrip.c, checked.c ---- */

/* Exports the interface, registers it, serves for ever. */
void serve(void) __attribute__((noreturn));

/* Instructions from __tx to the handler.  `b` reaches the server, over LMP. */
void count_instructions(struct idcbench_binding *b);

/* Round trips.  `b` reaches the server, over UMP or LMP. */
void time_round_trips(struct idcbench_binding *b);

/* Round trips over a plain channel and over a checked one, both to the same server. */
void compare_checked(struct idcbench_binding *plain, struct idcbench_binding *checked);

/* Calls, one after the other, over whatever the binding goes. */
void time_calls(struct idcbench_binding *b);

#endif
