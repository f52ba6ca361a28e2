/* What belongs to a thread: its variables, its errno, its handler of exceptions, its registers. */
#include "torture.h"

#include <barrelfish/except.h>
#include <errno.h>
#include <fenv.h>
#include <math.h>

static int todo;
static __thread int mine;
static __thread char name[24] = "nobody yet";

static int local_user(void *arg)
{
    const int me = (int)(uintptr_t)arg;
    unsigned state = me;
    char copy[24];
    HOLDS(mine == 0 && thread_get_tls() == NULL);
    snprintf(name, sizeof(name), "thread %d", me);
    for (int i = 0; i < todo; i++) {
        mine = me * 1000 + i;
        errno = me + 1;
        thread_set_tls(&mine);
        thread_set_tls_key(1 + i % (MAX_TLS - 1), arg);
        waste(&state);
        HOLDS(mine == me * 1000 + i && errno == me + 1);
        HOLDS(*(int *)thread_get_tls() == mine);
        HOLDS(thread_get_tls_key(1 + i % (MAX_TLS - 1)) == arg);
    }
    snprintf(copy, sizeof(copy), "thread %d", me);
    HOLDS(__builtin_strcmp(copy, name) == 0);
    return me;
}

void locals(int rounds)
{
    todo = rounds;
    crowd(local_user);
    HOLDS(__builtin_strcmp(name, "nobody yet") == 0);
}

/* ---- exceptions: each thread has its own handler, which repairs its own fault ---- */

static char handler_stack[THREADS][16384];
static __thread volatile int divided, stopped;

static void mend(enum exception_type type, int subtype, void *addr, arch_registers_state_t *regs)
{
    unsigned state = divided;
    waste(&state); /* and is preempted */
    if (type == EXCEPT_DIVIDE) {
        divided++;
        regs->rcx = 1;
    } else {
        HOLDS(type == EXCEPT_BREAKPOINT);
        stopped++;
    }
}

static int divider(void *arg)
{
    const int me = (int)(uintptr_t)arg;
    HOLDS(err_is_ok(thread_set_exception_handler(
        mend, NULL, handler_stack[me], handler_stack[me] + sizeof(handler_stack[me]), NULL, NULL)));
    for (int i = 0; i < todo; i++) {
        uint64_t high = 0, low = 40 + me;
        __asm__ volatile("div %%rcx" : "+a"(low), "+d"(high) : "c"(0ul) : "cc");
        HOLDS(low == 40ul + me && divided == i + 1);
    }
    return me;
}

void exceptions(int rounds)
{
    todo = rounds;
    crowd(divider);
}

/* ---- the FPU: values, rounding and flags ---- */

static double series(double x, int terms)
{
    double sum = 0, term = 1;
    for (int i = 1; i <= terms; i++) {
        sum += term;
        term = term * x / i;
    }
    return sum;
}

static int calculator(void *arg)
{
    static const int rounding[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
    const int me = (int)(uintptr_t)arg;
    unsigned state = me;
    HOLDS(fesetround(rounding[me % 4]) == 0);
    volatile double ten = 10, three = 3;
    const double third = ten / three, e = series(1.0 + me, 30);
    for (int i = 0; i < todo; i++) {
        waste(&state);
        HOLDS(fegetround() == rounding[me % 4]);
        HOLDS(ten / three == third && series(1.0 + me, 30) == e);
        long double wide = 1.0L;
        for (int k = 1; k < 20; k++)
            wide = wide * k + me;
        __asm__ volatile("" : "+t"(wide)); /* on the x87 stack */
        waste(&state);
        HOLDS(wide > 1);
    }
    return me;
}

void floating(int rounds)
{
    const int before = fegetround();
    todo = rounds / 2 + 1;
    crowd(calculator);
    HOLDS(fegetround() == before);
}
