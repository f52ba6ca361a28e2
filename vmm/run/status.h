/* SPDX-License-Identifier: MIT
 *
 * What the program ends with.
 */
#ifndef RUN_STATUS_H
#define RUN_STATUS_H

enum exit_status {
    STATUS_OK = 0,     /* everything held */
    STATUS_FAILED = 1, /* an expectation did not hold */
    STATUS_USAGE = 2,  /* bad usage or scenario */
    STATUS_HOST = 3,   /* the host lacks something */
    STATUS_INTERRUPTED = 130,
};

#endif
