/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_STARTUP_H
#define KERNEL_STARTUP_H

#include <stdint.h>

/* Makes the first domain (init on core 0, the monitor elsewhere) and makes it runnable. */
void startup_first_domain(uint64_t boot_paddr);

#endif
