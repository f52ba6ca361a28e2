/* SPDX-License-Identifier: MIT
 *
 * captest: what operations on capabilities return when they are refused.
 *
 * Each pair of operation and error is one line of a test: what was asked, in which case, and the
 * code that must come back as it is (wrappers of one invocation push nothing on it).  A failure
 * prints the whole stack of codes.  The last line gives the number of pairs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "captest.h"

static unsigned tried, failed;

static void print_stack(errval_t err)
{
    for (errval_t e = err; e != SYS_ERR_OK; e = err_pop(e))
        printf(" %s", err_getcode(e));
    printf("\n");
}

/* What operations are said to return.  A pair without a test is as much a fault as a test without a
 * pair. */
static struct {
    const char *operation;
    enum err_code code;
    bool tried;
} pairs[] = {
#define CAP_ERROR(operation, code) { #operation, code, false },
#include "pairs.def"
};
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

static void mark(const char *operation, enum err_code code)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        if (pairs[i].code == code && strcmp(pairs[i].operation, operation) == 0) {
            pairs[i].tried = true;
            return;
        }
    }
    failed++;
    printf("captest: FAILED: %s is not said to return %s\n", operation, err_getcode(code));
}

static void check_all_tried(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        if (!pairs[i].tried) {
            failed++;
            printf("captest: FAILED: no test of %s, %s\n", pairs[i].operation,
                   err_getcode(pairs[i].code));
        }
    }
}

/* Codes of the CPU driver about capabilities that no call here returns, with the place that
 * provokes them. */
static void check_codes(void)
{
    static const enum err_code elsewhere[] = {
#define CAP_ERROR_ELSEWHERE(code, place) code,
#include "pairs.def"
    };
    for (unsigned code = SYS_ERR_CAP_NOT_FOUND; code <= SYS_ERR_DISP_FRAME_SIZE; code++) {
        bool known = false;

        for (unsigned i = 0; i < PAIRS; i++)
            known = known || pairs[i].code == code;
        for (unsigned i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
            known = known || elsewhere[i] == code;
        if (!known) {
            failed++;
            printf("captest: FAILED: nothing returns %s\n", err_getcode(code));
        }
    }
}

void expect(const char *operation, const char *when, errval_t err, enum err_code code)
{
    tried++;
    if (code != SYS_ERR_OK)
        mark(operation, code);
    if (err_no(err) == code)
        return;
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

/* The machine is switched off when the programs of its menu have ended, and those of the system are
 * not among them: so one that waits goes along with the tests. */
static void wait_for_the_end(void)
{
    for (;;)
        MUST(event_dispatch(get_default_waitset()));
}

int main(int argc, char *argv[])
{
    if (argc > 1 && strcmp(argv[1], "wait") == 0)
        wait_for_the_end();
    debug_dump_hw_ptables(); /* there is little yet */
    debug_my_cspace();
    test_cnode();
    test_vnode();
    test_library();
    test_growth();
    test_roots();
    test_devices();
    check_all_tried();
    check_codes();
    if (failed == 0)
        printf("captest: %u pairs, all as they should be\n", tried);
    return failed == 0 ? 0 : 1;
}
