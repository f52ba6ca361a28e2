/* SPDX-License-Identifier: MIT
 *
 * Inside vmm/machine/: the machine itself, and what its files offer each other.
 */
#ifndef VMM_MACHINE_PRIVATE_H
#define VMM_MACHINE_PRIVATE_H

#include <pthread.h>

#include "abi/wait_table.h"
#include "machine/event_queue.h"
#include "machine/image.h"
#include "machine/machine.h"
#include "machine/reports.h"
#include "machine/symbols.h"

#define MACHINE_MAX_REGIONS (2 * ABI_MAX_NODES + 1)
#define MACHINE_TRACE_KEPT 16      /* last records of each core, for the report */
#define MACHINE_DISPATCHERS_MAX 64 /* for each core */
#define MACHINE_CRASHES_MAX 8
#define MACHINE_BAD_REQUESTS_SHOWN 8 /* for each core; the rest is only counted */

/* The flight recorder of a core, as far as the machine has read it. */
struct machine_trace {
    uint64_t seen; /* records taken from the ring */
    uint64_t lost; /* overwritten before they were taken */
    uint64_t kept; /* records ever put into last[] */
    struct abi_trace_record last[MACHINE_TRACE_KEPT];
    struct abi_trace_record last_syscall; /* or message that was sent; what == 0: none */
    uint64_t runs; /* dcb of the last record that says who runs; 0: unknown */
};

/* Dispatchers that the trace has named, of one core. */
struct machine_dispatchers {
    uint64_t dcb[MACHINE_DISPATCHERS_MAX];
    unsigned count, last; /* last: where the latest one was found */
};

/* A domain that a fault has ended. */
struct machine_crash {
    uint64_t time_ns;
    unsigned core;
    uint32_t domain_id;
    char name[17];
    struct abi_wait_crash is;
};

/* All that changes while the machine runs, except guest memory.  Flat: a copy is a snapshot. */
struct machine_state {
    struct device_state device;
    struct event_queue queue;
    uint64_t timer_event[ABI_MAX_CORES][ABI_TIMERS]; /* number of its EVENT_TIMER, 0 = none */
    struct machine_trace trace[ABI_MAX_CORES];
    struct machine_dispatchers dispatchers[ABI_MAX_CORES];
    struct machine_crash crash[MACHINE_CRASHES_MAX]; /* the first ones */
    unsigned crash_count;
    struct machine_stats stats;
    size_t input_next;    /* of config.input */
    bool input_matched;   /* the line that it waits for was said */
    uint64_t input_event; /* sequence of its EVENT_INPUT, 0 = none */
    bool source_ended;    /* of config.source */
    bool stopped;         /* the guest or the machine ended the run; nothing more happens */
    enum stop_reason stop_reason;
    unsigned stop_core;
    uint32_t exit_code;
};

/* What was seen when all cores slept (house.c). */
struct machine_house {
    uint64_t seen;       /* a hash of what threads waited for */
    uint64_t since_ns;   /* since when that was seen each time */
    uint64_t longest_ns; /* time until a timer, of those times */
};

struct machine {
    struct machine_config config; /* strings in it are copies owned by the machine */
    struct machine_menu_line module[MACHINE_MAX_MODULES];

    struct machine_region region[MACHINE_MAX_REGIONS];
    unsigned region_count;
    struct device_memory device_memory; /* the RAM and window regions, for the models */

    struct abi_boot *boot; /* in guest memory */
    struct core_entry boot_entry;

    pthread_mutex_t lock; /* covers state and sink calls */
    struct machine_state state;

    struct fabric *fabric;     /* channels and faults (fabric.h) */
    struct lmp_messages *lmp;  /* messages within cores; NULL: nobody asks */
    struct handlers *handlers; /* NULL: the engine does not tell of blocks */
    struct reports reports;    /* what programs say of themselves */
    bool guest_spoke;          /* others run the machine, and its CPU driver has said something */
    bool typed_end;            /* others run the machine, and were told that input ends */
    struct pump *pump;         /* others run the machine, and we carry lines; NULL: not so */

    struct machine_house house; /* no part of the state: only the engine's end depends on it */

    const struct engine_ops *ops;
    struct engine *engine;
    uint64_t told_ns; /* the earliest event of which the engine was told last; 0: none yet */
    char error[256];  /* machine_set_error() */

    struct trace_names *names;
    struct symbol_cache *symbols;
};

/* ---- machine.c ---- */

/* Nobody else locks or unlocks: who lets the machine go tells the engine if the earliest event is
 * another one now.  So no event can be queued of which the engine does not hear. */
void machine_lock(struct machine *machine);
void machine_unlock(struct machine *machine);

/* ---- machine.c, with the lock held ---- */

__attribute__((format(printf, 5, 6))) void machine_tell(struct machine *machine,
                                                        enum machine_event kind, unsigned core,
                                                        uint64_t now_ns, const char *format, ...);

/* The clock of a core has changed: its timers with it. */
void machine_timers_again(struct machine *machine, unsigned core);

/* The run ends, for this reason if it is the first. */
void machine_end(struct machine *machine, enum stop_reason reason, unsigned core);

/* Everything that was asked for has been seen: the run ends. */
void machine_end_request(struct machine *machine);

/* ---- input.c, with the lock held ---- */

/* Gives the console what is due: at power-on, when a time has come, when there is room again. */
void input_give(struct machine *machine, uint64_t now_ns);

/* A line was said. */
void input_console(struct machine *machine, const struct machine_console_line *line);

/* The guest takes input. */
void input_taken(struct machine *machine, const struct device_effect *effect, uint64_t now_ns);

/* ---- fabric.c ---- */

/* Room for one more in an array, doubled at each power of two; NULL: no memory, and nothing has
 * changed. */
void *machine_grow(void *array, size_t count, size_t bytes);

/* ---- message_names.c ---- */

/* Of all modules of the menu; false: no memory. */
bool message_names_read(const struct machine *machine, struct fault_names *names);

/* ---- memory.c ---- */

/* Makes the regions named by the checked configuration.  0 or negative errno with error filled. */
int machine_make_memory(struct machine *machine, struct machine_error *error);
void machine_free_memory(struct machine *machine);

/* Maps all regions again, private, with their present contents. */
int machine_privatise_memory(struct machine *machine, struct machine_error *error);

/* Zeroes memory of one region, at a cost that grows with what is there, not with `bytes`: pages
 * that no one has touched stay so, and many go back to the host. */
void machine_zero(const struct machine *machine, void *host, uint64_t bytes);

/* ---- boot.c ---- */

/* Loads all images and fills boot information and tables. */
int machine_load(struct machine *machine, struct machine_error *error);

/* Host path of a line's image, to be freed; NULL: no host memory. */
char *machine_image_path(const struct machine *machine, const struct machine_menu_line *line);

/* ---- trace.c ---- */

/* Takes new records from the ring of a core; lock held, the core not executing. */
void machine_drain_trace(struct machine *machine, unsigned core, uint64_t now_ns);

/* The dispatcher head at guest-physical `dcb`, NULL if there can be none. */
/* postmortem.c: where a byte of guest-virtual memory lies; false: it is not mapped. */
bool machine_translate(const struct machine *machine, uint64_t cr3, uint64_t vaddr,
                       uint64_t *paddr);

const struct abi_dcb_head *machine_dcb_head(const struct machine *machine, uint64_t dcb);

/* ---- domains.c, with the lock held ---- */

/* A trace record has named a dispatcher of the core. */
void machine_note_dispatcher(struct machine *machine, unsigned core, uint64_t dcb);

/* The core's current dispatcher has printed: was it its last word? */
void machine_look_for_crash(struct machine *machine, unsigned core, uint64_t now_ns);

/* Who has crashed and where, and what each thread waits for. */
void machine_print_domains(struct machine *machine, FILE *out);

/* Calls the function for each thread that a domain tells of. */
typedef void machine_thread_visit(struct machine *machine, unsigned core, uint64_t dcb,
                                  const struct abi_wait_thread *thread, void *context);
void machine_visit_threads(struct machine *machine, machine_thread_visit *visit, void *context);

/* The table of a dispatcher (abi/wait_table.h); NULL if there is none. */
const struct abi_wait_table *machine_wait_table(const struct machine *machine, uint64_t dcb);

/* ---- handlers.c ---- */

void handlers_destroy(struct machine *machine);

/* ---- rings.c, with the lock held ---- */

/* Rings that are full, or have lines that were surely not read. */
void machine_print_rings(const struct machine *machine, FILE *out);

/* ---- trace.c again ---- */

/* Name of the dispatcher whose head lies at `dcb`, printable, "-" if 0, "?" if it is no memory. */
void machine_dispatcher_name(const struct machine *machine, uint64_t dcb, char name[17]);

/* Names of system calls and so on, from the CPU driver's file; never NULL, maybe empty. */
struct trace_names *trace_names_load(const char *kernel_path);
void trace_names_free(struct trace_names *names);

/* With the lock.  Is no core to be interrupted and nothing due but the deadline? (state.c) */
bool machine_has_nothing_due(const struct machine *machine);

/* ---- capability_check.c, with the lock ---- */

/* The next look at the databases of capabilities; and the look itself. */
void capabilities_look_next(struct machine *machine, uint64_t at_ns);
void capabilities_look(struct machine *machine, uint64_t now_ns);

#endif
