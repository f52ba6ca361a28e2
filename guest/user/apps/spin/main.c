/* SPDX-License-Identifier: MIT
 *
 * spin: a program that never ends.
 *
 * It says so and counts for ever, without a system call: only the timer takes the core away from
 * it.  A run with it ends at the deadline, and the report shows core, domain and symbol of this
 * loop (tests/scenario/spin.sh).  Started beside other programs it shows that they get their share.
 * `spin talk` says lines for ever instead, as fast as it can.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Read by nobody; volatile, so that the loop is not optimised away. */
static volatile uint64_t turns;

/* A function of its own, so that its name is in the report. */
static void __attribute__((noinline, noreturn)) spin_for_ever(void)
{
    for (;;)
        turns++;
}

int main(int argc, char *argv[])
{
    while (argc > 1 && strcmp(argv[1], "talk") == 0)
        printf("a line of %d bytes, and there is no end of them: %060d\n", 100, 0);
    printf("spinning\n");
    spin_for_ever();
}
