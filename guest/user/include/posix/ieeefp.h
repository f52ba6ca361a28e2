/* SPDX-License-Identifier: MIT
 *
 * <ieeefp.h> of the C library, and the precision to which the x87 rounds results (`long double`).
 */
#ifndef BARRELFISH_IEEEFP_H
#define BARRELFISH_IEEEFP_H

#include_next <ieeefp.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

/* 24, 53 and 64 bits; the last is how a thread begins. */
typedef enum { FP_PS = 0, FP_PD = 2, FP_PE = 3 } fp_prec_t;

fp_prec_t fpgetprec(void);
/* What it was before. */
fp_prec_t fpsetprec(fp_prec_t precision);

__END_DECLS

#endif
