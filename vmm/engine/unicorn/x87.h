/* SPDX-License-Identifier: MIT
 *
 * The x87's transcendental functions and remainders, correctly rounded: what they give depends on
 * their operands and the control word alone, never on the host's processor or C library.
 */
#ifndef VMM_ENGINE_UNICORN_X87_H
#define VMM_ENGINE_UNICORN_X87_H

#include <stdbool.h>
#include <stdint.h>

/* A number as the x87 keeps it: sign and exponent in one word, 64 bits of mantissa with the leading
 * one. */
struct x87_number {
    uint64_t mantissa;
    uint16_t exponent; /* bit 15: sign; biased by 16383 */
};

enum x87_function {
    X87_SIN,
    X87_COS,
    X87_TAN,
    X87_2XM1,    /* 2^x - 1 */
    X87_ATAN2,   /* atan(y / x), in the quadrant of (x, y) */
    X87_YL2X,    /* y * log2(x) */
    X87_YL2XP1,  /* y * log2(x + 1) */
    X87_REM,     /* x - q * y, q truncated (fprem) */
    X87_REM_NEAR /* x - q * y, q to the nearest (fprem1) */
};

/* Bits of the status word. */
#define X87_INVALID (1u << 0)
#define X87_DIVIDED_BY_ZERO (1u << 2)
#define X87_C0 (1u << 8)
#define X87_C1 (1u << 9)
#define X87_C2 (1u << 10)
#define X87_C3 (1u << 14)

/* Computes a function of x and, for those of two operands, y, rounded as bits 10 and 11 of the
 * control word say.  Returns the bits to be set in the status word.  With X87_C2 the operand was
 * out of range (sine, cosine, tangent: *result is x), or *result is a partial remainder. */
unsigned x87_compute(enum x87_function function, struct x87_number x, struct x87_number y,
                     uint16_t control, struct x87_number *result);

#endif
