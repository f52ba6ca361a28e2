/* SPDX-License-Identifier: MIT
 *
 * Snapshots of the deterministic engine: everything of it but guest memory and the machine's state,
 * which vmm/run/snapshot.c keeps beside it.
 *
 * That is the contexts of the cores, what they are doing, the clock with the PRNG, and counters.
 * Translated code and TLB are not part of the state: restoring throws away what the memory that
 * comes back does not agree with, and a core does exactly the same with a full cache and with none.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/unicorn/unicorn_private.h"

struct saved_core {
    enum core_activity activity;
    struct engine_core_stats stats;
};

struct engine_snapshot {
    size_t context_bytes;
    unsigned core_count;
    struct engine_clock clock;
    struct saved_core core[ABI_MAX_CORES];
    uint8_t contexts[]; /* core_count times context_bytes */
};

int unicorn_snapshot(struct engine *engine, struct engine_snapshot **out)
{
    assert(engine->current == NO_CORE);
    size_t bytes = engine->layout.context_bytes;
    struct engine_snapshot *snapshot = calloc(1, sizeof(*snapshot) + engine->core_count * bytes);
    if (!snapshot)
        return -ENOMEM;
    snapshot->context_bytes = bytes;
    snapshot->core_count = engine->core_count;
    snapshot->clock = engine->clock;
    for (unsigned core = 0; core < engine->core_count; core++) {
        const struct core *self = &engine->core[core];
        snapshot->core[core] = (struct saved_core){ self->activity, self->stats };
        memcpy(snapshot->contexts + core * bytes, self->context, bytes);
    }
    engine->loaded = NO_CORE; /* the original, too, goes on with an empty TLB */
    *out = snapshot;
    return 0;
}

int unicorn_restore(struct engine *engine, const struct engine_snapshot *snapshot)
{
    assert(engine->current == NO_CORE);
    size_t bytes = engine->layout.context_bytes;
    if (snapshot->core_count != engine->core_count || snapshot->context_bytes != bytes)
        return -EINVAL;
    if (engine->aborted)
        return -EIO;
    engine->clock = snapshot->clock;
    for (unsigned core = 0; core < engine->core_count; core++) {
        struct core *self = &engine->core[core];
        self->activity = snapshot->core[core].activity;
        self->stats = snapshot->core[core].stats;
        memcpy(self->context, snapshot->contexts + core * bytes, bytes);
    }
    engine->broken = (struct engine_stop){ .reason = STOP_NONE };
    unicorn_code_restored(engine);
    return 0;
}

void unicorn_free_snapshot(struct engine_snapshot *snapshot)
{
    free(snapshot);
}
