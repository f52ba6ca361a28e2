/* SPDX-License-Identifier: MIT
 *
 * The page of a run: a fixed document (page/report.html) with the run's data in it.
 *
 * The data are JSON in a script element, which a browser does not execute; nothing in them can end
 * that element, because `<`, `>` and `&` are written as \u00XX.  The document makes text of all of
 * it, never markup.  Messages are rows of numbers and of indexes into lists of names, so that a
 * hundred thousand of them load at once.
 */
#include "report/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLACE "@DATA@"

/* Columns of a message's row, as report.html names them. */
enum column {
    SENT,
    SHOWN,
    READ,
    FROM,
    TO,
    SENDER,
    RECEIVER,
    NAME,
    NUMBER,
    CHANNEL,
    BYTES,
    ANY,
    HANDLED
};

__asm__(".pushsection .rodata\n"
        ".global page_begin, page_end\n"
        "page_begin: .incbin \"vmm/report/page/report.html\"\n"
        "page_end: .byte 0\n"
        ".popsection\n");
extern const char page_begin[], page_end[];

struct page {
    const struct trace_file *file;
    json_t *names, *channels; /* lists */
    json_t *name_index, *channel_index;
    json_t *messages, *message_index; /* index: "CHANNEL BY ANY" to a row */
    json_t *faults, *console;
    bool left_out;
    int failed;
};

static json_int_t index_of(struct page *page, json_t *list, json_t *index, const char *text)
{
    const json_t *known = json_object_get(index, text);
    if (known)
        return json_integer_value(known);
    const json_int_t at = (json_int_t)json_array_size(list);
    page->failed |= json_array_append_new(list, json_string(text));
    page->failed |= json_object_set_new(index, text, json_integer(at));
    return at;
}

static char *message_key(const json_t *event)
{
    char *key = NULL;
    if (asprintf(&key, "%s %s %llu", trace_arg_text(event, "channel"), trace_arg_text(event, "by"),
                 (unsigned long long)trace_arg(event, "any")) < 0)
        return NULL;
    return key;
}

static void add_sent(struct page *page, const json_t *event)
{
    char *name = NULL, *key = message_key(event);
    const char *whole = trace_event_text(event, "name"); /* "interface.message #3" */
    const char *number = strstr(whole, " #");
    if (!key ||
        asprintf(&name, "%.*s", (int)(number ? number - whole : (long)strlen(whole)), whole) < 0) {
        page->failed = -1;
        free(key);
        return;
    }
    json_t *row = json_pack(
        "[I,I,i,I,I,s,s,I,I,I,i,I,i]", (json_int_t)trace_event_ns(event), (json_int_t)-1, -1,
        (json_int_t)trace_arg(event, "from"), (json_int_t)trace_arg(event, "to"),
        trace_event_track(page->file, event), "?",
        index_of(page, page->names, page->name_index, name), (json_int_t)trace_arg(event, "number"),
        index_of(page, page->channels, page->channel_index, trace_arg_text(event, "channel")), 0,
        (json_int_t)trace_arg(event, "any"), -1);
    page->failed |= json_object_set_new(page->message_index, key,
                                        json_integer((json_int_t)json_array_size(page->messages)));
    page->failed |= json_array_append_new(page->messages, row);
    free(name);
    free(key);
}

static void set(struct page *page, json_t *row, enum column column, json_t *value)
{
    page->failed |= json_array_set_new(row, column, value);
}

static void add_read(struct page *page, const json_t *event)
{
    char *key = message_key(event);
    const json_t *at = key ? json_object_get(page->message_index, key) : NULL;
    json_t *row = at ? json_array_get(page->messages, (size_t)json_integer_value(at)) : NULL;
    free(key);
    if (!row)
        return;
    set(page, row, SHOWN, json_integer((json_int_t)trace_arg(event, "shown_ns")));
    const json_int_t read = (json_int_t)trace_arg(event, "read_ns");
    const json_int_t handled = (json_int_t)trace_arg(event, "handled_ns");
    if (read || handled)
        set(page, row, READ, json_integer(read ? read : handled));
    if (handled)
        set(page, row, HANDLED, json_integer(handled));
    set(page, row, RECEIVER, json_string(trace_event_track(page->file, event)));
    set(page, row, BYTES, json_integer((json_int_t)trace_arg(event, "bytes")));
}

static void add_fault(struct page *page, const json_t *event)
{
    json_t *fault =
        json_pack("{s:I, s:s, s:I}", "time", (json_int_t)trace_event_ns(event), "text",
                  trace_event_text(event, "name"), "core", (json_int_t)trace_event_core(event));
    if (trace_arg_text(event, "channel")[0]) {
        page->failed |=
            json_object_set_new(fault, "channel", json_string(trace_arg_text(event, "channel")));
        page->failed |=
            json_object_set_new(fault, "by", json_integer((json_int_t)trace_arg(event, "from")));
        page->failed |=
            json_object_set_new(fault, "any", json_integer((json_int_t)trace_arg(event, "any")));
    }
    page->failed |= json_array_append_new(page->faults, fault);
}

static void add_line(struct page *page, const json_t *event, const char *who)
{
    const char *text = trace_event_text(event, "name");
    page->left_out |= strstr(text, "more marks left out (--output-limit)") != NULL;
    page->failed |= json_array_append_new(
        page->console, json_pack("[I,I,s,s]", (json_int_t)trace_event_ns(event),
                                 (json_int_t)trace_event_core(event), who, text));
}

static void add_event(struct page *page, const json_t *event)
{
    const char *category = trace_event_text(event, "cat");
    if (strcmp(trace_event_text(event, "ph"), "X") == 0)
        (strcmp(category, "send") == 0 ? add_sent : add_read)(page, event);
    else if (strcmp(category, "fault") == 0)
        add_fault(page, event);
    else if (strcmp(category, "console") == 0)
        add_line(page, event, trace_event_track(page->file, event));
    else if (strcmp(category, "event") == 0)
        add_line(page, event, "--");
}

/* What the page has of one run; NULL: no memory. */
static json_t *data_of(struct page *page)
{
    size_t i;
    const json_t *event;
    page->names = json_array();
    page->channels = json_array();
    page->messages = json_array();
    page->faults = json_array();
    page->console = json_array();
    page->name_index = json_object();
    page->channel_index = json_object();
    page->message_index = json_object();
    json_array_foreach(page->file->events, i, event)
    {
        add_event(page, event);
    }
    json_t *run = json_copy((json_t *)page->file->run);
    json_object_del(run, "console"); /* there it is in `console` */
    json_t *data = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:b}", "run", run, "names",
                             page->names, "channels", page->channels, "messages", page->messages,
                             "faults", page->faults, "console", page->console, "cores",
                             (int)page->file->cores, "left_out", (int)page->left_out);
    json_decref(page->name_index);
    json_decref(page->channel_index);
    json_decref(page->message_index);
    if (!page->failed)
        return data;
    json_decref(data);
    return NULL;
}

/* As JSON that no reader of HTML can take for markup. */
static void write_data(const char *text, FILE *out)
{
    for (; *text; text++)
        if (*text == '<' || *text == '>' || *text == '&')
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
}

/* The runs and where they part, as text; NULL: no memory. */
static char *text_of(const struct trace_file *file, const struct page_other *other)
{
    struct page page = { .file = file };
    json_t *data = data_of(&page);
    int failed = data ? 0 : -1;
    if (data && other) {
        struct page beside = { .file = other->file };
        failed |= json_object_set_new(data, "other", data_of(&beside));
        failed |= json_object_set_new(data, "parting", json_string(other->parting));
        failed |= json_object_set_new(
            data, "part_ns",
            json_integer(other->part_ns == UINT64_MAX ? -1 : (json_int_t)other->part_ns));
    }
    char *text = failed ? NULL : json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(data);
    return text;
}

int page_write(const struct trace_file *file, const struct page_other *other, FILE *out)
{
    char *data = text_of(file, other);
    if (!data)
        return -ENOMEM;
    const char *place = strstr(page_begin, PLACE);
    fwrite(page_begin, 1, (size_t)(place - page_begin), out);
    write_data(data, out);
    place += strlen(PLACE);
    fwrite(place, 1, (size_t)(page_end - place), out);
    free(data);
    return fflush(out) == 0 ? 0 : -errno;
}
