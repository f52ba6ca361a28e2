/* SPDX-License-Identifier: MIT
 *
 * The console: output is collected in the dispatcher's buffer and given to the kernel one complete
 * line at a time.  A line longer than the buffer is split.
 */
#include "console.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>

static void print_collected_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    sys_print_line((char *)handle + DISP_CONSOLE_BUFFER_OFFSET, disp->console_used, PRINT_LINE);
    disp->console_used = 0;
}

void console_flush_disabled(dispatcher_handle_t handle)
{
    if (get_dispatcher_generic(handle)->console_used > 0)
        print_collected_disabled(handle);
}

void console_flush(void)
{
    dispatcher_handle_t handle = disp_disable();

    console_flush_disabled(handle);
    disp_enable(handle);
}

void console_write(const char *text, size_t length)
{
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    char *buffer = (char *)handle + DISP_CONSOLE_BUFFER_OFFSET;

    assert(disp->console_used <= DISP_LINE_BYTES); /* behind the buffer lie the counters */
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            print_collected_disabled(handle);
            continue;
        }
        if (disp->console_used == DISP_LINE_BYTES)
            print_collected_disabled(handle);
        buffer[disp->console_used++] = text[i];
    }
    disp_enable(handle);
}
