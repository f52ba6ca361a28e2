/* SPDX-License-Identifier: MIT
 *
 * One mix after another in the same machine: the mixers start anew on their cores, do everything at
 * once, and end, while other programs come and go.  The next mix begins when all have ended.  Each
 * letter of `mixes` is a mix:
 *
 *   n  two mixers
 *   k  two mixers, the second of which somebody ends
 *   c  three mixers, and the core of the third dies; if it comes back, later mixes wait for it
 *   m  two mixers, and the programs that come and go do so on core 2, which may have no memory
 */
#include "mixer.h"

#include <if/spawn_defs.h>

#define CORES 3
#define VISITORS 2
#define HUNGRY_VISITORS 4
#define PATH "/sbin/mixer"
#define VISITOR "/sbin/hello"

static struct starter {
    struct spawn_binding *binding;
    bool done;
    errval_t err;
    unsigned running;
    uint8_t worst;
} starters[CORES];

static void dispatch_one(void)
{
    CHECK(err_is_ok(event_dispatch(get_default_waitset())));
}

static void domain_exited(struct spawn_binding *b, domainid_t domain, uint8_t status)
{
    struct starter *starter = b->st;

    (void)domain;
    starter->running--;
    if (status > starter->worst)
        starter->worst = status;
}

/* The core is dead, and what was started there ended with it. */
static void lost(struct spawn_binding *b, errval_t err)
{
    struct starter *starter = b->st;

    (void)err;
    starter->running = 0;
    starter->worst = UINT8_MAX;
}

static void bound(void *st, errval_t err, struct spawn_binding *b)
{
    struct starter *starter = st;

    starter->done = true;
    starter->err = err;
    starter->binding = b;
}

/* The name of a core that has just died may still be there: then the next one is waited for. */
static void find_starter(unsigned core)
{
    struct starter *starter = &starters[core];
    char name[32];
    iref_t iref;

    snprintf(name, sizeof(name), "spawn.%u", core);
    do {
        *starter = (struct starter){ .done = false };
        CHECK(err_is_ok(nameservice_blocking_lookup(name, &iref)));
        CHECK(err_is_ok(
            spawn_bind(iref, bound, starter, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)));
        while (!starter->done)
            dispatch_one();
    } while (err_is_fail(starter->err));
    starter->binding->st = starter;
    starter->binding->rx_vtbl.domain_exited = domain_exited;
    spawn_rpc_client_init(starter->binding);
    starter->binding->error_handler = lost;
}

/* Again, if it may fail. */
static void start(unsigned core, const char *path, const char *args, bool patient)
{
    struct starter *starter = &starters[core];
    errval_t answer;
    domainid_t domain;

    starter->running++;
    do
        CHECK(err_is_ok(starter->binding->rpc_tx_vtbl.spawn_domain(starter->binding, path, args, 0,
                                                                   &answer, &domain)));
    while (patient && err_is_fail(answer));
    CHECK(err_is_ok(answer));
}

static void wait_for(unsigned core)
{
    while (starters[core].running > 0)
        dispatch_one();
}

static void mix(char kind, unsigned seed, unsigned rounds)
{
    const unsigned peers = kind == 'c' ? 3 : 2, victim = kind == 'c' ? 2 : 1;
    const unsigned used = kind == 'n' || kind == 'k' ? 2 : CORES, visited = kind == 'm' ? 2 : 0;
    const bool has_victim = kind == 'c' || kind == 'k';
    char args[128];

    for (unsigned core = 0; core < used; core++)
        find_starter(core);
    for (unsigned k = 0; k < peers; k++) {
        snprintf(args, sizeof(args), "mixer me=%u peers=%u threads=1 rounds=%u seed=%u victim=%u",
                 k, peers, rounds, seed, has_victim ? victim : UINT8_MAX);
        start(k, PATH, args, false);
    }
    for (unsigned i = 0; i < (kind == 'm' ? HUNGRY_VISITORS : VISITORS); i++) {
        const unsigned before = starters[visited].running;

        start(visited, VISITOR, "hello", kind == 'm');
        while (starters[visited].running > before)
            dispatch_one();
    }
    for (unsigned core = 0; core < used; core++) {
        wait_for(core);
        CHECK(starters[core].worst == 0 || (has_victim && core == victim));
        CHECK(err_is_ok(
            starters[core].binding->control(starters[core].binding, IDC_CONTROL_TEARDOWN)));
    }
}

int be_again(const char *mixes, unsigned rounds, unsigned seed)
{
    for (unsigned i = 0; mixes[i] != '\0'; i++) {
        printf("mix %u begins\n", seed + i);
        fflush(stdout);
        mix(mixes[i], seed + i, rounds);
        printf("mix %u: done\n", seed + i);
        fflush(stdout);
    }
    return 0;
}
