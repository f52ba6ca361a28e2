/* SPDX-License-Identifier: MIT
 *
 * travel: capabilities of all types cross to other cores.
 *
 *   travel server NAME [NAME]   keeps what it gets, tries what may be done with it, and passes
 *                               frames on to the second NAME
 *   travel tester NAME NAME     sends, lends, gives, takes back and revokes
 *
 * Each on a core of its own.  The tester prints "travel: all as expected", or which line was not.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/travel_defs.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition))                                                      \
            USER_PANIC("travel: line %d: not true: %s", __LINE__, #condition); \
    } while (0)
#define CHECK_OK(call)                                                         \
    do {                                                                       \
        errval_t check_err = (call);                                           \
        if (err_is_fail(check_err))                                            \
            USER_PANIC_ERR(check_err, "travel: line %d: %s", __LINE__, #call); \
    } while (0)
#define CHECK_ERR(call, code) CHECK(err_no(call) == (code))

#define BLOCK_BITS 16
#define BLOCK_BYTES ((gensize_t)1 << BLOCK_BITS)

enum task {
    MAKE, /* objects of what it keeps, which is RAM */
    USE,  /* what its owner's core alone may do with it; of RAM, makes a frame of its first page */
    COPY, /* copies it, and deletes the copy */
    LOOK, /* has it still what it keeps? */
    LOOK_AT, /* and the first of what was made of it? */
    PASS,    /* lends the first of what was made of it to the other server */
    DROP,    /* deletes all */
};

/* ---- binding ---- */

struct attempt {
    bool done;
    errval_t err;
    struct travel_binding *binding;
};

static void bound(void *st, errval_t err, struct travel_binding *b)
{
    *(struct attempt *)st = (struct attempt){ .done = true, .err = err, .binding = b };
}

static struct travel_binding *bind_to(const char *name)
{
    struct attempt attempt = { .done = false };
    iref_t iref;
    CHECK_OK(nameservice_blocking_lookup(name, &iref));
    CHECK_OK(travel_bind(iref, bound, &attempt, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT));
    while (!attempt.done)
        CHECK_OK(event_dispatch(get_default_waitset()));
    CHECK_OK(attempt.err);
    travel_rpc_client_init(attempt.binding);
    return attempt.binding;
}

/* ---- the server ---- */

#define MADE_MAX 5

static const char *other_name;
static struct capref held, made[MADE_MAX];
static unsigned made_count;

static void print(struct capref cap)
{
    char text[100];
    debug_print_cap_at_capref(text, sizeof(text), cap);
    printf("travel: core %u has got: %s\n", disp_get_core_id(), text);
}

static errval_t keep(struct travel_binding *b, struct capref cap, errval_t *err)
{
    (void)b;
    held = cap;
    made_count = 0; /* what there was has been revoked */
    print(cap);
    *err = SYS_ERR_OK;
    return SYS_ERR_OK;
}

static errval_t show(struct travel_binding *b, struct capref frame, struct capref table,
                     errval_t *err)
{
    (void)b;
    print(frame);
    print(table);
    CHECK_OK(cap_destroy(frame));
    held = table;
    *err = SYS_ERR_OK;
    return SYS_ERR_OK;
}

static errval_t take_back(struct travel_binding *b, errval_t *err, struct capref *only)
{
    (void)b;
    *only = held;
    *err = SYS_ERR_OK;
    return SYS_ERR_OK;
}

static errval_t make_one(gensize_t offset, enum objtype type, gensize_t bytes)
{
    CHECK_OK(slot_alloc(&made[made_count]));
    errval_t err = cap_retype(made[made_count], held, offset, type, bytes, 1);
    if (err_is_fail(err))
        return slot_free(made[made_count]) == SYS_ERR_OK ? err : LIB_ERR_SLOT_FREE;
    made_count++;
    return SYS_ERR_OK;
}

/* Two pages that are mapped, RAM, a CNode, a page table. */
static errval_t make(void)
{
    void *memory;
    made_count = 0;
    errval_t err = make_one(0, ObjType_Frame, 2 * BASE_PAGE_SIZE);
    if (err_is_fail(err))
        return err;
    CHECK_OK(vspace_map_one_frame(&memory, 2 * BASE_PAGE_SIZE, made[0], NULL, NULL));
    CHECK(*(volatile uint64_t *)memory == 0);
    *(volatile uint64_t *)memory = 42;
    CHECK_OK(make_one(2 * BASE_PAGE_SIZE, ObjType_RAM, BASE_PAGE_SIZE));
    CHECK_OK(make_one(4 * BASE_PAGE_SIZE, ObjType_L2CNode, OBJSIZE_L2CNODE));
    CHECK_OK(make_one(8 * BASE_PAGE_SIZE, ObjType_VNode_x86_64_ptable, OBJSIZE_VNODE));
    return cap_revoke(made[0]); /* nobody else has it, and it is ours */
}

static errval_t use_table(void)
{
    struct capref frame, mapping;
    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    CHECK_OK(slot_alloc(&mapping));
    const errval_t err = vnode_map(held, frame, 0, PTABLE_WRITE, 0, 1, mapping);
    CHECK_OK(slot_free(mapping));
    CHECK_OK(cap_destroy(frame));
    return err;
}

/* In a slot of the root it would be a part of this CSpace. */
static errval_t use_cnode(void)
{
    struct capref slot;
    CHECK_OK(slot_alloc_root(&slot));
    const errval_t err = cap_copy(slot, held);
    CHECK(err_is_fail(err));
    slot_free_root(slot);
    return err;
}

static errval_t use_dispatcher(void)
{
    struct capref endpoint;
    CHECK_OK(slot_alloc(&endpoint));
    const errval_t err = cap_retype(endpoint, held, 0, ObjType_EndPointLMP, 0, 1);
    CHECK_OK(slot_free(endpoint));
    return err;
}

static errval_t use_memory(void)
{
    void *memory;
    struct frame_identity id;
    CHECK_OK(cap_identify_mappable(held, &id));
    errval_t err = vspace_map_one_frame(&memory, id.bytes, held, NULL, NULL);
    if (err_is_ok(err))
        err = vspace_unmap(memory);
    return err;
}

static errval_t use(void)
{
    struct capability is;
    errval_t err = cap_direct_identify(held, &is);
    if (err_is_fail(err))
        return err;
    switch (is.type) {
    case ObjType_RAM:
        made_count = 0;
        return make_one(0, ObjType_Frame, BASE_PAGE_SIZE);
    case ObjType_VNode_x86_64_ptable:
        return use_table();
    case ObjType_L2CNode:
        return use_cnode();
    case ObjType_Dispatcher:
        return use_dispatcher();
    default:
        return use_memory();
    }
}

static errval_t copy(void)
{
    struct capref another;
    CHECK_OK(slot_alloc(&another));
    errval_t err = cap_copy(another, held);
    return err_is_ok(err) ? cap_destroy(another) : err;
}

static errval_t pass(void)
{
    errval_t result = SYS_ERR_OK;
    struct travel_binding *b = bind_to(other_name);
    errval_t err = b->rpc_tx_vtbl.lend(b, made[0], &result);
    return err_is_fail(err) ? err : result;
}

static errval_t drop(void)
{
    while (made_count > 0)
        CHECK_OK(cap_destroy(made[--made_count]));
    return cap_destroy(held);
}

static errval_t work(struct travel_binding *b, uint8_t task, errval_t *err)
{
    struct capability is;
    static errval_t (*const tasks[])(void) = {
        [MAKE] = make, [USE] = use, [COPY] = copy, [PASS] = pass, [DROP] = drop,
    };
    (void)b;
    if (task == LOOK || task == LOOK_AT)
        *err = cap_direct_identify(task == LOOK ? held : made[0], &is);
    else
        *err = tasks[task]();
    return SYS_ERR_OK;
}

static errval_t connected(void *st, struct travel_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.show_call = show;
    b->rpc_rx_vtbl.give_call = keep;
    b->rpc_rx_vtbl.lend_call = keep;
    b->rpc_rx_vtbl.take_back_call = take_back;
    b->rpc_rx_vtbl.work_call = work;
    return SYS_ERR_OK;
}

static int serve(char *name)
{
    CHECK_OK(travel_export(name, nameservice_offer, connected, get_default_waitset(),
                           IDC_EXPORT_FLAGS_DEFAULT));
    for (;;)
        CHECK_OK(event_dispatch(get_default_waitset()));
}

/* ---- the tester ---- */

static struct travel_binding *server, *third;

static errval_t does_at(struct travel_binding *b, enum task task)
{
    errval_t err = SYS_ERR_OK;
    CHECK_OK(b->rpc_tx_vtbl.work(b, (uint8_t)task, &err));
    return err;
}

static errval_t does(enum task task)
{
    return does_at(server, task);
}

static errval_t lend(struct capref cap)
{
    errval_t err = SYS_ERR_OK;
    errval_t sent = server->rpc_tx_vtbl.lend(server, cap, &err);
    return err_is_fail(sent) ? sent : err;
}

static void give(struct capref cap)
{
    errval_t err = SYS_ERR_OK;
    CHECK_OK(server->rpc_tx_vtbl.give(server, cap, &err));
    CHECK_OK(err);
    CHECK_OK(slot_free(cap)); /* it has left */
}

static struct capref object(enum objtype type, gensize_t bytes)
{
    struct capref cap;
    CHECK_OK(slot_alloc(&cap));
    CHECK_OK(cap_create(cap, type, bytes));
    return cap;
}

/* A frame and a page table in one message. */
static void show_two(void)
{
    errval_t err = SYS_ERR_OK;
    struct capref frame, table = object(ObjType_VNode_x86_64_ptable, OBJSIZE_VNODE);
    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    CHECK_OK(server->rpc_tx_vtbl.show(server, frame, table, &err));
    CHECK_OK(err);
    CHECK_OK(does(COPY));
    CHECK_ERR(does(USE), SYS_ERR_RETRY_THROUGH_MONITOR);
    CHECK_OK(cap_revoke(table));
    CHECK_ERR(does(LOOK), SYS_ERR_CAP_NOT_FOUND);
    CHECK_OK(cap_destroy(table));
    CHECK_OK(cap_destroy(frame));
    printf("travel: a frame and a page table in one message\n");
}

/* What other cores have of objects that the CPU driver reads is a name. */
static void lend_objects(void)
{
    static const struct {
        enum objtype type;
        gensize_t bytes;
        errval_t err; /* of using it there */
    } objects[] = {
        { ObjType_VNode_x86_64_ptable, OBJSIZE_VNODE, SYS_ERR_RETRY_THROUGH_MONITOR },
        { ObjType_L2CNode, OBJSIZE_L2CNODE, SYS_ERR_RETRY_THROUGH_MONITOR },
        { ObjType_Dispatcher, OBJSIZE_DISPATCHER, MON_ERR_WRONG_CAP_TYPE },
        { ObjType_RAM, BASE_PAGE_SIZE, SYS_ERR_OK },
        { ObjType_EndPointUMP, BASE_PAGE_SIZE, SYS_ERR_OK },
        { ObjType_Frame, BASE_PAGE_SIZE, SYS_ERR_OK },
    };
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        struct capref cap;
        if (objects[i].type == ObjType_RAM)
            CHECK_OK(ram_alloc(&cap, BASE_PAGE_BITS));
        else
            cap = object(objects[i].type, objects[i].bytes);
        CHECK_OK(lend(cap));
        CHECK_OK(does(COPY));
        CHECK_ERR(does(USE), objects[i].err);
        CHECK_OK(does(LOOK));
        CHECK_OK(cap_revoke(cap));
        CHECK_ERR(does(LOOK), SYS_ERR_CAP_NOT_FOUND);
        CHECK_OK(lend(cap));
        CHECK_OK(does(DROP));
        CHECK_OK(cap_destroy(cap));
    }
    struct capref endpoint = cap_selfep;
    CHECK_ERR(lend(endpoint), MON_ERR_WRONG_CAP_TYPE);
    printf("travel: objects of six types were lent\n");
}

/* Who has the last copy of RAM owns it; what it was made of does not go. */
static void give_ram(void)
{
    struct capref ram, part, frame, home = NULL_CAP;
    errval_t err = SYS_ERR_OK;
    CHECK_OK(ram_alloc(&ram, BLOCK_BITS + 1));
    CHECK_OK(slot_alloc(&part));
    CHECK_OK(slot_alloc(&frame));

    /* revoked, with all that was made of it, and what went on from there */
    CHECK_OK(cap_retype(part, ram, 0, ObjType_RAM, BLOCK_BYTES, 1));
    give(part);
    CHECK_OK(does(MAKE));
    CHECK_OK(does(PASS));
    CHECK_OK(does_at(third, LOOK));
    CHECK_ERR(cap_retype(frame, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1), SYS_ERR_REVOKE_FIRST);
    CHECK_OK(cap_retype(frame, ram, BLOCK_BYTES, ObjType_Frame, BASE_PAGE_SIZE, 1));
    CHECK_OK(cap_revoke(ram));
    CHECK_ERR(does(LOOK), SYS_ERR_CAP_NOT_FOUND);
    CHECK_ERR(does(LOOK_AT), SYS_ERR_CAP_NOT_FOUND);
    CHECK_ERR(does_at(third, LOOK), SYS_ERR_CAP_NOT_FOUND);
    printf("travel: RAM that was given away is revoked\n");

    /* deleted there: it may be used again here */
    CHECK_OK(slot_alloc(&part));
    CHECK_OK(cap_retype(part, ram, 0, ObjType_RAM, BLOCK_BYTES, 1));
    give(part);
    CHECK_OK(does(MAKE));
    CHECK_OK(does(DROP));
    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, BLOCK_BYTES, 1));
    CHECK_OK(cap_delete(frame));
    printf("travel: RAM that was deleted elsewhere is used again\n");

    /* given back: it is as if it had never gone */
    CHECK_OK(slot_alloc(&part));
    CHECK_OK(cap_retype(part, ram, 0, ObjType_RAM, BLOCK_BYTES, 1));
    give(part);
    CHECK_OK(server->rpc_tx_vtbl.take_back(server, &err, &home));
    CHECK_OK(err);
    CHECK_OK(cap_retype(frame, home, 0, ObjType_Frame, BLOCK_BYTES, 1));
    CHECK_OK(cap_revoke(home));
    CHECK_OK(cap_destroy(home));
    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, 2 * BLOCK_BYTES, 1));
    CHECK_OK(cap_destroy(frame));
    CHECK_OK(cap_destroy(ram));
    printf("travel: RAM came home\n");
}

/* RAM that three cores have: each makes something of it, and nobody of what another one uses. */
static void lend_ram(void)
{
    struct capref ram, frame;
    errval_t err = SYS_ERR_OK;
    CHECK_OK(ram_alloc(&ram, BLOCK_BITS));
    CHECK_OK(slot_alloc(&frame));
    CHECK_OK(lend(ram));
    CHECK_OK(third->rpc_tx_vtbl.lend(third, ram, &err));
    CHECK_OK(err);

    CHECK_OK(does(MAKE));
    CHECK_ERR(does_at(third, USE), SYS_ERR_REVOKE_FIRST);
    CHECK_ERR(cap_retype(frame, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1), SYS_ERR_REVOKE_FIRST);
    CHECK_OK(cap_retype(frame, ram, 3 * BASE_PAGE_SIZE, ObjType_Frame, BASE_PAGE_SIZE, 1));
    CHECK_OK(cap_delete(frame));
    CHECK_OK(does(PASS)); /* of what it has made, to the third */
    CHECK_OK(cap_revoke(ram));
    CHECK_ERR(does(LOOK), SYS_ERR_CAP_NOT_FOUND);
    CHECK_ERR(does(LOOK_AT), SYS_ERR_CAP_NOT_FOUND);
    CHECK_ERR(does_at(third, LOOK), SYS_ERR_CAP_NOT_FOUND);
    printf("travel: RAM that three cores had was revoked\n");

    /* what was deleted there another core may use */
    CHECK_OK(lend(ram));
    CHECK_OK(third->rpc_tx_vtbl.lend(third, ram, &err));
    CHECK_OK(err);
    CHECK_OK(does(USE));
    CHECK_ERR(does_at(third, USE), SYS_ERR_REVOKE_FIRST);
    CHECK_OK(does(DROP));
    CHECK_OK(does_at(third, USE));
    CHECK_ERR(cap_retype(frame, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1), SYS_ERR_REVOKE_FIRST);
    CHECK_OK(does_at(third, DROP));
    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, BLOCK_BYTES, 1));
    CHECK_OK(cap_destroy(frame));
    CHECK_OK(cap_destroy(ram));
    printf("travel: a page of lent RAM was used by one core after the other\n");
}

/* A child of the full size and its parent are two things on all cores: the second server has the
 * parent, the first the child. */
static void lend_generations(void)
{
    struct capref frame, child;
    errval_t err = SYS_ERR_OK;
    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    CHECK_OK(slot_alloc(&child));
    CHECK_OK(cap_retype(child, frame, 0, ObjType_Frame, BASE_PAGE_SIZE, 1));
    CHECK_OK(lend(child));
    CHECK_OK(third->rpc_tx_vtbl.lend(third, frame, &err));
    CHECK_OK(err);
    CHECK_OK(cap_revoke(child));
    CHECK_ERR(does(LOOK), SYS_ERR_CAP_NOT_FOUND);
    CHECK_OK(does_at(third, LOOK));
    CHECK_OK(lend(child));
    CHECK_OK(cap_revoke(frame));
    CHECK_ERR(does(LOOK), SYS_ERR_CAP_NOT_FOUND);
    CHECK_ERR(does_at(third, LOOK), SYS_ERR_CAP_NOT_FOUND);
    CHECK_OK(slot_free(child));
    CHECK_OK(cap_destroy(frame));
    printf("travel: a child was revoked, and its parent stayed\n");
}

int main(int argc, char *argv[])
{
    if (argc >= 3 && strcmp(argv[1], "server") == 0) {
        other_name = argc > 3 ? argv[3] : NULL;
        return serve(argv[2]);
    }
    if (argc != 4 || strcmp(argv[1], "tester") != 0)
        USER_PANIC("travel: server NAME [NAME], or tester NAME NAME");
    server = bind_to(argv[2]);
    third = bind_to(argv[3]);
    show_two();
    lend_objects();
    lend_generations();
    give_ram();
    lend_ram();
    printf("travel: all as expected\n");
    return EXIT_SUCCESS;
}
