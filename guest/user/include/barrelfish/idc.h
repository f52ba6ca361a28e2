/* SPDX-License-Identifier: MIT
 *
 * Types common to all bindings (facts §1.3).
 */
#ifndef BARRELFISH_IDC_H
#define BARRELFISH_IDC_H

#include <barrelfish/waitset.h>

typedef enum {
    IDC_EXPORT_FLAGS_DEFAULT = 0,
    IDC_EXPORT_FLAG_NO_NOTIFY = 1,
} idc_export_flags_t;

typedef enum {
    IDC_BIND_FLAGS_DEFAULT = 0,
    IDC_BIND_FLAG_RPC_CAP_TRANSFER = 1,
    IDC_BIND_FLAG_NO_NOTIFY = 2,
    IDC_BIND_FLAG_MULTIHOP = 4,
    IDC_BIND_FLAG_CHECKED = 8, /* between cores: a checked channel (docs/ump-checked.md) */
} idc_bind_flags_t;

typedef enum {
    IDC_ENDPOINT_LMP,
    IDC_ENDPOINT_UMP,
} idc_endpoint_t;

typedef enum {
    IDC_ENDPOINT_FLAGS_DEFAULT = 0,
    IDC_ENDPOINT_FLAGS_DUMMY = 1, /* without effect */
} idc_endpoint_flags_t;

typedef enum {
    IDC_CONTROL_TEARDOWN,
    IDC_CONTROL_SET_SYNC,
    IDC_CONTROL_CLEAR_SYNC,
} idc_control_t;

/* Waits for the next event of the default waitset and runs its handler; or does so for ever.  An
 * error ends the domain. */
void messages_wait_and_handle_next(void);
void messages_handler_loop(void) __attribute__((noreturn));

#endif
