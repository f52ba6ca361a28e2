/* SPDX-License-Identifier: MIT
 *
 * Survives an abort() of the Unicorn library.
 *
 * A few encodings that no compiler makes (`lock bts` of a register) end the library by abort() when
 * it translates them, and any program of the guest may hold one.  So while the library executes,
 * SIGABRT goes back to before it was entered.  Its processor is then good for being looked at and
 * closed, not for going on: the run ends with a report instead of the program without one.  Outside
 * of the library abort() does what it always does.
 *
 * (In a file of its own, because <signal.h> has names for registers as well.)
 */
#include <setjmp.h>
#include <signal.h>

#include "engine/unicorn/unicorn_api.h"

static _Thread_local sigjmp_buf back;
static _Thread_local volatile sig_atomic_t executing;

static void on_abort(int number)
{
    if (executing)
        siglongjmp(back, 1);
    signal(number, SIG_DFL); /* abort() goes on */
}

void unicorn_catch_abort(void)
{
    struct sigaction action = { .sa_handler = on_abort, .sa_flags = SA_NODEFER };
    sigemptyset(&action.sa_mask);
    sigaction(SIGABRT, &action, NULL);
}

int unicorn_start(const struct unicorn_api *api, unicorn_cpu *cpu, uint64_t rip)
{
    if (sigsetjmp(back, 0) != 0) {
        executing = 0;
        return UNICORN_ABORTED;
    }
    executing = 1;
    int error = api->emu_start(cpu, rip, 0, 0, 0);
    executing = 0;
    return error;
}
