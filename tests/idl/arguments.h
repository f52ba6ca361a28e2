/* SPDX-License-Identifier: MIT
 *
 * What arrives for arguments that are not there, and what is left of a message that is refused.
 * Part of semantics.c.
 */

static void rx_no_bytes(struct kitchen_binding *binding, const uint8_t *buf, size_t length)
{
    (void)binding;
    EXPECT(buf != NULL && length == 0);
    note("bytes");
}

static void a_null_array_arrives_as_no_elements(void)
{
    connect(80, 32);
    b->rx_vtbl.bytes = rx_no_bytes;
    EXPECT(err_is_ok(kitchen_bytes__tx(a, NOP_CONT, NULL, 0)));
    settle();
    HAPPENED("bytes ");
    disconnect();
}

static void a_refused_capability_takes_no_other_along(void)
{
    struct capref first, gift, stays;
    if (kind != FLOUNDER_UMP && kind != FLOUNDER_MULTIHOP)
        return;
    connect(80, 32);
    first = host_cap_make(1);
    gift = host_cap_make(2);
    stays = host_cap_make(HOST_CAP_STAYS);
    EXPECT(kitchen_caps__tx(a, noting("sent"), 7, first, gift, stays) == MON_ERR_WRONG_CAP_TYPE);
    EXPECT(host_cap_object(first) == 1 && host_cap_object(gift) == 2);
    EXPECT(host_parcels() == 0);
    EXPECT(a->can_send(a));
    b->rx_vtbl.empty = rx_empty;
    EXPECT(err_is_ok(kitchen_empty__tx(a, NOP_CONT)));
    settle();
    HAPPENED("empty ");
    cap_destroy(first);
    cap_destroy(gift);
    cap_destroy(stays);
    disconnect();
}

/* A server may answer a string with NULL, too. */
static void answer_with_null(struct kitchen_binding *binding, const char *s)
{
    (void)s;
    EXPECT(err_is_ok(kitchen_echo_response__tx(binding, NOP_CONT, NULL, 5)));
}

static void a_null_result_arrives_empty(void)
{
    static char t[2048];
    errval_t err = 0;
    connect(80, 32);
    memset(t, 1, sizeof(t));
    b->rx_vtbl.echo_call = answer_with_null;
    kitchen_rpc_client_init(a);
    EXPECT(err_is_ok(a->rpc_tx_vtbl.echo(a, "hello", t, &err)));
    EXPECT(t[0] == '\0' && t[2047] == '\0' && err == 5);
    settle();
    disconnect();
}
