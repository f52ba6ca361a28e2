/* SPDX-License-Identifier: MIT
 *
 * The processor as guests see it: traps, rings, page tables, interrupts.  Each snippet runs on the
 * deterministic engine with several slice lengths and seeds, which must not change what the guest
 * sees; what it must see is written by hand in cpu_tests.c.  Where KVM works, the same snippet runs
 * there and the two logs are compared field by field; cases in which software KVM is known to
 * differ from a processor are named with the reason and left out of the comparison there.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_tests.h"

static const char *run(const char *engine, const struct cpu_test *test,
                       const struct engine_options *options, struct cpu_result *result)
{
    return cpu_run(engine, &test->guest, options, result);
}

static void check(const struct cpu_test *test, const struct cpu_result *result)
{
    const char *name = test->guest.name;
    enum stop_reason reason = test->reason ? test->reason : STOP_EXIT;
    cr_expect(result->why.reason == reason, "%s: ended by %s %s", name,
              stop_reason_name(result->why.reason), result->why.detail);
    if (test->count == 4 && strcmp(name, "single_step") == 0)
        cr_expect(result->count >= 4, "%s: %u traps", name, result->count);
    else
        cr_expect(result->count == test->count, "%s: %u traps", name, result->count);
    for (unsigned i = 0; i < test->count && i < result->count && i < CPU_EXPECTED_MAX; i++) {
        const struct cpu_expectation *expect = &test->expect[i];
        const struct cpu_trap *trap = &result->trap[i];
        if (expect->vector == 0 && i > 0)
            break;
        uint64_t base = test->guest.ring0 ? CPU_KERNEL_CODE : CPU_USER_CODE;
        cr_expect(trap->vector == expect->vector && trap->error == expect->error,
                  "%s: trap %u is %llu, error 0x%llx, at +0x%llx", name, i,
                  (unsigned long long)trap->vector, (unsigned long long)trap->error,
                  (unsigned long long)(trap->rip - base));
        if (expect->offset >= 0)
            cr_expect(trap->rip - base == (uint64_t)expect->offset, "%s: trap %u at +0x%llx", name,
                      i, (unsigned long long)(trap->rip - base));
        if (expect->vector == 14)
            cr_expect(trap->cr2 == expect->cr2, "%s: trap %u, CR2 0x%llx", name, i,
                      (unsigned long long)trap->cr2);
        bool ring0 = test->guest.ring0;
        if (trap->vector == 8)
            continue;
        cr_expect(trap->cs == (ring0 ? 8u : 0x23u), "%s: trap %u, CS %llx", name, i,
                  (unsigned long long)trap->cs);
        cr_expect(trap->kernel_cs == 8, "%s: trap %u, handler's CS", name, i);
        cr_expect((trap->rflags & 0x200) == (ring0 && trap->vector != 32 ? 0u : 0x200u),
                  "%s: trap %u, RFLAGS %llx", name, i, (unsigned long long)trap->rflags);
        cr_expect(!(trap->kernel_rflags & 0x300), "%s: trap %u, handler's RFLAGS %llx", name, i,
                  (unsigned long long)trap->kernel_rflags);
    }
}

/* What the guest saw, the engines' liberties left out.  NULL if equal, else the field. */
static const char *differs(const struct cpu_result *a, const struct cpu_result *b,
                           bool system_calls)
{
    if (a->why.reason != b->why.reason)
        return "end";
    if (a->count != b->count)
        return "count";
    for (unsigned i = 0; i < a->count; i++) {
        const struct cpu_trap *x = &a->trap[i], *y = &b->trap[i];
        if (memcmp(&x->rax, &y->rax, offsetof(struct cpu_trap, cr2)) != 0)
            return "registers";
        if (x->vector == 14 && x->cr2 != y->cr2)
            return "CR2";
        if (x->kernel_cs != y->kernel_cs || (x->kernel_rflags ^ y->kernel_rflags) & ~0x40ull)
            return "handler's flags";
        if (x->vector == CPU_SYSCALL ? system_calls && x->kernel_ss != y->kernel_ss
                                     : x->kernel_ss != y->kernel_ss)
            return "handler's SS";
    }
    return memcmp(a->data, b->data, sizeof(a->data)) != 0 ? "memory" : NULL;
}

static struct engine_capability capability(const char *engine)
{
    struct engine_capability result = { 0 };
    const struct engine_ops *ops = engine_find(engine);
    if (ops)
        ops->probe(&result);
    return result;
}

Test(unicorn_cpu, traps_are_those_of_the_architecture, .timeout = 120)
{
    if (!capability("unicorn").usable)
        cr_skip_test("no Unicorn");
    struct cpu_result *result = calloc(1, sizeof(*result));
    for (unsigned i = 0; i < cpu_test_count; i++) {
        const char *wrong = run("unicorn", &cpu_tests[i], NULL, result);
        cr_expect(!wrong, "%s: %s", cpu_tests[i].guest.name, wrong);
        if (!wrong)
            check(&cpu_tests[i], result);
    }
    free(result);
}

Test(unicorn_cpu, slices_and_seeds_change_nothing_for_one_core, .timeout = 300)
{
    if (!capability("unicorn").usable)
        cr_skip_test("no Unicorn");
    struct cpu_result *first = calloc(1, sizeof(*first)), *other = calloc(1, sizeof(*other));
    for (unsigned i = 0; i < cpu_test_count; i++) {
        if (cpu_tests[i].any_kvm) /* shows time */
            continue;
        run("unicorn", &cpu_tests[i], NULL, first);
        static const uint64_t lengths[] = { 1, 2, 3, 7, 50 };
        for (unsigned k = 0; k < 5; k++) {
            struct engine_options options = { .seed = k * 77,
                                              .slice_blocks = lengths[k],
                                              .interrupt_fd = -1 };
            const char *wrong = run("unicorn", &cpu_tests[i], &options, other);
            const char *field = wrong ? wrong : differs(first, other, true);
            cr_expect(!field, "%s, slices of %u: %s", cpu_tests[i].guest.name, (unsigned)lengths[k],
                      field);
        }
    }
    free(first);
    free(other);
}

Test(unicorn_cpu, results_of_snippets, .timeout = 60)
{
    if (!capability("unicorn").usable)
        cr_skip_test("no Unicorn");
    struct cpu_result *result = calloc(1, sizeof(*result));
#define LAST result->trap[result->count - 1]
#define RUN(n)                                        \
    for (unsigned i = 0; i < cpu_test_count; i++)     \
        if (strcmp(cpu_tests[i].guest.name, #n) == 0) \
            cr_assert(!run("unicorn", &cpu_tests[i], NULL, result) && result->count > 0, #n);
    RUN(own_code);
    cr_expect(LAST.rbx == 50 * 7 + 49 * 50 / 2, "sum %u", (unsigned)LAST.rbx);
    RUN(alias_first);
    cr_expect(LAST.rbx == 50 * 7 + 49 * 50 / 2, "sum %u", (unsigned)LAST.rbx);
    RUN(alias_two);
    cr_expect(LAST.rbx == 1 && LAST.rbp == 2 && LAST.rdx == 3, "stale code: %u %u %u",
              (unsigned)LAST.rbx, (unsigned)LAST.rbp, (unsigned)LAST.rdx);
    RUN(scrubbed_code);
    cr_expect(LAST.rbx == 10, "old code ran: %u", (unsigned)LAST.rbx);
    RUN(code_for_another_core);
    cr_expect(LAST.rbx == 7 && LAST.rbp == 9, "core 1 ran old code: %u %u", (unsigned)LAST.rbx,
              (unsigned)LAST.rbp);
    RUN(accessed_dirty);
    cr_expect(LAST.rbx == 0x20 && LAST.rdi == 0x60, "%x %x", (unsigned)LAST.rbx,
              (unsigned)LAST.rdi);
    RUN(remap);
    cr_expect(LAST.rbp == 0 && LAST.r9 == 0x11);
    RUN(large_page);
    cr_expect(LAST.rbx == 0x77);
    RUN(upper_half);
    cr_expect(LAST.rbx == 5);
    RUN(segment_bases);
    cr_expect(LAST.rbx == 0x500010 && LAST.rbp == 0x500020 && LAST.rdx == 1 && LAST.r8 == 2);
    RUN(vector_state);
    cr_expect(LAST.rbx == 0x1234 && LAST.rbp == 0x1234 && result->data[8] == 4);
    RUN(fxsave_works);
    cr_expect(LAST.rbx == CPU_USER_STACK && result->data[8] == 1);
    RUN(time_stamp);
    cr_expect(LAST.rbx >= 1000 && LAST.rbx < 1500, "1000 turns of a block took %u ns",
              (unsigned)LAST.rbx);
    cr_expect(LAST.rbp == 0, "core %u", (unsigned)LAST.rbp);
    RUN(flags_live);
    cr_expect(LAST.rbx == 99);
    RUN(carry_chain);
    cr_expect(LAST.rbx == 64);
    RUN(strings);
    cr_expect(LAST.rbx == 0x500800 + 300 && LAST.rbp == 400 - 301);
    RUN(syscall_flags);
    cr_expect((result->trap[0].r11 & 0x401) == 0x401, "R11 %x", (unsigned)result->trap[0].r11);
    cr_expect((result->trap[0].kernel_rflags & 0x701) == 1, "FMASK: %x",
              (unsigned)result->trap[0].kernel_rflags);
    cr_expect((LAST.rbx & 0x601) == 0x601);
    RUN(debug_registers);
    cr_expect(LAST.rbx == 0x401 && LAST.rbp == LAST.rdi && LAST.rdx == 0x400, "%x %llx %x",
              (unsigned)LAST.rbx, (unsigned long long)LAST.rbp, (unsigned)LAST.rdx);
    RUN(idle_long);
    cr_expect(LAST.rbx >= 9000000000 && LAST.rbx < 9000100000, "woke at %llu ns",
              (unsigned long long)LAST.rbx);
    cr_expect(result->stats.blocks < 2000, "sleeping costs blocks");
    RUN(idle);
    cr_expect(LAST.rbx >= 5000000 && LAST.rbx < 5100000, "woke at %u ns", (unsigned)LAST.rbx);
    cr_expect(result->stats.blocks < 2000, "sleeping costs blocks");
    free(result);
}

Test(unicorn_cpu, trapped_window_stores_do_what_plain_ones_do, .timeout = 60)
{
    if (!capability("unicorn").usable)
        cr_skip_test("no Unicorn");
    struct cpu_result *plain = calloc(1, sizeof(*plain)), *trapped = calloc(1, sizeof(*trapped));
    struct engine_options options = { .seed = 1, .interrupt_fd = -1, .trap_window = true };
    for (unsigned i = 0; i < cpu_test_count; i++) {
        if (strcmp(cpu_tests[i].guest.name, "window") != 0)
            continue;
        cr_assert(!run("unicorn", &cpu_tests[i], NULL, plain));
        cr_assert(!run("unicorn", &cpu_tests[i], &options, trapped));
    }
    cr_expect_eq(plain->stats.exit[ENGINE_EXIT_WINDOW_STORE], 0);
    cr_expect(trapped->stats.exit[ENGINE_EXIT_WINDOW_STORE] > 70, "%u stores seen",
              (unsigned)trapped->stats.exit[ENGINE_EXIT_WINDOW_STORE]);
    const char *field = differs(plain, trapped, true);
    cr_expect(!field, "%s", field);
    for (unsigned i = 0; i < 4096; i++)
        if (plain->data[i] != trapped->data[i])
            printf("+0x%x: %02x, trapped %02x\n", i, plain->data[i], trapped->data[i]);
    free(plain);
    free(trapped);
}

Test(unicorn_cpu, kvm_sees_the_same, .timeout = 300)
{
    struct engine_capability kvm = capability("kvm");
    if (!kvm.usable || !capability("unicorn").usable)
        cr_skip_test("no KVM or no Unicorn: %s", kvm.reason);
    struct cpu_result *ours = calloc(1, sizeof(*ours)), *theirs = calloc(1, sizeof(*theirs));
    unsigned compared = 0;
    for (unsigned i = 0; i < cpu_test_count; i++) {
        const char *name = cpu_tests[i].guest.name;
        if (cpu_tests[i].any_kvm || (kvm.syscall_faults && cpu_tests[i].software_kvm)) {
            printf("not compared on this KVM: %s: %s\n", name,
                   cpu_tests[i].any_kvm ? cpu_tests[i].any_kvm : cpu_tests[i].software_kvm);
            continue;
        }
        const char *wrong = run("unicorn", &cpu_tests[i], NULL, ours);
        if (!wrong)
            wrong = run("kvm", &cpu_tests[i], NULL, theirs);
        if (!wrong)
            wrong = differs(ours, theirs, !kvm.syscall_faults);
        cr_expect(!wrong, "%s: %s", name, wrong);
        compared++;
    }
    cr_expect(compared > 30, "only %u cases compared", compared);
    free(ours);
    free(theirs);
}
