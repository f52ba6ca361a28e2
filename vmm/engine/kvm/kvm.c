/* SPDX-License-Identifier: MIT
 *
 * The KVM engine: a thread for each vCPU, an event loop for time.
 *
 * No in-kernel irqchip: interrupts are injected by the thread that runs the vCPU (kvm_vcpu.c), when
 * the cause word of its core is not zero.  Machine time is CLOCK_MONOTONIC since run().  The thread
 * that calls run() is the event loop: a timerfd stands at the machine's next event and is moved by
 * whoever changes the queue, an eventfd says that the run is over, and a descriptor of the caller
 * may say that the user wants it to be.  Memory slots: one for each region of the machine, so the
 * UMP window of each node is a slot of its own, which is cut where pages are trapped (kvm_slots.c).
 *
 * The run ends by setting stop_reason once; every thread looks at it before it enters the guest.
 * run() returns only when all threads have ended, so nothing executes behind the caller's back.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "abi/boot.h"
#include "engine/host_limits.h"
#include "engine/kvm/kvm_private.h"
#include "engine/real_time.h"

uint64_t kvm_now_ns(struct engine *engine)
{
    return real_time_since(engine->start_ns);
}

static const int explained[] = { EAGAIN, EBUSY, ENOMEM };

static void find_reasons(struct engine *engine)
{
    for (unsigned i = 0; i < 3; i++)
        host_explain("", explained[i], engine->reason[i], sizeof(engine->reason[i]));
}

const char *kvm_reason(const struct engine *engine, int error)
{
    for (unsigned i = 0; i < 3; i++)
        if (error == explained[i])
            return engine->reason[i];
    return strerror(error);
}

/* ---- stopping ---- */

void kvm_request_stop(struct engine *engine, enum stop_reason reason)
{
    assert(reason != STOP_NONE);
    int none = STOP_NONE;
    if (!atomic_compare_exchange_strong(&engine->stop_reason, &none, (int)reason))
        return;
    uint64_t one = 1;
    int saved = errno; /* we may be in a signal handler */
    if (write(engine->stop_fd, &one, sizeof(one)) < 0) {
        /* cannot happen: the counter goes from 0 to 1 once */
    }
    errno = saved;
}

void kvm_fail(struct engine *engine, unsigned core, enum stop_reason reason, const char *format,
              ...)
{
    pthread_mutex_lock(&engine->fail_lock);
    if (engine->fail_detail[0] == 0) {
        va_list list;
        va_start(list, format);
        vsnprintf(engine->fail_detail, sizeof(engine->fail_detail), format, list);
        va_end(list);
        engine->fail_core = core;
    }
    kvm_request_stop(engine, reason); /* under the lock: the first reason has the first detail */
    pthread_mutex_unlock(&engine->fail_lock);
}

/* ---- making and unmaking ---- */

static int watch(struct engine *engine, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_descriptors(struct engine *engine)
{
    engine->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    engine->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (engine->stop_fd < 0 || engine->timer_fd < 0 || engine->epoll_fd < 0)
        return -errno;
    int r = watch(engine, engine->stop_fd);
    if (r == 0)
        r = watch(engine, engine->timer_fd);
    if (r == 0 && engine->options.interrupt_fd >= 0)
        r = watch(engine, engine->options.interrupt_fd);
    return r;
}

static uint64_t tsc_hz(const struct engine *engine)
{
    int khz = ioctl(engine->vcpu[0].fd, KVM_GET_TSC_KHZ, 0);
    return khz > 0 ? (uint64_t)khz * 1000 : 0;
}

static void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    assert(!atomic_load(&engine->running));
    for (unsigned core = 0; core < engine->core_count; core++)
        kvm_vcpu_destroy(&engine->vcpu[core]);
    const int fds[] = { engine->epoll_fd, engine->timer_fd, engine->stop_fd, engine->vm_fd };
    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    kvm_host_close(&engine->host);
    kvm_slots_destroy(engine);
    pthread_mutex_destroy(&engine->fail_lock);
    pthread_mutex_destroy(&engine->slots_lock);
    free(engine);
}

/* Everything that can fail while making an engine; `step` says what was tried. */
static int set_up(struct engine *engine, const char **step)
{
    *step = "making descriptors";
    int r = make_descriptors(engine);
    if (r < 0)
        return r;
    *step = "KVM_CREATE_VM";
    engine->vm_fd = kvm_make_vm(&engine->host);
    if (engine->vm_fd < 0)
        return engine->vm_fd;
    *step = "KVM_SET_USER_MEMORY_REGION";
    r = kvm_slots_create(engine);
    *step = "making a vCPU";
    for (unsigned core = 0; r == 0 && core < machine_core_count(engine->machine); core++) {
        r = kvm_vcpu_create(engine, core);
        engine->core_count = core + 1; /* also a half-made one is destroyed */
    }
    return r;
}

static int engine_create(struct engine **out, struct machine *machine,
                         const struct engine_options *options)
{
    *out = NULL;
    struct engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        machine_set_error(machine, "no host memory");
        return -ENOMEM;
    }
    engine->machine = machine;
    engine->options = *options;
    engine->vm_fd = engine->stop_fd = engine->timer_fd = engine->epoll_fd = -1;
    pthread_mutex_init(&engine->fail_lock, NULL);
    pthread_mutex_init(&engine->slots_lock, NULL);
    int r = kvm_host_open(&engine->host);
    const struct engine_capability *c = &engine->host.capability;
    if (r < 0) {
        machine_set_error(machine, "%s; %s", c->reason, c->mend);
    } else if (machine_core_count(machine) > engine->host.max_vcpus) {
        r = -ENOTSUP;
        machine_set_error(machine, "the host allows %u vCPUs, not %u; use --engine unicorn",
                          engine->host.max_vcpus, machine_core_count(machine));
    } else if (options->trap_window && !c->readonly_slots) {
        r = -ENOTSUP;
        machine_set_error(machine, "no read-only memory slots, so messages cannot be trapped; "
                                   "use --engine unicorn");
    } else {
        const char *step;
        r = set_up(engine, &step);
        char why[160];
        if (r < 0) {
            host_explain("", -r, why, sizeof(why));
            machine_set_error(machine, "%s: %s", step, why);
        }
    }
    if (r < 0) {
        engine_destroy(engine);
        return r;
    }
    kvm_install_kick_handler();
    find_reasons(engine);
    machine_attach(machine, &engine_kvm, engine);
    machine_set_platform(machine,
                         (c->syscall_faults ? ABI_BOOT_SYSCALL_FAULTS : 0) |
                             (c->wide_vectors ? ABI_BOOT_WIDE_VECTORS : 0),
                         tsc_hz(engine));
    *out = engine;
    return 0;
}

static int engine_probe(struct engine_capability *out)
{
    struct kvm_host host;
    int r = kvm_host_open(&host);
    *out = host.capability;
    kvm_host_close(&host);
    return r;
}

/* ---- running ---- */

static int start_core(struct engine *engine, unsigned core, const struct core_entry *entry)
{
    assert(core < engine->core_count);
    struct kvm_vcpu *vcpu = &engine->vcpu[core];
    pthread_mutex_lock(&vcpu->lock);
    vcpu->entry = *entry;
    if (vcpu->started) { /* its thread stands still, where it was when it was killed */
        assert(atomic_load(&vcpu->held));
        atomic_store(&vcpu->anew, true);
    } else {
        vcpu->started = true;
        atomic_fetch_add(&engine->awake, 1);
    }
    pthread_cond_signal(&vcpu->wake);
    pthread_mutex_unlock(&vcpu->lock);
    return 0;
}

static void kick(struct engine *engine, unsigned core)
{
    assert(core < engine->core_count);
    kvm_vcpu_kick(&engine->vcpu[core]);
}

static void hold_core(struct engine *engine, unsigned core, bool held)
{
    assert(core < engine->core_count);
    atomic_store(&engine->vcpu[core].held, held);
    kvm_vcpu_kick(&engine->vcpu[core]);
}

static void wait_until_held(struct engine *engine, unsigned core)
{
    assert(core < engine->core_count && atomic_load(&engine->vcpu[core].held));
    while (atomic_load(&engine->vcpu[core].busy)) {
        kvm_vcpu_kick(&engine->vcpu[core]);
        sched_yield();
    }
}

static uint64_t late_ns(struct engine *engine, unsigned core)
{
    assert(core < engine->core_count);
    return kvm_vcpu_late_ns(&engine->vcpu[core]);
}

static void clear_vectors(struct engine *engine, unsigned core)
{
    assert(core < engine->core_count);
    kvm_vcpu_clear_vectors(&engine->vcpu[core]);
}

static void events_changed(struct engine *engine, uint64_t next_ns)
{
    if (!atomic_load(&engine->running))
        return;
    real_time_arm(engine->timer_fd, engine->start_ns, next_ns);
}

static int start_threads(struct engine *engine)
{
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSYS); /* a refused system call is told, wherever it was made */
    sigdelset(&blocked, KVM_KICK_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &blocked, &before); /* inherited by the threads */
    int r = 0;
    for (unsigned core = 0; core < engine->core_count && r == 0; core++) {
        struct kvm_vcpu *vcpu = &engine->vcpu[core];
        r = -pthread_create(&vcpu->thread, NULL, kvm_vcpu_thread, vcpu);
        vcpu->has_thread = r == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static void join_threads(struct engine *engine)
{
    assert(atomic_load(&engine->stop_reason) != STOP_NONE);
    for (unsigned core = 0; core < engine->core_count; core++)
        kvm_vcpu_kick(&engine->vcpu[core]);
    for (unsigned core = 0; core < engine->core_count; core++) {
        if (engine->vcpu[core].has_thread)
            pthread_join(engine->vcpu[core].thread, NULL);
        engine->vcpu[core].has_thread = false;
    }
}

static void event_loop(struct engine *engine)
{
    while (atomic_load(&engine->stop_reason) == STOP_NONE) {
        struct epoll_event event[3];
        int count = epoll_wait(engine->epoll_fd, event, 3, -1);
        if (count < 0 && errno != EINTR) {
            kvm_fail(engine, 0, STOP_ENGINE, "epoll_wait: %s", strerror(errno));
            return;
        }
        for (int i = 0; i < count; i++) {
            uint64_t expirations;
            if (event[i].data.fd == engine->options.interrupt_fd)
                kvm_request_stop(engine, STOP_INTERRUPTED);
            else if (event[i].data.fd == engine->timer_fd &&
                     read(engine->timer_fd, &expirations, sizeof(expirations)) > 0)
                machine_run_events(engine->machine, kvm_now_ns(engine));
        }
    }
}

static int engine_run(struct engine *engine, struct engine_stop *why)
{
    memset(why, 0, sizeof(*why));
    assert(engine->start_ns == 0);
    engine->start_ns = real_time_ns();
    atomic_store(&engine->running, true);
    events_changed(engine, machine_next_event_ns(engine->machine)); /* no vCPU runs yet */
    int r = start_threads(engine);
    if (r < 0)
        kvm_fail(engine, 0, STOP_ENGINE, "a thread cannot be made: %s", kvm_reason(engine, -r));
    event_loop(engine);
    why->time_ns = kvm_now_ns(engine);
    join_threads(engine);
    atomic_store(&engine->running, false);

    why->reason = (enum stop_reason)atomic_load(&engine->stop_reason);
    switch (why->reason) {
    case STOP_EXIT:
    case STOP_ALL_STOPPED:
    case STOP_PANIC:
        machine_fill_stop(engine->machine, why);
        break;
    case STOP_DEADLINE: /* with a detail if it was not waited for */
    case STOP_TRIPLE_FAULT:
    case STOP_EMULATION:
    case STOP_BAD_ACCESS:
    case STOP_ENGINE:
        why->core = engine->fail_core;
        memcpy(why->detail, engine->fail_detail, sizeof(why->detail));
        break;
    default:
        break;
    }
    return why->reason == STOP_ENGINE ? -EIO : 0;
}

/* ---- afterwards ---- */

static int core_state(struct engine *engine, unsigned core, struct core_state *out)
{
    if (core >= engine->core_count || atomic_load(&engine->running))
        return -EINVAL;
    *out = engine->vcpu[core].state;
    out->activity = engine->vcpu[core].activity;
    return 0;
}

static void get_stats(struct engine *engine, struct engine_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->core_count = engine->core_count;
    for (unsigned core = 0; core < engine->core_count; core++)
        out->core[core] = engine->vcpu[core].stats;
}

const struct engine_ops engine_kvm = {
    .name = "kvm",
    .probe = engine_probe,
    .create = engine_create,
    .start_core = start_core,
    .kick = kick,
    .hold_core = hold_core,
    .wait_until_held = wait_until_held,
    .late_ns = late_ns,
    .trap_changed = kvm_trap_changed,
    .clear_vectors = clear_vectors,
    .events_changed = events_changed,
    .run = engine_run,
    .request_stop = kvm_request_stop,
    .now_ns = kvm_now_ns,
    .core_state = core_state,
    .stats = get_stats,
    .destroy = engine_destroy,
};
