/* SPDX-License-Identifier: MIT
 *
 * A storm of notifications must cost who sends them, not whoever runs here.
 *
 * Each notification from another core is an interrupt, and interrupts without a pause leave nothing
 * to anybody.  So when STORM_INTERRUPTS of them came within STORM_NS while somebody ran, this core
 * holds the cause: they are noted and do not interrupt.  At the end of the hold the timer fires,
 * what is pending is taken, and counting begins again.  So between two bursts whoever runs has
 * HOLD_NS to himself, and a notification waits that long at most.  An idle core never holds, and
 * below the threshold nothing changes.
 *
 * No notification is lost (tests/models/hold.pml).  Who notifies sets the pending bit, then the
 * cause, then looks whether it is held.  The invariant, whenever the CPU driver is left:
 *
 *   the cause is held  =>  somebody runs, and the timer is armed for hold_until or earlier;
 *   it is not held     =>  causes were taken, or the core halts, after it was last let go.
 *
 * So who found the cause held is seen at the timer, at any interrupt before, or at the halt; and
 * who found it free has interrupted.
 */
#include "dispatch.h"
#include "plat.h"

#define STORM_INTERRUPTS 8
#define STORM_NS 100000
#define HOLD_NS 50000

systime_t hold_until;

static systime_t counted_since;
static unsigned counted;

void hold_count(systime_t now)
{
    if (hold_until != 0)
        return; /* taken by the way, at another interrupt */
    if (counted == 0 || now - counted_since >= STORM_NS) {
        counted_since = now;
        counted = 0;
    }
    if (++counted < STORM_INTERRUPTS)
        return;
    counted = 0;
    if (plat_hold(ABI_CAUSE_NOTIFY))
        hold_until = now + HOLD_NS;
}

static void let_go(void)
{
    hold_until = 0;
    plat_hold(0);
}

bool hold_is_over(systime_t now)
{
    if (hold_until == 0 || now < hold_until)
        return false;
    let_go();
    return true;
}

void hold_before_idle(void)
{
    if (hold_until != 0)
        let_go();
}
