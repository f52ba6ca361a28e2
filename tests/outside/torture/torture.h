/* One primitive of threads each, as hard as slices allow: whatever is preempted where, the sums
 * must hold. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>

#define THREADS 6

#define HOLDS(condition)                                             \
    do {                                                             \
        if (!(condition))                                            \
            USER_PANIC("%s:%d: %s", __FILE__, __LINE__, #condition); \
    } while (0)

/* Runs all at once and joins them; each gets its number. */
void crowd(thread_func_t start);
/* Some work whose length nobody guesses. */
void waste(unsigned *state);

void life(int rounds);
void mutexes(int rounds);
void conditions(int rounds);
void semaphores(int rounds);
void onces(int rounds);
void locals(int rounds);
void exceptions(int rounds);
void pauses(int rounds);
void floating(int rounds);
void stacks(int rounds);
void posix(int rounds);
