/* SPDX-License-Identifier: MIT
 *
 * The yardstick: cache lines bounced between two threads of the host.
 *
 * pingpong
 *
 * Two threads, each bound to a CPU of its own, take turns writing a counter and waiting for the
 * other's: both into one line (roundtrip.host.one), or each into a line of its own
 * (roundtrip.host.two), as every channel must where nobody writes into the other's memory.  With
 * one line the answer is cheaper: reading a line that the other has just written brings the right
 * to write it, too.
 *
 * Prints "bench NAME MEDIAN MIN MAX": cycles for one round trip, of BATCHES batches; the figure of
 * a batch is the median of its groups, each so short that most are spared when the host takes a CPU
 * away. The guest does the same (guest/user/apps/idcbench/roundtrip.c).
 */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define BATCHES 10
#define GROUPS 50
#define GROUP_ROUNDS 20
#define ROUNDS (GROUPS * GROUP_ROUNDS)

static struct {
    alignas(128) _Atomic uint64_t word; /* alignment: processors fetch lines in pairs */
} line[2];
static atomic_bool ready; /* the other thread is on its CPU */

struct task {
    int cpu;
    _Atomic uint64_t *in, *out; /* of the thread that answers */
};

/* The n-th CPU we may use, or -1. */
static int usable_cpu(unsigned n)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && n-- == 0)
            return cpu;
    return -1;
}

static void bind_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    if (error) {
        fprintf(stderr, "pingpong: cannot use CPU %d: %s\n", cpu, strerror(error));
        exit(3);
    }
}

static inline void await(_Atomic uint64_t *word, uint64_t value)
{
    while (atomic_load_explicit(word, memory_order_acquire) != value)
        _mm_pause();
}

/* Odd: sent; even: answered. */
static void *answer(void *argument)
{
    const struct task *task = argument;
    bind_to(task->cpu);
    atomic_store(&ready, true);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        await(task->in, 2 * i + 1);
        atomic_store_explicit(task->out, 2 * i + 2, memory_order_release);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *sample, unsigned count)
{
    qsort(sample, count, sizeof(sample[0]), compare);
    return sample[count / 2];
}

/* Cycles per round trip. */
static uint64_t batch(struct task *task)
{
    uint64_t group[GROUPS], round = 0;
    pthread_t thread;
    atomic_store(&line[0].word, 0);
    atomic_store(&line[1].word, 0);
    atomic_store(&ready, false);
    int error = pthread_create(&thread, NULL, answer, task);
    if (error) {
        fprintf(stderr, "pingpong: no second thread: %s\n", strerror(error));
        exit(3);
    }
    while (!atomic_load(&ready))
        _mm_pause();
    for (unsigned i = 0; i < GROUPS; i++) {
        uint64_t start = __rdtsc();
        for (unsigned j = 0; j < GROUP_ROUNDS; j++, round++) {
            atomic_store_explicit(task->in, 2 * round + 1, memory_order_release);
            await(task->out, 2 * round + 2);
        }
        group[i] = (__rdtsc() - start) / GROUP_ROUNDS;
    }
    pthread_join(thread, NULL);
    return median(group, GROUPS);
}

int main(void)
{
    struct task one = { usable_cpu(1), &line[0].word, &line[0].word };
    struct task two = { usable_cpu(1), &line[0].word, &line[1].word };
    uint64_t with_one[BATCHES], with_two[BATCHES];
    if (one.cpu < 0) {
        fprintf(stderr, "pingpong: two CPUs are needed\n");
        return 3;
    }
    bind_to(usable_cpu(0));
    for (unsigned i = 0; i < BATCHES; i++) {
        with_one[i] = batch(&one);
        with_two[i] = batch(&two);
    }
    uint64_t median_one = median(with_one, BATCHES), median_two = median(with_two, BATCHES);
    printf("bench roundtrip.host.one %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", median_one,
           with_one[0], with_one[BATCHES - 1]);
    printf("bench roundtrip.host.two %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", median_two,
           with_two[0], with_two[BATCHES - 1]);
    return 0;
}
