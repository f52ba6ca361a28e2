/* SPDX-License-Identifier: MIT
 *
 * The door for what domains ask their monitor and wait for (monitor_blocking.if).
 *
 * The handlers never wait: what cannot be answered at once (the name service is not there yet,
 * cores are still starting) is answered later, under the token of the call.
 */
#include "../mouths/reply.h"
#include "../parts/parts.h"
#include "doors.h"

static void get_mem_iref(struct monitor_blocking_binding *b)
{
    reply_send(b->st, &(struct reply){ .kind = REPLY_MEM_IREF,
                                       .token = b->incoming_token,
                                       .iref = mem_iref,
                                       .first = first_mem_iref,
                                       .err = mem_iref != 0 ? SYS_ERR_OK : MON_ERR_INVALID_IREF });
}

static void set_mem_iref(struct monitor_blocking_binding *b, iref_t iref)
{
    struct client *client = b->st;
    errval_t err = names_set_mem(client, iref);
    reply_send(client, &(struct reply){
                           .kind = REPLY_SET_MEM_IREF, .token = b->incoming_token, .err = err });
    if (err_is_ok(err))
        ram_connect(iref);
}

static void get_name_iref(struct monitor_blocking_binding *b)
{
    names_asked(b->st, b->incoming_token);
}

static void set_name_iref(struct monitor_blocking_binding *b, iref_t iref)
{
    struct client *client = b->st;
    errval_t err = names_may_set(client, iref);
    reply_send(client, &(struct reply){
                           .kind = REPLY_SET_NAME_IREF, .token = b->incoming_token, .err = err });
    if (err_is_ok(err))
        names_set(iref);
}

static void alloc_monitor_ep(struct monitor_blocking_binding *b, const char *name)
{
    struct client *client = b->st, *child = NULL;
    struct capref ep = NULL_CAP;
    errval_t err = client_new(name, client, &child, &ep); /* the asker's share of them counts */
    reply_send(client, &(struct reply){ .kind = REPLY_MONITOR_EP,
                                        .token = b->incoming_token,
                                        .err = err,
                                        .domain = err_is_ok(err) ? child->domain : 0,
                                        .cap = ep });
}

static void get_domain_cap(struct monitor_blocking_binding *b, domainid_t domain)
{
    struct client *client = b->st;
    struct capref cap = NULL_CAP;
    errval_t err = client_domain_cap(client, domain, &cap);
    reply_send(client,
               &(struct reply){
                   .kind = REPLY_DOMAIN_CAP, .token = b->incoming_token, .err = err, .cap = cap });
}

static void get_bootinfo(struct monitor_blocking_binding *b)
{
    reply_send(b->st, &(struct reply){ .kind = REPLY_BOOTINFO,
                                       .token = b->incoming_token,
                                       .err = SYS_ERR_OK,
                                       .cap = TASK_CAP(TASKCN_SLOT_BOOTINFO),
                                       .value = boot_info->boot_bytes });
}

static void get_io_cap(struct monitor_blocking_binding *b)
{
    bool permitted = client_is_trusted(b->st);
    reply_send(b->st, &(struct reply){ .kind = REPLY_IO_CAP,
                                       .token = b->incoming_token,
                                       .err = permitted ? SYS_ERR_OK : MON_ERR_NOT_PERMITTED,
                                       .cap = permitted ? TASK_CAP(TASKCN_SLOT_IO) : NULL_CAP });
}

static void boot_cores_call(struct monitor_blocking_binding *b, uint64_t mask)
{
    struct client *client = b->st;
    if (client_is_trusted(client))
        boot_cores(mask, client, b->incoming_token);
    else
        reply_boot_cores(client, b->incoming_token, MON_ERR_NOT_PERMITTED, 0);
}

static void stop_cores_call(struct monitor_blocking_binding *b, uint64_t mask)
{
    struct client *client = b->st;
    if (client_is_trusted(client))
        stop_cores(mask, client, b->incoming_token);
    else
        reply_stop_cores(client, b->incoming_token, MON_ERR_NOT_PERMITTED, 0);
}

static void power_off(struct monitor_blocking_binding *b, uint8_t status)
{
    errval_t err = client_is_trusted(b->st) ? invoke_kernel_power_off(cap_kernel, status)
                                            : (errval_t)MON_ERR_NOT_PERMITTED;
    reply_send(b->st,
               &(struct reply){ .kind = REPLY_POWER_OFF, .token = b->incoming_token, .err = err });
}

static void deposit_cap(struct monitor_blocking_binding *b, struct capref cap)
{
    uint64_t ticket;
    errval_t err = parcel_deposit(b->st, cap, &ticket);
    reply_send(b->st, &(struct reply){ .kind = REPLY_DEPOSIT,
                                       .token = b->incoming_token,
                                       .err = err,
                                       .value = ticket });
}

static void collect_cap(struct monitor_blocking_binding *b, uint64_t ticket)
{
    parcel_collect(b->st, b->incoming_token, ticket);
}

static void remote_cap_revoke(struct monitor_blocking_binding *b, struct capref root, uint32_t cptr,
                              uint8_t level)
{
    capop_revoke(b->st, b->incoming_token, root, cptr, level);
}

static void remote_cap_retype(struct monitor_blocking_binding *b, struct capref root, uint32_t cptr,
                              uint8_t level, uint64_t offset, uint64_t bytes)
{
    capop_retype(b->st, b->incoming_token, root, cptr, level, offset, bytes);
}

static void fill_for(struct monitor_blocking_binding *b, domainid_t home)
{
    struct client *client = b->st;
    client->fills_for = home;
    reply_send(client, &(struct reply){
                           .kind = REPLY_FILL_FOR, .token = b->incoming_token, .err = SYS_ERR_OK });
}

static void shootdown(struct monitor_blocking_binding *b, uint64_t base, uint64_t bytes,
                      uint32_t flags, uint8_t protocol, const domainid_t *agents, size_t count)
{
    shootdown_asked(b->st, b->incoming_token, &(struct shootdown_change){ base, bytes, flags },
                    protocol, agents, count);
}

void door_of_questions(struct client *client)
{
    struct monitor_blocking_binding *b = &client->rpc->b;
    b->rx_vtbl.get_mem_iref_call = get_mem_iref;
    b->rx_vtbl.set_mem_iref_call = set_mem_iref;
    b->rx_vtbl.get_name_iref_call = get_name_iref;
    b->rx_vtbl.set_name_iref_call = set_name_iref;
    b->rx_vtbl.alloc_monitor_ep_call = alloc_monitor_ep;
    b->rx_vtbl.get_domain_cap_call = get_domain_cap;
    b->rx_vtbl.get_bootinfo_call = get_bootinfo;
    b->rx_vtbl.get_io_cap_call = get_io_cap;
    b->rx_vtbl.boot_cores_call = boot_cores_call;
    b->rx_vtbl.stop_cores_call = stop_cores_call;
    b->rx_vtbl.power_off_call = power_off;
    b->rx_vtbl.deposit_cap_call = deposit_cap;
    b->rx_vtbl.collect_cap_call = collect_cap;
    b->rx_vtbl.remote_cap_revoke_call = remote_cap_revoke;
    b->rx_vtbl.remote_cap_retype_call = remote_cap_retype;
    b->rx_vtbl.fill_for_call = fill_for;
    b->rx_vtbl.shootdown_call = shootdown;
}
