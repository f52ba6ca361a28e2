/* SPDX-License-Identifier: MIT
 *
 * <fenv.h> of the C library, with what it defines and does not declare: which exceptions trap.  One
 * that does ends the domain, unless the thread has an exception handler.  Engines that interpret
 * (unicorn, QEMU without KVM) keep what is set here, and never trap in SSE instructions.
 */
#ifndef BARRELFISH_FENV_H
#define BARRELFISH_FENV_H

#include_next <fenv.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

/* Of the calling thread.  FE_* that trapped before. */
int feenableexcept(int exceptions);
int fedisableexcept(int exceptions);
int fegetexcept(void);

__END_DECLS

#endif
