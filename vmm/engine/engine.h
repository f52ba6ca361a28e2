/* SPDX-License-Identifier: MIT
 *
 * What runs a machine: the interface every engine implements.
 *
 * An engine executes the cores of one struct machine (vmm/machine/engine_host.h) until something
 * ends the run.  It knows the machine and the devices, never scenarios.  The contract, the same for
 * an engine with a thread for each core in real time (kvm.c) and for one with a single thread in
 * virtual time (unicorn):
 *
 *  - Machine time comes from the engine (now_ns), starts at 0 with run() and never goes back.
 *  - When a core executes OUT, the engine calls machine_port_out(machine, core, port, width, value,
 *    now) on the thread that runs this core, and does what the return value says.  The machine runs
 *    the device model and applies its effects, calling back start_core, kick, events_changed.
 *  - The engine drains the machine's event queue: it calls machine_run_events(machine, now) when
 *    machine_next_event_ns() has come.  A virtual-time engine asks before each slice and jumps
 *    there when all cores are idle; a real-time engine arms a timer when run() begins and again
 *    at each events_changed.
 *    The deadline of a run is just such an event.
 *  - A core has an interrupt pending exactly while machine_cause_pending(machine, core).  It is
 *    delivered with vector ABI_VECTOR when the core's IF is set and no interrupt shadow is in
 *    force, after machine_before_interrupt(machine, core, now).  No acknowledgement: the guest
 *    takes the bits.
 *  - HLT waits for an interrupt.  A store to the window that is trapped (options.trap_window) goes
 *    to machine_window_store().
 *
 * Engines are chosen by name with engine_find(); create() also tells the machine what the guest
 * must know about the engine (machine_set_platform).
 */
#ifndef VMM_ENGINE_H
#define VMM_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"

struct engine;
struct engine_snapshot;
struct machine;

/* ---- what a host can do ---- */

struct engine_capability {
    bool usable;
    bool virtual_time;   /* time is counted, not measured: runs are deterministic from the seed */
    bool syscall_faults; /* `syscall` arrives as #PF: ABI_BOOT_SYSCALL_FAULTS */
    bool fsgsbase;       /* wrfsbase and its kin work in ring 3 */
    bool wide_vectors;   /* so does AVX, which CPUID does not offer: ABI_BOOT_WIDE_VECTORS */
    bool readonly_slots; /* stores to the window can be trapped while loads run free */
    char version[64];    /* "KVM API 12, software (system calls fault)", "Unicorn 2.1.1" */
    char reason[256];    /* if not usable: why, one line */
    char mend[256];      /* if not usable: what the user can do, one line */
};

/* ---- why a run ended ---- */

enum stop_reason {
    STOP_NONE = 0,
    STOP_EXIT,         /* the guest switched the machine off; exit_code */
    STOP_ALL_STOPPED,  /* every started core switched itself off */
    STOP_PANIC,        /* the CPU driver of `core` gave up */
    STOP_DEADLINE,     /* the deadline event came */
    STOP_REQUEST,      /* request_stop by the program: expectations met, or one violated */
    STOP_INTERRUPTED,  /* the user wants it (Ctrl-C, SIGTERM) */
    STOP_TRIPLE_FAULT, /* `core` faulted while delivering a double fault */
    STOP_EMULATION,    /* the engine cannot execute an instruction of `core` */
    STOP_BAD_ACCESS,   /* `core` touched guest-physical memory that does not exist */
    STOP_LIMIT,  /* the guest made the engine take more of the host than it may; detail says what */
    STOP_ENGINE, /* the engine itself failed; detail says how */
    STOP_REASONS
};

/* "exit", "deadline", ... ; for reports and JSON. */
const char *stop_reason_name(enum stop_reason reason);

struct engine_stop {
    enum stop_reason reason;
    unsigned core;      /* for reasons that have one */
    uint32_t exit_code; /* STOP_EXIT: 0..255 */
    uint64_t time_ns;   /* machine time of the end */
    char detail[192];   /* one line, or empty: what the engine knows beyond the reason */
};

/* ---- state of a core ---- */

enum core_activity {
    CORE_OFF,     /* never started */
    CORE_RUNNING, /* was executing */
    CORE_HALTED,  /* in HLT */
    CORE_STOPPED, /* switched itself off */
};

struct core_state {
    enum core_activity activity;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint16_t cs, ss, ds, es, fs, gs;
    uint64_t fs_base, gs_base;
};

/* How a core starts (DESIGN 3, Entry): 64-bit mode, ring 0, interrupts off, flat segments. */
struct core_entry {
    uint64_t rip; /* virtual */
    uint64_t rdi; /* guest-physical address of the core's boot information */
    uint64_t cr3;
};

/* ---- counters ---- */

/* What an engine counts for each core; name and text for reports.  The first group is by port. */
#define ENGINE_COUNTERS(X)                  \
    X(PORT_CONSOLE, "port console")         \
    X(PORT_CLOCK, "port clock")             \
    X(PORT_TIMER, "port timer")             \
    X(PORT_IPI, "port ipi")                 \
    X(PORT_POWER, "port power")             \
    X(PORT_SCRUB, "port scrub")             \
    X(PORT_FABRIC, "port fabric")           \
    X(PORT_VECTORS, "port vectors")         \
    X(PORT_OTHER, "port other")             \
    X(HLT, "hlt")                           \
    X(INTERRUPT_WINDOW, "interrupt window") \
    X(WINDOW_STORE, "window store")         \
    X(KICK, "kick")                         \
    X(FAR_LOAD, "far load")                 \
    X(OTHER, "other")

enum engine_counter {
#define X(name, text) ENGINE_EXIT_##name,
    ENGINE_COUNTERS(X)
#undef X
        ENGINE_EXITS
};

const char *engine_counter_name(enum engine_counter counter);

/* The counter of a port. */
enum engine_counter engine_port_counter(uint16_t port);

struct engine_core_stats {
    uint64_t exit[ENGINE_EXITS]; /* by enum engine_counter */
    uint64_t interrupts;         /* injected */
    uint64_t instructions;       /* executed, or 0 where the engine does not count them */
    uint64_t blocks;             /* basic blocks executed, or 0 */
};

struct engine_stats {
    unsigned core_count;
    struct engine_core_stats core[ABI_MAX_CORES];
};

/* ---- a view of the schedule ---- */

/* One slice of a core, as the observer sees it when it has ended. */
struct engine_slice {
    uint64_t end_ns;    /* machine time */
    uint64_t rip;       /* next instruction */
    uint64_t registers; /* hash of the core's registers */
    uint32_t core;
    uint32_t blocks; /* executed */
};

/* Called after every slice; must not call the engine, except request_stop. */
typedef void engine_observer(void *context, const struct engine_slice *slice);

/* ---- options ---- */

/* Translations, tables and queues of an engine; guest memory does not count. */
#define ENGINE_MEMORY_BYTES (4ull << 30)

struct engine_options {
    uint64_t seed;     /* for engines that draw random numbers */
    uint64_t slice_ns; /* longest slice in virtual time: no core reaches another sooner; 0 = any */
    uint64_t slice_blocks; /* longest slice of a core in basic blocks (virtual time), 0 = default */
    uint64_t memory_bytes; /* most that the engine's own tables may take, 0 = ENGINE_MEMORY_BYTES */
    bool trap_window;      /* stores to the UMP window go through machine_window_store() */
    bool count_instructions; /* where the engine can; it takes time */
    int interrupt_fd;        /* -1, or a descriptor (such as a signalfd) that becomes readable when
                            * the run shall end with STOP_INTERRUPTED; not read, not closed */
};

/* ---- the interface ---- */

struct engine_ops {
    const char *name; /* "kvm" */
    bool tsc_follows; /* rdtsc of a core follows its clock device, also where faults change that */
    bool far_loads;   /* loads of far memory can take longer (machine_watch_loads()) */
    bool witness;     /* others run the machine: taken on request only, shows the console only */

    /* Can this host run it?  Fills *out; returns 0 if usable, else a negative errno with
     * out->reason and out->mend filled.  May take some ten milliseconds. */
    int (*probe)(struct engine_capability *out);

    /* Makes an engine for a machine that lives longer than the engine; attaches itself
     * (machine_attach) and tells the platform (machine_set_platform).  On failure returns a
     * negative errno and puts one line into machine_error_text(). */
    int (*create)(struct engine **out, struct machine *machine,
                  const struct engine_options *options);

    /* Lets a core that is off, has stopped or is held start at `entry`.  One that is held
     * begins there when it is no more.  Called for core 0 by machine_run() and by the
     * machine's power effect, with the machine's lock held, on the thread of the asking core.
     * Returns 0 or a negative errno; does not block. */
    int (*start_core)(struct engine *engine, unsigned core, const struct core_entry *entry);

    /* Cause bits of `core` have been set: deliver soon.  Thread-safe; does not block; may be
     * called with the machine's lock held.  Cores that are off or stopped are ignored. */
    void (*kick)(struct engine *engine, unsigned core);

    /* Clears the vector registers of `core` beyond those that FXSAVE knows.  Called on the thread
     * that runs the core, at a request of it, without the machine's lock.  NULL where a core has
     * none. */
    void (*clear_vectors)(struct engine *engine, unsigned core);

    /* The machine has changed guest memory that a core may execute.  With the machine's lock held,
     * at any time but while a request of the guest is under way that the engine knows of itself
     * (scrub).  NULL where cores see that anyway. */
    void (*memory_written)(struct engine *engine, uint64_t paddr, uint64_t bytes);

    /* Lets a core stand still where it is, or go on.  Of all cores, at any time; with the machine's
     * lock held; does not wait until it stands.  A core that is off or stopped is left alone. */
    void (*hold_core)(struct engine *engine, unsigned core, bool held);

    /* Returns when a core that is held stands still: nothing of what it did is under way any more.
     * On the thread of another core, without the machine's lock.  NULL where cores take turns. */
    void (*wait_until_held)(struct engine *engine, unsigned core);

    /* How long the host has let a core wait that had something to do, in ns since run(): its thread
     * was not on a CPU, though the guest was not halted and no fault held it.  From any thread of a
     * core, without the machine's lock.  NULL where time passes only when cores run. */
    uint64_t (*late_ns)(struct engine *engine, unsigned core);

    /* For these pages of the window ask machine_is_trapped() again: stores to those that are go
     * through machine_window_store() when this returns, or, in virtual time, from the next basic
     * block on.  Called on the thread of a core that runs, without the machine's lock. */
    void (*trap_changed)(struct engine *engine, uint64_t paddr, uint64_t bytes);

    /* The machine's earliest event is now at next_ns (UINT64_MAX: there is none).  Called with the
     * machine's lock held, so the last call is the truth; does not block; ignored before run(). */
    void (*events_changed)(struct engine *engine, uint64_t next_ns);

    /* Runs until something ends the run; blocks.  Fills *why, returns 0, or a negative errno with
     * why->reason == STOP_ENGINE.  Afterwards no core executes; core_state and stats are valid.
     * An engine with snapshots may be run again after restore; others run once. */
    int (*run)(struct engine *engine, struct engine_stop *why);

    /* Ends run() soon.  Thread-safe and async-signal-safe; the first reason wins.  Before run():
     * run() returns at once. */
    void (*request_stop)(struct engine *engine, enum stop_reason reason);

    /* Machine time in ns; 0 before run(). */
    uint64_t (*now_ns)(struct engine *engine);

    /* Registers of a core, when run() has returned. */
    int (*core_state)(struct engine *engine, unsigned core, struct core_state *out);

    void (*stats)(struct engine *engine, struct engine_stats *out);

    /* Optional (NULL where not offered): everything but guest memory, which the machine can copy
     * (machine_region.fd), and the machine's own state (machine_save_state). */
    int (*snapshot)(struct engine *engine, struct engine_snapshot **out);
    int (*restore)(struct engine *engine, const struct engine_snapshot *snapshot);
    void (*free_snapshot)(struct engine_snapshot *snapshot);

    /* Optional, for engines in virtual time.  Sets or (NULL) removes the observer; not while run()
     * executes, except from the observer.  Observing changes nothing in what the guest does. */
    void (*observe)(struct engine *engine, engine_observer *observer, void *context);

    /* Optional.  From here on the interleavings of another seed, as after a snapshot or fork() to
     * explore what else could happen.  Between runs. */
    void (*reseed)(struct engine *engine, uint64_t seed);

    /* Optional.  Hash of the whole state: guest memory, registers of all cores, devices, event
     * queue, random numbers and time.  Between runs; two machines that have the same hash go on
     * identically.  Returns 0, or -ENOMEM with hash[] as it was. */
    int (*state_hash)(struct engine *engine, uint64_t hash[2]);

    /* Optional.  Path of the library that executes the guest, NULL if it cannot be loaded. */
    const char *(*library_path)(void);

    /* Ends all threads, closes all descriptors, frees; NULL is fine.  The machine stays. */
    void (*destroy)(struct engine *engine);
};

/* An engine is a folder that defines `const struct engine_ops engine_NAME`; engine.c refers to it
 * weakly, so a build may leave it out (make KVM=0, make UNICORN=0). */
extern const struct engine_ops engine_kvm;
extern const struct engine_ops engine_unicorn;
extern const struct engine_ops engine_qemu;

/* The engines of this build, from 0 in the order `auto` prefers them; NULL behind the last. */
const struct engine_ops *engine_nth(unsigned number);

/* The engine of that name, or NULL. */
const struct engine_ops *engine_find(const char *name);

/* Would a full build have an engine of that name? */
bool engine_was_left_out(const char *name);

/* The first engine that can repeat a run (state_hash and observe), or NULL. */
const struct engine_ops *engine_deterministic(void);

#endif
