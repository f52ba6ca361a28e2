/* SPDX-License-Identifier: MIT
 *
 * What the deterministic engine offers beyond engine_ops: its state as a value, and a view of its
 * schedule.  For the commands that record, replay and compare runs (docs/determinism.md).
 */
#ifndef VMM_ENGINE_UNICORN_H
#define VMM_ENGINE_UNICORN_H

#include <stdint.h>

#include "engine/engine.h"

/* One slice of a core, as the observer sees it when it has ended. */
struct unicorn_slice {
    uint64_t end_ns;    /* machine time */
    uint64_t rip;       /* next instruction */
    uint64_t registers; /* hash of the core's registers */
    uint32_t core;
    uint32_t blocks; /* executed */
};

/* Called after every slice; must not call the engine, except request_stop.  Observing changes
 * nothing in what the guest does. */
typedef void unicorn_observer(void *context, const struct unicorn_slice *slice);

/* Sets or (NULL) removes the observer; not while run() executes, except from the observer. */
void unicorn_observe(struct engine *engine, unicorn_observer *observer, void *context);

/* From here on the interleavings of another seed, as after a snapshot or fork() to explore what else
 * could happen.  Between runs. */
void unicorn_reseed(struct engine *engine, uint64_t seed);

/* Hash of the whole state: guest memory, registers of all cores, devices, event queue, PRNG and
 * time.  Valid after run(); two runs that have the same hash continue identically.  Returns 0, or
 * -ENOMEM with hash[] as it was. */
int unicorn_state_hash(struct engine *engine, uint64_t hash[2]);

#endif
