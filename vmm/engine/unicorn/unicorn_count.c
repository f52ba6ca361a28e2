/* SPDX-License-Identifier: MIT
 *
 * Executed instructions, counted by blocks: how many a block has is kept when it is translated, and
 * added when it is executed.
 *
 * A block is known by address, size and, in ring 3, the dispatcher that runs, since domains have
 * different code at one address; one that two domains share is found by address and size alone.  A
 * repeated string instruction counts once; a block that ends by a fault counts in full.  Nothing
 * here changes what is executed.  It adds two fifths to the time of a run, so it is done only for
 * those who ask (engine_options.count_instructions).
 */
#include <stdlib.h>

#include "engine/unicorn/unicorn_private.h"

#define FIRST_SLOTS 16384 /* a power of two */
#define ANY_DISPATCHER 0

struct counted_block {
    uint64_t key; /* 0: no block here */
    uint64_t instructions;
};

struct unicorn_count {
    struct counted_block *block;
    size_t slots, used; /* at most half are used */
};

bool unicorn_count_create(struct engine *engine)
{
    struct unicorn_count *count = calloc(1, sizeof(*count));
    if (!count)
        return false;
    count->slots = FIRST_SLOTS;
    count->block = calloc(count->slots, sizeof(*count->block));
    engine->count = count;
    return count->block != NULL;
}

void unicorn_count_destroy(struct engine *engine)
{
    if (engine->count)
        free(engine->count->block);
    free(engine->count);
    engine->count = NULL;
}

static uint64_t key_of(uint64_t rip, uint64_t bytes, uint64_t dispatcher)
{
    uint64_t key = (rip ^ bytes << 48) * 0x9e3779b97f4a7c15;
    key = (key ^ key >> 29 ^ dispatcher) * 0xc2b2ae3d27d4eb4f;
    key ^= key >> 32;
    return key ? key : 1;
}

/* In ring 0 all cores execute the same image. */
static uint64_t dispatcher_of(const struct engine *engine, uint64_t rip)
{
    const bool kernel = rip >> 63;
    return kernel ? ANY_DISPATCHER
                  : machine_core_page(engine->machine, engine->current)->current_dcb;
}

static struct counted_block *find(const struct unicorn_count *count, uint64_t key)
{
    for (size_t i = key & (count->slots - 1);; i = (i + 1) & (count->slots - 1))
        if (count->block[i].key == key || count->block[i].key == 0)
            return &count->block[i];
}

static bool grow(struct unicorn_count *count)
{
    const struct unicorn_count old = *count;
    struct counted_block *block = calloc(2 * old.slots, sizeof(*block));
    if (!block)
        return false;
    count->block = block;
    count->slots = 2 * old.slots;
    for (size_t i = 0; i < old.slots; i++)
        if (old.block[i].key)
            *find(count, old.block[i].key) = old.block[i];
    free(old.block);
    return true;
}

static void keep(struct unicorn_count *count, uint64_t key, uint64_t instructions)
{
    struct counted_block *block = find(count, key);
    if (block->key == 0) {
        if (2 * (count->used + 1) > count->slots && !grow(count))
            return; /* not counted: there is no memory */
        block = find(count, key);
        count->used++;
    }
    *block = (struct counted_block){ key, instructions };
}

void unicorn_count_translated(struct engine *engine, uint64_t rip, uint64_t bytes,
                              uint64_t instructions)
{
    const uint64_t dispatcher = dispatcher_of(engine, rip);
    keep(engine->count, key_of(rip, bytes, ANY_DISPATCHER), instructions);
    if (dispatcher != ANY_DISPATCHER)
        keep(engine->count, key_of(rip, bytes, dispatcher), instructions);
}

void unicorn_count_executed(struct engine *engine, uint64_t rip, uint64_t bytes)
{
    const struct counted_block *block =
        find(engine->count, key_of(rip, bytes, dispatcher_of(engine, rip)));
    if (block->key == 0)
        block = find(engine->count, key_of(rip, bytes, ANY_DISPATCHER));
    engine->core[engine->current].stats.instructions += block->instructions;
}
