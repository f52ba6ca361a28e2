/* SPDX-License-Identifier: MIT
 *
 * Peers that die without a word: the monitor tells (barrelfish/connection.h), at every moment.
 * What the dead one has sent is still received; then everybody who waits is told, once.
 *
 * Part of tests/idl/semantics.c, which includes it.
 */

/* The LMP channel of a binding: over multihop that to the monitor. */
static struct lmp_chan *lmp_of(struct kitchen_binding *binding)
{
    return kind == FLOUNDER_LMP ? binding->flounder.channel
                                : &((struct multihop_chan *)binding->flounder.channel)->link.lmp;
}

static struct idc_connection *connection_of(struct kitchen_binding *binding)
{
    return kind == FLOUNDER_UMP ? &((struct ump_chan *)binding->flounder.channel)->connection
                                : &lmp_of(binding)->connection;
}

/* As a bind through the monitor would: a is connection 11 there, b is 12. */
static void connect_by_monitor(size_t lmp_words, size_t lines)
{
    connect(lmp_words, lines);
    idc_connection_open(connection_of(a), 11, flounder_receiving_chanstate(&a->flounder));
    idc_connection_open(connection_of(b), 12, flounder_receiving_chanstate(&b->flounder));
    host_closed_connections();
}

static void disconnect_by_monitor(void)
{
    disconnect();
    EXPECT(host_closed_connections() == 11 + 12);
    idc_connection_lost(11, false); /* too late: finds nothing */
    idc_connection_lost(12, false);
}

/* Two messages, for b to receive when it gets to it. */
static void a_says_last_words(void)
{
    b->error_handler = on_error;
    b->rx_vtbl.empty = rx_empty;
    b->rx_vtbl.text = rx_text;
    EXPECT(err_is_ok(kitchen_text__tx(a, NOP_CONT, 1, "last words")));
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
}

static void a_dead_peer_is_told_after_its_last_words(void)
{
    connect_by_monitor(80, 32);
    a_says_last_words();
    idc_connection_lost(12, false);
    settle();
    HAPPENED("text empty error-b ");
    EXPECT(err_no(last_error) == FLOUNDER_ERR_BINDING_CLOSED);
    idc_connection_lost(12, false);
    settle();
    HAPPENED("");
    EXPECT(err_no(kitchen_empty__tx(b, NOP_CONT)) == FLOUNDER_ERR_BINDING_CLOSED);
    disconnect_by_monitor();
}

static void a_dead_peer_is_told_while_idle(void)
{
    connect_by_monitor(80, 32);
    b->error_handler = on_error;
    settle();
    idc_connection_lost(12, false);
    settle();
    HAPPENED("error-b ");
    disconnect_by_monitor();
}

static void half_a_message_of_a_dead_peer_is_dropped(void)
{
    connect_by_monitor(24, 8);
    b->error_handler = on_error;
    b->rx_vtbl.text = rx_text;
    EXPECT(err_is_ok(kitchen_text__tx(a, NOP_CONT, 1, long_text())));
    connection_of(a)->lost = false;
    flounder_tx_done(&a->flounder, SYS_ERR_OK); /* a sends no more of it */
    if (kind != FLOUNDER_UMP)
        EXPECT(err_is_ok(lmp_chan_deregister_send(lmp_of(a))));
    else
        EXPECT(err_is_ok(ump_chan_deregister_send(a->flounder.channel)));
    idc_connection_lost(12, false);
    settle();
    HAPPENED("error-b ");
    disconnect_by_monitor();
}

static void blocked_senders_hear_of_a_dead_peer(void)
{
    connect_by_monitor(24, 8);
    a->error_handler = on_error;
    EXPECT(err_is_ok(kitchen_text__tx(a, noting("sent"), 1, long_text())));
    EXPECT(err_is_ok(a->register_send(a, &ws, noting("may-send"))));
    if (kind != FLOUNDER_UMP) /* b reads no more */
        EXPECT(err_is_ok(lmp_chan_deregister_recv(lmp_of(b))));
    else
        EXPECT(err_is_ok(ump_chan_deregister_recv(b->flounder.channel)));
    idc_connection_lost(11, false);
    settle();
    EXPECT(strstr(happened, "sent ") != NULL && strstr(happened, "may-send ") != NULL);
    EXPECT(strstr(happened, "error-a ") != NULL &&
           strlen(happened) == strlen("sent may-send error-a "));
    happened[0] = '\0';
    EXPECT(err_no(kitchen_empty__tx(a, NOP_CONT)) == FLOUNDER_ERR_BINDING_CLOSED);
    disconnect_by_monitor();
}

static void lose_a(void *arg)
{
    (void)arg;
    idc_connection_lost(11, false);
}

static void calls_end_when_the_peer_dies(void)
{
    struct waitset_chanstate chan;
    uint32_t sum = 5;
    connect_by_monitor(80, 32);
    a->error_handler = on_error;
    b->rx_vtbl.add_call = keep_call;
    kept = 0;
    kitchen_rpc_client_init(a);
    a->error_handler = on_error;
    waitset_chanstate_init(&chan, CHANTYPE_OTHER);
    waitset_chan_trigger_closure(&ws, &chan, MKCLOSURE(lose_a, NULL));
    EXPECT(err_no(a->rpc_tx_vtbl.add(a, 1, 2, &sum)) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(err_no(a->rpc_tx_vtbl.add(a, 1, 2, &sum)) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(sum == 5);
    settle();
    HAPPENED("error-a ");
    disconnect_by_monitor();
}

/* Taken out of the channel before the end, and handled after it: its call is no longer there. */
static void a_reply_whose_call_has_ended_is_no_second_error(void)
{
    connect_by_monitor(80, 32);
    a->error_handler = on_error;
    idc_connection_lost(11, false);
    settle();
    HAPPENED("error-a ");
    flounder_no_handler(&a->flounder, "kitchen.add_response");
    HAPPENED("");
    disconnect_by_monitor();
}

/* The default error handler closes the binding: nothing is left, and the monitor knows. */
static void a_binding_without_error_handler_ends_with_its_peer(void)
{
    connect_by_monitor(80, 32);
    idc_connection_lost(12, false);
    settle();
    b = NULL;
    a->error_handler = ignore_error;
    disconnect_by_monitor();
}
