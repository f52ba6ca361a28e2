/* SPDX-License-Identifier: MIT
 *
 * What the machine has: cores, memory, domains, services, records, knowledge.
 */
#include "shell.h"

#include <abi/boot.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/monitor_client.h>
#include <barrelfish/nameservice_client.h>
#include <if/mem_defs.h>
#include <octopus/octopus.h>
#include <skb/skb.h>
#include <stdio.h>
#include <string.h>

#define MIB (1u << 20)
#define OWN_RAM_BITS 21 /* more than a domain is born with: so the server is asked */

static const struct abi_topology *topology(void)
{
    const struct abi_topology *topology = NULL;
    errval_t err = machine_topology_get(&topology);
    if (err_is_fail(err))
        printf("the machine's shape is unknown: %s\n", err_getstring(err));
    return err_is_ok(err) ? topology : NULL;
}

/* The memory server; NULL: it cannot be reached.  A domain connects to it when it first needs
 * memory that it was not born with. */
static struct mem_binding *memory_server(void)
{
    struct capref page;
    if (get_mem_binding() == NULL && err_is_ok(ram_alloc(&page, OWN_RAM_BITS)))
        ram_free(page);
    return get_mem_binding();
}

void machine_memory(const struct words *words)
{
    const struct abi_topology *shape = topology();
    struct mem_binding *b = memory_server();
    uint64_t total = 0, left = 0;
    (void)words;
    for (unsigned node = 0; shape != NULL && node < shape->node_count; node++)
        printf("node %u: %llu MiB of RAM, %llu MiB for channels\n", node,
               (unsigned long long)shape->node[node].ram_bytes / MIB,
               (unsigned long long)shape->node[node].window_bytes / MIB);
    errval_t err = LIB_ERR_RAM_ALLOC;
    if (b != NULL)
        err = b->rpc_tx_vtbl.available(b, &total, &left);
    if (err_is_fail(err))
        printf("the memory server does not answer: %s\n", err_getstring(err));
    else
        printf("memory server of core %u: %" PRIu64 " KiB of %" PRIu64 " KiB are free\n",
               disp_get_core_id(), left / 1024, total / 1024);
}

void machine_time(const struct words *words)
{
    const systime_t now = get_system_time();
    (void)words;
    printf("%" PRIu64 ".%06" PRIu64 " s since power-on\n", now / 1000000000, now / 1000 % 1000000);
}

/* Writes what the goal wrote, a line for each of its lines; `none` if that is nothing. */
static void ask(const char *goal, const char *none)
{
    errval_t err = skb_execute(goal);
    const char *output = skb_get_output();
    if (err_no(err) == SKB_ERR_RUN)
        printf("error: %s\n", skb_get_error_output());
    else if (err_is_fail(err) && err_no(err) != SKB_ERR_GOAL_FAILURE)
        printf("the knowledge base does not answer: %s\n", err_getstring(err));
    else if (output[0] == '\0' || err_is_fail(err))
        printf("%s\n", none);
    if (output[0] != '\0')
        printf("%s%s", output, output[strlen(output) - 1] == '\n' ? "" : "\n");
}

void machine_domains(const struct words *words)
{
    (void)words;
    if (has_service("skb"))
        ask("forall(program(P, C, D), format(\"~w: core ~w, domain ~w~n\", [P, C, D]))", "none");
}

/* Each solution of the goal, with what its variables are. */
void machine_ask(const struct words *words)
{
    char goal[SKB_GOAL_BYTES];
    size_t length = strlen(words->rest);
    while (length > 0 && strchr(" .", words->rest[length - 1]) != NULL)
        length--;
    const int wanted = snprintf(goal, sizeof(goal), "G_ = (%.*s), forall(G_, (print(G_), nl))",
                                (int)length, words->rest);
    if (wanted < 0 || (size_t)wanted >= sizeof(goal))
        printf("the question is too long\n");
    else if (has_service("skb"))
        ask(goal, "no");
}

/* All records that match, or all there are. */
void machine_records(const struct words *words)
{
    char **names = NULL;
    size_t count = 0;
    if (!has_service("octopus"))
        return;
    errval_t err = oct_get_names(&names, &count, "%s", words->count > 1 ? words->rest : "_ { }");
    if (err_is_fail(err)) {
        printf("%s\n", err_no(err) == OCT_ERR_NO_RECORD ? "none" : err_getstring(err));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char *record = NULL;
        err = oct_get(&record, "%s", names[i]);
        printf("%s\n", err_is_ok(err) ? record : names[i]); /* it may have gone meanwhile */
        free(record);
    }
    oct_free_names(names, count);
}

void machine_service(const struct words *words)
{
    iref_t iref;
    errval_t err = nameservice_lookup(words->word[1], &iref);
    if (err_is_ok(err))
        printf("%s: there, reference %" PRIxIREF "\n", words->word[1], iref);
    else
        printf("%s: %s\n", words->word[1],
               err_no(err) == LIB_ERR_NAMESERVICE_UNKNOWN_NAME ? "nobody has registered it"
                                                               : err_getstring(err));
}
