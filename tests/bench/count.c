/* SPDX-License-Identifier: MIT
 *
 * Runs a scenario on the deterministic engine and counts instructions exactly.
 *
 * count [--seed N] SCENARIO
 *
 * The library tells of each block of code it translates how many instructions it has, and of each
 * block that is executed where it lies; so instructions are counted by blocks, for the core that
 * executes them.  Hooks of these two kinds exist in every run: two more of them move no block
 * boundary.  A block is known by address, size and page table, since domains have different code at
 * one address.
 *
 * The guest asks for the count with a magic number in RAX at the beginning of a block, and finds it
 * there (guest/user/apps/idcbench/idcbench.h): it measures itself, with the binaries that it also
 * runs on other engines.  A domain can be marked by such a number: what it executes in ring 3 is
 * then counted apart, to tell the sender of a message from its receiver.
 *
 * It also tells the longest entry into the CPU driver: what ring 0 executes from a call, interrupt
 * or fault to the next one.  A block of ring 0 that once came right after one of ring 3 is where
 * entries begin; so an interrupt at the very return from a call, or of an idle core, begins an
 * entry of its own.
 *
 * A repeated string instruction counts once for each repetition; a block that ends by a fault
 * counts in full.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "engine/unicorn/unicorn_private.h"
#include "run/run.h"

/* As in guest/user/apps/idcbench/idcbench.h. */
#define COUNT_ALL 0x1dcbe9c4a11c0de5
#define COUNT_USER 0x1dcbe9c4053c0de5
#define COUNT_MARK 0x1dcbe9c40a4c0de5
#define COUNT_MARKED 0x1dcbe9c40a4d0de5

#define BLOCKS_MAX (1u << 18) /* a power of two */

struct block {
    uint64_t rip, cr3; /* cr3 0: whatever it is */
    uint32_t bytes;
    uint32_t instructions; /* 0: no block here */
    bool is_entry;         /* cr3 0 only: ring 0 is entered here */
};

struct entry {
    bool has_begun; /* not while a core starts */
    bool from_user; /* the block before was one of ring 3 */
    uint64_t begin; /* its first block, and */
    uint64_t instructions;
};

struct counts {
    struct engine *engine;
    uint64_t all[ABI_MAX_CORES];
    uint64_t user[ABI_MAX_CORES]; /* in ring 3: in the lower half of the address space */
    uint64_t marked_cr3;          /* the address space that asked for it, and */
    uint64_t marked;              /* what it has executed in ring 3 since then */
    uint64_t unknown;             /* executed blocks that were never translated, for all we know */
    unsigned known;
    struct entry entry[ABI_MAX_CORES]; /* the present one of each core, and */
    struct entry longest;              /* the longest of all */
    struct block block[BLOCKS_MAX];
};

static struct block *find_block(struct counts *counts, uint64_t rip, uint32_t bytes, uint64_t cr3)
{
    uint64_t hash = (rip * 0x9e3779b97f4a7c15 ^ cr3 ^ bytes) * 0xc2b2ae3d27d4eb4f;
    for (uint64_t i = hash >> 40;; i++) {
        struct block *block = &counts->block[i % BLOCKS_MAX];
        if (block->instructions == 0 ||
            (block->rip == rip && block->bytes == bytes && block->cr3 == cr3))
            return block;
    }
}

static void keep_block(struct counts *counts, const struct unicorn_block *translated, uint64_t cr3)
{
    struct block *block = find_block(counts, translated->rip, translated->bytes, cr3);
    if (block->instructions == 0 && ++counts->known > BLOCKS_MAX / 2) {
        fprintf(stderr, "count: more than %u blocks: raise BLOCKS_MAX\n", BLOCKS_MAX / 2);
        exit(STATUS_FAILED);
    }
    block->rip = translated->rip;
    block->cr3 = cr3;
    block->bytes = translated->bytes;
    block->instructions = translated->instructions;
}

static uint64_t read_register(const struct counts *counts, int reg)
{
    uint64_t value = 0;
    counts->engine->api->reg_read(counts->engine->cpu, reg, &value);
    return value;
}

static void on_translation(unicorn_cpu *cpu, void *block, void *previous, void *user)
{
    (void)cpu, (void)previous;
    struct counts *counts = user;
    keep_block(counts, block, read_register(counts, UNICORN_CR3));
    keep_block(counts, block, 0);
}

static void answer(struct counts *counts)
{
    uint64_t rax = read_register(counts, UNICORN_RAX);
    unsigned core = counts->engine->current;
    const uint64_t *value;
    switch (rax) {
    case COUNT_ALL:
        value = &counts->all[core];
        break;
    case COUNT_USER:
        value = &counts->user[core];
        break;
    case COUNT_MARK:
        counts->marked_cr3 = read_register(counts, UNICORN_CR3);
        counts->marked = 0;
        value = &counts->marked;
        break;
    case COUNT_MARKED:
        value = &counts->marked;
        break;
    default:
        return;
    }
    counts->engine->api->reg_write(counts->engine->cpu, UNICORN_RAX, value);
}

static void count_entry(struct counts *counts, uint64_t address, struct block *block)
{
    struct entry *entry = &counts->entry[counts->engine->current];
    if (entry->from_user)
        block->is_entry = true;
    entry->from_user = false;
    if (block->is_entry)
        *entry = (struct entry){ .has_begun = true, .begin = address };
    if (!entry->has_begun)
        return;
    entry->instructions += block->instructions;
    if (entry->instructions > counts->longest.instructions)
        counts->longest = *entry;
}

static void on_block(unicorn_cpu *cpu, uint64_t address, uint32_t bytes, void *user)
{
    (void)cpu;
    struct counts *counts = user;
    if (counts->engine->stopping) /* the engine's hook, called before, ended the slice here */
        return;
    bool in_user = address >> 63 == 0;
    if (in_user)
        answer(counts);
    const uint64_t cr3 = read_register(counts, UNICORN_CR3);
    const struct block *block = find_block(counts, address, bytes, cr3);
    if (block->instructions == 0) /* translated for another address space that shares the page */
        block = find_block(counts, address, bytes, 0);
    counts->unknown += block->instructions == 0;
    counts->all[counts->engine->current] += block->instructions;
    if (in_user)
        counts->user[counts->engine->current] += block->instructions;
    if (in_user && cr3 == counts->marked_cr3)
        counts->marked += block->instructions;
    if (in_user)
        counts->entry[counts->engine->current].from_user = true;
    else
        count_entry(counts, address, find_block(counts, address, bytes, 0));
}

static void before_run(void *context, struct machine *machine, struct engine *engine)
{
    (void)machine;
    struct counts *counts = context;
    const struct unicorn_api *api = engine->api;
    unicorn_hook hook;
    counts->engine = engine;
    /* begin > end: everywhere */
    if (api->hook_add(engine->cpu, &hook, UNICORN_HOOK_BLOCK, (void *)on_block, counts, 1, 0) ||
        api->hook_add(engine->cpu, &hook, UNICORN_HOOK_TRANSLATION, (void *)on_translation, counts,
                      1, 0)) {
        fprintf(stderr, "count: Unicorn refuses to count\n");
        exit(STATUS_HOST);
    }
}

/* The first block of all is executed without having been announced. */
static void after_run(void *context, struct machine *machine, struct engine *engine,
                      struct run_result *result)
{
    (void)machine, (void)engine, (void)result;
    const struct counts *counts = context;
    uint64_t all = 0;
    for (unsigned core = 0; core < ABI_MAX_CORES; core++)
        all += counts->all[core];
    printf("count: %" PRIu64 " instructions; %" PRIu64 " executions of unknown blocks\n", all,
           counts->unknown);
    printf("count: longest entry: %" PRIu64 " instructions, from %#" PRIx64 "\n",
           counts->longest.instructions, counts->longest.begin);
}

static int run(const char *file, uint64_t seed)
{
    static struct counts counts;
    const struct sets no_sets = { .count = 0 };
    struct engine_capability capability;
    char images[8192];
    int status = STATUS_OK;
    if (!images_find(NULL, images, sizeof(images))) {
        fprintf(stderr, "count: %s\n", images);
        return STATUS_HOST;
    }
    const struct engine_ops *ops = engine_choose("unicorn", true, &capability, &status);
    if (!ops)
        return status;
    struct scenario *scenario = load_and_report(file, &no_sets);
    if (!scenario)
        return STATUS_USAGE;
    struct run_settings settings = {
        .ops = ops,
        .capability = &capability,
        .images = images,
        .seed = seed,
        .guard_ns = GUARD_DEFAULT_NS,
        .report = { .out = stdout },
        .before_run = before_run,
        .after_run = after_run,
        .context = &counts,
        .watch = watch_start(),
    };
    status = settings.watch ? run_scenario(scenario, &settings) : STATUS_HOST;
    if (settings.watch)
        watch_stop(settings.watch);
    scenario_free(scenario);
    return status;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    if (argc == 4 && strcmp(argv[1], "--seed") == 0) {
        seed = strtoull(argv[2], NULL, 10);
    } else if (argc != 2) {
        fprintf(stderr, "usage: count [--seed N] SCENARIO\n");
        return STATUS_USAGE;
    }
    return run(argv[argc - 1], seed);
}
