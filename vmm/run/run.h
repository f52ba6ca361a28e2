/* SPDX-License-Identifier: MIT
 *
 * One run: scenario -> machine -> engine -> result.  Used by every command that runs something.
 */
#ifndef VMM_RUN_H
#define VMM_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/engine.h"
#include "machine/machine.h"
#include "report/files.h"
#include "report/report.h"
#include "report/tracer.h"
#include "run/sandbox.h"
#include "run/terminal.h"
#include "run/watch.h"
#include "scenario/scenario.h"

struct run_settings {
    const struct engine_ops *ops;
    const struct engine_capability *capability; /* from the probe of ops */
    const char *images;                         /* directory */
    uint64_t seed;
    uint64_t guard_ns;         /* processor time that a run in virtual time may take */
    enum sandbox_mode sandbox; /* of the threads that execute the guest */
    uint64_t engine_memory;    /* engine_options.memory_bytes */
    bool trap_window;          /* the machine sees each store to the UMP window (engine_options) */
    struct report_options report;
    struct report_files *files; /* NULL, or collects the result */
    FILE *faults_out;           /* NULL, or where the faults of the run go, as rules */
    FILE *trace;                /* NULL, or where a trace for viewers goes (report.trace: text) */
    enum tracer_format trace_format;
    const char *given;                        /* run_result.given */
    const struct machine_input_source *input; /* NULL, or who types when the scenario has done so */
    struct terminal *terminal;                /* NULL, or what is behind that */
    const char *messages; /* NULL, or a pattern of interface.message: those are shown */
    struct watch *watch;

    /* NULL, or called right before the run and right after it, when the result is known and may
     * still be changed. */
    void (*before_run)(void *context, struct machine *machine, struct engine *engine);
    void (*after_run)(void *context, struct machine *machine, struct engine *engine,
                      struct run_result *result);
    void *context;
};

/* Why an engine cannot run the scenario although it works here: NULL, or one line. */
const char *run_refused(const struct scenario *scenario, const struct engine_ops *ops);

/* Runs the scenario and prints its summary.  Returns the exit status (cmd.h); errors that keep the
 * run from starting are printed to stderr and, if settings->files, recorded there. */
int run_scenario(const struct scenario *scenario, const struct run_settings *settings);

#endif
