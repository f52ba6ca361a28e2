/* SPDX-License-Identifier: MIT
 *
 * Guests that mean harm, on every engine this host has: endless output, broken page tables, modes
 * no kernel of ours uses, storms of interrupts, addresses at every edge, code that never stops
 * growing. Whatever one of them does, the run ends by itself for a reason that is the guest's, the
 * post-mortem and its symbols can be written, and (the test program is built so) no byte is touched
 * that is not the guest's.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <time.h>

#include "../guest/tiny_guest.h"

#define KVM_DEADLINE_NS 100000000
#define UNICORN_DEADLINE_NS 1000000

/* clang-format off */
__asm__(/* rax: the level-4 table, where we can write it; clobbers rcx */
        ".macro own_tables\n"
        "  mov %cr3, %rax\n"
        "  mov $0xffff800000000000, %rcx\n"
        "  add %rcx, %rax\n"
        ".endm\n"
        ".macro new_tables\n"
        "  mov %cr3, %rax\n"
        "  mov %rax, %cr3\n"
        ".endm\n"
        /* the lower half: level 3 at 0x3000 of the data, level 2 at 0x4000, whose first entry is
         * `entry` */
        ".macro map_low entry\n"
        "  own_tables\n"
        "  lea 0x3003(%r15), %rdx\n"
        "  mov %rdx, (%rax)\n"
        "  lea 0x4003(%r15), %rdx\n"
        "  mov %rdx, 0x3000(%rbp)\n"
        "  mov $\\entry, %rdx\n"
        "  mov %rdx, 0x4000(%rbp)\n"
        "  new_tables\n"
        ".endm\n"
        /* core areas (31 GiB) and window (32 GiB) into the physical map */
        ".macro map_devices\n"
        "  own_tables\n"
        "  mov 256*8(%rax), %rax\n"
        "  and $-4096, %rax\n"
        "  add %rcx, %rax\n"
        "  lea 0x5023(%r15), %rdx\n"
        "  mov %rdx, 31*8(%rax)\n"
        "  lea 0x6023(%r15), %rdx\n"
        "  mov %rdx, 32*8(%rax)\n"
        "  mov $0x7C00000E3, %rdx\n"
        "  mov %rdx, 0x5000(%rbp)\n"
        "  mov $0x8000000E3, %rdx\n"
        "  mov %rdx, 0x6000(%rbp)\n"
        "  new_tables\n"
        ".endm\n"
        /* lets the core whose number is in rcx begin at a label, with our boot information and
         * tables */
        ".macro start_core label\n"
        "  mov %rcx, 64(%rbx)\n"
        "  lea \\label(%rip), %rax\n"
        "  mov %rax, 72(%rbx)\n"
        "  mov %rdi, 80(%rbx)\n"
        "  mov %cr3, %rax\n"
        "  mov %rax, 88(%rbx)\n"
        "  request 0x5010, 1\n"
        ".endm\n"
        ".macro start_others label\n"
        "  mov $1, %ecx\n"
        "770: start_core \\label\n"
        "  inc %rcx\n"
        "  cmp $4, %rcx\n"
        "  jb 770b\n"
        ".endm\n"
        /* what such a core does first: its number into r12, its own area into rbx, a stack */
        ".macro other_core\n"
        "  mov $-0x7ff00000, %rbp\n"
        "  mov $1, %r12d\n"
        "  lock xadd %r12, 0x2f00(%rbp)\n"
        "  inc %r12\n"
        "  mov %r12, %rbx\n"
        "  shl $14, %rbx\n"
        "  mov $0xffff8007C0000000, %rax\n"
        "  add %rax, %rbx\n"
        "  mov $0xffff800000000000, %r14\n"
        "  add %rdi, %r14\n"
        "  mov 48(%r14), %r15\n"
        "  add $0x100000, %r15\n"
        "  mov %r12, %rax\n"
        "  shl $8, %rax\n"
        "  lea 0x8000(%rbp,%rax), %rsp\n"
        "  lgdt 0x80(%rbp)\n"
        "  lidt 0x90(%rbp)\n"
        ".endm\n"
        /* takes the causes, drops the vector, goes back */
        ".macro back_from_interrupt\n"
        "  push %rax\n"
        "  xor %eax, %eax\n"
        "  xchg %rax, (%rbx)\n"
        "  pop %rax\n"
        "  add $8, %rsp\n"
        "  iretq\n"
        ".endm\n"
        /* the first pages of the physical map executable: rax, rcx, rdx */
        ".macro executable_memory\n"
        "  own_tables\n"
        "  mov 256*8(%rax), %rax\n"
        "  and $-4096, %rax\n"
        "  add %rcx, %rax\n"
        "  mov (%rax), %rax\n"
        "  and $-4096, %rax\n"
        "  add %rcx, %rax\n"
        "  mov $32, %edx\n"
        "771: btrq $63, (%rax)\n"
        "  add $8, %rax\n"
        "  dec %edx\n"
        "  jnz 771b\n"
        "  new_tables\n"
        ".endm\n"
        /* `bytes` of jumps to the next instruction at r9, with a return at the end */
        ".macro write_code bytes\n"
        "  mov %r9, %rdi\n"
        "  mov $\\bytes / 8, %ecx\n"
        "  mov $0x00eb00eb00eb00eb, %rax\n"
        "  rep stosq\n"
        "  movb $0xc3, -1(%rdi)\n"
        "  movb $0xc3, -2(%rdi)\n"
        ".endm\n");

/* ---- output ---- */
GUEST(lines, "1: say 1024\n jmp 1b\n");
GUEST(lines_of_all, "map_devices\n start_others 5f\n1: say 1024\n jmp 1b\n5: other_core\n jmp 1b\n");
GUEST(records, "1: addq $512, 216(%rbx)\n request 0x5004, 0\n jmp 1b\n");
GUEST(records_jump, "  mov $0x4000000000000001, %rcx\n1: add %rcx, 216(%rbx)\n request 0x5004, 0\n jmp 1b\n");
GUEST(channels, "  mov $0x800000000, %rax\n mov %rax, 0x1040(%rbp)\n movl $64, 0x1048(%rbp)\n"
                "  lea 0x1000(%r15), %rax\n mov %rax, 64(%rbx)\n1: request 0x5018, 0\n jmp 1b\n");
GUEST(named, "  lea 0x1000(%r15), %rax\n mov %rax, 192(%rbx)\n movq $2, 208(%rbx)\n"
             "  map_low 0x83\n" /* memory from address 0 on */
             "  mov $0x3000, %eax\n movw $0xfeeb, (%rax)\n jmp *%rax\n");
GUEST(ring_of_heads, "  lea 0x1000(%r15), %rax\n mov %rax, 192(%rbx)\n mov %rax, 200(%rbx)\n"
                     "  lea 0x2000(%r15), %rcx\n mov %rcx, 0x1010(%rbp)\n mov %rcx, 0x2010(%rbp)\n1: jmp 1b\n");
/* ---- time ---- */
GUEST(endless, "1: jmp 1b\n");
GUEST(endless_all, "map_devices\n start_others 5f\n1: jmp 1b\n5: jmp 1b\n");
GUEST(halted, "cli\n1: hlt\n jmp 1b\n");
GUEST(scrubber, "1: movq $0x1000000, 64(%rbx)\n movq $0x3000000, 72(%rbx)\n request 0x5014, 0\n jmp 1b\n");
GUEST(scan, "1: mov $-1, %rcx\n lea 0x6000(%rbp), %rdi\n xor %eax, %eax\n repe scasb\n jmp 1b\n");
GUEST(copy_on, "1: mov $0xffff800001000000, %rsi\n lea 1(%rsi), %rdi\n mov $0x2000000, %ecx\n rep movsb\n jmp 1b\n");
/* ---- page tables ---- */
GUEST(tables_outside, "  mov $0xF00000000, %rax\n mov %rax, %cr3\n nop\n1: jmp 1b\n");
GUEST(tables_far, "  mov $0x000ffffffffff000, %rax\n mov %rax, %cr3\n nop\n1: jmp 1b\n");
GUEST(level3_outside, "  own_tables\n mov $0xF00000003, %rdx\n mov %rdx, (%rax)\n mov 0x1000, %rax\n1: jmp 1b\n");
GUEST(page_outside, "  map_low 0xA00000083\n mov %eax, 0x1000\n1: jmp 1b\n");
GUEST(page_far, "  map_low 0x000fffffffe00083\n mov %eax, 0x1000\n1: jmp 1b\n");
GUEST(code_outside, "  map_low 0xA00000083\n mov $0x1000, %eax\n jmp *%rax\n");
GUEST(tables_in_themselves, "  own_tables\n mov %cr3, %rdx\n or $3, %rdx\n mov %rdx, (%rax)\n new_tables\n"
                            "  xor %edi, %edi\n mov $0x1000, %ecx\n mov $-1, %rax\n rep stosq\n1: jmp 1b\n");
/* ---- modes ---- */
GUEST(stack_outside, "  mov $0x12345000, %rsp\n ud2\n");
GUEST(long_idt, "  movw $-1, 0x90(%rbp)\n movq $-1, 0x92(%rbp)\n lidt 0x90(%rbp)\n ud2\n");
GUEST(no_paging, "  mov %cr0, %rax\n btr $31, %rax\n mov %rax, %cr0\n nop\n1: jmp 1b\n");
GUEST(no_pae, "  mov %cr4, %rax\n btr $5, %rax\n mov %rax, %cr4\n nop\n1: jmp 1b\n");
GUEST(compatible, "  mov $0x00cf9b000000ffff, %rax\n mov %rax, 0x38(%rbp)\n movw $0x3f, 0x80(%rbp)\n lgdt 0x80(%rbp)\n"
                  "  map_low 0x83\n movw $0xfeeb, 0x7000(%rbp)\n lea 0x7000(%r15), %rax\n"
                  "  push $0x38\n push %rax\n lretq\n");
GUEST(real_mode, /* by way of compatibility mode: paging off, then protection */
      "  mov $0x00cf9b000000ffff, %rax\n mov %rax, 0x38(%rbp)\n"
      "  movw $0x3f, 0x80(%rbp)\n lgdt 0x80(%rbp)\n map_low 0x83\n"
      "  lea 9f(%rip), %rsi\n lea 0x7000(%rbp), %rdi\n mov $32, %ecx\n rep movsb\n"
      "  lea 0x7000(%r15), %rax\n push $0x38\n push %rax\n lretq\n .code32\n"
      "9: mov %cr0, %eax\n btr $31, %eax\n mov %eax, %cr0\n"
      "  btr $0, %eax\n mov %eax, %cr0\n1: jmp 1b\n .code64\n .skip 32\n");
GUEST(task_priority, "  mov $9, %eax\n mov %rax, %cr8\n xor %eax, %eax\n mov %rax, %cr8\n power_off $7\n");
GUEST(hypercall, "  set_handler 1f\n mov $1, %eax\n vmcall\n power_off $7\n1: power_off $8\n");
GUEST(no_fpu, "  mov %cr0, %rax\n or $8, %rax\n mov %rax, %cr0\n fld1\n1: jmp 1b\n");
GUEST(breakpoint, "  set_handler 2f\n lea 1f(%rip), %rcx\n mov %rcx, %dr0\n mov $0x402, %eax\n mov %rax, %dr7\n"
                  "1: nop\n power_off $5\n2: power_off $5\n");
GUEST(far_jump_to_task, "  ljmp *2f(%rip)\n2: .long 0\n .word 0x28\n");
GUEST(nested_task, "  pushfq\n orl $0x4000, (%rsp)\n popfq\n iretq\n");
/* ---- interrupts and cores ---- */
GUEST(causes, "  set_handler 1f\n movq $-1, (%rbx)\n sti\n2: jmp 2b\n1: add $8, %rsp\n iretq\n");
GUEST(timers, "  set_handler 2f\n sti\n1: movq $1, 64(%rbx)\n request 0x5008, 0\n jmp 1b\n2: back_from_interrupt\n");
GUEST(timers_far, "  movq $-1, 64(%rbx)\n request 0x5008, 0\n movq $-2, 64(%rbx)\n request 0x5008, 0\n sti\n1: hlt\n jmp 1b\n");
GUEST(ipis, "  map_devices\n set_handler 2f\n start_others 5f\n sti\n"
            "3: xor %ecx, %ecx\n4: mov %ecx, %eax\n shl $16, %eax\n mov $0x500c, %edx\n out %eax, %dx\n"
            "  inc %ecx\n cmp $70, %ecx\n jb 4b\n jmp 3b\n"
            "2: back_from_interrupt\n5: other_core\n sti\n jmp 3b\n");
GUEST(starts, "  map_devices\n start_others 5f\n1: mov $63, %ecx\n2: start_core 5f\n dec %rcx\n jns 2b\n jmp 1b\n"
              "5: other_core\n test $1, %r12\n jz 6f\n jmp 1b\n6: request 0x5010, 2\n ud2\n");
GUEST(start_nowhere, "  movq $1, 64(%rbx)\n movq $0x1000, 72(%rbx)\n movq $0, 80(%rbx)\n movq $0, 88(%rbx)\n request 0x5010, 1\n1: jmp 1b\n");
/* ---- ports and addresses ---- */
GUEST(ports, "  mov $0x4ff0, %ecx\n"
             "1: mov %ecx, %edx\n mov $-1, %eax\n cmp $0x5010, %edx\n je 2f\n out %eax, %dx\n"
             "2: out %ax, %dx\n out %al, %dx\n in %dx, %eax\n in %dx, %ax\n in %dx, %al\n"
             "  inc %ecx\n cmp $0x5040, %ecx\n jb 1b\n power_off $5\n");
GUEST(string_out, "  set_handler 3f\n mov $-1, %rcx\n mov $0x5000, %edx\n lea 0x1000(%rbp), %rsi\n rep outsl\n3: power_off $5\n");
GUEST(string_in, "  set_handler 3f\n mov $-1, %rcx\n mov $0x5000, %edx\n lea 0x8000(%rbp), %rdi\n rep insb\n3: power_off $5\n");
GUEST(edges, "  lea 9f(%rip), %rsi\n"
             "1: lodsq\n cmp $-7, %rax\n je 2f\n mov %rax, 64(%rbx)\n mov %rax, 72(%rbx)\n"
             "  request 0x5000, 1024\n request 0x5000, 0\n request 0x5018, 0\n request 0x5014, 0\n"
             "  movq $64, 72(%rbx)\n request 0x5014, 0\n movq $-64, 72(%rbx)\n request 0x5014, 0\n"
             "  mov $0x7fffffffffffffc0, %rax\n mov %rax, 72(%rbx)\n request 0x5014, 0\n"
             "  jmp 1b\n2: power_off $5\n .balign 8\n"
             "9: .quad 0, 1, -1, -64, -1024, 0x7fffffffffffffff, 0x8000000000000000, 0x3ffffc0, 0x4000000\n"
             "  .quad 0x3ffffff, 0x3fffc00, 0x3fffc01, 0x7C0000000, 0x7C0003fff, 0x7C0003ff8, 0x800000000\n"
             "  .quad 0x8000fffc0, 0x800100000, 0x7fffffff8, 0xfffffffff, 0x1000000000, -7\n");
GUEST(panic, "request 0x5010, 4\n1: jmp 1b\n");
/* ---- code ---- */
GUEST(much_code, "  executable_memory\n mov $0xffff800001800000, %r9\n2: write_code 0x2000000\n call *%r9\n jmp 2b\n");
GUEST(new_code, "  executable_memory\n mov $0xffff800001800000, %r9\n2: write_code 4096\n call *%r9\n jmp 2b\n");
GUEST(all_memory, "  mov $0xffff800001000000, %rdi\n mov $0x2000, %ecx\n1: movb $1, (%rdi)\n add $4096, %rdi\n dec %ecx\n jnz 1b\n power_off $5\n");
/* clang-format on */

/* How a run may end, as a set of reasons. */
#define ENDS(reason) (1u << STOP_##reason)
#define BREAKS (ENDS(TRIPLE_FAULT) | ENDS(EMULATION) | ENDS(BAD_ACCESS))
#define LASTS ENDS(DEADLINE)
#define ANY (BREAKS | LASTS | ENDS(EXIT)) /* engines differ in what they offer */

static const struct guest {
    const char *name;
    const uint8_t *code, *code_end;
    unsigned cores, ends;
    unsigned exit_code;
    const char *text; /* at 0x1000 of the data */
} guests[] = {
#define G(name) #name, name##_start, name##_end
    { G(lines), 1, LASTS, 0, "\1\2\3\033[2J\xe2\x80\xae" },
    { G(lines_of_all), 4, LASTS, 0, "\1\1\1\1" },
    { G(records), 1, LASTS, 0, NULL },
    { G(records_jump), 1, LASTS, 0, NULL },
    { G(channels), 1, LASTS, 0, "\033]0;name\007\033[31m" },
    { G(named), 1, LASTS, 0, "../../f" },
    { G(ring_of_heads), 1, LASTS, 0, "x" },
    { G(endless), 1, LASTS, 0, NULL },
    { G(endless_all), 4, LASTS, 0, NULL },
    { G(halted), 1, LASTS, 0, NULL },
    { G(scrubber), 1, LASTS, 0, NULL },
    { G(scan), 1, ANY, 0, NULL },
    { G(copy_on), 1, LASTS, 0, NULL },
    { G(tables_outside), 1, BREAKS, 0, NULL },
    { G(tables_far), 1, ANY, 0, NULL },
    { G(level3_outside), 1, BREAKS, 0, NULL },
    { G(page_outside), 1, BREAKS, 0, NULL },
    { G(page_far), 1, ANY, 0, NULL },
    { G(code_outside), 1, BREAKS, 0, NULL },
    { G(tables_in_themselves), 1, ANY, 0, NULL },
    { G(stack_outside), 1, BREAKS, 0, NULL },
    { G(long_idt), 1, BREAKS, 0, NULL },
    { G(no_paging), 1, ANY, 0, NULL },
    { G(no_pae), 1, ANY, 0, NULL },
    { G(compatible), 1, ANY, 0, NULL },
    { G(real_mode), 1, ANY, 0, NULL },
    { G(task_priority), 1, ANY, 7, NULL },
    { G(hypercall), 1, ANY, 8, NULL },
    { G(no_fpu), 1, BREAKS, 0, NULL },
    { G(breakpoint), 1, ANY, 5, NULL },
    { G(far_jump_to_task), 1, ANY, 0, NULL },
    { G(nested_task), 1, ANY, 0, NULL },
    { G(causes), 1, LASTS, 0, NULL },
    { G(timers), 1, LASTS, 0, NULL },
    { G(timers_far), 1, LASTS, 0, NULL },
    { G(ipis), 4, LASTS, 0, NULL },
    { G(starts), 4, LASTS, 0, NULL },
    { G(start_nowhere), 2, BREAKS, 0, NULL },
    { G(ports), 1, ENDS(EXIT) | LASTS, 5, NULL },
    { G(string_out), 1, ANY, 5, NULL },
    { G(string_in), 1, ANY, 5, NULL },
    { G(edges), 1, ENDS(EXIT) | LASTS, 5, NULL },
    { G(panic), 1, ENDS(PANIC), 0, NULL },
    { G(much_code), 1, LASTS, 0, NULL },
    { G(new_code), 1, LASTS, 0, NULL },
    { G(all_memory), 1, ENDS(EXIT) | LASTS, 5, NULL },
#undef G
};
#define GUESTS (sizeof(guests) / sizeof(guests[0]))

static struct tiny t;

static void describe(void)
{
    if (t.machine)
        tiny_free(&t);
}

/* HOSTILE_MS in the environment: how long each runs instead, in machine time (`make soak`). */
static uint64_t deadline_of(uint64_t usual_ns)
{
    const char *ms = getenv("HOSTILE_MS");
    return ms ? strtoull(ms, NULL, 10) * 1000000 : usual_ns;
}

/* HOSTILE_GUEST in the environment: the only one to run. */
static bool wanted(const struct guest *guest)
{
    const char *name = getenv("HOSTILE_GUEST");
    return !name || strcmp(name, guest->name) == 0;
}

static void run_guest(size_t index, const struct engine_ops *ops, uint64_t deadline_ns)
{
    const struct guest *guest = &guests[index];
    if (!wanted(guest))
        return;
    struct engine_capability capability;
    if (ops->probe(&capability) < 0)
        cr_skip_test("%s", capability.reason);
    tiny_init(&t, guest->cores, guest->code, guest->code_end, guest->text);
    t.config.deadline_ns = deadline_of(deadline_ns);
    cr_assert_eq(tiny_start(&t, ops), 0, "%s: %s", guest->name, t.error);
    tiny_run(&t);
    cr_expect(guest->ends >> t.why.reason & 1, "%s on %s: ended by %s, %s", guest->name, ops->name,
              stop_reason_name(t.why.reason), t.why.detail);
    if (t.why.reason == STOP_EXIT)
        cr_expect_eq(t.why.exit_code, guest->exit_code, "%s: %u", guest->name, t.why.exit_code);
    char *text;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    machine_postmortem(t.machine, &t.why, true, out);
    fclose(out);
    cr_expect_not_null(strstr(text, "run ended: "));
    cr_expect_lt(bytes, 20000u * guest->cores, "%s: a long post-mortem: %zu", guest->name, bytes);
    free(text);
    tiny_free(&t);
}

static size_t numbers[GUESTS];

static struct criterion_test_params all_guests(void)
{
    for (size_t i = 0; i < GUESTS; i++)
        numbers[i] = i;
    return cr_make_param_array(size_t, numbers, GUESTS);
}

ParameterizedTestParameters(hostile_guests, unicorn)
{
    return all_guests();
}

ParameterizedTest(size_t *index, hostile_guests, unicorn, .timeout = 300, .fini = describe)
{
    run_guest(*index, &engine_unicorn, UNICORN_DEADLINE_NS);
}

ParameterizedTestParameters(hostile_guests, kvm)
{
    return all_guests();
}

ParameterizedTest(size_t *index, hostile_guests, kvm, .timeout = 300, .fini = describe)
{
    run_guest(*index, &engine_kvm, KVM_DEADLINE_NS);
}

/* The library keeps about 100 bytes of each block that it ever translated: that has a limit. */
Test(hostile_guests, code_without_end_ends_by_the_limit_of_memory, .timeout = 300, .fini = describe)
{
    struct engine_capability capability;
    if (engine_unicorn.probe(&capability) < 0)
        cr_skip_test("%s", capability.reason);
    tiny_init(&t, 1, much_code_start, much_code_end, NULL);
    t.config.deadline_ns = 3600000000000000;
    t.options.memory_bytes = 1 << 20; /* less than this process has, so the first look finds it */
    cr_assert_eq(tiny_start(&t, &engine_unicorn), 0, "%s", t.error);
    tiny_run(&t);
    cr_expect_eq(t.why.reason, STOP_LIMIT, "%s", stop_reason_name(t.why.reason));
    cr_expect(strstr(t.why.detail, "1 MiB are allowed"), "%s", t.why.detail);
    /* and it stays ended */
    tiny_run(&t);
    cr_expect_eq(t.why.reason, STOP_LIMIT);
    tiny_free(&t);
}

/* ---- ends that come from outside ---- */

#define PATIENCE_NS 20000000

static void *stop_soon(void *context)
{
    const struct engine_ops *ops = context;
    nanosleep(&(struct timespec){ .tv_nsec = PATIENCE_NS }, NULL);
    ops->request_stop(t.engine, STOP_INTERRUPTED);
    return NULL;
}

/* Machine time may pass slowly: a guest whose code is new in every block costs the host
 * microseconds for each of its nanoseconds.  So the deadline alone is not enough: guard and signals
 * end it. */
static void stop_guest(size_t index, const struct engine_ops *ops)
{
    const struct guest *guest = &guests[index];
    if (!(guest->ends & LASTS) || !wanted(guest))
        return;
    struct engine_capability capability;
    if (ops->probe(&capability) < 0)
        cr_skip_test("%s", capability.reason);
    tiny_init(&t, guest->cores, guest->code, guest->code_end, guest->text);
    t.config.deadline_ns = 3600000000000000;
    cr_assert_eq(tiny_start(&t, ops), 0, "%s: %s", guest->name, t.error);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, stop_soon, (void *)ops), 0);
    tiny_run(&t);
    pthread_join(thread, NULL);
    unsigned ends = guest->ends | ENDS(INTERRUPTED);
    cr_expect(ends >> t.why.reason & 1, "%s on %s: ended by %s, %s", guest->name, ops->name,
              stop_reason_name(t.why.reason), t.why.detail);
    tiny_free(&t);
}

ParameterizedTestParameters(hostile_guests, unicorn_stopped)
{
    return all_guests();
}

ParameterizedTest(size_t *index, hostile_guests, unicorn_stopped, .timeout = 300, .fini = describe)
{
    stop_guest(*index, &engine_unicorn);
}

ParameterizedTestParameters(hostile_guests, kvm_stopped)
{
    return all_guests();
}

ParameterizedTest(size_t *index, hostile_guests, kvm_stopped, .timeout = 300, .fini = describe)
{
    stop_guest(*index, &engine_kvm);
}
