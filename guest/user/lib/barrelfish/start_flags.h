/* SPDX-License-Identifier: MIT
 *
 * spawn_domain_params.flags that matter before main; the spawn library says the same.
 */
#ifndef START_FLAGS_H
#define START_FLAGS_H

#ifdef __has_include
#if __has_include(<spawndomain/spawn_flags.h>)
#include <spawndomain/spawn_flags.h>
#endif
#endif

#ifndef SPAWN_FLAG_OWN_RAM
#define SPAWN_FLAG_OWN_RAM 1    /* never ask mem_serv: all RAM is in the supercn */
#define SPAWN_FLAG_NO_MONITOR 2 /* connect to nothing before main */
#endif

#endif
