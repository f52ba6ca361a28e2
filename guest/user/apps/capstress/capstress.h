/* SPDX-License-Identifier: MIT */
#ifndef CAPSTRESS_H
#define CAPSTRESS_H

#include <barrelfish/barrelfish.h>
#include <if/capstress_defs.h>
#include <stdio.h>

#define PLACES 24
#define CORES_MAX 32

#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition))                                                           \
            USER_PANIC("CAPSTRESS FAIL %s:%d: %s", __FILE__, __LINE__, #condition); \
    } while (0)
#define CHECK_OK(call)                                                                        \
    do {                                                                                      \
        errval_t check_err = (call);                                                          \
        if (err_is_fail(check_err))                                                           \
            USER_PANIC_ERR(check_err, "CAPSTRESS FAIL %s:%d: %s", __FILE__, __LINE__, #call); \
    } while (0)

/* The holder of a core. */
struct capstress_binding *capstress_bind_to(unsigned core);

/* What may happen where many work on the same memory: it is gone, being deleted, in use, or a table
 * of the monitor is full.  Anything else is a fault. */
void capstress_may_fail(const char *what, errval_t err);

int capstress_hold(unsigned core, unsigned cores);
int capstress_measure(unsigned cores);

#endif
