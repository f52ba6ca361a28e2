/* SPDX-License-Identifier: MIT
 *
 * Start-up of a domain, from the entry point to main (facts §2.2, last paragraph).
 *
 * The first part runs disabled and makes the dispatcher able to run threads; the second is the
 * first thread.  A plain program makes no system call before main other than those that connect it
 * to its monitor: the heap's first piece, the first thread's stack and TLS are static, and
 * everything that needs RAM is made when it is first used.
 */
#include <abi/boot.h>
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/domain.h>
#include <barrelfish/domain_agent.h>
#include <barrelfish/monitor_client.h>
#include <spawndomain/spawn_flags.h>
#include <stdio.h>
#include <string.h>

#include "../channels/sources.h"
#include "../dispatch/threads_priv.h"
#include "../monitor/mem_client.h"

int main(int argc, char *argv[], char *envp[]);
void barrelfish_start_disabled(dispatcher_handle_t handle, struct spawn_domain_params *params)
    __attribute__((noreturn));

extern void (*__preinit_array_start[])(void), (*__preinit_array_end[])(void);
extern void (*__init_array_start[])(void), (*__init_array_end[])(void);
extern char **environ;

/* Not there in programs that never span cores. */
extern __typeof__(domain_agent_main) domain_agent_main __attribute__((weak));

/* Not there in the monitor and in init, which are nobody's clients (client_link_flags in
 * mk/config.mk). */
extern __typeof__(monitor_client_init) monitor_client_init __attribute__((weak));
extern __typeof__(mem_client_allocate) mem_client_allocate __attribute__((weak));
extern __typeof__(ram_free) ram_free __attribute__((weak));

/* Of the dispatcher that started the domain; others bring their own. */
static struct core_state first_core_state;
static struct spawn_domain_params *start_params;
static bool first_domain;

struct abi_boot *domain_get_bootinfo(void)
{
    return start_params == NULL ? NULL : (struct abi_boot *)start_params->bootinfo;
}

bool domain_is_first(void)
{
    return first_domain;
}

static void run_constructors(void)
{
    for (void (**f)(void) = __preinit_array_start; f < __preinit_array_end; f++)
        (*f)();
    for (void (**f)(void) = __init_array_start; f < __init_array_end; f++)
        (*f)();
}

/* Splits the command line of a first domain in place (a copy): blanks separate. */
static int tokenise(const char *line, char **argv)
{
    static char copy[2048];
    int argc = 0;

    strncpy(copy, line, sizeof(copy) - 1);
    for (char *rest, *word = strtok_r(copy, " ", &rest); word != NULL && argc < MAX_CMDLINE_ARGS;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    return argc;
}

/* The monitor has taken back the endpoint that it gave this domain: its core stops, or whoever
 * started it has ended.  Nobody is left to be told. */
static bool is_not_expected(errval_t err)
{
    return err_no(err) == LIB_ERR_MONITOR_CLIENT_BIND &&
           err_no(err_pop(err)) == SYS_ERR_CAP_NOT_FOUND;
}

static int main_thread(void *arg)
{
    static char *argv_first[MAX_CMDLINE_ARGS + 1];
    struct spawn_domain_params *params = arg;
    struct abi_boot *boot = domain_get_bootinfo();
    bool own_only = first_domain || (params->flags & SPAWN_FLAG_OWN_RAM) != 0;
    bool alone = first_domain || (params->flags & SPAWN_FLAG_NO_MONITOR) != 0;
    char **argv = (char **)params->argv;
    int argc = (int)params->argc;
    errval_t err;

    if (first_domain) {
        argv = argv_first;
        argc =
            boot->init_cmdline == 0 ? 0 : tokenise((char *)boot + boot->init_cmdline, argv_first);
    } else {
        environ = (char **)params->envp;
    }

    waitset_init(get_default_waitset());
    waitset_init(&get_core_state()->mem_waitset);
    assert(own_only || mem_client_allocate != NULL);
    ram_alloc_init(own_only ? NULL : mem_client_allocate, own_only ? NULL : ram_free);
    err = slot_alloc_init();
    if (err_is_ok(err))
        err = vspace_init();
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "start-up");
    if (!alone) {
        assert(monitor_client_init != NULL);
        err = monitor_client_init();
        if (is_not_expected(err))
            disp_stop();
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "connecting to the monitor");
    }
    if ((params->flags & SPAWN_FLAG_AGENT) != 0) {
        if (domain_agent_main == NULL)
            USER_PANIC("this program does not span cores");
        domain_agent_main(argc, argv);
    }
    run_constructors();
    exit(main(argc, argv, environ));
}

void barrelfish_start_disabled(dispatcher_handle_t handle, struct spawn_domain_params *params)
{
    disp_init_disabled(handle, &channel_sources);
    get_dispatcher_generic(handle)->core_state = &first_core_state;
    start_params = params;
    first_domain = params->argc == 0 && params->bootinfo != 0;
    thread_init_first(handle, main_thread, params);
    disp_schedule(handle);
}
