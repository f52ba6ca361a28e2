/* SPDX-License-Identifier: MIT
 *
 * How much one entry into the CPU driver may do.  What may take longer takes its share, so that
 * no entry executes more than 5,000 instructions, and goes on in another one.
 */
#ifndef KERNEL_WORK_H
#define KERNEL_WORK_H

#include <stdbool.h>

/* What is left of a share, in instructions, roughly. */
struct work {
    int left;
    int looked; /* of what is spent, what went into looking for the next thing to do */
    bool over;
};
#define WORK_OF_A_CALL 3600 /* with what comes before and after it, below 5,000 */

/* Something was done that the next call need not do again. */
static inline void work_advances(struct work *work)
{
    work->looked = 0;
}

/* May something be looked for that costs so much to find?  What it costs does not count against
 * the first half below: a call that spends half of its share on looking must still do what it has
 * found, or the next call looks for the same, for ever. */
static inline bool work_looks(struct work *work, int cost)
{
    if (work->left < cost && work->left + work->looked < WORK_OF_A_CALL / 2) {
        work->over = true;
        return false;
    }
    work->left -= cost;
    work->looked += cost;
    return true;
}

/* May something be done that costs so much?  What costs more than is left may still be begun in
 * the first half, so that every call gets somewhere. */
static inline bool work_affords(struct work *work, int cost)
{
    if (!work_looks(work, cost))
        return false;
    work_advances(work);
    return true;
}

#endif
