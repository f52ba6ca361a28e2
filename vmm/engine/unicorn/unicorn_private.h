/* SPDX-License-Identifier: MIT
 *
 * Inside the deterministic engine: what its files share.
 *
 *   unicorn.c         the engine's life: probe, create, destroy, registers, counters
 *   unicorn_run.c     rounds and slices: who runs when, virtual time
 *   unicorn_hooks.c   what the library calls: blocks, traps, ports, system calls, window stores
 *   unicorn_helpers.c instructions executed by us: time, random numbers, the right to use ports
 *   unicorn_x87.c, x87.c   functions of the x87, correctly rounded
 *   unicorn_trap.c    delivery of exceptions and interrupts; page walks
 *   unicorn_count.c   how many instructions were executed
 *   unicorn_code.c    which guest memory has been translated
 *   unicorn_snapshot.c, unicorn_hash.c   state as a value
 *   unicorn_load.c, unicorn_layout.c     the library and its inner layout
 *   unicorn_abort.c   its abort() ends the run, not the program
 *
 * One processor of the library (`cpu`) executes all cores in turn; between its slices a core is a
 * saved context.  Everything here happens on the thread that called run(), except request_stop.
 */
#ifndef VMM_ENGINE_UNICORN_PRIVATE_H
#define VMM_ENGINE_UNICORN_PRIVATE_H

#include <stdatomic.h>

#include "engine/engine.h"
#include "engine/prng.h"
#include "engine/unicorn/unicorn_state.h"
#include "machine/engine_host.h"

#define NO_CORE UINT32_MAX

/* Virtual time: what things cost.  Roughly a processor of 2 to 3 instructions for each ns. */
#define COST_BLOCK_NS 1          /* every basic block ... */
#define COST_BLOCK_BYTES_SHIFT 3 /* ... and 1 ns for each 8 bytes of its code */
#define COST_TRAP_NS 100         /* exception or interrupt delivered */
#define COST_SYSCALL_NS 50
#define COST_PORT_NS 500         /* a request to the machine */
#define COST_SCRUB_BYTES_SHIFT 4 /* and 1 ns for each 16 bytes that the machine zeroes */
#define COST_ROUND_NS 1          /* no round is free, so time cannot stand still */
#define TSC_HZ 1000000000u       /* rdtsc counts ns */

#define SLICE_BLOCKS_DEFAULT 1000 /* longest slice */
#define SLICE_BLOCKS_PENDING 32   /* when an interrupt waits for the core to enable it */

/* The library's buffer of translated code.  Its default of 1 GiB makes forgetting all cost seconds;
 * each core has a CPU driver and domains of its own to be translated. */
#define UNICORN_CODE_BYTES(cores) ((uint32_t)(32 + 4 * (cores)) << 20)

/* Is there room for so many bytes of translated code, as far as can be told?  The library ends the
 * program when it gets none.  NULL or one line. */
const char *unicorn_no_room(uint32_t code_bytes);

/* What it says; no other library would change that. */
#define UNICORN_NO_MEMORY "the host has no memory for translated code"
#define UNICORN_NO_EXECUTION "the host forbids memory that is writable and executable"

/* If the reason contains one of these, replaces the mend by the right one; else returns false. */
bool unicorn_mend(const char *reason, char *mend, size_t mend_bytes);

struct core {
    unicorn_context *context; /* its registers while the core is not loaded */
    enum core_activity activity;
    bool held; /* a fault lets it stand still */
    struct engine_core_stats stats;
};

/* What changes during a run, but for contexts and memory.  Flat: a copy is a snapshot. */
struct engine_clock {
    uint64_t now_ns;   /* machine time; never goes back */
    uint64_t base_ns;  /* when the current slice began */
    uint64_t spent_ns; /* by the current slice */
    uint64_t rounds, slices;
    struct prng prng;         /* of the schedule */
    struct prng guest_random; /* for rdrand and rdseed, so that these do not move the schedule */
};

struct engine {
    const struct unicorn_api *api;
    unicorn_cpu *cpu;
    struct unicorn_layout layout;
    struct machine *machine;
    struct engine_options options;
    unicorn_context *reset; /* registers of a core at its start */

    unsigned core_count;
    struct core core[ABI_MAX_CORES];
    struct engine_clock clock;

    /* The current slice. */
    unsigned current;     /* core that executes, NO_CORE between slices */
    unsigned loaded;      /* core whose translations are in the TLB, NO_CORE if none */
    uint64_t blocks_left; /* the slice ends before the block that finds 0 here ... */
    uint64_t limit_ns;    /* ... or spent_ns at or above this */
    bool stopping;        /* the slice was ended by us; else the core has halted */
    bool paused;          /* it stops only for us to forget translations, and goes on ... */
    uint64_t blocks_kept; /* ... with this many blocks left */
    uint64_t blocks_cut;  /* taken from the slice by unicorn_shorten() */

    struct unicorn_code *code;      /* unicorn_code.c */
    struct unicorn_count *count;    /* unicorn_count.c; NULL: nobody wants to know */
    uint64_t trap_base, trap_bytes; /* pages to be asked about before the next block; 0: none */

    bool blocks_told; /* the machine wants to know of each block, to see when things happen */

    struct engine_stop why;    /* reason set: the run ends */
    bool aborted;              /* the library gave up: its processor must not execute again */
    struct engine_stop broken; /* reason set: a core cannot go on, so no run will */
    atomic_int requested;      /* enum stop_reason of request_stop */

    engine_observer *observer;
    void *observer_context;
};

/* The state of the current core, valid in a trap or between slices, see unicorn_pull(). */
static inline struct unicorn_state *core_registers(const struct engine *engine, unsigned core)
{
    return unicorn_state(&engine->layout, engine->core[core].context);
}

/* Takes the registers of the current core out of the processor into its context, with the
 * arithmetic flags worked out; put writes them back. */
struct unicorn_state *unicorn_pull(struct engine *engine);
void unicorn_put(struct engine *engine);

/* Lets the current slice end after at most `blocks` more blocks. */
void unicorn_shorten(struct engine *engine, uint64_t blocks);

/* Stops the current slice before its next block, calls unicorn_code_settle(), and lets it go on.
 * The guest and the schedule do not notice. */
void unicorn_pause(struct engine *engine);

/* Machine time at this moment of the current slice. */
uint64_t unicorn_now(struct engine *engine);

/* Ends the run for `reason`, blaming `core`; the first call wins. */
__attribute__((format(printf, 4, 5))) void
unicorn_end(struct engine *engine, enum stop_reason reason, unsigned core, const char *format, ...);

/* ---- unicorn_hooks.c ---- */

/* Installs all hooks: always the same ones, for a hook that comes or goes moves block boundaries.
 * Returns NULL or one line. */
const char *unicorn_add_hooks(struct engine *engine);

/* ---- unicorn_helpers.c ---- */

/* Whose slice the library executes on this thread from now on; NULL: nobody's. */
void unicorn_helpers_for(struct engine *engine);

/* The instructions executed by us, for the self-test; those of the x87 are ten bits from
 * REACHED_X87 on. */
enum {
    REACHED_TIME = 1,
    REACHED_RANDOM = 2,
    REACHED_IN = 4,
    REACHED_OUT = 8,
    REACHED_DEBUG = 16,
    REACHED_X87 = 32,
    REACHED_ALL = REACHED_X87 * 1024 - 1
};

/* Notes that an instruction of ours was reached.  Whose slice this thread executes, NULL in the
 * self-test. */
struct engine *unicorn_executing(unsigned instruction);

/* Executes the instructions concerned with a library that was just loaded.  `api` lives for ever.
 * Returns NULL, or one line that says why the library cannot serve. */
const char *unicorn_check_helpers(const struct unicorn_api *api);

/* ---- unicorn_code.c: translated code and the memory it came from ---- */

bool unicorn_code_create(struct engine *engine);
void unicorn_code_destroy(struct engine *engine);

/* Code at rip has been translated for the current core (registers pulled). */
void unicorn_code_translated(struct engine *engine, uint64_t rip, uint64_t bytes,
                             uint64_t instructions);

/* The host has written to guest memory.  Takes effect at the next unicorn_code_settle(). */
void unicorn_code_written(struct engine *engine, uint64_t paddr, uint64_t bytes);

/* A core starts with these page tables: all code they show may be new. */
void unicorn_code_loaded(struct engine *engine, uint64_t cr3);

/* Guest memory was replaced by that of a snapshot. */
void unicorn_code_restored(struct engine *engine);

/* Forgets the translations that have become wrong, or all if there are too many; while the library
 * does not run. */
void unicorn_code_settle(struct engine *engine);

/* ---- unicorn_count.c ---- */

/* False: no memory.  Destroy it in any case. */
bool unicorn_count_create(struct engine *engine);
void unicorn_count_destroy(struct engine *engine);

/* A block was translated for the current core, or is about to be executed by it. */
void unicorn_count_translated(struct engine *engine, uint64_t rip, uint64_t bytes,
                              uint64_t instructions);
void unicorn_count_executed(struct engine *engine, uint64_t rip, uint64_t bytes);

/* ---- unicorn_trap_pages.c ---- */

void unicorn_trap_changed(struct engine *engine, uint64_t paddr, uint64_t bytes);

/* Protects the pages that are to be trapped; while the library does not run. */
void unicorn_trap_settle(struct engine *engine);

/* ---- unicorn_run.c ---- */

int unicorn_run(struct engine *engine, struct engine_stop *why);

/* ---- unicorn_hash.c ---- */

int unicorn_state_hash(struct engine *engine, uint64_t hash[2]);

/* ---- unicorn_snapshot.c ---- */

int unicorn_snapshot(struct engine *engine, struct engine_snapshot **out);
int unicorn_restore(struct engine *engine, const struct engine_snapshot *snapshot);
void unicorn_free_snapshot(struct engine_snapshot *snapshot);

/* ---- unicorn_trap.c ---- */

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_USER (1ull << 2)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY (1ull << 6)
#define PTE_LARGE (1ull << 7)
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

enum {
    VECTOR_DE = 0,
    VECTOR_DB = 1,
    VECTOR_BP = 3,
    VECTOR_UD = 6,
    VECTOR_DF = 8,
    VECTOR_TS = 10,
    VECTOR_NP = 11,
    VECTOR_SS = 12,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
};

struct trap {
    unsigned vector;
    bool has_error;
    uint32_t error;
    bool software; /* int n: the gate's privilege level is checked */
    bool external; /* interrupt */
    uint64_t return_rip;
};

/* Delivers a trap through the guest's IDT by changing the registers in the context of `core` and
 * pushing the frame.  A fault on the way becomes the next trap, as in the architecture.  False:
 * the core is in shutdown (triple fault). */
bool unicorn_deliver(struct engine *engine, unsigned core, const struct trap *trap);

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

/* Translates an address with the page tables in force on `core`, as the processor would, setting
 * accessed and dirty bits.  Returns the host address of `bytes` bytes within one page; or NULL with
 * the page fault's error code (not present, if there is no such memory). */
void *unicorn_translate(struct engine *engine, unsigned core, uint64_t vaddr, unsigned bytes,
                        enum access access, bool user, uint32_t *error);

#endif
