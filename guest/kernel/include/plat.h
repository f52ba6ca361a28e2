/* SPDX-License-Identifier: MIT
 *
 * What the CPU driver needs of its platform: plat/synth speaks to the devices of devices/abi,
 * plat/pc to those of a PC.  None of them blocks; plat_start_core() may wait for the new core on a
 * PC.
 */
#ifndef KERNEL_PLAT_H
#define KERNEL_PLAT_H

#include "kernel.h"

/* Takes the platform that the boot information names into use.  Once, before all others. */
void plat_init(void);

/* One console line: text in kernel or physically contiguous memory, without newline.  `kind` is
 * ABI_CONSOLE_*, `speaker` the physical address of a DCB or 0. */
void plat_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker);

/* Takes up to `bytes` (1 to ABI_INPUT_MAX) of the console's input; returns how many, ABI_INPUT_END:
 * there is no more.  0: nothing yet, and this core gets notification `notify_id` when there is. */
uint64_t plat_input(paddr_t buffer, unsigned bytes, uint32_t notify_id);

/* Machine time in ns: as of this core's last request or interrupt, and fresh (one exit). */
systime_t plat_time_cached(void);
systime_t plat_time(void);

/* Sets the one-shot timer to the absolute time `at` (replaces an earlier one); 0 cancels.  It may
 * come early, and a platform that can lose one comes some time later in its place. */
void plat_timer_set(systime_t at);

/* Raises notification `id` on `core`. */
void plat_notify(coreid_t core, uint32_t id);

/* Raises notifications of this core: bit b of ids[w] is id 64 * w + b.  At least one. */
void plat_notify_self(const uint64_t *ids, unsigned words);

/* Starts `core` at `entry` with RDI and CR3; ABI_RESULT_*. */
uint64_t plat_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3);

/* The fence: when it returns `core`, another one, changes no byte any more; ABI_RESULT_*. */
uint64_t plat_kill_core(uint64_t core);

/* The same, and nothing is wrong with it: it can be started again. */
uint64_t plat_retire_core(uint64_t core);

/* Could `core` be started?  As plat_start_core() would answer. */
uint64_t plat_core_available(uint64_t core);

/* How long whoever runs this machine has let `core` wait, though it had something to do, in ns
 * since power-on; ABI_RESULT_*. */
uint64_t plat_core_late(uint64_t core, uint64_t *late_ns);

/* Zeroes physical memory; base and bytes are multiples of 64. */
void plat_scrub(paddr_t base, uint64_t bytes);

/* Clears the vector registers of this core that FXSAVE does not know. */
void plat_clear_vectors(void);

/* Names a cross-core channel; the description lies in physically contiguous memory. */
void plat_channel(paddr_t description);

/* Where this core finds the memory at `base` of a frame: the same place, unless the machine keeps
 * what the ends of a channel see apart. */
uint64_t plat_seen(uint64_t base);

/* Tells the machine where a dispatcher's struct abi_report lies.  A platform where nobody looks
 * does nothing. */
void plat_report(paddr_t block, paddr_t speaker);

/* Tells the machine that the dispatcher `speaker` makes a system call that it watches. */
void plat_watched(uint32_t number, paddr_t speaker);

/* Takes the dispatchers that the machine wants to end, calling `stop` for each: what it gets need
 * not be one. */
void plat_take_stops(void (*stop)(paddr_t dispatcher));

void __attribute__((noreturn)) plat_power_off(uint64_t code);
void __attribute__((noreturn)) plat_panic(void);

/* Takes the pending causes (ABI_CAUSE_*), leaving none. */
uint64_t plat_take_causes(void);

/* From now on these causes (ABI_CAUSE_*; 0: none) are set but do not interrupt this core.  Whoever
 * lets go of some takes the causes afterwards or idles: the machine tells of what was set meanwhile
 * only to a core that is idle.  False: this platform cannot, nothing is held. */
bool plat_hold(uint64_t causes);

/* Takes pending notifications, calling `deliver` for each id.  If there are more than
 * NOTIFICATIONS_MAX, the rest comes with another interrupt. */
#define NOTIFICATIONS_MAX 32
void plat_take_notifications(void (*deliver)(uint32_t id));

#endif
