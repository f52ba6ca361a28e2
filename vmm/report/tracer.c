/* SPDX-License-Identifier: MIT
 *
 * Which tracks and marks a trace has (tracer.h); how they are written is in trace_chrome.c and
 * trace_perfetto.c.
 *
 * What runs on a core is a slice on the core's track, from the record that names its dispatcher to
 * that of the next one or of idleness.  Records carry no time: theirs is that of the exit at which
 * they were taken.  A message is two short slices, one on the sender's track when it was written,
 * one on the receiver's when it was known to be read (or, if it never was, when it could be seen),
 * joined by an arrow.
 */
#include "report/tracer.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "report/report.h"
#include "report/trace_format.h"
#include "scenario/text.h"

#define NAME_BYTES 16               /* of a dispatcher, with the final zero */
#define MESSAGE_SLICE_NS 1          /* long enough for an arrow to begin or end there */
#define FLOW_MASK 0xffffffffffffull /* numbers in JSON have 53 bits */

struct domain_track {
    struct trace_track track;
    char name[NAME_BYTES];
};

struct tracer {
    FILE *out;
    const struct trace_format *format;
    unsigned core_count;
    struct trace_track core[ABI_MAX_CORES];
    char core_name[ABI_MAX_CORES][16];
    char runs[ABI_MAX_CORES][NAME_BYTES]; /* "": nobody */
    struct domain_track **domain;
    size_t domain_count;
    uint64_t limit, bytes, left_out, last_ns;
};

enum tracer_format tracer_format_of(const char *path)
{
    if (path && fnmatch("*.json", path, 0) == 0)
        return TRACER_CHROME;
    if (path && (fnmatch("*.pftrace", path, 0) == 0 || fnmatch("*.perfetto-trace", path, 0) == 0))
        return TRACER_PERFETTO;
    return TRACER_TEXT;
}

struct tracer *tracer_create(FILE *out, enum tracer_format format, unsigned core_count,
                             uint64_t limit)
{
    struct tracer *tracer = calloc(1, sizeof(*tracer));
    if (!tracer)
        return NULL;
    tracer->out = out;
    tracer->format = format == TRACER_PERFETTO ? &trace_perfetto : &trace_chrome;
    tracer->core_count = core_count;
    tracer->limit = limit ? limit : REPORT_TRACE_LIMIT;
    tracer->bytes = tracer->format->begin(out);
    for (unsigned core = 0; core < core_count; core++) {
        snprintf(tracer->core_name[core], sizeof(tracer->core_name[core]), "core %u", core);
        tracer->core[core] =
            (struct trace_track){ .id = core + 1, .core = core, .name = tracer->core_name[core] };
        tracer->bytes += tracer->format->track(out, &tracer->core[core]);
    }
    return tracer;
}

void tracer_destroy(struct tracer *tracer)
{
    if (!tracer)
        return;
    for (size_t i = 0; i < tracer->domain_count; i++)
        free(tracer->domain[i]);
    free(tracer->domain);
    free(tracer);
}

/* ---- tracks ---- */

static const struct trace_track *new_track(struct tracer *t, unsigned core, const char *name)
{
    struct domain_track **grown = realloc(t->domain, (t->domain_count + 1) * sizeof(void *));
    if (!grown)
        return &t->core[core];
    t->domain = grown;
    struct domain_track *domain = calloc(1, sizeof(*domain));
    if (!domain)
        return &t->core[core];
    snprintf(domain->name, sizeof(domain->name), "%s", name);
    domain->track = (struct trace_track){ .id = ABI_MAX_CORES + 1 + (uint32_t)t->domain_count,
                                          .parent = t->core[core].id,
                                          .core = core,
                                          .name = domain->name };
    t->domain[t->domain_count++] = domain;
    t->bytes += t->format->track(t->out, &domain->track);
    return &domain->track;
}

/* The track of a domain on a core; the core's own if nobody is named. */
static const struct trace_track *track_of(struct tracer *t, unsigned core, const char *name,
                                          size_t length)
{
    char cut[NAME_BYTES];
    core = core < t->core_count ? core : 0;
    snprintf(cut, sizeof(cut), "%.*s", (int)length, name);
    if (cut[0] == 0 || strcmp(cut, "-") == 0 || strcmp(cut, "?") == 0)
        return &t->core[core];
    for (char *c = cut; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    for (size_t i = 0; i < t->domain_count; i++)
        if (t->domain[i]->track.core == core && strcmp(t->domain[i]->name, cut) == 0)
            return &t->domain[i]->track;
    return new_track(t, core, cut);
}

/* ---- marks ---- */

static void put(struct tracer *t, const struct trace_mark *mark)
{
    t->last_ns = mark->time_ns > t->last_ns ? mark->time_ns : t->last_ns;
    if (t->left_out > 0 || t->bytes >= t->limit) {
        t->left_out++;
        return;
    }
    t->bytes += t->format->mark(t->out, mark);
}

static void add_number(struct trace_mark *mark, const char *name, uint64_t number)
{
    mark->arg[mark->arg_count++] = (struct trace_arg){ .name = name, .number = number };
}

static void add_text(struct trace_mark *mark, const char *name, const char *text)
{
    mark->arg[mark->arg_count++] = (struct trace_arg){ .name = name, .text = text };
}

static void put_instant(struct tracer *t, const struct trace_track *track, uint64_t time_ns,
                        const char *category, const char *text)
{
    char *clean = text_clean(text, strlen(text));
    const struct trace_mark mark = { .kind = TRACE_INSTANT,
                                     .track = track,
                                     .time_ns = time_ns,
                                     .name = clean ? clean : "?",
                                     .category = category };
    put(t, &mark);
    free(clean);
}

void tracer_console(struct tracer *tracer, const struct machine_console_line *line)
{
    const struct trace_track *track =
        track_of(tracer, line->core, line->speaker, strlen(line->speaker));
    put_instant(tracer, track, line->time_ns, "console", line->text);
}

void tracer_event(struct tracer *tracer, unsigned core, uint64_t time_ns, const char *text)
{
    put_instant(tracer, track_of(tracer, core, "", 0), time_ns, "event", text);
}

static void set_running(struct tracer *t, unsigned core, uint64_t time_ns, const char *who)
{
    if (strcmp(t->runs[core], who) == 0)
        return;
    if (t->runs[core][0]) {
        const struct trace_mark end = { .kind = TRACE_END,
                                        .track = &t->core[core],
                                        .time_ns = time_ns };
        put(t, &end);
    }
    snprintf(t->runs[core], sizeof(t->runs[core]), "%s", who);
    if (who[0]) {
        const struct trace_mark begin = { .kind = TRACE_BEGIN,
                                          .track = &t->core[core],
                                          .time_ns = time_ns,
                                          .name = t->runs[core],
                                          .category = "runs" };
        put(t, &begin);
    }
}

void tracer_record(struct tracer *tracer, unsigned core, uint64_t time_ns,
                   const struct abi_trace_record *record, const char *who, const char *text)
{
    const struct trace_track *track = &tracer->core[core];
    switch (record->what & 0xff) {
    case ABI_TRACE_RESUME:
    case ABI_TRACE_UPCALL:
        set_running(tracer, core, time_ns, who);
        break;
    case ABI_TRACE_IDLE:
        set_running(tracer, core, time_ns, "");
        break;
    case ABI_TRACE_SYSCALL:
        put_instant(tracer, track_of(tracer, core, who, strlen(who)), time_ns, "syscall", text);
        break;
    case ABI_TRACE_SYSRET:
        if (record->what >> 32 != 0)
            put_instant(tracer, track_of(tracer, core, who, strlen(who)), time_ns, "error", text);
        break;
    case ABI_TRACE_LMP: /* tracer_message has it, by name */
        break;
    case ABI_TRACE_NOTIFY:
        put_instant(tracer, track, time_ns, "ipi", text);
        break;
    case ABI_TRACE_FAULT:
        put_instant(tracer, track, time_ns, "trap", text);
        break;
    default:
        put_instant(tracer, track, time_ns, "interrupt", text);
    }
}

void tracer_fault(struct tracer *tracer, const struct fault_injection *injection, const char *rule)
{
    char name[96];
    const struct trace_track *track = track_of(tracer, injection->from, "", 0);
    snprintf(name, sizeof(name), "%s: %s", rule,
             fault_action_name[injection->fire->action.kind % FAULT_ACTIONS]);
    char *clean = text_clean(name, strlen(name));
    char *channel = text_clean(injection->channel ? injection->channel : "",
                               injection->channel ? strlen(injection->channel) : 0);
    struct trace_mark mark = { .kind = TRACE_INSTANT,
                               .track = track,
                               .time_ns = injection->time_ns,
                               .name = clean ? clean : "?",
                               .category = "fault" };
    add_number(&mark, "from", injection->from);
    add_number(&mark, "to", injection->to);
    if (channel && injection->message) {
        add_text(&mark, "channel", channel);
        add_text(&mark, "message", injection->message->name);
        add_number(&mark, "number", injection->message->number);
        add_number(&mark, "any", injection->message->any);
    }
    put(tracer, &mark);
    free(channel);
    free(clean);
}

/* ---- messages ---- */

/* One end of "interface:server.core<-client.core#k", without its core. */
static const char *end_of(const char *channel, bool server, size_t *length)
{
    const char *from = strchr(channel, ':'), *arrow = strstr(channel, "<-");
    *length = 0;
    if (!from || !arrow || from > arrow)
        return "";
    from = server ? from + 1 : arrow + 2;
    const char *end = server ? arrow : from + strcspn(from, "#");
    const char *dot = memrchr(from, '.', (size_t)(end - from));
    *length = (size_t)((dot ? dot : end) - from);
    return from;
}

/* "myapp.1": who sent the message, or who it is for. */
static void name_end(const struct machine_message *message, bool sender, char *text, size_t bytes)
{
    size_t length;
    const char *domain = end_of(message->channel, message->by_server == sender, &length);
    snprintf(text, bytes, "%.*s.%u", (int)(length < NAME_BYTES ? length : NAME_BYTES - 1), domain,
             sender ? message->from : message->to);
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static uint64_t flow_of(const struct machine_message *message)
{
    const XXH64_hash_t seed = message->any << 1 | message->by_server;
    const uint64_t flow = XXH64(message->channel, strlen(message->channel), seed) & FLOW_MASK;
    return flow ? flow : 1;
}

static void add_times(struct trace_mark *mark, const struct machine_message *message)
{
    add_number(mark, "bytes", message->bytes);
    add_number(mark, "sent_ns", message->time_ns);
    if (message->shown_ns)
        add_number(mark, "shown_ns", message->shown_ns);
    if (message->read_ns)
        add_number(mark, "read_ns", message->read_ns);
    if (message->handled_ns)
        add_number(mark, "handled_ns", message->handled_ns);
}

/* What the mark of a step is, and where. */
static struct trace_mark mark_of(enum machine_message_step step,
                                 const struct machine_message *message)
{
    if (step == MACHINE_MESSAGE_SENT)
        return (struct trace_mark){ .kind = TRACE_SLICE,
                                    .time_ns = message->time_ns,
                                    .category = "send",
                                    .flow = flow_of(message) };
    if (step == MACHINE_MESSAGE_LEFT && message->shown_ns == 0)
        return (struct trace_mark){ .kind = TRACE_INSTANT,
                                    .time_ns = message->time_ns,
                                    .category = "lost" };
    const bool read = step == MACHINE_MESSAGE_READ || message->handled_ns != 0;
    return (struct trace_mark){ .kind = TRACE_SLICE,
                                .time_ns = message->handled_ns ? message->handled_ns
                                           : read              ? message->read_ns
                                                               : message->shown_ns,
                                .category = read ? "read" : "shown",
                                .flow = flow_of(message),
                                .flow_ends = true };
}

void tracer_message(struct tracer *tracer, enum machine_message_step step,
                    const struct machine_message *message)
{
    struct trace_mark mark = mark_of(step, message);
    char text[FAULT_CHANNEL_NAME_MAX + sizeof(message->name) + 24];
    size_t length;
    const char *domain = end_of(message->channel, message->by_server != mark.flow_ends, &length);
    char sender[NAME_BYTES + 8], receiver[NAME_BYTES + 8];
    name_end(message, true, sender, sizeof(sender));
    name_end(message, false, receiver, sizeof(receiver));
    snprintf(text, sizeof(text), "%.*s.%s #%" PRIu64, (int)strcspn(message->channel, ":"),
             message->channel, message->name, message->number);
    char *name = text_clean(text, strlen(text));
    char *channel = text_clean(message->channel, strlen(message->channel));
    mark.track = track_of(tracer, mark.flow_ends ? message->to : message->from, domain, length);
    mark.duration_ns = MESSAGE_SLICE_NS;
    mark.name = name ? name : "?";
    add_text(&mark, "channel", channel ? channel : "?");
    add_text(&mark, "by", message->by_server ? "server" : "client");
    add_text(&mark, "transport", message->lmp ? "LMP" : "UMP");
    add_text(&mark, "sender", sender);
    add_text(&mark, "receiver", receiver);
    add_number(&mark, "from", message->from);
    add_number(&mark, "to", message->to);
    add_number(&mark, "number", message->number);
    add_number(&mark, "any", message->any);
    if (step != MACHINE_MESSAGE_SENT)
        add_times(&mark, message);
    put(tracer, &mark);
    free(name);
    free(channel);
}

void tracer_end(struct tracer *tracer, const json_t *run)
{
    const uint64_t left_out = tracer->left_out;
    char text[96];
    tracer->left_out = 0; /* for the last marks there is always room */
    tracer->limit = UINT64_MAX;
    for (unsigned core = 0; core < tracer->core_count; core++)
        set_running(tracer, core, tracer->last_ns, "");
    if (left_out > 0) {
        snprintf(text, sizeof(text), "%" PRIu64 " more marks left out (--output-limit)", left_out);
        tracer_event(tracer, 0, tracer->last_ns, text);
    }
    tracer->format->end(tracer->out, run);
}
