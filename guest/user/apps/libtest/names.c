/* SPDX-License-Identifier: MIT
 *
 * libtest: the name service, used by everybody at once: threads that look up names, and handlers
 * that register them on top of each other's stacks.  Must run before anything else has spoken with
 * the name service, since the first use is one of its own.
 */
#include <barrelfish/nameservice_client.h>
#include <if/myappif_defs.h>
#include <stdio.h>

#include "libtest.h"

#define SERVICES 3

static iref_t irefs[SERVICES];

static void service_name(char *to, size_t bytes, uintptr_t number)
{
    snprintf(to, bytes, "libtest.%u.%u", (unsigned)disp_get_domain_id(), (unsigned)number);
}

static errval_t refuse(void *st, struct myappif_binding *b)
{
    (void)st, (void)b;
    return LIB_ERR_SLOT_ALLOC;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    char name[32];

    CHECK_OK(err);
    service_name(name, sizeof(name), (uintptr_t)st);
    irefs[(uintptr_t)st] = iref;
    CHECK_OK(nameservice_register(name, iref));
}

static int look_up(void *arg)
{
    char name[32];
    iref_t iref = 0;

    service_name(name, sizeof(name), (uintptr_t)arg);
    CHECK_OK(nameservice_blocking_lookup(name, &iref));
    return (int)iref;
}

/* Until its service does not have it any more. */
static int outlast(void *arg)
{
    char name[32];

    service_name(name, sizeof(name), (uintptr_t)arg);
    CHECK_OK(nameservice_blocking_wait_gone(name, irefs[(uintptr_t)arg]));
    return 1;
}

static void everybody_at_once(void)
{
    struct thread *thread[SERVICES], *waits[SERVICES];
    char name[32];
    iref_t iref;

    for (uintptr_t i = 0; i < SERVICES; i++) {
        CHECK_OK(myappif_export((void *)i, exported, refuse, get_default_waitset(),
                                IDC_EXPORT_FLAGS_DEFAULT));
        thread[i] = thread_create(look_up, (void *)i);
        CHECK(thread[i] != NULL);
    }
    CHECK(look_up((void *)0) != 0);
    for (uintptr_t i = 0; i < SERVICES; i++) {
        int found;

        CHECK_OK(thread_join(thread[i], &found));
        CHECK(found != 0 && (iref_t)found == irefs[i]);
        service_name(name, sizeof(name), i);
        waits[i] = thread_create(outlast, (void *)i);
        CHECK(waits[i] != NULL);
        CHECK_OK(nameservice_blocking_wait_gone(name, irefs[i] + 1)); /* another's end is past */
    }
    for (uintptr_t i = 0; i < SERVICES; i++) {
        int told = 0;

        service_name(name, sizeof(name), i);
        CHECK_OK(nameservice_unregister(name));
        CHECK_OK(thread_join(waits[i], &told));
        CHECK(told == 1);
        CHECK(err_no(nameservice_lookup(name, &iref)) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME);
    }
}

void test_names(void)
{
    iref_t iref;

    if (domain_is_first())
        return;          /* there is no name service */
    everybody_at_once(); /* while the binding is being made */
    CHECK_OK(nameservice_blocking_lookup("spawn.0", &iref));
    CHECK(err_no(nameservice_unregister("spawn.0")) == CHIPS_ERR_NOT_OWNER);
    CHECK_OK(nameservice_lookup("spawn.0", &iref));
    everybody_at_once(); /* taking turns with it */
}
