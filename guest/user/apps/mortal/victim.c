/* SPDX-License-Identifier: MIT
 *
 * The roles that die.
 */
#include "mortal.h"

static volatile uintptr_t null_pointer;

const struct way ways[WAYS] = {
    { "fault", mortal_by_fault },   { "trap", mortal_by_trap },     { "leave", mortal_by_leaving },
    { "stop", mortal_by_stopping }, { "spin", mortal_by_spinning },
};

mortal_way_t way_of(const char *word)
{
    for (size_t i = 0; i < WAYS; i++)
        if (strcmp(ways[i].word, word) == 0)
            return ways[i].way;
    USER_PANIC("mortal: '%s' is no way to die", word);
}

static void __attribute__((noreturn)) end(mortal_way_t way)
{
    switch (way) {
    case mortal_by_fault:
        *(volatile int *)null_pointer = 1;
        break;
    case mortal_by_trap: /* disabled: the CPU driver stops the dispatcher */
        disp_disable();
        __asm__ volatile("ud2");
        break;
    case mortal_by_leaving:
        exit(0);
    case mortal_by_stopping:
        disp_stop();
    case mortal_by_spinning:
    default:
        break;
    }
    for (;;)
        __asm__ volatile("pause");
}

static void die(struct mortal_binding *b, mortal_way_t way)
{
    (void)b;
    end(way);
}

static errval_t die_asked(struct mortal_binding *b, mortal_way_t way, uint32_t *never)
{
    (void)b, (void)never;
    end(way);
}

static errval_t ping(struct mortal_binding *b, uint32_t x, uint32_t *y)
{
    (void)b;
    *y = x + 1;
    return SYS_ERR_OK;
}

/* Maps it, and keeps nothing. */
static errval_t look(struct mortal_binding *b, struct capref frame, uint64_t *value)
{
    void *memory;
    (void)b;
    CHECK(err_is_ok(vspace_map_one_frame(&memory, BASE_PAGE_SIZE, frame, NULL, NULL)));
    *value = *(volatile uint64_t *)memory;
    CHECK(err_is_ok(vspace_unmap(memory)));
    CHECK(err_is_ok(cap_destroy(frame)));
    return SYS_ERR_OK;
}

static void text(struct mortal_binding *b, const char *s)
{
    (void)b, (void)s;
}

static bool dies_in_bind;

static errval_t connected(void *st, struct mortal_binding *b)
{
    (void)st;
    if (dies_in_bind)
        end(mortal_by_fault);
    b->rx_vtbl.die = die;
    b->rx_vtbl.text = text;
    b->rpc_rx_vtbl.ping_call = ping;
    b->rpc_rx_vtbl.look_call = look;
    b->rpc_rx_vtbl.die_asked_call = die_asked;
    return SYS_ERR_OK; /* the default error handler closes what the peer has closed */
}

int be_server(char *name, bool dies)
{
    dies_in_bind = dies;
    errval_t err = mortal_export(name, nameservice_offer, connected, get_default_waitset(),
                                 IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "mortal: exporting");
    for (;;)
        dispatch_one();
}

int be_client(const char *name, const char *moment, mortal_way_t way)
{
    static char s[TEXT_BYTES + 1];
    iref_t iref;
    if (strcmp(moment, "binding") == 0) {
        struct attempt attempt;
        CHECK(err_is_ok(nameservice_blocking_lookup(name, &iref)));
        begin_bind(&attempt, iref);
        end(way);
    }
    struct mortal_binding *b = bind_to(name, &iref);
    if (strcmp(moment, "sending") == 0) {
        memset(s, 'x', TEXT_BYTES);
        CHECK(err_is_ok(mortal_text__tx(b, NOP_CONT, s)));
    } else if (strcmp(moment, "calling") == 0) {
        CHECK(err_is_ok(mortal_ping_call__tx(b, NOP_CONT, 1)));
    }
    end(way);
}
