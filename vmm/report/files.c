/* SPDX-License-Identifier: MIT
 *
 * JSON and JUnit.  Each run becomes one JSON object as soon as it ends; the JUnit file is made from
 * the same objects at the end, so the two can never disagree.  All guest text was cleaned by
 * text_clean(): jansson refuses anything that is not UTF-8, and XML has no way to write control
 * characters.
 *
 * Key order is that of insertion and numbers are integers, so that equal runs give equal files
 * except for what is measured (wall_ns, and machine_ns on engines in real time).
 */
#include "report/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/ports.h"
#include "abi/version.h"
#include "report/again.h"
#include "scenario/text.h"

/* jansson reports lack of memory by NULL, which json_object_set_new() passes on as failure. */
static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* A string that may hold anything (file names). */
static json_t *text_json(const char *text)
{
    char *clean = text_clean(text, strlen(text));
    json_t *value = clean ? json_string(clean) : NULL;
    free(clean);
    return value;
}

/* Text of several lines as an array. */
static json_t *text_lines_json(const char *text)
{
    json_t *list = json_array();
    int failed = !list;
    while (*text && !failed) {
        size_t length = strcspn(text, "\n");
        char *clean = text_clean(text, length);
        failed |= !clean || json_array_append_new(list, json_string(clean));
        free(clean);
        text += length;
        text += *text == '\n';
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *expectations_json(const struct scenario *scenario, const struct matcher *matcher)
{
    char text[256];
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; list && i < scenario->expectation_count; i++) {
        const struct expectation *expectation = &scenario->expectations[i];
        json_t *item = json_object();
        failed |= set(item, "kind", json_string(expectation_kind_name[expectation->kind]));
        failed |= set(item, "line", number(expectation->place.line));
        failed |= set(item, "holds", json_boolean(matcher_holds(matcher, i)));
        if (expectation->kind == EXPECT_EXIT) {
            failed |= set(item, "exit", number(expectation->exit_code));
        } else if (expectation->kind == EXPECT_FIRED) {
            failed |= set(item, "rule", json_string(expectation->pattern));
            failed |= set(item, "count", number(expectation->count));
            failed |= set(item, "seen", number(matcher_count(matcher, i)));
        } else if (expectation->kind >= EXPECT_METRIC) {
            char property[128];
            failed |= set(item, "text",
                          text_json(expectation_text(expectation, property, sizeof(property))));
            failed |= set(item, "seen", number(matcher_count(matcher, i)));
            failed |=
                set(item, "account", text_json(matcher_account(matcher, i, text, sizeof(text))));
        } else {
            failed |=
                set(item, expectation->regex ? "regex" : "text", text_json(expectation->pattern));
            failed |= set(item, "core",
                          expectation->core == EXPECT_ANY_CORE ? json_null()
                                                               : json_integer(expectation->core));
            if (expectation->domain)
                failed |= set(item, "domain", text_json(expectation->domain));
            if (expectation->kind != EXPECT_NOT)
                failed |= set(item, "count", number(expectation->count));
            if (expectation->kind == EXPECT_RECOVERED)
                failed |= set(item, "account",
                              text_json(matcher_account(matcher, i, text, sizeof(text))));
            failed |= set(item, "seen", number(matcher_count(matcher, i)));
        }
        char sentence[1400];
        expectation_text(expectation, sentence, sizeof(sentence));
        failed |= set(item, "says", text_json(sentence));
        failed |= json_array_append_new(list, item);
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *core_exits_json(const struct engine_core_stats *stats)
{
    json_t *object = json_object();
    int failed = 0;
    for (unsigned counter = 0; counter < ENGINE_EXITS; counter++) {
        if (stats->exit[counter])
            failed |= set(object, engine_counter_name((enum engine_counter)counter),
                          number(stats->exit[counter]));
    }
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* null where the engine does not count them */
static json_t *counted(uint64_t value)
{
    return value ? number(value) : json_null();
}

static json_t *stats_json(const struct engine_stats *stats)
{
    struct engine_core_stats all = { 0 };
    json_t *object = json_object(), *cores = json_array();
    int failed = 0;
    for (unsigned core = 0; core < stats->core_count; core++) {
        const struct engine_core_stats *one = &stats->core[core];
        for (unsigned counter = 0; counter < ENGINE_EXITS; counter++)
            all.exit[counter] += one->exit[counter];
        all.interrupts += one->interrupts;
        all.instructions += one->instructions;
        all.blocks += one->blocks;
        json_t *item = json_object();
        failed |= set(item, "exits", core_exits_json(one));
        failed |= set(item, "interrupts", number(one->interrupts));
        failed |= set(item, "instructions", counted(one->instructions));
        failed |= set(item, "blocks", number(one->blocks));
        failed |= json_array_append_new(cores, item);
    }
    failed |= set(object, "exits", core_exits_json(&all));
    failed |= set(object, "interrupts", number(all.interrupts));
    failed |= set(object, "instructions", counted(all.instructions));
    failed |= set(object, "blocks", number(all.blocks));
    failed |= set(object, "cores", cores);
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *lines_json(const struct report *report)
{
    static const char *const kinds[] = { "user", "kernel", "trace" };
    size_t count;
    uint64_t all;
    const struct report_line *lines = report_lines(report, &count, &all);
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; list && !failed && i < count; i++) {
        json_t *item = json_object();
        failed |= set(item, "time_ns", number(lines[i].time_ns));
        failed |= set(item, "core", number(lines[i].core));
        failed |= set(item, "kind",
                      json_string(lines[i].kind <= ABI_CONSOLE_TRACE ? kinds[lines[i].kind] : "?"));
        failed |= set(item, "domain", json_string(lines[i].speaker));
        failed |= set(item, "text", json_string(lines[i].text));
        failed |= json_array_append_new(list, item);
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *words_json(const uint64_t *words, unsigned count)
{
    json_t *list = json_array();
    int failed = 0;
    for (unsigned w = 0; list && w < count; w++) {
        char text[20];
        snprintf(text, sizeof(text), "0x%016llx", (unsigned long long)words[w]);
        failed |= json_array_append_new(list, json_string(text));
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *fault_json(const struct fault_entry *entry, const struct scenario *scenario)
{
    char text[512];
    json_t *item = json_object();
    int failed = 0;
    failed |= set(item, "time_ns", number(entry->time_ns));
    failed |= set(item, "rule", json_string(scenario->faults[entry->rule].name));
    failed |= set(item, "firing", number(entry->firing));
    failed |= set(item, "text", text_json(fault_entry_text(entry, scenario, text, sizeof(text))));
    if (entry->channel) {
        failed |= set(item, "channel", text_json(entry->channel));
        failed |= set(item, "message", text_json(entry->message.name));
        failed |= set(item, "number", number(entry->message.number));
        failed |= set(item, "line", number(entry->message.line));
        failed |= set(item, "transmission", number(entry->message.attempt));
        failed |= set(item, "before", words_json(entry->before, entry->words));
        failed |= set(item, "after", words_json(entry->after, entry->words));
    }
    if (failed) {
        json_decref(item);
        return NULL;
    }
    return item;
}

static json_t *faults_json(const struct fault_log *log, const struct scenario *scenario)
{
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; list && !failed && i < log->count; i++)
        failed |= json_array_append_new(list, fault_json(&log->entry[i], scenario));
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *values_json(const struct machine_value *values, size_t count)
{
    static const char *const kinds[] = { [ABI_REPORT_COUNTER] = "counter",
                                         [ABI_REPORT_GAUGE] = "gauge",
                                         [ABI_REPORT_ALWAYS] = "always",
                                         [ABI_REPORT_SOMETIMES] = "sometimes" };
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; list && !failed && i < count; i++) {
        json_t *item = json_object();
        failed |= set(item, "name", text_json(values[i].name));
        failed |= set(item, "kind", json_string(kinds[values[i].kind]));
        failed |= set(item, "value", number(values[i].value));
        if (values[i].kind >= ABI_REPORT_ALWAYS)
            failed |= set(item, "failures", number(values[i].failures));
        failed |= json_array_append_new(list, item);
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static const char *const verdict_words[] = { "pass", "fail", "error", "interrupted" };

/* Adds an object, in the place of the run that had only begun, if there is one. */
static int add_object(struct report_files *files, json_t *object, int failed)
{
    if (!files->results)
        files->results = json_array();
    if (failed || !files->results) {
        json_decref(object);
        return -ENOMEM;
    }
    size_t count = json_array_size(files->results);
    bool replace = files->unfinished;
    files->unfinished = false;
    failed = replace ? json_array_set_new(files->results, count - 1, object)
                     : json_array_append_new(files->results, object);
    return failed ? -ENOMEM : 0;
}

/* As text: a seed has 64 bits, a JSON number in most readers 53. */
static json_t *seed_json(uint64_t value)
{
    char seed[24];
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)value);
    return json_string(seed);
}

/* When it was so long ago, as XML and ISO 8601 write it, in UTC. */
static json_t *time_json(uint64_t ago_ns)
{
    char text[32] = "";
    struct tm then;
    time_t seconds = time(NULL) - (time_t)(ago_ns / 1000000000);
    if (gmtime_r(&seconds, &then))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &then);
    return json_string(text);
}

static json_t *again_json(const struct scenario *scenario, const struct run_result *result)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out)
        return NULL;
    again_write(out, scenario, result);
    json_t *json = fclose(out) == 0 ? json_string(text) : NULL;
    free(text);
    return json;
}

int report_files_begin(struct report_files *files, const struct scenario *scenario,
                       const char *engine, uint64_t seed)
{
    json_t *object = json_object();
    int failed = 0;
    failed |= set(object, "scenario", json_string(scenario->name));
    failed |= set(object, "file", text_json(scenario->file));
    failed |= set(object, "verdict", json_string("unfinished"));
    failed |= set(object, "reason", json_string("unfinished"));
    failed |= set(object, "detail", json_string("the run began; vmm ended before it did"));
    failed |= set(object, "engine", json_string(engine));
    failed |= set(object, "seed", seed_json(seed));
    failed |= set(object, "again",
                  again_json(scenario, &(struct run_result){ .engine = engine, .seed = seed }));
    failed |= set(object, "began", time_json(0));
    int error = add_object(files, object, failed);
    files->unfinished = error == 0;
    return error;
}

int report_files_add(struct report_files *files, const struct scenario *scenario,
                     const struct report *report, const struct matcher *matcher,
                     const struct run_result *result)
{
    const struct machine_stats *machine = &result->machine_stats;
    json_t *object = json_object();
    int failed = 0;
    size_t kept;
    uint64_t all_lines;
    report_lines(report, &kept, &all_lines);
    failed |= set(object, "scenario", json_string(scenario->name));
    failed |= set(object, "file", text_json(scenario->file));
    failed |= set(object, "verdict", json_string(verdict_words[result->verdict]));
    failed |= set(object, "reason", json_string(result->reason));
    failed |= set(object, "detail", text_json(result->detail));
    failed |= set(object, "engine", json_string(result->engine));
    failed |= set(object, "engine_version", text_json(result->engine_version));
    failed |= set(object, "cores", number(result->core_count));
    failed |= set(object, "seed", seed_json(result->seed));
    failed |= set(object, "again", again_json(scenario, result));
    failed |= set(object, "wall_ns", number(result->wall_ns));
    failed |= set(object, "began", time_json(result->wall_ns));
    failed |= set(object, "machine_ns", number(result->machine_ns));
    failed |= set(object, "exit_code", result->exited ? number(result->exit_code) : json_null());
    failed |= set(object, "state_hash",
                  result->state_hash[0] ? json_string(result->state_hash) : json_null());
    failed |= set(object, "expectations", expectations_json(scenario, matcher));
    failed |= set(object, "faults", faults_json(report_faults(report), scenario));
    failed |= set(object, "values", values_json(result->values, result->value_count));
    failed |= set(object, "stats", stats_json(&result->stats));
    failed |= set(object, "syscalls", number(machine->syscalls));
    failed |= set(object, "upcalls", number(machine->upcalls));
    failed |= set(object, "trace_lost", number(machine->trace_lost));
    failed |= set(object, "bad_requests", number(machine->bad_requests));
    failed |= set(object, "kernel_bytes", number(machine->kernel_bytes));
    failed |= set(object, "console_lines", number(all_lines));
    failed |= set(object, "console_left_out", number(all_lines - kept));
    failed |= set(object, "console", lines_json(report));
    if (result->postmortem)
        failed |= set(object, "postmortem", text_lines_json(result->postmortem));
    return add_object(files, object, failed);
}

int report_files_add_error(struct report_files *files, const char *file, const char *name,
                           const char *message)
{
    json_t *object = json_object();
    int failed = 0;
    failed |= set(object, "scenario", text_json(name));
    failed |= set(object, "file", text_json(file));
    failed |= set(object, "verdict", json_string("error"));
    failed |= set(object, "reason", json_string("not run"));
    failed |= set(object, "detail", text_json(message));
    failed |= set(object, "began", time_json(0));
    return add_object(files, object, failed);
}

/* As expectations are: where it was written, and what is wrong with it. */
static json_t *problems_json(const struct diags *diags)
{
    json_t *list = json_array();
    int failed = 0;
    for (size_t i = 0; list && i < diags->count; i++) {
        if (diags->list[i].severity != DIAG_ERROR)
            continue;
        json_t *item = json_object();
        failed |= set(item, "file", text_json(diags->list[i].place.file));
        failed |= set(item, "line", number(diags->list[i].place.line));
        failed |= set(item, "says", text_json(diags->list[i].message));
        failed |= json_array_append_new(list, item);
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

int report_files_add_invalid(struct report_files *files, const char *file,
                             const struct diags *diags)
{
    json_t *object = json_object(), *problems = problems_json(diags);
    int failed = 0;
    failed |= set(object, "scenario", text_json(file)); /* it has no other name */
    failed |= set(object, "file", text_json(file));
    failed |= set(object, "verdict", json_string("error"));
    failed |= set(object, "reason", json_string("invalid"));
    failed |=
        set(object, "detail", json_incref(json_object_get(json_array_get(problems, 0), "says")));
    failed |= set(object, "began", time_json(0));
    failed |= set(object, "problems", problems);
    return add_object(files, object, failed);
}

static unsigned count_verdict(const struct report_files *files, const char *verdict)
{
    unsigned count = 0;
    size_t i;
    json_t *item;
    json_array_foreach(files->results, i, item)
    {
        count += strcmp(json_string_value(json_object_get(item, "verdict")), verdict) == 0;
    }
    return count;
}

int report_files_write_json(const struct report_files *files, FILE *out)
{
    json_t *results = files->results ? json_incref(files->results) : json_array();
    unsigned passed = count_verdict(files, "pass");
    json_t *root = json_pack("{s:i, s:s, s:i, s:i, s:o}", "version", REPORT_JSON_VERSION, "vmm",
                             PROJECT_VERSION, "passed", (int)passed, "not_passed",
                             (int)(json_array_size(results) - passed), "results", results);
    if (!root)
        return -ENOMEM;
    int failed = json_dumpf(root, out, JSON_INDENT(1));
    json_decref(root);
    if (failed || fputc('\n', out) == EOF || fflush(out) != 0)
        return errno ? -errno : -EIO;
    return 0;
}

void report_files_free(struct report_files *files)
{
    json_decref(files->results);
    files->results = NULL;
}
