/* SPDX-License-Identifier: MIT
 *
 * How connections end, scene by scene: nonsense from the peer, transport errors, teardown by either
 * side at every moment.  Everybody who waits must be told once, owed continuations must run, and
 * the memory must go (the leak check watches).
 *
 * Part of tests/idl/semantics.c, which includes it.
 */

/* ---- peers that are broken or gone ---- */

/* Puts raw words into a channel, as no stub would. */
static void send_raw(struct kitchen_binding *from, unsigned number, const uint64_t *words,
                     unsigned count)
{
    if (kind == FLOUNDER_LMP) {
        EXPECT(err_is_ok(
            lmp_chan_send(from->flounder.channel, 0, NULL_CAP, count, (const uintptr_t *)words)));
        return;
    }
    if (kind == FLOUNDER_MULTIHOP) {
        struct multihop_link *link = &((struct multihop_chan *)from->flounder.channel)->link;
        multihop_link_send(link,
                           (struct multihop_frame){ MULTIHOP_DATA, 0, (uint16_t)count, words });
        EXPECT(err_is_ok(multihop_link_push(link, LMP_SEND_FLAGS_DEFAULT)));
        return;
    }
    struct ump_control control;
    volatile struct ump_message *line = ump_chan_get_next(from->flounder.channel, &control);
    EXPECT(line != NULL);
    for (unsigned i = 0; i < count && i < 7; i++)
        line->data[i] = words[i];
    ump_chan_commit(from->flounder.channel, line, control, number);
}

static void expect_break(unsigned number, const uint64_t *words, unsigned count, errval_t err)
{
    connect(80, 32);
    b->error_handler = on_error;
    b->rx_vtbl.empty = rx_empty;
    send_raw(a, number, words, count);
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("error-b "); /* once; and the message behind it is not believed */
    EXPECT(last_error == err);
    EXPECT(kitchen_empty__tx(b, NOP_CONT) == err);
    disconnect();
}

static void nonsense_from_the_peer_breaks_the_binding(void)
{
    uint64_t words[10] = { 0x1234 };
    expect_break(0x1234, words, 1, FLOUNDER_ERR_RX_INVALID_MSGNUM);
    words[0] = 2;
    expect_break(2, words, 1, FLOUNDER_ERR_RX_INVALID_MSGNUM);
    if (kind != FLOUNDER_UMP) {
        words[0] = kitchen_seven__msgnum; /* eight words are due */
        expect_break(0, words, 3, FLOUNDER_ERR_RX_INVALID_LENGTH);
    }
    if (kind == FLOUNDER_LMP)
        expect_break(0, words, 0, FLOUNDER_ERR_RX_EMPTY_MSG);
    if (kind == FLOUNDER_UMP) {
        words[0] = 100000; /* length of an array of at most 2048 */
        expect_break(kitchen_bytes__msgnum, words, 7, FLOUNDER_ERR_RX_INVALID_LENGTH);
        words[0] = 2000; /* the second line is of another message */
        expect_break(kitchen_bytes__msgnum, words, 7, FLOUNDER_ERR_INVALID_STATE);
    }
}

static void teardown_tells_the_peer(void)
{
    connect(80, 32);
    b->error_handler = on_error;
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, noting("sent"))));
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    a = NULL;
    settle();
    EXPECT(strstr(happened, "sent ") != NULL && strstr(happened, "empty error-b ") != NULL);
    happened[0] = '\0';
    EXPECT(last_error == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(kitchen_empty__tx(b, NOP_CONT) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(b->register_send(b, &ws, noting("never")) == FLOUNDER_ERR_BINDING_CLOSED);
    disconnect();
}

static void a_peer_without_error_handler_closes_too(void)
{
    connect(80, 32);
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    settle();
    a = b = NULL; /* both freed: the leak check watches */
    disconnect();
}

static void teardown_in_the_middle_of_a_message(void)
{
    connect(24, 8);
    b->error_handler = on_error;
    EXPECT(err_is_ok(kitchen_text__tx(a, noting("sent"), 1, long_text())));
    EXPECT(err_is_ok(a->register_send(a, &ws, noting("may-send"))));
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    a = NULL;
    settle();
    EXPECT(strstr(happened, "sent may-send ") != NULL);
    if (kind != FLOUNDER_LMP)
        EXPECT(strstr(happened, "error-b ") != NULL);
    happened[0] = '\0';
    disconnect();
}

static void rx_empty_tears_down(struct kitchen_binding *binding)
{
    EXPECT(err_is_ok(binding->control(binding, IDC_CONTROL_TEARDOWN)));
    b = NULL;
    note("torn");
}

static void handlers_may_tear_down(void)
{
    connect(80, 32);
    a->error_handler = on_error;
    b->rx_vtbl.empty = rx_empty_tears_down;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED(kind == FLOUNDER_LOCAL ? "error-a torn " : "torn error-a ");
    disconnect();
}

static void add_tears_down(struct kitchen_binding *binding, uint32_t x, uint32_t y)
{
    (void)x, (void)y;
    rx_empty_tears_down(binding);
}

static void calls_end_when_the_peer_goes(void)
{
    uint32_t sum = 5;
    connect(80, 32);
    b->rx_vtbl.add_call = add_tears_down;
    kitchen_rpc_client_init(a);
    EXPECT(a->rpc_tx_vtbl.add(a, 1, 2, &sum) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(sum == 5);
    EXPECT(a->rpc_tx_vtbl.add(a, 1, 2, &sum) == FLOUNDER_ERR_BINDING_CLOSED);
    HAPPENED("torn ");
    host_debug_output();
    disconnect();
}

static void teardown_a(void *arg)
{
    (void)arg;
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    a = NULL;
}

static void calls_end_when_this_side_goes(void)
{
    struct waitset_chanstate chan;
    connect(80, 32);
    b->error_handler = on_error;
    b->rx_vtbl.add_call = keep_call;
    kept = 0;
    kitchen_rpc_client_init(a);
    waitset_chanstate_init(&chan, CHANTYPE_OTHER);
    waitset_chan_trigger_closure(&ws, &chan, MKCLOSURE(teardown_a, NULL));
    EXPECT(a->rpc_tx_vtbl.add(a, 1, 2, NULL) == FLOUNDER_ERR_BINDING_CLOSED);
    settle();
    HAPPENED("error-b ");
    disconnect();
}

static void a_dead_endpoint_is_an_error(void)
{
    if (kind != FLOUNDER_LMP)
        return;
    connect(80, 32);
    a->error_handler = on_error;
    host_lmp_break(a->flounder.channel);
    EXPECT(err_is_ok(kitchen_empty__tx(a, noting("sent"))));
    settle();
    HAPPENED("error-a sent ");
    EXPECT(last_error == err_push(SYS_ERR_LMP_NO_TARGET, FLOUNDER_ERR_BINDING_CLOSED));
    EXPECT(kitchen_empty__tx(a, NOP_CONT) == last_error);
    disconnect();
}

/* A domain tells how it ended, and stops, while its monitor is sending to it. */
static void last_words_count_though_a_send_crosses_them(void)
{
    if (kind != FLOUNDER_LMP)
        return;
    connect(80, 32);
    a_says_last_words();
    host_lmp_break(a->flounder.channel);
    EXPECT(err_is_ok(kitchen_empty__tx(b, noting("sent"))));
    EXPECT(err_no(kitchen_empty__tx(b, NOP_CONT)) == FLOUNDER_ERR_TX_BUSY);
    settle();
    HAPPENED("text empty error-b sent ");
    EXPECT(last_error == err_push(LIB_ERR_CHAN_PEER_GONE, FLOUNDER_ERR_BINDING_CLOSED));
    EXPECT(kitchen_empty__tx(b, NOP_CONT) == last_error);
    disconnect();
}

/* ---- what keeps a binding alive ---- */

/* Another thread closes the binding when this one has its place in the channel. */
static void a_message_being_filled_outlives_teardown(void)
{
    if (kind != FLOUNDER_LMP && kind != FLOUNDER_UMP)
        return;
    connect(80, 32);
    b->error_handler = on_error;
    b->rx_vtbl.empty = rx_empty;
    struct flounder_binding *c = &a->flounder;
    const struct flounder_message_plan *plan =
        &c->plan[kitchen_empty__msgnum - FLOUNDER_FIRST_MESSAGE];
    struct flounder_line line = { .line = NULL };
    uint64_t *words = NULL;
    if (kind == FLOUNDER_UMP)
        EXPECT(flounder_ump_reserve(c, plan->number, NOP_CONT, &line) != NULL);
    else
        EXPECT((words = flounder_lmp_reserve(c, plan->number, NOP_CONT)) != NULL);
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    EXPECT(kitchen_empty__tx(a, NOP_CONT) == FLOUNDER_ERR_BINDING_CLOSED);
    if (kind == FLOUNDER_UMP) {
        EXPECT(err_is_ok(flounder_ump_submit(c, plan, NOP_CONT, &line)));
    } else {
        words[0] = plan->number;
        EXPECT(err_is_ok(flounder_lmp_submit(c, plan, NOP_CONT, NULL_CAP)));
    }
    a = NULL; /* that was the last pin */
    settle();
    HAPPENED("empty error-b ");
    disconnect();
}

/* Another thread closes the binding when this one has taken its event. */
static void an_event_that_was_taken_outlives_teardown(void)
{
    struct event_closure event;
    if (kind == FLOUNDER_LOCAL)
        return;
    connect(80, 32);
    a->error_handler = on_error;
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    EXPECT(err_is_ok(get_next_event(&ws, &event)));
    EXPECT(event.arg == &b->flounder);
    EXPECT(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
    b = NULL;
    while (err_is_ok(check_for_event(&ws))) /* whatever teardown left to be done */
        EXPECT(err_is_ok(event_dispatch(&ws)));
    event.handler(event.arg); /* delivers nothing; closes the channel */
    settle();
    HAPPENED("error-a ");
    disconnect();
}

static void a_client_that_does_wrong_is_closed_alone(void)
{
    connect(80, 32);
    a->error_handler = on_error;
    b->flounder.accepted = true;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT))); /* b has no handler for it */
    settle();
    b = NULL;
    HAPPENED("error-a ");
    host_debug_output();
    disconnect();
}

static void what_the_library_closed_stays_until_teardown(void)
{
    connect(80, 32);
    a->flounder.bound = true;
    kitchen_rpc_client_init(a);
    EXPECT(err_is_ok(b->control(b, IDC_CONTROL_TEARDOWN)));
    b = NULL;
    settle();
    EXPECT(kitchen_empty__tx(a, NOP_CONT) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(a->rpc_tx_vtbl.add(a, 1, 2, NULL) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(a->register_send(a, &ws, noting("never")) == FLOUNDER_ERR_BINDING_CLOSED);
    EXPECT(err_is_ok(a->change_waitset(a, &ws)));
    EXPECT(err_is_ok(a->control(a, IDC_CONTROL_TEARDOWN)));
    a = NULL;
    disconnect();
}

static void calls_on_top_of_calls_are_counted(void)
{
    connect(80, 32);
    kitchen_rpc_client_init(a);
    for (unsigned i = 0; i < THREAD_CALLS_MAX; i++)
        EXPECT(thread_begin_call());
    EXPECT(a->rpc_tx_vtbl.add(a, 1, 2, NULL) == FLOUNDER_ERR_RPC_NESTED);
    for (unsigned i = 0; i < THREAD_CALLS_MAX; i++)
        thread_end_call();
    disconnect();
}
