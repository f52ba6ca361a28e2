/* SPDX-License-Identifier: MIT
 *
 * The end of a domain.  Who has to hear of it stands above: the monitor client hands in a function.
 */
#include "exit.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/domain_dispatchers.h>

#include "console.h"
#include "faults.h"
#include "wait_note.h"

static void (*say_goodbye)(int status);

void domain_on_exit(void (*tell)(int status))
{
    assert(tell != NULL && (say_goodbye == NULL || say_goodbye == tell));
    say_goodbye = tell;
}

void domain_exit(int status)
{
    console_flush();
    if (domain_end_hook != NULL && status != EXIT_STATUS_FAULT)
        domain_end_hook(status);
    if (say_goodbye != NULL)
        say_goodbye(status);
    if (status != EXIT_STATUS_FAULT)
        wait_notes_end(curdispatcher());
    disp_stop();
}

void disp_stop(void)
{
    for (;;)
        sys_debug(DEBUG_EXIT);
}
