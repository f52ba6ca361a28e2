/* SPDX-License-Identifier: MIT
 *
 * A program's own trace: a ring of (cycles, word) pairs.
 *
 *   off ──control──▶ armed ──start trigger──▶ recording ──stop trigger, time──▶ off
 *
 * Recording happens disabled, so that all threads may do it, and stores two words.  The ring is
 * made when it is first needed; without memory for it nothing is recorded, and the caller is told.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/waitset_chan.h>
#include <stdio.h>
#include <trace/trace.h>

#define PRINT_BYTES 80

struct recorded {
    uint64_t cycles, raw;
};

bool trace_is_armed;

static struct recorded *ring;
static uint64_t written, first; /* events ever; the oldest that is kept */
static uint64_t start_trigger, stop_trigger, duration, begun_at;
static bool recording, autoflush;
static uint64_t disabled_subsystems; /* a bit for each */
static struct waitset_chanstate done_channel;

_Static_assert(TRACE_SUBSYS_COUNT <= 64, "a bit for each subsystem");

static errval_t make_ring(void)
{
    if (ring == NULL)
        ring = calloc(TRACE_MAX_EVENTS, sizeof(*ring));
    return ring == NULL ? (errval_t)LIB_ERR_MALLOC_FAIL : (errval_t)SYS_ERR_OK;
}

static bool is_enabled(uint64_t raw)
{
    uint64_t subsys = raw >> 48;

    return subsys >= TRACE_SUBSYS_COUNT || (disabled_subsystems & 1ull << subsys) == 0;
}

/* What happens to an event, while disabled.  True: it is kept. */
static bool advance(uint64_t raw, uint64_t now)
{
    if (!recording && (start_trigger == 0 || raw == start_trigger)) {
        recording = true;
        begun_at = now;
    }
    bool late = recording && duration != 0 && now - begun_at > duration;
    if (!recording || late) {
        trace_is_armed = trace_is_armed && !late;
        return false;
    }
    if (stop_trigger != 0 && raw == stop_trigger) {
        trace_is_armed = recording = false;
        return true;
    }
    return is_enabled(raw);
}

static void print_all(void)
{
    char line[PRINT_BYTES];

    while (first < written) {
        const struct recorded *r = &ring[first++ % TRACE_MAX_EVENTS];

        snprintf(line, sizeof(line), "trace: %" PRIu64 " %u %u %u", r->cycles,
                 (unsigned)(r->raw >> 48), (unsigned)(r->raw >> 32 & 0xffff), (unsigned)r->raw);
        printf("%s\n", line);
    }
}

errval_t trace_record(uint64_t raw)
{
    uint64_t now = rdtsc();
    bool full = false;

    dispatcher_handle_t handle = disp_disable();
    if (ring != NULL && advance(raw, now)) {
        ring[written++ % TRACE_MAX_EVENTS] = (struct recorded){ now, raw };
        if (written - first > TRACE_MAX_EVENTS)
            first = written - TRACE_MAX_EVENTS;
        full = autoflush && written - first == TRACE_MAX_EVENTS;
    }
    disp_enable(handle);
    if (full)
        print_all();
    return SYS_ERR_OK;
}

errval_t trace_control(uint64_t start, uint64_t stop, uint64_t cycles)
{
    errval_t err = make_ring();

    if (err_is_fail(err))
        return err;
    dispatcher_handle_t handle = disp_disable();
    start_trigger = start;
    stop_trigger = stop;
    duration = cycles;
    recording = start == 0;
    begun_at = rdtsc();
    trace_is_armed = true;
    disp_enable(handle);
    return SYS_ERR_OK;
}

void trace_reset_all(void)
{
    dispatcher_handle_t handle = disp_disable();

    trace_is_armed = recording = false;
    first = written;
    disp_enable(handle);
}

errval_t trace_set_subsys_enabled(uint16_t subsys, bool enabled)
{
    if (subsys >= TRACE_SUBSYS_COUNT)
        return ERR_INVALID_ARGS;
    disabled_subsystems &= ~(1ull << subsys);
    disabled_subsystems |= enabled ? 0 : 1ull << subsys;
    return SYS_ERR_OK;
}

errval_t trace_set_all_subsys_enabled(bool enabled)
{
    disabled_subsystems = enabled ? 0 : UINT64_MAX;
    return SYS_ERR_OK;
}

void trace_set_autoflush(bool enabled)
{
    autoflush = enabled;
}

/* Lets the closure come through the default waitset. */
static errval_t tell(struct event_closure done)
{
    static bool initialised;

    if (done.handler == NULL)
        return SYS_ERR_OK;
    if (!initialised) {
        waitset_chanstate_init(&done_channel, CHANTYPE_OTHER);
        initialised = true;
    }
    return waitset_chan_trigger_closure(get_default_waitset(), &done_channel, done);
}

errval_t trace_prepare(struct event_closure done)
{
    errval_t err = make_ring();

    return err_is_ok(err) ? tell(done) : err;
}

errval_t trace_flush(struct event_closure done)
{
    print_all();
    return tell(done);
}

size_t trace_dump(char *buf, size_t buflen, int *number_of_events)
{
    size_t used = 0;
    int events = 0;

    for (uint64_t at = first; at < written && ring != NULL; at++) {
        const struct recorded *r = &ring[at % TRACE_MAX_EVENTS];
        int length = snprintf(buf + used, buflen - used, "%u %" PRIu64 " %u %u %u\n",
                              (unsigned)disp_get_core_id(), r->cycles, (unsigned)(r->raw >> 48),
                              (unsigned)(r->raw >> 32 & 0xffff), (unsigned)r->raw);

        if (length < 0 || (size_t)length >= buflen - used)
            break;
        used += (size_t)length;
        events++;
    }
    if (buflen > used)
        buf[used] = '\0';
    if (number_of_events != NULL)
        *number_of_events = events;
    return used;
}
