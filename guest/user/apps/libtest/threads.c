/* SPDX-License-Identifier: MIT
 *
 * libtest: threads, preemption, synchronisation, exceptions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libtest.h"

static __thread int tls_value = 41;
static __thread int tls_zero;

static uintptr_t main_id;

static int returns_argument(void *arg)
{
    CHECK(tls_value == 41 && tls_zero == 0);
    tls_value = tls_zero = (int)(uintptr_t)arg;
    errno = (int)(uintptr_t)arg;
    thread_set_tls(arg);
    thread_yield();
    CHECK(tls_value == (int)(uintptr_t)arg && tls_zero == tls_value);
    CHECK(errno == (int)(uintptr_t)arg && thread_get_tls() == arg);
    CHECK(thread_id() != 0 && thread_id() != main_id);
    printf("libtest: thread %u\n", (unsigned)(uintptr_t)arg);
    return (int)(uintptr_t)arg;
}

void test_threads(void)
{
    struct thread *thread[8];
    int value;

    main_id = thread_id();
    tls_value = 1000;
    errno = 77;
    for (uintptr_t i = 0; i < 8; i++) {
        thread[i] = thread_create_varstack(returns_argument, (void *)(i + 1), 16384);
        CHECK(thread[i] != NULL);
    }
    for (int i = 7; i >= 0; i--) {
        CHECK_OK(thread_join(thread[i], &value));
        CHECK(value == i + 1);
    }
    CHECK(tls_value == 1000 && errno == 77);

    CHECK(thread_create_varstack(returns_argument, NULL, SIZE_MAX) == NULL);
    CHECK(thread_create_varstack(returns_argument, NULL, SIZE_MAX / 2 + 1) == NULL);

    struct thread *detached = thread_create(returns_argument, (void *)9);
    CHECK(detached != NULL);
    CHECK_OK(thread_detach(detached));
    CHECK(err_no(thread_join(detached, NULL)) == LIB_ERR_THREAD_JOIN_DETACHED);
    for (int i = 0; i < 4; i++)
        thread_yield();
}

static volatile bool spinning, stop;
static volatile double sum;

static int spins(void *arg)
{
    double x = *(double *)arg;

    spinning = true;
    while (!stop) {
        x = x * 1.0000001 + 0.5; /* lives in a register across preemptions */
        if (x > 1e6)
            x = *(double *)arg;
    }
    sum = x;
    return x >= 1.0 && x <= 1.1e6;
}

/* A thread that never gives up the core is preempted by the dispatcher's run upcall. */
void test_preemption(void)
{
    double start[2] = { 1.0, 2.0 };
    struct thread *a = thread_create(spins, &start[0]);
    struct thread *b = thread_create(spins, &start[1]);
    double mine = 3.25;
    int good;

    CHECK(a != NULL && b != NULL);
    for (int i = 0; i < 3; i++) {
        thread_yield(); /* comes back only because both are preempted */
        mine = mine * 2 - 3.25;
    }
    CHECK(spinning && mine == 3.25);
    stop = true;
    CHECK_OK(thread_join(a, &good));
    CHECK(good);
    CHECK_OK(thread_join(b, &good));
    CHECK(good);
}

#define ROUNDS 200

static struct thread_mutex mutex = THREAD_MUTEX_INITIALIZER;
static struct thread_cond cond = THREAD_COND_INITIALIZER;
static struct thread_sem sem;
static volatile int counter, turn;
static int once_count;

static void once(void)
{
    once_count++;
}

static int increments(void *arg)
{
    static thread_once_t control = THREAD_ONCE_INIT;

    (void)arg;
    thread_once(&control, once);
    for (int i = 0; i < ROUNDS; i++) {
        thread_mutex_lock(&mutex);
        int seen = counter;
        thread_yield();
        counter = seen + 1;
        thread_mutex_unlock(&mutex);
    }
    thread_sem_post(&sem);
    return 0;
}

static int takes_turns(void *arg)
{
    int me = (int)(uintptr_t)arg;

    for (int i = 0; i < 20; i++) {
        thread_mutex_lock(&mutex);
        while (turn != me)
            thread_cond_wait(&cond, &mutex);
        turn = !me;
        thread_cond_broadcast(&cond);
        thread_mutex_unlock(&mutex);
    }
    thread_sem_post(&sem);
    return 0;
}

void test_sync(void)
{
    thread_sem_init(&sem, 0);
    for (int i = 0; i < 4; i++)
        CHECK_OK(thread_detach(thread_create(increments, NULL)));
    for (int i = 0; i < 4; i++)
        thread_sem_wait(&sem);
    CHECK(counter == 4 * ROUNDS && once_count == 1);
    CHECK(!thread_sem_trywait(&sem));

    for (uintptr_t i = 0; i < 2; i++)
        CHECK_OK(thread_detach(thread_create(takes_turns, (void *)i)));
    thread_sem_wait(&sem);
    thread_sem_wait(&sem);

    thread_mutex_lock_nested(&mutex);
    thread_mutex_lock_nested(&mutex);
    thread_mutex_unlock(&mutex);
    thread_mutex_unlock(&mutex);
    CHECK(thread_mutex_trylock(&mutex));
    CHECK(!thread_mutex_trylock(&mutex));
    thread_mutex_unlock(&mutex);
}

static volatile int faults;
static uint64_t good_place = 5;

/* Repairs the register the faulting instruction uses. */
static void repair(enum exception_type type, int subtype, void *addr, arch_registers_state_t *regs)
{
    CHECK(type == EXCEPT_PAGEFAULT && subtype == PAGEFLT_READ && addr == (void *)0x18);
    faults++;
    regs->rbx = (uint64_t)&good_place;
}

void test_exceptions(void)
{
    uint64_t value;

    CHECK_OK(thread_set_exception_handler(repair, NULL, NULL, NULL, NULL, NULL));
    __asm__ volatile("mov (%%rbx), %0" : "=r"(value) : "b"(0x18) : "memory");
    CHECK(faults == 1 && value == 5);
    CHECK_OK(thread_set_exception_handler(NULL, NULL, NULL, NULL, NULL, NULL));
}
