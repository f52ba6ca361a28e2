/* SPDX-License-Identifier: MIT
 *
 * sharing: memory that several cores have, and that one of them takes back.
 *
 *   sharing server NAME          takes frames, maps them, copies them, passes them on
 *   sharing tester NAME NAME     the owner: shows frames to the first, which shows them to the
 *                                second, and revokes, retypes and deletes meanwhile
 *
 * All three on cores of their own.  The tester prints "sharing: all as expected", or which line was
 * not.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/except.h>
#include <barrelfish/nameservice_client.h>
#include <if/sharing_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition))                                                       \
            USER_PANIC("sharing: line %d: not true: %s", __LINE__, #condition); \
    } while (0)
#define CHECK_OK(call)                                                          \
    do {                                                                        \
        errval_t check_err = (call);                                            \
        if (err_is_fail(check_err))                                             \
            USER_PANIC_ERR(check_err, "sharing: line %d: %s", __LINE__, #call); \
    } while (0)

/* ---- binding ---- */

struct attempt {
    bool done;
    errval_t err;
    struct sharing_binding *binding;
};

static void bound(void *st, errval_t err, struct sharing_binding *b)
{
    *(struct attempt *)st = (struct attempt){ .done = true, .err = err, .binding = b };
}

static struct sharing_binding *bind_to(const char *name)
{
    struct attempt attempt = { .done = false };
    iref_t iref;
    CHECK_OK(nameservice_blocking_lookup(name, &iref));
    CHECK_OK(sharing_bind(iref, bound, &attempt, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT));
    while (!attempt.done)
        CHECK_OK(event_dispatch(get_default_waitset()));
    CHECK_OK(attempt.err);
    sharing_rpc_client_init(attempt.binding);
    return attempt.binding;
}

/* ---- the server ---- */

#define COPIES_MAX 1000

static struct capref held, copies[COPIES_MAX];
static unsigned copy_count;
static volatile uint64_t *mapped;
static volatile bool faulted;
volatile uint64_t sharing_resume_at; /* used by assembler text */

static void skip_fault(enum exception_type type, int subtype, void *address,
                       arch_registers_state_t *registers)
{
    (void)subtype, (void)address;
    CHECK(type == EXCEPT_PAGEFAULT);
    faulted = true;
    registers->rip = sharing_resume_at;
}

/* Its first word, unless that is not there any more. */
static bool try_to_read(uint64_t *value)
{
    uint64_t word = 0;
    faulted = false;
    __asm__ volatile("leaq 9f(%%rip), %%rax\n\t"
                     "movq %%rax, sharing_resume_at(%%rip)\n\t"
                     "movq (%1), %0\n"
                     "9:"
                     : "+r"(word)
                     : "r"(mapped)
                     : "rax", "memory");
    *value = word;
    return !faulted;
}

static errval_t take(struct sharing_binding *b, struct capref frame, errval_t *err)
{
    void *memory;
    (void)b;
    held = frame;
    while (copy_count > 0) /* of an earlier one, that was revoked */
        CHECK_OK(slot_free(copies[--copy_count]));
    *err = vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL);
    if (err_is_fail(*err))
        return SYS_ERR_OK;
    mapped = memory;
    ++*mapped;
    return SYS_ERR_OK;
}

static errval_t pass_on(struct sharing_binding *b, const char *name, errval_t *err)
{
    (void)b;
    struct sharing_binding *other = bind_to(name);
    errval_t result = SYS_ERR_OK;
    *err = other->rpc_tx_vtbl.take(other, held, &result);
    if (err_is_ok(*err))
        *err = result;
    return SYS_ERR_OK;
}

static errval_t look(struct sharing_binding *b, bool *has, bool *reads, uint64_t *value)
{
    struct capability is;
    (void)b;
    *value = 0;
    *has = err_is_ok(cap_direct_identify(held, &is));
    for (unsigned i = 0; i < copy_count; i++)
        *has |= err_is_ok(cap_direct_identify(copies[i], &is));
    *reads = try_to_read(value);
    return SYS_ERR_OK;
}

static errval_t multiply(struct sharing_binding *b, uint32_t count, errval_t *err)
{
    (void)b;
    *err = SYS_ERR_OK;
    while (copy_count < count && copy_count < COPIES_MAX && err_is_ok(*err)) {
        CHECK_OK(slot_alloc(&copies[copy_count]));
        *err = cap_copy(copies[copy_count++], held);
    }
    return SYS_ERR_OK;
}

static errval_t drop(struct sharing_binding *b, errval_t *err)
{
    (void)b;
    *err = vspace_unmap((const void *)mapped);
    if (err_is_ok(*err))
        *err = cap_destroy(held);
    while (copy_count > 0 && err_is_ok(*err))
        *err = cap_destroy(copies[--copy_count]);
    return SYS_ERR_OK;
}

static struct capref whole;

static errval_t map_held(void)
{
    void *memory;
    errval_t err = vspace_map_one_frame(&memory, BASE_PAGE_SIZE, held, NULL, NULL);
    if (err_is_ok(err))
        mapped = memory;
    return err;
}

static errval_t carve(struct sharing_binding *b, uint64_t offset, errval_t *err)
{
    struct capref part;
    (void)b;
    CHECK_OK(slot_alloc(&part));
    *err = cap_retype(part, held, offset, ObjType_Frame, BASE_PAGE_SIZE, 1);
    if (err_is_fail(*err))
        return slot_free(part);
    CHECK_OK(vspace_unmap((const void *)mapped));
    whole = held;
    held = part;
    *err = map_held();
    return SYS_ERR_OK;
}

static errval_t restore(struct sharing_binding *b, errval_t *err)
{
    (void)b;
    CHECK_OK(slot_free(held));
    held = whole;
    *err = map_held();
    return SYS_ERR_OK;
}

static errval_t connected(void *st, struct sharing_binding *b)
{
    (void)st;
    b->rpc_rx_vtbl.take_call = take;
    b->rpc_rx_vtbl.pass_on_call = pass_on;
    b->rpc_rx_vtbl.look_call = look;
    b->rpc_rx_vtbl.multiply_call = multiply;
    b->rpc_rx_vtbl.drop_call = drop;
    b->rpc_rx_vtbl.carve_call = carve;
    b->rpc_rx_vtbl.restore_call = restore;
    return SYS_ERR_OK;
}

static void exported(void *st, errval_t err, iref_t iref)
{
    CHECK_OK(err);
    CHECK_OK(nameservice_register(st, iref));
}

static int serve(char *name)
{
    static uint8_t stack[8192] __attribute__((aligned(16)));
    CHECK_OK(
        thread_set_exception_handler(skip_fault, NULL, stack, stack + sizeof(stack), NULL, NULL));
    CHECK_OK(
        sharing_export(name, exported, connected, get_default_waitset(), IDC_EXPORT_FLAGS_DEFAULT));
    for (;;)
        CHECK_OK(event_dispatch(get_default_waitset()));
}

/* ---- the tester ---- */

static struct sharing_binding *first, *second;
static const char *second_name;

static bool has(struct sharing_binding *server, uint64_t expected)
{
    bool has = false, reads = false;
    uint64_t value = 0;
    CHECK_OK(server->rpc_tx_vtbl.look(server, &has, &reads, &value));
    CHECK(has == reads); /* access goes with the capability */
    CHECK(!reads || value == expected);
    return has;
}

/* A frame whose first word is 40, which both servers get: 42. */
static void show(struct capref frame)
{
    errval_t err;
    void *memory;
    CHECK_OK(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL));
    *(volatile uint64_t *)memory = 40;
    CHECK_OK(first->rpc_tx_vtbl.take(first, frame, &err));
    CHECK_OK(err);
    CHECK_OK(first->rpc_tx_vtbl.pass_on(first, second_name, &err));
    CHECK_OK(err);
    CHECK(*(volatile uint64_t *)memory == 42);
    CHECK_OK(vspace_unmap(memory));
    CHECK(has(first, 42) && has(second, 42));
}

/* What the owner revokes is gone on all cores, however many copies there are. */
static void revoke(unsigned count)
{
    struct capref frame, copy;
    struct capability is;
    errval_t err;
    CHECK_OK(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    CHECK_OK(slot_alloc(&copy));
    CHECK_OK(cap_copy(copy, frame));
    show(copy);
    CHECK_OK(first->rpc_tx_vtbl.multiply(first, count, &err));
    CHECK_OK(err);
    CHECK_OK(cap_revoke(frame));
    CHECK(!has(first, 0) && !has(second, 0));
    CHECK(err_no(cap_direct_identify(copy, &is)) == SYS_ERR_CAP_NOT_FOUND);
    CHECK_OK(cap_direct_identify(frame, &is));
    CHECK_OK(slot_free(copy));
    CHECK_OK(cap_revoke(frame)); /* nobody has anything: the CPU driver knows that by itself */
    CHECK_OK(cap_destroy(frame));
    printf("sharing: a frame with %u copies was revoked on two cores\n", count);
}

/* A page is revoked of which both servers have the whole, and have made the same page: that goes,
 * and the whole stays. */
static void revoke_part(void)
{
    struct capref frame, page, copy;
    errval_t err;
    CHECK_OK(frame_alloc(&frame, 4 * BASE_PAGE_SIZE, NULL));
    CHECK_OK(slot_alloc(&page));
    CHECK_OK(slot_alloc(&copy));
    CHECK_OK(cap_retype(page, frame, BASE_PAGE_SIZE, ObjType_Frame, BASE_PAGE_SIZE, 1));
    CHECK_OK(cap_copy(copy, frame));
    show(copy);
    CHECK_OK(first->rpc_tx_vtbl.carve(first, BASE_PAGE_SIZE, &err));
    CHECK_OK(err);
    CHECK_OK(second->rpc_tx_vtbl.carve(second, BASE_PAGE_SIZE, &err));
    CHECK_OK(err);
    CHECK_OK(first->rpc_tx_vtbl.multiply(first, 300, &err));
    CHECK_OK(err);
    CHECK(has(first, 0) && has(second, 0));
    CHECK_OK(cap_revoke(page));
    CHECK(!has(first, 0) && !has(second, 0));
    CHECK_OK(first->rpc_tx_vtbl.restore(first, &err));
    CHECK_OK(err);
    CHECK(has(first, 42));
    CHECK_OK(first->rpc_tx_vtbl.carve(first, BASE_PAGE_SIZE, &err)); /* it may again */
    CHECK_OK(err);
    CHECK_OK(cap_revoke(frame));
    CHECK(!has(first, 0) && !has(second, 0));
    CHECK_OK(slot_free(page));
    CHECK_OK(slot_free(copy));
    CHECK_OK(cap_destroy(frame));
    printf("sharing: a page was revoked of what two cores have as a whole\n");
}

/* Memory is made into something else only when no other core uses it. */
static void reuse(void)
{
    struct capref ram, frame, table;
    errval_t err;
    CHECK_OK(ram_alloc(&ram, BASE_PAGE_BITS));
    CHECK_OK(slot_alloc(&frame));
    CHECK_OK(slot_alloc(&table));
    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1));
    show(frame);
    CHECK_OK(cap_delete(frame));
    err = cap_retype(table, ram, 0, ObjType_VNode_x86_64_ptable, 0, 1);
    CHECK(err_no(err) == SYS_ERR_REVOKE_FIRST);
    CHECK(has(first, 42) && has(second, 42));
    CHECK_OK(first->rpc_tx_vtbl.drop(first, &err));
    CHECK_OK(err);
    err = cap_retype(table, ram, 0, ObjType_VNode_x86_64_ptable, 0, 1);
    /* the second has it from the first, who has forgotten it */
    CHECK(err_no(err) == SYS_ERR_REVOKE_FIRST);
    CHECK_OK(second->rpc_tx_vtbl.drop(second, &err));
    CHECK_OK(err);
    CHECK_OK(cap_retype(table, ram, 0, ObjType_VNode_x86_64_ptable, 0, 1));
    CHECK_OK(cap_delete(table));

    CHECK_OK(cap_retype(frame, ram, 0, ObjType_Frame, BASE_PAGE_SIZE, 1));
    show(frame);
    CHECK_OK(cap_revoke(ram)); /* descendants on other cores, whose ancestor they never had */
    CHECK(!has(first, 0) && !has(second, 0));
    CHECK_OK(cap_retype(table, ram, 0, ObjType_VNode_x86_64_ptable, 0, 1));
    CHECK_OK(cap_destroy(table));
    CHECK_OK(slot_free(frame));
    CHECK_OK(cap_destroy(ram));
    printf("sharing: memory was made into something else when no core used it\n");
}

int main(int argc, char *argv[])
{
    if (argc == 3 && strcmp(argv[1], "server") == 0)
        return serve(argv[2]);
    if (argc != 4 || strcmp(argv[1], "tester") != 0) {
        printf("usage: sharing server NAME | tester NAME NAME\n");
        return 2;
    }
    second_name = argv[3];
    first = bind_to(argv[2]);
    second = bind_to(second_name);
    revoke(0);
    revoke(500);
    revoke_part();
    reuse();
    printf("sharing: all as expected\n");
    return 0;
}
