/* SPDX-License-Identifier: MIT
 *
 * Functions of long double that the C library declares and does not have, as far as they are exact:
 * an instruction of the x87 each, or the bits themselves.  Those that approximate (sinl, logl...)
 * are not here.
 */
#include <barrelfish/barrelfish.h>
#include <math.h>

#define SCALE_LIMIT 40000 /* more than any exponent, and the instruction takes it */

union extended {
    long double value;
    struct {
        uint64_t mantissa;
        uint16_t sign_exponent;
    } bits;
};

long double fabsl(long double x)
{
    __asm__("fabs" : "+t"(x));
    return x;
}

long double copysignl(long double x, long double sign)
{
    union extended of = { .value = x }, from = { .value = sign };

    of.bits.sign_exponent =
        (uint16_t)((of.bits.sign_exponent & 0x7fff) | (from.bits.sign_exponent & 0x8000));
    return of.value;
}

long double scalbnl(long double x, int exponent)
{
    long double scale = exponent > SCALE_LIMIT    ? SCALE_LIMIT
                        : exponent < -SCALE_LIMIT ? -SCALE_LIMIT
                                                  : exponent;

    __asm__("fscale" : "+t"(x) : "u"(scale));
    return x;
}

long double ldexpl(long double x, int exponent)
{
    return scalbnl(x, exponent);
}

/* In the rounding mode that is set. */
long double rintl(long double x)
{
    __asm__ volatile("frndint" : "+t"(x));
    return x;
}

long lrintl(long double x)
{
    int64_t result;

    __asm__ volatile("fistpll %0" : "=m"(result) : "t"(x) : "st");
    return result;
}

/* A NaN loses to a number. */
long double fmaxl(long double x, long double y)
{
    return isnan(x) ? y : isnan(y) ? x : x > y ? x : y;
}

long double fminl(long double x, long double y)
{
    return isnan(x) ? y : isnan(y) ? x : x < y ? x : y;
}
