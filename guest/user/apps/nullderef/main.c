/* SPDX-License-Identifier: MIT
 *
 * nullderef: writes through a null pointer, on purpose.
 *
 * The page at address 0 is never mapped, so the CPU driver gives the dispatcher a page-fault
 * upcall, the user library finds no handler for it and ends the domain.  What must be seen is one
 * report that names the domain, the address and the instruction, and a machine that goes on: the
 * other domains of the core are not affected.  tests/scenario/nullderef.sh looks at both.
 */
#include <stdio.h>

/* Never set.  volatile, so that the compiler cannot know it, and keeps the store. */
static int *volatile nothing;

int main(void)
{
    printf("about to write to address 0\n");
    *nothing = 42;
    printf("wrote to address 0\n");
    return 0;
}
