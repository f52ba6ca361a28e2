/* SPDX-License-Identifier: MIT
 *
 * The machine's event queue: what shall happen when, ordered by (time, sequence number), so that
 * events of the same time happen in the order in which they were asked for, on every engine.
 *
 * Flat (no pointers): a copy of the structure is a snapshot.  Not locked: the machine's lock covers
 * it.
 */
#ifndef VMM_MACHINE_EVENT_QUEUE_H
#define VMM_MACHINE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_QUEUE_MAX 4096
#define EVENT_NEVER UINT64_MAX

enum event_kind {
    EVENT_TIMER,    /* a timer of `core` fires; argument: which */
    EVENT_DEADLINE, /* the run has lasted long enough */
    EVENT_INPUT,    /* the next piece of the scenario's input is due */
    EVENT_CHECK,    /* the databases of capabilities are to be looked at */
    EVENT_USER,     /* the first of those that fabric.h names */
};

struct event {
    uint64_t time_ns;  /* machine time */
    uint64_t sequence; /* unique, rising with every push; names the event */
    uint32_t kind;     /* enum event_kind */
    uint32_t core;
    uint64_t argument;
};

struct event_queue {
    uint32_t count;
    uint64_t next_sequence;
    struct event heap[EVENT_QUEUE_MAX]; /* binary heap, earliest first */
};

void event_queue_init(struct event_queue *queue);

/* Adds an event.  Returns its sequence number (never 0), or 0 if the queue is full. */
uint64_t event_queue_push(struct event_queue *queue, uint64_t time_ns, enum event_kind kind,
                          uint32_t core, uint64_t argument);

/* Removes the event of that number; false if it has happened already or never was. */
bool event_queue_cancel(struct event_queue *queue, uint64_t sequence);

/* Time of the earliest event, EVENT_NEVER if there is none. */
uint64_t event_queue_next_ns(const struct event_queue *queue);

/* Takes the earliest event if its time has come. */
bool event_queue_pop_due(struct event_queue *queue, uint64_t now_ns, struct event *out);

#endif
