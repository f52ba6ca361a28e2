/* SPDX-License-Identifier: MIT
 *
 * Asking too much of the services: names, bindings, memory.
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/myappif_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned answers;

static void bound(void *st, errval_t err, struct myappif_binding *b)
{
    (void)st;
    (void)b;
    answers++;
    if (err_is_fail(err) && answers < 3)
        printf("bind: %s\n", err_getstring(err));
}

static errval_t connected(void *st, struct myappif_binding *b)
{
    (void)b;
    if (st != NULL)
        exit(0);
    return SYS_ERR_OK;
}

static iref_t exported_as;

static void exported(void *st, errval_t err, iref_t iref)
{
    (void)st;
    if (err_is_fail(err))
        printf("export: %s\n", err_getstring(err));
    exported_as = iref;
    answers++;
}

static void many_binds(iref_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        errval_t err =
            myappif_bind(first + i, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
        if (err_is_fail(err)) {
            printf("bind %u: %s\n", i, err_getstring(err));
            answers++;
        }
    }
    while (answers < count)
        event_dispatch(get_default_waitset());
}

bool hostile_many(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 100;
    const char *what = argv[0];
    if (strcmp(what, "irefs") == 0) { /* that nobody has */
        many_binds(0x1000, count);
    } else if (strcmp(what, "low") == 0) { /* of the services */
        many_binds(0, count);
    } else if (strcmp(what, "same") == 0) { /* one server, many times */
        iref_t iref;
        errval_t err = nameservice_blocking_lookup("myapp_service", &iref);
        if (err_is_fail(err))
            return true;
        for (unsigned i = 0; i < count; i++)
            myappif_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
        while (answers < count)
            event_dispatch(get_default_waitset());
    } else if (strcmp(what, "names") == 0) {
        char name[64];
        errval_t err = SYS_ERR_OK;
        for (unsigned i = 0; i < count && err_is_ok(err); i++) {
            snprintf(name, sizeof(name), "name%u", i);
            err = nameservice_register(name, i);
        }
        printf("last: %s\n", err_getstring(err));
    } else if (strcmp(what, "longname") == 0) {
        char *name = malloc(5000);
        memset(name, 'x', 4999);
        name[4999] = 0;
        iref_t iref;
        printf("register: %s\n", err_getstring(nameservice_register(name, 1)));
        printf("lookup: %s\n", err_getstring(nameservice_lookup(name, &iref)));
        free(name);
    } else if (strcmp(what, "exports") == 0) {
        for (unsigned i = 0; i < count; i++)
            myappif_export(NULL, exported, connected, get_default_waitset(),
                           IDC_EXPORT_FLAGS_DEFAULT);
        while (answers < count)
            event_dispatch(get_default_waitset());
    } else if (strcmp(what, "memory") == 0) {
        size_t got = 0;
        static void *volatile newest; /* never freed: that is the attack */
        while ((newest = malloc(1 << 20)) != NULL) {
            memset(newest, 1, 1 << 20);
            got++;
        }
        printf("%zu MiB\n", got);
    } else if (strcmp(what, "leave") == 0) { /* in the middle of a bind */
        iref_t iref;
        if (err_is_ok(nameservice_blocking_lookup("myapp_service", &iref)))
            myappif_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
        exit(0);
    } else if (strcmp(what, "server") == 0) { /* that dies when a client binds */
        myappif_export(&answers, exported, connected, get_default_waitset(),
                       IDC_EXPORT_FLAGS_DEFAULT);
        while (answers == 0)
            event_dispatch(get_default_waitset());
        nameservice_register("dying_service", exported_as);
        for (;;)
            event_dispatch(get_default_waitset());
    } else if (strcmp(what, "client") == 0) { /* of that one */
        iref_t iref;
        if (err_is_fail(nameservice_blocking_lookup("dying_service", &iref)))
            return true;
        many_binds(iref, 1);
    } else if (strcmp(what, "lines") == 0) {
        for (unsigned i = 0; i < count; i++)
            printf("line %u of many\n", i);
    } else if (strcmp(what, "long") == 0) {
        char *line = malloc(count + 2);
        memset(line, 'y', count);
        line[count] = '\n';
        line[count + 1] = 0;
        fputs(line, stdout);
    } else if (strcmp(what, "bytes") == 0) {
        for (unsigned i = 0; i < 256; i++)
            if (i != '\n')
                putchar((int)i);
        puts("\033[31mred\033[2J\xc3\xa4\xff");
    } else {
        return false;
    }
    fflush(stdout);
    return true;
}
