/* SPDX-License-Identifier: MIT
 *
 * Names and texts of error codes, generated from errors/errno.def.
 */
#include <errors/errno.h>

static const struct {
    const char *name, *text;
} codes[] = {
#define ERR(name, text) { #name, text },
#include <errors/errno.def>
};

const char *err_getcode(errval_t err)
{
    return err_no(err) < ERR_CODE_COUNT ? codes[err_no(err)].name : "unknown error";
}

const char *err_getstring(errval_t err)
{
    return err_no(err) < ERR_CODE_COUNT ? codes[err_no(err)].text : "unknown error";
}
