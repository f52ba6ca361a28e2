/* Mutexes, condition variables, semaphores, once. */
#include "torture.h"

static int todo;

/* ---- mutexes, nested ones too ---- */

static struct thread_mutex mutex = THREAD_MUTEX_INITIALIZER;
static volatile long one, two;

static void inner(int depth)
{
    thread_mutex_lock_nested(&mutex);
    two++;
    if (depth > 0)
        inner(depth - 1);
    thread_mutex_unlock(&mutex);
}

static int mutex_user(void *arg)
{
    unsigned state = (uintptr_t)arg;
    for (int i = 0; i < todo; i++) {
        if (i % 5 == 4) {
            if (!thread_mutex_trylock(&mutex))
                continue;
            HOLDS(!thread_mutex_trylock(&mutex)); /* also by the caller */
            inner(0);
            one++;
        } else {
            thread_mutex_lock_nested(&mutex);
            const long before = one;
            inner(2);
            waste(&state);
            HOLDS(one == before);
            one = before + 1;
            two -= 2;
        }
        HOLDS(one == two);
        thread_mutex_unlock(&mutex);
    }
    return (int)(uintptr_t)arg;
}

void mutexes(int rounds)
{
    todo = rounds;
    crowd(mutex_user);
    HOLDS(one == two && one >= (long)THREADS * (rounds - rounds / 5));
}

/* ---- condition variables: a turnstile in order of numbers, and a barrier ---- */

static struct thread_mutex turn_lock = THREAD_MUTEX_INITIALIZER;
static struct thread_cond turn_changed = THREAD_COND_INITIALIZER,
                          all_here = THREAD_COND_INITIALIZER;
static volatile int turn, here, generation;

static void barrier(void)
{
    const int mine = generation;
    if (++here == THREADS) {
        here = 0;
        generation++;
        thread_cond_broadcast(&all_here);
    }
    while (generation == mine)
        thread_cond_wait(&all_here, &turn_lock);
}

static int taker(void *arg)
{
    const int me = (int)(uintptr_t)arg;
    unsigned state = me;
    for (int i = 0; i < todo; i++) {
        thread_mutex_lock(&turn_lock);
        while (turn % THREADS != me)
            thread_cond_wait(&turn_changed, &turn_lock);
        HOLDS(turn == i * THREADS + me);
        turn++;
        thread_cond_broadcast(&turn_changed);
        if (i % 4 == 0) {
            barrier();
            HOLDS(turn == (i + 1) * THREADS || turn > i * THREADS);
        }
        thread_mutex_unlock(&turn_lock);
        waste(&state);
    }
    return me;
}

void conditions(int rounds)
{
    todo = rounds;
    turn = 0;
    crowd(taker);
    HOLDS(turn == rounds * THREADS && here == 0);
}

/* ---- semaphores: a ring of items that is never over- or underfull ---- */

#define PLACES 3
static struct thread_sem places = THREAD_SEM_INITIALIZER, items = THREAD_SEM_INITIALIZER;
static volatile int filled;
static long produced, consumed;

static int sem_user(void *arg)
{
    unsigned state = (uintptr_t)arg;
    for (int i = 1; i <= todo; i++) {
        if ((uintptr_t)arg % 2 == 0) {
            if (i % 3 != 0 || !thread_sem_trywait(&places))
                thread_sem_wait(&places);
            HOLDS(__atomic_add_fetch(&filled, 1, __ATOMIC_RELAXED) <= PLACES);
            __atomic_add_fetch(&produced, i, __ATOMIC_RELAXED);
            thread_sem_post(&items);
        } else {
            thread_sem_wait(&items);
            HOLDS(__atomic_sub_fetch(&filled, 1, __ATOMIC_RELAXED) >= 0);
            __atomic_add_fetch(&consumed, i, __ATOMIC_RELAXED);
            thread_sem_post(&places);
        }
        waste(&state);
    }
    return (int)(uintptr_t)arg;
}

void semaphores(int rounds)
{
    todo = rounds;
    thread_sem_init(&places, PLACES);
    thread_sem_init(&items, 0);
    crowd(sem_user);
    HOLDS(filled == 0 && produced == consumed);
    HOLDS(!thread_sem_trywait(&items) && thread_sem_trywait(&places));
}

/* ---- once ---- */

static thread_once_t control;
static volatile int times;

static void first(void)
{
    unsigned state = 5;
    for (int i = 0; i < 10; i++)
        waste(&state);
    times++;
}

static int once_user(void *arg)
{
    thread_once(&control, first);
    HOLDS(times == 1); /* it has returned, whoever ran it */
    return (int)(uintptr_t)arg;
}

void onces(int rounds)
{
    for (int r = 0; r < rounds / 5 + 1; r++) {
        control = (thread_once_t)THREAD_ONCE_INIT;
        times = 0;
        crowd(once_user);
        HOLDS(times == 1);
    }
}
