/* SPDX-License-Identifier: MIT
 *
 * A domain on all cores of the machine: one address space, a dispatcher and a thread on each core.
 *
 * Tries what <barrelfish/domain.h> promises: threads made on other cores, joined and moved from
 * any; mutexes, condition variables and semaphores between them; the heap from all of them at once;
 * memory that one maps and all use; capabilities sent from core to core.  Prints a line for each
 * part.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/domain.h>
#include <barrelfish/machine_topology.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 200
#define PIECES 64
#define CORES_MAX 64

static unsigned cores;
static struct thread_sem spanned = THREAD_SEM_INITIALIZER;
static __thread unsigned mine;

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            USER_PANIC("spanning: FAILED: %s, line %d", #condition, __LINE__); \
    } while (0)

static void passed(const char *what)
{
    printf("spanning: %s on %u cores\n", what, cores);
}

static void has_spanned(void *arg, errval_t err)
{
    (void)arg;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "spanning: FAILED");
    thread_sem_post(&spanned);
}

static struct thread *thread[CORES_MAX];

/* Runs a function on every core with a number, and adds up what it returns. */
static unsigned everywhere(thread_func_t function)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < cores; i++) {
        errval_t err =
            domain_thread_create_on((coreid_t)i, function, (void *)(uintptr_t)i, &thread[i]);
        CHECK(err_is_ok(err));
    }
    for (unsigned i = 0; i < cores; i++) {
        int value = 0;

        CHECK(err_is_ok(domain_thread_join(thread[i], &value)));
        sum += (unsigned)value;
    }
    return sum;
}

/* ---- where threads run ---- */

static int say_core(void *arg)
{
    CHECK(disp_get_core_id() == (uintptr_t)arg);
    mine = (unsigned)(uintptr_t)arg + 1;
    thread_yield();
    return (int)mine;
}

static void threads(void)
{
    CHECK(everywhere(say_core) == cores * (cores + 1) / 2);
    passed("threads are made and joined");
}

static int travel(void *arg)
{
    unsigned visited = 0;

    (void)arg;
    for (unsigned i = 0; i < 2 * cores; i++) {
        mine = i;
        CHECK(err_is_ok(domain_thread_move_to(thread_self(), (coreid_t)(i % cores))));
        CHECK(disp_get_core_id() == i % cores && mine == i);
        visited++;
    }
    return (int)visited;
}

static void moves(void)
{
    CHECK(everywhere(travel) == cores * 2 * cores);
    passed("threads move");
}

/* ---- synchronisation ---- */

static struct thread_mutex mutex = THREAD_MUTEX_INITIALIZER;
static struct thread_cond turn_changed = THREAD_COND_INITIALIZER;
static unsigned counter, turn;

static int count(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        thread_mutex_lock(&mutex);
        unsigned seen = counter;
        if (i % 16 == 0)
            thread_yield();
        counter = seen + 1;
        thread_mutex_unlock(&mutex);
    }
    return 0;
}

static int take_turns(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        thread_mutex_lock(&mutex);
        while (turn % cores != me)
            thread_cond_wait(&turn_changed, &mutex);
        turn++;
        thread_cond_broadcast(&turn_changed);
        thread_mutex_unlock(&mutex);
    }
    return 0;
}

static struct thread_sem ring[CORES_MAX];

/* A unit goes round all cores. */
static int pass_on(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        thread_sem_wait(&ring[me]);
        thread_sem_post(&ring[(me + 1) % cores]);
    }
    return 1;
}

static void synchronisation(void)
{
    everywhere(count);
    CHECK(counter == cores * ROUNDS);
    passed("a mutex excludes");
    everywhere(take_turns);
    CHECK(turn == cores * (ROUNDS / 10));
    passed("a condition variable wakes");
    for (unsigned i = 0; i < cores; i++)
        thread_sem_init(&ring[i], i == 0);
    everywhere(pass_on);
    CHECK(thread_sem_trywait(&ring[0]));
    passed("semaphores pass units on");
}

/* ---- memory ---- */

static char *piece[CORES_MAX][PIECES];

static int allocate(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < PIECES; i++) {
        size_t bytes = 1000 + 997 * i;

        piece[me][i] = malloc(bytes);
        CHECK(piece[me][i] != NULL);
        memset(piece[me][i], (int)(me + i), bytes);
    }
    return 0;
}

/* Frees what the next core has allocated. */
static int release(void *arg)
{
    const unsigned other = ((unsigned)(uintptr_t)arg + 1) % cores;

    for (unsigned i = 0; i < PIECES; i++) {
        size_t bytes = 1000 + 997 * i;

        CHECK(piece[other][i][0] == (char)(other + i) &&
              piece[other][i][bytes - 1] == (char)(other + i));
        free(piece[other][i]);
    }
    return 0;
}

static unsigned *table[CORES_MAX];

static int map_some(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;
    struct capref frame;
    void *memory;

    CHECK(err_is_ok(frame_alloc(&frame, 4 * BASE_PAGE_SIZE, NULL)));
    CHECK(err_is_ok(vspace_map_one_frame(&memory, 4 * BASE_PAGE_SIZE, frame, NULL, NULL)));
    table[me] = memory;
    table[me][5] = 100 + me;
    return 0;
}

static int read_all(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < cores; i++)
        CHECK(table[i][5] == 100 + i);
    return 0;
}

static int unmap_own(void *arg)
{
    return err_is_ok(vspace_unmap(table[(uintptr_t)arg]));
}

/* What the home has mapped anybody may unmap, else only who has mapped it. */
static int unmap_of_next(void *arg)
{
    const unsigned next = ((unsigned)(uintptr_t)arg + 1) % cores;

    return next == 0 || err_no(vspace_unmap(table[next])) == LIB_ERR_VSPACE_PROTECT;
}

/* ---- pages that are touched on one core are there on all ---- */

#define TOUCHED_PAGES 64
static struct memobj_anon anon;
static struct vregion region;

/* All cores touch all pages, each first those that are its own. */
static int touch_pages(void *arg)
{
    const unsigned core = (unsigned)(uintptr_t)arg;
    unsigned good = 0;

    for (unsigned page = core; page < TOUCHED_PAGES; page += cores)
        *(volatile unsigned *)(region.base + page * BASE_PAGE_SIZE) = page + 1;
    while (__atomic_load_n(&counter, __ATOMIC_ACQUIRE) < core)
        thread_yield();
    __atomic_fetch_add(&counter, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&counter, __ATOMIC_ACQUIRE) < cores)
        thread_yield();
    for (unsigned page = 0; page < TOUCHED_PAGES; page++)
        good += *(volatile unsigned *)(region.base + page * BASE_PAGE_SIZE) == page + 1;
    return (int)good;
}

static int map_region(void *arg)
{
    const genvaddr_t at = (genvaddr_t)arg; /* 0: anywhere */

    CHECK(err_is_ok(memobj_create_anon(&anon, TOUCHED_PAGES * BASE_PAGE_SIZE, 0)));
    return err_is_ok(at == 0 ? vregion_map(&region, get_current_vspace(), &anon.m, 0, anon.m.size,
                                           VREGION_FLAGS_READ_WRITE)
                             : vregion_map_fixed(&region, get_current_vspace(), &anon.m, 0,
                                                 anon.m.size, at, VREGION_FLAGS_READ_WRITE));
}

static int on_core(unsigned core, thread_func_t work, void *arg)
{
    struct thread *thread;
    int result = 0;

    CHECK(err_is_ok(domain_thread_create_on((coreid_t)core, work, arg, &thread)));
    CHECK(err_is_ok(domain_thread_join(thread, &result)));
    return result;
}

static int destroy_object(void *arg)
{
    (void)arg;
    return err_is_ok(memobj_destroy_anon(&anon.m));
}

static int is_empty(void *arg)
{
    unsigned *word = arg;

    return *word == 0;
}

/* The home destroys what another core has made: nobody has the old pages any more, that core
 * neither, so it may use the same addresses again. */
static void destroyed_elsewhere(void)
{
    CHECK(on_core(1, map_region, NULL));
    counter = 0;
    CHECK(everywhere(touch_pages) == cores * TOUCHED_PAGES);

    const genvaddr_t base = region.base;
    CHECK(err_is_ok(vregion_destroy(&region)));
    CHECK(disp_get_core_id() == 0);
    CHECK(on_core(1, destroy_object, NULL)); /* whose capabilities it has */
    CHECK(on_core(1, map_region, (void *)base));
    for (unsigned core = 0; core < cores; core++)
        CHECK(on_core(core, is_empty, (void *)base));
    CHECK(err_is_ok(vregion_destroy(&region)));
    CHECK(on_core(1, destroy_object, NULL));
    passed("a region of another core is gone on all");
}

static void paging(void)
{
    CHECK(err_is_ok(memobj_create_anon(&anon, TOUCHED_PAGES * BASE_PAGE_SIZE, 0)));
    CHECK(err_is_ok(vregion_map(&region, get_current_vspace(), &anon.m, 0,
                                TOUCHED_PAGES * BASE_PAGE_SIZE, VREGION_FLAGS_READ_WRITE)));
    counter = 0;
    CHECK(everywhere(touch_pages) == cores * TOUCHED_PAGES);
    CHECK(err_is_ok(vregion_destroy(&region)));
    CHECK(err_is_ok(memobj_destroy_anon(&anon.m)));
    passed("pages that one touches all see");
    destroyed_elsewhere();
}

static void memory(void)
{
    everywhere(allocate);
    everywhere(release);
    passed("the heap is shared");
    everywhere(map_some);
    everywhere(read_all);
    passed("what one maps all see");
    CHECK(everywhere(unmap_of_next) == cores);
    everywhere(read_all);
    passed("only who has mapped it unmaps it");
    CHECK(everywhere(unmap_own) == cores);
    everywhere(map_some);
    everywhere(read_all);
    passed("addresses are used again");
}

/* ---- capabilities ---- */

/* Each sends a frame with its number to the next one. */
static int send_frame(void *arg)
{
    const unsigned me = (unsigned)(uintptr_t)arg;
    struct capref frame, received;
    unsigned *words;
    void *mapped;

    CHECK(err_is_ok(frame_alloc(&frame, BASE_PAGE_SIZE, NULL)));
    CHECK(err_is_ok(domain_send_cap((coreid_t)((me + 1) % cores), frame)));
    CHECK(err_is_ok(vspace_map_one_frame(&mapped, BASE_PAGE_SIZE, frame, NULL, NULL)));
    words = mapped;
    words[0] = me + 1;
    CHECK(err_is_ok(domain_receive_cap(&received)));
    CHECK(err_is_ok(vspace_map_one_frame(&mapped, BASE_PAGE_SIZE, received, NULL, NULL)));
    while (*(volatile unsigned *)mapped == 0)
        thread_yield();
    return *(int *)mapped == (int)((me + cores - 1) % cores) + 1;
}

static void capabilities(void)
{
    CHECK(everywhere(send_frame) == cores);
    passed("capabilities travel");
}

/* Ends the domain from the last core. */
static int leave(void *arg)
{
    (void)arg;
    printf("spanning: all parts passed\n");
    exit(0);
}

int main(void)
{
    const struct abi_topology *machine;

    if (err_is_fail(machine_topology_get(&machine)))
        USER_PANIC("spanning: FAILED: no topology");
    cores = machine->core_count;
    for (unsigned i = 0; i < cores; i++) {
        errval_t err = domain_new_dispatcher((coreid_t)i, has_spanned, NULL);

        CHECK(err_is_ok(err));
    }
    for (unsigned i = 0; i < cores; i++)
        thread_sem_wait(&spanned);
    passed("dispatchers run");
    threads();
    moves();
    synchronisation();
    memory();
    paging();
    capabilities();
    domain_thread_create_on((coreid_t)(cores - 1), leave, NULL, NULL);
    for (;;)
        event_dispatch(get_default_waitset());
}
