/* SPDX-License-Identifier: MIT
 *
 * Device models: the machine's hardware as pure functions.
 *
 * A model is (state, register access, now) -> (reply, effects).  It knows no engine, no file, no
 * thread and no clock; it may look at guest memory through the table it is given, and changes
 * nothing but the state it is given.  What shall happen is returned as a list of effects, which the
 * machine applies (vmm/machine/machine.c).  So every model is tested without a VM, and both engines
 * run exactly the same hardware.  The register contract is devices/abi/ports.h.
 */
#ifndef DEVICES_DEVICE_H
#define DEVICES_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/core_page.h"
#include "abi/layout.h"
#include "abi/ports.h"
#include "abi/report.h"

/* ---- guest memory as the models see it ---- */

enum device_range_kind { DEVICE_RANGE_RAM, DEVICE_RANGE_WINDOW };

struct device_range {
    enum device_range_kind kind;
    uint64_t base;  /* guest-physical */
    uint64_t bytes; /* length */
    void *host;     /* where these bytes lie in this process */
};

#define DEVICE_MAX_RANGES (2 * ABI_MAX_NODES)

struct device_memory {
    unsigned count;
    struct device_range range[DEVICE_MAX_RANGES];
};

/* Returns the range that holds all of paddr .. paddr + bytes, or NULL.  Zero bytes lie in no range;
 * sums that wrap around do neither. */
const struct device_range *device_memory_find(const struct device_memory *memory, uint64_t paddr,
                                              uint64_t bytes);

/* Returns the host address of paddr .. paddr + bytes, or NULL where that is not guest memory. */
void *device_memory_at(const struct device_memory *memory, uint64_t paddr, uint64_t bytes);

/* ---- state ---- */

enum device_core_power {
    DEVICE_CORE_OFF,     /* never started */
    DEVICE_CORE_ON,      /* started */
    DEVICE_CORE_STOPPED, /* switched itself off; cannot be started again, unless it is mended */
    DEVICE_CORE_KILLED,  /* by another; the same */
};

#define DEVICE_INPUT_BYTES 4096

/* Input of the console that was not taken yet. */
struct device_input {
    uint32_t head, count; /* in byte[], which is a ring */
    bool ended;           /* no more will come */
    bool waits;           /* `core` found nothing, and is to be notified */
    uint32_t core, notify_id;
    char byte[DEVICE_INPUT_BYTES];
};

/* Everything the devices remember.  Flat: a copy of the structure is a snapshot. */
struct device_state {
    unsigned core_count;
    uint8_t power[ABI_MAX_CORES]; /* enum device_core_power */
    uint64_t mended; /* cores that may be started again when they have stopped or were killed */
    uint64_t unsignalled[ABI_MAX_CORES]; /* cores that this one cannot signal; of the machine */
    uint64_t timer_at_ns[ABI_MAX_CORES][ABI_TIMERS]; /* when it fires, 0 = not armed */
    uint64_t bad_requests[ABI_MAX_CORES]; /* requests answered with anything but ABI_RESULT_OK */
    uint64_t channels;                    /* names given and taken back so far */
    struct device_input input;
};

/* Prepares the state of a machine that is switched off.  1 <= core_count <= ABI_MAX_CORES. */
void device_state_init(struct device_state *state, unsigned core_count);

/* ---- one register access ---- */

struct device_access {
    unsigned core;   /* who asks: < core_count */
    uint16_t port;   /* ABI_PORT_*, or anything else the guest wrote to */
    unsigned width;  /* bytes: 4 is right, anything else is a bad request */
    uint32_t value;  /* what was written */
    uint64_t arg[8]; /* copy of abi_core_page.arg[] of the issuing core */
    uint64_t now_ns; /* machine time */
};

enum device_effect_kind {
    DEVICE_SET_CAUSE,  /* set cause bits (and a notification) of a core, then interrupt it */
    DEVICE_TIMER,      /* a timer of a core is to fire at at_ns, or not at all if that is 0 */
    DEVICE_CONSOLE,    /* a line was said */
    DEVICE_START_CORE, /* let a core run */
    DEVICE_STOP_CORE,  /* the issuing core runs no further */
    DEVICE_KILL_CORE,  /* nor does this one */
    DEVICE_LATE,       /* the issuing core asks how long the host has let this one wait */
    DEVICE_EXIT,       /* switch the machine off */
    DEVICE_PANIC,      /* the CPU driver of the issuing core gave up */
    DEVICE_SCRUB,      /* zero a range of guest memory */
    DEVICE_CHANNEL,    /* a channel has a name now, or none any more */
    DEVICE_VECTORS,    /* clear the issuing core's wide vector registers */
    DEVICE_REPORT,     /* a block of counters is to be looked at */
    DEVICE_SYSCALL,    /* a domain makes a system call that is watched */
    DEVICE_INPUT,      /* input of the console was taken */
};

struct device_effect {
    enum device_effect_kind kind;
    unsigned
        /* whom it concerns: the target of SET_CAUSE, TIMER, START_CORE, KILL_CORE, LATE, else the
         * issuer */
        core;
    union {
        struct {
            uint32_t bits;      /* ABI_CAUSE_* */
            uint32_t notify_id; /* with ABI_CAUSE_NOTIFY */
        } cause;
        struct {
            unsigned which; /* ABI_TIMER_* */
            uint64_t at_ns; /* absolute, as the core reads the clock */
        } timer;
        struct {
            const char *text; /* in guest memory: copy before use, other cores may change it */
            uint32_t bytes;
            uint32_t kind;                      /* ABI_CONSOLE_* */
            const struct abi_dcb_head *speaker; /* in guest memory; NULL: the CPU driver */
        } console;
        struct {
            uint64_t rip, rdi, cr3;
            bool again; /* it ran before */
        } start;
        uint32_t exit_code; /* 0..255 */
        struct {
            void *host;
            uint64_t paddr, bytes;
        } scrub;
        struct {
            uint64_t record; /* guest-physical */
            struct abi_channel
                is; /* a checked copy; with state ABI_CHANNEL_FREE nothing else counts */
        } channel;
        struct {
            uint64_t block, speaker; /* guest-physical; what is there has not been looked at */
        } report;
        struct {
            uint32_t number;
            uint64_t speaker; /* guest-physical address of its abi_dcb_head; not looked at */
        } syscall;
        struct {
            void *to;         /* guest memory */
            const char *from; /* in the state: to be copied before that changes */
            uint32_t bytes;
            uint32_t answer; /* for abi_core_page.input */
        } input;
    };
};

#define DEVICE_MAX_EFFECTS (ABI_TIMERS + 1)

struct device_reply {
    uint64_t result; /* ABI_RESULT_*, to be stored in abi_core_page.result */
    unsigned effect_count;
    struct device_effect effect[DEVICE_MAX_EFFECTS];
};

/* An OUT by a core.  Never fails: a request that makes no sense has a result other than
 * ABI_RESULT_OK, no effect, and is counted.  Asserts that access->core exists. */
void device_out(struct device_state *state, const struct device_memory *memory,
                const struct device_access *access, struct device_reply *reply);

/* An IN by a core: all ones in the width asked for (1, 2 or 4 bytes). */
uint32_t device_in(unsigned width);

/* A timer of `core` is due (an event that a DEVICE_TIMER effect asked for).  Nothing happens if
 * it was cancelled or moved to a later time meanwhile. */
void device_timer_due(struct device_state *state, unsigned core, unsigned which, uint64_t now_ns,
                      struct device_reply *reply);

/* How many bytes of input there is room for. */
unsigned device_input_room(const struct device_state *state);

/* Input arrives: `bytes` <= device_input_room().  The reply notifies the core that waits. */
void device_input(struct device_state *state, const char *text, unsigned bytes,
                  struct device_reply *reply);

/* After what is there no input will come. */
void device_input_end(struct device_state *state, struct device_reply *reply);

/* Takes what has arrived out again, for a machine whose console is another device.  How many bytes
 * that were. */
unsigned device_input_take(struct device_state *state, char *to, unsigned most);

/* These cores are as new: once they are dead they can be started again, each once. */
void device_mend(struct device_state *state, uint64_t cores);

/* Marks core 0 as started: it is switched on with the machine, not by a request. */
void device_power_on(struct device_state *state);

#endif
