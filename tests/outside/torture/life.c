/* Create, join, detach, exit; pause and resume; the end of a stack. */
#include "torture.h"

#include <barrelfish/except.h>

static struct thread_sem gone = THREAD_SEM_INITIALIZER;

static int leaf(void *arg)
{
    unsigned state = (uintptr_t)arg;
    waste(&state);
    if ((uintptr_t)arg % 3 == 0)
        thread_exit((int)(uintptr_t)arg);
    return (int)(uintptr_t)arg;
}

static int detached(void *arg)
{
    leaf((void *)1);
    thread_sem_post(&gone);
    return 0;
}

static int branch(void *arg)
{
    unsigned state = (uintptr_t)arg;
    for (int i = 0; i < 8; i++) {
        int status;
        struct thread *t = thread_create(leaf, (void *)(uintptr_t)(10 * i));
        HOLDS(t != NULL);
        waste(&state);
        HOLDS(thread_get_id(t) != thread_id());
        HOLDS(err_is_ok(thread_join(t, &status)) && status == 10 * i);
    }
    return (int)(uintptr_t)arg;
}

void life(int rounds)
{
    for (int r = 0; r < rounds / 10 + 1; r++) {
        crowd(branch);
        for (int i = 0; i < THREADS; i++) {
            struct thread *t = thread_create(detached, NULL);
            HOLDS(t != NULL && err_is_ok(thread_detach(t)));
        }
        for (int i = 0; i < THREADS; i++)
            thread_sem_wait(&gone);
    }
}

/* A thread that is paused does nothing, whatever it was doing; and loses nothing. */
static volatile unsigned steps;
static volatile bool enough;
static struct thread_mutex contended = THREAD_MUTEX_INITIALIZER;

static int walker(void *arg)
{
    unsigned state = 7;
    while (!enough) {
        thread_mutex_lock(&contended);
        steps++;
        thread_mutex_unlock(&contended);
        waste(&state);
    }
    return 1;
}

void pauses(int rounds)
{
    unsigned state = 3;
    int status;
    enough = false;
    struct thread *t = thread_create(walker, NULL);
    HOLDS(t != NULL);
    for (int r = 0; r < rounds; r++) {
        /* while we hold the mutex it is not in the middle of it */
        thread_mutex_lock(&contended);
        thread_pause(t);
        const unsigned then = steps;
        thread_mutex_unlock(&contended);
        for (int i = 0; i < 5; i++)
            waste(&state);
        HOLDS(steps == then);
        thread_resume(t);
        thread_resume(t); /* pauses do not count */
        while (steps == then)
            thread_yield();
    }
    enough = true;
    HOLDS(err_is_ok(thread_join(t, &status)) && status == 1);
}

/* Growing out of a stack is a fault there, and not a change elsewhere. */
static char other_stack[16384];
static struct thread_sem faulted = THREAD_SEM_INITIALIZER;
static volatile int guarded;

static void at_the_end(enum exception_type type, int subtype, void *addr,
                       arch_registers_state_t *regs)
{
    HOLDS(type == EXCEPT_PAGEFAULT && subtype == PAGEFLT_WRITE);
    guarded++;
    thread_sem_post(&faulted);
    thread_exit(9);
}

static int deeper(volatile char *above)
{
    volatile char here[512];
    if (above == NULL)
        return 0; /* it never is */
    here[0] = above[0];
    here[511] = (char)(deeper(here) + 1);
    return here[511] + here[0];
}

static int grows(void *arg)
{
    volatile char first[1] = { 0 };
    HOLDS(err_is_ok(thread_set_exception_handler(at_the_end, NULL, other_stack,
                                                 other_stack + sizeof(other_stack), NULL, NULL)));
    return deeper(first);
}

void stacks(int rounds)
{
    guarded = 0;
    for (int r = 0; r < rounds / 10 + 1; r++) {
        int status;
        struct thread *t = thread_create_varstack(grows, NULL, 8192);
        HOLDS(t != NULL && err_is_ok(thread_join(t, &status)) && status == 9);
        thread_sem_wait(&faulted);
        HOLDS(guarded == r + 1);
    }
}
