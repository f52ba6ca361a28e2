/* SPDX-License-Identifier: MIT
 *
 * The KVM engine in what hosts differ in: how a system call enters, exceptions of ring 3, running
 * where there is no memory, and notifications that arrive while a core runs or sleeps.
 *
 * `make check-nested` runs these and test_kvm.c on this host's KVM and on emulated hardware, and
 * compares what they came to (docs/engines.md).  Where /dev/kvm cannot be used they are skipped.
 */
#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"

#define HANG_GUARD_S 120

static struct tiny t;
static struct engine_capability capability;

static void run(unsigned cores, const uint8_t *code, const uint8_t *code_end)
{
    if (engine_kvm.probe(&capability) < 0)
        cr_skip_test("%s", capability.reason);
    tiny_init(&t, cores, code, code_end, NULL);
    cr_assert_eq(tiny_start(&t, &engine_kvm), 0, "%s", t.error);
    tiny_run(&t);
}

static void finish(void)
{
    cr_log_info("%s", tiny_outcome(&t));
    tiny_free(&t);
}

/* One that failed left its machine behind: the log says where the guest stood. */
static void describe(void)
{
    tiny_describe(&t);
}

TestSuite(kvm_exits, .timeout = HANG_GUARD_S, .fini = describe);

/* Maps 2 MiB of the scratch memory at 4 MiB for ring 3 (tables in the scratch memory's first two
 * pages), copies the code between the labels 10 and 11 there and enters it.  All registers stay as
 * they are in ring 3 but for RAX, RCX, RDX, RSI, RDI, R8. */
#define MAP_RING_3                                    \
    "  mov 72(%r14), %rcx\n" /* scratch_paddr */      \
    "  mov $0xffff800000000000, %rdx\n"               \
    "  mov %cr3, %rax\n"                              \
    "  lea 7(%rcx), %rsi\n"                           \
    "  mov %rsi, (%rdx,%rax)\n" /* PML4 slot 0 */     \
    "  lea 0x1007(%rcx), %rsi\n"                      \
    "  mov %rsi, (%rdx,%rcx)\n" /* PDPT slot 0 */     \
    "  lea 0x200000(%rcx), %r8\n"                     \
    "  and $-0x200000, %r8\n"                         \
    "  lea 0x87(%r8), %rsi\n"                         \
    "  mov %rsi, 0x1010(%rdx,%rcx)\n" /* PD slot 2 */ \
    "  mov %rax, %cr3\n"                              \
    "  lea (%rdx,%r8), %rdi\n"                        \
    "  lea 10f(%rip), %rsi\n"                         \
    "  mov $11f - 10f, %ecx\n"                        \
    "  rep movsb\n"
#define GO_TO_RING_3     \
    "  push $0x1b\n"     \
    "  push $0x400800\n" \
    "  push $2\n"        \
    "  push $0x23\n"     \
    "  push $0x400000\n" \
    "  iretq\n"
#define ENTER_RING_3 MAP_RING_3 GO_TO_RING_3

/* Comes to 1 if `syscall` reaches LSTAR in ring 0, to 2 if it is a page fault there. */
GUEST(syscall_guest, "  set_handler 2f\n"
                     "  mov $0xc0000081, %ecx\n" /* STAR */
                     "  xor %eax, %eax\n"
                     "  mov $0x00100008, %edx\n"
                     "  wrmsr\n"
                     "  mov $0xc0000084, %ecx\n" /* SFMASK */
                     "  mov $0x600, %eax\n"
                     "  xor %edx, %edx\n"
                     "  wrmsr\n"
                     "  lea 1f(%rip), %rax\n"
                     "  mov %rax, %r13\n"
                     "  mov %rax, %rdx\n"
                     "  shr $32, %rdx\n"
                     "  mov $0xc0000082, %ecx\n"                         /* LSTAR */
                     "  wrmsr\n" ENTER_RING_3 "1: cmp $0x400008, %rcx\n" /* behind the syscall */
                     "  jne 9f\n"
                     "  mov %cs, %eax\n"
                     "  cmp $8, %eax\n"
                     "  jne 9f\n"
                     "  power_off $1\n"
                     "2: cmpq $14, (%rsp)\n"
                     "  jne 9f\n"
                     "  mov %cr2, %rax\n"
                     "  cmp %rax, %r13\n"
                     "  jne 9f\n"
                     "  cmp %rax, 16(%rsp)\n"
                     "  jne 9f\n"
                     "  cmp $0x400008, %rcx\n"
                     "  jne 9f\n"
                     "  power_off $2\n"
                     "9: power_off $91\n"
                     "10: mov $7, %r9d\n" /* 6 bytes, so that RCX is not the entry */
                     "  syscall\n"
                     "  ud2\n"
                     "11:\n");

Test(kvm_exits, system_call_enters_as_the_probe_says)
{
    run(1, syscall_guest_start, syscall_guest_end);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, capability.syscall_faults ? 2 : 1, "exit code %d",
                 (int)t.why.exit_code);
    finish();
}

/* Comes to 1 if AVX is undefined in ring 3, to 2 if what it leaves in the upper half of a register
 * is gone after the request that clears it, and the lower half is as it was. */
GUEST(vectors_guest, "  set_handler 2f\n"
                     "  xor %r12d, %r12d\n" ENTER_RING_3 "2: pop %rax\n"
                     "  cmp $6, %eax\n"
                     "  je 3f\n"
                     "  cmp $4, %eax\n"
                     "  je 4f\n"
                     "  test %r12d, %r12d\n"
                     "  jnz 9f\n"
                     "  inc %r12d\n"
                     "  request 0x501c, 0\n"
                     "  iretq\n"
                     "3: request 0x501c, 0\n"
                     "  power_off $1\n"
                     "4: power_off $2\n"
                     "9: power_off $91\n"
                     "10: vpcmpeqd %ymm3, %ymm3, %ymm3\n"
                     "  int3\n"
                     "  vmovdqu %ymm3, 0x400400\n"
                     "  cmpq $-1, 0x400408\n"
                     "  jne 1f\n"
                     "  cmpq $0, 0x400410\n"
                     "  jne 1f\n"
                     "  cmpq $0, 0x400418\n"
                     "  jne 1f\n"
                     "  int $4\n"
                     "1: int3\n"
                     "11:\n");

Test(kvm_exits, vector_registers_can_be_cleared)
{
    run(1, vectors_guest_start, vectors_guest_end);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, capability.wide_vectors ? 2 : 1, "exit code %d",
                 (int)t.why.exit_code);
    finish();
}

/* A breakpoint, an undefined instruction, a store where nothing is mapped: comes to the three
 * vectors as digits of base 3. */
GUEST(exception_guest, "  set_handler 2f\n"
                       "  xor %r12d, %r12d\n" ENTER_RING_3 "2: pop %rax\n"
                       "  lea (%r12,%r12,2), %r12\n"
                       "  add %rax, %r12\n"
                       "  cmp $14, %eax\n"
                       "  je 3f\n"
                       "  cmp $6, %eax\n"
                       "  jne 1f\n"
                       "  addq $2, (%rsp)\n" /* ud2 is two bytes long */
                       "1: iretq\n"
                       "3: cmpq $6, (%rsp)\n" /* not present, store, from ring 3 */
                       "  jne 9f\n"
                       "  mov %cr2, %rax\n"
                       "  cmp $0x12345678, %rax\n"
                       "  jne 9f\n"
                       "  power_off %r12\n"
                       "9: power_off $91\n"
                       "10: mov %r12, %r9\n"
                       "  int3\n"
                       "  ud2\n"
                       "  movl $1, 0x12345678\n"
                       "  jmp 10b\n"
                       "11:\n");

Test(kvm_exits, exceptions_of_ring_3_arrive)
{
    run(1, exception_guest_start, exception_guest_end);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, (3 * 3 + 6) * 3 + 14, "exit code %d", (int)t.why.exit_code);
    finish();
}

/* Jumps to 36 GiB, where there is nothing. */
GUEST(nowhere_code_guest, "  mov 72(%r14), %rcx\n" /* scratch_paddr */
                          "  mov $0xffff800000000000, %rdx\n"
                          "  mov %cr3, %rax\n"
                          "  mov 2048(%rdx,%rax), %rax\n"
                          "  and $~0xfff, %rax\n"
                          "  lea 3(%rcx), %rsi\n"
                          "  mov %rsi, 256(%rdx,%rax)\n"
                          "  mov $0x900000083, %rsi\n"
                          "  mov %rsi, (%rdx,%rcx)\n"
                          "  mov $0xffff800800000000, %rsi\n"
                          "  jmp *%rsi\n");

Test(kvm_exits, code_from_no_memory_is_reported)
{
    run(1, nowhere_code_guest_start, nowhere_code_guest_end);
    cr_assert(t.why.reason == STOP_EMULATION || t.why.reason == STOP_BAD_ACCESS, "%s",
              stop_reason_name(t.why.reason));
    cr_assert_eq(t.why.core, 0);
    cr_assert_neq(t.why.detail[0], 0);
    finish();
}

/* Core 1 notifies core 0 eighty times, each time waiting until the interrupt was taken.  For the
 * first forty core 0 runs in a loop, for the others it halts: each must end KVM_RUN, or the
 * sleep. */
GUEST(notified_guest, "  set_handler 2f\n"
                      "  start_core_1 5f\n"
                      "  sti\n"
                      "1: cmpq $40, 0x2000(%rbp)\n"
                      "  jb 1b\n"
                      "3: cli\n"
                      "  cmpq $80, 0x2000(%rbp)\n"
                      "  jae 4f\n"
                      "  sti\n"
                      "  hlt\n"
                      "  jmp 3b\n"
                      "4: power_off $12\n"
                      "2: xor %ecx, %ecx\n"
                      "  xchg %rcx, (%rbx)\n"
                      "  incq 0x2000(%rbp)\n"
                      "  add $8, %rsp\n"
                      "  iretq\n"
                      "5: mov $-0x7ff00000, %rbp\n" /* the data segment, as on core 0 */
                      "  xor %r12d, %r12d\n"
                      "6: request 0x500c, 3\n"
                      "  inc %r12\n"
                      "7: cmp %r12, 0x2000(%rbp)\n"
                      "  jb 7b\n"
                      "  cmp $80, %r12\n"
                      "  jb 6b\n"
                      "  request 0x5010, 2\n"
                      "  ud2\n");

Test(kvm_exits, no_notification_is_lost)
{
    run(2, notified_guest_start, notified_guest_end);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 12);
    finish();
}

/* Raises CR8 and lowers it again, which makes KVM leave the guest; the machine has no APIC to
 * tell. */
GUEST(guest_cr8, "  mov $9, %eax\n"
                 "  mov %rax, %cr8\n"
                 "  xor %eax, %eax\n"
                 "  mov %rax, %cr8\n"
                 "  power_off $5\n");

Test(kvm_exits, the_task_priority_is_nobodys_business)
{
    run(1, guest_cr8_start, guest_cr8_end);
    cr_assert(t.why.reason == STOP_EXIT && t.why.exit_code == 5, "%s: %s",
              stop_reason_name(t.why.reason), t.why.detail);
    finish();
}

/* Turns SMEP, SMAP and UMIP on, as the CPU driver does.  Comes to 3 if CPUID does not offer all;
 * else ring 0 reads a page of ring 3 (11 if it may), jumps there (12), and ring 3 asks where the
 * GDT lies (13).  1: all of it was refused. */
GUEST(guest_protection, "  set_handler 5f\n"
                        "  mov $7, %eax\n"
                        "  xor %ecx, %ecx\n"
                        "  mov %rbx, %rdi\n"
                        "  cpuid\n"
                        "  xchg %rbx, %rdi\n"
                        "  and $0x100080, %edi\n"
                        "  cmp $0x100080, %edi\n"
                        "  jne 3f\n"
                        "  bt $2, %ecx\n"
                        "  jnc 3f\n" MAP_RING_3 "  mov %cr4, %rax\n"
                        "  or $0x300800, %rax\n"
                        "  mov %rax, %cr4\n"
                        "  xor %r12d, %r12d\n"
                        "  mov $0x400000, %edi\n"
                        "  mov (%rdi), %rax\n"
                        "  power_off $11\n"
                        "5: inc %r12d\n"
                        "  cmp $2, %r12d\n"
                        "  ja 7f\n"
                        "  je 6f\n"
                        "  cmpq $14, (%rsp)\n"
                        "  jne 9f\n"
                        "  jmp *%rdi\n"
                        "6: cmpq $14, (%rsp)\n"
                        "  jne 8f\n"
                        "  cmpq $0x400000, 16(%rsp)\n"
                        "  jne 9f\n" GO_TO_RING_3 "7: cmpq $13, (%rsp)\n"
                        "  jne 2f\n"
                        "  power_off $1\n"
                        "2: power_off $13\n"
                        "8: power_off $12\n"
                        "3: power_off $3\n"
                        "9: power_off $91\n"
                        "10: sgdt -64(%rsp)\n"
                        "  ud2\n"
                        "11:\n");

Test(kvm_exits, smep_smap_and_umip_keep_ring_3_out)
{
    run(1, guest_protection_start, guest_protection_end);
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s: %s", stop_reason_name(t.why.reason), t.why.detail);
    if (t.why.exit_code == 3)
        cr_skip_test("this processor does not offer them");
    cr_assert_eq(t.why.exit_code, 1, "exit code %d", (int)t.why.exit_code);
    finish();
}

/* Ends with 1 if CPUID offers VMX (leaf 1, ECX 5), SVM (leaf 0x80000001, ECX 2), RTM or HLE (leaf
 * 7, EBX 11,
 * 4) or counters (leaf 10, if there is such a leaf). */
GUEST(guest_offers, "  xor %eax, %eax\n"
                    "  cpuid\n"
                    "  mov %eax, %esi\n"
                    "  mov %rbx, %rdi\n"
                    "  mov $1, %eax\n"
                    "  xor %ecx, %ecx\n"
                    "  cpuid\n"
                    "  bt $5, %ecx\n"
                    "  jc 1f\n"
                    "  mov $0x80000001, %eax\n"
                    "  cpuid\n"
                    "  bt $2, %ecx\n"
                    "  jc 1f\n"
                    "  cmp $7, %esi\n"
                    "  jb 2f\n"
                    "  mov $7, %eax\n"
                    "  xor %ecx, %ecx\n"
                    "  cpuid\n"
                    "  test $0x810, %ebx\n"
                    "  jnz 1f\n"
                    "  cmp $10, %esi\n"
                    "  jb 2f\n"
                    "  mov $10, %eax\n"
                    "  cpuid\n"
                    "  test %al, %al\n"
                    "  jnz 1f\n"
                    "2: mov $-0x40000000, %rbx\n"
                    "  power_off $0\n"
                    "1: mov $-0x40000000, %rbx\n"
                    "  power_off $1\n");

Test(kvm_exits, cpuid_offers_no_hypervisor_transactions_or_counters)
{
    run(1, guest_offers_start, guest_offers_end);
    cr_assert(t.why.reason == STOP_EXIT && t.why.exit_code == 0, "%s: %s",
              stop_reason_name(t.why.reason), t.why.detail);
    finish();
}
