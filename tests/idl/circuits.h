/* SPDX-License-Identifier: MIT
 *
 * What only multi-hop bindings have: a window, acknowledgements, messages in several payloads, and
 * frames that no honest monitor would carry.
 *
 * Part of tests/idl/semantics.c, which includes it.
 */

#define ROOMY 100000 /* words: LMP itself never holds anything up */

static unsigned counted;

static void rx_count(struct kitchen_binding *binding)
{
    (void)binding;
    counted++;
}

/* Sends until the binding says it is busy; how many it took. */
static unsigned send_all_it_takes(unsigned limit)
{
    unsigned sent = 0;
    while (sent < limit && err_is_ok(kitchen_empty__tx(a, NOP_CONT)))
        sent++;
    return sent;
}

static void a_circuit_takes_a_window_of_payloads_and_no_more(void)
{
    if (kind != FLOUNDER_MULTIHOP)
        return;
    connect(ROOMY, 0);
    b->rx_vtbl.empty = rx_count;
    counted = 0;
    /* the binding holds one more, which waits for the window */
    EXPECT(send_all_it_takes(1000) == MULTIHOP_WINDOW + 1);
    EXPECT(!a->can_send(a));
    settle();
    EXPECT(counted == MULTIHOP_WINDOW + 1);
    EXPECT(a->can_send(a));
    for (unsigned i = 0; i < 70000; i += 100) { /* the numbers wrap around */
        EXPECT(send_all_it_takes(MULTIHOP_WINDOW / 2) == MULTIHOP_WINDOW / 2);
        settle();
        EXPECT(send_all_it_takes(MULTIHOP_WINDOW / 2) == MULTIHOP_WINDOW / 2);
        settle();
    }
    EXPECT(counted == MULTIHOP_WINDOW + 1 + 70000);
    disconnect();
}

static void a_circuit_acknowledges_when_half_a_window_has_come(void)
{
    if (kind != FLOUNDER_MULTIHOP)
        return;
    connect(ROOMY, 0);
    struct multihop_chan *chan = a->flounder.channel;
    b->rx_vtbl.empty = rx_count;
    EXPECT(send_all_it_takes(MULTIHOP_WINDOW / 2) == MULTIHOP_WINDOW / 2);
    settle();
    EXPECT(chan->acked == 0);
    EXPECT(send_all_it_takes(1) == 1);
    settle();
    EXPECT(chan->acked == MULTIHOP_WINDOW / 2 + 1);
    /* a message the other way acknowledges, too */
    EXPECT(send_all_it_takes(1) == 1);
    settle();
    a->rx_vtbl.empty = rx_count;
    EXPECT(err_is_ok(kitchen_empty__tx(b, NOP_CONT)));
    settle();
    EXPECT(chan->acked == MULTIHOP_WINDOW / 2 + 2);
    disconnect();
}

static void rx_bytes(struct kitchen_binding *binding, const uint8_t *data, size_t length)
{
    (void)binding;
    EXPECT(length == 2048);
    for (size_t i = 0; i < length; i++)
        EXPECT(data[i] == (uint8_t)(i * 7));
    note("bytes");
}

static void messages_longer_than_a_payload_take_several(void)
{
    static uint8_t bytes[2048];
    if (kind != FLOUNDER_MULTIHOP)
        return;
    connect(24, 0);
    struct multihop_chan *chan = a->flounder.channel;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    b->rx_vtbl.bytes = rx_bytes;
    EXPECT(err_is_ok(kitchen_bytes__tx(a, noting("sent"), bytes, sizeof(bytes))));
    settle();
    HAPPENED("sent bytes ");
    EXPECT(chan->sent == 2);
    disconnect();
}

static void rx_no_caps(struct kitchen_binding *binding, uint32_t x, struct capref first,
                       struct capref second, struct capref third)
{
    (void)binding;
    EXPECT(x == 7 && capref_is_null(first) && capref_is_null(second) && capref_is_null(third));
    counted++;
}

/* NULL_CAP takes no parcel, whatever the monitors on the way are. */
static void capabilities_that_are_none_cross(void)
{
    connect(ROOMY, 32);
    b->rx_vtbl.caps = rx_no_caps;
    counted = 0;
    for (unsigned i = 1; i <= 3; i++) {
        EXPECT(err_is_ok(kitchen_caps__tx(a, NOP_CONT, 7, NULL_CAP, NULL_CAP, NULL_CAP)));
        EXPECT(host_parcels() == 0);
        settle();
        EXPECT(counted == i);
    }
    disconnect();
}

static void expect_strange(const uint64_t *words, size_t count, errval_t err)
{
    connect(ROOMY, 0);
    struct multihop_chan *chan = a->flounder.channel;
    b->error_handler = on_error;
    EXPECT(err_is_ok(lmp_chan_send(&chan->link.lmp, 0, NULL_CAP, count, (const uintptr_t *)words)));
    settle();
    HAPPENED("error-b ");
    EXPECT(last_error == err);
    disconnect();
}

static void strange_frames_break_only_the_binding(void)
{
    if (kind != FLOUNDER_MULTIHOP)
        return;
    const uint64_t one = 1 << 16;
    uint64_t words[LMP_MSG_WORDS] = { 0 };
    static const uint64_t headers[] = {
        0,                                   /* no kind */
        MULTIHOP_CLOSE + 1,                  /* an unknown one */
        MULTIHOP_DATA,                       /* a payload of nothing */
        MULTIHOP_DATA | UINT64_C(257) << 16, /* a payload that is too long */
        MULTIHOP_ACK | 1 << 16,              /* an acknowledgement with a payload */
        MULTIHOP_ACK | 1 << 8,               /* bits nobody uses */
        MULTIHOP_ACK | UINT64_C(1) << 63,
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        words[0] = headers[i];
        expect_strange(words, 2, FLOUNDER_ERR_RX_INVALID_LENGTH);
    }
    expect_strange(words, 0, FLOUNDER_ERR_RX_INVALID_LENGTH);
    words[0] = MULTIHOP_DATA | 3 * one;
    expect_strange(words, 3, FLOUNDER_ERR_RX_INVALID_LENGTH); /* a word is missing */
    expect_strange(words, 5, FLOUNDER_ERR_RX_INVALID_LENGTH); /* or too much */
    words[0] = MULTIHOP_ACK | UINT64_C(1) << 32;
    expect_strange(words, 1, FLOUNDER_ERR_INVALID_STATE); /* b has not sent anything */
    words[0] = MULTIHOP_CLOSE;
    expect_strange(words, 1, FLOUNDER_ERR_BINDING_CLOSED);

    /* a peer that ignores the window */
    connect(ROOMY, 0);
    struct multihop_chan *chan = a->flounder.channel;
    b->error_handler = on_error;
    b->rx_vtbl.empty = rx_count;
    words[0] = MULTIHOP_DATA | one;
    words[1] = kitchen_empty__msgnum;
    ((struct multihop_chan *)b->flounder.channel)->told -=
        MULTIHOP_WINDOW; /* as if all were on their way */
    EXPECT(err_is_ok(lmp_chan_send(&chan->link.lmp, 0, NULL_CAP, 2, (const uintptr_t *)words)));
    settle();
    HAPPENED("error-b ");
    EXPECT(last_error == FLOUNDER_ERR_INVALID_STATE);
    disconnect();
}
