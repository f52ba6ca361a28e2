/* SPDX-License-Identifier: MIT
 *
 * The injection log: every fault that happened in a run, in words, for programs, and as rules that
 * let the same happen again.
 */
#ifndef REPORT_FAULTS_H
#define REPORT_FAULTS_H

#include <stdio.h>

#include "machine/machine.h"
#include "scenario/arena.h"
#include "scenario/scenario.h"

#define FAULT_LOG_MAX 100000 /* firings kept; further ones are counted */

/* One firing of a rule: what it did. */
struct fault_entry {
    uint64_t time_ns;
    uint32_t rule;
    uint64_t firing;
    enum fault_trigger trigger;   /* of the event */
    const char *channel;          /* of a line; else NULL */
    const char *interface;        /* its part of the channel's name */
    struct fault_message message; /* the same */
    unsigned from, to, notify_id; /* cores */
    uint64_t number;              /* that the rule chose */
    uint64_t event_number;        /* of a notification between two cores, of a timer's setting */
    unsigned words;               /* of the line */
    uint64_t *before, *after;     /* content; NULL without a line */
    struct fault_action action[FAULT_ACTIONS_MAX];
    size_t action_count;
};

struct fault_log {
    struct fault_entry *entry;
    size_t count, capacity;
    uint64_t total;
};

/* Does this begin a firing?  (A rule with several actions is told once for each.) */
bool fault_log_is_new(const struct fault_log *log, const struct fault_injection *injection);

/* What was done, as an entry, its texts owned by `arena`; and adds it to the log. */
struct fault_entry fault_entry_now(const struct fault_injection *injection, struct arena *arena);
void fault_log_add(struct fault_log *log, struct arena *arena,
                   const struct fault_injection *injection);

/* "lose-the-third: drop myappif.hello #3, myappif:myapp.0<-myapp.1#1, core 1 to 0".  Returns
 * `text`. */
char *fault_entry_text(const struct fault_entry *entry, const struct scenario *scenario, char *text,
                       size_t bytes);

/* The log as a section `faults:` of a scenario. */
void fault_log_write(const struct fault_log *log, const struct scenario *scenario, FILE *out);

#endif
