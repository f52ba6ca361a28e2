/* SPDX-License-Identifier: MIT
 *
 * Console multiplexer.  Lines of all cores arrive on whatever thread executes the core; a mutex
 * puts them in one order, prefixes time and core, and keeps them.  Colour and the status line exist
 * on terminals only, so that a log file holds text and nothing else.
 *
 * A guest may print without end.  So there are limits for what is shown, traced and kept; what goes
 * beyond is counted, and one line says how much it was.  Of what is not kept, the last lines of
 * each core are, for the summary.
 *
 * The status line is redrawn by a thread of its own that looks at the host's clock; it only reads,
 * and nothing of it can reach the guest.  Must never block the machine (the streams are a
 * writer's, writer.h), and must never show a guest's bytes unfiltered (text.h).
 */
#include "report/report.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/ports.h"
#include "report/output.h"
#include "report/summary.h"
#include "scenario/text.h"

#define PROGRESS_INTERVAL_NS 200000000
#define PROGRESS_DELAY_NS 500000000 /* short runs show none */

struct report {
    const struct scenario *scenario;
    struct report_options options;
    struct matcher *matcher;

    pthread_mutex_t lock; /* everything below, the matcher, and writes to the streams */
    struct arena arena;   /* text of the lines kept */
    struct report_line *lines;
    size_t line_count, line_capacity;
    uint64_t keep_limit, line_bytes, line_total, core_total[ABI_MAX_CORES];
    struct report_line (*last)[REPORT_LAST_LINES]; /* [core]: ring of those not kept, on the heap */
    uint64_t last_count[ABI_MAX_CORES];

    struct budget {
        uint64_t limit, bytes, left_out; /* the last in lines; nothing is shown once it counts */
    } shown, traced;
    struct fault_log faults;

    /* Status line. */
    pthread_t thread;
    bool thread_runs, thread_stop;
    pthread_cond_t wake;
    bool drawn; /* a status line stands on the terminal */
    const char *engine;
    uint64_t begin_ns;
};

static uint64_t host_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct report *report_create(const struct scenario *scenario, const struct report_options *options)
{
    struct report *report = calloc(1, sizeof(*report));
    if (!report)
        return NULL;
    report->scenario = scenario;
    report->options = *options;
    report->shown.limit = options->output_limit ? options->output_limit : REPORT_OUTPUT_LIMIT;
    report->traced.limit = options->output_limit ? options->output_limit : REPORT_TRACE_LIMIT;
    report->keep_limit = options->keep_limit ? options->keep_limit : REPORT_KEEP_LIMIT;
    report->matcher = matcher_create(scenario);
    report->last = calloc(scenario->machine.core_count, sizeof(*report->last));
    if (!report->matcher || !report->last) {
        matcher_destroy(report->matcher);
        free(report->last);
        free(report);
        return NULL;
    }
    pthread_mutex_init(&report->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&report->wake, &clock);
    pthread_condattr_destroy(&clock);
    return report;
}

static void free_line(struct report_line *line)
{
    free((char *)line->speaker);
    free((char *)line->text);
    line->speaker = line->text = NULL;
}

void report_destroy(struct report *report)
{
    if (!report)
        return;
    report_end(report);
    matcher_destroy(report->matcher);
    pthread_cond_destroy(&report->wake);
    pthread_mutex_destroy(&report->lock);
    arena_free(&report->arena);
    for (unsigned core = 0; core < report->scenario->machine.core_count; core++)
        for (unsigned i = 0; i < REPORT_LAST_LINES; i++)
            free_line(&report->last[core][i]);
    free(report->last);
    free(report->lines);
    free(report);
}

struct matcher *report_matcher(struct report *report)
{
    return report->matcher;
}

const struct report_line *report_lines(const struct report *report, size_t *count, uint64_t *all)
{
    *count = report->line_count;
    *all = report->line_total;
    return report->lines;
}

/* ---- status line ---- */

static void erase_status(struct report *report)
{
    if (report->drawn)
        fputs("\r\033[K", report->options.out);
    report->drawn = false;
}

static void draw_status(struct report *report, uint64_t now_ns)
{
    size_t done, of;
    matcher_progress(report->matcher, &done, &of);
    erase_status(report);
    fprintf(report->options.out, "%s  %.1f s  %s  %zu of %zu expectations  %llu lines",
            report->scenario->name, (double)(now_ns - report->begin_ns) / 1e9, report->engine, done,
            of, (unsigned long long)report->line_total);
    fflush(report->options.out);
    report->drawn = true;
}

static void *status_thread(void *context)
{
    struct report *report = context;
    pthread_mutex_lock(&report->lock);
    uint64_t next_ns = report->begin_ns + PROGRESS_DELAY_NS;
    while (!report->thread_stop) {
        struct timespec until = { .tv_sec = (time_t)(next_ns / 1000000000),
                                  .tv_nsec = (long)(next_ns % 1000000000) };
        pthread_cond_timedwait(&report->wake, &report->lock, &until);
        uint64_t now_ns = host_now_ns();
        if (report->thread_stop || now_ns < next_ns)
            continue;
        if (!output_is_behind()) /* a halted terminal shows the latest one when it goes on */
            draw_status(report, now_ns);
        next_ns = now_ns + PROGRESS_INTERVAL_NS;
    }
    erase_status(report);
    fflush(report->options.out);
    pthread_mutex_unlock(&report->lock);
    return NULL;
}

void report_begin(struct report *report, const char *engine)
{
    assert(!report->thread_runs);
    report->engine = engine;
    report->begin_ns = host_now_ns();
    report->thread_stop = false;
    /* Without the thread there is no status line, and nothing else is lost. */
    if (report->options.progress)
        report->thread_runs = pthread_create(&report->thread, NULL, status_thread, report) == 0;
}

static void end_trace(struct report *report)
{
    if (!report->options.trace || report->traced.left_out == 0)
        return;
    fprintf(report->options.trace, "-- %llu more lines left out (--output-limit)\n",
            (unsigned long long)report->traced.left_out);
    report->traced.left_out = 0;
}

void report_end(struct report *report)
{
    end_trace(report);
    if (!report->thread_runs)
        return;
    pthread_mutex_lock(&report->lock);
    report->thread_stop = true;
    pthread_cond_signal(&report->wake);
    pthread_mutex_unlock(&report->lock);
    pthread_join(report->thread, NULL);
    report->thread_runs = false;
}

/* ---- lines ---- */

/* Readable on dark and light backgrounds; the core number picks one. */
static const int core_colours[] = { 36, 33, 35, 32, 34, 31 };

static void prefix(const struct report *report, unsigned core, uint64_t time_ns, char *text,
                   size_t bytes)
{
    int width = report->scenario->machine.core_count > 10 ? 2 : 1;
    if (report->options.colour)
        snprintf(text, bytes, "\033[2m[%5llu.%06llu\033[0m \033[%dm%*u\033[0m\033[2m]\033[0m ",
                 (unsigned long long)(time_ns / 1000000000),
                 (unsigned long long)(time_ns / 1000 % 1000000),
                 core_colours[core % (sizeof(core_colours) / sizeof(core_colours[0]))], width,
                 core);
    else
        snprintf(text, bytes, "[%5llu.%06llu %*u] ", (unsigned long long)(time_ns / 1000000000),
                 (unsigned long long)(time_ns / 1000 % 1000000), width, core);
}

/* May a line of so many bytes be shown?  After the first that may not, none may: what is there is
 * the beginning, without holes. */
static bool allow(struct budget *budget, size_t bytes)
{
    if (budget->left_out > 0 || bytes > budget->limit - budget->bytes) {
        budget->left_out++;
        return false;
    }
    budget->bytes += bytes;
    return true;
}

/* A line beyond those kept: the last of its core. */
static void remember_last(struct report *report, const struct report_line *line)
{
    struct report_line *last =
        &report->last[line->core][report->last_count[line->core]++ % REPORT_LAST_LINES];
    free_line(last);
    *last = *line;
    last->speaker = strdup(line->speaker);
    last->text = strdup(line->text);
    if (!last->speaker || !last->text) { /* counted, shown, not kept */
        free_line(last);
        report->last_count[line->core]--;
    }
}

static bool room_for_line(struct report *report, size_t bytes)
{
    if (report->line_count == REPORT_LINES_MAX || bytes > report->keep_limit - report->line_bytes)
        return false;
    if (report->line_count < report->line_capacity)
        return true;
    size_t capacity = report->line_capacity ? report->line_capacity * 2 : 256;
    struct report_line *lines = realloc(report->lines, capacity * sizeof(*lines));
    if (!lines)
        return false;
    report->lines = lines;
    report->line_capacity = capacity;
    return true;
}

static void keep_line(struct report *report, const struct report_line *line)
{
    size_t bytes = strlen(line->text) + strlen(line->speaker);
    report->line_total++;
    report->core_total[line->core]++;
    /* once one was not kept, none is: the first lines are there without holes */
    if (report->line_total - 1 > report->line_count || !room_for_line(report, bytes)) {
        remember_last(report, line);
        return;
    }
    report->line_bytes += bytes;
    struct report_line *kept = &report->lines[report->line_count++];
    *kept = *line;
    kept->speaker = arena_string(&report->arena, line->speaker);
    kept->text = arena_string(&report->arena, line->text);
}

static void show_line(struct report *report, const struct report_line *line)
{
    char head[96];
    const char *speaker = line->speaker[0] ? line->speaker : "cpu";
    prefix(report, line->core, line->time_ns, head, sizeof(head));
    if (!allow(&report->shown, strlen(head) + strlen(speaker) + strlen(line->text) + 3))
        return;
    erase_status(report);
    fprintf(report->options.out, "%s%s: %s\n", head, speaker, line->text);
    fflush(report->options.out);
}

static void trace_line(struct report *report, unsigned core, uint64_t time_ns, const char *speaker,
                       const char *text)
{
    if (!report->options.trace || !allow(&report->traced, strlen(speaker) + strlen(text) + 16))
        return;
    fprintf(report->options.trace, "%llu %u %s%s%s\n", (unsigned long long)time_ns, core, speaker,
            *speaker ? ": " : "", text);
}

enum matcher_state report_console(struct report *report, const struct machine_console_line *line)
{
    char *text = text_clean(line->text, line->bytes);
    char *speaker = text_clean(line->speaker, strnlen(line->speaker, sizeof(line->speaker) - 1));
    struct report_line shown = { .time_ns = line->time_ns,
                                 .core = line->core,
                                 .kind = line->kind,
                                 .speaker = speaker ? speaker : "",
                                 .text = text ? text : "(the host has no memory for this line)" };
    bool visible = report->options.verbosity >= (line->kind == ABI_CONSOLE_TRACE ? 1 : 0);

    pthread_mutex_lock(&report->lock);
    keep_line(report, &shown);
    matcher_time(report->matcher, line->time_ns);
    matcher_line(report->matcher, shown.core, shown.speaker, shown.text);
    enum matcher_state state = matcher_state(report->matcher);
    if (visible)
        show_line(report, &shown);
    trace_line(report, shown.core, shown.time_ns, shown.speaker[0] ? shown.speaker : "cpu",
               shown.text);
    pthread_mutex_unlock(&report->lock);
    free(text);
    free(speaker);
    return state;
}

const struct fault_log *report_faults(const struct report *report)
{
    return &report->faults;
}

/* `guest_text` may quote the guest: names of channels, of dispatchers. */
static void show_event(struct report *report, unsigned core, uint64_t time_ns, const char *mark,
                       const char *guest_text, int least_verbosity)
{
    char head[96];
    if (report->options.verbosity < least_verbosity && !report->options.trace)
        return;
    char *clean = text_clean(guest_text, strlen(guest_text));
    const char *text = clean ? clean : "(the host has no memory for this line)";
    pthread_mutex_lock(&report->lock);
    prefix(report, core, time_ns, head, sizeof(head));
    if (report->options.verbosity >= least_verbosity &&
        allow(&report->shown, strlen(head) + strlen(text) + 4)) {
        erase_status(report);
        fprintf(report->options.out, "%s%s %s\n", head, mark, text);
    }
    trace_line(report, core, time_ns, "", text);
    pthread_mutex_unlock(&report->lock);
    free(clean);
}

enum matcher_state report_fault(struct report *report, const struct fault_injection *injection)
{
    char text[512];
    pthread_mutex_lock(&report->lock);
    matcher_time(report->matcher, injection->time_ns);
    if (fault_log_is_new(&report->faults, injection))
        matcher_fired(report->matcher, injection->fire->rule);
    fault_log_add(&report->faults, &report->arena, injection);
    enum matcher_state state = matcher_state(report->matcher);
    const struct fault_entry one = fault_entry_now(injection, &report->arena);
    fault_entry_text(&one, report->scenario, text, sizeof(text));
    pthread_mutex_unlock(&report->lock);
    show_event(report, injection->from, injection->time_ns, "**", text, 0);
    return state;
}

enum matcher_state report_breach(struct report *report, uint64_t time_ns, const char *problem)
{
    char text[320];
    snprintf(text, sizeof(text), "at %.6f s: %s", (double)time_ns / 1e9, problem);
    pthread_mutex_lock(&report->lock);
    matcher_time(report->matcher, time_ns);
    matcher_invariant(report->matcher, INVARIANT_CAPABILITIES, text);
    enum matcher_state state = matcher_state(report->matcher);
    pthread_mutex_unlock(&report->lock);
    return state;
}

enum matcher_state report_value(struct report *report, unsigned core, const char *domain,
                                uint64_t time_ns, const struct machine_value *value)
{
    char *speaker = text_clean(domain, strlen(domain));
    pthread_mutex_lock(&report->lock);
    matcher_time(report->matcher, time_ns);
    matcher_value(report->matcher, value->name, value->kind, value->value, value->failures,
                  speaker ? speaker : "", core);
    enum matcher_state state = matcher_state(report->matcher);
    pthread_mutex_unlock(&report->lock);
    free(speaker);
    return state;
}

void report_event(struct report *report, unsigned core, uint64_t time_ns, const char *text)
{
    show_event(report, core, time_ns, "--", text, 1);
}

void report_message(struct report *report, unsigned core, uint64_t time_ns, const char *text)
{
    show_event(report, core, time_ns, "--", text, report->options.verbosity);
}

void report_trace(struct report *report, unsigned core, uint64_t time_ns, const char *text)
{
    show_event(report, core, time_ns, "--", text, 2);
}

void report_explanation(struct report *report, const char *text)
{
    pthread_mutex_lock(&report->lock);
    erase_status(report);
    fputs("-- what each thread waits for:\n", report->options.out);
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        fputs("   ", report->options.out);
        text_write(report->options.out, line, length);
        fputc('\n', report->options.out);
        line += length + (line[length] == '\n');
    }
    fflush(report->options.out);
    pthread_mutex_unlock(&report->lock);
}

void report_note(struct report *report, const char *format, ...)
{
    if (report->options.verbosity < 1)
        return;
    va_list args;
    pthread_mutex_lock(&report->lock);
    erase_status(report);
    va_start(args, format);
    fputs("-- ", report->options.out);
    vfprintf(report->options.out, format, args);
    va_end(args);
    fputc('\n', report->options.out);
    pthread_mutex_unlock(&report->lock);
}

/* ---- summary ---- */

/* Lets the last lines of each core follow those kept. */
static void append_last_lines(struct report *report)
{
    unsigned cores = report->scenario->machine.core_count;
    size_t most = report->line_count + (size_t)cores * REPORT_LAST_LINES;
    struct report_line *lines = realloc(report->lines, most * sizeof(*lines));
    if (!lines)
        return;
    report->lines = lines;
    report->line_capacity = most;
    for (unsigned core = 0; core < cores; core++) {
        uint64_t count = report->last_count[core];
        for (uint64_t i = count > REPORT_LAST_LINES ? count - REPORT_LAST_LINES : 0; i < count; i++)
            report->lines[report->line_count++] = report->last[core][i % REPORT_LAST_LINES];
    }
}

void report_summary(struct report *report, const struct run_result *result)
{
    pthread_mutex_lock(&report->lock);
    erase_status(report);
    if (report->shown.left_out > 0)
        fprintf(report->options.out,
                "-- %llu more lines left out: %llu bytes were shown (--output-limit)\n",
                (unsigned long long)report->shown.left_out,
                (unsigned long long)report->shown.bytes);
    size_t kept = report->line_count;
    append_last_lines(report);
    const struct summary summary = {
        .scenario = report->scenario,
        .matcher = report->matcher,
        .lines = report->lines,
        .line_count = report->line_count,
        .faults = &report->faults,
        .core_lines = report->core_total,
        .result = result,
        .colour = report->options.colour,
        .verbosity = report->options.verbosity,
        .full = report->options.full || report->options.verbosity >= 1,
    };
    summary_print(&summary, report->options.out);
    fflush(report->options.out);
    report->line_count = kept;
    pthread_mutex_unlock(&report->lock);
}
