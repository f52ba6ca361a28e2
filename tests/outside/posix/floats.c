/* Which floating-point exceptions trap, and how precise the x87 is; each thread has its own. */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <fenv.h>
#include <ieeefp.h>
#include <stdio.h>

static volatile double zero;
static volatile long double third = 3;

static int other(void *arg)
{
    (void)arg;
    return fegetexcept() == 0 && fpgetprec() == FP_PE ? 1 : 0;
}

int main(void)
{
    int ended = 0;
    long double exact = 1 / third, rounded;

    assert(fegetexcept() == 0 && 1 / zero > 1e300);
    assert(fpsetprec(FP_PD) == FP_PE);
    rounded = 1 / third;
    assert(rounded != exact && (double)exact == (double)rounded);
    assert(fpsetprec(FP_PE) == FP_PD && 1 / third == exact);
    assert(feenableexcept(FE_DIVBYZERO | FE_INVALID) == 0);
    assert(fedisableexcept(FE_INVALID) == (FE_DIVBYZERO | FE_INVALID));
    assert(fegetexcept() == FE_DIVBYZERO);
    errval_t err = thread_join(thread_create(other, NULL), &ended);
    assert(err_is_ok(err) && ended == 1 && fegetexcept() == FE_DIVBYZERO);
    assert(1 / (zero + 4) == 0.25 && fedisableexcept(FE_ALL_EXCEPT) == FE_DIVBYZERO);
    printf("px_floats: passed\n");
    return 0;
}
