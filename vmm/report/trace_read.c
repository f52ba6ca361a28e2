/* SPDX-License-Identifier: MIT
 *
 * Reading a trace of ours back (trace_read.h).  Whatever is missing reads as nothing, so that a
 * file that is not quite ours can do no more harm than to show little.  All text in it is cleaned
 * here, at one place: it goes to terminals, and the file may be somebody else's.
 */
#include "report/trace_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/in_file.h"
#include "scenario/text.h"

const char *trace_event_text(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

uint64_t trace_event_ns(const json_t *event)
{
    const double us = json_number_value(json_object_get(event, "ts"));
    return us > 0 && us < 1e15 ? (uint64_t)(us * 1000 + 0.5) : 0;
}

unsigned trace_event_core(const json_t *event)
{
    const json_int_t pid = json_integer_value(json_object_get(event, "pid"));
    return pid > 0 && pid < 1 << 16 ? (unsigned)pid : 0;
}

const char *trace_arg_text(const json_t *event, const char *key)
{
    return trace_event_text(json_object_get(event, "args"), key);
}

uint64_t trace_arg(const json_t *event, const char *key)
{
    const json_int_t value =
        json_integer_value(json_object_get(json_object_get(event, "args"), key));
    return value > 0 ? (uint64_t)value : 0;
}

static void track_key(const json_t *event, char key[48])
{
    snprintf(key, 48, "%u/%lld", trace_event_core(event),
             (long long)json_integer_value(json_object_get(event, "tid")));
}

const char *trace_event_track(const struct trace_file *file, const json_t *event)
{
    char key[48];
    track_key(event, key);
    const char *name = json_string_value(json_object_get(file->names, key));
    return name ? name : "?";
}

static bool read_tracks(struct trace_file *file)
{
    size_t i;
    const json_t *event;
    int failed = 0;
    json_array_foreach(file->events, i, event)
    {
        char key[48];
        if (strcmp(trace_event_text(event, "ph"), "M") != 0)
            continue;
        if (trace_event_core(event) >= file->cores)
            file->cores = trace_event_core(event) + 1;
        if (strcmp(trace_event_text(event, "name"), "thread_name") != 0)
            continue;
        track_key(event, key);
        failed |= json_object_set_new(file->names, key, json_string(trace_arg_text(event, "name")));
    }
    return failed == 0;
}

static bool clean_string(json_t *value)
{
    const char *text = json_string_value(value);
    char *clean = text_clean(text, json_string_length(value));
    const bool good = clean && (strcmp(clean, text) == 0 || json_string_set(value, clean) == 0);
    free(clean);
    return good;
}

/* All strings at or below the value.  The parser has bounded how deep that is. */
static bool clean_strings(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    bool good = true;
    if (json_is_string(value))
        return clean_string(value);
    json_object_foreach(value, key, member)
    {
        good &= clean_strings(member);
    }
    json_array_foreach(value, i, member)
    {
        good &= clean_strings(member);
    }
    return good;
}

/* The file as JSON with clean text, or NULL with one line about it in problem[]. */
static json_t *read_json(const char *path, char *problem, size_t bytes)
{
    json_error_t error;
    FILE *in = in_file_open(path);
    if (!in) {
        snprintf(problem, bytes, "%s: %s", path,
                 errno == ESPIPE ? "it is not a regular file" : strerror(errno));
        return NULL;
    }
    json_t *root = json_loadf(in, 0, &error);
    fclose(in);
    if (!root)
        snprintf(problem, bytes, "%s:%d: it is not JSON, as vmm run --trace FILE.json writes it",
                 path, error.line);
    else if (!clean_strings(root)) {
        snprintf(problem, bytes, "%s: no memory", path);
        json_decref(root);
        root = NULL;
    }
    return root;
}

bool trace_file_read(struct trace_file *file, const char *path, char *problem, size_t bytes)
{
    *file = (struct trace_file){ .cores = 1 };
    file->root = read_json(path, problem, bytes);
    if (!file->root)
        return false;
    file->events = json_object_get(file->root, "traceEvents");
    file->run = json_object_get(file->root, "otherData");
    file->names = json_object();
    if (!json_is_array(file->events) || !json_is_object(file->run) || !file->names ||
        !read_tracks(file)) {
        snprintf(problem, bytes, "%s: that is no trace of vmm run --trace FILE.json", path);
        trace_file_free(file);
        return false;
    }
    return true;
}

void trace_file_free(struct trace_file *file)
{
    json_decref(file->root);
    json_decref(file->names);
    *file = (struct trace_file){ 0 };
}
