/* SPDX-License-Identifier: MIT
 *
 * Instructions that would read the host - rdtsc, rdtscp, rdrand, rdseed - read the machine's clock
 * and PRNG on the deterministic engine, in ring 0 as in ring 3: the same in two runs with one seed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cpu_guest.h"

/* RBX, RBP: random numbers; RDI, RDX: time before and after 2000 instructions; RCX: what rdtscp
 * says beside the time; RSI = 1: CF was set and nothing else of the arithmetic flags, each time. */
#define READ_HOST                                                                              \
    "xor %esi, %esi\n mov $0x8d5, %eax\n push %rax\n popfq\n rdrand %rbx\n pushfq\n pop %r8\n" \
    "rdseed %rbp\n pushfq\n pop %r9\n and $0x8d5, %r8d\n and $0x8d5, %r9d\n add %r9d, %r8d\n"  \
    "cmp $2, %r8d\n sete %sil\n rdtsc\n shl $32, %rdx\n lea (%rax,%rdx), %rdi\n"               \
    "mov $1000, %ecx\n 1: dec %ecx\n jnz 1b\n rdtscp\n shl $32, %rdx\n add %rax, %rdx\n"
SNIPPET(read_in_ring_3, READ_HOST LEAVE);
SNIPPET(read_in_ring_0, READ_HOST LEAVE0);

static struct cpu_trap run(bool ring0, uint64_t seed, uint64_t hash[2])
{
    struct cpu_case test = { .name = "read",
                             .begin = ring0 ? read_in_ring_0_begin : read_in_ring_3_begin,
                             .end = ring0 ? read_in_ring_0_end : read_in_ring_3_end,
                             .ring0 = ring0 };
    struct engine_options options = { .seed = seed, .interrupt_fd = -1 };
    struct cpu_result *result = calloc(1, sizeof(*result));
    const char *wrong = cpu_run("unicorn", &test, &options, result);
    cr_assert(!wrong, "%s", wrong);
    cr_assert_eq(result->why.reason, STOP_EXIT, "%s", result->why.detail);
    cr_assert_eq(result->count, 1);
    struct cpu_trap trap = result->trap[0];
    hash[0] = result->hash[0];
    hash[1] = result->hash[1];
    free(result);
    return trap;
}

Test(unicorn_helpers, nothing_of_the_host_is_read, .timeout = 60)
{
    struct engine_capability capability;
    if (engine_unicorn.probe(&capability) != 0)
        cr_skip_test("no Unicorn: %s", capability.reason);
    for (int ring0 = 0; ring0 < 2; ring0++) {
        uint64_t hash[3][2];
        struct cpu_trap first = run(ring0, 1, hash[0]), again = run(ring0, 1, hash[1]);
        struct cpu_trap other = run(ring0, 2, hash[2]);
        cr_expect(first.rbx == again.rbx && first.rbp == again.rbp, "random numbers differ");
        cr_expect(first.rdi == again.rdi && first.rdx == again.rdx, "times differ");
        cr_expect(hash[0][0] == hash[1][0] && hash[0][1] == hash[1][1], "states differ");
        cr_expect(first.rbx != other.rbx && first.rbp != other.rbp, "not from the seed");
        cr_expect(first.rbx != first.rbp && first.rbx != 0);
        cr_expect_eq(first.rsi, 1, "flags");
        /* 1000 blocks of 1 ns, and power-on was a moment ago */
        cr_expect(first.rdx - first.rdi >= 1000 && first.rdx - first.rdi < 3000, "%llu ns",
                  (unsigned long long)(first.rdx - first.rdi));
        cr_expect(first.rdx < 1000000, "%llu ns", (unsigned long long)first.rdx);
        if (ring0) /* in ring 3 `syscall` has taken RCX */
            cr_expect_eq(first.rcx, 0, "core");
    }
}
