/* SPDX-License-Identifier: MIT
 *
 * The x87 instructions that the library computes with the host's C library, which chooses among its
 * functions by the host's processor: executed in ours (x87.h), in the place of the library's, as
 * unicorn_helpers.c explains.  All others the library computes with integers.
 *
 *   fsin fcos fsincos fptan fpatan f2xm1 fyl2x fyl2xp1 fprem fprem1
 *
 * The stack is reached by the library's register names: its physical registers, with the top of the
 * stack in the status word.
 */
#include <string.h>

#include "engine/unicorn/unicorn_private.h"
#include "engine/unicorn/x87.h"

#define TOP_SHIFT 11
#define TOP_MASK (7u << TOP_SHIFT)
#define STATUS_SUMMARY (1u << 7 | 1u << 15) /* an exception that is not masked */
#define EXCEPTIONS 0x3fu

static const struct x87_number one = { 1ull << 63, 16383 };

/* The FPU of the core that executes. */
struct fpu {
    const struct unicorn_api *api;
    unicorn_cpu *cpu;
    uint16_t control, status;
};

static bool open_fpu(struct fpu *fpu, unsigned reached)
{
    const struct engine *engine = unicorn_executing(reached);
    if (!engine)
        return false; /* the self-test */
    *fpu = (struct fpu){ .api = engine->api, .cpu = engine->cpu };
    fpu->api->reg_read(fpu->cpu, UNICORN_FPCW, &fpu->control);
    fpu->api->reg_read(fpu->cpu, UNICORN_FPSW, &fpu->status);
    return true;
}

/* Takes over the status: `changed` are the condition bits that the instruction defines. */
static void close_fpu(struct fpu *fpu, unsigned changed, unsigned status)
{
    unsigned word = (fpu->status & ~changed) | status;
    if (word & ~fpu->control & EXCEPTIONS)
        word |= STATUS_SUMMARY;
    fpu->status = (uint16_t)word;
    fpu->api->reg_write(fpu->cpu, UNICORN_FPSW, &fpu->status);
}

/* The physical register of ST(number). */
static int register_of(const struct fpu *fpu, unsigned number)
{
    return (int)(((fpu->status >> TOP_SHIFT) + number) & 7);
}

static struct x87_number read_st(const struct fpu *fpu, unsigned number)
{
    uint8_t bytes[16] = { 0 };
    struct x87_number value;
    fpu->api->reg_read(fpu->cpu, UNICORN_FP0 + register_of(fpu, number), bytes);
    memcpy(&value.mantissa, bytes, 8);
    memcpy(&value.exponent, bytes + 8, 2);
    return value;
}

static void write_st(const struct fpu *fpu, unsigned number, struct x87_number value)
{
    uint8_t bytes[16] = { 0 };
    memcpy(bytes, &value.mantissa, 8);
    memcpy(bytes + 8, &value.exponent, 2);
    fpu->api->reg_write(fpu->cpu, UNICORN_FP0 + register_of(fpu, number), bytes);
}

/* Moves the top of the stack by one; the register it comes from or goes to becomes empty or
 * full. */
static void move_top(struct fpu *fpu, bool push)
{
    uint16_t tags = 0;
    unsigned top = fpu->status >> TOP_SHIFT & 7;
    if (push)
        top = (top - 1) & 7;
    fpu->api->reg_read(fpu->cpu, UNICORN_FPTAG, &tags);
    tags = (uint16_t)((tags & ~(3u << 2 * top)) | (push ? 0 : 3u << 2 * top));
    fpu->api->reg_write(fpu->cpu, UNICORN_FPTAG, &tags);
    if (!push)
        top = (top + 1) & 7;
    fpu->status = (uint16_t)((fpu->status & ~TOP_MASK) | top << TOP_SHIFT);
}

/* ST(0) = f(ST(0)) */
static void replace(enum x87_function function, unsigned reached)
{
    struct fpu fpu;
    struct x87_number result;
    if (!open_fpu(&fpu, reached))
        return;
    struct x87_number x = read_st(&fpu, 0);
    unsigned status = x87_compute(function, x, x, fpu.control, &result);
    write_st(&fpu, 0, result);
    close_fpu(&fpu, X87_C1 | X87_C2, status);
}

/* ST(0) = f(ST(0)), and `second` above it unless the operand was out of range. */
static void replace_and_push(enum x87_function function, enum x87_function second, unsigned reached)
{
    struct fpu fpu;
    struct x87_number result, pushed = one;
    if (!open_fpu(&fpu, reached))
        return;
    struct x87_number x = read_st(&fpu, 0);
    unsigned status = x87_compute(function, x, x, fpu.control, &result);
    if (second != function)
        x87_compute(second, x, x, fpu.control, &pushed);
    else if (status & X87_INVALID || (x.exponent & 0x7fff) == 0x7fff)
        pushed = result; /* fptan of no number gives two of them */
    write_st(&fpu, 0, result);
    if (!(status & X87_C2)) {
        move_top(&fpu, true);
        write_st(&fpu, 0, pushed);
    }
    close_fpu(&fpu, X87_C1 | X87_C2, status);
}

/* ST(1) = f(ST(0), ST(1)), and ST(0) is taken off the stack. */
static void combine_and_pop(enum x87_function function, unsigned reached)
{
    struct fpu fpu;
    struct x87_number result;
    if (!open_fpu(&fpu, reached))
        return;
    unsigned status =
        x87_compute(function, read_st(&fpu, 0), read_st(&fpu, 1), fpu.control, &result);
    write_st(&fpu, 1, result);
    move_top(&fpu, false);
    close_fpu(&fpu, X87_C1, status);
}

/* ST(0) = remainder of ST(0) by ST(1) */
static void remainder_of(enum x87_function function, unsigned reached)
{
    struct fpu fpu;
    struct x87_number result;
    if (!open_fpu(&fpu, reached))
        return;
    unsigned status =
        x87_compute(function, read_st(&fpu, 0), read_st(&fpu, 1), fpu.control, &result);
    write_st(&fpu, 0, result);
    close_fpu(&fpu, X87_C0 | X87_C1 | X87_C2 | X87_C3, status);
}

/* The names are the library's. */
#define X87_HELPER(name, call)                              \
    void helper_##name##_x86_64(struct unicorn_state *cpu); \
    void helper_##name##_x86_64(struct unicorn_state *cpu)  \
    {                                                       \
        (void)cpu;                                          \
        call;                                               \
    }

X87_HELPER(fsin, replace(X87_SIN, REACHED_X87 << 0))
X87_HELPER(fcos, replace(X87_COS, REACHED_X87 << 1))
X87_HELPER(fsincos, replace_and_push(X87_SIN, X87_COS, REACHED_X87 << 2))
X87_HELPER(fptan, replace_and_push(X87_TAN, X87_TAN, REACHED_X87 << 3))
X87_HELPER(fpatan, combine_and_pop(X87_ATAN2, REACHED_X87 << 4))
X87_HELPER(f2xm1, replace(X87_2XM1, REACHED_X87 << 5))
X87_HELPER(fyl2x, combine_and_pop(X87_YL2X, REACHED_X87 << 6))
X87_HELPER(fyl2xp1, combine_and_pop(X87_YL2XP1, REACHED_X87 << 7))
X87_HELPER(fprem, remainder_of(X87_REM, REACHED_X87 << 8))
X87_HELPER(fprem1, remainder_of(X87_REM_NEAR, REACHED_X87 << 9))
