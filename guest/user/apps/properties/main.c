/* SPDX-License-Identifier: MIT
 *
 * Asserts properties and counts, for scenarios that expect something of them (barrelfish/report.h).
 *
 *   properties ROUNDS [broken]     `broken`: one property does not hold in the third round
 *
 * Each round is a message to itself in time: a deferred event, so that the core does other things
 * between.
 */
#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_US 100

static struct deferred_event next_round;
static unsigned rounds, done;
static bool broken;
static uint64_t *counter, *left;

static void start_round(void);

static void one_round(void *arg)
{
    (void)arg;
    done++;
    *counter += 2;
    *left = rounds - done;
    assert_always(done <= rounds && !(broken && done == 3), "properties.in-order");
    assert_sometimes(done % 5 == 0, "properties.fifth-round");
    assert_sometimes(done > rounds, "properties.one-too-many");
    if (done < rounds)
        start_round();
    else
        printf("%u rounds done\n", done);
}

static void start_round(void)
{
    errval_t err = deferred_event_register(&next_round, get_default_waitset(), PERIOD_US,
                                           MKCLOSURE(one_round, NULL));
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "waiting for the next round");
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    broken = argc > 2 && strcmp(argv[2], "broken") == 0;
    counter = report_counter("properties.count");
    left = report_gauge("properties.left");
    *left = rounds;
    deferred_event_init(&next_round);
    start_round();
    for (;;) {
        errval_t err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "event_dispatch");
    }
}
