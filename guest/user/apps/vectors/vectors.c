/* SPDX-License-Identifier: MIT
 *
 * vectors NAME: looks for what another domain left in the vector registers.
 *
 * The CPU driver switches what FXSAVE knows.  On hosts where ring 3 can use AVX all the same
 * (software KVM; CPUID does not offer it), the upper halves of the YMM registers must be empty when
 * another domain runs.  Two of these programs on one core fill them with their own pattern, give
 * the core away and look: their own pattern (nobody else ran) and zero are fine, anything else is
 * somebody else's.  Where AVX is an undefined instruction there is nothing to leak, and that is
 * said.
 */
#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 40
#define REGISTERS 16

static volatile bool undefined;
volatile uint64_t
    resume_at; /* behind the instruction that may be undefined; known to the assembly */

static void handle(enum exception_type type, int subtype, void *address,
                   arch_registers_state_t *registers)
{
    (void)type, (void)subtype, (void)address;
    undefined = true;
    registers->rip = resume_at;
}

static void find_out(void)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rax, resume_at(%%rip)\n\t"
                     "vpxor %%ymm0, %%ymm0, %%ymm0\n"
                     "1:"
                     :
                     :
                     : "rax", "cc", "memory");
}

#define EACH(X) \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* Reads the upper halves, then fills them: no moment between the two in which they are not ours. */
static void exchange(uint64_t seen[REGISTERS][2], const uint64_t pattern[2])
{
#define READ(n) "vextractf128 $1, %%ymm" #n ", 16*" #n "(%0)\n\t"
#define FILL(n) "vinsertf128 $1, (%1), %%ymm" #n ", %%ymm" #n "\n\t"
    __asm__ volatile(EACH(READ) EACH(FILL)::"r"(seen), "r"(pattern) : "memory");
#undef READ
#undef FILL
}

int main(int argc, char **argv)
{
    static uint8_t stack[4096] __attribute__((aligned(16)));
    static uint64_t seen[REGISTERS][2];
    const char *name = argc > 1 ? argv[1] : "nobody";
    uint64_t pattern[2] = { 0, 0x600d };
    memcpy(pattern, name, strlen(name) < 8 ? strlen(name) : 8);
    errval_t err =
        thread_set_exception_handler(handle, NULL, stack, stack + sizeof(stack), NULL, NULL);
    if (err_is_fail(err)) {
        printf("vectors: FAILED: no exception handler\n");
        return 1;
    }
    find_out();
    unsigned foreign = 0, own = 0;
    for (unsigned round = 0; round < ROUNDS && !undefined; round++) {
        exchange(seen, pattern);
        for (unsigned i = 0; i < REGISTERS; i++) {
            bool mine = memcmp(seen[i], pattern, sizeof(pattern)) == 0;
            own += mine;
            if (mine || (seen[i][0] == 0 && seen[i][1] == 0))
                continue;
            if (foreign++ == 0)
                printf("vectors: FAILED: %s found 0x%llx in ymm%u\n", name,
                       (unsigned long long)seen[i][0], i);
        }
        thread_yield_dispatcher(NULL_CAP);
    }
    if (undefined)
        printf("vectors: %s: AVX is undefined here\n", name);
    if (foreign == 0)
        printf("vectors: %s found nothing of others\n", name);
    return foreign != 0;
}
