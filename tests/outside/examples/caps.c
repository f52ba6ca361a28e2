/* Capabilities on their way: a frame that both ends map, a page table given away. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/xmplcaps_defs.h>
#include <stdio.h>
#include <string.h>

static struct capref given;

static void rx_got(struct xmplcaps_binding *b, uint64_t sum)
{
    struct capability c;

    assert(sum == 1 + 2 + 3);
    /* what was given away is gone */
    assert(err_is_fail(cap_direct_identify(given, &c)) || c.type == ObjType_Null);
    printf("ex_caps: client passed\n");
    exit(0);
}

static void second(void *arg)
{
    struct xmplcaps_binding *b = arg;
    struct capref vnode;

    errval_t err = slot_alloc(&vnode);
    assert(err_is_ok(err));
    err = vnode_create(vnode, ObjType_VNode_x86_64_ptable);
    assert(err_is_ok(err));
    given = vnode;
    err = xmplcaps_one__tx(b, NOP_CONT, 69, vnode);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "giving away");
}

static void bind_cb(void *st, errval_t err, struct xmplcaps_binding *b)
{
    struct capref frame, copy;
    size_t bytes;
    uint64_t *p;

    assert(err_is_ok(err));
    b->rx_vtbl.got = rx_got;
    err = frame_alloc(&frame, 4 * BASE_PAGE_SIZE, &bytes);
    assert(err_is_ok(err));
    err = slot_alloc(&copy);
    assert(err_is_ok(err));
    err = cap_copy(copy, frame);
    assert(err_is_ok(err));
    err = vspace_map_one_frame((void **)&p, bytes, copy, NULL, NULL);
    assert(err_is_ok(err));
    for (int i = 0; i < 3; i++)
        p[i * 512] = i + 1;
    err = xmplcaps_frame__tx(b, MKCONT(second, b), frame, bytes);
    assert(err_is_ok(err));
}

static uint64_t sum;

static void rx_frame(struct xmplcaps_binding *b, struct capref frame, uint64_t bytes)
{
    struct frame_identity id;
    uint64_t *p;
    errval_t err = frame_identify(frame, &id);

    assert(err_is_ok(err) && id.bytes >= bytes);
    err = vspace_map_one_frame((void **)&p, bytes, frame, NULL, NULL);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "mapping what came");
    sum = p[0] + p[512] + p[1024];
}

static void rx_one(struct xmplcaps_binding *b, uint32_t n, struct capref c)
{
    struct capability cap;
    char buf[256];

    assert(n == 69 && err_is_ok(cap_direct_identify(c, &cap)));
    assert(cap.type == ObjType_VNode_x86_64_ptable);
    debug_print_cap_at_capref(buf, sizeof(buf), c);
    printf("rx_caps %d [%s]\n", (int)n, buf);
    errval_t err = xmplcaps_got__tx(b, NOP_CONT, sum);
    assert(err_is_ok(err));
}

static void gone(struct xmplcaps_binding *b, errval_t err)
{
    printf("ex_caps: server passed\n");
    exit(sum == 6 ? 0 : 1);
}

static errval_t connect_cb(void *st, struct xmplcaps_binding *b)
{
    b->rx_vtbl.frame = rx_frame;
    b->rx_vtbl.one = rx_one;
    b->error_handler = gone;
    return SYS_ERR_OK;
}

static void export_cb(void *st, errval_t err, iref_t iref)
{
    assert(err_is_ok(err));
    err = nameservice_register("xmplcaps", iref);
    assert(err_is_ok(err));
}

int main(int argc, char *argv[])
{
    iref_t iref;
    errval_t err;

    if (argc > 1 && strcmp(argv[1], "client") == 0) {
        err = nameservice_blocking_lookup("xmplcaps", &iref);
        assert(err_is_ok(err));
        err = xmplcaps_bind(iref, bind_cb, NULL, get_default_waitset(),
                            IDC_BIND_FLAG_RPC_CAP_TRANSFER);
    } else {
        err = xmplcaps_export(NULL, export_cb, connect_cb, get_default_waitset(),
                              IDC_EXPORT_FLAGS_DEFAULT);
    }
    assert(err_is_ok(err));
    messages_handler_loop();
}
