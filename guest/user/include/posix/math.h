/* SPDX-License-Identifier: MIT
 *
 * The C library's, and the functions of long double that it lacks and that are exact.
 */
#ifndef BARRELFISH_MATH_H
#define BARRELFISH_MATH_H

#include_next <math.h>

#include <sys/cdefs.h>

__BEGIN_DECLS
long double fabsl(long double x);
long double copysignl(long double x, long double sign);
long double scalbnl(long double x, int exponent);
long double ldexpl(long double x, int exponent);
/* In the rounding mode that is set. */
long double rintl(long double x);
long lrintl(long double x);
/* A NaN loses to a number. */
long double fmaxl(long double x, long double y);
long double fminl(long double x, long double y);
__END_DECLS

#endif
