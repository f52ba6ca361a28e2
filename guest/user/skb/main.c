/* SPDX-License-Identifier: MIT
 *
 * skb, the system knowledge base (overview 1.7): facts and rules about the machine, and a goal for
 * each question.
 *
 * It is a Prolog engine behind an interface: a goal runs from the message in which it comes to its
 * answer, within the engine's bounds, so no client can hold up the others for longer.  A clause
 * that a client's goal asserts is the client's: he pays for it, and it goes when he does.  Each
 * argument of its menu line is a clause of the system itself.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/nameservice_client.h>
#include <if/skb_defs.h>
#include <services/service.h>
#include <stdio.h>
#include <string.h>

#include "resources.h"
#include "rules.h"

static const struct account_kind kinds[] = { SKB_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of skb", .message_kind = ACCOUNT_MESSAGE };
static struct prolog *knowledge;

SERVICE_CLIENTS(skb, broken)

/* ---- who pays for clauses ---- */

static uint32_t units_of(size_t bytes)
{
    return (uint32_t)((bytes + SKB_CLAUSE_UNIT - 1) / SKB_CLAUSE_UNIT);
}

static bool charge(void *owner, size_t bytes)
{
    struct service_client *client = owner;
    struct account_slip slip; /* made again for the refund */
    return err_is_ok(account_charge(client->account, ACCOUNT_CLAUSE, units_of(bytes), &slip));
}

static void refund(void *owner, size_t bytes)
{
    struct service_client *client = owner;
    struct account_slip slip = { .account = client->account,
                                 .kind = ACCOUNT_CLAUSE,
                                 .units = units_of(bytes) };
    account_refund(&slip);
}

/* ---- skb.if ---- */

struct reply {
    struct send_item item;
    uint32_t token;
    int32_t result;
    char *error; /* behind the output */
    char output[];
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct skb_binding *b = queue->binding;
    const struct reply *reply = (struct reply *)item;
    b->incoming_token = reply->token;
    return skb_run_response__tx(b, cont, reply->output, reply->error, reply->result);
}

static int32_t run_goal(struct service_client *client, const char *goal)
{
    if (!prolog_open(knowledge, client, goal))
        return 2;
    switch (prolog_next(knowledge)) {
    case PROLOG_YES:
        return 0;
    case PROLOG_NO:
        return 1;
    default:
        return 2;
    }
}

static void run_call(struct skb_binding *b, const char *goal)
{
    struct service_client *client = b->st;
    const int32_t result = run_goal(client, goal);
    const char *output = prolog_output(knowledge), *error = prolog_error(knowledge);
    const size_t output_bytes = strlen(output) + 1, error_bytes = strlen(error) + 1;
    struct reply *reply = malloc(sizeof(*reply) + output_bytes + error_bytes);
    debug_trace("%s: %d after %" PRIu64 " steps", goal, (int)result, prolog_steps(knowledge));
    if (reply != NULL) {
        *reply = (struct reply){ .item = { .send = send_reply,
                                           .payer = client->account,
                                           .bytes = output_bytes + error_bytes },
                                 .token = b->incoming_token,
                                 .result = result,
                                 .error = reply->output + output_bytes };
        memcpy(reply->output, output, output_bytes);
        memcpy(reply->error, error, error_bytes);
    }
    prolog_close(knowledge);
    send_queue_add(&client->queue, reply != NULL ? &reply->item : NULL);
}

/* The client has gone. */
static void broken(struct skb_binding *b, errval_t err)
{
    (void)err;
    prolog_drop_owner(knowledge, b->st);
    skb_client_close(b);
}

static errval_t connected(void *st, struct skb_binding *b)
{
    (void)st;
    errval_t err = skb_client_open(&service, b, sizeof(struct service_client));
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.run_call = run_call;
    return SYS_ERR_OK;
}

/* ---- start ---- */

static void add_clause(const char *text)
{
    char clause[1024];
    const size_t length = strlen(text);
    const bool ended = length > 0 && text[length - 1] == '.';
    snprintf(clause, sizeof(clause), "%s%s", text, ended ? "" : ".");
    if (!prolog_consult(knowledge, NULL, clause))
        debug_printf("'%s' of the menu is no clause: %s\n", text, prolog_error(knowledge));
}

static void make_knowledge(int argc, char **argv)
{
    struct prolog_config config = prolog_default_config;
    const struct abi_topology *topology;
    config.cells = 1 << 15;
    config.choices = 1 << 11;
    config.depth = 1 << 12;
    config.steps = 300000;
    config.store_bytes = 1 << 19;
    config.output_bytes = skb__run_response_output_MAX_ARGUMENT_SIZE - 1;
    config.charge = charge;
    config.refund = refund;
    knowledge = prolog_create(&config);
    if (knowledge == NULL)
        USER_PANIC("no memory for the system knowledge base");
    errval_t err = machine_topology_get(&topology);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "asking for the machine's shape");
    rules_add(knowledge, topology);
    for (int i = 1; i < argc; i++)
        add_clause(argv[i]);
}

static char service_name[] = "skb";

int main(int argc, char **argv)
{
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, SKB_ERR_OVER_SHARE);
    make_knowledge(argc, argv);
    errval_t err = skb_export(service_name, nameservice_offer, connected, get_default_waitset(),
                              IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the system knowledge base");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
