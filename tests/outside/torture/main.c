#include "torture.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(int rounds);
} tests[] = {
    { "life", life },
    { "mutexes", mutexes },
    { "conditions", conditions },
    { "semaphores", semaphores },
    { "onces", onces },
    { "locals", locals },
    { "exceptions", exceptions },
    { "pauses", pauses },
    { "floating", floating },
    { "stacks", stacks },
    { "posix", posix },
};

void waste(unsigned *state)
{
    *state = *state * 1664525 + 1013904223;
    for (volatile unsigned i = *state >> 26; i > 0; i--)
        ;
    if (*state >> 28 == 0)
        thread_yield();
}

void crowd(thread_func_t start)
{
    struct thread *thread[THREADS];
    int status;

    for (int i = 0; i < THREADS; i++)
        HOLDS((thread[i] = thread_create(start, (void *)(uintptr_t)i)) != NULL);
    for (int i = 0; i < THREADS; i++) {
        HOLDS(err_is_ok(thread_join(thread[i], &status)));
        HOLDS(status == i);
    }
}

/* torture ROUNDS [NAME]... */
int main(int argc, char *argv[])
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 50;
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        bool wanted = argc <= 2;
        for (int a = 2; a < argc; a++)
            wanted = wanted || strcmp(argv[a], tests[i].name) == 0;
        if (wanted) {
            tests[i].run(rounds);
            printf("torture: %s passed\n", tests[i].name);
        }
    }
    printf("torture: all passed\n");
    return 0;
}
