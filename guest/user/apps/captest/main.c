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

/* What operations are said to return, beside what their invocations do.  A pair without a test is
 * as much a fault as a test without a pair. */
static struct {
    const char *operation;
    enum err_code code;
    bool tried;
} pairs[] = {
#define CAP_ERROR(operation, code) { #operation, code, false },
#include "pairs.def"
};
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/* The invocations that operations make, */
static const struct {
    const char *operation, *command;
} calls[] = {
#define CAP_CALLS(operation, type, command) { #operation, #type "Cmd_" #command },
#include "pairs.def"
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* and what these return. */
static struct {
    const char *command;
    enum err_code code;
    const char *where;
    bool tried;
} returns[] = {
#define RETURNS(type, command, code, where) { #type "Cmd_" #command, code, #where, false },
#include <errors/returns.def>
};
#define RETURNS_ROWS (sizeof(returns) / sizeof(returns[0]))

static bool mark_returned(const char *command, enum err_code code)
{
    for (unsigned i = 0; i < RETURNS_ROWS; i++) {
        if (returns[i].code == code && strcmp(returns[i].command, command) == 0) {
            returns[i].tried = true;
            return true;
        }
    }
    return false;
}

static void mark(const char *operation, enum err_code code)
{
    bool known = false;

    for (unsigned i = 0; i < PAIRS; i++)
        if (pairs[i].code == code && strcmp(pairs[i].operation, operation) == 0)
            known = pairs[i].tried = true;
    for (unsigned i = 0; i < CALLS && !known; i++)
        if (strcmp(calls[i].operation, operation) == 0)
            known = mark_returned(calls[i].command, code);
    if (!known) {
        failed++;
        printf("captest: FAILED: %s is not said to return %s\n", operation, err_getcode(code));
    }
}

static void not_tried(const char *operation, enum err_code code)
{
    failed++;
    printf("captest: FAILED: no test of %s, %s\n", operation, err_getcode(code));
}

static void check_all_tried(void)
{
    for (unsigned i = 0; i < PAIRS; i++)
        if (!pairs[i].tried)
            not_tried(pairs[i].operation, pairs[i].code);
    for (unsigned i = 0; i < RETURNS_ROWS; i++)
        if (!returns[i].tried && strcmp(returns[i].where, "captest") == 0)
            not_tried(returns[i].command, returns[i].code);
}

static bool is_returned(unsigned code)
{
    static const enum err_code elsewhere[] = {
#define CAP_ERROR_ELSEWHERE(code, place) code,
#include "pairs.def"
    };

    for (unsigned i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
        if (elsewhere[i] == code)
            return true;
    for (unsigned i = 0; i < RETURNS_ROWS; i++)
        if (returns[i].code == code)
            return true;
    return false;
}

/* Each code of the CPU driver is returned by an invocation, or it is said what else returns it. */
static void check_codes(void)
{
    for (unsigned code = ERR_OK_LAST + 1; code <= SYS_ERR_RAM_PENDING_FULL; code++) {
        if (!is_returned(code)) {
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
