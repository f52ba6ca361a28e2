/* SPDX-License-Identifier: MIT
 *
 * Signals without signal handlers: a signalfd, a timerfd for the guard and an eventfd for
 * the end, polled by one thread.  A first signal asks the engine to stop in an orderly way (report,
 * result files); one after it means that this did not work, and ends the process, which takes all
 * threads, descriptors and guest memory with it.  timeout(1) sends each of its signals twice, to
 * the process and to the group: what is not Ctrl-C counts as a second one only after a while.
 *
 * Signals that the caller had ignored (nohup, a shell's background jobs) stay ignored: a signalfd
 * would report them all the same, so they are not among those watched.
 *
 * The lock orders "stop this engine" against "this engine is gone": request_stop is never called on
 * a destroyed engine.
 */
#include "run/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/host_limits.h"
#include "report/output.h"

#define TIMER_LEAST_NS 1000000ull
#define SECOND_SIGNAL_NS 300000000ull

struct watch {
    pthread_t thread;
    int signal_fd, timer_fd, end_fd;
    sigset_t signals, old_mask;

    pthread_mutex_t lock; /* everything below */
    const struct engine_ops *ops;
    struct engine *engine;
    void (*explain)(void *context);
    void *context;
    int signal;
    uint64_t signal_ns;          /* when it came */
    uint64_t limit_ns, began_ns; /* processor time: how much is allowed, 0 = any, and since when */
    bool limit_reached;
};

static uint64_t processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Rings after `ns` of real time, 0 = never. */
static void set_timer(struct watch *watch, uint64_t ns)
{
    struct itimerspec when = { .it_value = { .tv_sec = (time_t)(ns / 1000000000),
                                             .tv_nsec = (long)(ns % 1000000000) } };
    timerfd_settime(watch->timer_fd, 0, &when, NULL);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void stop_engine(struct watch *watch, enum stop_reason reason)
{
    if (watch->engine)
        watch->ops->request_stop(watch->engine, reason);
}

static void take_signal(struct watch *watch)
{
    struct signalfd_siginfo info;
    if (read(watch->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    pthread_mutex_lock(&watch->lock);
    if (info.ssi_signo == SIGQUIT) {
        if (watch->explain)
            watch->explain(watch->context);
        pthread_mutex_unlock(&watch->lock);
        return;
    }
    output_hurry(); /* the user waits for no reader any more */
    if (watch->signal == 0) {
        watch->signal = (int)info.ssi_signo;
        watch->signal_ns = now_ns();
        stop_engine(watch, STOP_INTERRUPTED);
    } else if (info.ssi_signo == SIGINT || now_ns() - watch->signal_ns > SECOND_SIGNAL_NS) {
        output_warn("\nvmm: interrupted twice, ending at once\n");
        _exit(130);
    }
    pthread_mutex_unlock(&watch->lock);
}

static void take_timer(struct watch *watch)
{
    uint64_t expirations;
    if (read(watch->timer_fd, &expirations, sizeof(expirations)) != (ssize_t)sizeof(expirations))
        return; /* disarmed meanwhile */
    pthread_mutex_lock(&watch->lock);
    uint64_t used_ns = processor_ns() - watch->began_ns;
    if (watch->limit_ns == 0 || used_ns >= watch->limit_ns) {
        watch->limit_reached = watch->engine != NULL && watch->limit_ns != 0;
        if (watch->limit_reached)
            stop_engine(watch, STOP_DEADLINE);
    } else {
        /* the process was stopped, or others had the processor: not of its doing */
        uint64_t left_ns = watch->limit_ns - used_ns;
        set_timer(watch, left_ns < TIMER_LEAST_NS ? TIMER_LEAST_NS : left_ns);
    }
    pthread_mutex_unlock(&watch->lock);
}

static void *watch_thread(void *context)
{
    struct watch *watch = context;
    for (;;) {
        struct pollfd fds[] = {
            { .fd = watch->end_fd, .events = POLLIN },
            { .fd = watch->signal_fd, .events = POLLIN },
            { .fd = watch->timer_fd, .events = POLLIN },
        };
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents)
            return NULL;
        if (fds[1].revents)
            take_signal(watch);
        if (fds[2].revents)
            take_timer(watch);
    }
}

/* All but the thread. */
static void release(struct watch *watch)
{
    close(watch->signal_fd);
    close(watch->timer_fd);
    close(watch->end_fd);
    pthread_sigmask(SIG_SETMASK, &watch->old_mask, NULL);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

struct watch *watch_start(void)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch) {
        fprintf(stderr, "vmm: cannot watch for signals: %s\n", strerror(ENOMEM));
        return NULL;
    }
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    sigemptyset(&watch->signals);
    for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct sigaction action;
        if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&watch->signals, ends[i]);
    }
    pthread_sigmask(SIG_BLOCK, &watch->signals, &watch->old_mask);
    watch->signal_fd = signalfd(-1, &watch->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    watch->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    watch->end_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&watch->lock, NULL);
    int error = watch->signal_fd < 0 || watch->timer_fd < 0 || watch->end_fd < 0 ? errno : 0;
    if (!error)
        error = pthread_create(&watch->thread, NULL, watch_thread, watch);
    if (!error)
        return watch;
    release(watch);
    char why[160];
    host_explain("", error, why, sizeof(why));
    fprintf(stderr, "vmm: cannot watch for signals: %s\n", why);
    return NULL;
}

void watch_engine(struct watch *watch, const struct engine_ops *ops, struct engine *engine,
                  uint64_t limit_ns)
{
    pthread_mutex_lock(&watch->lock);
    watch->ops = ops;
    watch->engine = engine;
    if (engine)
        watch->limit_reached = false;
    watch->limit_ns = limit_ns;
    watch->began_ns = processor_ns();
    set_timer(watch, limit_ns);
    if (watch->signal)
        stop_engine(watch, STOP_INTERRUPTED);
    pthread_mutex_unlock(&watch->lock);
}

void watch_explain(struct watch *watch, void (*explain)(void *context), void *context)
{
    pthread_mutex_lock(&watch->lock);
    watch->explain = explain;
    watch->context = context;
    pthread_mutex_unlock(&watch->lock);
}

int watch_signal(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    int signal = watch->signal;
    pthread_mutex_unlock(&watch->lock);
    return signal;
}

bool watch_limit_reached(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool reached = watch->limit_reached;
    pthread_mutex_unlock(&watch->lock);
    return reached;
}

void watch_stop(struct watch *watch)
{
    if (!watch)
        return;
    if (eventfd_write(watch->end_fd, 1) == 0)
        pthread_join(watch->thread, NULL);
    release(watch);
}
