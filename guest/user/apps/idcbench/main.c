/* SPDX-License-Identifier: MIT
 *
 * Measures inter-dispatcher communication (docs/performance.md).
 *
 *   idcbench server   answers
 *   idcbench count    counts instructions from __tx to the handler; the server on the same core
 *   idcbench time     times round trips; the server on another core
 *
 * Each result is one line "bench NAME MEDIAN MIN MAX"; tests/bench/run makes a table of them.
 */
#include "idcbench.h"

#include <barrelfish/nameservice_client.h>
#include <stdio.h>
#include <string.h>

static struct idcbench_binding *server;

static void bound(void *st, errval_t err, struct idcbench_binding *b)
{
    (void)st;
    must(err, "binding to idcbench");
    server = b;
}

static void connect(void)
{
    iref_t iref;

    must(nameservice_blocking_lookup("idcbench", &iref), "looking up idcbench");
    must(idcbench_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT),
         "binding to idcbench");
    while (server == NULL) {
        must(event_dispatch(get_default_waitset()), "dispatching an event");
    }
    idcbench_rpc_client_init(server);
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "server") == 0) {
        serve();
    }
    if (argc == 2 && strcmp(argv[1], "count") == 0) {
        connect();
        count_instructions(server);
    } else if (argc == 2 && strcmp(argv[1], "time") == 0) {
        connect();
        time_round_trips(server);
    } else {
        printf("usage: idcbench server | count | time\n");
        return 2;
    }
    printf("bench done\n");
    return 0;
}
