/* SPDX-License-Identifier: MIT
 *
 * One vCPU and its thread.
 *
 * The thread waits until the core is started, then enters the guest again and again and answers its
 * exits.  An interrupt is pending exactly while the core's cause word is not zero: before each
 * entry the thread injects it if the guest can take it, else asks for an exit when it can.  HLT
 * waits on a condition variable.  A kick makes the thread look again: if it is in the guest,
 * immediate_exit and a signal end KVM_RUN, if it waits, it is woken.
 *
 * Nobody but this thread touches the vCPU's registers.  No wake-up is lost, because the thread
 * publishes in_guest before it looks at cause and stop_reason, and a kicker sets one of these
 * before it looks at in_guest (all sequentially consistent).
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine/kvm/kvm_private.h"

#define RETRIES_MAX 50 /* of KVM_RUN, 2 ms apart */

int kvm_vcpu_create(struct engine *engine, unsigned core)
{
    struct kvm_vcpu *vcpu = &engine->vcpu[core];
    vcpu->engine = engine;
    vcpu->core = core;
    pthread_mutex_init(&vcpu->lock, NULL);
    pthread_cond_init(&vcpu->wake, NULL);
    vcpu->fd = ioctl(engine->vm_fd, KVM_CREATE_VCPU, core);
    if (vcpu->fd < 0)
        return -errno;
    vcpu->run = mmap(NULL, engine->host.run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (vcpu->run == MAP_FAILED) {
        vcpu->run = NULL;
        return -errno;
    }
    return kvm_set_cpuid(&engine->host, vcpu->fd, core);
}

void kvm_vcpu_destroy(struct kvm_vcpu *vcpu)
{
    assert(!vcpu->has_thread);
    if (vcpu->run)
        munmap(vcpu->run, vcpu->engine->host.run_bytes);
    if (vcpu->fd >= 0)
        close(vcpu->fd);
    pthread_cond_destroy(&vcpu->wake);
    pthread_mutex_destroy(&vcpu->lock);
}

/* ---- how long the host lets it wait; with its lock ---- */

static uint64_t cpu_ns(const struct kvm_vcpu *vcpu)
{
    clockid_t clock;
    struct timespec t = { 0 };
    if (pthread_getcpuclockid(vcpu->self, &clock) == 0)
        clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Since since_ns. */
static uint64_t late_lately(const struct kvm_vcpu *vcpu)
{
    const uint64_t now = kvm_now_ns(vcpu->engine);
    if (!vcpu->alive || !vcpu->started || vcpu->since_ns == 0)
        return 0;
    const uint64_t passed = now - vcpu->since_ns;
    const uint64_t ran = vcpu->resting ? 0 : cpu_ns(vcpu) - vcpu->cpu_ns;
    return passed > ran ? passed - ran : 0;
}

static void begin_rest(struct kvm_vcpu *vcpu)
{
    vcpu->late_ns += late_lately(vcpu);
    vcpu->resting = true;
    vcpu->since_ns = 0;
}

static void begin_work(struct kvm_vcpu *vcpu)
{
    vcpu->late_ns += late_lately(vcpu);
    vcpu->resting = false;
    vcpu->since_ns = kvm_now_ns(vcpu->engine);
    vcpu->cpu_ns = cpu_ns(vcpu);
}

uint64_t kvm_vcpu_late_ns(struct kvm_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->lock);
    const uint64_t late = vcpu->late_ns + late_lately(vcpu);
    pthread_mutex_unlock(&vcpu->lock);
    return late;
}

void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->lock); /* so that the thread cannot end before the signal */
    if (vcpu->resting && vcpu->since_ns == 0 && !atomic_load(&vcpu->held))
        vcpu->since_ns = kvm_now_ns(vcpu->engine);
    if (vcpu->alive && atomic_load(&vcpu->in_guest)) {
        if (__atomic_exchange_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST) == 0)
            pthread_kill(vcpu->self, KVM_KICK_SIGNAL); /* else one is on its way */
    } else {
        pthread_cond_signal(&vcpu->wake);
    }
    pthread_mutex_unlock(&vcpu->lock);
}

static bool is_stopping(const struct kvm_vcpu *vcpu)
{
    return atomic_load(&vcpu->engine->stop_reason) != STOP_NONE;
}

/* ---- entering the guest ---- */

/* Injects the interrupt or asks for the moment at which that is possible. */
static void offer_interrupt(struct kvm_vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    run->request_interrupt_window = 0;
    if (!machine_cause_pending(vcpu->engine->machine, vcpu->core))
        return;
    if (!run->ready_for_interrupt_injection || !run->if_flag) {
        run->request_interrupt_window = 1;
        return;
    }
    machine_before_interrupt(vcpu->engine->machine, vcpu->core, kvm_now_ns(vcpu->engine));
    struct kvm_interrupt interrupt = { .irq = ABI_VECTOR };
    if (ioctl(vcpu->fd, KVM_INTERRUPT, &interrupt) < 0)
        kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE, "KVM_INTERRUPT: %s", strerror(errno));
    else
        vcpu->stats.interrupts++;
}

/* Lets KVM finish the instruction of the last exit, so that the registers are those behind it. */
static void finish_instruction(struct kvm_vcpu *vcpu)
{
    __atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
        /* EINTR, as asked */
    }
}

/* The saved state has the legacy area of FXSAVE, then at byte 512 a word with a bit for each
 * component that is in use; components without their bit are in their initial state, all zero. */
void kvm_vcpu_clear_vectors(struct kvm_vcpu *vcpu)
{
    enum { IN_USE_WORD = 512 / sizeof(uint32_t), X87_AND_SSE = 3 };
    struct kvm_xsave state;
    if (ioctl(vcpu->fd, KVM_GET_XSAVE, &state) < 0) {
        kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE, "KVM_GET_XSAVE: %s", strerror(errno));
        return;
    }
    if (!(state.region[IN_USE_WORD] & ~(uint32_t)X87_AND_SSE) && !state.region[IN_USE_WORD + 1])
        return; /* as nearly always */
    state.region[IN_USE_WORD] &= X87_AND_SSE;
    state.region[IN_USE_WORD + 1] = 0;
    if (ioctl(vcpu->fd, KVM_SET_XSAVE, &state) < 0)
        kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE, "KVM_SET_XSAVE: %s", strerror(errno));
}

/* ---- exits ---- */

/* A core that slept or was stopped is to start again, and its thread has not seen that yet. */
static bool one_starts_anew(const struct engine *engine)
{
    for (unsigned core = 0; core < engine->core_count; core++)
        if (atomic_load(&engine->vcpu[core].anew))
            return true;
    return false;
}

/* The last core goes to sleep: if nothing is due the run ends here, not at its deadline.  A core
 * that is waking up counts as awake before it takes its cause, so causes are looked at first. */
static void look_for_life(struct engine *engine)
{
    if (atomic_load(&engine->awake) != 0 || one_starts_anew(engine))
        return;
    const bool sleeps = machine_sleeps_for_ever(engine->machine);
    if (!sleeps && !machine_only_keeps_house(engine->machine, kvm_now_ns(engine)))
        return;
    if (atomic_load(&engine->awake) == 0)
        kvm_fail(engine, 0, STOP_DEADLINE, "every core sleeps and nothing is due%s",
                 sleeps ? ": the machine would sleep for ever"
                        : " but heartbeats and timers that look again");
}

/* Each handler returns true if the vCPU goes on. */
static bool on_port(struct kvm_vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    enum machine_next next = MACHINE_CONTINUE;
    vcpu->stats.exit[engine_port_counter(run->io.port)]++;
    for (uint32_t i = 0; i < run->io.count && next == MACHINE_CONTINUE; i++) {
        uint32_t value = 0;
        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, run->io.size);
            next = machine_port_out(vcpu->engine->machine, vcpu->core, run->io.port, run->io.size,
                                    value, kvm_now_ns(vcpu->engine));
        } else {
            value = machine_port_in(vcpu->engine->machine, vcpu->core, run->io.port, run->io.size);
            memcpy(data, &value, run->io.size);
        }
        data += run->io.size;
    }
    if (next == MACHINE_STOP_CORE) {
        vcpu->activity = CORE_STOPPED;
        atomic_fetch_sub(&vcpu->engine->awake, 1);
        look_for_life(vcpu->engine);
    }
    if (next != MACHINE_CONTINUE)
        finish_instruction(vcpu);
    return next == MACHINE_CONTINUE;
}

static bool on_halt(struct kvm_vcpu *vcpu)
{
    vcpu->stats.exit[ENGINE_EXIT_HLT]++;
    bool wakes = vcpu->run->if_flag; /* else only the end of the run ends this */
    vcpu->activity = CORE_HALTED;
    atomic_fetch_sub(&vcpu->engine->awake, 1);
    look_for_life(vcpu->engine);
    pthread_mutex_lock(&vcpu->lock);
    atomic_store(&vcpu->busy, false);
    begin_rest(vcpu);
    while (!is_stopping(vcpu) &&
           !(wakes && machine_cause_pending(vcpu->engine->machine, vcpu->core)) &&
           !atomic_load(&vcpu->anew))
        pthread_cond_wait(&vcpu->wake, &vcpu->lock);
    atomic_fetch_add(&vcpu->engine->awake, 1);
    begin_work(vcpu);
    pthread_mutex_unlock(&vcpu->lock);
    if (is_stopping(vcpu))
        return false;
    vcpu->activity = CORE_RUNNING;
    return true;
}

static bool on_mmio(struct kvm_vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    vcpu->stats.exit[ENGINE_EXIT_WINDOW_STORE]++;
    if (run->mmio.is_write &&
        machine_window_store(vcpu->engine->machine, vcpu->core, run->mmio.phys_addr, run->mmio.data,
                             run->mmio.len, kvm_now_ns(vcpu->engine)))
        return true;
    kvm_fail(vcpu->engine, vcpu->core, STOP_BAD_ACCESS,
             "%s of %u bytes at guest-physical 0x%llx, where there is no memory",
             run->mmio.is_write ? "store" : "load", run->mmio.len,
             (unsigned long long)run->mmio.phys_addr);
    return false;
}

static void on_internal_error(struct kvm_vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    char bytes[64] = "";
    /* data[0] flags, then length and bytes of the instruction, where KVM knows them */
    if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && run->internal.ndata >= 3 &&
        (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
        unsigned length = run->emulation_failure.insn_size;
        for (unsigned i = 0; i < length && i < 15; i++)
            snprintf(bytes + 3 * (size_t)i, sizeof(bytes) - 3 * (size_t)i, "%02x ",
                     run->emulation_failure.insn_bytes[i]);
    }
    kvm_fail(vcpu->engine, vcpu->core, STOP_EMULATION,
             "KVM cannot execute an instruction (internal error %u)%s%s", run->internal.suberror,
             bytes[0] ? ", bytes " : "", bytes);
}

static bool on_exit(struct kvm_vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        return on_port(vcpu);
    case KVM_EXIT_HLT:
        return on_halt(vcpu);
    case KVM_EXIT_MMIO:
        return on_mmio(vcpu);
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        vcpu->stats.exit[ENGINE_EXIT_INTERRUPT_WINDOW]++;
        return true;
    case KVM_EXIT_SET_TPR: /* CR8 was lowered: nothing of this machine looks at it */
        vcpu->stats.exit[ENGINE_EXIT_OTHER]++;
        return true;
    case KVM_EXIT_INTR:
        vcpu->stats.exit[ENGINE_EXIT_KICK]++;
        return true;
    case KVM_EXIT_SHUTDOWN:
        vcpu->stats.exit[ENGINE_EXIT_OTHER]++;
        kvm_fail(vcpu->engine, vcpu->core, STOP_TRIPLE_FAULT, "a trap could not be delivered");
        return false;
    case KVM_EXIT_INTERNAL_ERROR:
        vcpu->stats.exit[ENGINE_EXIT_OTHER]++;
        on_internal_error(vcpu);
        return false;
    case KVM_EXIT_FAIL_ENTRY:
        kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE,
                 "KVM refuses to enter: hardware reason 0x%llx",
                 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
        return false;
    default:
        kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE, "KVM exit of unknown reason %u",
                 run->exit_reason);
        return false;
    }
}

static bool must_wait(const struct kvm_vcpu *vcpu)
{
    return atomic_load(&vcpu->held) || atomic_load(&vcpu->engine->slots_change);
}

/* A fault lets the core stand still, or memory is being changed under it. */
static void wait_outside(struct kvm_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->lock);
    atomic_store(&vcpu->busy, false);
    const bool waits = must_wait(vcpu);
    if (waits)
        begin_rest(vcpu);
    while (must_wait(vcpu) && !is_stopping(vcpu))
        pthread_cond_wait(&vcpu->wake, &vcpu->lock);
    if (waits)
        begin_work(vcpu);
    pthread_mutex_unlock(&vcpu->lock);
}

/* KVM could not run the guest for want of something: waits a moment, since that may pass, but not
 * for long, since a vCPU that goes on trying looks like a guest that does nothing.  False: give
 * up. */
static bool wait_for_host(struct kvm_vcpu *vcpu, int error, unsigned *attempts)
{
    const struct timespec moment = { .tv_nsec = 2000000 };
    if (error != EAGAIN && error != EBUSY && error != ENOMEM)
        return false;
    if ((*attempts)++ == RETRIES_MAX)
        return false;
    if (!is_stopping(vcpu))
        nanosleep(&moment, NULL);
    return true;
}

static bool enter(struct kvm_vcpu *vcpu)
{
    int r = kvm_set_entry(&vcpu->engine->host, vcpu->fd, &vcpu->entry);
    if (r < 0)
        kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE, "registers of a core cannot be set: %s",
                 strerror(-r));
    else
        vcpu->activity = CORE_RUNNING;
    return r >= 0;
}

static void run_guest(struct kvm_vcpu *vcpu)
{
    unsigned attempts = 0; /* in vain, one after the other */
    for (;;) {
        wait_outside(vcpu);
        if (atomic_exchange(&vcpu->anew, false)) {
            finish_instruction(vcpu); /* of the last life */
            if (!enter(vcpu))
                return;
        }
        __atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        atomic_store(&vcpu->in_guest, true);
        atomic_store(&vcpu->busy, true);
        int r = 0, error = 0;
        bool stopping = is_stopping(vcpu);
        if (!stopping && must_wait(vcpu)) {
            atomic_store(&vcpu->in_guest, false);
            continue;
        }
        if (!stopping) {
            offer_interrupt(vcpu);
            r = ioctl(vcpu->fd, KVM_RUN, 0);
            error = errno;
        }
        atomic_store(&vcpu->in_guest, false);
        if (stopping) {
            finish_instruction(vcpu);
            return;
        }
        if (r < 0 && error == EINTR) {
            vcpu->stats.exit[ENGINE_EXIT_KICK]++;
        } else if (r < 0 && !wait_for_host(vcpu, error, &attempts)) {
            kvm_fail(vcpu->engine, vcpu->core, STOP_ENGINE, "KVM_RUN: %s",
                     kvm_reason(vcpu->engine, error));
            return;
        } else if (r >= 0) {
            attempts = 0;
            if (!on_exit(vcpu))
                return;
        }
    }
}

/* ---- the thread ---- */

static void save_state(struct kvm_vcpu *vcpu)
{
    struct kvm_regs r;
    struct kvm_sregs s;
    if (ioctl(vcpu->fd, KVM_GET_REGS, &r) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0)
        return; /* stays all zero; the report says where it stood as far as it can */
    vcpu->state = (struct core_state){
        .rax = r.rax,
        .rbx = r.rbx,
        .rcx = r.rcx,
        .rdx = r.rdx,
        .rsi = r.rsi,
        .rdi = r.rdi,
        .rsp = r.rsp,
        .rbp = r.rbp,
        .r8 = r.r8,
        .r9 = r.r9,
        .r10 = r.r10,
        .r11 = r.r11,
        .r12 = r.r12,
        .r13 = r.r13,
        .r14 = r.r14,
        .r15 = r.r15,
        .rip = r.rip,
        .rflags = r.rflags,
        .cr0 = s.cr0,
        .cr2 = s.cr2,
        .cr3 = s.cr3,
        .cr4 = s.cr4,
        .efer = s.efer,
        .cs = s.cs.selector,
        .ss = s.ss.selector,
        .ds = s.ds.selector,
        .es = s.es.selector,
        .fs = s.fs.selector,
        .gs = s.gs.selector,
        .fs_base = s.fs.base,
        .gs_base = s.gs.base,
    };
}

static bool wait_for_start(struct kvm_vcpu *vcpu)
{
    pthread_mutex_lock(&vcpu->lock);
    vcpu->self = pthread_self();
    vcpu->alive = true;
    while (!vcpu->started && !is_stopping(vcpu))
        pthread_cond_wait(&vcpu->wake, &vcpu->lock);
    bool started = vcpu->started;
    begin_work(vcpu);
    pthread_mutex_unlock(&vcpu->lock);
    return started && !is_stopping(vcpu);
}

static void run_started(struct kvm_vcpu *vcpu)
{
    if (!enter(vcpu))
        return;
    run_guest(vcpu);
    atomic_store(&vcpu->busy, false);
    save_state(vcpu);
}

void *kvm_vcpu_thread(void *argument)
{
    struct kvm_vcpu *vcpu = argument;
    char name[16];
    snprintf(name, sizeof(name), "vcpu %u", vcpu->core);
    pthread_setname_np(pthread_self(), name);
    while (wait_for_start(vcpu)) {
        run_started(vcpu);
        pthread_mutex_lock(&vcpu->lock);
        vcpu->started = false; /* it has stopped itself, or the machine is at its end */
        pthread_mutex_unlock(&vcpu->lock);
    }
    pthread_mutex_lock(&vcpu->lock);
    vcpu->alive = false;
    pthread_mutex_unlock(&vcpu->lock);
    return NULL;
}
