/* SPDX-License-Identifier: MIT
 *
 * What domains ask their monitor and wait for (monitor_blocking.if).
 *
 * The handlers never wait: what cannot be answered at once (the name service is not there yet, cores
 * are still starting) is answered later, under the token of the call.
 */
#include "monitor.h"

iref_t mem_iref, name_iref;

struct reply {
    struct send_item item;
    enum {
        REPLY_MEM_IREF,
        REPLY_SET_MEM_IREF,
        REPLY_NAME_IREF,
        REPLY_SET_NAME_IREF,
        REPLY_MONITOR_EP,
        REPLY_BOOTINFO,
        REPLY_BOOT_CORES,
        REPLY_POWER_OFF,
        REPLY_DEPOSIT,
        REPLY_COLLECT,
    } kind;
    uint32_t token;
    errval_t err;
    iref_t iref;
    domainid_t domain;
    struct capref cap;
    uint64_t value;
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct monitor_blocking_binding *b = queue->binding;
    struct reply *r = (struct reply *)item;
    b->incoming_token = r->token;
    switch (r->kind) {
    case REPLY_MEM_IREF:
        return monitor_blocking_get_mem_iref_response__tx(b, cont, r->iref, r->err);
    case REPLY_SET_MEM_IREF:
        return monitor_blocking_set_mem_iref_response__tx(b, cont, r->err);
    case REPLY_NAME_IREF:
        return monitor_blocking_get_name_iref_response__tx(b, cont, r->iref, r->err);
    case REPLY_SET_NAME_IREF:
        return monitor_blocking_set_name_iref_response__tx(b, cont, r->err);
    case REPLY_MONITOR_EP:
        return monitor_blocking_alloc_monitor_ep_response__tx(b, cont, r->err, r->domain, r->cap);
    case REPLY_BOOTINFO:
        return monitor_blocking_get_bootinfo_response__tx(b, cont, r->err, r->cap, r->value);
    case REPLY_BOOT_CORES:
        return monitor_blocking_boot_cores_response__tx(b, cont, r->err, r->value);
    case REPLY_DEPOSIT:
        return monitor_blocking_deposit_cap_response__tx(b, cont, r->err, r->value);
    case REPLY_COLLECT:
        return monitor_blocking_collect_cap_response__tx(b, cont, r->err, r->cap);
    default:
        return monitor_blocking_power_off_response__tx(b, cont, r->err);
    }
}

/* A parcel has left, or its client is gone. */
static void reply_left(struct send_item *item, errval_t err)
{
    struct reply *r = (struct reply *)item;
    (void)err;
    if (r->kind == REPLY_COLLECT)
        drop_cap(r->cap);
}

static void answer(struct client *client, const struct reply *reply)
{
    struct reply *r = malloc(sizeof(*r));
    if (r != NULL) {
        *r = *reply;
        r->item =
            (struct send_item){ .send = send_reply, .done = reply_left, .payer = client->account };
    }
    send_queue_add(&client->rpc_queue, r != NULL ? &r->item : NULL);
}

static void get_mem_iref(struct monitor_blocking_binding *b)
{
    answer(b->st, &(struct reply){ .kind = REPLY_MEM_IREF,
                                   .token = b->incoming_token,
                                   .iref = mem_iref,
                                   .err = mem_iref != 0 ? SYS_ERR_OK : MON_ERR_INVALID_IREF });
}

/* The iref must be a service of the domain that announces it. */
static bool is_own_service(struct client *client, iref_t iref)
{
    struct iref_entry *entry = iref_find(&irefs, iref);
    return entry != NULL && ((struct link *)entry->owner)->client == client;
}

/* What concerns the whole core or the machine is for the domains that the monitor started itself. */
static bool is_trusted(const struct client *client)
{
    return client->parent == NULL;
}

static void set_mem_iref(struct monitor_blocking_binding *b, iref_t iref)
{
    struct client *client = b->st;
    errval_t err = SYS_ERR_OK;
    if (mem_iref != 0 || !is_trusted(client) || !is_own_service(client, iref))
        err = MON_ERR_NOT_PERMITTED;
    answer(client,
           &(struct reply){ .kind = REPLY_SET_MEM_IREF, .token = b->incoming_token, .err = err });
    if (err_is_ok(err)) {
        mem_iref = iref;
        ram_connect(iref);
    }
}

static void answer_name(struct client *client)
{
    if (!client->waits_for_name)
        return;
    client->waits_for_name = false;
    answer(client, &(struct reply){ .kind = REPLY_NAME_IREF,
                                    .token = client->name_token,
                                    .iref = name_iref,
                                    .err = SYS_ERR_OK });
}

static void get_name_iref(struct monitor_blocking_binding *b)
{
    struct client *client = b->st;
    if (client->waits_for_name) { /* one wait for each domain is enough */
        answer(client, &(struct reply){ .kind = REPLY_NAME_IREF,
                                        .token = b->incoming_token,
                                        .err = MON_ERR_NO_NAMESERVICE });
        return;
    }
    client->waits_for_name = true;
    client->name_token = b->incoming_token;
    if (name_iref != 0)
        answer_name(client);
}

void name_iref_known(iref_t iref)
{
    if (iref == 0 || name_iref != 0)
        return;
    name_iref = iref;
    client_for_each(answer_name);
}

static void set_name_iref(struct monitor_blocking_binding *b, iref_t iref)
{
    struct client *client = b->st;
    errval_t err = SYS_ERR_OK;
    if (name_iref != 0 || !is_trusted(client) || !is_own_service(client, iref))
        err = MON_ERR_NOT_PERMITTED;
    answer(client,
           &(struct reply){ .kind = REPLY_SET_NAME_IREF, .token = b->incoming_token, .err = err });
    if (err_is_fail(err))
        return;
    name_iref_known(iref);
    peers_send_name_iref(iref);
}

static void alloc_monitor_ep(struct monitor_blocking_binding *b, const char *name)
{
    struct client *client = b->st, *child = NULL;
    struct capref ep = NULL_CAP;
    errval_t err =
        is_trusted(client) ? client_new(name, client, &child, &ep) : MON_ERR_NOT_PERMITTED;
    answer(client, &(struct reply){ .kind = REPLY_MONITOR_EP,
                                    .token = b->incoming_token,
                                    .err = err,
                                    .domain = err_is_ok(err) ? child->domain : 0,
                                    .cap = ep });
}

static void get_bootinfo(struct monitor_blocking_binding *b)
{
    answer(b->st, &(struct reply){ .kind = REPLY_BOOTINFO,
                                   .token = b->incoming_token,
                                   .err = SYS_ERR_OK,
                                   .cap = TASK_CAP(TASKCN_SLOT_BOOTINFO),
                                   .value = boot_info->boot_bytes });
}

static void boot_cores_call(struct monitor_blocking_binding *b, uint64_t mask)
{
    struct client *client = b->st;
    if (is_trusted(client))
        boot_cores(mask, client, b->incoming_token);
    else
        boot_cores_answer(client, b->incoming_token, MON_ERR_NOT_PERMITTED, 0);
}

void boot_cores_answer(struct client *client, uint32_t token, errval_t err, uint64_t running)
{
    answer(client, &(struct reply){
                       .kind = REPLY_BOOT_CORES, .token = token, .err = err, .value = running });
}

static void power_off(struct monitor_blocking_binding *b, uint8_t status)
{
    errval_t err = is_trusted(b->st) ? invoke_kernel_power_off(cap_kernel, status)
                                     : (errval_t)MON_ERR_NOT_PERMITTED;
    answer(b->st,
           &(struct reply){ .kind = REPLY_POWER_OFF, .token = b->incoming_token, .err = err });
}

static void deposit_cap(struct monitor_blocking_binding *b, struct capref cap)
{
    uint64_t ticket;
    errval_t err = parcel_deposit(b->st, cap, &ticket);
    answer(b->st,
           &(struct reply){
               .kind = REPLY_DEPOSIT, .token = b->incoming_token, .err = err, .value = ticket });
}

static void collect_cap(struct monitor_blocking_binding *b, uint64_t ticket)
{
    parcel_collect(b->st, b->incoming_token, ticket);
}

void blocking_answer_collect(struct client *client, uint32_t token, errval_t err, struct capref cap)
{
    answer(client,
           &(struct reply){ .kind = REPLY_COLLECT, .token = token, .err = err, .cap = cap });
}

void blocking_set_handlers(struct client *client)
{
    struct monitor_blocking_binding *b = &client->rpc->b;
    b->rx_vtbl.get_mem_iref_call = get_mem_iref;
    b->rx_vtbl.set_mem_iref_call = set_mem_iref;
    b->rx_vtbl.get_name_iref_call = get_name_iref;
    b->rx_vtbl.set_name_iref_call = set_name_iref;
    b->rx_vtbl.alloc_monitor_ep_call = alloc_monitor_ep;
    b->rx_vtbl.get_bootinfo_call = get_bootinfo;
    b->rx_vtbl.boot_cores_call = boot_cores_call;
    b->rx_vtbl.power_off_call = power_off;
    b->rx_vtbl.deposit_cap_call = deposit_cap;
    b->rx_vtbl.collect_cap_call = collect_cap;
}
