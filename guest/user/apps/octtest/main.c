/* SPDX-License-Identifier: MIT
 *
 * octtest: records, locks, barriers, semaphores and stored capabilities as clients see them.
 *
 *   octtest api           every function of octopus/octopus.h
 *   octtest crowd N       one of N that meet at barriers and take turns with a lock
 *   octtest dies          holds a lock and a record, and ends
 *   octtest crashes       holds them, and goes on until its core ends
 *   octtest survives      waits for what that one held
 *   octtest mortal        takes turns with a lock and a semaphore, and may end while it holds them
 *   octtest greedy        as many records as there may be, and malformed ones
 *   octtest lazy          reads no answers for a while (hostile.c)
 *   octtest deaf          takes its endpoint away, on the core of octopus
 */
#include <bench/bench.h>
#include <octopus/octopus.h>
#include <octopus/record.h>
#include <stdio.h>
#include <string.h>

#include "octtest.h"

static unsigned failures;

void check(bool holds, const char *what)
{
    if (holds)
        return;
    failures++;
    printf("octtest: %s\n", what);
}

void good(errval_t err, const char *what)
{
    if (err_is_fail(err))
        DEBUG_ERR(err, "%s", what);
    check(err_is_ok(err), what);
}

static void fails_with(errval_t err, errval_t wanted, const char *what)
{
    check(err_no(err) == err_no(wanted), what);
}

/* ---- api ---- */

static void check_records(void)
{
    char *record, *text, **names;
    int64_t number = 0;
    size_t count = 0;
    good(oct_init(), "connecting");
    good(oct_set("fish.%u { legs: 0, colour: 'light blue', kind: perch }", 1), "a record");
    good(oct_set("fish.2 { legs: 4 }"), "another");
    good(oct_get(&record, "fish.1"), "getting by name");
    good(oct_read(record, "_ { legs: %d, colour: %s }", &number, &text), "reading");
    check(number == 0 && strcmp(text, "light blue") == 0, "what was read");
    free(text);
    free(record);
    good(oct_get(&record, "r'^fish' { legs: > 2 }"), "getting by regex and comparison");
    check(strcmp(record, "fish.2 { legs: 4 }") == 0, "the record that matches");
    free(record);
    good(oct_get_names(&names, &count, "_ { legs: _ }"), "names");
    check(count == 2, "two names");
    oct_free_names(names, count);
    good(oct_set("fish.2 { legs: 5 }"), "changing");
    good(oct_exists("fish.2 { legs: 5 }"), "the change");
    good(oct_mset(SET_SEQUENTIAL, "seq. { a: 1 }"), "a numbered record");
    good(oct_set_get(SET_SEQUENTIAL, &record, "seq."), "another");
    check(strncmp(record, "seq.", 4) == 0 && strlen(record) > 4, "its number");
    free(record);
    good(oct_del("r'^seq'"), "deleting");
    fails_with(oct_exists("r'^seq'"), OCT_ERR_NO_RECORD, "they are gone");
    good(oct_wait_for(&record, "fish.1 { kind: perch }"), "waiting for what is there");
    free(record);
    good(oct_wait_gone("r'^seq'"), "waiting for the end of what is gone");
    fails_with(oct_wait_gone("fish {"), OCT_ERR_PARSER_FAIL, "a malformed query");
}

struct seen {
    unsigned set, deleted, published, removed;
};

static void saw(oct_mode_t mode, const char *record, void *state)
{
    struct seen *seen = state;
    (void)record;
    seen->set += mode == OCT_ON_SET;
    seen->deleted += mode == OCT_ON_DEL;
    seen->published += mode == OCT_ON_PUBLISH;
    seen->removed += mode == OCT_REMOVED;
}

static void wait_until(const unsigned *count, unsigned wanted)
{
    while (*count < wanted)
        event_dispatch(get_default_waitset());
}

static void check_events(void)
{
    static struct seen watched, subscribed;
    octopus_trigger_id_t trigger;
    subscription_t subscription;
    good(oct_trigger_existing_and_watch("r'^fish'", OCT_ON_SET | OCT_ON_DEL, saw, &watched,
                                        &trigger),
         "watching");
    wait_until(&watched.set, 2);
    good(oct_set("fish.3"), "one more");
    wait_until(&watched.set, 3);
    good(oct_del("fish.3"), "one less");
    wait_until(&watched.deleted, 1);
    good(oct_remove_trigger(trigger), "watching no more");
    wait_until(&watched.removed, 1);
    fails_with(oct_remove_trigger(trigger), OCT_ERR_INVALID_ID, "a trigger that is gone");
    good(oct_subscribe(saw, &subscribed, &subscription, "news { urgent: %s }", "yes"),
         "subscribing");
    good(oct_publish("news { urgent: no }"), "publishing for nobody");
    good(oct_publish("news { urgent: yes }"), "publishing");
    wait_until(&subscribed.published, 1);
    good(oct_unsubscribe(subscription), "subscribing no more");
    wait_until(&subscribed.removed, 1);
    check(subscribed.published == 1, "only what was subscribed to");
}

static void check_rest(void)
{
    struct capref frame, copy;
    struct frame_identity one, other;
    uint32_t semaphore = 0;
    good(oct_sem_new(&semaphore, 1), "a semaphore");
    good(oct_sem_wait(semaphore), "taking");
    fails_with(oct_sem_trywait(semaphore), OCT_ERR_WOULD_WAIT, "taking too much");
    good(oct_sem_post(semaphore), "giving");
    good(oct_sem_trywait(semaphore), "taking again");
    fails_with(oct_sem_post(semaphore + 100), OCT_ERR_INVALID_ID, "no semaphore");
    good(frame_alloc(&frame, BASE_PAGE_SIZE, NULL), "a frame");
    good(oct_put_capability("page", frame), "storing");
    fails_with(oct_put_capability("page", frame), OCT_ERR_CAP_OVERWRITE, "storing twice");
    good(oct_get_capability("page", &copy), "getting it back");
    good(frame_identify(frame, &one), "the frame");
    good(frame_identify(copy, &other), "the copy");
    check(one.base == other.base, "the same frame");
    good(oct_remove_capability("page"), "removing");
    fails_with(oct_get_capability("page", &copy), OCT_ERR_NO_RECORD, "it is gone");
}

static void check_api(void)
{
    check_records();
    check_events();
    check_rest();
}

/* ---- several ---- */

static void be_crowd(size_t count)
{
    char *id, *record;
    int64_t number;
    for (unsigned round = 0; round < 5; round++) {
        good(oct_barrier_enter("crowd", &record, count), "entering");
        for (unsigned i = 0; i < 3; i++) {
            good(oct_lock("turn", &id), "locking");
            /* nobody else may hold it: the record is there as long as we do */
            fails_with(oct_exists("inside"), OCT_ERR_NO_RECORD, "alone");
            good(oct_set("inside { core: %u }", disp_get_core_id()), "inside");
            char *mine;
            good(oct_get(&mine, "inside"), "my record");
            good(oct_read(mine, "inside { core: %d }", &number), "my core");
            check(number == disp_get_core_id(), "my own core");
            free(mine);
            good(oct_del("inside"), "outside");
            good(oct_unlock(id), "unlocking");
        }
        good(oct_barrier_leave(record), "leaving");
    }
}

static void be_dying(void)
{
    char *id;
    good(oct_lock("mortal", &id), "locking");
    good(oct_set("mortal.holds { core: %u }", disp_get_core_id()), "saying so");
    char *record;
    good(oct_wait_for(&record, "mortal.waits"), "waiting for the other");
    /* ends without unlocking */
}

static void be_crashing(void)
{
    char *record;
    be_dying();
    printf("octtest: holds a lock and a record\n");
    good(oct_wait_for(&record, "mortal.never"), "what nobody sets");
}

static void be_survivor(void)
{
    static struct seen seen;
    char *record, *id;
    octopus_trigger_id_t trigger;
    good(oct_wait_for(&record, "mortal.holds"), "waiting for the holder");
    good(oct_trigger_existing_and_watch("mortal.holds", OCT_ON_DEL, saw, &seen, &trigger),
         "watching");
    fails_with(oct_set("mortal.holds { core: 99 }"), OCT_ERR_NOT_OWNER, "a foreign record");
    fails_with(oct_del("mortal.holds"), OCT_ERR_NOT_OWNER, "deleting a foreign record");
    good(oct_set("mortal.waits"), "saying so");
    good(oct_wait_gone("r'^mortal[.]h'"), "the end of the record of the dead");
    good(oct_lock("mortal", &id), "the lock of the dead");
    wait_until(&seen.deleted, 1);
    fails_with(oct_exists("mortal.holds"), OCT_ERR_NO_RECORD, "the record of the dead");
    good(oct_unlock(id), "unlocking");
}

/* Nobody is told where it ends: with the machine's seed the moments vary. */
static bool may_end(void)
{
    if (bench_tsc() % 7 != 0)
        return false;
    printf("octtest: ended with the lock\n");
    return true;
}

static void be_mortal(void)
{
    char *id;
    uint32_t semaphore;
    good(oct_sem_new(&semaphore, 0), "a semaphore of mine");
    for (unsigned round = 0; round < 8; round++) {
        good(oct_lock("mortal.turn", &id), "locking");
        fails_with(oct_exists("mortal.inside"), OCT_ERR_NO_RECORD, "alone");
        good(oct_set("mortal.inside { round: %u }", round), "inside");
        if (may_end())
            return;
        good(oct_sem_post(semaphore), "giving");
        good(oct_sem_wait(semaphore), "taking");
        good(oct_del("mortal.inside"), "outside");
        if (may_end())
            return;
        good(oct_unlock(id), "unlocking");
    }
}

static void be_greedy(void)
{
    static const char *const malformed[] = {
        "",   "{",           "x {",  "x { a }",      "x { a: }", "x { a: 1,, }",
        "'x", "x { a: 'b }", "x } ", "x { a: > 1 }", "_"
    };
    static struct seen seen;
    unsigned kept = 0;
    subscription_t subscription;
    for (unsigned i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        check(err_is_fail(oct_set("%s", malformed[i])), malformed[i]);
    while (err_is_ok(oct_set("greedy.%u { text: 'as many as there may be' }", kept)))
        kept++;
    check(kept > 500 && kept < 2048, "a share of the records");
    for (kept = 0; err_is_ok(oct_subscribe(saw, &seen, &subscription, "nothing")); kept++)
        ;
    check(kept > 200 && kept < 1024, "a share of the waits");
    /* expressions that would take for ever, or all of a stack */
    static char regex[1900];
    for (size_t i = 0; i + 2 < sizeof(regex); i += 2)
        memcpy(regex + i, "e*", 3);
    fails_with(oct_exists("r'(a*)*a*a*a*a*a*a*a*a*a*a*a*b'"), OCT_ERR_NO_RECORD, "a slow regex");
    fails_with(oct_exists("{ text: r'%s!' }", regex), OCT_ERR_NO_RECORD, "a deep regex");
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    if (strcmp(part, "api") == 0)
        check_api();
    else if (strcmp(part, "crowd") == 0 && argc > 2)
        be_crowd(strtoul(argv[2], NULL, 10));
    else if (strcmp(part, "dies") == 0)
        be_dying();
    else if (strcmp(part, "crashes") == 0)
        be_crashing();
    else if (strcmp(part, "survives") == 0)
        be_survivor();
    else if (strcmp(part, "mortal") == 0)
        be_mortal();
    else if (strcmp(part, "greedy") == 0)
        be_greedy();
    else if (strcmp(part, "lazy") == 0)
        be_lazy();
    else if (strcmp(part, "deaf") == 0)
        be_deaf();
    else
        return 2;
    printf("octtest: %s: %u failures\n", part, failures);
    return failures > 0;
}
