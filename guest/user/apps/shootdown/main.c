/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown: one domain on several cores unmaps what all of them read, and makes read-only what
 * all of them write (docs/monitor.md).
 *
 *   shootdown test              a thread on every other core reads a page without a pause while the
 *                               first core unmaps it, by each protocol: no read that begins after
 *                               unmap has returned succeeds, and none sees what is written into
 *                               the frame afterwards.  The same with writers, while the first core
 *                               takes the right to write from two pages of four; a core to which
 *                               the domain spans afterwards has it not either
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
#define ACCESS_BYTES 2 /* of the instruction that reads or writes the page: 8b 07, 89 07 */
#define PAGES 4        /* of what is written; one and two become read-only */

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
static bool returned; /* unmap or protect has */
static struct {
    uint64_t accesses;
    bool faulted;
} reader[CORES_MAX];

static __thread bool *fault_seen;

static void skip_access(enum exception_type type, int subtype, void *addr,
                        arch_registers_state_t *regs)
{
    (void)subtype;
    CHECK(type == EXCEPT_PAGEFAULT && (uintptr_t)addr == (uintptr_t)page);
    *fault_seen = true;
    regs->rip += ACCESS_BYTES;
}

/* In one instruction of a known length. */
static uint32_t load(volatile uint32_t *from)
{
    uint32_t value = OLD;

    __asm__ volatile("movl (%%rdi), %%eax" : "+a"(value) : "D"(from) : "memory");
    return value;
}

static void store(volatile uint32_t *to, uint32_t value)
{
    __asm__ volatile("movl %%eax, (%%rdi)" : : "a"(value), "D"(to) : "memory");
}

static void skip_faults(uintptr_t me)
{
    static char stack[CORES_MAX][8192] __attribute__((aligned(16)));

    fault_seen = &reader[me].faulted;
    CHECK_OK(thread_set_exception_handler(skip_access, NULL, stack[me],
                                          stack[me] + sizeof(stack[me]), NULL, NULL));
}

static void fault_as_usual(void)
{
    thread_set_exception_handler(NULL, NULL, NULL, NULL, NULL, NULL);
}

static int read_until_it_faults(void *arg)
{
    const uintptr_t me = (uintptr_t)arg;

    skip_faults(me);
    thread_sem_post(&done_one);
    for (;;) {
        const bool too_late = __atomic_load_n(&returned, __ATOMIC_ACQUIRE);
        const uint32_t value = load(page);

        if (reader[me].faulted)
            break;
        CHECK(!too_late);
        CHECK(value == OLD);
        __atomic_fetch_add(&reader[me].accesses, 1, __ATOMIC_RELAXED);
    }
    fault_as_usual();
    return 1;
}

static int write_until_it_faults(void *arg)
{
    const uintptr_t me = (uintptr_t)arg;

    skip_faults(me);
    thread_sem_post(&done_one);
    for (;;) {
        const bool too_late = __atomic_load_n(&returned, __ATOMIC_ACQUIRE);

        store(page, OLD);
        if (reader[me].faulted)
            break;
        CHECK(!too_late);
        __atomic_fetch_add(&reader[me].accesses, 1, __ATOMIC_RELAXED);
    }
    fault_as_usual();
    return 1;
}

static void all_are_at_it(unsigned cores)
{
    for (unsigned core = 1; core < cores; core++)
        while (__atomic_load_n(&reader[core].accesses, __ATOMIC_RELAXED) < 100)
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

static struct thread *worker[CORES_MAX];

/* On every other core, until each has used the page for a while. */
static void begin_on_others(unsigned cores, thread_func_t work, void *used)
{
    page = used;
    returned = false;
    memset(reader, 0, sizeof(reader));
    for (unsigned core = 1; core < cores; core++)
        CHECK_OK(
            domain_thread_create_on((coreid_t)core, work, (void *)(uintptr_t)core, &worker[core]));
    for (unsigned core = 1; core < cores; core++)
        thread_sem_wait(&done_one);
    all_are_at_it(cores);
}

static void all_have_faulted(unsigned cores)
{
    for (unsigned core = 1; core < cores; core++) {
        int faulted = 0;

        CHECK_OK(domain_thread_join(worker[core], &faulted));
        CHECK(faulted == 1);
    }
}

static void test_once(unsigned cores)
{
    struct capref frame;
    void *memory;

    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    CHECK_OK(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL));
    *(volatile uint32_t *)memory = OLD;
    begin_on_others(cores, read_until_it_faults, memory);
    CHECK_OK(vspace_unmap(memory));
    __atomic_store_n(&returned, true, __ATOMIC_RELEASE);
    use_frame_again(frame);
    all_have_faulted(cores);
    CHECK_OK(cap_destroy(frame));
}

/* ---- nobody writes it afterwards ---- */

struct pages {
    char page[PAGES][BASE_PAGE_SIZE];
};

/* A bit for each page that can be written. */
static int which_can_be_written(void *arg)
{
    struct pages *pages = arg;
    const uintptr_t me = disp_get_core_id();
    int written = 0;

    skip_faults(me);
    for (unsigned i = 0; i < PAGES; i++) {
        page = (volatile uint32_t *)pages->page[i];
        reader[me].faulted = false;
        store(page, NEWER);
        written |= reader[me].faulted ? 0 : 1 << i;
        CHECK(*page == NEWER || reader[me].faulted);
    }
    fault_as_usual();
    return written;
}

static int written_on(unsigned core, struct pages *pages)
{
    struct thread *thread;
    int written = 0;

    CHECK_OK(domain_thread_create_on((coreid_t)core, which_can_be_written, pages, &thread));
    CHECK_OK(domain_thread_join(thread, &written));
    return written;
}

/* As a program on another core asks for it. */
static int make_writable(void *arg)
{
    struct pages *pages = arg;

    CHECK_OK(vspace_protect(pages->page[1], BASE_PAGE_SIZE, VREGION_FLAGS_READ_WRITE));
    return 0;
}

/* The last core joins when the rights have been taken. */
static void test_rights(unsigned cores)
{
    struct capref frame;
    struct pages *pages;
    void *memory;

    CHECK_OK(frame_alloc(&frame, sizeof(*pages), NULL));
    CHECK_OK(vspace_map_one_frame(&memory, sizeof(*pages), frame, NULL, NULL));
    pages = memory;
    begin_on_others(cores - 1, write_until_it_faults, pages->page[2]);
    CHECK_OK(vspace_protect(pages->page[1], 2 * BASE_PAGE_SIZE, VREGION_FLAGS_READ));
    __atomic_store_n(&returned, true, __ATOMIC_RELEASE);
    all_have_faulted(cores - 1);
    span_to(cores - 1, cores);
    for (unsigned core = 0; core < cores; core++)
        CHECK(written_on(core, pages) == 0x9);

    struct thread *thread;
    CHECK_OK(domain_thread_create_on(1, make_writable, pages, &thread));
    CHECK_OK(domain_thread_join(thread, NULL));
    for (unsigned core = 0; core < cores; core++)
        CHECK(written_on(core, pages) == 0xb);
    CHECK_OK(vspace_unmap(memory));
    CHECK_OK(cap_destroy(frame));
    printf("shootdown: no write on %u cores after the right was taken\n", cores);
}

static void test(unsigned cores)
{
    span_to(1, cores - 1);
    test_rights(cores);
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
