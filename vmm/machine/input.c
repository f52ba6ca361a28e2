/* SPDX-License-Identifier: MIT
 *
 * Who types: the pieces of the scenario, one after the other, then the source of the run.
 *
 * A piece is given when its time has come and the line that it waits for was said; so it is when
 * the last piece was given, or a line was said, or its event is due, or the guest has made room.
 * Pieces are given whole.  The source is a person or a record of one: a machine in real time takes
 * from it when it is told, one in virtual time at its turns only, so that a record can give the
 * same bytes at the same turns again.
 *
 * Without pieces and source the console is at its end from the beginning.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"

/* The machine is told, if it waits. */
static void tell_core(struct machine *machine, const struct device_reply *reply)
{
    assert(reply->effect_count <= 1);
    if (reply->effect_count == 1)
        machine_notify(machine, reply->effect[0].core, reply->effect[0].cause.bits,
                       reply->effect[0].cause.notify_id);
}

static void put(struct machine *machine, const char *text, uint32_t bytes, uint64_t now_ns)
{
    struct device_reply reply;
    device_input(&machine->state.device, text, bytes, &reply);
    machine_tell(machine, MACHINE_EVENT_INPUT, 0, now_ns, "%" PRIu32 " bytes", bytes);
    tell_core(machine, &reply);
}

static void put_end(struct machine *machine, uint64_t now_ns)
{
    struct device_reply reply;
    if (machine->state.device.input.ended)
        return;
    device_input_end(&machine->state.device, &reply);
    if (machine->config.input_count > 0 || machine->config.source)
        machine_tell(machine, MACHINE_EVENT_INPUT, 0, now_ns, "its end");
    tell_core(machine, &reply);
}

/* Is it due?  If not because of its time, an event is. */
static bool is_due(struct machine *machine, const struct machine_input *piece, uint64_t now_ns)
{
    struct machine_state *state = &machine->state;
    if (piece->after.text && !state->input_matched)
        return false;
    if (piece->at_ns <= now_ns)
        return true;
    if (state->input_event == 0)
        state->input_event =
            event_queue_push(&state->queue, piece->at_ns, EVENT_INPUT, 0, state->input_next);
    return false;
}

void input_give(struct machine *machine, uint64_t now_ns)
{
    struct machine_state *state = &machine->state;
    const size_t count = machine->config.input_count;
    while (state->input_next < count) {
        const struct machine_input *piece = &machine->config.input[state->input_next];
        if (!is_due(machine, piece, now_ns) || piece->bytes > device_input_room(&state->device))
            return;
        state->input_next++;
        state->input_matched = false;
        if (piece->end)
            put_end(machine, now_ns);
        else
            put(machine, piece->text, piece->bytes, now_ns);
        if (piece->end)
            state->input_next = count;
    }
    if (!machine->config.source)
        put_end(machine, now_ns);
}

void input_console(struct machine *machine, const struct machine_console_line *line)
{
    struct machine_state *state = &machine->state;
    if (line->kind == ABI_CONSOLE_TRACE || state->input_next == machine->config.input_count)
        return;
    const struct machine_input *piece = &machine->config.input[state->input_next];
    if (!piece->after.text || state->input_matched ||
        !fault_console_matches(&piece->after, line->text))
        return;
    state->input_matched = true;
    input_give(machine, line->time_ns);
}

static void take(struct machine *machine, uint64_t turn, uint64_t now_ns)
{
    char bytes[DEVICE_INPUT_BYTES];
    bool end = false;
    const unsigned room = device_input_room(&machine->state.device);
    if (machine->state.stopped || machine->state.source_ended || room == 0 ||
        machine->state.input_next < machine->config.input_count)
        return;
    const struct machine_input_source *source = machine->config.source;
    size_t count = source->take(source->context, turn, bytes, room, &end);
    assert(count <= room);
    if (count > 0)
        put(machine, bytes, (uint32_t)count, now_ns);
    machine->state.source_ended = end;
    if (end)
        put_end(machine, now_ns);
}

void input_taken(struct machine *machine, const struct device_effect *effect, uint64_t now_ns)
{
    memcpy(effect->input.to, effect->input.from, effect->input.bytes);
    machine_core_page(machine, effect->core)->input = effect->input.answer;
    if (effect->input.bytes == 0)
        return;
    input_give(machine, now_ns);
    if (machine->config.source && !machine->config.source->wait)
        take(machine, 0, now_ns);
}

void machine_input_arrived(struct machine *machine)
{
    machine_lock(machine);
    take(machine, 0, 0);
    machine_unlock(machine);
}

void machine_take_input(struct machine *machine, uint64_t turn, uint64_t now_ns)
{
    if (!machine->config.source || machine->state.source_ended)
        return;
    machine_lock(machine);
    take(machine, turn, now_ns);
    machine_unlock(machine);
}

enum machine_waited machine_wait_for_input(struct machine *machine, uint64_t turn, uint64_t next_ns,
                                           uint64_t now_ns)
{
    const struct machine_input_source *source = machine->config.source;
    if (!source || machine->state.source_ended)
        return MACHINE_WAITED;
    const uint64_t ns = next_ns == MACHINE_NO_EVENT ? next_ns
                        : next_ns > now_ns          ? next_ns - now_ns
                                                    : 0;
    return source->wait(source->context, turn, ns);
}
