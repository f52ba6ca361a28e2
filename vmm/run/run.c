/* SPDX-License-Identifier: MIT
 *
 * The glue between what knows nothing of each other: the scenario becomes a plain machine_config,
 * the machine's sink feeds the report, the report's matcher asks the engine to stop.  Everything
 * that is opened here is closed here, on every path, whatever the guest did.
 *
 * Nothing that differs between runs (host time, verbosity, a terminal) may reach the machine: its
 * configuration is made from the scenario and the seed alone, `trace` excepted, which only decides
 * who listens.
 */
#include "run/run.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/host_limits.h"
#include "machine/machine.h"
#include "run/config.h"
#include "run/images.h"
#include "run/status.h"
#include "scenario/text.h"
#include "scenario/units.h"

/* Address space that a run may take beside guest memory and the engine's tables: stacks and heaps
 * of a thread for each core, lines kept, symbols. */
#define RUN_MEMORY_BYTES (8ull << 30)

struct run {
    const struct scenario *scenario;
    const struct run_settings *settings;
    struct machine *machine;
    struct engine *engine;
    struct report *report;
    struct tracer *tracer; /* NULL: no trace for viewers */
};

static uint64_t host_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the machine's sink ---- */

/* Ends the run when its outcome is known; first comes the quiet time, if the scenario has one. */
static void judge(struct run *run, enum matcher_state state, uint64_t now_ns)
{
    if (state == MATCHER_OPEN || !run->engine)
        return;
    if (state == MATCHER_MET && run->settings->terminal)
        return; /* whoever sits there ends it */
    if (state == MATCHER_MET && run->scenario->quiet_ns > 0)
        machine_begin_quiet(run->machine, now_ns);
    else
        run->settings->ops->request_stop(run->engine, STOP_REQUEST);
}

static void sink_console(void *context, const struct machine_console_line *line)
{
    struct run *run = context;
    if (run->tracer)
        tracer_console(run->tracer, line);
    judge(run, report_console(run->report, line), line->time_ns);
}

static void sink_trace(void *context, unsigned core, uint64_t time_ns, uint64_t index,
                       const struct abi_trace_record *record)
{
    struct run *run = context;
    char text[256];
    (void)index;
    machine_trace_text(run->machine, record, text, sizeof(text));
    if (run->tracer) {
        char who[17];
        machine_trace_who(run->machine, record, who);
        tracer_record(run->tracer, core, time_ns, record, who, text);
    }
    report_trace(run->report, core, time_ns, text);
}

/* "INTERFACE.MESSAGE #3 to core 1, ...": is it one of those that are to be shown? */
static bool is_wanted(const struct run *run, const char *message)
{
    char name[FAULT_CHANNEL_NAME_MAX];
    if (!run->settings->messages || !message)
        return false;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(message, " "), message);
    return fnmatch(run->settings->messages, name, 0) == 0;
}

static void sink_message(void *context, enum machine_message_step step,
                         const struct machine_message *message)
{
    const struct run *run = context;
    if (run->tracer)
        tracer_message(run->tracer, step, message);
}

static void sink_event(void *context, enum machine_event kind, unsigned core, uint64_t time_ns,
                       const char *text)
{
    static const char *const names[] = {
        [MACHINE_EVENT_CORE_STARTED] = "core started",
        [MACHINE_EVENT_CORE_STOPPED] = "core stopped",
        [MACHINE_EVENT_CHANNEL] = "channel",
        [MACHINE_EVENT_MESSAGE] = "message",
        [MACHINE_EVENT_EXIT] = "machine switched off",
        [MACHINE_EVENT_PANIC] = "panic",
        [MACHINE_EVENT_INPUT] = "input",
        [MACHINE_EVENT_CRASH] = "crash",
        [MACHINE_EVENT_BAD_REQUEST] = "", /* the text says it all */
    };
    struct run *run = context;
    char line[512];
    bool known = (size_t)kind < sizeof(names) / sizeof(names[0]);
    snprintf(line, sizeof(line), "%s%s%s", known ? names[kind] : "event", text && *text ? ": " : "",
             text ? text : "");
    if (kind == MACHINE_EVENT_MESSAGE) { /* sink_message puts it into the trace */
        if (!run->settings->messages)
            report_event(run->report, core, time_ns, line);
        else if (is_wanted(run, text))
            report_message(run->report, core, time_ns, line);
        return;
    }
    if (run->tracer)
        tracer_event(run->tracer, core, time_ns, line);
    report_event(run->report, core, time_ns, line);
    if (kind == MACHINE_EVENT_CRASH && run->scenario->machine.crash_fails)
        run->settings->ops->request_stop(run->engine, STOP_REQUEST);
}

static void sink_fault(void *context, const struct fault_injection *injection)
{
    struct run *run = context;
    if (run->tracer)
        tracer_fault(run->tracer, injection, run->scenario->faults[injection->fire->rule].name);
    judge(run, report_fault(run->report, injection), injection->time_ns);
}

static void sink_value(void *context, unsigned core, const char *domain, uint64_t time_ns,
                       const struct machine_value *value)
{
    struct run *run = context;
    judge(run, report_value(run->report, core, domain, time_ns, value), time_ns);
}

static void sink_breach(void *context, uint64_t time_ns, const char *problem)
{
    struct run *run = context;
    judge(run, report_breach(run->report, time_ns, problem), time_ns);
}

/* ---- scenario -> machine ---- */

/* `modules` has room for all modules of the menu. */
static void fill_config(struct machine_config *config, struct machine_menu_line *modules,
                        struct run *run)
{
    const struct scenario *scenario = run->scenario;
    config_of_scenario(config, modules, scenario, run->settings->images, run->settings->seed);
    config->deadline_ns = scenario->deadline_ns;
    config->trace =
        run->settings->report.verbosity >= 2 || run->settings->report.trace || run->tracer;
    config->faults =
        (struct fault_rules){ scenario->faults, scenario->fault_count, run->settings->seed };
    config->quiet_ns = scenario->quiet_ns;
    config->source = run->settings->input;
    config->messages = run->settings->report.verbosity >= 1 || run->settings->report.trace ||
                       run->settings->messages;
    config->watch_messages = run->tracer || run->settings->messages;
    config->panic_kills_core = scenario->machine.panic_kills_core;
    config->interconnect = scenario->machine.interconnect;
    /* a machine of ours tells where programs report in any case; a PC only if it is asked to */
    config->watch_values =
        scenario_wants_values(scenario) ||
        (run->settings->ops->witness && scenario_wants(scenario, INVARIANT_MEMORY));
    config->check_channels = scenario_wants(scenario, INVARIANT_CHANNELS);
    if (run->settings->capability->virtual_time)
        config->check_capabilities_ns = scenario_wants_every(scenario, INVARIANT_CAPABILITIES);
    config->sink = (struct machine_sink){ run,        sink_console, sink_trace,  sink_event,
                                          sink_fault, sink_value,   sink_breach, sink_message };
}

/* ---- the run ---- */

static char *postmortem_text(struct run *run, const struct engine_stop *why, bool brief)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    if (brief)
        machine_postmortem_brief(run->machine, why, out);
    else
        machine_postmortem(run->machine, why, run->settings->report.verbosity >= 1, out);
    fclose(out);
    return text;
}

/* A guest that went wrong in an orderly way (wrong exit code, forbidden line) needs no
 * registers. */
static bool wants_postmortem(const struct run *run, const struct run_result *result,
                             const struct engine_stop *why)
{
    if (result->verdict == VERDICT_PASS)
        return false;
    return run->settings->report.verbosity >= 1 || run->settings->report.full ||
           machine_crash_text(run->machine, NULL, 0) ||
           (why->reason != STOP_EXIT && why->reason != STOP_REQUEST);
}

/* What programs have reported, for the result files. */
static void gather_values(const struct run *run, struct run_result *result)
{
    struct machine_value value;
    size_t count = 0;
    while (machine_value_at(run->machine, count, &value))
        count++;
    result->values = calloc(count + 1, sizeof(value));
    for (size_t i = 0; result->values && i < count; i++)
        machine_value_at(run->machine, i, &result->values[result->value_count++]);
}

static void gather_messages(const struct run *run, struct run_result *result)
{
    result->sent = calloc(result->core_count, sizeof(*result->sent));
    result->shown = calloc(result->core_count, sizeof(*result->shown));
    for (unsigned core = 0; result->sent && result->shown && core < result->core_count; core++) {
        machine_last_message(run->machine, core, true, &result->sent[core]);
        machine_last_message(run->machine, core, false, &result->shown[core]);
    }
}

static void check_invariants(struct run *run)
{
    struct matcher *matcher = report_matcher(run->report);
    char problem[256];
    matcher_invariant(matcher, INVARIANT_MEMORY, NULL);
    bool fine = machine_check_channels(run->machine, problem, sizeof(problem));
    matcher_invariant(matcher, INVARIANT_CHANNELS, fine ? NULL : problem);
    if (!scenario_wants(run->scenario, INVARIANT_CAPABILITIES))
        return;
    fine = machine_check_capabilities(run->machine, problem, sizeof(problem));
    matcher_invariant(matcher, INVARIANT_CAPABILITIES, fine ? NULL : problem);
}

static void gather(struct run *run, struct run_result *result, const struct engine_stop *why)
{
    const struct engine_ops *ops = run->settings->ops;
    ops->stats(run->engine, &result->stats);
    machine_get_stats(run->machine, &result->machine_stats);
    if (ops->state_hash) {
        uint64_t hash[2];
        if (ops->state_hash(run->engine, hash) == 0)
            snprintf(result->state_hash, sizeof(result->state_hash), "%016" PRIx64 "%016" PRIx64,
                     hash[0], hash[1]);
        else
            fprintf(stderr, "vmm: the host has no memory for the state hash\n");
    }
    gather_values(run, result);
    gather_messages(run, result);
    if (wants_postmortem(run, result, why)) {
        result->postmortem = postmortem_text(run, why, false);
        result->brief = postmortem_text(run, why, true);
    }
}

/* A domain that died explains why expectations were not met better than the deadline does. */
static void blame_crash(struct run *run, struct run_result *result)
{
    char text[160], detail[sizeof(result->detail)];
    bool refused = run->scenario->machine.crash_fails;
    if (!machine_crash_text(run->machine, text, sizeof(text)) ||
        (result->verdict != VERDICT_FAIL && !refused) || strcmp(result->reason, "panic") == 0)
        return;
    snprintf(detail, sizeof(detail), "%s", result->detail);
    snprintf(result->reason, sizeof(result->reason), "crash");
    if (refused)
        snprintf(result->detail, sizeof(result->detail), "%s", text);
    else
        snprintf(result->detail, sizeof(result->detail), "%s; then: %.300s", text, detail);
    if (result->verdict != VERDICT_INTERRUPTED)
        result->verdict = VERDICT_FAIL;
}

/* The guest runs on a thread of its own, which may ask less of the host than the others. */
struct guest_thread {
    struct run *run;
    struct engine_stop *why;
    int error;
    bool confined;
    char problem[160];
};

static void *guest_thread(void *context)
{
    struct guest_thread *guest = context;
    guest->confined =
        sandbox_guest_thread(guest->run->settings->sandbox, guest->problem, sizeof(guest->problem));
    guest->error = machine_run(guest->run->machine, guest->why);
    return NULL;
}

static int run_guest(struct run *run, struct engine_stop *why)
{
    enum sandbox_mode sandbox = run->settings->sandbox;
    struct guest_thread guest = { .run = run, .why = why };
    pthread_t thread;
    if (sandbox == SANDBOX_OFF)
        return machine_run(run->machine, why);
    sandbox_limits(sandbox, (run->settings->engine_memory ? run->settings->engine_memory
                                                          : ENGINE_MEMORY_BYTES) +
                                RUN_MEMORY_BYTES);
    if (!sandbox_process(sandbox, guest.problem, sizeof(guest.problem)))
        report_note(run->report, "%s", guest.problem);
    int error = pthread_create(&thread, NULL, guest_thread, &guest);
    if (error) {
        why->reason = STOP_ENGINE;
        char limit[160];
        host_explain("", error, limit, sizeof(limit));
        snprintf(why->detail, sizeof(why->detail), "a thread cannot be made: %s", limit);
        return -error;
    }
    pthread_join(thread, NULL);
    if (!guest.confined)
        report_note(run->report, "%s", guest.problem);
    return guest.error;
}

/* On SIGQUIT, while the machine runs. */
static void explain(void *context)
{
    struct run *run = context;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return;
    machine_explain(run->machine, out);
    fclose(out);
    report_explanation(run->report, text);
    free(text);
}

static void run_machine_to_end(struct run *run, struct run_result *result)
{
    const struct run_settings *settings = run->settings;
    struct engine_stop why = { 0 };
    if (settings->before_run)
        settings->before_run(settings->context, run->machine, run->engine);
    report_begin(run->report, settings->ops->name);
    watch_engine(settings->watch, settings->ops, run->engine,
                 settings->capability->virtual_time ? settings->guard_ns : 0);
    watch_explain(settings->watch, explain, run);
    uint64_t start_ns = host_now_ns();
    if (settings->terminal)
        terminal_begin(settings->terminal, run->machine);
    int error = run_guest(run, &why);
    if (settings->terminal)
        terminal_end(settings->terminal);
    result->wall_ns = host_now_ns() - start_ns;
    watch_explain(settings->watch, NULL, NULL);
    watch_engine(settings->watch, NULL, NULL, 0);
    report_end(run->report);

    if (error && why.reason != STOP_ENGINE) {
        why.reason = STOP_ENGINE;
        snprintf(why.detail, sizeof(why.detail), "%s", strerror(-error));
    }
    matcher_time(report_matcher(run->report), why.time_ns);
    check_invariants(run);
    result_conclude(result, run->scenario, report_matcher(run->report), &why);
    blame_crash(run, result);
    if (why.reason == STOP_DEADLINE && watch_limit_reached(settings->watch)) {
        snprintf(result->reason, sizeof(result->reason), "guard");
        snprintf(result->detail, sizeof(result->detail),
                 "%" PRIu64 " s of processor time passed before the deadline of virtual time; the "
                 "guest is busy without getting anywhere, or needs more (--guard)",
                 settings->guard_ns / 1000000000);
        result->verdict = VERDICT_FAIL;
    }
    if (why.reason == STOP_INTERRUPTED)
        snprintf(result->detail, sizeof(result->detail), "interrupted by SIG%s",
                 watch_signal(settings->watch) ? sigabbrev_np(watch_signal(settings->watch)) : "?");
    gather(run, result, &why);
    if (settings->after_run)
        settings->after_run(settings->context, run->machine, run->engine, result);
}

static int fail(struct run *run, int status, const char *message)
{
    char *clean = text_clean(message, strlen(message)); /* it may name files of any name */
    fprintf(stderr, "vmm: %s: %s\n", run->scenario->name, clean ? clean : "(no memory)");
    free(clean);
    if (run->settings->files)
        report_files_add_error(run->settings->files, run->scenario->file, run->scenario->name,
                               message);
    return status;
}

static int check_images(struct run *run)
{
    struct diags *diags = calloc(1, sizeof(*diags));
    if (!diags)
        return fail(run, STATUS_HOST, "the host is out of memory");
    int status = STATUS_OK;
    if (images_missing(run->scenario, run->settings->images, false, diags)) {
        diags_print(diags, stderr);
        status = fail(run, STATUS_USAGE, "images of the boot menu are missing (make builds them)");
    } else if (!names_known(run->scenario, run->settings->images, diags)) {
        diags_print(diags, stderr);
        status = fail(run, STATUS_USAGE, "a rule of faults names what no program of the menu has");
    }
    diags_free(diags);
    free(diags);
    return status;
}

/* Is it the scenario or an image that machine_create() refused, not the host that failed? */
static bool is_users(int error)
{
    return error == -EINVAL || error == -ENOENT || error == -ENOEXEC || error == -EFBIG ||
           error == -ENOSPC || error == -EACCES;
}

/* The trace ends with what result files say of the run. */
static void end_tracer(struct run *run, const struct run_result *result)
{
    struct report_files one = { 0 };
    if (!run->tracer)
        return;
    const bool known = report_files_add(&one, run->scenario, run->report,
                                        report_matcher(run->report), result) == 0;
    tracer_end(run->tracer, known ? json_array_get(one.results, 0) : NULL);
    report_files_free(&one);
}

static int create_and_run(struct run *run, const struct machine_config *config)
{
    const struct run_settings *settings = run->settings;
    char error[1024] = "";
    struct engine_options options = {
        .seed = settings->seed,
        .slice_blocks = run->scenario->machine.slice_blocks,
        .slice_ns = run->scenario->machine.interconnect.given
                        ? run->scenario->machine.interconnect.latency_ns
                        : 0,
        .memory_bytes = settings->engine_memory,
        .trap_window = settings->trap_window,
        .count_instructions =
            settings->files || settings->report.full || settings->report.verbosity >= 1,
        .interrupt_fd = -1, /* watch.c calls request_stop */
    };
    if (run->scenario->machine.interconnect.given && !settings->ops->observe)
        fprintf(stderr,
                "vmm: %s: engine %s runs in real time: over the interconnect, lines and "
                "notifications take what it says at the least\n",
                run->scenario->name, settings->ops->name);
    if (run->scenario->machine.interconnect.loads && !settings->ops->far_loads)
        fprintf(stderr, "vmm: %s: loads take no longer from far memory on engine %s\n",
                run->scenario->name, settings->ops->name);
    int problem = machine_create(&run->machine, config, error, sizeof(error));
    if (problem)
        return fail(run, is_users(problem) ? STATUS_USAGE : STATUS_HOST,
                    error[0] ? error : strerror(-problem));
    problem = settings->ops->create(&run->engine, run->machine, &options);
    if (problem) {
        const char *text = machine_error_text(run->machine);
        snprintf(error, sizeof(error), "engine %s: %s", settings->ops->name,
                 *text ? text : strerror(-problem));
        run->engine = NULL;
        machine_destroy(run->machine);
        return fail(run, STATUS_HOST, error);
    }

    struct run_result result = {
        .engine = settings->ops->name,
        .virtual_time = settings->capability->virtual_time,
        .core_count = run->scenario->machine.core_count,
        .seed = settings->seed,
        .given = settings->given,
    };
    snprintf(result.engine_version, sizeof(result.engine_version), "%s",
             settings->capability->version);
    report_note(run->report, "%s on engine %s (%s), seed %" PRIu64 ", images in %s",
                run->scenario->name, settings->ops->name, settings->capability->version,
                settings->seed, settings->images);
    run_machine_to_end(run, &result);
    settings->ops->destroy(run->engine);
    machine_destroy(run->machine);

    report_summary(run->report, &result);
    if (settings->faults_out)
        fault_log_write(report_faults(run->report), run->scenario, settings->faults_out);
    end_tracer(run, &result);
    int status = verdict_exit_status(result.verdict);
    if (settings->files && report_files_add(settings->files, run->scenario, run->report,
                                            report_matcher(run->report), &result)) {
        fprintf(stderr, "vmm: the host has no memory for the result of %s\n", run->scenario->name);
        status = STATUS_HOST;
    }
    result_free(&result);
    return status;
}

int run_scenario(const struct scenario *scenario, const struct run_settings *settings)
{
    struct run run = { .scenario = scenario, .settings = settings };
    int status = check_images(&run);
    const char *refused = run_refused(scenario, settings->ops);
    if (status == STATUS_OK && refused)
        status = fail(&run, STATUS_HOST, refused);
    if (status != STATUS_OK)
        return status;
    struct machine_config *config = calloc(1, sizeof(*config));
    struct machine_menu_line *modules =
        calloc(scenario->menu.module_count + 1, sizeof(struct machine_menu_line));
    struct machine_input *pieces = calloc(scenario->input_count + 1, sizeof(*pieces));
    run.report = report_create(scenario, &settings->report);
    if (settings->trace)
        run.tracer = tracer_create(settings->trace, settings->trace_format,
                                   scenario->machine.core_count, settings->report.output_limit);
    if (config && modules && pieces && run.report && (!settings->trace || run.tracer)) {
        fill_config(config, modules, &run);
        config_input(config, pieces, scenario);
        status = create_and_run(&run, config);
    } else {
        status = fail(&run, STATUS_HOST, "the host is out of memory");
    }
    tracer_destroy(run.tracer);
    report_destroy(run.report);
    free(pieces);
    free(modules);
    free(config);
    return status;
}
