/* SPDX-License-Identifier: MIT
 *
 * The API of a generated interface as the field describes it (facts §1.3): every type, structure,
 * function, constant, and the order of a binding's members.  Written from the description alone;
 * compiles, as C11 and C17, only if the generated code agrees.  Compiled by
 * tests/unit/test_idl_stubs.c together with the stubs of kitchen.if.
 */
#include <stddef.h>

#include <barrelfish/nameservice_client.h>
#include <if/if_types.h>
#include <if/kitchen_defs.h>
#include <if/kitchen_lmp_defs.h>
#include <if/kitchen_multihop_defs.h>
#include <if/kitchen_ump_defs.h>

/* ---- numbers ---- */

_Static_assert(kitchen___dummy__msgnum == 0, "");
_Static_assert(kitchen___bind__msgnum == 1, "");
_Static_assert(kitchen___bind_reply__msgnum == 2, "");
_Static_assert(kitchen_empty__msgnum == 3, "");
_Static_assert(kitchen_nothing_call__msgnum + 1 == kitchen_nothing_response__msgnum, "");
_Static_assert(kitchen__text_s_MAX_ARGUMENT_SIZE == 2048, "");
_Static_assert(kitchen__bytes_buf_MAX_ARGUMENT_SIZE == 2048, "");
_Static_assert(kitchen__MAX_MESSAGE_SIZE >= 2048, "");
_Static_assert(kitchen_red == 0 && kitchen_blue == 2, "");
_Static_assert(IF_TYPE_KITCHEN >= 0, "");
_Static_assert(IDC_EXPORT_FLAGS_DEFAULT == 0 && IDC_EXPORT_FLAG_NO_NOTIFY != 0, "");
_Static_assert(IDC_BIND_FLAGS_DEFAULT == 0 && IDC_BIND_FLAG_RPC_CAP_TRANSFER == 1 &&
                   IDC_BIND_FLAG_NO_NOTIFY == 2 && IDC_BIND_FLAG_MULTIHOP == 4,
               "");

/* ---- members of a binding, in order ---- */

#define BEFORE(a, b)                                                                          \
    _Static_assert(offsetof(struct kitchen_binding, a) < offsetof(struct kitchen_binding, b), \
                   #a " before " #b)
_Static_assert(offsetof(struct kitchen_binding, st) == 0, "");
BEFORE(st, waitset);
BEFORE(waitset, mutex);
BEFORE(mutex, can_send);
BEFORE(can_send, register_send);
BEFORE(register_send, change_waitset);
BEFORE(change_waitset, control);
BEFORE(control, error_handler);
BEFORE(error_handler, receive_next);
BEFORE(receive_next, get_receiving_chanstate);
BEFORE(get_receiving_chanstate, tx_vtbl);
BEFORE(tx_vtbl, rx_vtbl);
BEFORE(rx_vtbl, message_rx_vtbl);
BEFORE(message_rx_vtbl, rpc_rx_vtbl);
BEFORE(rpc_rx_vtbl, rpc_tx_vtbl);
BEFORE(rpc_tx_vtbl, incoming_token);
BEFORE(incoming_token, outgoing_token);
_Static_assert(offsetof(struct kitchen_lmp_binding, b) == 0, "");
_Static_assert(offsetof(struct kitchen_multihop_binding, b) == 0, "");
_Static_assert(offsetof(struct kitchen_ump_binding, b) == 0, "");

/* ---- types of functions ---- */

#define SAME(type, ...) _Static_assert(_Generic((type *)0, __VA_ARGS__ : 1, default : 0), #type)

SAME(kitchen_bind_continuation_fn, void (*)(void *, errval_t, struct kitchen_binding *));
SAME(kitchen_connect_fn, errval_t (*)(void *, struct kitchen_binding *));
SAME(kitchen_can_send_fn, bool (*)(struct kitchen_binding *));
SAME(kitchen_register_send_fn,
     errval_t (*)(struct kitchen_binding *, struct waitset *, struct event_closure));
SAME(kitchen_change_waitset_fn, errval_t (*)(struct kitchen_binding *, struct waitset *));
SAME(kitchen_control_fn, errval_t (*)(struct kitchen_binding *, idc_control_t));
SAME(kitchen_error_handler_fn, void (*)(struct kitchen_binding *, errval_t));
SAME(kitchen_receive_next_fn, errval_t (*)(struct kitchen_binding *));
SAME(kitchen_get_receiving_chanstate_fn, struct waitset_chanstate *(*)(struct kitchen_binding *));
SAME(idc_export_callback_fn, void (*)(void *, errval_t, iref_t));
SAME(kitchen_scalars__rx_method_fn,
     void (*)(struct kitchen_binding *, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t,
              int32_t, int64_t, int32_t, uintptr_t, intptr_t, size_t, bool, char, iref_t,
              errval_t));
SAME(kitchen_text__tx_method_fn,
     errval_t (*)(struct kitchen_binding *, struct event_closure, uint32_t, const char *));
SAME(kitchen_text__rx_method_fn, void (*)(struct kitchen_binding *, uint32_t, const char *));
SAME(kitchen_bytes__tx_method_fn,
     errval_t (*)(struct kitchen_binding *, struct event_closure, const uint8_t *, size_t));
SAME(kitchen_names__rx_method_fn,
     void (*)(struct kitchen_binding *, const char *, size_t, const uint8_t *, size_t));
SAME(kitchen_caps__tx_method_fn,
     errval_t (*)(struct kitchen_binding *, struct event_closure, uint32_t, struct capref,
                  struct capref, struct capref));
SAME(kitchen_echo_call__tx_method_fn,
     errval_t (*)(struct kitchen_binding *, struct event_closure, const char *));
SAME(kitchen_echo_response__rx_method_fn,
     void (*)(struct kitchen_binding *, const char *, errval_t));
SAME(kitchen_echo__rpc_tx_method_fn,
     errval_t (*)(struct kitchen_binding *, const char *, char *, errval_t *));
SAME(kitchen_echo__rpc_rx_method_fn,
     errval_t (*)(struct kitchen_binding *, const char *, char *, errval_t *));
SAME(kitchen_give__rpc_tx_method_fn,
     errval_t (*)(struct kitchen_binding *, uint8_t, errval_t *, struct capref *, struct capref *));
SAME(kitchen_mixed__rpc_tx_method_fn,
     errval_t (*)(struct kitchen_binding *, kitchen_point_t *, kitchen_matrix_t, uint8_t *,
                  size_t *, kitchen_colour_t, kitchen_row_t *, bool *));

/* ---- functions ---- */

static errval_t (*const export_fn)(void *st, idc_export_callback_fn *export_cb,
                                   kitchen_connect_fn *connect_cb, struct waitset *ws,
                                   idc_export_flags_t flags) = kitchen_export;
static errval_t (*const bind_fn)(iref_t iref, kitchen_bind_continuation_fn *cont, void *st,
                                 struct waitset *ws, idc_bind_flags_t flags) = kitchen_bind;
static errval_t (*const accept_fn)(struct kitchen_frameinfo *, void *st,
                                   kitchen_bind_continuation_fn *, struct waitset *,
                                   idc_export_flags_t) = kitchen_accept;
static errval_t (*const connect_fn)(struct kitchen_frameinfo *, kitchen_bind_continuation_fn *,
                                    void *st, struct waitset *, idc_bind_flags_t) = kitchen_connect;
static errval_t (*const create_endpoint_fn)(idc_endpoint_t, struct kitchen_rx_vtbl *, void *st,
                                            struct waitset *, idc_endpoint_flags_t,
                                            struct kitchen_binding **,
                                            struct capref) = kitchen_create_endpoint;
static errval_t (*const bind_to_endpoint_fn)(struct capref, kitchen_bind_continuation_fn *,
                                             void *st, struct waitset *,
                                             idc_bind_flags_t) = kitchen_bind_to_endpoint;
static void (*const rpc_client_init_fn)(struct kitchen_binding *b) = kitchen_rpc_client_init;

/* ---- structures ---- */

int main(void);
int main(void)
{
    struct kitchen_frameinfo info = { 0x1000, NULL, 0, NULL, 0 }; /* all its members */
    info.sendbase = 0;
    info.inbuf = info.outbuf;
    info.inbufsize = info.outbufsize;

    struct kitchen_text__tx_args tx_args = { .a = 1, .s = "s" };
    struct kitchen_bytes__rx_args rx_args = { .buf = NULL, .length = 0 };
    union kitchen_tx_arg_union tx_union = { .text = tx_args };
    union kitchen_rx_arg_union rx_union = { .bytes = rx_args };
    struct _kitchen_point__struct point = { .c = kitchen_green };
    kitchen_point_t *same = &point;

    static struct kitchen_binding binding;
    struct kitchen_tx_vtbl tx_vtbl = { .empty = NULL };
    struct kitchen_rx_vtbl rx_vtbl = { .echo_call = NULL, .echo_response = NULL };
    struct kitchen_rpc_tx_vtbl rpc_tx_vtbl = { .echo = NULL };
    struct kitchen_rpc_rx_vtbl rpc_rx_vtbl = { .echo_call = NULL };
    binding.tx_vtbl = tx_vtbl;
    binding.rx_vtbl = rx_vtbl;
    binding.message_rx_vtbl = rx_vtbl;
    binding.rpc_rx_vtbl = rpc_rx_vtbl;
    binding.rpc_tx_vtbl = rpc_tx_vtbl;
    binding.st = same;
    struct event_mutex *mutex = &binding.mutex;
    enum kitchen_msg_enum number = kitchen_text__msgnum;
    idc_control_t controls[] = { IDC_CONTROL_TEARDOWN, IDC_CONTROL_SET_SYNC,
                                 IDC_CONTROL_CLEAR_SYNC };

    /* the inline functions: named, not called */
    errval_t (*send)(struct kitchen_binding *, struct event_closure, uint32_t, const char *) =
        kitchen_text__tx;
    errval_t (*call)(struct kitchen_binding *, struct event_closure, const char *) =
        kitchen_echo_call__tx;
    errval_t (*respond)(struct kitchen_binding *, struct event_closure, const char *, errval_t) =
        kitchen_echo_response__tx;
    return export_fn == NULL || bind_fn == NULL || accept_fn == NULL || connect_fn == NULL ||
           create_endpoint_fn == NULL || bind_to_endpoint_fn == NULL ||
           rpc_client_init_fn == NULL || send == NULL || call == NULL || respond == NULL ||
           tx_union.text.a != 1 || rx_union.bytes.length != 0 || mutex == NULL || number == 0 ||
           controls[0] == controls[1];
}
