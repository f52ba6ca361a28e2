/* SPDX-License-Identifier: MIT
 *
 * hang WAY: waits for something that never comes, in one of the ways in which programs do.
 *
 * `hang server` offers interface hang and never answers; everybody else hangs alone or with it.
 * The machine's report has to name the culprit: tests/scenario/hang.sh looks at each.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/hang_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct thread_mutex first = THREAD_MUTEX_INITIALIZER, second = THREAD_MUTEX_INITIALIZER;
static struct thread_cond cond = THREAD_COND_INITIALIZER;
static struct thread_sem sem = THREAD_SEM_INITIALIZER;

static void serve(void)
{
    for (;;)
        event_dispatch(get_default_waitset());
}

/* ---- the server ---- */

static void never_answer(struct hang_binding *b, uint32_t question)
{
    (void)b, (void)question;
}

static void never_read_on(struct hang_binding *b, uint64_t v0, uint64_t v1, uint64_t v2,
                          uint64_t v3, uint64_t v4, uint64_t v5)
{
    (void)b, (void)v0, (void)v1, (void)v2, (void)v3, (void)v4, (void)v5;
    thread_sem_wait(&sem);
}

static errval_t connected(void *st, struct hang_binding *b)
{
    (void)st;
    b->rx_vtbl.ask_call = never_answer;
    b->rx_vtbl.fill = never_read_on;
    return SYS_ERR_OK;
}

static char service_name[] = "hang";

static void server(void)
{
    errval_t err = hang_export(service_name, nameservice_offer, connected, get_default_waitset(),
                               IDC_EXPORT_FLAGS_DEFAULT);

    if (err_is_fail(err))
        USER_PANIC_ERR(err, "export");
    serve();
}

/* ---- its clients ---- */

static struct hang_binding *binding;

static void bound(void *st, errval_t err, struct hang_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind");
    hang_rpc_client_init(b);
    binding = b;
}

static void bind_server(void)
{
    iref_t iref;
    errval_t err = nameservice_blocking_lookup("hang", &iref);

    if (err_is_ok(err))
        err = hang_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
    while (err_is_ok(err) && binding == NULL)
        err = event_dispatch(get_default_waitset());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "bind");
}

static void reply(void)
{
    uint32_t answer;

    bind_server();
    binding->rpc_tx_vtbl.ask(binding, 1, &answer);
}

static void send(void)
{
    bind_server();
    for (;;)
        hang_fill__tx(binding, BLOCKING_CONT, 1, 2, 3, 4, 5, 6);
}

static void name(void)
{
    iref_t iref;

    nameservice_blocking_lookup("nobody has this name", &iref);
}

/* ---- alone ---- */

static int take_second_then_first(void *arg)
{
    (void)arg;
    thread_mutex_lock(&second);
    thread_sem_post(&sem);
    thread_mutex_lock(&first);
    return 0;
}

static void deadlock(void)
{
    thread_mutex_lock(&first);
    thread_create(take_second_then_first, NULL);
    thread_sem_wait(&sem);
    thread_mutex_lock(&second);
}

static int take_and_end(void *arg)
{
    (void)arg;
    thread_mutex_lock(&first);
    return 0;
}

static void abandoned(void)
{
    thread_join(thread_create(take_and_end, NULL), NULL);
    thread_mutex_lock(&first);
}

static void condition(void)
{
    thread_mutex_lock(&first);
    thread_cond_wait(&cond, &first);
}

static void semaphore(void)
{
    thread_sem_wait(&sem);
}

static int wait_for_ever(void *arg)
{
    (void)arg;
    semaphore();
    return 0;
}

static void join(void)
{
    thread_join(thread_create(wait_for_ever, NULL), NULL);
}

static void sleep_long(void)
{
    barrelfish_usleep(UINT64_MAX);
}

static void empty(void)
{
    struct waitset ws;

    waitset_init(&ws);
    event_dispatch(&ws);
}

static void paused(void)
{
    thread_pause(thread_self());
}

static void spin(void)
{
    for (;;)
        __asm__ volatile("pause");
}

static const struct way {
    const char *name;
    void (*hang)(void);
} ways[] = {
    { "server", server },       { "reply", reply },         { "send", send },
    { "name", name },           { "deadlock", deadlock },   { "abandoned", abandoned },
    { "condition", condition }, { "semaphore", semaphore }, { "join", join },
    { "sleep", sleep_long },    { "empty", empty },         { "paused", paused },
    { "spin", spin },
};

int main(int argc, char *argv[])
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (argc == 2 && strcmp(argv[1], ways[i].name) == 0) {
            printf("hangs: %s\n", argv[1]);
            ways[i].hang();
        }
    }
    printf("does not hang\n");
    return 1;
}
