/* SPDX-License-Identifier: MIT
 *
 * The KVM engine by its exits: for each reason a guest of a few instructions.
 *
 * Where /dev/kvm cannot be used, every test is skipped with the reason the engine gives.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <dirent.h>
#include <sys/eventfd.h>

#include "../guest/tiny_guest.h"

#define HANG_GUARD_S 60

static struct tiny t;

static void start(unsigned cores, const uint8_t *code, const uint8_t *code_end, const char *text)
{
    struct engine_capability capability;
    if (engine_kvm.probe(&capability) < 0)
        cr_skip_test("%s", capability.reason);
    tiny_init(&t, cores, code, code_end, text);
}

static void run(void)
{
    cr_assert_eq(tiny_start(&t, &engine_kvm), 0, "%s", t.error);
    tiny_run(&t);
}

static void finish(void)
{
    tiny_free(&t);
}

static struct engine_core_stats stats_of(unsigned core)
{
    static struct engine_stats stats;
    t.ops->stats(t.engine, &stats);
    return stats.core[core];
}

TestSuite(kvm, .timeout = HANG_GUARD_S);

GUEST(exit_guest, "say 5\n power_off $7\n 1: jmp 1b\n");

Test(kvm, console_line_and_exit_code)
{
    start(1, exit_guest_start, exit_guest_end, "hello");
    run();
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 7);
    cr_assert_eq(t.line_count, 1);
    cr_assert_str_eq(t.line[0].text, "hello");
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_PORT_CONSOLE], 1);
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_PORT_POWER], 1);
    finish();
}
