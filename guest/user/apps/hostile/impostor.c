/* SPDX-License-Identifier: MIT
 *
 * Connects to every service that there may be, as what it is not, and lets go at once.
 */
#include "hostile.h"

#include <if/interdisp_defs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IREFS 40

static unsigned answered, taken;

static void bound(void *st, errval_t err, struct interdisp_binding *b)
{
    (void)st;
    answered++;
    if (err_is_fail(err))
        return;
    taken++;
    if (err_is_fail(b->control(b, IDC_CONTROL_TEARDOWN)))
        printf("impostor: cannot close\n");
}

/* agent ROUNDS: as the agent of a domain that spans cores. */
bool hostile_impostor(int argc, char **argv)
{
    if (strcmp(argv[0], "agent") != 0 || argc < 2)
        return false;
    unsigned asked = 0;
    for (unsigned round = 0; round < strtoul(argv[1], NULL, 10); round++)
        for (iref_t iref = 1; iref <= IREFS; iref++) {
            errval_t err =
                interdisp_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
            asked += err_is_ok(err);
            while (answered < asked)
                (void)event_dispatch(get_default_waitset());
        }
    printf("impostor: %u binds, taken: %s\n", asked, taken > 0 ? "some" : "none");
    return true;
}
