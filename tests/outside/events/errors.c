/* Stacks of errors, with a definition that many programs have for themselves; also without
 * assertions. */
#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <string.h>

#define PANIC_IF_ERR(err, msg...)     \
    do {                              \
        if (err_is_fail(err)) {       \
            USER_PANIC_ERR(err, msg); \
        }                             \
    } while (0)

int main(void)
{
    errval_t err =
        err_push(err_push(SYS_ERR_VM_FRAME_TOO_SMALL, LIB_ERR_PMAP_MAP), LIB_ERR_VREGION_MAP);

    if (err_no(err) != LIB_ERR_VREGION_MAP ||
        err_no(err_pop(err_pop(err))) != SYS_ERR_VM_FRAME_TOO_SMALL)
        return 1;
    if (err_is_ok(err) || err_is_fail(SYS_ERR_OK) || err_is_fail(SYS_ERR_RAM_CAP_CREATED))
        return 2;
    if (strcmp(err_getcode(err), "LIB_ERR_VREGION_MAP") != 0 ||
        err_getstring(OCT_ERR_NO_RECORD) == NULL)
        return 3;
    DEBUG_ERR(err, "this line is there %s NDEBUG", "without");
    err_print_calltrace(err);
    PANIC_IF_ERR(SYS_ERR_OK, "never");
#ifdef NDEBUG
    printf("ev_ndebug: passed\n");
#else
    printf("ev_errors: passed\n");
#endif
    return 0;
}
