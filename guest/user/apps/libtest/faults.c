/* SPDX-License-Identifier: MIT
 *
 * libtest fault=KIND: what a program can do wrong.  Each kind must end the domain with one clear
 * line and nothing else; tests/scenario/faults.sh says which.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libtest.h"

static volatile uintptr_t zero;

static int recursion(volatile int depth)
{
    volatile char frame[256];

    if (depth == INT_MAX)
        return 0;

    frame[0] = (char)depth;
    return recursion(depth + 1) + frame[0];
}

static int recursing_thread(void *arg)
{
    (void)arg;
    return recursion(0);
}

#define SMALL_STACK 8192

static volatile char *lowest_page(void)
{
    char *here = __builtin_frame_address(0);

    return (char *)ROUND_DOWN((uintptr_t)here - SMALL_STACK, BASE_PAGE_SIZE);
}

/* The very end of its stack: nothing traps, but the next switch of threads sees it. */
static int overflowing_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 64; i++)
        lowest_page()[i] = 0;
    thread_yield();
    return 0;
}

/* Below its stack there is nothing. */
static int reaching_below_thread(void *arg)
{
    (void)arg;
    lowest_page()[-1] = 0;
    return 0;
}

static void null_read(void)
{
    printf("%d\n", *(volatile int *)zero);
}

static void null_call(void)
{
    void (*volatile function)(void) = NULL;

    function(); /* NOLINT: the fault is what is tested */
}

static void write_constant(void)
{
    static const char text[] = "constant";

    *(volatile char *)text = 'C';
}

static void first_stack(void)
{
    recursion(0);
}

static void thread_stack(void)
{
    thread_join(thread_create(recursing_thread, NULL), NULL);
}

static int resting_thread(void *arg)
{
    (void)arg;
    while (zero == 0)
        thread_yield();
    return 0;
}

static void canary(void)
{
    struct thread *thread = thread_create_varstack(overflowing_thread, NULL, SMALL_STACK);

    thread_yield();
    thread_join(thread, NULL);
}

/* With other threads' stacks around it. */
static void guard_page(void)
{
    struct thread *threads[3];

    for (int i = 0; i < 3; i++) {
        threads[i] = thread_create_varstack(i == 1 ? reaching_below_thread : resting_thread, NULL,
                                            SMALL_STACK);
    }
    thread_join(threads[1], NULL);
}

static void division(void)
{
    printf("%u\n", (unsigned)(1000 / zero));
}

static void bad_instruction(void)
{
    __asm__ volatile("ud2");
}

static void privileged(void)
{
    __asm__ volatile("hlt");
}

static void failed_assertion(void)
{
    assert(zero == 1);
}

static void disabled_fault(void)
{
    dispatcher_handle_t handle = disp_disable();

    *(volatile int *)zero = 1;
    disp_enable(handle);
}

static void disabled_assertion(void)
{
    disp_disable();
    assert(zero == 1);
}

static void bad_stack_pointer(void)
{
    /* until preempted, and then resumed */
    __asm__ volatile("mov $0x10, %%rsp\n1: jmp 1b" ::: "memory");
}

static const struct {
    const char *name;
    void (*commit)(void);
} kinds[] = {
    { "null-read", null_read },
    { "null-call", null_call },
    { "write-constant", write_constant },
    { "first-stack", first_stack },
    { "thread-stack", thread_stack },
    { "canary", canary },
    { "guard-page", guard_page },
    { "division", division },
    { "bad-instruction", bad_instruction },
    { "privileged", privileged },
    { "assertion", failed_assertion },
    { "abort", abort },
    { "disabled", disabled_fault },
    { "disabled-assertion", disabled_assertion },
    { "stack-pointer", bad_stack_pointer },
};

void commit_fault(const char *name)
{
    printf("libtest: about to commit %s", name); /* an unfinished line must not be lost */
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            fflush(stdout);
            kinds[i].commit();
        }
    }
    printf("libtest: survived %s\n", name);
}
