/* SPDX-License-Identifier: MIT
 *
 * The yardstick: a cache line bounced between two threads of the host.
 *
 * pingpong [ROUNDS [BATCHES]]
 *
 * Two threads, each bound to a CPU of its own, take turns writing a counter into one cache line and
 * waiting for the other's.  Prints "bench roundtrip.host MEDIAN MIN MAX": cycles for one round trip,
 * the mean of a batch, over the batches.  Nothing but the memory system is measured; every other round
 * trip of docs/performance.md is given as a multiple of this one.
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

#define BATCHES_MAX 1000

static struct {
    alignas(128) _Atomic uint64_t word; /* odd: sent, even: answered */
} line;
static atomic_bool ready; /* the other thread is on its CPU */

struct task {
    int cpu;
    uint64_t rounds;
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

static void *answer(void *argument)
{
    const struct task *task = argument;
    bind_to(task->cpu);
    atomic_store(&ready, true);
    for (uint64_t i = 0; i < task->rounds; i++) {
        while (atomic_load_explicit(&line.word, memory_order_acquire) != 2 * i + 1) {
        }
        atomic_store_explicit(&line.word, 2 * i + 2, memory_order_release);
    }
    return NULL;
}

/* Cycles per round trip. */
static uint64_t batch(const struct task *task)
{
    uint64_t start = __rdtsc();
    for (uint64_t i = 0; i < task->rounds; i++) {
        atomic_store_explicit(&line.word, 2 * i + 1, memory_order_release);
        while (atomic_load_explicit(&line.word, memory_order_acquire) != 2 * i + 2) {
        }
    }
    return (__rdtsc() - start) / task->rounds;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t number(const char *text, uint64_t max)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*end != '\0' || value == 0 || value > max) {
        fprintf(stderr, "pingpong: expected a number from 1 to %" PRIu64 ", not '%s'\n", max, text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? number(argv[1], UINT32_MAX) : 1000;
    uint64_t batches = argc > 2 ? number(argv[2], BATCHES_MAX) : 10;
    static uint64_t sample[BATCHES_MAX];
    struct task here = { usable_cpu(0), rounds }, there = { usable_cpu(1), rounds };
    if (there.cpu < 0) {
        fprintf(stderr, "pingpong: two CPUs are needed\n");
        return 3;
    }
    bind_to(here.cpu);
    for (uint64_t i = 0; i < batches; i++) {
        pthread_t thread;
        atomic_store(&line.word, 0);
        atomic_store(&ready, false);
        int error = pthread_create(&thread, NULL, answer, &there);
        if (error) {
            fprintf(stderr, "pingpong: no second thread: %s\n", strerror(error));
            return 3;
        }
        while (!atomic_load(&ready)) {
        }
        sample[i] = batch(&here);
        pthread_join(thread, NULL);
    }
    qsort(sample, batches, sizeof(sample[0]), compare);
    printf("bench roundtrip.host %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sample[batches / 2], sample[0],
           sample[batches - 1]);
    return 0;
}
