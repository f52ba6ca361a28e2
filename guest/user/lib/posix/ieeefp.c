/* SPDX-License-Identifier: MIT
 *
 * What the C library's <ieeefp.h> lacks: the precision of the x87.
 */
#include <ieeefp.h>

#include <stdint.h>

#define PRECISION_SHIFT 8 /* of the two bits in the control word */

static uint16_t control_word(void)
{
    uint16_t word;

    __asm__ volatile("fnstcw %0" : "=m"(word));
    return word;
}

fp_prec_t fpgetprec(void)
{
    return (fp_prec_t)(control_word() >> PRECISION_SHIFT & 3);
}

fp_prec_t fpsetprec(fp_prec_t precision)
{
    const fp_prec_t before = fpgetprec();
    const uint16_t others = (uint16_t)(control_word() & ~(3u << PRECISION_SHIFT));
    const uint16_t word = (uint16_t)(others | (unsigned)precision << PRECISION_SHIFT);

    __asm__ volatile("fldcw %0" : : "m"(word));
    return before;
}
