/* SPDX-License-Identifier: MIT
 *
 * What is between the cores (cores.h), and what the library does above them.
 */
#include "cores.h"

#include <stdio.h>
#include <stdlib.h>

#include "machine/capability_rules.h"
#include <barrelfish_kpi/capabilities.h>
#include <barrelfish_kpi/init.h>
#include <barrelfish_kpi/invocations.h>
#include <errors/errno.h>

extern const struct kernel_copy kernel_copy_0, kernel_copy_1, kernel_copy_2;
extern const struct monitor_copy capability_monitor_0, capability_monitor_1, capability_monitor_2;

const struct kernel_copy *const kernels[CORES] = { &kernel_copy_0, &kernel_copy_1, &kernel_copy_2 };
static const struct monitor_copy *const monitors[CORES] = { &capability_monitor_0,
                                                            &capability_monitor_1,
                                                            &capability_monitor_2 };
bool cores_lie;
uint64_t cores_random;
void (*cores_meanwhile)(void);
static bool crossing; /* cores_meanwhile is being done */

#define TRIES 8 /* as the library */
#define SLOT(n) KPI_CPTR(ROOTCN_SLOT_SLOT_ALLOC0, (n))
#define CN (SLOT(0) | 1ull << 32)
#define ROOT_CPTR KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_ROOTCN)

static struct message *lines[CORES][CORES];
static unsigned dead; /* a bit each */

bool core_lives(unsigned core)
{
    return (dead >> core & 1) == 0;
}

void cores_start(void)
{
    for (unsigned core = 0; core < CORES; core++) {
        kernels[core]->start(core);
        monitors[core]->start(core);
    }
}

void cores_send(unsigned from, unsigned to, const struct message *m)
{
    struct message *copy, **end = &lines[from][to];
    if (!core_lives(from) || !core_lives(to))
        return;
    copy = malloc(sizeof(*copy));
    while (*end != NULL)
        end = &(*end)->next;
    *copy = *m;
    copy->next = NULL;
    if (cores_lie && m->kind == RELEASE_REPLY)
        copy->yes = true;
    *end = copy;
}

static unsigned below(unsigned n)
{
    cores_random = cores_random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(cores_random >> 33) % n;
}

/* A message, or an event of a monitor, any.  False: there is none. */
static bool step(void)
{
    const unsigned first = below(CORES * CORES);
    for (unsigned i = 0; i < CORES * CORES; i++) {
        const unsigned at = (first + i) % (CORES * CORES), from = at / CORES, to = at % CORES;
        if (from == to) {
            if (core_lives(to) && monitors[to]->run_event())
                return true;
            continue;
        }
        struct message *m = lines[from][to];
        if (m == NULL)
            continue;
        lines[from][to] = m->next;
        monitors[to]->deliver(from, m);
        free(m);
        return true;
    }
    return false;
}

static void rest(void)
{
    while (!crossing && step())
        ;
}

#define EARLY 8 /* most requests take more messages and events */

static void cross(void)
{
    static unsigned wait;
    if (cores_meanwhile == NULL)
        return;
    if (wait == 0)
        wait = 1 + below(EARLY);
    if (--wait > 0)
        return;
    void (*other)(void) = cores_meanwhile;
    cores_meanwhile = NULL;
    crossing = true;
    other();
    crossing = false;
}

static uint64_t wait_for_answer(unsigned core)
{
    uint64_t err = SYS_ERR_OK;
    while (!monitors[core]->answered(&err)) {
        cross();
        if (!core_lives(core))
            return MON_ERR_CORE_DEAD;
        if (!step() && !monitors[core]->answered(&err)) {
            fprintf(stderr, "core %u waits for ever\n", core);
            abort();
        }
    }
    return err;
}

static uint64_t ask(unsigned core, enum request request, unsigned slot, uint64_t offset,
                    uint64_t bytes)
{
    monitors[core]->ask(request, slot, offset, bytes);
    return wait_for_answer(core);
}

static uint64_t call(unsigned core, uint64_t cptr, unsigned level, uint64_t *value,
                     const uint64_t words[CALL_WORDS])
{
    return kernels[core]->call(cptr, level, words, NULL, value);
}

uint64_t program_copy(unsigned core, unsigned from, unsigned to)
{
    uint64_t value;
    return call(core, SLOT(0), 1, &value,
                (const uint64_t[CALL_WORDS]){ CNodeCmd_Copy, to, ROOT_CPTR, SLOT(from), 2 });
}

uint64_t program_delete(unsigned core, unsigned slot)
{
    uint64_t value;
    return call(core, 0, 0, &value, (const uint64_t[CALL_WORDS]){ CNodeCmd_Delete, SLOT(slot), 2 });
}

uint64_t program_retype(unsigned core, unsigned from, unsigned to, uint64_t offset, unsigned type,
                        uint64_t bytes)
{
    uint64_t value, err;
    const uint64_t source = from == ALL_SLOTS ? KPI_CPTR(ROOTCN_SLOT_SUPERCN, 0) : SLOT(from);
    const uint64_t words[CALL_WORDS] = {
        CNodeCmd_Retype, ROOT_CPTR, source | 2ull << 32, offset, type, bytes, 1, ROOT_CPTR, CN, to
    };
    for (unsigned tries = 0;; tries++) {
        err = call(core, 0, 0, &value, words);
        if (err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR || from == ALL_SLOTS)
            break;
        err = tries == TRIES ? MON_ERR_REMOTE_CAP_RETRY : ask(core, RETYPE, from, offset, bytes);
        if (err_is_fail(err))
            break;
    }
    rest();
    return err;
}

uint64_t program_revoke(unsigned core, unsigned slot)
{
    uint64_t part, err;
    bool cleared_part = false;
    const uint64_t words[CALL_WORDS] = { CNodeCmd_Revoke, SLOT(slot), 2 };
    for (unsigned tries = 0;; tries++) {
        err = call(core, 0, 0, &part, words);
        if (err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR &&
            (err_is_fail(err) || !part || cleared_part))
            break;
        err = tries == TRIES ? MON_ERR_REMOTE_CAP_RETRY : ask(core, REVOKE, slot, 0, 0);
        if (err_is_fail(err))
            break;
        cleared_part = true;
    }
    rest();
    return err;
}

uint64_t program_send(unsigned core, unsigned slot, bool given, unsigned to, unsigned to_slot)
{
    uint64_t ticket;
    uint64_t err = monitors[core]->deposit(slot, given, &ticket);
    if (err_is_ok(err))
        err = ask(to, COLLECT, to_slot, 0, ticket);
    rest();
    return err;
}

void program_release_unused(unsigned core)
{
    monitors[core]->release_unused();
    rest();
}

static void lose(struct message **line)
{
    while (*line != NULL) {
        struct message *m = *line;
        *line = m->next;
        free(m);
    }
}

void core_dies(unsigned core)
{
    dead |= 1u << core;
    for (unsigned other = 0; other < CORES; other++) {
        lose(&lines[core][other]);
        lose(&lines[other][core]);
        if (core_lives(other))
            monitors[other]->core_died(core);
    }
    rest();
}

bool core_is_given_up(unsigned core)
{
    for (unsigned other = 0; other < CORES; other++)
        if (core_lives(other) && monitors[other]->holds_of(core))
            return false;
    for (unsigned other = 0; other < CORES; other++)
        if (core_lives(other))
            monitors[other]->core_given_up(core);
    rest();
    return true;
}

void programs_end(void)
{
    for (unsigned core = 0; core < CORES; core++)
        if (core_lives(core))
            monitors[core]->program_ends();
    rest();
}

bool seen_in_slot(unsigned core, unsigned slot, struct seen *ret)
{
    return kernels[core]->in_slot(slot, ret);
}

const char *cores_broken_rule(void)
{
    static char problem[200];
    static struct seen_capability list[CORES * 2 * ALL_SLOTS];
    struct seen seen[2 * ALL_SLOTS];
    size_t count = 0;
    for (unsigned core = 0; core < CORES; core++) {
        if (!core_lives(core))
            continue;
        const char *rule = kernels[core]->broken_rule();
        if (rule != NULL)
            return rule;
        const unsigned there = kernels[core]->all(seen, 2 * ALL_SLOTS);
        for (unsigned i = 0; i < there; i++)
            list[count++] = (struct seen_capability){ .base = seen[i].base,
                                                      .bytes = seen[i].bytes,
                                                      .type = seen[i].type,
                                                      .core = (uint8_t)core,
                                                      .owner = seen[i].owner,
                                                      .kept = seen[i].kept };
    }
    return capability_rules_hold(list, count, ~dead & ((1u << CORES) - 1), problem, sizeof(problem))
               ? NULL
               : problem;
}
