/* SPDX-License-Identifier: MIT
 *
 * The domain: start-up, end, and (later) its dispatchers on other cores (facts §2.2).
 */
#ifndef BARRELFISH_DOMAIN_H
#define BARRELFISH_DOMAIN_H

#include <barrelfish/threads.h>
#include <barrelfish_kpi/init.h>

struct abi_boot;

/* Boot information, if this domain was given it, else NULL. */
struct abi_boot *domain_get_bootinfo(void);

/* True in init on core 0 and in the monitors of later cores: started by the kernel, no monitor to
 * talk to, RAM of its own. */
bool domain_is_first(void);

/* Ends the domain: flushes output, tells the monitor, stops the dispatcher.  exit() ends here. */
void domain_exit(int status) __attribute__((noreturn));

/* Stops the dispatcher at once, without flushing output.  A domain that has not said goodbye has
 * then ended with status 255. */
void disp_stop(void) __attribute__((noreturn));

typedef void (*domain_spanned_callback_t)(void *arg, errval_t err);

#endif
