/* SPDX-License-Identifier: MIT
 *
 * The terminal of an interactive run.
 *
 * A thread reads the descriptor into a buffer and stops reading when that is full: so whoever types
 * faster than the guest reads has to wait, and nothing is lost.  A machine in real time is told and
 * takes what it has room for; it asks again when the guest has made room.  One in virtual time asks
 * at its turns, and while it sleeps it waits here for real time to pass.
 *
 * Locks: the machine's is taken before this one, so the thread tells the machine without it.
 */
#include "run/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define LONGEST_WAIT_NS 50000000 /* until the engine may look whether the run is to end */

struct terminal {
    struct machine_input_source source;
    struct machine *machine;
    int fd, end_fd;
    bool virtual_time, running;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* covered by the lock */
    char byte[BUFFER_BYTES];
    size_t count;
    bool ended;        /* the descriptor is at its end */
    bool closing;      /* the thread is to end */
    atomic_bool ready; /* there is something to be taken: looked at without the lock */
};

/* ---- what the machine calls ---- */

static size_t take(void *context, uint64_t turn, char *bytes, size_t room, bool *end)
{
    struct terminal *terminal = context;
    (void)turn;
    if (!atomic_load(&terminal->ready))
        return 0;
    pthread_mutex_lock(&terminal->lock);
    const size_t count = terminal->count < room ? terminal->count : room;
    memcpy(bytes, terminal->byte, count);
    terminal->count -= count;
    memmove(terminal->byte, terminal->byte + count, terminal->count);
    *end = terminal->ended && terminal->count == 0;
    atomic_store(&terminal->ready, !*end && terminal->count > 0);
    pthread_cond_broadcast(&terminal->changed);
    pthread_mutex_unlock(&terminal->lock);
    return count;
}

static enum machine_waited wait_for_input(void *context, uint64_t turn, uint64_t ns)
{
    struct terminal *terminal = context;
    (void)turn;
    const bool long_wait = ns > LONGEST_WAIT_NS;
    const uint64_t most = long_wait ? LONGEST_WAIT_NS : ns;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const uint64_t at = (uint64_t)until.tv_nsec + most;
    until.tv_sec += (time_t)(at / 1000000000);
    until.tv_nsec = (long)(at % 1000000000);
    pthread_mutex_lock(&terminal->lock);
    while (!atomic_load(&terminal->ready) &&
           pthread_cond_timedwait(&terminal->changed, &terminal->lock, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&terminal->lock);
    return atomic_load(&terminal->ready) ? MACHINE_WAITED_INPUT
           : long_wait                   ? MACHINE_WAITED_AGAIN
                                         : MACHINE_WAITED;
}

/* ---- the thread ---- */

/* Waits for room in the buffer; false: the run is over. */
static bool wait_for_room(struct terminal *terminal)
{
    pthread_mutex_lock(&terminal->lock);
    while (terminal->count == BUFFER_BYTES && !terminal->closing)
        pthread_cond_wait(&terminal->changed, &terminal->lock);
    const bool goes_on = !terminal->closing;
    pthread_mutex_unlock(&terminal->lock);
    return goes_on;
}

/* False: the run is over. */
static bool wait_for_bytes(const struct terminal *terminal)
{
    struct pollfd fds[] = { { .fd = terminal->fd, .events = POLLIN },
                            { .fd = terminal->end_fd, .events = POLLIN } };
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
    return fds[1].revents == 0;
}

/* Reads once; false: that was the end. */
static bool read_some(struct terminal *terminal)
{
    char some[4096];
    pthread_mutex_lock(&terminal->lock);
    const size_t room = BUFFER_BYTES - terminal->count;
    pthread_mutex_unlock(&terminal->lock);
    const ssize_t got = read(terminal->fd, some, room < sizeof(some) ? room : sizeof(some));
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    pthread_mutex_lock(&terminal->lock);
    if (got > 0)
        memcpy(terminal->byte + terminal->count, some, (size_t)got);
    terminal->count += got > 0 ? (size_t)got : 0;
    terminal->ended = got <= 0; /* a terminal that was closed reads as an error */
    atomic_store(&terminal->ready, true);
    pthread_cond_broadcast(&terminal->changed);
    pthread_mutex_unlock(&terminal->lock);
    if (!terminal->virtual_time)
        machine_input_arrived(terminal->machine);
    return got > 0;
}

static void *terminal_thread(void *context)
{
    struct terminal *terminal = context;
    while (wait_for_room(terminal) && wait_for_bytes(terminal))
        if (!read_some(terminal))
            break;
    return NULL;
}

/* ---- life ---- */

struct terminal *terminal_create(int fd, bool virtual_time)
{
    struct terminal *terminal = calloc(1, sizeof(*terminal));
    pthread_condattr_t attributes;
    if (!terminal)
        return NULL;
    terminal->end_fd = eventfd(0, EFD_CLOEXEC);
    if (terminal->end_fd < 0) {
        free(terminal);
        return NULL;
    }
    terminal->fd = fd;
    terminal->virtual_time = virtual_time;
    terminal->source = (struct machine_input_source){
        .context = terminal, .take = take, .wait = virtual_time ? wait_for_input : NULL
    };
    pthread_mutex_init(&terminal->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&terminal->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return terminal;
}

const struct machine_input_source *terminal_source(struct terminal *terminal)
{
    return &terminal->source;
}

void terminal_begin(struct terminal *terminal, struct machine *machine)
{
    terminal->machine = machine;
    terminal->running = pthread_create(&terminal->thread, NULL, terminal_thread, terminal) == 0;
    if (!terminal->running) { /* nobody reads: as if it were closed */
        terminal->ended = true;
        atomic_store(&terminal->ready, true);
    }
}

void terminal_end(struct terminal *terminal)
{
    if (!terminal->running)
        return;
    pthread_mutex_lock(&terminal->lock);
    terminal->closing = true;
    pthread_cond_broadcast(&terminal->changed);
    pthread_mutex_unlock(&terminal->lock);
    if (eventfd_write(terminal->end_fd, 1) == 0)
        pthread_join(terminal->thread, NULL);
    terminal->running = false;
}

void terminal_destroy(struct terminal *terminal)
{
    if (!terminal)
        return;
    close(terminal->end_fd);
    pthread_cond_destroy(&terminal->changed);
    pthread_mutex_destroy(&terminal->lock);
    free(terminal);
}
