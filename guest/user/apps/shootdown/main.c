/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown: one domain on several cores unmaps what all of them read (docs/monitor.md).
 *
 *   shootdown test              a thread on every other core reads a page without a pause while the
 *                               first core unmaps it, by each protocol: no read that begins after
 *                               unmap has returned succeeds, and none sees what is written into
 *                               the frame afterwards
 *   shootdown measure CORE...   for each of these numbers of cores and each protocol, how long
 *                               unmap takes: a line "bench shootdown.PROTOCOL.CORES MEDIAN MIN MAX"
 *                               in cycles
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/domain.h>
#include <barrelfish/machine_topology.h>
#include <bench/bench.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORES_MAX 64
#define REPEATS 3
#define MEASURED_ROUNDS 7
#define OLD 0x0ddba11u
#define NEWER 0xf00du
#define LOAD_BYTES 2 /* of the instruction that reads the page: 8b 07 */

#define CHECK_OK(call)                                                         \
    do {                                                                       \
        errval_t check_err = (call);                                           \
        if (err_is_fail(check_err))                                            \
            USER_PANIC_ERR(check_err, "shootdown: FAILED, line %d", __LINE__); \
    } while (0)
#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition))                                                       \
            USER_PANIC("shootdown: FAILED: %s, line %d", #condition, __LINE__); \
    } while (0)

static struct thread_sem done_one = THREAD_SEM_INITIALIZER;

static void has_spanned(void *arg, errval_t err)
{
    (void)arg;
    CHECK_OK(err);
    thread_sem_post(&done_one);
}

/* One after the other: the domain has so many dispatchers from now on. */
static void span_to(unsigned from, unsigned cores)
{
    for (unsigned core = from; core < cores; core++) {
        CHECK_OK(domain_new_dispatcher((coreid_t)core, has_spanned, NULL));
        thread_sem_wait(&done_one);
    }
}

/* ---- nobody reads it afterwards ---- */

static volatile uint32_t *volatile page;
static bool returned; /* unmap has */
static struct {
    uint64_t reads;
    bool faulted;
} reader[CORES_MAX];

static __thread bool *fault_seen;

static void skip_load(enum exception_type type, int subtype, void *addr,
                      arch_registers_state_t *regs)
{
    (void)subtype;
    CHECK(type == EXCEPT_PAGEFAULT && (uintptr_t)addr == (uintptr_t)page);
    *fault_seen = true;
    regs->rip += LOAD_BYTES;
}

/* In one instruction of a known length. */
static uint32_t load(volatile uint32_t *from)
{
    uint32_t value = OLD;

    __asm__ volatile("movl (%%rdi), %%eax" : "+a"(value) : "D"(from) : "memory");
    return value;
}

static int read_until_it_faults(void *arg)
{
    static char stack[CORES_MAX][8192] __attribute__((aligned(16)));
    const uintptr_t me = (uintptr_t)arg;

    fault_seen = &reader[me].faulted;
    CHECK_OK(thread_set_exception_handler(skip_load, NULL, stack[me], stack[me] + sizeof(stack[me]),
                                          NULL, NULL));
    thread_sem_post(&done_one);
    for (;;) {
        const bool too_late = __atomic_load_n(&returned, __ATOMIC_ACQUIRE);
        const uint32_t value = load(page);

        if (reader[me].faulted)
            break;
        CHECK(!too_late);
        CHECK(value == OLD);
        __atomic_fetch_add(&reader[me].reads, 1, __ATOMIC_RELAXED);
    }
    thread_set_exception_handler(NULL, NULL, NULL, NULL, NULL, NULL);
    return 1;
}

static void all_read(unsigned cores)
{
    for (unsigned core = 1; core < cores; core++)
        while (__atomic_load_n(&reader[core].reads, __ATOMIC_RELAXED) < 100)
            thread_yield();
}

/* The frame, at another address. */
static void use_frame_again(struct capref frame)
{
    void *again;

    CHECK_OK(vspace_map_one_frame(&again, BASE_PAGE_SIZE, frame, NULL, NULL));
    *(volatile uint32_t *)again = NEWER;
    CHECK_OK(vspace_unmap(again));
}

static void test_once(unsigned cores)
{
    struct thread *thread[CORES_MAX];
    struct capref frame;
    void *memory;

    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    CHECK_OK(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL));
    page = memory;
    *page = OLD;
    returned = false;
    memset(reader, 0, sizeof(reader));
    for (unsigned core = 1; core < cores; core++)
        CHECK_OK(domain_thread_create_on((coreid_t)core, read_until_it_faults,
                                         (void *)(uintptr_t)core, &thread[core]));
    for (unsigned core = 1; core < cores; core++)
        thread_sem_wait(&done_one);
    all_read(cores);
    CHECK_OK(vspace_unmap(memory));
    __atomic_store_n(&returned, true, __ATOMIC_RELEASE);
    use_frame_again(frame);
    for (unsigned core = 1; core < cores; core++) {
        int faulted = 0;

        CHECK_OK(domain_thread_join(thread[core], &faulted));
        CHECK(faulted == 1);
    }
    CHECK_OK(cap_destroy(frame));
}

static void test(unsigned cores)
{
    span_to(1, cores);
    for (unsigned p = SHOOTDOWN_DEFAULT; p < SHOOTDOWN_PROTOCOLS; p++) {
        CHECK_OK(domain_set_shootdown((enum shootdown_protocol)p));
        for (unsigned i = 0; i < REPEATS; i++)
            test_once(cores);
        printf("shootdown: %s: no read on %u cores after unmap\n", shootdown_protocol_names[p],
               cores);
    }
    CHECK(err_no(domain_set_shootdown(SHOOTDOWN_PROTOCOLS)) == ERR_INVALID_ARGS);
    printf("shootdown: all parts passed\n");
}

/* ---- how long it takes ---- */

static int compare(const void *a, const void *b)
{
    const cycles_t x = *(const cycles_t *)a, y = *(const cycles_t *)b;

    return (x > y) - (x < y);
}

static void measure_one(enum shootdown_protocol protocol, unsigned cores)
{
    cycles_t taken[MEASURED_ROUNDS];
    struct capref frame;

    CHECK_OK(domain_set_shootdown(protocol));
    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    for (unsigned i = 0; i < MEASURED_ROUNDS; i++) {
        void *memory;

        CHECK_OK(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL));
        const cycles_t begun = bench_tsc();
        CHECK_OK(vspace_unmap(memory));
        taken[i] = bench_tsc() - begun;
    }
    CHECK_OK(cap_revoke(frame)); /* what the monitors keep for each time that it was mapped */
    CHECK_OK(cap_destroy(frame));
    qsort(taken, MEASURED_ROUNDS, sizeof(taken[0]), compare);
    printf("bench shootdown.%s.%u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
           shootdown_protocol_names[protocol], cores, taken[MEASURED_ROUNDS / 2], taken[0],
           taken[MEASURED_ROUNDS - 1]);
}

static void measure(unsigned count, char *sizes[], unsigned cores)
{
    unsigned spanned = 1;

    for (unsigned i = 0; i < count; i++) {
        const unsigned size = (unsigned)strtoul(sizes[i], NULL, 10);

        CHECK(size >= spanned && size <= cores);
        span_to(spanned, size);
        spanned = size;
        for (unsigned p = SHOOTDOWN_DEFAULT + 1; p < SHOOTDOWN_PROTOCOLS; p++)
            measure_one((enum shootdown_protocol)p, size);
    }
    printf("shootdown: measured\n");
}

int main(int argc, char *argv[])
{
    const struct abi_topology *machine;

    CHECK_OK(machine_topology_get(&machine));
    if (argc >= 2 && strcmp(argv[1], "test") == 0) {
        test(machine->core_count);
    } else if (argc >= 3 && strcmp(argv[1], "measure") == 0) {
        measure((unsigned)argc - 2, argv + 2, machine->core_count);
    } else {
        printf("usage: shootdown test | measure CORE...\n");
        return 2;
    }
    return 0;
}
