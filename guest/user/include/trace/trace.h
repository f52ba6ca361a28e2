/* SPDX-License-Identifier: MIT
 *
 * A program's own trace: events with the time stamp counter, in a ring of the dispatcher that
 * records them.  Nothing is recorded until trace_control arms the trace; until then an event costs
 * one load and a branch.
 *
 * The ring holds the last TRACE_MAX_EVENTS events of this dispatcher, not of others and not of the
 * CPU driver, whose flight recorder `vmm run -vv` shows.  Nothing here blocks.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <barrelfish/waitset.h>
#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <trace_definitions/trace_defs.h>

#define TRACE_MAX_EVENTS 4096

/* Subsystem, event and argument (32 bits) in one word. */
#define TRACE_EVENT(subsys, event, arg) \
    ((uint64_t)(subsys) << 48 | (uint64_t)(event) << 32 | (uint32_t)(arg))

/* TRACE(XMPL, EV1, 5) records TRACE_EVENT_XMPL_EV1 of TRACE_SUBSYS_XMPL with 5. */
#define TRACE(subsys, event, arg) \
    trace_event(TRACE_SUBSYS_##subsys, TRACE_EVENT_##subsys##_##event, (uint32_t)(arg))

extern bool trace_is_armed; /* the library's: read by trace_event only */

errval_t trace_record(uint64_t raw);

/* LIB_ERR_TRACE_OFF: it is switched off, and has not been recorded. */
static inline errval_t trace_event_raw(uint64_t raw)
{
    return __builtin_expect(trace_is_armed, 0) ? trace_record(raw) : (errval_t)LIB_ERR_TRACE_OFF;
}
static inline errval_t trace_event(uint16_t subsys, uint16_t event, uint32_t arg)
{
    return trace_event_raw(TRACE_EVENT(subsys, event, arg));
}

/* Arms the trace: recording begins with the event start_trigger (0: now) and ends after
 * stop_trigger (0: never), or when `duration` cycles have gone since it began (0: no limit). */
errval_t trace_control(uint64_t start_trigger, uint64_t stop_trigger, uint64_t duration);

/* Forgets all events, and disarms. */
void trace_reset_all(void);

/* All subsystems are enabled at first.  ERR_INVALID_ARGS: no such subsystem. */
errval_t trace_set_subsys_enabled(uint16_t subsys, bool enabled);
errval_t trace_set_all_subsys_enabled(bool enabled);

/* A full ring is printed and emptied, instead of losing the oldest events. */
void trace_set_autoflush(bool enabled);

/* Makes the ring.  The closure runs from the default waitset when it is there.  One of these two at
 * a time: LIB_ERR_CHAN_ALREADY_REGISTERED.  LIB_ERR_MALLOC_FAIL. */
errval_t trace_prepare(struct event_closure done);

/* Prints all events and forgets them; then the closure, in the same way. */
errval_t trace_flush(struct event_closure done);

/* Writes the events as text, oldest first, as many as fit: a line "CORE CYCLES SUBSYS EVENT ARG"
 * each, and a final zero.  Returns the bytes without it; number_of_events may be NULL. */
size_t trace_dump(char *buf, size_t buflen, int *number_of_events);

#endif
