/* SPDX-License-Identifier: MIT
 *
 * What a machine is to the engine that executes it: memory to show to the guest, requests and
 * events to hand in, a place to say what went wrong.
 *
 * Engines include this and engine/engine.h, and nothing else of vmm/machine/: how a machine is
 * configured, watched and reported on (machine.h) is none of their business.
 */
#ifndef VMM_MACHINE_ENGINE_HOST_H
#define VMM_MACHINE_ENGINE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/core_page.h"

struct engine;
struct engine_ops;
struct engine_stop;
struct machine;

/* ---- memory ---- */

enum machine_region_kind { MACHINE_RAM, MACHINE_CORE_AREAS, MACHINE_WINDOW };

/* Guest memory.  Each region is one memfd, mapped once (shared, or private if configured so). */
struct machine_region {
    enum machine_region_kind kind;
    unsigned node;  /* RAM, WINDOW */
    uint64_t base;  /* guest-physical, page aligned */
    uint64_t bytes; /* multiple of the page size */
    uint8_t *host;
    int fd;             /* memfd; with private_memory its content is that after loading */
    uint64_t fd_offset; /* where the region begins in it */
};

/* All regions in rising order of address. */
const struct machine_region *machine_regions(const struct machine *machine, unsigned *count);

unsigned machine_core_count(const struct machine *machine);

/* Host address of guest-physical paddr .. paddr + bytes in any region, or NULL. */
void *machine_memory(const struct machine *machine, uint64_t paddr, uint64_t bytes);

/* Registers of a core's area. */
struct abi_core_page *machine_core_page(const struct machine *machine, unsigned core);

/* ---- making an engine ---- */

/* Called by an engine's create(): the engine that runs this machine from now on. */
void machine_attach(struct machine *machine, const struct engine_ops *ops, struct engine *engine);

/* Called by an engine's create(): goes into the boot information of core 0. */
void machine_set_platform(struct machine *machine, uint32_t boot_flags, uint64_t tsc_hz);

/* Called by an engine's create() before it fails. */
__attribute__((format(printf, 2, 3))) void machine_set_error(struct machine *machine,
                                                             const char *format, ...);

/* ---- while it runs ---- */

#define MACHINE_NO_EVENT UINT64_MAX /* a time that never comes */

enum machine_next {
    MACHINE_CONTINUE,     /* the core goes on behind the instruction */
    MACHINE_STOP_CORE,    /* the core never executes again */
    MACHINE_STOP_MACHINE, /* the run is over (request_stop was called already) */
};

/* A core wrote to a port: runs the device model, stores result and clock in the core's page,
 * applies the effects through the engine. */
enum machine_next machine_port_out(struct machine *machine, unsigned core, uint16_t port,
                                   unsigned width, uint32_t value, uint64_t now_ns);

/* A core read a port. */
uint32_t machine_port_in(struct machine *machine, unsigned core, uint16_t port, unsigned width);

/* Is no core to be interrupted and nothing due but the deadline?  When all cores sleep as well,
 * nothing can happen any more. */
bool machine_sleeps_for_ever(struct machine *machine);

/* The same, but that timers are due: has the machine done nothing for long but look whether all is
 * well?  That is so if no domain waits for a time of its own, and between many of these timers no
 * thread has come to wait for something else.  To be asked whenever all cores sleep. */
bool machine_only_keeps_house(struct machine *machine, uint64_t now_ns);

/* Time of the earliest event, MACHINE_NO_EVENT if there is none. */
uint64_t machine_next_event_ns(struct machine *machine);

/* Makes everything happen whose time has come. */
void machine_run_events(struct machine *machine, uint64_t now_ns);

/* Has the core an interrupt pending?  Causes that it holds do not count. */
bool machine_cause_pending(const struct machine *machine, unsigned core);

/* Brings clock_ns up to date and takes trace records; to be called just before an interrupt is
 * delivered, on the thread that runs the core. */
void machine_before_interrupt(struct machine *machine, unsigned core, uint64_t now_ns);

/* A store of 1, 2, 4 or 8 bytes into the window that was trapped.  False: no such memory. */
bool machine_window_store(struct machine *machine, unsigned core, uint64_t paddr, const void *data,
                          unsigned bytes, uint64_t now_ns);

/* Shall stores to the page that begins at guest-physical `page` go through machine_window_store()?
 * Takes the machine's lock. */
bool machine_is_trapped(struct machine *machine, uint64_t page);

/* For engines that can tell when a core begins a basic block.  Called by create(), after
 * machine_attach(): true if machine_block_matters() is to be asked before each block. */
bool machine_watch_blocks(struct machine *machine);

/* Is there anything to be seen, now that the core is about to execute the block at `rip`?  If so,
 * machine_block() is called with RDI.  Neither changes what the guest does. */
bool machine_block_matters(const struct machine *machine, unsigned core, uint64_t rip);
void machine_block(struct machine *machine, unsigned core, uint64_t rip, uint64_t rdi,
                   uint64_t now_ns);

/* For engines whose ops say far_loads.  Called by create(): true if each load and store of RAM is
 * to be told, and loads take so much longer (far_memory.h). */
bool machine_watch_loads(struct machine *machine);
uint64_t machine_load_ns(struct machine *machine, unsigned core, uint64_t paddr, uint64_t now_ns);
void machine_stored(struct machine *machine, unsigned core, uint64_t paddr);

/* The clock of a core at machine time now_ns: another one where faults say so. */
uint64_t machine_core_clock(const struct machine *machine, unsigned core, uint64_t now_ns);

/* Why the machine asked the engine to stop (exit code, core); for engines to fill *why. */
void machine_fill_stop(const struct machine *machine, struct engine_stop *why);

/* ---- input from outside, for engines in virtual time ---- */

/* Takes what the source of the configuration has at this turn, once for each. */
void machine_take_input(struct machine *machine, uint64_t turn, uint64_t now_ns);

enum machine_waited {
    MACHINE_WAITED,       /* nothing came, and the time is over */
    MACHINE_WAITED_INPUT, /* there is input, to be taken at turn `turn` before time goes on */
    MACHINE_WAITED_AGAIN, /* nothing came yet: look whether the run is to end, and wait again */
};

/* No core can run until `next_ns` (MACHINE_NO_EVENT: never): waits for the source as long as a
 * clock would take. */
enum machine_waited machine_wait_for_input(struct machine *machine, uint64_t turn, uint64_t next_ns,
                                           uint64_t now_ns);

/* ---- a machine that others run (witness.c) ---- */

/* A line of its console, without its end: becomes what it says (pc_line.h), or a line of the CPU
 * driver of core 0. */
void machine_pc_said(struct machine *machine, const char *line, size_t bytes, uint64_t now_ns);

/* What is typed on its console and was not taken yet, up to `room` bytes (more than 0); a control-D
 * at its end.  Returns how many; to be asked after each call of machine_pc_said() and
 * machine_run_events(). */
size_t machine_pc_typed(struct machine *machine, char *to, size_t room, uint64_t now_ns);

/* The memory of such a machine, from guest-physical 0, which the engine shares with it: from now on
 * lines are carried by machine_pump() (pump.c), if export.h says that this is needed.  Before the
 * machine runs; lives until the machine is destroyed.  0 or -ENOMEM. */
int machine_pump_memory(struct machine *machine, void *ram, uint64_t bytes);

/* Carries what there is to be carried.  False: there was nothing, a pause is in order. */
bool machine_pump(struct machine *machine, uint64_t now_ns);

/* ---- its state ---- */

typedef void machine_feed(void *context, const void *bytes, size_t count);

/* Feeds all that the machine knows and that a run depends on: the pages of guest memory that are
 * not zero, with their addresses; devices; events.  Field by field, so that what is fed depends on
 * meaning only.  Not fed: counters, and what only serves reports.  0 or -ENOMEM. */
int machine_feed_state(const struct machine *machine, machine_feed *feed, void *context);

#endif
