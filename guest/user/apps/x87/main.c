/* SPDX-License-Identifier: MIT
 *
 * Computes the x87's functions at many points and prints a hash of the results of each, to be
 * compared between runs and hosts.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define POINTS 2000

/* Each function gets its operand in ST(0), above 1.5, and leaves the result in ST(0) alone. */
#define FUNCTION(name, instructions)                                                        \
    static double do_##name(double x)                                                       \
    {                                                                                       \
        double second = 1.5;                                                                \
        __asm__("fldl %1\n fldl %0\n " instructions "\n fstpl %0" : "+m"(x) : "m"(second)); \
        return x;                                                                           \
    }
#define LOSE_SECOND "\n fstp %%st(1)"

FUNCTION(fsin, "fsin" LOSE_SECOND)
FUNCTION(fcos, "fcos" LOSE_SECOND)
FUNCTION(fsincos, "fsincos\n fmulp" LOSE_SECOND)
FUNCTION(fptan, "fptan\n fstp %%st(0)" LOSE_SECOND)
FUNCTION(fpatan, "fpatan")
FUNCTION(f2xm1, "f2xm1" LOSE_SECOND)
FUNCTION(fyl2x, "fyl2x")
FUNCTION(fyl2xp1, "fyl2xp1")
FUNCTION(fprem, "fprem" LOSE_SECOND)
FUNCTION(fprem1, "fprem1" LOSE_SECOND)

static uint64_t mix(uint64_t hash, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return (hash ^ bits) * 0x100000001b3;
}

static void print_hash(const char *name, double (*function)(double))
{
    uint64_t hash = 0xcbf29ce484222325;
    double x = 0.0001;
    for (unsigned i = 0; i < POINTS; i++, x += 0.0001369)
        hash = mix(hash, function(x));
    printf("%s %016llx\n", name, (unsigned long long)hash);
}

int main(void)
{
#define PRINT(name) print_hash(#name, do_##name)
    PRINT(fsin);
    PRINT(fcos);
    PRINT(fsincos);
    PRINT(fptan);
    PRINT(fpatan);
    PRINT(f2xm1);
    PRINT(fyl2x);
    PRINT(fyl2xp1);
    PRINT(fprem);
    PRINT(fprem1);
    printf("all computed\n");
    return 0;
}
