/* SPDX-License-Identifier: MIT
 *
 * The state of a machine, fed field by field to whoever makes a number of it.
 *
 * Zero pages do not count, so it makes no difference whether a page was never touched or was
 * cleared.  Fields are fed one by one where a structure has holes or parts that mean nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"
#include "machine/pages.h"

#define PAGE 4096u

static int feed_region(const struct machine_region *region, machine_feed *feed, void *context)
{
    uint64_t pages = region->bytes / PAGE;
    uint8_t *there = calloc(1, pages);
    if (!there)
        return -ENOMEM;
    machine_find_pages(region, there);
    for (uint64_t page = 0; page < pages; page++) {
        const uint8_t *host = region->host + page * PAGE;
        if (!there[page] || machine_page_is_zero(host))
            continue;
        uint64_t address = region->base + page * PAGE;
        feed(context, &address, sizeof(address));
        feed(context, host, PAGE);
    }
    free(there);
    return 0;
}

static int feed_queue(const struct event_queue *queue, machine_feed *feed, void *context)
{
    struct event_queue *copy = malloc(sizeof(*copy));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, queue, sizeof(*copy));
    struct event event;
    feed(context, &copy->next_sequence, sizeof(copy->next_sequence));
    while (event_queue_pop_due(copy, EVENT_NEVER, &event)) {
        uint64_t words[] = { event.time_ns, event.sequence, event.kind, event.core,
                             event.argument };
        feed(context, words, sizeof(words));
    }
    free(copy);
    return 0;
}

static void feed_input(const struct device_input *input, machine_feed *feed, void *context)
{
    const uint32_t words[] = { input->head,  input->count, input->ended,
                               input->waits, input->core,  input->notify_id };
    feed(context, words, sizeof(words));
    for (uint32_t i = 0; i < input->count; i++)
        feed(context, &input->byte[(input->head + i) % DEVICE_INPUT_BYTES], 1);
}

int machine_feed_state(const struct machine *machine, machine_feed *feed, void *context)
{
    const struct machine_state *state = &machine->state;
    const struct device_state *device = &state->device;
    int error = 0;
    for (unsigned i = 0; i < machine->region_count && !error; i++)
        error = feed_region(&machine->region[i], feed, context);
    feed(context, &device->core_count, sizeof(device->core_count));
    feed(context, device->power, sizeof(device->power));
    feed(context, device->timer_at_ns, sizeof(device->timer_at_ns));
    feed(context, device->bad_requests, sizeof(device->bad_requests));
    feed(context, &device->channels, sizeof(device->channels));
    feed_input(&device->input, feed, context);
    feed(context, state->timer_event, sizeof(state->timer_event));
    uint64_t input[] = { state->input_next, state->input_matched, state->input_event,
                         state->source_ended };
    feed(context, input, sizeof(input));
    uint32_t end[] = { state->stopped, state->stop_reason, state->stop_core, state->exit_code };
    feed(context, end, sizeof(end));
    if (!error)
        error = feed_queue(&state->queue, feed, context);
    if (!error && fabric_has_happened(machine->fabric)) {
        fabric_feed(machine->fabric, feed, context);
        error = feed_queue(&machine->fabric->queue, feed, context);
    }
    return error;
}

bool machine_has_nothing_due(const struct machine *machine)
{
    const struct event_queue *queue = &machine->state.queue;
    /* the deadline is there from the beginning and changes nothing in the machine */
    bool forever =
        !machine->state.stopped && machine->fabric->queue.count == 0 &&
        (!machine->config.source || machine->state.source_ended) &&
        (queue->count == 0 || (queue->count == 1 && queue->heap[0].kind == EVENT_DEADLINE));
    for (unsigned core = 0; forever && core < machine->config.core_count; core++)
        forever = !machine_cause_pending(machine, core);
    return forever;
}

bool machine_sleeps_for_ever(struct machine *machine)
{
    machine_lock(machine);
    bool forever = machine_has_nothing_due(machine);
    machine_unlock(machine);
    return forever;
}
