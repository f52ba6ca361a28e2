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

static bool unmap_everywhere(struct domain *d)
{
    uint32_t agents[WORLD_CORES];
    const size_t count = list_agents(d, agents);
    struct message *m = message_new(monitor_blocking_shootdown_call__msgnum);
    m->payload = malloc(sizeof(agents));
    memcpy(m->payload, agents, sizeof(agents));
    m->args.monitor_blocking.shootdown_call = (struct monitor_blocking_shootdown_call__tx_args){
        .base = world.steps,
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
    return d->will_fill_for == 0 && chance(50) ? become_agent(d) : unmap_everywhere(d);
}

void unmap_received(struct domain *d, uintptr_t id, uint64_t base)
{
    CHECK(d->hostile || d->will_fill_for != 0, "%s is to unmap something, but is no agent",
          d->name);
    d->unmap_id = id;
    d->unmapped = base;
}

bool answer_unmap(struct domain *d)
{
    if (d->unmap_id == 0)
        return false;
    struct message *m = monitor_message(monitor_unmap_replica_done__msgnum);
    m->args.monitor.unmap_replica_done.id = d->unmap_id;
    m->args.monitor.unmap_replica_done.err = chance(80) ? SYS_ERR_OK : LIB_ERR_VREGION_NOT_FOUND;
    if (!domain_send(d, d->monitor, m, NULL))
        return false;
    d->unmap_id = 0;
    return true;
}

/* All agents that it named have unmapped it, and said so. */
void shootdown_answered_to(const struct domain *d, errval_t err)
{
    if (err_is_fail(err))
        return;
    for (const struct domain *agent = domains; agent != NULL; agent = agent->next)
        if (agent->running && agent->fills_for == d->id && agent->named_base == d->shot_base)
            CHECK(agent->unmapped == d->shot_base && agent->unmap_id == 0,
                  "%s hears that all have unmapped %#lx, and %s has not", d->name, d->shot_base,
                  agent->name);
}
