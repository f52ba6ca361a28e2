/* SPDX-License-Identifier: MIT
 *
 * The x87's functions on the deterministic engine: values that are known to the last bit, the
 * rounding modes, the operands that are no ordinary numbers, and, against the processor, remainders
 * (exact on both) and the rest (within the last bits).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "engine/prng.h"
#include "engine/unicorn/x87.h"

#define NEAREST 0x37f
#define DOWN 0x77f
#define UP 0xb7f

static struct x87_number number(long double value)
{
    struct x87_number x;
    memcpy(&x.mantissa, &value, 8);
    memcpy(&x.exponent, (const char *)&value + 8, 2);
    return x;
}

static long double value(struct x87_number x)
{
    long double result = 0;
    memcpy(&result, &x.mantissa, 8);
    memcpy((char *)&result + 8, &x.exponent, 2);
    return result;
}

static struct x87_number compute(enum x87_function function, long double x, long double y,
                                 uint16_t control, unsigned *status)
{
    struct x87_number result = { 0 };
    *status = x87_compute(function, number(x), number(y), control, &result);
    return result;
}

static void gives(enum x87_function function, long double x, long double y, uint16_t control,
                  uint16_t exponent, uint64_t mantissa)
{
    unsigned status;
    struct x87_number result = compute(function, x, y, control, &status);
    cr_expect(result.exponent == exponent && result.mantissa == mantissa,
              "function %d of %Lg, %Lg: %04x %016llx, not %04x %016llx", function, x, y,
              result.exponent, (unsigned long long)result.mantissa, exponent,
              (unsigned long long)mantissa);
}

/* pi/4 = 0.c90fdaa2 2168c234 c4c6..., log2(10) = d49a784b cd1b8afe 492b..., sin 1 = d76aa478
 * 48677020 c6e9... */
Test(x87, known_values_in_each_direction)
{
    gives(X87_ATAN2, 1, 1, NEAREST, 0x3ffe, 0xc90fdaa22168c235);
    gives(X87_ATAN2, 1, 1, DOWN, 0x3ffe, 0xc90fdaa22168c234);
    gives(X87_ATAN2, 1, 1, UP, 0x3ffe, 0xc90fdaa22168c235);
    gives(X87_ATAN2, -1, 0.0L, NEAREST, 0x4000, 0xc90fdaa22168c235); /* pi */
    gives(X87_YL2X, 10, 1, NEAREST, 0x4000, 0xd49a784bcd1b8afe);
    gives(X87_YL2X, 10, 1, UP, 0x4000, 0xd49a784bcd1b8aff);
    gives(X87_YL2X, 10, 1, DOWN, 0x4000, 0xd49a784bcd1b8afe);
    gives(X87_YL2X, 8, 1.5L, NEAREST, 0x4001, 0x9000000000000000); /* exact */
    gives(X87_YL2XP1, 3, 0.5L, NEAREST, 0x3fff, 0x8000000000000000);
    gives(X87_2XM1, 1, 0, NEAREST, 0x3fff, 0x8000000000000000);
    gives(X87_2XM1, -1, 0, NEAREST, 0xbffe, 0x8000000000000000);
    gives(X87_SIN, 1, 0, NEAREST, 0x3ffe, 0xd76aa47848677021);
    gives(X87_SIN, 1, 0, DOWN, 0x3ffe, 0xd76aa47848677020);
    gives(X87_COS, 0, 0, NEAREST, 0x3fff, 0x8000000000000000);
}

Test(x87, no_numbers_and_poles)
{
    unsigned status;
    cr_expect(isnan(value(compute(X87_SIN, INFINITY, 0, NEAREST, &status))));
    cr_expect_eq(status, X87_INVALID);
    cr_expect_eq(value(compute(X87_YL2X, 0, 2, NEAREST, &status)), -INFINITY);
    cr_expect_eq(status, X87_DIVIDED_BY_ZERO);
    cr_expect(isnan(value(compute(X87_YL2X, -1, 2, NEAREST, &status))));
    cr_expect_eq(status, X87_INVALID);
    cr_expect(isnan(value(compute(X87_YL2X, 1, INFINITY, NEAREST, &status))));
    cr_expect_eq(status, X87_INVALID);
    cr_expect(isnan(value(compute(X87_REM, 1, 0, NEAREST, &status))));
    cr_expect_eq(status, X87_INVALID);
    cr_expect_eq(value(compute(X87_REM, -5, INFINITY, NEAREST, &status)), -5);
    cr_expect_eq(status, 0);
    cr_expect_eq(value(compute(X87_COS, 0x1p63L, 0, NEAREST, &status)), 0x1p63L);
    cr_expect_eq(status, X87_C2);
    cr_expect(signbit(value(compute(X87_SIN, -0.0L, 0, NEAREST, &status))));
    cr_expect(signbit(value(compute(X87_2XM1, -0.0L, 0, NEAREST, &status))));
    const struct x87_number unnormal = { 1, 0x3fff };
    struct x87_number result;
    cr_expect_eq(x87_compute(X87_SIN, unnormal, unnormal, NEAREST, &result), X87_INVALID);
    const struct x87_number signalling = { 0xa000000000000001, 0x7fff };
    cr_expect_eq(x87_compute(X87_SIN, signalling, signalling, NEAREST, &result), X87_INVALID);
    cr_expect_eq(result.mantissa, 0xe000000000000001);
}

Test(x87, denormal_numbers_and_overflow)
{
    unsigned status;
    const long double least = 0x1p-16445L;
    cr_expect_eq(value(compute(X87_SIN, least, 0, NEAREST, &status)), least);
    cr_expect_eq(value(compute(X87_SIN, least, 0, DOWN, &status)), 0);
    cr_expect_eq(value(compute(X87_SIN, 0x1p-16440L, 0, DOWN, &status)), 0x1p-16440L - least);
    cr_expect_eq(value(compute(X87_YL2X, 4, 0x1.8p16383L, NEAREST, &status)), INFINITY);
    cr_expect(isfinite(value(compute(X87_YL2X, 4, 0x1.8p16383L, DOWN, &status))));
}

static long double random_number(struct prng *prng)
{
    struct x87_number x = { prng_next(prng) | 1ull << 63,
                            (uint16_t)(16383 - 40 + prng_below(prng, 80)) };
    x.exponent |= prng_below(prng, 2) ? 0x8000 : 0;
    return value(x);
}

#define STATUS_BITS (X87_C0 | X87_C1 | X87_C2 | X87_C3)

Test(x87, remainders_are_those_of_the_processor)
{
    struct prng prng;
    prng_seed(&prng, 4);
    for (unsigned i = 0; i < 20000; i++) {
        long double x = random_number(&prng), y = random_number(&prng), r, r1;
        uint16_t sw, sw1;
        __asm__("fprem\n fnstsw %1" : "=t"(r), "=a"(sw) : "0"(x), "u"(y));
        __asm__("fprem1\n fnstsw %1" : "=t"(r1), "=a"(sw1) : "0"(x), "u"(y));
        unsigned status;
        long double mine = value(compute(X87_REM, x, y, NEAREST, &status));
        if (!(sw & X87_C2)) /* how far a partial remainder goes is the processor's affair */
            cr_assert(mine == r && status == (sw & STATUS_BITS), "fprem %La %La", x, y);
        else
            cr_assert(status & X87_C2);
        mine = value(compute(X87_REM_NEAR, x, y, NEAREST, &status));
        if (!(sw1 & X87_C2))
            cr_assert(mine == r1 && status == (sw1 & STATUS_BITS), "fprem1 %La %La", x, y);
    }
}

static void is_near(long double mine, long double processors, const char *what, long double x)
{
    long double unit = nextafterl(fabsl(mine), INFINITY) - fabsl(mine);
    cr_assert(fabsl(mine - processors) <= 2 * unit, "%s of %La: %La, the processor's %La", what, x,
              mine, processors);
}

Test(x87, the_rest_is_near_the_processors)
{
    struct prng prng;
    prng_seed(&prng, 5);
    for (unsigned i = 0; i < 5000; i++) {
        unsigned status;
        long double x = random_number(&prng), small = fmodl(x, 1), y = random_number(&prng), r;
        __asm__("f2xm1" : "=t"(r) : "0"(small));
        is_near(value(compute(X87_2XM1, small, 0, NEAREST, &status)), r, "f2xm1", small);
        __asm__("fsin" : "=t"(r) : "0"(small));
        is_near(value(compute(X87_SIN, small, 0, NEAREST, &status)), r, "fsin", small);
        __asm__("fyl2x" : "=t"(r) : "0"(fabsl(x)), "u"(y) : "st(1)");
        is_near(value(compute(X87_YL2X, fabsl(x), y, NEAREST, &status)), r, "fyl2x", x);
        __asm__("fpatan" : "=t"(r) : "0"(x), "u"(y) : "st(1)");
        is_near(value(compute(X87_ATAN2, x, y, NEAREST, &status)), r, "fpatan", x);
    }
}
