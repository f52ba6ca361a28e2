/* SPDX-License-Identifier: MIT
 *
 * What a check costs in time: round trips over a plain channel and over a checked one, of messages
 * without words and of full lines.  Both sides poll.
 *
 * The two take turns in one run, so that both meet the same weather, and what counts is the ratio
 * of each two batches that follow each other.  The figure of a batch is the median of its groups of
 * round trips: a group is so short that most are spared when the host takes a CPU away.
 */
#include "idcbench.h"

#define PAIRS 40
#define GROUPS 50
#define GROUP_ROUNDS 20

static bool is_back;

static void rx_bounce(struct idcbench_binding *b)
{
    (void)b;
    is_back = true;
}

static void rx_bounce_seven(struct idcbench_binding *b, uint64_t a1, uint64_t a2, uint64_t a3,
                            uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7)
{
    (void)b, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6;
    if (a1 != 1 || a7 != 7)
        USER_PANIC("a message came back as another one");
    is_back = true;
}

static void round_trip(struct idcbench_binding *b, bool seven)
{
    is_back = false;
    must(seven ? idcbench_bounce_seven__tx(b, NOP_CONT, 1, 2, 3, 4, 5, 6, 7)
               : idcbench_bounce__tx(b, NOP_CONT),
         "sending a message");
    while (!is_back)
        if (err_is_fail(event_dispatch_non_block(b->waitset)))
            __asm__ volatile("pause");
}

/* Cycles for one round trip. */
static uint64_t batch(struct idcbench_binding *b, bool seven)
{
    struct results groups = { .count = 0 };

    for (unsigned i = 0; i < GROUPS; i++) {
        uint64_t start = cycles();

        for (unsigned j = 0; j < GROUP_ROUNDS; j++)
            round_trip(b, seven);
        results_add(&groups, (cycles() - start) / GROUP_ROUNDS);
    }
    return results_median(&groups);
}

struct figures {
    struct results plain, checked, permille;
};

static void add_pair(struct figures *f, struct idcbench_binding *plain,
                     struct idcbench_binding *checked, bool seven)
{
    const uint64_t one = batch(plain, seven), other = batch(checked, seven);

    results_add(&f->plain, one);
    results_add(&f->checked, other);
    results_add(&f->permille, 1000 * other / one);
}

void compare_checked(struct idcbench_binding *plain, struct idcbench_binding *checked)
{
    static struct figures empty, seven;
    uint64_t was;

    if (plain->flounder.kind != FLOUNDER_UMP || checked->flounder.kind != FLOUNDER_UMP)
        USER_PANIC("checks are between cores: run server and client on different ones");
    plain->rx_vtbl.bounce = checked->rx_vtbl.bounce = rx_bounce;
    plain->rx_vtbl.bounce_seven = checked->rx_vtbl.bounce_seven = rx_bounce_seven;
    must(plain->rpc_tx_vtbl.set_polling(plain, true, &was), "choosing how to wait");
    for (unsigned i = 0; i < PAIRS; i++) {
        add_pair(&empty, plain, checked, false);
        add_pair(&seven, plain, checked, true);
    }
    must(plain->rpc_tx_vtbl.set_polling(plain, false, &was), "choosing how to wait");
    results_print(&empty.plain, "checked.empty.plain", 0);
    results_print(&empty.checked, "checked.empty.checked", 0);
    results_print(&empty.permille, "checked.empty.permille", 0);
    results_print(&seven.plain, "checked.seven.plain", 0);
    results_print(&seven.checked, "checked.seven.checked", 0);
    results_print(&seven.permille, "checked.seven.permille", 0);
}
