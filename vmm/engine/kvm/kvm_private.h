/* SPDX-License-Identifier: MIT
 *
 * Inside the KVM engine: the host's KVM, the engine, its vCPUs.
 */
#ifndef VMM_ENGINE_KVM_PRIVATE_H
#define VMM_ENGINE_KVM_PRIVATE_H

#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "machine/engine_host.h"

/* Ends KVM_RUN; its handler does nothing.  Not a real-time signal: those queue, each for itself,
 * up to a limit that all processes of a user share.  A guest that rings often would fill it for
 * all, and at the limit a kick would be lost. */
#define KVM_KICK_SIGNAL SIGURG
#define KVM_CPUID_ENTRIES 256

/* ---- kvm_host.c: what the host offers ---- */

struct kvm_host_cpuid { /* struct kvm_cpuid2 with room for its entries */
    uint32_t nent, padding;
    struct kvm_cpuid_entry2 entry[KVM_CPUID_ENTRIES];
};
_Static_assert(offsetof(struct kvm_host_cpuid, entry) == sizeof(struct kvm_cpuid2), "same layout");

struct kvm_host {
    int fd; /* /dev/kvm */
    size_t run_bytes;
    unsigned max_vcpus;
    bool cpuid_fsgsbase; /* CPUID offers it; capability.fsgsbase says whether it works */
    struct engine_capability capability;
    struct kvm_host_cpuid cpuid; /* for all vCPUs but for the APIC id */
};

/* Opens /dev/kvm, checks what is needed, runs the probe guest.  On failure returns a negative errno
 * with capability.reason and .mend filled, and host->fd is -1. */
int kvm_host_open(struct kvm_host *host);
void kvm_host_close(struct kvm_host *host);

/* Installs the handler of KVM_KICK_SIGNAL, which does nothing; system calls but KVM_RUN are
 * restarted. */
void kvm_install_kick_handler(void);

/* A new VM's descriptor, or a negative errno. */
int kvm_make_vm(const struct kvm_host *host);

/* Gives a vCPU the host's CPUID with `core` as APIC id. */
int kvm_set_cpuid(const struct kvm_host *host, int vcpu_fd, unsigned core);

/* Puts a vCPU into the state in which every core starts (DESIGN 3, Entry). */
int kvm_set_entry(const struct kvm_host *host, int vcpu_fd, const struct core_entry *entry);

/* ---- kvm_probe.c ---- */

/* Runs the probe guest; fills host->capability.syscall_faults, .fsgsbase and .wide_vectors.  0 or
 * negative errno with one line in `why`. */
int kvm_probe_guest(struct kvm_host *host, char *why, size_t why_bytes);

/* ---- kvm_slots.c: guest memory as KVM sees it ---- */

struct kvm_slot {
    uint64_t paddr, bytes;
    const uint8_t *host;
    bool trapped; /* read-only: stores leave the guest */
};

/* Shows the machine's memory to KVM: 0 or a negative errno. */
int kvm_slots_create(struct engine *engine);
void kvm_slots_destroy(struct engine *engine);

/* engine_ops.trap_changed */
void kvm_trap_changed(struct engine *engine, uint64_t paddr, uint64_t bytes);

/* ---- kvm_vcpu.c ---- */

struct kvm_vcpu {
    struct engine *engine;
    unsigned core;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    bool has_thread;

    /* How others reach a vCPU: whoever sets a cause bit or the engine's stop reason does so first
     * and looks at in_guest afterwards; the vCPU sets in_guest first and looks at them
     * afterwards. */
    atomic_bool in_guest;
    atomic_bool held;     /* a fault lets it stand still */
    atomic_bool busy;     /* the guest runs, or a request of it is carried out */
    pthread_mutex_t lock; /* covers self, alive, started, entry; for waiting on `wake` */
    pthread_cond_t wake;
    pthread_t self; /* the thread, while alive */
    bool alive;
    bool started;
    atomic_bool anew; /* it ran before, and starts again at `entry` */
    struct core_entry entry;

    /* How long it had to wait for the host up to `since_ns`; covered by lock.  Then it began to
     * work, and had so much CPU time; or it rests, in HLT or held, and was told to work then. */
    uint64_t late_ns, since_ns, cpu_ns;
    bool resting; /* since_ns 0: and nobody has told it to work */

    enum core_activity activity;    /* written by the vCPU's thread */
    struct core_state state;        /* filled when the thread ends */
    struct engine_core_stats stats; /* the same */
};

struct engine {
    struct machine *machine;
    struct engine_options options;
    struct kvm_host host;
    int vm_fd;
    int stop_fd;  /* eventfd: stop_reason was set */
    int timer_fd; /* timerfd at the machine's next event */
    int epoll_fd;
    atomic_int stop_reason; /* enum stop_reason; the first one stays */
    atomic_bool running;
    atomic_uint awake;         /* cores that are started and do not sleep in HLT */
    uint64_t start_ns;         /* CLOCK_MONOTONIC at machine time 0 */
    pthread_mutex_t fail_lock; /* covers the two below */
    unsigned fail_core;
    char fail_detail[192];
    atomic_bool slots_change; /* no vCPU may enter the guest meanwhile */
    pthread_mutex_t slots_lock;
    struct kvm_slot *slot; /* those in force, one for each number; bytes 0: free */
    uint32_t slot_count;
    /* host_explain() of EAGAIN, EBUSY, ENOMEM, before the run: its threads may open no files. */
    char reason[3][160];
    unsigned core_count;
    struct kvm_vcpu vcpu[ABI_MAX_CORES];
};

uint64_t kvm_now_ns(struct engine *engine);

/* The error in words, with the reasons that were found when the engine was made. */
const char *kvm_reason(const struct engine *engine, int error);

/* Ends the run because of what happened on `core`; the first reason wins. */
__attribute__((format(printf, 4, 5))) void
kvm_fail(struct engine *engine, unsigned core, enum stop_reason reason, const char *format, ...);
void kvm_request_stop(struct engine *engine, enum stop_reason reason);

int kvm_vcpu_create(struct engine *engine, unsigned core);
void kvm_vcpu_destroy(struct kvm_vcpu *vcpu);
void kvm_vcpu_kick(struct kvm_vcpu *vcpu);
uint64_t kvm_vcpu_late_ns(struct kvm_vcpu *vcpu);
void *kvm_vcpu_thread(void *vcpu);

/* Clears all extended state but that of x87 and SSE; on the vCPU's thread, outside KVM_RUN. */
void kvm_vcpu_clear_vectors(struct kvm_vcpu *vcpu);

#endif
