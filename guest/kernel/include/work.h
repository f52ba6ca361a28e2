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
    bool over;
};
#define WORK_OF_A_CALL 3600 /* with what comes before and after it, below 5,000 */

/* May something be done that costs so much?  What costs more than is left may still be begun in
 * the first half, so that every call gets somewhere. */
static inline bool work_affords(struct work *work, int cost)
{
    if (work->left < cost && work->left < WORK_OF_A_CALL / 2) {
        work->over = true;
        return false;
    }
    work->left -= cost;
    return true;
}

#endif
