/* SPDX-License-Identifier: MIT
 *
 * captest: what operations on capabilities return when they are refused.
 *
 * Each pair of operation and error is one line of a test: what was asked, in which case, and the
 * code that must come back as it is (wrappers of one invocation push nothing on it).  A failure
 * prints the whole stack of codes.  The last line counts the pairs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "captest.h"

static unsigned tried, failed;

static void print_stack(errval_t err)
{
    for (errval_t e = err; e != SYS_ERR_OK; e = err_pop(e)) {
        printf(" %s", err_getcode(e));
    }
    printf("\n");
}

void expect(const char *operation, const char *when, errval_t err, enum err_code code)
{
    tried++;
    if (err_no(err) == code) {
        return;
    }
    failed++;
    printf("captest: FAILED: %s, %s: wanted %s, got", operation, when, err_getcode(code));
    print_stack(err);
}

void must(errval_t err, const char *what)
{
    if (err_is_fail(err)) {
        printf("captest: FAILED: %s:", what);
        print_stack(err);
        exit(1);
    }
}

struct capref new_slot(void)
{
    struct capref slot;

    MUST(slot_alloc(&slot));
    return slot;
}

int main(void)
{
    test_cnode();
    test_vnode();
    test_library();
    test_growth();
    if (failed == 0) {
        printf("captest: %u pairs, all as they should be\n", tried);
    }
    return failed == 0 ? 0 : 1;
}
