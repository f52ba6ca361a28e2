/* SPDX-License-Identifier: MIT
 *
 * Random bytes as guest code: the engine survives them, ends in order, and does the same again with
 * the same seed.  After each trap the snippet goes on somewhere else in the random bytes, so each
 * run meets dozens of traps.  Some bytes are made into instructions that would read time and random
 * numbers of the host.  VMM_RANDOM_GUESTS sets how many guests are tried (default 60).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_guest.h"
#include "engine/prng.h"

#define RANDOM_AT 0x100
#define CODE_BYTES 1024

/* R15 leads to the dispatcher at +0x20, which jumps to the next of 512 places. */
static void make_code(uint8_t code[CODE_BYTES], uint64_t seed, bool ring0)
{
    struct prng prng;
    prng_seed(&prng, seed);
    for (unsigned i = 0; i < CODE_BYTES; i++)
        code[i] = (uint8_t)prng_next(&prng);
    static const uint8_t host[][4] = { { 0x0f, 0x31, 0x0f, 0x31 },   /* rdtsc, twice */
                                       { 0x0f, 0x01, 0xf9, 0x90 },   /* rdtscp */
                                       { 0x48, 0x0f, 0xc7, 0xf0 },   /* rdrand %rax */
                                       { 0x48, 0x0f, 0xc7, 0xfb } }; /* rdseed %rbx */
    for (unsigned i = 0; i < 32; i++)
        memcpy(code + prng_below(&prng, CODE_BYTES - 4), host[i % 4], 4);
    uint32_t base = (uint32_t)(ring0 ? CPU_KERNEL_CODE : CPU_USER_CODE);
    uint32_t resume = base + 0x20, random = base + RANDOM_AT;
    static const uint8_t start[] = { 0x49, 0xc7, 0xc7, 0, 0, 0, 0,   /* mov $resume, %r15 */
                                     0xeb, 0x17 };                   /* jmp resume */
    static const uint8_t next[] = { 0x41, 0x83, 0xc6, 0x0b,          /* add $11, %r14d */
                                    0x41, 0x81, 0xe6, 0xff, 1, 0, 0, /* and $511, %r14d */
                                    0x4d, 0x8d, 0xae, 0,    0, 0, 0, /* lea random(%r14), %r13 */
                                    0x41, 0xff, 0xe5 };              /* jmp *%r13 */
    memcpy(code, start, sizeof(start));
    memcpy(code + 3, &resume, 4);
    memcpy(code + 0x20, next, sizeof(next));
    memcpy(code + 0x20 + 14, &random, 4);
}

static void try_guests(bool ring0)
{
    struct engine_capability capability;
    if (engine_unicorn.probe(&capability) != 0)
        cr_skip_test("no Unicorn: %s", capability.reason);
    const char *wish = getenv("VMM_RANDOM_GUESTS");
    unsigned guests = wish ? (unsigned)strtoul(wish, NULL, 10) : 60, traps = 0;
    struct cpu_result *first = calloc(1, sizeof(*first)), *second = calloc(1, sizeof(*second));
    for (unsigned seed = 0; seed < guests; seed++) {
        uint8_t code[CODE_BYTES];
        make_code(code, seed, ring0);
        struct cpu_case test = { .name = "random",
                                 .begin = code,
                                 .end = code + CODE_BYTES,
                                 .ring0 = ring0,
                                 .deadline_ns = 30000 };
        const char *wrong = cpu_run("unicorn", &test, NULL, first);
        if (!wrong)
            wrong = cpu_run("unicorn", &test, NULL, second);
        cr_assert(!wrong, "guest %u: %s", seed, wrong);
        cr_expect(first->why.reason != STOP_ENGINE && first->why.reason != STOP_NONE,
                  "guest %u: %s", seed, first->why.detail);
        cr_expect(first->why.time_ns <= test.deadline_ns + 2000, "guest %u: %llu ns", seed,
                  (unsigned long long)first->why.time_ns);
        cr_expect(first->hash[0] == second->hash[0] && first->why.reason == second->why.reason &&
                      first->why.time_ns == second->why.time_ns,
                  "guest %u: two runs differ", seed);
        traps += first->count;
    }
    cr_expect(traps > 5 * guests, "only %u traps", traps);
    free(first);
    free(second);
}

Test(unicorn_random, ring_3, .timeout = 300)
{
    try_guests(false);
}

Test(unicorn_random, ring_0, .timeout = 300)
{
    try_guests(true);
}
