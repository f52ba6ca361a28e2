/* SPDX-License-Identifier: MIT
 *
 * Connections over a frame or an endpoint capability, made by a handshake of the two sides; and
 * what happens to a stranger who does not know it.
 *
 * Part of tests/idl/semantics.c, which includes it.
 */

static void bound_to(void *st, errval_t err, struct kitchen_binding *binding)
{
    struct kitchen_binding **side = st;
    note(err_is_ok(err) ? "bound" : "refused");
    *side = binding;
}

static void frames_connect_by_a_handshake(void)
{
    struct kitchen_frameinfo frame = {
        .inbuf = ring[0], .inbufsize = 2048, .outbuf = ring[1], .outbufsize = 2048
    };
    struct kitchen_frameinfo other = frame;
    if (kind != FLOUNDER_UMP)
        return;
    other.inbuf = ring[1];
    other.outbuf = ring[0];
    memset(ring, 0, sizeof(ring));
    waitset_init(&ws);
    EXPECT(err_is_ok(kitchen_accept(&other, &b, bound_to, &ws, IDC_EXPORT_FLAGS_DEFAULT)));
    EXPECT(err_is_ok(kitchen_connect(&frame, bound_to, &a, &ws, IDC_BIND_FLAGS_DEFAULT)));
    settle();
    HAPPENED("bound bound ");
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("empty ");
    disconnect();
}

static void endpoints_connect_by_a_handshake(void)
{
    struct kitchen_rx_vtbl vtbl = { .empty = rx_empty };
    struct capref slot, copy;
    if (kind != FLOUNDER_LMP)
        return;
    waitset_init(&ws);
    slot_alloc(&slot);
    EXPECT(err_is_ok(kitchen_create_endpoint(IDC_ENDPOINT_LMP, &vtbl, &b, &ws,
                                             IDC_ENDPOINT_FLAGS_DEFAULT, &b, slot)));
    EXPECT(b->st == &b);
    slot_alloc(&copy);
    EXPECT(err_is_ok(cap_copy(copy, slot)));
    EXPECT(err_is_ok(kitchen_bind_to_endpoint(copy, bound_to, &a, &ws, IDC_BIND_FLAGS_DEFAULT)));
    settle();
    HAPPENED("bound ");
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("empty ");
    cap_destroy(slot);
    disconnect();
}

static void strangers_are_refused(void)
{
    struct kitchen_frameinfo frame = {
        .inbuf = ring[0], .inbufsize = 2048, .outbuf = ring[1], .outbufsize = 2048
    };
    if (kind != FLOUNDER_UMP)
        return;
    struct ump_chan stranger = { 0 };
    struct ump_control control;
    memset(ring, 0, sizeof(ring));
    waitset_init(&ws);
    EXPECT(err_is_ok(kitchen_accept(&frame, &b, bound_to, &ws, IDC_EXPORT_FLAGS_DEFAULT)));
    EXPECT(err_is_ok(ump_chan_init(&stranger, ring[1], 2048, ring[0], 2048)));
    volatile struct ump_message *line = ump_chan_get_next(&stranger, &control);
    line->data[0] = 1; /* not the magic number */
    ump_chan_commit(&stranger, line, control, 1);
    settle();
    HAPPENED("refused ");
    EXPECT(b == NULL);
    disconnect();
}
