/* SPDX-License-Identifier: MIT
 *
 * Error values (facts §2.2): a stack of 10-bit codes, the newest in the low bits.  An error gains
 * context on its way up: err_push(err, LIB_ERR_FRAME_ALLOC).  Success is any code up to
 * ERR_OK_LAST.
 */
#ifndef ERRORS_ERRNO_H
#define ERRORS_ERRNO_H

#include <barrelfish_kpi/types.h>

enum err_code {
#define ERR(name, text) name,
#include <errors/errno.def>
    ERR_CODE_COUNT
};
_Static_assert(ERR_CODE_COUNT < 1024, "an error code has 10 bits");

static inline enum err_code err_no(errval_t err)
{
    return (enum err_code)(err & 1023);
}

static inline bool err_is_ok(errval_t err)
{
    return err_no(err) <= ERR_OK_LAST;
}

static inline bool err_is_fail(errval_t err)
{
    return !err_is_ok(err);
}

static inline errval_t err_push(errval_t err, enum err_code code)
{
    return (err << 10) | (errval_t)code;
}

static inline errval_t err_pop(errval_t err)
{
    return err >> 10;
}

/* Of sending an LMP message: the receiver has no room, no slot for the capability, or is disabled.
 * It needs to run, and then it may go. */
static inline bool lmp_err_is_transient(errval_t err)
{
    switch (err_no(err)) {
    case SYS_ERR_LMP_BUF_OVERFLOW:
    case SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_LOOKUP:
    case SYS_ERR_LMP_CAPTRANSFER_DST_CNODE_INVALID:
    case SYS_ERR_LMP_CAPTRANSFER_DST_SLOT_OCCUPIED:
    case SYS_ERR_LMP_TARGET_DISABLED:
        return true;
    default:
        return false;
    }
}

/* User library only: the code's name ("SYS_ERR_SLOT_IN_USE") and its text. */
const char *err_getcode(errval_t err);
const char *err_getstring(errval_t err);
void err_print_calltrace(errval_t err);

#endif
