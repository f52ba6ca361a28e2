/* SPDX-License-Identifier: MIT
 *
 * Expectations against what a machine really does.  Pure: knows no engine, no thread, no clock; the
 * caller feeds it machine time, console lines, firings, values and the exit code, and asks.
 */
#ifndef SCENARIO_MATCHER_H
#define SCENARIO_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/scenario.h"

struct matcher;

enum matcher_state {
    MATCHER_OPEN,     /* something expected is still missing, or the end must be awaited */
    MATCHER_MET,      /* everything expected has happened: the run may stop */
    MATCHER_VIOLATED, /* what must not happen did: the run must stop */
};

/* `scenario` must outlive the matcher.  NULL when out of memory. */
struct matcher *matcher_create(const struct scenario *scenario);
void matcher_destroy(struct matcher *matcher);

/* Machine time has come to this, before anything that happened then is told. */
void matcher_time(struct matcher *matcher, uint64_t now_ns);

/* One console line (clean text).  `domain` is "" for the CPU driver. */
void matcher_line(struct matcher *matcher, unsigned core, const char *domain, const char *text);

/* A rule of the scenario's faults has fired. */
void matcher_fired(struct matcher *matcher, uint32_t rule);

/* What programs report under a name is now this (abi/report.h).  A property of theirs that shall
 * always hold and does not ends the run, whether the scenario names it or not: `domain` is whose it
 * was. */
void matcher_value(struct matcher *matcher, const char *name, uint32_t kind, uint64_t value,
                   uint64_t failures, const char *domain, unsigned core);

/* The run has ended, and a checker has looked: NULL, nothing is wrong; or what. */
void matcher_invariant(struct matcher *matcher, enum invariant invariant, const char *problem);

/* Does the scenario want this checker?  Does anything in it depend on values that programs
 * report? */
bool scenario_wants(const struct scenario *scenario, enum invariant invariant);
/* How often a checker looks during the run; 0: only at its end. */
uint64_t scenario_wants_every(const struct scenario *scenario, enum invariant invariant);
bool scenario_wants_values(const struct scenario *scenario);

/* The guest switched the machine off. */
void matcher_exit(struct matcher *matcher, uint32_t code);

enum matcher_state matcher_state(const struct matcher *matcher);

/* Is expectation `index` of the scenario fulfilled as things stand?  (A `not` is until
 * violated.) */
bool matcher_holds(const struct matcher *matcher, size_t index);

/* Has what it bans happened?  It stays so. */
bool matcher_is_violated(const struct matcher *matcher, size_t index);

/* Matching lines seen so far, firings, recoveries, times that a property held. */
uint64_t matcher_count(const struct matcher *matcher, size_t index);

/* What is known of expectation `index`, for people: "seen 3 times", "it is 7", "took 12 ms at
 * most"; "" if there is nothing to add.  Returns `text`. */
char *matcher_account(const struct matcher *matcher, size_t index, char *text, size_t bytes);

/* The property that a program asserted and that failed though no expectation names it, or NULL. */
const char *matcher_broken_property(const struct matcher *matcher);

/* How many expectations hold that must come true (console, exit), of how many. */
void matcher_progress(const struct matcher *matcher, size_t *done, size_t *of);

/* Does it say what must not happen (not, never, invariants)?  Such a one can only be judged at the
 * end. */
bool expectation_is_ban(enum expectation_kind kind);

/* In words: `core 0 (myapp) prints "hello"`.  Returns `text`. */
char *expectation_text(const struct expectation *expectation, char *text, size_t bytes);

#endif
