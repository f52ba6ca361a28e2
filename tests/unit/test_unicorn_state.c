/* SPDX-License-Identifier: MIT
 *
 * The state of the deterministic engine is all that decides what follows: guests that put a value
 * away in some corner of the processor, clear every other trace of it and are stopped there have
 * different state hashes if and only if they go on differently.  And a run that goes on after a
 * request to stop comes to an end, whatever else happened in the block in which the request was
 * made.
 */
#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"

/* The value comes from the data segment; it is cleared there and in the loaded image. */
#define TAKE                            \
    "  mov 0x1000(%rbp), %r8\n"         \
    "  movq $0, 0x1000(%rbp)\n"         \
    "  mov 6624(%r14), %rax\n"          \
    "  mov $0xffff800000012000, %rcx\n" \
    "  add %rcx, %rax\n"                \
    "  movq $0, (%rax)\n"
#define FORGET                                               \
    "  xor %eax, %eax\n  xor %ecx, %ecx\n  xor %edx, %edx\n" \
    "  xor %r8d, %r8d\n"                                     \
    "  say 0\n" /* the run is stopped here */                \
    "  xor %eax, %eax\n  jmp 7f\n7:\n"

#define KEEP_IN_DR(number)                                                   \
    TAKE "  mov %r8, %dr" #number "\n" FORGET "  mov %dr" #number ", %rax\n" \
         "  movzbl %al, %eax\n  power_off %rax\n"
#define KEEP_IN_MSR(number)                                                               \
    TAKE "  mov $" #number ", %ecx\n  mov %r8d, %eax\n  xor %edx, %edx\n  wrmsr\n" FORGET \
         "  mov $" #number ", %ecx\n  rdmsr\n  movzbl %al, %eax\n  power_off %rax\n"

/* clang-format off */
GUEST(state_dr0, KEEP_IN_DR(0));
GUEST(state_dr3, KEEP_IN_DR(3));
GUEST(state_star, KEEP_IN_MSR(0xc0000081));
GUEST(state_lstar, KEEP_IN_MSR(0xc0000082));
GUEST(state_cstar, KEEP_IN_MSR(0xc0000083));
GUEST(state_kernel_gs, KEEP_IN_MSR(0xc0000102));
GUEST(state_tsc_aux, KEEP_IN_MSR(0xc0000103));
GUEST(state_sysenter, KEEP_IN_MSR(0x175));
GUEST(state_pat, KEEP_IN_MSR(0x277));
GUEST(state_mtrr, KEEP_IN_MSR(0x200));
GUEST(state_idt_limit,
      TAKE "  mov %r8w, %ax\n  add $0x100, %ax\n  mov 0x90(%rbp), %si\n  mov %ax, 0x90(%rbp)\n"
      "  lidt 0x90(%rbp)\n  mov %si, 0x90(%rbp)\n  xor %esi, %esi\n" FORGET
      "  sidt 0x1000(%rbp)\n  movzbl 0x1000(%rbp), %eax\n  power_off %rax\n");
GUEST(state_gdt_limit,
      TAKE "  mov %r8w, %ax\n  add $0x100, %ax\n  mov 0x80(%rbp), %si\n  mov %ax, 0x80(%rbp)\n"
      "  lgdt 0x80(%rbp)\n  mov %si, 0x80(%rbp)\n  xor %esi, %esi\n" FORGET
      "  sgdt 0x1000(%rbp)\n  movzbl 0x1000(%rbp), %eax\n  power_off %rax\n");
/* The top of the x87's stack moves by the value's lowest bit; the registers are all zero. */
GUEST(state_fpu_top,
      TAKE "  fninit\n  test $1, %r8b\n  jz 1f\n  fincstp\n1:\n" FORGET
      "  fnstsw %ax\n  movzbl %ah, %eax\n  power_off %rax\n");
GUEST(state_fpu_tags,
      TAKE "  fninit\n  fldz\n  test $1, %r8b\n  jz 1f\n  ffree %st(0)\n1:\n" FORGET
      "  fnstenv 0x1000(%rbp)\n  movzbl 0x1009(%rbp), %eax\n  power_off %rax\n");
GUEST(state_fpu_conditions,
      TAKE "  fninit\n  fldz\n  fldz\n  test $1, %r8b\n  jz 1f\n  fcom %st(1)\n1:\n" FORGET
      "  fnstsw %ax\n  movzbl %ah, %eax\n  power_off %rax\n");
/* Both happen in one block: the request to stop, and switching off. */
GUEST(state_stop_and_exit,
      "  say 0\n  power_off $7\n");
GUEST(state_stop_and_fault,
      "  say 0\n  jmp 7f\n7:  lidt 0x3000(%rbp)\n  ud2\n");
/* clang-format on */

static struct tiny t;

static void stop_at_line(void *context, const struct machine_console_line *line)
{
    (void)context, (void)line;
    engine_unicorn.request_stop(t.engine, STOP_REQUEST);
}

static void start(const uint8_t *code, const uint8_t *end, const char *value)
{
    struct engine_capability capability;
    if (engine_unicorn.probe(&capability) != 0)
        cr_skip_test("no Unicorn: %s", capability.reason);
    tiny_init(&t, 1, code, end, value);
    t.config.sink.console_line = stop_at_line;
    t.config.deadline_ns = 50000000;
    t.options.seed = 1;
    cr_assert_eq(tiny_start(&t, &engine_unicorn), 0, "%s", t.error);
    cr_assert_eq(tiny_run(&t), 0, "%s", t.why.detail);
    cr_assert_eq(t.why.reason, STOP_REQUEST);
}

/* Hash where the guest was stopped, and what it then ends with. */
static uint32_t goes_on(const uint8_t *code, const uint8_t *end, const char *value,
                        uint64_t hash[2])
{
    start(code, end, value);
    cr_assert_eq(engine_unicorn.state_hash(t.engine, hash), 0);
    tiny_run(&t);
    cr_assert_eq(t.why.reason, STOP_EXIT, "it ended by %s", stop_reason_name(t.why.reason));
    uint32_t code_of_exit = t.why.exit_code;
    tiny_free(&t);
    return code_of_exit;
}

static void hash_tells(const char *name, const uint8_t *code, const uint8_t *end)
{
    uint64_t one[2], again[2], other[2];
    uint32_t end_one = goes_on(code, end, "\x21", one);
    uint32_t end_again = goes_on(code, end, "\x21", again);
    uint32_t end_other = goes_on(code, end, "\x42", other);
    cr_expect(one[0] == again[0] && one[1] == again[1] && end_one == end_again,
              "%s: the same run twice", name);
    cr_expect_neq(end_one, end_other, "%s: the guest does not find its value again", name);
    cr_expect(one[0] != other[0] || one[1] != other[1], "%s: one hash, two futures", name);
}

#define HASH_TELLS(name) hash_tells(#name, name##_start, name##_end)

Test(unicorn_state, debug_registers_are_in_the_hash)
{
    HASH_TELLS(state_dr0);
    HASH_TELLS(state_dr3);
}

Test(unicorn_state, model_specific_registers_are_in_the_hash)
{
    HASH_TELLS(state_star);
    HASH_TELLS(state_lstar);
    HASH_TELLS(state_cstar);
    HASH_TELLS(state_kernel_gs);
    HASH_TELLS(state_tsc_aux);
    HASH_TELLS(state_sysenter);
    HASH_TELLS(state_pat);
    HASH_TELLS(state_mtrr);
}

Test(unicorn_state, limits_of_tables_are_in_the_hash)
{
    HASH_TELLS(state_idt_limit);
    HASH_TELLS(state_gdt_limit);
}

Test(unicorn_state, stack_tags_and_conditions_of_the_x87_are_in_the_hash)
{
    HASH_TELLS(state_fpu_top);
    HASH_TELLS(state_fpu_tags);
    HASH_TELLS(state_fpu_conditions);
}

Test(unicorn_state, a_machine_that_ended_beside_a_request_is_over, .timeout = 120)
{
    start(state_stop_and_exit_start, state_stop_and_exit_end, NULL);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(tiny_run(&t), 0);
        cr_expect_eq(t.why.reason, STOP_EXIT, "%s", stop_reason_name(t.why.reason));
        cr_expect_eq(t.why.exit_code, 7);
    }
    tiny_free(&t);
}

Test(unicorn_state, a_core_that_cannot_go_on_does_not, .timeout = 120)
{
    start(state_stop_and_fault_start, state_stop_and_fault_end, NULL);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(tiny_run(&t), 0);
        cr_expect_eq(t.why.reason, STOP_TRIPLE_FAULT, "%s", stop_reason_name(t.why.reason));
    }
    tiny_free(&t);
}
