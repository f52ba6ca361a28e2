/* SPDX-License-Identifier: MIT
 *
 * Perfetto's trace format: one protobuf message `Trace`, written packet by packet, each as a field
 * of it (perfetto.proto).  A core is a process track, its domains are tracks below it.  Times are
 * nanoseconds of the machine.
 */
#include "report/trace_format.h"

#include <stdlib.h>

#include "perfetto.pb-c.h"

typedef Perfetto__Protos__TracePacket packet;
typedef Perfetto__Protos__TrackEvent track_event;
typedef Perfetto__Protos__TrackDescriptor track_descriptor;
typedef Perfetto__Protos__ProcessDescriptor process_descriptor;
typedef Perfetto__Protos__DebugAnnotation annotation;

/* All packets are of one writer, in the order in which they were written. */
#define SEQUENCE 1
#define TAG_PACKET 0x0a /* field 1 of Trace, with a length */

static size_t put_packet(FILE *out, packet *p)
{
    p->has_trusted_packet_sequence_id = true;
    p->trusted_packet_sequence_id = SEQUENCE;
    const size_t bytes = perfetto__protos__trace_packet__get_packed_size(p);
    uint8_t *packed = malloc(bytes + 1), head[11] = { TAG_PACKET };
    size_t head_bytes = 1;
    if (!packed)
        return 0;
    perfetto__protos__trace_packet__pack(p, packed);
    for (size_t rest = bytes; head_bytes == 1 || rest > 0; rest >>= 7)
        head[head_bytes++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    fwrite(head, 1, head_bytes, out);
    fwrite(packed, 1, bytes, out);
    free(packed);
    return head_bytes + bytes;
}

static size_t begin(FILE *out)
{
    (void)out;
    return 0;
}

static size_t put_track(FILE *out, const struct trace_track *track)
{
    packet p = PERFETTO__PROTOS__TRACE_PACKET__INIT;
    track_descriptor d = PERFETTO__PROTOS__TRACK_DESCRIPTOR__INIT;
    process_descriptor process = PERFETTO__PROTOS__PROCESS_DESCRIPTOR__INIT;
    d.has_uuid = true;
    d.uuid = track->id;
    d.name = (char *)track->name;
    if (track->parent) {
        d.has_parent_uuid = true;
        d.parent_uuid = track->parent;
    } else {
        process.has_pid = true;
        process.pid = (int32_t)track->core + 1; /* 0 has a meaning of its own */
        process.process_name = (char *)track->name;
        d.process = &process;
    }
    p.data_case = PERFETTO__PROTOS__TRACE_PACKET__DATA_TRACK_DESCRIPTOR;
    p.track_descriptor = &d;
    return put_packet(out, &p);
}

static void set_args(track_event *event, const struct trace_mark *mark, annotation *arg,
                     annotation **args)
{
    for (size_t i = 0; i < mark->arg_count; i++) {
        const struct trace_arg *from = &mark->arg[i];
        arg[i] = (annotation)PERFETTO__PROTOS__DEBUG_ANNOTATION__INIT;
        arg[i].name_field_case = PERFETTO__PROTOS__DEBUG_ANNOTATION__NAME_FIELD_NAME;
        arg[i].name = (char *)from->name;
        if (from->text) {
            arg[i].value_case = PERFETTO__PROTOS__DEBUG_ANNOTATION__VALUE_STRING_VALUE;
            arg[i].string_value = (char *)from->text;
        } else {
            arg[i].value_case = PERFETTO__PROTOS__DEBUG_ANNOTATION__VALUE_UINT_VALUE;
            arg[i].uint_value = from->number;
        }
        args[i] = &arg[i];
    }
    event->n_debug_annotations = mark->arg_count;
    event->debug_annotations = args;
}

static size_t put_event(FILE *out, const struct trace_mark *mark,
                        Perfetto__Protos__TrackEvent__Type type, uint64_t time_ns)
{
    packet p = PERFETTO__PROTOS__TRACE_PACKET__INIT;
    track_event event = PERFETTO__PROTOS__TRACK_EVENT__INIT;
    annotation arg[TRACE_ARGS_MAX], *args[TRACE_ARGS_MAX];
    char *category = (char *)mark->category;
    uint64_t flow = mark->flow;
    event.has_type = event.has_track_uuid = true;
    event.type = type;
    event.track_uuid = mark->track->id;
    if (type != PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_END) {
        event.name_field_case = PERFETTO__PROTOS__TRACK_EVENT__NAME_FIELD_NAME;
        event.name = (char *)mark->name;
        event.n_categories = 1;
        event.categories = &category;
        set_args(&event, mark, arg, args);
        event.flow_ids = event.terminating_flow_ids = &flow;
        event.n_flow_ids = flow != 0 && !mark->flow_ends;
        event.n_terminating_flow_ids = flow != 0 && mark->flow_ends;
    }
    p.has_timestamp = true;
    p.timestamp = time_ns;
    p.data_case = PERFETTO__PROTOS__TRACE_PACKET__DATA_TRACK_EVENT;
    p.track_event = &event;
    return put_packet(out, &p);
}

static size_t put_mark(FILE *out, const struct trace_mark *mark)
{
    switch (mark->kind) {
    case TRACE_END:
        return put_event(out, mark, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_END,
                         mark->time_ns);
    case TRACE_INSTANT:
        return put_event(out, mark, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_INSTANT,
                         mark->time_ns);
    case TRACE_BEGIN:
        return put_event(out, mark, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN,
                         mark->time_ns);
    default:
        return put_event(out, mark, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN,
                         mark->time_ns) +
               put_event(out, mark, PERFETTO__PROTOS__TRACK_EVENT__TYPE__TYPE_SLICE_END,
                         mark->time_ns + mark->duration_ns);
    }
}

static size_t end(FILE *out, const json_t *run)
{
    (void)out;
    (void)run; /* the format has no place for it */
    return 0;
}

const struct trace_format trace_perfetto = { begin, put_track, put_mark, end };
