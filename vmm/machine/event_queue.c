/* SPDX-License-Identifier: MIT
 *
 * The event queue: a binary heap ordered by (time, sequence).
 *
 * Few events are pending at a time (a timer for each core, a deadline), so cancelling looks for the
 * sequence number from end to end.  The order of the heap's array depends only on the pushes and
 * cancels made, never on addresses, so copies of the structure behave identically.
 */
#include "machine/event_queue.h"

#include <assert.h>
#include <string.h>

void event_queue_init(struct event_queue *queue)
{
    memset(queue, 0, sizeof(*queue));
    queue->next_sequence = 1;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->sequence < b->sequence;
}

static void swap(struct event *a, struct event *b)
{
    struct event tmp = *a;
    *a = *b;
    *b = tmp;
}

static void sift_up(struct event *heap, uint32_t i)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (!before(&heap[i], &heap[parent]))
            return;
        swap(&heap[i], &heap[parent]);
        i = parent;
    }
}

static void sift_down(struct event_queue *queue, uint32_t i)
{
    for (;;) {
        uint32_t least = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < queue->count; child++)
            if (before(&queue->heap[child], &queue->heap[least]))
                least = child;
        if (least == i)
            return;
        swap(&queue->heap[i], &queue->heap[least]);
        i = least;
    }
}

uint64_t event_queue_push(struct event_queue *queue, uint64_t time_ns, enum event_kind kind,
                          uint32_t core, uint64_t argument)
{
    assert(queue->next_sequence != 0 && queue->count <= EVENT_QUEUE_MAX);
    if (queue->count == EVENT_QUEUE_MAX)
        return 0;
    uint32_t i = queue->count++;
    queue->heap[i] = (struct event){
        .time_ns = time_ns,
        .sequence = queue->next_sequence++,
        .kind = kind,
        .core = core,
        .argument = argument,
    };
    uint64_t sequence = queue->heap[i].sequence;
    sift_up(queue->heap, i);
    return sequence;
}

static void remove_at(struct event_queue *queue, uint32_t i)
{
    assert(i < queue->count);
    queue->heap[i] = queue->heap[--queue->count];
    /* what lies beyond count stays zero, so that equal queues are equal bytes */
    memset(&queue->heap[queue->count], 0, sizeof(queue->heap[0]));
    if (i < queue->count) {
        sift_down(queue, i);
        sift_up(queue->heap, i);
    }
}

bool event_queue_cancel(struct event_queue *queue, uint64_t sequence)
{
    if (sequence == 0)
        return false;
    for (uint32_t i = 0; i < queue->count; i++) {
        if (queue->heap[i].sequence == sequence) {
            remove_at(queue, i);
            return true;
        }
    }
    return false;
}

uint64_t event_queue_next_ns(const struct event_queue *queue)
{
    return queue->count ? queue->heap[0].time_ns : EVENT_NEVER;
}

bool event_queue_pop_due(struct event_queue *queue, uint64_t now_ns, struct event *out)
{
    if (queue->count == 0 || queue->heap[0].time_ns > now_ns)
        return false;
    *out = queue->heap[0];
    remove_at(queue, 0);
    return true;
}
