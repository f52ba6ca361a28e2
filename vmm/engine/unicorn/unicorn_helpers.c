/* SPDX-License-Identifier: MIT
 *
 * Instructions that the library executes in its own way, executed in ours:
 *
 *   rdtsc, rdtscp    virtual time, in every ring (the library: the host's)
 *   rdrand, rdseed   numbers of the machine's own PRNG (the library: the host's)
 *   in, out          #GP in ring 3, at the instruction (the library checks no rights)
 *   fsin and its kin correctly rounded (unicorn_x87.c; the library: as the host's C library does)
 *   xsetbv           undefined (the library: a register that no interface reads back)
 *   mov to DR0-7     kept, without effect (the library forgets translated code when a breakpoint is
 *                    set, also the block that sets it, and goes on in what it has forgotten)
 *
 * The library's interface has no hook for them.  But the functions that translated code calls for
 * an instruction are symbols like any other: defined here under the library's names and exported
 * from the program (-Wl,--export-dynamic-symbol, mk/config.mk), they come first when the dynamic
 * linker binds the library's references at dlopen(), as with a preloaded allocator.  Whether that
 * happened is found out by executing the instructions once, before the library is accepted
 * (unicorn_check_helpers); a library built so that it cannot be done is refused, since runs on it
 * would not be repeatable.
 *
 * The argument `cpu` is the processor's inner state, of which struct unicorn_state describes the
 * head.  An exception leaves these functions by longjmp, so they must hold nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/unicorn/unicorn_private.h"

#define CARRY 1u
#define PROBE_ADDRESS 0x10000u
#define PROBE_BYTES 4096u

/* Whose slice the library executes on this thread. */
static _Thread_local struct engine *executing;

/* The original functions; set before any code can call ours. */
static const struct unicorn_api *library;

/* Which of our functions the self-test has reached: REACHED_*. */
static _Thread_local unsigned reached;

void unicorn_helpers_for(struct engine *engine)
{
    executing = engine;
}

struct engine *unicorn_executing(unsigned instruction)
{
    reached |= instruction;
    return executing;
}

static unsigned ring(const struct unicorn_state *cpu)
{
    return cpu->hflags & HFLAG_CPL;
}

/* #GP(0) at the instruction whose code is at `return_address` of the host. */
static void general_protection(struct unicorn_state *cpu, void *return_address)
{
    library->raise_exception(cpu, VECTOR_GP, 0, (uintptr_t)return_address);
}

/* ---- time and random numbers ---- */

/* The names are the library's. */
void helper_rdtsc_x86_64(struct unicorn_state *cpu);
void helper_rdtscp_x86_64(struct unicorn_state *cpu);
uint64_t helper_rdrand_x86_64(struct unicorn_state *cpu);

static void read_time(struct unicorn_state *cpu, void *return_address)
{
    reached |= REACHED_TIME;
    if ((cpu->cr[4] & CR4_TSD) && ring(cpu) == 3)
        general_protection(cpu, return_address);
    uint64_t now = executing ? machine_core_clock(executing->machine, executing->current,
                                                  unicorn_now(executing))
                             : 0;
    cpu->reg[REG_RAX] = (uint32_t)now;
    cpu->reg[REG_RDX] = now >> 32;
}

void helper_rdtsc_x86_64(struct unicorn_state *cpu)
{
    read_time(cpu, __builtin_return_address(0));
}

void helper_rdtscp_x86_64(struct unicorn_state *cpu)
{
    read_time(cpu, __builtin_return_address(0));
    cpu->reg[REG_RCX] = executing ? executing->current : 0;
}

uint64_t helper_rdrand_x86_64(struct unicorn_state *cpu) /* rdseed as well */
{
    reached |= REACHED_RANDOM;
    cpu->cc_src = CARRY; /* there is a number */
    return executing ? prng_next(&executing->clock.guest_random) : 0;
}

/* ---- ports ---- */

#define PORT_HELPERS(width)                                                                \
    uint64_t helper_in##width##_x86_64(struct unicorn_state *cpu, uint32_t port);          \
    uint64_t helper_in##width##_x86_64(struct unicorn_state *cpu, uint32_t port)           \
    {                                                                                      \
        reached |= REACHED_IN;                                                             \
        if (ring(cpu) == 3)                                                                \
            general_protection(cpu, __builtin_return_address(0));                          \
        return library->in##width(cpu, port);                                              \
    }                                                                                      \
    void helper_out##width##_x86_64(struct unicorn_state *cpu, uint32_t port, uint32_t v); \
    void helper_out##width##_x86_64(struct unicorn_state *cpu, uint32_t port, uint32_t v)  \
    {                                                                                      \
        reached |= REACHED_OUT;                                                            \
        if (ring(cpu) == 3)                                                                \
            general_protection(cpu, __builtin_return_address(0));                          \
        library->out##width(cpu, port, v);                                                 \
    }

PORT_HELPERS(b)
PORT_HELPERS(w)
PORT_HELPERS(l)

/* ---- debug registers ---- */

#define DR6_ONES 0xffff0ff0ull
#define DR7_ONES 0x400ull

void helper_set_dr_x86_64(struct unicorn_state *cpu, int reg, uint64_t value);

void helper_set_dr_x86_64(struct unicorn_state *cpu, int reg, uint64_t value)
{
    reached |= REACHED_DEBUG;
    if (!executing)
        return;
    if (reg == 4 || reg == 5) { /* DR6 and DR7 by their old names */
        if (cpu->cr[4] & CR4_DE)
            library->raise_exception(cpu, VECTOR_UD, 0, (uintptr_t)__builtin_return_address(0));
        reg += 2;
    }
    if (reg >= 6 && value >> 32)
        general_protection(cpu, __builtin_return_address(0));
    if (reg == 6)
        value |= DR6_ONES;
    else if (reg == 7)
        value |= DR7_ONES;
    executing->api->reg_write(executing->cpu, UNICORN_DR0 + reg, &value);
}

/* ---- extended state ---- */

void helper_xsetbv_x86_64(struct unicorn_state *cpu, uint32_t number, uint64_t value);

/* XCR0 is no part of the machine (nor of its state hash): the machine has what FXSAVE saves. */
void helper_xsetbv_x86_64(struct unicorn_state *cpu, uint32_t number, uint64_t value)
{
    (void)number, (void)value;
    if (executing)
        library->raise_exception(cpu, VECTOR_UD, 0, (uintptr_t)__builtin_return_address(0));
}

/* ---- self-test ---- */

const char *unicorn_check_helpers(const struct unicorn_api *api)
{
    /* rdtsc; rdrand %rax; in $1, %al; out %al, $1; mov %rax, %dr7;
     * fsin; fcos; fsincos; fptan; fpatan; f2xm1; fyl2x; fyl2xp1; fprem; fprem1; hlt */
    static const uint8_t code[] = { 0x0f, 0x31, 0x48, 0x0f, 0xc7, 0xf0, 0xe4, 0x01, 0xe6,
                                    0x01, 0x0f, 0x23, 0xf8, 0xd9, 0xfe, 0xd9, 0xff, 0xd9,
                                    0xfb, 0xd9, 0xf2, 0xd9, 0xf3, 0xd9, 0xf0, 0xd9, 0xf1,
                                    0xd9, 0xf9, 0xd9, 0xf8, 0xd9, 0xf5, 0xf4 };
    unicorn_cpu *cpu = NULL;
    const char *wrong = unicorn_no_room(UNICORN_CODE_BYTES(1));
    if (wrong)
        return wrong;
    uint8_t *memory = aligned_alloc(PROBE_BYTES, PROBE_BYTES);
    if (!memory)
        return "the host is out of memory";
    memcpy(memory, code, sizeof(code));
    library = api;
    reached = 0;
    bool ran =
        api->open(UNICORN_ARCH_X86, UNICORN_MODE_64, &cpu) == UNICORN_OK &&
        api->ctl(cpu, UNICORN_CTL_CODE_BYTES, UNICORN_CODE_BYTES(1)) == UNICORN_OK &&
        api->ctl(cpu, UNICORN_CTL_CPU_MODEL, UNICORN_CPU_HASWELL) == UNICORN_OK &&
        api->ctl(cpu, UNICORN_CTL_USE_EXITS, 1) == UNICORN_OK &&
        api->mem_map_ptr(cpu, PROBE_ADDRESS, PROBE_BYTES, UNICORN_PROT_ALL, memory) == UNICORN_OK &&
        api->emu_start(cpu, PROBE_ADDRESS, 0, 0, 0) == UNICORN_OK;
    if (cpu)
        api->close(cpu);
    free(memory);
    if (!ran)
        return "it cannot execute a few instructions";
    return reached == REACHED_ALL
               ? NULL
               : "its rdtsc, rdrand, in, out, mov to DR7 or functions of the x87 cannot be "
                 "replaced, so runs could not be repeated";
}
