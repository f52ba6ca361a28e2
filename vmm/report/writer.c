/* SPDX-License-Identifier: MIT
 *
 * A queue of blocks and the thread that writes them.
 *
 * Whoever says something (often on the thread of a core, under the machine's lock) only appends to
 * the last block.  The thread takes from the first one without the lock: it alone moves `begin`,
 * the others only `end`.  It asks poll() before each write and writes no more to a pipe or terminal
 * than fits one that is ready, so it practically never sleeps in write(); if it does, because
 * somebody else filled the pipe in between, the end of the program leaves it behind.
 *
 * After a write failed, everything is dropped and counted.  A reader "reads" as long as bytes go
 * out or a pipe's filling level falls.  Must never block who writes to the stream.
 */
#include "report/writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 65536
#define THREAD_STACK_BYTES (256u << 10)
#define LOOK_MS 50 /* how often the end and a stalled reader are looked at */

struct block {
    struct block *next;
    size_t begin, end; /* what waits */
    char data[BLOCK_BYTES];
};

struct writer {
    int fd;
    size_t chunk; /* most bytes of one write */
    pthread_t thread;

    pthread_mutex_t lock; /* everything below */
    pthread_cond_t filled, moved;
    struct block *first, *last;
    uint64_t pending, written, lost;
    int error; /* of the first write that failed, 0 */
    bool stop, ended;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Is there room?  Errors count as room: the write tells them. */
static bool wait_for_room(int fd, int timeout_ms)
{
    struct pollfd poller = { .fd = fd, .events = POLLOUT };
    return poll(&poller, 1, timeout_ms) != 0;
}

/* One write; 0: not now. */
static ssize_t write_some(const struct writer *writer, const char *data, size_t bytes)
{
    ssize_t n = write(writer->fd, data, bytes < writer->chunk ? bytes : writer->chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n;
}

/* ---- the thread; the lock is held ---- */

static void drop_all(struct writer *writer)
{
    writer->lost += writer->pending;
    writer->pending = 0;
    while (writer->first) {
        struct block *block = writer->first;
        writer->first = block->next;
        free(block);
    }
    writer->last = NULL;
}

static void went_out(struct writer *writer, size_t bytes)
{
    struct block *block = writer->first;
    block->begin += bytes;
    writer->pending -= bytes;
    writer->written += bytes;
    if (block->begin < block->end)
        return;
    writer->first = block->next;
    if (!writer->first)
        writer->last = NULL;
    free(block);
}

static void write_first(struct writer *writer)
{
    const struct block *block = writer->first;
    const char *data = block->data + block->begin;
    size_t bytes = block->end - block->begin;
    pthread_mutex_unlock(&writer->lock);
    ssize_t n = wait_for_room(writer->fd, LOOK_MS) ? write_some(writer, data, bytes) : 0;
    int error = errno;
    pthread_mutex_lock(&writer->lock);
    if (n < 0) {
        writer->error = error;
        drop_all(writer);
    } else if (n > 0) {
        went_out(writer, (size_t)n);
    }
    pthread_cond_broadcast(&writer->moved);
}

static void *writer_thread(void *context)
{
    struct writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    while (!writer->stop)
        if (writer->first)
            write_first(writer);
        else
            pthread_cond_wait(&writer->filled, &writer->lock);
    writer->ended = true;
    pthread_cond_broadcast(&writer->moved);
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* ---- what is said; the lock is held ---- */

static struct block *last_with_room(struct writer *writer)
{
    struct block *block = writer->last;
    if (block && block->end < BLOCK_BYTES)
        return block;
    block = malloc(sizeof(*block));
    if (!block)
        return NULL;
    block->next = NULL;
    block->begin = block->end = 0;
    if (writer->last)
        writer->last->next = block;
    else
        writer->first = block;
    writer->last = block;
    return block;
}

static void append(struct writer *writer, const char *data, size_t bytes)
{
    while (bytes > 0) {
        struct block *block = last_with_room(writer);
        if (!block) {
            writer->lost += bytes;
            return;
        }
        size_t part = BLOCK_BYTES - block->end;
        part = part < bytes ? part : bytes;
        memcpy(block->data + block->end, data, part);
        block->end += part;
        writer->pending += part;
        data += part;
        bytes -= part;
    }
}

static ssize_t put(struct writer *writer, const char *data, size_t bytes, bool eager)
{
    size_t done = 0;
    pthread_mutex_lock(&writer->lock);
    /* under the lock, so that what others say stays in order; poll() has said that it does not
     * block */
    while (eager && !writer->error && writer->pending == 0 && done < bytes &&
           wait_for_room(writer->fd, 0)) {
        ssize_t n = write_some(writer, data + done, bytes - done);
        if (n < 0)
            writer->error = errno;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (writer->error || writer->pending + (bytes - done) > WRITER_QUEUE_BYTES)
        writer->lost += bytes - done;
    else
        append(writer, data + done, bytes - done);
    pthread_cond_signal(&writer->filled);
    pthread_mutex_unlock(&writer->lock);
    return (ssize_t)bytes;
}

static ssize_t put_queued(void *cookie, const char *data, size_t bytes)
{
    return put(cookie, data, bytes, false);
}

static ssize_t put_eagerly(void *cookie, const char *data, size_t bytes)
{
    return put(cookie, data, bytes, true);
}

/* ---- interface ---- */

struct writer *writer_create(int fd)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    struct stat status;
    sigset_t all, before;
    if (!writer)
        return NULL;
    writer->fd = fd;
    writer->chunk = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? BLOCK_BYTES : PIPE_BUF;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->filled, NULL);
    pthread_cond_init(&writer->moved, &clock);
    pthread_condattr_destroy(&clock);
    pthread_attr_t small; /* it calls little, and the caller may have little address space */
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, THREAD_STACK_BYTES);
    sigfillset(&all); /* signals are for others; SIGPIPE becomes the error of the write */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&writer->thread, &small, writer_thread, writer);
    pthread_attr_destroy(&small);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!error)
        return writer;
    pthread_cond_destroy(&writer->moved);
    pthread_cond_destroy(&writer->filled);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
    errno = error;
    return NULL;
}

FILE *writer_stream(struct writer *writer, bool eager)
{
    cookie_io_functions_t functions = { .write = eager ? put_eagerly : put_queued };
    FILE *stream = fopencookie(writer, "w", functions);
    if (stream && eager)
        setvbuf(stream, NULL, _IONBF, 0);
    return stream;
}

uint64_t writer_pending(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    uint64_t pending = writer->pending;
    pthread_mutex_unlock(&writer->lock);
    return pending;
}

/* A number that changes whenever somebody takes a byte. */
static uint64_t taken(const struct writer *writer)
{
    int level = 0;
    if (ioctl(writer->fd, FIONREAD, &level) < 0)
        level = 0; /* no pipe */
    return writer->written - (uint64_t)level;
}

static void wait_a_little(struct writer *writer)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&writer->moved, &writer->lock, &until);
}

int writer_drain(struct writer *writer, bool patient, bool (*hurry)(void *context), void *context,
                 uint64_t *lost)
{
    bool gave_up = false;
    pthread_mutex_lock(&writer->lock);
    uint64_t before = taken(writer), since_ms = now_ms();
    while (writer->pending > 0 && !gave_up) {
        wait_a_little(writer);
        uint64_t now = taken(writer), waited_ms = now_ms() - since_ms;
        if (now != before) {
            before = now;
            since_ms = now_ms();
        } else if (hurry && hurry(context)) {
            gave_up = waited_ms >= WRITER_PATIENCE_HURRY_MS;
        } else {
            gave_up = !patient && waited_ms >= WRITER_PATIENCE_MS;
        }
    }
    int result = writer->error  ? -writer->error
                 : gave_up      ? -ETIMEDOUT
                 : writer->lost ? -ENOBUFS
                                : 0;
    if (lost)
        *lost = writer->lost + writer->pending;
    pthread_mutex_unlock(&writer->lock);
    return result;
}

void writer_destroy(struct writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->filled);
    uint64_t since_ms = now_ms();
    while (!writer->ended && now_ms() - since_ms < WRITER_PATIENCE_HURRY_MS)
        wait_a_little(writer);
    bool ended = writer->ended;
    pthread_mutex_unlock(&writer->lock);
    if (!ended) { /* it sleeps in write(), and uses what would be freed */
        pthread_detach(writer->thread);
        return;
    }
    pthread_join(writer->thread, NULL);
    drop_all(writer);
    pthread_cond_destroy(&writer->moved);
    pthread_cond_destroy(&writer->filled);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}
