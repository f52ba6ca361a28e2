/* SPDX-License-Identifier: MIT
 *
 * What capabilities.c asks of whoever knows the monitor, when the CPU driver says that an operation
 * concerns other cores.
 */
#ifndef CAP_REMOTE_H
#define CAP_REMOTE_H

#include <barrelfish/capabilities.h>

/* Both clear the way on other cores; the operation is then tried again
 * (monitor_blocking.if).  They block, and try again by themselves while others work on it. */
struct cap_remote {
    errval_t (*revoke)(struct capref cap);
    /* something is to be made of these bytes of it */
    errval_t (*retype)(struct capref cap, gensize_t offset, gensize_t bytes);
};

/* Handed in when there is a monitor to ask; until then, and in a monitor, the CPU driver's word is
 * the last. */
void cap_set_remote(const struct cap_remote *remote);

#endif
