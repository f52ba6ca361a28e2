/* SPDX-License-Identifier: MIT
 *
 * Expectations against what a machine really does.  Pure: knows no engine, no thread, no clock; the
 * caller feeds it console lines and the exit code, and asks.
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
    MATCHER_VIOLATED, /* a `not` matched, or something happened too often: the run must stop */
};

/* `scenario` must outlive the matcher.  NULL when out of memory. */
struct matcher *matcher_create(const struct scenario *scenario);
void matcher_destroy(struct matcher *matcher);

/* One console line (clean text).  `domain` is "" for the CPU driver. */
void matcher_line(struct matcher *matcher, unsigned core, const char *domain, const char *text);

/* A rule of the scenario's faults has fired. */
void matcher_fired(struct matcher *matcher, uint32_t rule);

/* The guest switched the machine off. */
void matcher_exit(struct matcher *matcher, uint32_t code);

enum matcher_state matcher_state(const struct matcher *matcher);

/* Is expectation `index` of the scenario fulfilled as things stand?  (A `not` is until violated.) */
bool matcher_holds(const struct matcher *matcher, size_t index);

/* Matching lines seen so far. */
uint64_t matcher_count(const struct matcher *matcher, size_t index);

/* How many expectations hold that must come true (console, exit), of how many. */
void matcher_progress(const struct matcher *matcher, size_t *done, size_t *of);

/* In words: `core 0 (myapp) prints "hello"`.  Returns `text`. */
char *expectation_text(const struct expectation *expectation, char *text, size_t bytes);

#endif
