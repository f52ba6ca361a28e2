/* SPDX-License-Identifier: MIT
 *
 * The result of one run: what ended it, whether everything held, and the numbers behind it.
 */
#ifndef REPORT_RESULT_H
#define REPORT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "machine/machine.h"
#include "scenario/matcher.h"
#include "scenario/scenario.h"

enum verdict {
    VERDICT_PASS,        /* exit status 0 */
    VERDICT_FAIL,        /* 1: an expectation did not hold, or the guest broke down */
    VERDICT_ERROR,       /* 3: the engine or the host failed; nothing is said about the guest */
    VERDICT_INTERRUPTED, /* 130 */
};

/* "PASS", "FAIL", ...; "pass", ... in JSON. */
const char *verdict_name(enum verdict verdict);
int verdict_exit_status(enum verdict verdict);

struct run_result {
    enum verdict verdict;
    char reason[24];  /* for programs: "met", "violated", or the name of the stop reason */
    char detail[512]; /* for people: why the run ended, one line */

    const char *engine; /* name; static */
    char engine_version[64];
    bool virtual_time; /* machine time is not real time */
    unsigned core_count;
    uint64_t seed;
    const char *given;   /* other options that were given, " --trap-window"; NULL: none */
    uint64_t wall_ns;    /* real time from power-on to the end */
    uint64_t machine_ns; /* machine time of the same */
    bool exited;
    uint32_t exit_code;  /* if exited */
    char state_hash[40]; /* hexadecimal, or "" where the engine has none */

    struct engine_stats stats;
    struct machine_stats machine_stats;
    struct machine_message *sent, *shown; /* last of each core, time 0: none; owned, may be NULL */
    struct machine_value *values;         /* that programs reported; owned */
    size_t value_count;
    char *postmortem; /* text, or NULL; owned */
    char *brief;      /* the same for a screen, or NULL; owned */
};

/* Fills verdict, reason, detail, exited and exit_code from why the engine stopped and from what the
 * matcher saw (an exit code is fed to it). */
void result_conclude(struct run_result *result, const struct scenario *scenario,
                     struct matcher *matcher, const struct engine_stop *why);

void result_free(struct run_result *result);

#endif
