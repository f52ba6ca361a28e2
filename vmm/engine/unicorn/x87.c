/* SPDX-License-Identifier: MIT
 *
 * The x87's transcendental functions and remainders (x87.h), by MPFR, which rounds correctly: the
 * result is the one number of 64 bits of mantissa that the mathematical value rounds to.
 *
 * Operands and their rules are those of the Intel SDM, volume 2, FSIN, FCOS, FPTAN, FPATAN, F2XM1,
 * FYL2X, FYL2XP1, FPREM, FPREM1; what it leaves open (2^x - 1 beyond -1 to 1) is computed all the
 * same. A processor reduces large angles by a pi of 66 bits and so differs from the true sine in
 * the last bits; here it is the true one.
 *
 * Numbers go in and out by their mantissa as an integer, so the host's own floating point, which
 * has a control word that somebody may have changed, is never asked.
 */
#include "engine/unicorn/x87.h"

#include <assert.h>
#include <mpfr.h>

#define PRECISION 64
#define BIAS 16383
#define SIGN 0x8000u
#define EXPONENT 0x7fffu
#define LEADING (1ull << 63)
#define QUIET (1ull << 62)

/* MPFR's exponents belong to mantissas in [1/2, 1). */
#define LEAST_EXPONENT (-16444) /* of the smallest denormal number, 2^-16445 */
#define LARGEST_EXPONENT 16384

_Static_assert(sizeof(unsigned long) == 8, "a mantissa goes into one");

#define RANGE_EXPONENT (BIAS + 63) /* angles of 2^63 and more are out of range */

static const struct x87_number default_nan = { LEADING | QUIET, SIGN | EXPONENT };

static bool is_special(struct x87_number x)
{
    return (x.exponent & EXPONENT) == EXPONENT;
}

static bool is_infinite(struct x87_number x)
{
    return is_special(x) && x.mantissa == LEADING;
}

static bool is_nan(struct x87_number x)
{
    return is_special(x) && x.mantissa != LEADING;
}

static bool is_zero(struct x87_number x)
{
    return !(x.exponent & EXPONENT) && x.mantissa == 0;
}

/* An encoding that no processor since the 80287 makes: an exponent without the leading one. */
static bool is_unsupported(struct x87_number x)
{
    return (x.exponent & EXPONENT) != 0 && !(x.mantissa & LEADING);
}

/* The other operand decides nothing once one is no number (SDM volume 1, 4.8.3.5): the NaN, quiet,
 * and of two the one with the larger mantissa. */
static unsigned pass_nan(struct x87_number x, struct x87_number y, struct x87_number *result)
{
    bool signalling = (is_nan(x) && !(x.mantissa & QUIET)) || (is_nan(y) && !(y.mantissa & QUIET));
    bool take_y = is_nan(y) && (!is_nan(x) || y.mantissa > x.mantissa);
    *result = take_y ? y : x;
    result->mantissa |= QUIET;
    return signalling ? X87_INVALID : 0;
}

static mpfr_rnd_t rounding(uint16_t control)
{
    static const mpfr_rnd_t modes[] = { MPFR_RNDN, MPFR_RNDD, MPFR_RNDU, MPFR_RNDZ };
    return modes[control >> 10 & 3];
}

static void put(mpfr_t to, struct x87_number x)
{
    int exponent = x.exponent & EXPONENT;
    int sign = x.exponent & SIGN ? -1 : 1;
    if (is_infinite(x)) {
        mpfr_set_inf(to, sign);
    } else if (x.mantissa == 0) {
        mpfr_set_zero(to, sign);
    } else {
        mpfr_set_ui_2exp(to, x.mantissa, (exponent ? exponent : 1) - BIAS - 63, MPFR_RNDN);
        mpfr_setsign(to, to, sign < 0, MPFR_RNDN);
    }
}

/* `from` has at most 64 bits and is within the range of the format. */
static struct x87_number get(mpfr_t from)
{
    uint16_t sign = mpfr_signbit(from) ? SIGN : 0;
    if (mpfr_nan_p(from))
        return default_nan;
    if (mpfr_inf_p(from))
        return (struct x87_number){ LEADING, sign | EXPONENT };
    if (mpfr_zero_p(from))
        return (struct x87_number){ 0, sign };
    long exponent = mpfr_get_exp(from) - 1 + BIAS; /* biased, of the leading bit */
    long lowest = exponent > 0 ? exponent : 1;     /* denormal numbers share that of the least */
    mpfr_abs(from, from, MPFR_RNDN);
    mpfr_mul_2si(from, from, BIAS + 63 - lowest, MPFR_RNDN); /* the mantissa, as an integer */
    uint64_t mantissa = mpfr_get_ui(from, MPFR_RNDZ);
    return (struct x87_number){ mantissa, (uint16_t)(sign | (exponent > 0 ? exponent : 0)) };
}

/* What the functions of MPFR leave, in the format of the x87; `ternary` says on which side it lies
 * of what it stands for.  They compute with MPFR's own range of exponents, so that nothing on the
 * way overflows. */
static struct x87_number round_to_format(mpfr_t value, int ternary, mpfr_rnd_t mode)
{
    mpfr_exp_t least = mpfr_get_emin(), largest = mpfr_get_emax();
    mpfr_set_emin(LEAST_EXPONENT);
    mpfr_set_emax(LARGEST_EXPONENT);
    ternary = mpfr_check_range(value, ternary, mode);
    mpfr_subnormalize(value, ternary, mode);
    mpfr_set_emin(least);
    mpfr_set_emax(largest);
    return get(value);
}

/* ---- functions of one operand ---- */

static unsigned compute_angle(enum x87_function function, struct x87_number x, mpfr_rnd_t mode,
                              struct x87_number *result)
{
    if (is_infinite(x)) {
        *result = default_nan;
        return X87_INVALID;
    }
    if ((x.exponent & EXPONENT) >= RANGE_EXPONENT) {
        *result = x;
        return X87_C2;
    }
    mpfr_t value;
    mpfr_init2(value, PRECISION);
    put(value, x);
    int ternary = function == X87_SIN   ? mpfr_sin(value, value, mode)
                  : function == X87_COS ? mpfr_cos(value, value, mode)
                                        : mpfr_tan(value, value, mode);
    *result = round_to_format(value, ternary, mode);
    mpfr_clear(value);
    return 0;
}

static unsigned compute_2xm1(struct x87_number x, mpfr_rnd_t mode, struct x87_number *result)
{
    if (is_zero(x)) {
        *result = x;
        return 0;
    }
    mpfr_t value;
    mpfr_init2(value, PRECISION);
    put(value, x);
    int ternary = mpfr_exp2m1(value, value, mode);
    *result = round_to_format(value, ternary, mode);
    mpfr_clear(value);
    return 0;
}

/* ---- functions of two operands ---- */

static unsigned compute_atan2(struct x87_number x, struct x87_number y, mpfr_rnd_t mode,
                              struct x87_number *result)
{
    mpfr_t value, divisor;
    mpfr_inits2(PRECISION, value, divisor, (mpfr_ptr)0);
    put(value, y);
    put(divisor, x);
    int ternary = mpfr_atan2(value, value, divisor, mode);
    *result = round_to_format(value, ternary, mode);
    mpfr_clears(value, divisor, (mpfr_ptr)0);
    return 0;
}

/* y times a logarithm.  The logarithm is taken with more and more bits until all numbers that the
 * product can be round to the same; it is irrational unless it is exact, so that comes to an
 * end. */
static int multiply_log(mpfr_t value, mpfr_t x, mpfr_t y, bool plus_one, mpfr_rnd_t mode)
{
    mpfr_t log, product;
    mpfr_prec_t bits = 2 * PRECISION;
    mpfr_inits2(bits, log, product, (mpfr_ptr)0);
    for (;;) {
        int inexact = plus_one ? mpfr_log2p1(log, x, MPFR_RNDN) : mpfr_log2(log, x, MPFR_RNDN);
        mpfr_set_prec(product, bits + PRECISION);
        mpfr_mul(product, log, y, MPFR_RNDN); /* exact */
        if (!inexact || !mpfr_regular_p(product) ||
            mpfr_can_round(product, bits - 1, MPFR_RNDN, mode, PRECISION + (mode == MPFR_RNDN)))
            break;
        bits *= 2;
        mpfr_set_prec(log, bits);
    }
    int ternary = mpfr_set(value, product, mode);
    mpfr_clears(log, product, (mpfr_ptr)0);
    return ternary;
}

static unsigned compute_log(struct x87_number x, struct x87_number y, bool plus_one,
                            mpfr_rnd_t mode, struct x87_number *result)
{
    mpfr_t value, factor;
    mpfr_inits2(PRECISION, value, factor, (mpfr_ptr)0);
    put(value, x);
    put(factor, y);
    bool pole = plus_one ? mpfr_cmp_si(value, -1) == 0 : is_zero(x);
    int ternary = multiply_log(value, value, factor, plus_one, mode);
    *result = round_to_format(value, ternary, mode);
    mpfr_clears(value, factor, (mpfr_ptr)0);
    if (is_nan(*result))
        return X87_INVALID;
    return pole && !is_infinite(y) ? X87_DIVIDED_BY_ZERO : 0;
}

/* The last three bits of the quotient, where the status word keeps them. */
static unsigned quotient_bits(long quotient)
{
    unsigned long low = quotient < 0 ? -(unsigned long)quotient : (unsigned long)quotient;
    return (low & 4 ? X87_C0 : 0) | (low & 2 ? X87_C3 : 0) | (low & 1 ? X87_C1 : 0);
}

/* Exact in every case.  Operands far apart take several steps, each of which takes at least 32 bits
 * off the difference of the exponents. */
static unsigned compute_remainder(struct x87_number x, struct x87_number y, bool nearest,
                                  struct x87_number *result)
{
    if (is_infinite(x) || is_zero(y)) {
        *result = default_nan;
        return X87_INVALID;
    }
    if (is_infinite(y) || is_zero(x)) {
        *result = x;
        return 0;
    }
    mpfr_t value, divisor;
    long quotient = 0;
    unsigned status;
    mpfr_inits2(PRECISION, value, divisor, (mpfr_ptr)0);
    put(value, x);
    put(divisor, y);
    long apart = mpfr_get_exp(value) - mpfr_get_exp(divisor);
    if (apart >= 64) {
        mpfr_mul_2si(divisor, divisor, apart - (32 + apart % 32), MPFR_RNDN);
        mpfr_fmod(value, value, divisor, MPFR_RNDN);
        status = X87_C2;
    } else {
        if (nearest)
            mpfr_remquo(value, &quotient, value, divisor, MPFR_RNDN);
        else
            mpfr_fmodquo(value, &quotient, value, divisor, MPFR_RNDN);
        status = quotient_bits(quotient);
    }
    *result = get(value);
    mpfr_clears(value, divisor, (mpfr_ptr)0);
    return status;
}

unsigned x87_compute(enum x87_function function, struct x87_number x, struct x87_number y,
                     uint16_t control, struct x87_number *result)
{
    bool two = function >= X87_ATAN2;
    mpfr_rnd_t mode = rounding(control);
    if (!two)
        y = x;
    if (is_unsupported(x) || is_unsupported(y)) {
        *result = default_nan;
        return X87_INVALID;
    }
    if (is_nan(x) || is_nan(y))
        return pass_nan(x, y, result);
    switch (function) {
    case X87_SIN:
    case X87_COS:
    case X87_TAN:
        return compute_angle(function, x, mode, result);
    case X87_2XM1:
        return compute_2xm1(x, mode, result);
    case X87_ATAN2:
        return compute_atan2(x, y, mode, result);
    case X87_YL2X:
        return compute_log(x, y, false, mode, result);
    case X87_YL2XP1:
        return compute_log(x, y, true, mode, result);
    case X87_REM:
        return compute_remainder(x, y, false, result);
    case X87_REM_NEAR:
        return compute_remainder(x, y, true, result);
    }
    assert(!"every function is computed");
    return X87_INVALID;
}
