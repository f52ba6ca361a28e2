/* SPDX-License-Identifier: MIT
 *
 * The QEMU engine: the machine is run by others, we listen.
 *
 * A helper process (qemu_helper.c) starts QEMU, through libvirt where it can.  What is left to this
 * side is what a user at a terminal has: the console, the time that passes, and the off switch.
 * The thread that calls run() reads the console and hands each line to the machine, which judges it
 * as it would a line of its own console device; events of the machine (the deadline) come from a
 * timerfd.
 *
 * Machine time is CLOCK_MONOTONIC since run(), so it includes the start of QEMU; lines carry the
 * guest's own time.  No registers, counters or traces: nobody but QEMU has them.
 *
 * Where there are rules of faults, or expectations of values, QEMU's memory is ours too, and a
 * second thread carries lines (machine/pump.c).
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/qemu/qemu_private.h"
#include "engine/real_time.h"
#include "machine/export.h"

#define LINE_MAX_BYTES 4096
#define STATUS_MAX_BYTES 512
#define PUMP_REST_NS 20000

struct engine {
    struct machine *machine;
    struct qemu_helper helper;
    struct qemu_memory memory; /* if there are rules */
    struct qemu_bell bell;     /* and a board that has a place for it */
    int stop_fd, timer_fd;
    uint64_t start_ns;
    atomic_int stop_reason; /* enum stop_reason; the first one stays */
    atomic_bool running;
    char line[LINE_MAX_BYTES];
    size_t line_bytes;
    char status[STATUS_MAX_BYTES];
    size_t status_bytes;
    char typed[1024]; /* not written to the helper yet */
    size_t typed_bytes;
};

static uint64_t now_ns(struct engine *engine)
{
    return real_time_since(engine->start_ns);
}

/* "" lets the helper choose. */
static const char *connection(void)
{
    const char *uri = getenv("VMM_QEMU_CONNECT");
    return uri ? uri : "";
}

static int engine_probe(struct engine_capability *out)
{
    return qemu_helper_probe(connection(), out);
}

static void request_stop(struct engine *engine, enum stop_reason reason)
{
    int none = STOP_NONE;
    int saved = errno; /* we may be in a signal handler */
    uint64_t one = 1;
    if (atomic_compare_exchange_strong(&engine->stop_reason, &none, (int)reason) &&
        write(engine->stop_fd, &one, sizeof(one)) < 0) {
        /* cannot happen: the counter goes from 0 to 1 once */
    }
    errno = saved;
}

static void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    assert(!atomic_load(&engine->running));
    qemu_helper_end(&engine->helper);
    qemu_memory_free(&engine->memory);
    qemu_bell_free(&engine->bell);
    if (engine->stop_fd >= 0)
        close(engine->stop_fd);
    if (engine->timer_fd >= 0)
        close(engine->timer_fd);
    free(engine);
}

/* QEMU maps our memory if we start it; the one of a daemon may not. */
static int share_memory(struct engine *engine)
{
    const char *uri = connection();
    if (*uri && strcmp(uri, "direct") != 0) {
        machine_set_error(engine->machine,
                          "faults, values and invariants need memory that QEMU and vmm share, "
                          "which a libvirt daemon does not give; use --connect direct");
        return -ENOTSUP;
    }
    int error = qemu_memory_make(&engine->memory, engine->machine);
    if (!error && machine_has_bell(engine->machine)) {
        error = qemu_bell_make(&engine->bell, machine_core_count(engine->machine));
        if (error)
            machine_set_error(engine->machine, "bells for cores: %s", strerror(-error));
    }
    return error;
}

static int engine_create(struct engine **out, struct machine *machine,
                         const struct engine_options *options)
{
    *out = NULL;
    if (options->trap_window) {
        machine_set_error(machine, "QEMU shows no messages; use --engine kvm or unicorn");
        return -ENOTSUP;
    }
    struct engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        machine_set_error(machine, "no host memory");
        return -ENOMEM;
    }
    const bool pumped = machine_needs_pump(machine);
    engine->machine = machine;
    engine->helper = (struct qemu_helper){ .control = -1, .console = -1, .status = -1 };
    engine->bell = (struct qemu_bell){ .client = -1, .server = -1 };
    engine->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int error = engine->stop_fd < 0 || engine->timer_fd < 0 ? -errno : 0;
    if (error)
        machine_set_error(machine, "making descriptors: %s", strerror(-error));
    else if (pumped)
        error = share_memory(engine);
    if (!error)
        error = qemu_helper_start(&engine->helper, machine, pumped ? "direct" : connection(),
                                  pumped ? engine->memory.path : NULL, engine->bell.client);
    if (error) {
        engine_destroy(engine);
        return error;
    }
    machine_attach(machine, &engine_qemu, engine);
    *out = engine;
    return 0;
}

/* ---- what the guest does by itself ---- */

static int start_core(struct engine *engine, unsigned core, const struct core_entry *entry)
{
    (void)engine, (void)core, (void)entry;
    return 0;
}

static void kick(struct engine *engine, unsigned core)
{
    qemu_bell_ring(&engine->bell, core);
}

static void hold_core(struct engine *engine, unsigned core, bool held)
{
    (void)engine, (void)core, (void)held;
}

static void events_changed(struct engine *engine, uint64_t next_ns)
{
    if (!atomic_load(&engine->running))
        return;
    real_time_arm(engine->timer_fd, engine->start_ns, next_ns);
}

/* ---- running ---- */

static void end_of_line(struct engine *engine)
{
    size_t bytes = engine->line_bytes;
    while (bytes > 0 && engine->line[bytes - 1] == '\r')
        bytes--;
    if (bytes > 0)
        machine_pc_said(engine->machine, engine->line, bytes, now_ns(engine));
    engine->line_bytes = 0;
}

/* A line that does not fit comes in parts.  False: the console has ended. */
static bool read_console(struct engine *engine)
{
    char block[4096];
    ssize_t got = read(engine->helper.console, block, sizeof(block));
    for (ssize_t i = 0; i < got; i++) {
        if (block[i] != '\n')
            engine->line[engine->line_bytes++] = block[i];
        if (block[i] == '\n' || engine->line_bytes == sizeof(engine->line))
            end_of_line(engine);
    }
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static bool read_status(struct engine *engine)
{
    char *at = engine->status + engine->status_bytes;
    size_t room = sizeof(engine->status) - 1 - engine->status_bytes;
    ssize_t got = room ? read(engine->helper.status, at, room) : 0;
    if (got > 0)
        engine->status_bytes += (size_t)got;
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Console and status have ended, and the guest did not say that it ends. */
static void ended_without_a_word(struct engine *engine, struct engine_stop *why)
{
    static const char failed[] = "failed ";
    char *line = engine->status;
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, failed, sizeof(failed) - 1) == 0)
        line += sizeof(failed) - 1;
    snprintf(why->detail, sizeof(why->detail), "%.180s",
             *line ? line : "the helper ended without a reason");
}

/* What the machine wants typed goes behind the line that let QEMU start.  True: some is left, for
 * when the helper reads on. */
static bool type(struct engine *engine)
{
    for (;;) {
        if (engine->typed_bytes == 0)
            engine->typed_bytes = machine_pc_typed(engine->machine, engine->typed,
                                                   sizeof(engine->typed), now_ns(engine));
        if (engine->typed_bytes == 0)
            return false;
        ssize_t done = write(engine->helper.control, engine->typed, engine->typed_bytes);
        if (done < 0)
            return errno == EAGAIN; /* else it has ended, and nobody reads any more */
        engine->typed_bytes -= (size_t)done;
        memmove(engine->typed, engine->typed + done, engine->typed_bytes);
    }
}

static void event_loop(struct engine *engine)
{
    struct pollfd fds[] = {
        { .fd = engine->stop_fd, .events = POLLIN },
        { .fd = engine->timer_fd, .events = POLLIN },
        { .fd = engine->helper.console, .events = POLLIN },
        { .fd = engine->helper.status, .events = POLLIN },
        { .fd = -1, .events = POLLOUT },
    };
    while (atomic_load(&engine->stop_reason) == STOP_NONE) {
        fds[4].fd = type(engine) ? engine->helper.control : -1;
        if (poll(fds, 5, -1) < 0 && errno != EINTR) {
            request_stop(engine, STOP_ENGINE);
            return;
        }
        uint64_t expirations;
        if ((fds[1].revents & POLLIN) && read(engine->timer_fd, &expirations, 8) == 8)
            machine_run_events(engine->machine, now_ns(engine));
        if (fds[2].revents && !read_console(engine))
            fds[2].fd = -1;
        if (fds[3].revents && !read_status(engine))
            fds[3].fd = -1;
        if (fds[2].fd < 0 && fds[3].fd < 0)
            request_stop(engine, STOP_ENGINE); /* unless the guest said that it ends */
    }
}

/* Nobody tells us of a store: we look, and rest when there was nothing. */
static void *pump(void *context)
{
    const struct timespec rest = { .tv_nsec = PUMP_REST_NS };
    struct engine *engine = context;
    while (atomic_load(&engine->running))
        if (!machine_pump(engine->machine, now_ns(engine)))
            nanosleep(&rest, NULL);
    return NULL;
}

static int engine_run(struct engine *engine, struct engine_stop *why)
{
    memset(why, 0, sizeof(*why));
    assert(engine->start_ns == 0);
    engine->start_ns = real_time_ns();
    atomic_store(&engine->running, true);
    events_changed(engine, machine_next_event_ns(engine->machine));
    pthread_t thread;
    const bool pumped = engine->memory.ram;
    if (pumped && pthread_create(&thread, NULL, pump, engine) != 0) {
        atomic_store(&engine->running, false);
        why->reason = STOP_ENGINE;
        snprintf(why->detail, sizeof(why->detail), "no thread to carry lines");
        return -EAGAIN;
    }
    if (!qemu_helper_go(&engine->helper))
        request_stop(engine, STOP_ENGINE);
    event_loop(engine);
    why->time_ns = now_ns(engine);
    atomic_store(&engine->running, false);
    if (pumped)
        pthread_join(thread, NULL);
    why->reason = (enum stop_reason)atomic_load(&engine->stop_reason);
    if (why->reason == STOP_EXIT || why->reason == STOP_PANIC)
        machine_fill_stop(engine->machine, why);
    if (why->reason != STOP_ENGINE)
        return 0;
    ended_without_a_word(engine, why);
    return -EIO;
}

static int core_state(struct engine *engine, unsigned core, struct core_state *out)
{
    (void)engine, (void)core, (void)out;
    return -ENOTSUP;
}

static void get_stats(struct engine *engine, struct engine_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->core_count = machine_core_count(engine->machine);
}

const struct engine_ops engine_qemu = {
    .name = "qemu",
    .witness = true,
    .probe = engine_probe,
    .create = engine_create,
    .start_core = start_core,
    .kick = kick,
    .hold_core = hold_core,
    .events_changed = events_changed,
    .run = engine_run,
    .request_stop = request_stop,
    .now_ns = now_ns,
    .core_state = core_state,
    .stats = get_stats,
    .destroy = engine_destroy,
};
