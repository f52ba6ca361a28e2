#include <assert.h>
#include <math.h>
#include <stdio.h>

int main(void)
{
    volatile long double x = -2.5L, big = 0x1p16000L, nan = NAN;

    assert(fabsl(x) == 2.5L && copysignl(3.0L, x) == -3.0L && copysignl(x, 1.0L) == 2.5L);
    assert(ldexpl(x, 3) == -20.0L && scalbnl(x, -1) == -1.25L && ldexpl(x, 100000) == -INFINITY);
    assert(ldexpl(big, -16000) == 1.0L && ldexpl(1.0L, -100000) == 0.0L);
    assert(rintl(2.5L) == 2.0L && rintl(3.5L) == 4.0L && lrintl(x) == -2 && lrintl(7.75L) == 8);
    assert(fmaxl(x, 1.0L) == 1.0L && fminl(x, 1.0L) == x && fmaxl(nan, x) == x);
    printf("px_longdouble: passed\n");
    return 0;
}
