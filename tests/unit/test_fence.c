/* SPDX-License-Identifier: MIT
 *
 * The fence (docs/agreement.md): a core that is killed changes no byte any more, whatever it was
 * doing.
 *
 * Core 1 counts in memory.  A fault lets it stand still; meanwhile core 0 has it killed, and looks
 * again long after the fault would have let it go on.  The same without the fault, while it counts.
 */
#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"

#define MS 1000000ull

/* clang-format off */
GUEST(fence_guest,
      "  start_core_1 5f\n"
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "1: pause\n"
      "  cmpq $1000, 0x1008(%rbp)\n" /* it counts */
      "  jb 1b\n"
      "2: request 0x5004, 0\n"
      "  cmpq $3000000, 128(%rbx)\n" /* the fault has come: 3 ms */
      "  jb 2b\n"
      "  movq $1, 64(%rbx)\n"
      "  request 0x5010, 6\n" /* not available: it runs */
      "  cmpq $2, 136(%rbx)\n"
      "  jne 9f\n"
      "  request 0x5010, 5\n" /* kill */
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "  mov 0x1008(%rbp), %r12\n"
      "3: request 0x5004, 0\n"
      "  cmpq $30000000, 128(%rbx)\n" /* and has ended: 30 ms */
      "  jb 3b\n"
      "  cmp %r12, 0x1008(%rbp)\n"
      "  jne 8f\n"
      "  movq $1, 64(%rbx)\n"
      "  request 0x5010, 6\n" /* no such core any more */
      "  cmpq $1, 136(%rbx)\n"
      "  jne 9f\n"
      "  request 0x5010, 5\n" /* again: nothing happens */
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "  power_off $42\n"
      "8: power_off $98\n"
      "9: power_off $99\n"
      "5: incq -0x7fefeff8\n" /* what core 0 reaches by 0x1008(%rbp) */
      "  jmp 5b\n");

/* Core 1 counts, and is mended by a fault: it stands still.  Killed, it can be started once more,
 * and counts again. */
GUEST(restart_guest,
      "  start_core_1 5f\n"
      "1: pause\n"
      "  cmpq $1000, 0x1008(%rbp)\n"
      "  jb 1b\n"
      "  movq $1000000000, 64(%rbx)\n"
      "  request 0x5008, 0\n" /* a timer, and with it comes the fault */
      "  movq $1, 64(%rbx)\n"
      "  request 0x5010, 6\n" /* not available: it is on */
      "  cmpq $2, 136(%rbx)\n"
      "  jne 9f\n"
      "  request 0x5010, 5\n" /* kill */
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "  request 0x5010, 6\n" /* available */
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "  mov 0x1008(%rbp), %r12\n"
      "  mov $1000, %r13\n"
      "3: request 0x5004, 0\n"
      "  dec %r13\n"
      "  jnz 3b\n"
      "  cmp %r12, 0x1008(%rbp)\n" /* it has not come back by itself */
      "  jne 8f\n"
      "  add $1000, %r12\n"
      "  start_core_1 5f\n"
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "4: pause\n"
      "  cmp %r12, 0x1008(%rbp)\n" /* it counts */
      "  jb 4b\n"
      "  movq $1, 64(%rbx)\n"
      "  request 0x5010, 5\n" /* killed again, it is not available any more */
      "  request 0x5010, 6\n"
      "  cmpq $1, 136(%rbx)\n"
      "  jne 9f\n"
      "  power_off $42\n"
      "8: power_off $98\n"
      "9: power_off $99\n"
      "5: incq -0x7fefeff8\n" /* what core 0 reaches by 0x1008(%rbp) */
      "  jmp 5b\n");

/* Core 1 panics; core 0 sees it go. */
GUEST(panic_guest,
      "  start_core_1 5f\n"
      "1: movq $1, 64(%rbx)\n"
      "  request 0x5010, 6\n"
      "  cmpq $2, 136(%rbx)\n" /* it runs */
      "  je 1b\n"
      "  cmpq $1, 136(%rbx)\n" /* no such core any more */
      "  jne 9f\n"
      "  power_off $42\n"
      "9: power_off $99\n"
      "5: request 0x5010, 4\n"
      "6: jmp 6b\n");
/* clang-format on */

static struct tiny t;

static const struct fault_rule stall = {
    .name = "stall",
    .key = 1,
    .trigger = FAULT_ON_TIME,
    .at_ns = 2 * MS,
    .every = 0,
    .probability = -1,
    .until_ns = UINT64_MAX,
    .after_rule = FAULT_NO_RULE,
    .until_rule = FAULT_NO_RULE,
    .action = { { .kind = FAULT_STALL, .min_ns = 8 * MS, .cores = 2 } },
    .action_count = 1,
};

static void killed_core_stands_still(const struct engine_ops *ops, bool stalled)
{
    struct engine_capability capability;
    if (ops->probe(&capability) != 0)
        cr_skip_test("%s is not to be had here", ops->name);
    tiny_init(&t, 2, fence_guest_start, fence_guest_end, NULL);
    if (stalled)
        t.config.faults = (struct fault_rules){ .rule = &stall, .count = 1 };
    cr_assert_eq(tiny_start(&t, ops), 0, "%s", t.error);
    cr_assert_eq(tiny_run(&t), 0);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 42, "%u", t.why.exit_code);
    cr_assert_eq(t.event_count[MACHINE_EVENT_CORE_STOPPED], 1);
    tiny_free(&t);
}

static void mended_core_starts_once_more(const struct engine_ops *ops)
{
    static struct fault_rule restart;
    struct engine_capability capability;
    if (ops->probe(&capability) != 0)
        cr_skip_test("%s is not to be had here", ops->name);
    restart = stall;
    restart.trigger = FAULT_ON_TIMER;
    restart.to = 1;
    restart.action[0] = (struct fault_action){ .kind = FAULT_RESTART, .cores = 2 };
    tiny_init(&t, 2, restart_guest_start, restart_guest_end, NULL);
    t.config.faults = (struct fault_rules){ .rule = &restart, .count = 1 };
    cr_assert_eq(tiny_start(&t, ops), 0, "%s", t.error);
    cr_assert_eq(tiny_run(&t), 0);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 42, "%u", t.why.exit_code);
    cr_assert_eq(t.event_count[MACHINE_EVENT_CORE_STOPPED], 2);
    tiny_free(&t);
}

static void panic_of_core_1(const struct engine_ops *ops, bool kills, enum stop_reason reason)
{
    struct engine_capability capability;
    if (ops->probe(&capability) != 0)
        cr_skip_test("%s is not to be had here", ops->name);
    tiny_init(&t, 2, panic_guest_start, panic_guest_end, NULL);
    t.config.panic_kills_core = kills;
    cr_assert_eq(tiny_start(&t, ops), 0, "%s", t.error);
    cr_assert_eq(tiny_run(&t), 0);
    cr_assert_eq(t.why.reason, reason, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.event_count[MACHINE_EVENT_PANIC], 1);
    tiny_free(&t);
}

TestSuite(fence, .timeout = 300);

Test(fence, on_unicorn)
{
    killed_core_stands_still(&engine_unicorn, false);
    killed_core_stands_still(&engine_unicorn, true);
}

Test(fence, on_kvm)
{
    killed_core_stands_still(&engine_kvm, false);
    killed_core_stands_still(&engine_kvm, true);
}

Test(fence, a_mended_core_starts_once_more_on_unicorn)
{
    mended_core_starts_once_more(&engine_unicorn);
}

Test(fence, a_mended_core_starts_once_more_on_kvm)
{
    mended_core_starts_once_more(&engine_kvm);
}

Test(fence, a_panic_stops_the_machine_or_kills_the_core_on_unicorn)
{
    panic_of_core_1(&engine_unicorn, false, STOP_PANIC);
    panic_of_core_1(&engine_unicorn, true, STOP_EXIT);
}

Test(fence, a_panic_stops_the_machine_or_kills_the_core_on_kvm)
{
    panic_of_core_1(&engine_kvm, false, STOP_PANIC);
    panic_of_core_1(&engine_kvm, true, STOP_EXIT);
}
