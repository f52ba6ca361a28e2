/* SPDX-License-Identifier: MIT
 *
 * Domains on several cores, and their agents: who unmaps what, and whether all have when the home
 * hears so.  A home is any program; who has said that it fills page tables for it, on another core,
 * is its agent.
 */
#include <barrelfish/shootdown.h>
#include <stdlib.h>
#include <string.h>

#include "domains.h"

static bool is_agent_of(const struct domain *d, const struct domain *home)
{
    return d->running && d->fills_for == home->id && d->core != home->core;
}

/* One that answers, and that is on no core of which there is an agent in the list. */
static size_t list_agents(const struct domain *home, uint32_t *agents)
{
    uint64_t cores = 0;
    size_t count = 0;
    for (const struct domain *d = domains; d != NULL; d = d->next) {
        if (!is_agent_of(d, home) || d->hostile || d->mute || (cores >> d->core & 1) != 0)
            continue;
        cores |= 1ull << d->core;
        agents[count++] = d->id;
    }
    return count;
}

/* What is changed there, known by its address: unmapped, or given flags. */
static uint64_t bytes_of(uint64_t base)
{
    return base % 3 != 0 ? base << 12 : 0;
}

static uint32_t flags_of(uint64_t base)
{
    return (uint32_t)base | 1u << 31;
}

static bool change_everywhere(struct domain *d)
{
    uint32_t agents[WORLD_CORES];
    const size_t count = list_agents(d, agents);
    struct message *m = message_new(monitor_blocking_shootdown_call__msgnum);
    m->payload = malloc(sizeof(agents));
    memcpy(m->payload, agents, sizeof(agents));
    m->args.monitor_blocking.shootdown_call = (struct monitor_blocking_shootdown_call__tx_args){
        .base = world.steps,
        .bytes = bytes_of(world.steps),
        .flags = flags_of(world.steps),
        .protocol = (uint8_t)random_below(SHOOTDOWN_PROTOCOLS + 1),
        .count = count,
    };
    if (!domain_call(d, m, NULL))
        return false;
    d->shot_base = world.steps;
    for (struct domain *agent = domains; agent != NULL; agent = agent->next)
        for (size_t i = 0; i < count; i++)
            if (agent->id == agents[i])
                agent->named_base = world.steps;
    return true;
}

static bool become_agent(struct domain *d)
{
    struct message *m = message_new(monitor_blocking_fill_for_call__msgnum);
    uint32_t home = 0;
    for (const struct domain *other = domains; other != NULL && home == 0; other = other->next)
        if (other->running && other->kind == KIND_APP && other->core != d->core && chance(30))
            home = other->id;
    m->args.monitor_blocking.fill_for_call.home = home;
    if (!domain_call(d, m, NULL))
        return false;
    d->will_fill_for = home;
    return true;
}

bool act_agent(struct domain *d)
{
    /* an agent is one for good: else it would owe an answer to a home that it has left */
    return d->will_fill_for == 0 && chance(50) ? become_agent(d) : change_everywhere(d);
}

void change_received(struct domain *d, uintptr_t id, uint64_t base, uint64_t bytes, uint32_t flags)
{
    CHECK(d->hostile || d->will_fill_for != 0, "%s is to change something, but is no agent",
          d->name);
    CHECK(d->hostile || base != d->named_base ||
              (bytes == bytes_of(base) && flags == flags_of(base)),
          "%s is to give %#lx bytes the flags %#x, which nobody wants", d->name, bytes, flags);
    d->change_id = id;
    d->changed = base;
}

bool answer_change(struct domain *d)
{
    if (d->change_id == 0)
        return false;
    struct message *m = monitor_message(monitor_replica_changed__msgnum);
    m->args.monitor.replica_changed.id = d->change_id;
    m->args.monitor.replica_changed.err = chance(80) ? SYS_ERR_OK : LIB_ERR_VREGION_NOT_FOUND;
    if (!domain_send(d, d->monitor, m, NULL))
        return false;
    d->change_id = 0;
    return true;
}

/* All agents that it named have done it, and said so. */
void shootdown_answered_to(const struct domain *d, errval_t err)
{
    if (err_is_fail(err))
        return;
    for (const struct domain *agent = domains; agent != NULL; agent = agent->next)
        if (agent->running && agent->fills_for == d->id && agent->named_base == d->shot_base)
            CHECK(agent->changed == d->shot_base && agent->change_id == 0,
                  "%s hears that all have changed %#lx, and %s has not", d->name, d->shot_base,
                  agent->name);
}
