/* SPDX-License-Identifier: MIT
 *
 * The loop that many programs end with.
 */
#include <barrelfish/barrelfish.h>

void messages_wait_and_handle_next(void)
{
    errval_t err = event_dispatch(get_default_waitset());

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "waiting for the next message");
}

void messages_handler_loop(void)
{
    for (;;)
        messages_wait_and_handle_next();
}
