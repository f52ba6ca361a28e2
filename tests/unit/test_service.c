/* SPDX-License-Identifier: MIT
 *
 * Clients of a service come and go, over bindings that are played here.
 */
/* link: guest/user/lib/services/service.c guest/user/lib/services/send_queue.c */
/* link: guest/user/lib/services/account.c */
#include <criterion/criterion.h>

#include <barrelfish/idc_export.h>
#include <services/service.h>

/* As the interface compiler makes one, with what the library looks at. */
struct played_binding {
    void *st;
    errval_t (*register_send)(struct played_binding *b, struct waitset *ws,
                              struct event_closure closure);
    errval_t (*control)(struct played_binding *b, idc_control_t control);
    void (*error_handler)(struct played_binding *b, errval_t err);
    struct event_closure owed; /* for a message that it has taken */
    unsigned torn_down;
};
SERVICE_CLIENTS(played, broken)

struct client {
    struct service_client service;
    int more;
};

static const struct account_kind kinds[] = { { "messages", 100, 1 } };
static struct service service = { .client = "somebody", .message_kind = 0 };
static struct idc_client connecting;
static unsigned dropped;

struct idc_client idc_connecting_client(void)
{
    return connecting;
}

struct waitset *get_default_waitset(void)
{
    return NULL;
}

static struct event_closure told; /* the event that waits */
static unsigned gone;

void waitset_chanstate_init(struct waitset_chanstate *chan, enum ws_chantype type)
{
    *chan = (struct waitset_chanstate){ .chantype = type };
}

errval_t waitset_chan_trigger_closure(struct waitset *ws, struct waitset_chanstate *chan,
                                      struct event_closure closure)
{
    (void)ws, (void)chan;
    told = closure;
    return SYS_ERR_OK;
}

void debug_printf(const char *fmt, ...)
{
    (void)fmt;
}

void debug_err(const char *file, const char *func, int line, errval_t err, const char *fmt, ...)
{
    (void)file, (void)func, (void)line, (void)err, (void)fmt;
}

static errval_t control(struct played_binding *b, idc_control_t what)
{
    cr_assert_eq(what, IDC_CONTROL_TEARDOWN);
    b->torn_down++;
    return SYS_ERR_OK;
}

static void broken(struct played_binding *b, errval_t err)
{
    cr_assert_eq(err, FLOUNDER_ERR_BINDING_CLOSED);
    gone++;
    played_client_close(b);
}

static errval_t send(struct send_queue *queue, struct send_item *item, struct event_closure cont)
{
    (void)item;
    ((struct played_binding *)queue->binding)->owed = cont;
    return SYS_ERR_OK;
}

static void done(struct send_item *item, errval_t err)
{
    (void)item;
    dropped += err_is_fail(err);
}

static void say(struct played_binding *b)
{
    struct service_client *client = b->st;
    struct send_item *item = malloc(sizeof(*item));
    *item = (struct send_item){ .send = send, .done = done, .payer = client->account };
    send_queue_add(&client->queue, item);
}

static void connect(struct played_binding *b, domainid_t domain, bool trusted)
{
    *b = (struct played_binding){ .control = control };
    connecting = (struct idc_client){ .domain = domain, .trusted = trusted };
    cr_assert_eq(played_client_open(&service, b, sizeof(struct client)), SYS_ERR_OK);
}

/* The binding breaks; the service hears of it later. */
static void end(struct played_binding *b)
{
    const unsigned before = gone;
    b->error_handler(b, FLOUNDER_ERR_BINDING_CLOSED);
    cr_assert_eq(gone, before);
    cr_assert_eq(b->torn_down, 0);
    told.handler(told.arg);
    cr_assert_eq(gone, before + 1);
}

static void init(void)
{
    account_book_init(&service.accounts, kinds, 1, MON_ERR_OVER_SHARE);
    dropped = 0;
}

TestSuite(service, .init = init);

Test(service, a_client_has_the_account_of_its_domain_and_the_monitors_word_for_it)
{
    struct played_binding a, b, c;
    connect(&a, 7, false);
    connect(&b, 7, false);
    connect(&c, 8, true);
    const struct client *first = a.st, *second = b.st, *third = c.st;
    cr_assert_eq(first->service.account, second->service.account);
    cr_assert_eq(first->service.account->domain, 7);
    cr_assert(!first->service.account->trusted && third->service.account->trusted);
    cr_assert_eq(first->more, 0);
    end(&a);
    end(&b);
    end(&c);
}

Test(service, nothing_is_left_of_one_that_has_gone)
{
    struct played_binding b;
    connect(&b, 7, false);
    say(&b);
    say(&b);
    cr_assert_eq(service.accounts.used[0], 2);
    const struct event_closure owed = b.owed;
    end(&b);
    cr_assert_eq(b.torn_down, 1);
    cr_assert_eq(service.accounts.used[0], 1, "what the binding has");
    owed.handler(owed.arg); /* the sanitizer says if the queue was freed before, or is not now */
    cr_assert_eq(dropped, 2);
    cr_assert_eq(service.accounts.used[0], 0);
    cr_assert_null(service.accounts.first);
}
