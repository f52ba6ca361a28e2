/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parts/iref_state.c, and a look at its questions.
 */
#include "guest/user/monitor/parts/iref_state.c"

#include "instance.h"

void peek_questions(struct monitor_census *ret)
{
    for (unsigned i = 0; i < MONITOR_MAX_QUESTIONS; i++)
        ret->questions += questions[i].waiting;
}
