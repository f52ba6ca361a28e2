/* SPDX-License-Identifier: MIT
 *
 * Where two runs part (parting.h).
 *
 * A row is what happens in one place, in one run: marks of one category on one track, in order of
 * time.  Two rows part at the first index at which they are not the same.  Where one row ends
 * earlier, they part only if its run went on beyond the time at which the other row goes on:
 * a run that is over can do nothing more.
 */
#include "report/parting.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NEXT_SHOWN 5

/* What is compared, and how the mark of a place is told. */
static const struct category {
    const char *name, *words;
    const char *things; /* what a row of them is */
    bool first;         /* these are looked at first; system calls after them */
} categories[] = {
    { "lost", "never visible: ", "messages lost", true },
    { "send", "sends ", "messages sent", true },
    { "read", "has read ", "messages read", true },
    { "console", "says: ", "console lines", true },
    { "fault", "fault ", "faults", true },
    { "event", "", "events", true },
    { "trap", "", "traps", true },
    { "syscall", "", "system calls", false },
    { "error", "", "errors", false },
    { "ipi", "", "IPIs", false },
};

struct row {
    const json_t **mark;
    size_t count;
};

struct place {
    char *track; /* "myapp.1" */
    const struct category *category;
    struct row row[2];
};

struct comparison {
    const struct trace_file *file[2];
    uint64_t end_ns[2];
    json_t *index; /* "CATEGORY TRACK" to a place */
    struct place *place;
    size_t place_count;
    uint64_t marks[2];
};

static const struct category *category_of(const json_t *mark)
{
    const char *name = trace_event_text(mark, "cat");
    for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
        if (strcmp(categories[i].name, name) == 0)
            return &categories[i];
    return NULL;
}

/* ---- reading ---- */

static struct place *place_of(struct comparison *c, const struct trace_file *file,
                              const json_t *mark, const struct category *category)
{
    char *key = NULL;
    if (asprintf(&key, "%s %s.%u", category->name, trace_event_track(file, mark),
                 trace_event_core(mark)) < 0)
        return NULL;
    const json_t *known = json_object_get(c->index, key);
    if (known) {
        free(key);
        return &c->place[json_integer_value(known)];
    }
    struct place *grown = realloc(c->place, (c->place_count + 1) * sizeof(*grown));
    char *track = strdup(strchr(key, ' ') + 1);
    if (grown)
        c->place = grown;
    if (!grown || !track ||
        json_object_set_new(c->index, key, json_integer((json_int_t)c->place_count)) != 0) {
        free(track);
        free(key);
        return NULL;
    }
    free(key);
    c->place[c->place_count] = (struct place){ .track = track, .category = category };
    return &c->place[c->place_count++];
}

static bool add_mark(struct comparison *c, unsigned which, const json_t *mark)
{
    const struct category *category = category_of(mark);
    const char *phase = trace_event_text(mark, "ph");
    if (!category || (strcmp(phase, "i") != 0 && strcmp(phase, "X") != 0))
        return true;
    struct place *place = place_of(c, c->file[which], mark, category);
    if (!place)
        return false;
    struct row *row = &place->row[which];
    if ((row->count & (row->count - 1)) == 0) {
        const size_t room = row->count ? 2 * row->count : 1;
        const json_t **grown = realloc(row->mark, room * sizeof(*grown));
        if (!grown)
            return false;
        row->mark = grown;
    }
    row->mark[row->count++] = mark;
    c->marks[which]++;
    return true;
}

static bool read_marks(struct comparison *c, unsigned which)
{
    size_t i;
    const json_t *mark;
    json_array_foreach(c->file[which]->events, i, mark)
    {
        const uint64_t ns = trace_event_ns(mark);
        c->end_ns[which] = ns > c->end_ns[which] ? ns : c->end_ns[which];
        if (!add_mark(c, which, mark))
            return false;
    }
    return true;
}

static void release(struct comparison *c)
{
    for (size_t i = 0; i < c->place_count; i++) {
        free(c->place[i].track);
        free(c->place[i].row[0].mark);
        free(c->place[i].row[1].mark);
    }
    free(c->place);
    json_decref(c->index);
}

/* ---- comparing ---- */

/* Skips a number with a unit of time: "12.5 us". */
static const char *skip_duration(const char *text)
{
    static const char *const units[] = { "ns", "us", "ms", "s", "cycles" };
    const char *end = text + strspn(text, "0123456789.,");
    const char *unit = end + (*end == ' ');
    for (size_t i = 0; end > text && i < sizeof(units) / sizeof(units[0]); i++) {
        const size_t length = strlen(units[i]);
        if (strncmp(unit, units[i], length) == 0 && !isalnum((unsigned char)unit[length]))
            return unit + length;
    }
    return text;
}

/* The same text, but for durations? */
static bool same_text(const char *a, const char *b)
{
    while (*a && *b) {
        const char *a_end = skip_duration(a), *b_end = skip_duration(b);
        if (a_end > a && b_end > b) {
            a = a_end;
            b = b_end;
        } else if (*a++ != *b++) {
            return false;
        }
    }
    return *a == *b;
}

static bool same_mark(const json_t *a, const json_t *b)
{
    return same_text(trace_event_text(a, "name"), trace_event_text(b, "name")) &&
           strcmp(trace_arg_text(a, "channel"), trace_arg_text(b, "channel")) == 0;
}

struct parting {
    const struct place *place; /* NULL: there is none */
    size_t at;                 /* index in both rows */
    uint64_t ns;               /* the earlier of the two */
};

static const json_t *mark_at(const struct place *place, unsigned which, size_t at)
{
    return at < place->row[which].count ? place->row[which].mark[at] : NULL;
}

/* Where the rows of a place part; false: nowhere. */
static bool part(const struct comparison *c, const struct place *place, struct parting *parting)
{
    size_t at = 0;
    while (mark_at(place, 0, at) && mark_at(place, 1, at) &&
           same_mark(mark_at(place, 0, at), mark_at(place, 1, at)))
        at++;
    const json_t *a = mark_at(place, 0, at), *b = mark_at(place, 1, at);
    if (!a && !b)
        return false;
    const uint64_t a_ns = a ? trace_event_ns(a) : UINT64_MAX;
    const uint64_t b_ns = b ? trace_event_ns(b) : UINT64_MAX;
    if ((!a && b_ns > c->end_ns[0]) || (!b && a_ns > c->end_ns[1]))
        return false;
    *parting = (struct parting){ place, at, a_ns < b_ns ? a_ns : b_ns };
    return true;
}

static struct parting first_parting(const struct comparison *c, bool first)
{
    struct parting best = { .ns = UINT64_MAX }, one;
    for (size_t i = 0; i < c->place_count; i++)
        if (c->place[i].category->first == first && part(c, &c->place[i], &one) &&
            (!best.place || one.ns < best.ns))
            best = one;
    return best;
}

/* ---- in words ---- */

static void put_mark(const json_t *mark, FILE *out)
{
    const struct category *category = category_of(mark);
    const uint64_t ns = trace_event_ns(mark);
    fprintf(out, "%" PRIu64 ".%06" PRIu64 "  %s%s", ns / 1000000000, ns / 1000 % 1000000,
            category->words, trace_event_text(mark, "name"));
    if (strcmp(category->name, "send") == 0)
        fprintf(out, " to core %" PRIu64, trace_arg(mark, "to"));
    if (strcmp(category->name, "read") == 0)
        fprintf(out, " from core %" PRIu64, trace_arg(mark, "from"));
    if (trace_arg_text(mark, "message")[0])
        fprintf(out, " %s #%" PRIu64, trace_arg_text(mark, "message"), trace_arg(mark, "number"));
    if (trace_arg_text(mark, "channel")[0])
        fprintf(out, ", %s", trace_arg_text(mark, "channel"));
    fputc('\n', out);
}

static void put_side(const struct comparison *c, const struct parting *parting, unsigned which,
                     FILE *out)
{
    const json_t *mark = mark_at(parting->place, which, parting->at);
    fprintf(out, "  %c  ", 'A' + (int)which);
    if (mark)
        put_mark(mark, out);
    else
        fprintf(out, "nothing more there until its end at %" PRIu64 ".%06" PRIu64 "\n",
                c->end_ns[which] / 1000000000, c->end_ns[which] / 1000 % 1000000);
}

/* What the run did on any track from then on. */
static void put_next(const struct comparison *c, unsigned which, uint64_t from_ns, FILE *out)
{
    size_t i;
    unsigned shown = 0;
    const json_t *event;
    json_array_foreach(c->file[which]->events, i, event)
    {
        const struct category *category = category_of(event);
        if (!category || !category->first || trace_event_ns(event) <= from_ns)
            continue;
        fprintf(out, "  %c  %s.%u  ", 'A' + (int)which, trace_event_track(c->file[which], event),
                trace_event_core(event));
        put_mark(event, out);
        if (++shown == NEXT_SHOWN)
            return;
    }
    if (shown == 0)
        fprintf(out, "  %c  nothing\n", 'A' + (int)which);
}

static void put_parting(const struct comparison *c, const struct parting *parting, const char *what,
                        FILE *out)
{
    const struct place *place = parting->place;
    fprintf(out, "%s at %" PRIu64 ".%06" PRIu64 " s, at number %zu of the %s on %s", what,
            parting->ns / 1000000000, parting->ns / 1000 % 1000000, parting->at + 1,
            place->category->things, place->track);
    if (parting->at == 1)
        fprintf(out, "; the one before is the same");
    else if (parting->at > 1)
        fprintf(out, "; the %zu before are the same", parting->at);
    fprintf(out, ":\n");
    put_side(c, parting, 0, out);
    put_side(c, parting, 1, out);
}

static void put_name(const struct trace_file *file, char which, FILE *out)
{
    fprintf(out, "%c  %s, engine %s, seed %s: %s\n", which, trace_event_text(file->run, "scenario"),
            trace_event_text(file->run, "engine"), trace_event_text(file->run, "seed"),
            trace_event_text(file->run, "verdict"));
}

int parting_write(const struct trace_file *a, const struct trace_file *b, FILE *out,
                  uint64_t *part_ns)
{
    struct comparison c = { .file = { a, b }, .index = json_object() };
    if (!c.index || !read_marks(&c, 0) || !read_marks(&c, 1)) {
        release(&c);
        return -ENOMEM;
    }
    const struct parting first = first_parting(&c, true), calls = first_parting(&c, false);
    put_name(a, 'A', out);
    put_name(b, 'B', out);
    const bool same = !first.place && !calls.place;
    *part_ns = first.place ? first.ns : calls.place ? calls.ns : UINT64_MAX;
    if (same)
        fprintf(out, "The runs did the same: %" PRIu64 " marks, and %" PRIu64 ".\n", c.marks[0],
                c.marks[1]);
    if (first.place) {
        put_parting(&c, &first, "They part", out);
        fprintf(out, "Then:\n");
        put_next(&c, 0, first.ns, out);
        put_next(&c, 1, first.ns, out);
    } else if (!same) {
        fprintf(out, "Messages, console lines, faults and events are the same.\n");
    }
    if (calls.place)
        put_parting(&c, &calls, "The first system call, error or IPI that differs is", out);
    release(&c);
    return 0;
}
