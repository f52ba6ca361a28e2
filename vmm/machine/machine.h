/* SPDX-License-Identifier: MIT
 *
 * A machine: guest memory with the images loaded, devices, event queue - everything but execution.
 * This is what those above see: make one, run it, look inside.  What engines call, and with it the
 * guest's memory, is in engine_host.h.
 *
 * Made from a plain configuration (no scenario type), run by an engine (engine/engine.h), watched
 * through a sink.  Life: machine_create -> ops->create -> machine_run -> machine_postmortem (if
 * wanted) -> ops->destroy -> machine_destroy.
 *
 * Threads: an engine may call machine_port_out, machine_window_store and machine_run_events from
 * several threads at once; a lock inside keeps devices, queue and sink calls apart.  The sink is
 * called with this lock held, so it must not call back into the machine, except for what is marked
 * "safe in the sink"; engine_ops.request_stop is safe as well.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/boot.h"
#include "abi/core_page.h"
#include "abi/layout.h"
#include "device.h"
#include "engine/engine.h"
#include "fault/fault.h"
#include "fault/interconnect.h"
#include "machine/engine_host.h"

struct machine;

/* ---- configuration ---- */

struct machine_menu_line {
    const char *path;  /* in the image directory: "/sbin/init" */
    const char *image; /* the host file, if it lies elsewhere; else NULL */
    const char *line;  /* "path args...", passed to the guest as it is */
    const char *file;  /* where the line was written, for messages; may be NULL */
    unsigned line_number;
};

struct machine_node {
    uint64_t ram_bytes;    /* a multiple of 2 MiB; may be 0 on nodes other than 0 */
    uint64_t window_bytes; /* a multiple of 4 KiB, at most ABI_WINDOW_STRIDE; may be 0 */
};

/* Kinds of things that happen to the machine (sink.event). */
enum machine_event {
    MACHINE_EVENT_CORE_STARTED, /* core, text: who started it and where */
    MACHINE_EVENT_CORE_STOPPED, /* core */
    MACHINE_EVENT_CHANNEL, /* core = who named it, text: "client->server, cores 0 and 1, at ..." */
    MACHINE_EVENT_MESSAGE, /* core = who wrote it; in rings that are watched, if config.messages */
    MACHINE_EVENT_EXIT,    /* core = who switched off, text: "exit code 0" */
    MACHINE_EVENT_PANIC,   /* core */
    MACHINE_EVENT_INPUT,   /* core 0, text: how much the console got */
    MACHINE_EVENT_CRASH,   /* core, text: who died of what */
    MACHINE_EVENT_BAD_REQUEST, /* core, text: what was wrong; the first few of each core only */
};

struct machine_console_line {
    unsigned core;
    uint64_t time_ns;
    uint32_t kind;    /* ABI_CONSOLE_*; unknown kinds are bad requests and never come here */
    char speaker[17]; /* name of the dispatcher, "" for the CPU driver */
    const char *text; /* zero-terminated copy without newline; valid during the call */
    uint32_t bytes;   /* length; the text may hold zero bytes */
};

/* A rule has fired, and this is done (sink.fault). */
struct fault_injection {
    uint64_t time_ns;
    const struct fault_fire *fire;
    enum fault_trigger trigger; /* by what; a FIRED rule: by what the first one fired */
    const char *channel;        /* of a line; else NULL */
    const struct fault_message *message;
    unsigned from, to;  /* cores: of line and notification; of timer and console line: the core */
    unsigned notify_id; /* of a notification; number of a system call */
    uint64_t event_number; /* fault_decision.event_number */
    unsigned words;        /* of a line */
    const uint64_t *before, *after;
};

/* A counter or property that programs report (abi/report.h), of all programs together. */
struct machine_value {
    char name[ABI_REPORT_NAME]; /* printable */
    uint32_t kind;              /* ABI_REPORT_* */
    uint64_t value, failures;
};

/* Who watches.  Any function may be NULL.  Called in order, never two at once. */
struct machine_message;
enum machine_message_step {
    MACHINE_MESSAGE_SENT, /* its first line was written */
    MACHINE_MESSAGE_READ, /* its reader has acknowledged the last; LMP: its handler began */
    MACHINE_MESSAGE_LEFT, /* it never did: the channel or the run has ended */
};

struct machine_sink {
    void *context; /* first argument of all functions */
    void (*console_line)(void *context, const struct machine_console_line *line);
    /* Only if config.trace.  `index` counts the core's records from 0; a gap means lost records. */
    void (*trace_record)(void *context, unsigned core, uint64_t time_ns, uint64_t index,
                         const struct abi_trace_record *record);
    void (*event)(void *context, enum machine_event kind, unsigned core, uint64_t time_ns,
                  const char *text);
    void (*fault)(void *context, const struct fault_injection *injection);
    /* A sum has changed; `domain` is whose part of it. */
    void (*value)(void *context, unsigned core, const char *domain, uint64_t time_ns,
                  const struct machine_value *value);
    /* Only if config.check_capabilities_ns: what is wrong with the databases of capabilities. */
    void (*breach)(void *context, uint64_t time_ns, const char *problem);
    /* Only if config.watch_messages: SENT, and later one of the others. */
    void (*message)(void *context, enum machine_message_step step,
                    const struct machine_message *message);
};

/* A message that the machine saw on its way; of a long one its first line (lines.c). */
struct machine_message {
    uint64_t time_ns; /* when it was written, or became visible to its reader; 0: there was none */
    unsigned from, to;
    char name[48];
    uint64_t number;
    char channel[FAULT_CHANNEL_NAME_MAX];
    uint64_t any;               /* its place among all messages of its ring, from 1 */
    bool by_server;             /* the server of the channel has written it, else the client */
    uint32_t bytes;             /* of the payload of its lines; whole when it was read */
    bool lmp;                   /* within a core; else it is one of a UMP ring */
    uint64_t shown_ns, read_ns; /* when it became visible, was known to be read; 0: not yet */
    uint64_t handled_ns;        /* when its handler began; 0: not yet, or the engine cannot tell */
};

/* A piece of what a scenario types. */
struct machine_input {
    const char *text;
    uint32_t bytes;             /* at most DEVICE_INPUT_BYTES */
    bool end;                   /* instead of text: there is no more input */
    uint64_t at_ns;             /* not before that machine time */
    struct fault_pattern after; /* nor before such a console line, said after the last piece was
                                 * given; its text is NULL: at once */
};

/* Input that comes from outside while the machine runs. */
struct machine_input_source {
    void *context;
    /* Stores at most `room` bytes and returns how many; *end: those were the last.  `turn` rises
     * with each call on an engine in virtual time, so that a source can give the same again; else
     * it is 0.  Called with the machine's lock held; must not block. */
    size_t (*take)(void *context, uint64_t turn, char *bytes, size_t room, bool *end);
    /* Virtual time (NULL in real time): the machine sleeps for `ns`, MACHINE_NO_EVENT: until there
     * is input.  Waits for input as long in real time, or for a while. */
    enum machine_waited (*wait)(void *context, uint64_t turn, uint64_t ns);
};

struct machine_config {
    unsigned core_count; /* 1 .. ABI_MAX_CORES */
    unsigned node_count; /* 1 .. ABI_MAX_NODES */
    uint8_t core_node[ABI_MAX_CORES];
    struct machine_node node[ABI_MAX_NODES];
    /* SLIT distances; all zero: 10 on the diagonal, 20 elsewhere */
    uint8_t distance[ABI_MAX_NODES][ABI_MAX_NODES];

    unsigned board; /* enum machine_board (export.h): which PC, where a PC runs it */

    const char *image_dir; /* where menu paths are looked up */
    struct machine_menu_line kernel;
    const struct machine_menu_line *module; /* must contain MACHINE_FIRST_DOMAIN */
    unsigned module_count;

    uint64_t seed;        /* passed to the guest */
    uint64_t deadline_ns; /* machine time at which the run ends with STOP_DEADLINE, 0 = never */
    struct fault_rules faults; /* live as long as the machine; their seed is set by the caller */
    uint64_t quiet_ns;         /* time without faults at the end */
    const struct machine_input *input; /* one after the other; lives as long as the machine */
    size_t input_count;
    const struct machine_input_source *source; /* more after that; NULL: none.  Lives as long */
    struct interconnect_shape interconnect;
    bool messages;       /* tell the sink of messages in rings that are watched */
    bool watch_messages; /* watch all rings, and tell of the way of each message (sink.message) */
    bool
        /* look at what programs report at each exit, not only when told and at the end */
        watch_values;
    bool trace;            /* pass trace records to the sink as they are seen */
    bool check_channels;   /* watch all rings, for machine_check_channels() */
    bool private_memory;   /* map guest memory MAP_PRIVATE: fork() separates parent and child */
    bool panic_kills_core; /* else a panic stops the machine */
    /* So often, when no core is in ring 0, the databases of capabilities are held against the rules
     * (machine_check_capabilities); 0: never.  Only for engines that execute one core at a time. */
    uint64_t check_capabilities_ns;
    struct machine_sink sink;
};

#define MACHINE_FIRST_DOMAIN "/sbin/init"
/* Boot information has a region for each module, for RAM and window of each node, for the CPU
 * driver's file and for what was loaded. */
#define MACHINE_MAX_MODULES (ABI_BOOT_MAX_REGIONS - 2 * ABI_MAX_NODES - 2)
#define MACHINE_SCRATCH_BYTES 0x400000 /* at least this much for the CPU driver's first objects */
/* Memory that must be left free for each core, so that the guest can boot at all. */
#define MACHINE_FREE_BYTES_PER_CORE 0x600000

/* Builds a machine: checks the configuration, makes guest memory, loads the images, fills boot
 * information and page tables.  Returns 0, or a negative errno with one line in error[] that names
 * the file (and the menu's file:line) and the fix: -ENOENT an image is missing, -ENOEXEC it is not
 * what it should be, -EFBIG it is too large, -ENOSPC the guest's memory is too small, -EINVAL the
 * configuration makes no sense; any other is a failure of the host (-ENOMEM, -EMFILE, -EIO ...).
 * Copies what it needs from config. */
int machine_create(struct machine **out, const struct machine_config *config, char *error,
                   size_t error_bytes);

/* Frees everything; NULL is fine.  The engine must have been destroyed. */
void machine_destroy(struct machine *machine);

/* ---- running ---- */

/* Starts core 0 on the attached engine, queues the deadline, and runs until the end.  Drains what
 * is left in the trace rings.  Returns as engine_ops.run does.  Called again after STOP_REQUEST or
 * STOP_INTERRUPTED it goes on (on engines that can); after any other end it ends the same way at
 * once. */
int machine_run(struct machine *machine, struct engine_stop *why);

/* The line an engine left when create() failed; "" if none. */
const char *machine_error_text(const struct machine *machine);

/* Everything that counts has been met: no more faults, and the run ends when the quiet time is
 * over.  Safe in the sink, and only to be called there. */
void machine_begin_quiet(struct machine *machine, uint64_t now_ns);

/* Adds the names of messages that an image has to tell (fault/names.h).  False: no memory. */
bool message_names_read_file(const char *path, struct fault_names *names);

/* The source has something for a machine that runs in real time.  Takes the machine's lock. */
void machine_input_arrived(struct machine *machine);

/* ---- after a run: looking inside ---- */

/* Prints, for each started core: what it was doing, RIP as domain!symbol+offset, ring, phase,
 * current dispatcher, run queue, pending causes, last system call and the last trace records by
 * name; with registers for the core that `why` names as the culprit (and for all if `verbose`).
 * Never fails: what cannot be read is said so. */
void machine_postmortem(struct machine *machine, const struct engine_stop *why, bool verbose,
                        FILE *out);

/* The same, short enough for a screen: cores that idle are counted, trace records are left out but
 * for the culprit. */
void machine_postmortem_brief(struct machine *machine, const struct engine_stop *why, FILE *out);

/* A domain that a fault has ended: who and of what, in one line; false if there was
 * none.  Nothing is written where text_bytes is 0. */
bool machine_crash_text(const struct machine *machine, char *text, size_t text_bytes);

/* What each thread of each domain waits for, now: the machine may be running.  (What is half
 * written then may be shown wrong; nothing is believed.) */
void machine_explain(struct machine *machine, FILE *out);

/* Writes "name!symbol+0x12 (main.c:34)" for a virtual address of a core; for addresses of the CPU
 * driver `domain` is ignored.  Returns false (and writes "name!0x401234") if no symbol is known.
 * */
bool machine_symbol(struct machine *machine, const char *domain, uint64_t vaddr, char *text,
                    size_t text_bytes);

/* A trace record in words: "syscall CNode.Copy cptr 12 (monitor)".  Safe in the sink. */
void machine_trace_text(struct machine *machine, const struct abi_trace_record *record, char *text,
                        size_t text_bytes);

/* The dispatcher that a trace record names, printable; "-": none.  Safe in the sink. */
void machine_trace_who(struct machine *machine, const struct abi_trace_record *record,
                       char name[17]);

struct machine_stats {
    uint64_t console_lines;
    uint64_t bad_requests;
    uint64_t trace_records, trace_lost;
    uint64_t syscalls, upcalls; /* counted from the trace; short by what was lost */
    uint64_t kernel_bytes;      /* size of the CPU driver's image in memory */
    uint64_t free_ram_bytes;    /* handed to the guest */
};
void machine_get_stats(const struct machine *machine, struct machine_stats *out);

/* The index-th value that programs have reported, in the order in which they were first seen;
 * false: there are not so many. */
bool machine_value_at(const struct machine *machine, size_t index, struct machine_value *value);

/* Has everything that healthy channels carried kept to the order of their rings?  Those are
 * channels of which no fault has touched a line; with config.check_channels only.  False: `problem`
 * says what happened first. */
bool machine_check_channels(struct machine *machine, char *problem, size_t bytes);

/* Do the databases of capabilities of all cores agree (capability_rules.h)?  When nothing runs.
 * False: `problem` says what is wrong. */
bool machine_check_capabilities(struct machine *machine, char *problem, size_t bytes);

/* The last message of an interface that this core wrote (sent), or that was shown to it, in rings
 * that are watched; false: none. */
bool machine_last_message(const struct machine *machine, unsigned core, bool sent,
                          struct machine_message *message);

/* ---- snapshots: all state but guest memory, as one flat block ---- */

/* The region's descriptor now stands for a file in which the region begins at `fd_offset`. */
void machine_region_moved(struct machine *machine, unsigned region, uint64_t fd_offset);

size_t machine_state_bytes(void);
void machine_save_state(const struct machine *machine, void *block);
void machine_load_state(struct machine *machine, const void *block);

#endif
