/* SPDX-License-Identifier: MIT
 *
 * Ways of notifications when cores have died: what this core's CPU driver is told (states in
 * docs/agreement.md, "Ways of notifications").
 *
 * Whatever was on its way over a dead core is lost, and so is what is given to it until the last
 * monitor has told its CPU driver.  So each of them first changes its ways and then notifies all
 * dispatchers of all cores to which its ways lead over others: what was lost before the last one
 * has done so is made good by that one, and nothing is lost later.  Must not notify before its ways
 * have changed.
 */
#include "../base/ways.h"
#include "parts.h"

static struct ways ways;
static uint8_t next_on_way[ABI_MAX_CORES];
static uint64_t gone; /* cores that pass nothing on */

static void tell_kernel(unsigned core, uint8_t over)
{
    errval_t err = invoke_kernel_set_way(cap_kernel, (coreid_t)core, over);
    if (err_is_fail(err))
        DEBUG_ERR(err, "changing the way to core %u", core);
    next_on_way[core] = over;
}

static void change_ways(void)
{
    uint8_t next[ABI_MAX_CORES];
    ways_find(&ways, gone, my_core, next);
    for (unsigned core = 0; core < ways.cores; core++)
        if (core != my_core && next[core] != next_on_way[core])
            tell_kernel(core, next[core]);
}

static void wake(unsigned core)
{
    errval_t err = invoke_kernel_wake_core(cap_kernel, (coreid_t)core);
    if (err_is_fail(err))
        DEBUG_ERR(err, "waking core %u", core);
}

static void wake_all(void)
{
    for (unsigned core = 0; core < ways.cores; core++)
        if ((gone & BIT(core)) == 0 && core != my_core && next_on_way[core] != core &&
            next_on_way[core] != WAYS_NONE)
            wake(core);
}

void signals_init(uint64_t dead)
{
    ways_init(&ways, &boot_info->topology);
    ways_find(&ways, 0, my_core, next_on_way); /* as the CPU driver knows them */
    signals_gone(dead);
}

void signals_gone(uint64_t cores)
{
    if (!ways.some_are_long || (cores & ~gone) == 0)
        return;
    gone |= cores;
    change_ways();
    wake_all();
}

void signals_back(coreid_t core)
{
    if ((gone & BIT(core)) == 0)
        return;
    gone &= ~BIT(core);
    change_ways();
}

void signals_tick(uint64_t members)
{
    if (gone != 0 && (members & ~gone & ~ways_reaching(&ways, gone, my_core)) != 0)
        wake(my_core);
}

uint64_t signals_lost(void)
{
    return gone;
}

coreid_t signals_next(coreid_t core)
{
    return next_on_way[core];
}
