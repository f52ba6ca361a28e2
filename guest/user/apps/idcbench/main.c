/* SPDX-License-Identifier: MIT
 *
 * Measures inter-dispatcher communication (docs/performance.md).
 *
 *   idcbench server   answers
 *   idcbench count    counts instructions from __tx to the handler; the server on the same core
 *   idcbench work compute|messages ROUNDS
 *                     works as long as asked, to be timed from outside
 *   idcbench time     times round trips; the server on another core
 *   idcbench checked  times them over a plain and a checked channel
 *   idcbench calls ump|multihop
 *                     times calls over one kind of channel; the server on another core
 *
 * Each result is one line "bench NAME MEDIAN MIN MAX"; tests/bench/run makes a table of them.
 */
#include "idcbench.h"

#include <barrelfish/nameservice_client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

static struct idcbench_binding *server;

static void bound(void *st, errval_t err, struct idcbench_binding *b)
{
    (void)st;
    must(err, "binding to idcbench");
    server = b;
}

static void connect(idc_bind_flags_t flags)
{
    iref_t iref;

    must(nameservice_blocking_lookup("idcbench", &iref), "looking up idcbench");
    server = NULL;
    must(idcbench_bind(iref, bound, NULL, get_default_waitset(), flags), "binding to idcbench");
    while (server == NULL)
        must(event_dispatch(get_default_waitset()), "dispatching an event");
    idcbench_rpc_client_init(server);
}

static bool work(const char *kind, uint64_t rounds)
{
    bool compute = strcmp(kind, "compute") == 0;

    if (!compute && strcmp(kind, "messages") != 0)
        return false;
    uint64_t result = compute ? work_compute(rounds) : work_messages(rounds);

    printf("result %" PRIu64 "\n", result);
    return true;
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "server") == 0)
        serve();
    if (argc == 2 && strcmp(argv[1], "count") == 0) {
        connect(IDC_BIND_FLAGS_DEFAULT);
        count_instructions(server);
    } else if (argc == 2 && strcmp(argv[1], "time") == 0) {
        connect(IDC_BIND_FLAGS_DEFAULT);
        time_round_trips(server);
    } else if (argc == 2 && strcmp(argv[1], "checked") == 0) {
        connect(IDC_BIND_FLAGS_DEFAULT);
        struct idcbench_binding *plain = server;
        connect(IDC_BIND_FLAG_CHECKED);
        compare_checked(plain, server);
    } else if (argc == 3 && strcmp(argv[1], "calls") == 0) {
        connect(strcmp(argv[2], "multihop") == 0 ? IDC_BIND_FLAG_MULTIHOP : IDC_BIND_FLAGS_DEFAULT);
        time_calls(server);
    } else if (argc != 4 || strcmp(argv[1], "work") != 0 ||
               !work(argv[2], strtoull(argv[3], NULL, 10))) {
        printf("usage: idcbench server | count | time | checked | calls ump|multihop | "
               "work compute|messages ROUNDS\n");
        return 2;
    }
    printf("bench done\n");
    return 0;
}
