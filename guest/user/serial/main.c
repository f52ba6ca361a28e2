/* SPDX-License-Identifier: MIT
 *
 * serial: the driver of the console's input, and the service that gives it to programs line by
 * line.
 *
 * The device raises a line of this core when it has something for a driver that found nothing.  So
 * the driver takes what there is until it finds nothing, or what it holds is full: the rest stays
 * in the device, which keeps whoever types waiting.  Readers are served in the order in which they
 * came; while a domain is in front (front.h), the others wait.  A line whose reader has gone is the
 * next one's; what was sent to him is not.  So is the rest of a line of which a reader took a part.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/nameservice_client.h>
#include <if/serial_defs.h>
#include <services/service.h>
#include <string.h>

#include "front.h"
#include "resources.h"

#define HELD_BYTES serial__read_response_data_MAX_ARGUMENT_SIZE

static const struct account_kind kinds[] = { SERIAL_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of serial", .message_kind = ACCOUNT_MESSAGE };

struct reader {
    struct reader *next;
    struct serial_binding *binding;
    uint32_t token, most;
    struct account_slip slip;
};

/* One connection. */
struct client {
    struct service_client service; /* first */
    struct client *next;
    domainid_t domain;
};

static struct client *clients;
static struct front front;
static struct reader *first_reader;
static char held[HELD_BYTES]; /* taken from the device, given to nobody yet */
static unsigned held_bytes;
static bool ended; /* no more comes from the device */
static struct lmp_chan interrupts;

SERVICE_CLIENTS(serial, broken)

/* ---- answers ---- */

enum reply_kind { REPLY_READ, REPLY_TAKE, REPLY_GIVE };

struct reply {
    struct send_item item;
    enum reply_kind kind;
    uint32_t token;
    errval_t err;
    unsigned bytes;
    uint8_t data[];
};

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct serial_binding *b = queue->binding;
    const struct reply *reply = (struct reply *)item;
    b->incoming_token = reply->token;
    if (reply->kind == REPLY_TAKE)
        return serial_take_front_response__tx(b, cont, reply->err);
    if (reply->kind == REPLY_GIVE)
        return serial_give_front_response__tx(b, cont, reply->err);
    return serial_read_response__tx(b, cont, reply->data, reply->bytes, reply->err);
}

static void answer_kind(struct serial_binding *b, enum reply_kind kind, uint32_t token,
                        const char *data, unsigned bytes, errval_t err)
{
    struct service_client *client = b->st;
    struct reply *reply = malloc(sizeof(*reply) + bytes);
    if (reply != NULL) {
        *reply = (struct reply){
            .item = { .send = send_reply, .payer = client->account, .bytes = bytes },
            .kind = kind,
            .token = token,
            .err = err,
            .bytes = bytes
        };
        memcpy(reply->data, data, bytes);
    }
    send_queue_add(&client->queue, reply != NULL ? &reply->item : NULL);
}

static void answer(struct serial_binding *b, uint32_t token, const char *data, unsigned bytes,
                   errval_t err)
{
    answer_kind(b, REPLY_READ, token, data, bytes, err);
}

/* ---- the device ---- */

static void take_input(void)
{
    /* Main is the only thread, and prints nothing meanwhile. */
    char *buffer = (char *)curdispatcher() + DISP_PRINT_BUFFER_OFFSET;
    uint64_t got = 1;
    while (!ended && got > 0 && held_bytes < HELD_BYTES) {
        errval_t err = invoke_io_input(cap_io, buffer, HELD_BYTES - held_bytes, &got);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "taking input of the console");
        ended = got == INPUT_END;
        if (ended)
            return;
        memcpy(held + held_bytes, buffer, got);
        held_bytes += (unsigned)got;
    }
}

/* ---- readers ---- */

/* How much of what is held can be given to one reader; 0: he has to wait. */
static unsigned bytes_to_give(void)
{
    const char *newline = memchr(held, '\n', held_bytes);
    if (newline != NULL)
        return (unsigned)(newline + 1 - held);
    return ended || held_bytes == HELD_BYTES ? held_bytes : 0;
}

static domainid_t domain_of(const struct serial_binding *b)
{
    return ((const struct client *)b->st)->domain;
}

/* The first whose turn it is.  When nothing is left, everybody is told. */
static struct reader **next_reader(void)
{
    struct reader **link = &first_reader;
    while (*link != NULL && !(ended && held_bytes == 0) &&
           !front_may_read(&front, domain_of((*link)->binding)))
        link = &(*link)->next;
    return link;
}

static void serve(void)
{
    for (;;) {
        if (*next_reader() == NULL) /* nobody reads: the device keeps it */
            return;
        take_input();
        unsigned bytes = bytes_to_give();
        if (bytes == 0 && !ended)
            return;
        struct reader **link = next_reader(), *reader = *link;
        assert(reader != NULL); /* taking input takes no turn away */
        *link = reader->next;
        if (bytes > reader->most)
            bytes = reader->most;
        answer(reader->binding, reader->token, held, bytes, SYS_ERR_OK);
        held_bytes -= bytes;
        memmove(held, held + bytes, held_bytes);
        account_refund(&reader->slip);
        free(reader);
    }
}

static void read_call(struct serial_binding *b, uint32_t most)
{
    const struct service_client *client = b->st;
    struct account_slip slip = { 0 };
    errval_t err = account_charge(client->account, ACCOUNT_READ, 1, &slip);
    struct reader *reader = err_is_ok(err) ? malloc(sizeof(*reader)) : NULL;
    if (reader == NULL) {
        account_refund(&slip);
        answer(b, b->incoming_token, "", 0, err_is_fail(err) ? err : (errval_t)LIB_ERR_MALLOC_FAIL);
        return;
    }
    *reader = (struct reader){
        .binding = b, .token = b->incoming_token, .most = most > 0 ? most : 1, .slip = slip
    };
    struct reader **last = &first_reader;
    while (*last != NULL)
        last = &(*last)->next;
    *last = reader;
    serve();
}

static void interrupt(void *arg)
{
    struct lmp_recv_msg message = LMP_RECV_MSG_INIT;
    struct capref cap;
    (void)arg;
    errval_t err = lmp_chan_recv(&interrupts, &message, &cap);
    if (err_is_fail(err) && !lmp_err_is_transient(err))
        DEBUG_ERR(err, "an interrupt of the console");
    err = lmp_chan_register_recv(&interrupts, get_default_waitset(), MKCLOSURE(interrupt, NULL));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "waiting for interrupts of the console");
    serve();
}

/* From the device's line to this domain, as a manager of drivers would connect them. */
static void connect_device(void)
{
    struct capref dest;
    lmp_chan_init(&interrupts);
    errval_t err = slot_alloc(&dest);
    if (err_is_ok(err))
        err = lmp_chan_accept(&interrupts, DEFAULT_LMP_BUF_WORDS, NULL_CAP);
    if (err_is_ok(err))
        err =
            lmp_chan_register_recv(&interrupts, get_default_waitset(), MKCLOSURE(interrupt, NULL));
    if (err_is_ok(err))
        err = invoke_irqtable_alloc_dest_cap(cap_irq, dest);
    if (err_is_ok(err))
        err = invoke_irqdest_connect(dest, interrupts.local_cap);
    if (err_is_ok(err))
        err = invoke_irqsrc_route(cap_irqsrc, IRQ_LINE_INPUT, dest);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "connecting the console's interrupt");
}

/* ---- serial.if ---- */

static void take_front_call(struct serial_binding *b)
{
    const uint32_t token = b->incoming_token;
    errval_t err = front_take(&front, domain_of(b));
    serve(); /* it may have reads that waited */
    answer_kind(b, REPLY_TAKE, token, "", 0, err);
}

static void give_front_call(struct serial_binding *b, domainid_t domain)
{
    const uint32_t token = b->incoming_token;
    errval_t err = front_give(&front, domain_of(b), domain);
    serve();
    answer_kind(b, REPLY_GIVE, token, "", 0, err);
}

static bool is_connected(domainid_t domain)
{
    const struct client *client = clients;
    while (client != NULL && client->domain != domain)
        client = client->next;
    return client != NULL;
}

static void forget_client(struct client *client)
{
    struct client **link = &clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    if (!is_connected(client->domain))
        front_ended(&front, client->domain, is_connected);
}

/* The client has gone. */
static void broken(struct serial_binding *b, errval_t err)
{
    (void)err;
    forget_client(b->st);
    for (struct reader **link = &first_reader; *link != NULL;) {
        struct reader *reader = *link;
        if (reader->binding != b) {
            link = &reader->next;
            continue;
        }
        *link = reader->next;
        account_refund(&reader->slip);
        free(reader);
    }
    serial_client_close(b);
    serve(); /* others may be in front now */
}

static errval_t connected(void *st, struct serial_binding *b)
{
    (void)st;
    errval_t err = serial_client_open(&service, b, sizeof(struct client));
    if (err_is_fail(err))
        return err;
    struct client *client = b->st;
    client->domain = client->service.account->domain;
    client->next = clients;
    clients = client;
    b->rx_vtbl.read_call = read_call;
    b->rx_vtbl.take_front_call = take_front_call;
    b->rx_vtbl.give_front_call = give_front_call;
    return SYS_ERR_OK;
}

static char service_name[] = "serial";

int main(void)
{
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, SERIAL_ERR_OVER_SHARE);
    connect_device();
    errval_t err = serial_export(service_name, nameservice_offer, connected, get_default_waitset(),
                                 IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting the console's input");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
