/* SPDX-License-Identifier: MIT
 *
 * Which guest memory has been translated, so that translations die with their memory.
 *
 * The library sees the guest's own stores to code (with one gap, docs/determinism.md), but not what
 * the host writes: the scrub device zeroes memory before it is used anew.  Were the old
 * translations kept, the next program in that memory would run some code of the last.  So each page
 * that code was translated from is marked here, and when the host has written to a marked page its
 * translations are removed before any core executes another block.
 *
 * The same is done with all code a core can see when it is started: whoever started it has just put
 * it there, maybe into memory that held code before.
 *
 * The library removes translations by virtual address in the address space in force.  Physical pages
 * are reached by switching paging off in a spare context for the time of the removal.
 *
 * The buffer of translations must never fill up: the library then throws all away in the middle of
 * its work and jumps into what it has thrown away.  So its use is estimated and all is forgotten in
 * time.  When that happens must not matter to the schedule, for a restored snapshot starts with an
 * empty buffer: the slice is paused, not ended.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/unicorn_private.h"

#define PAGE 4096ull
#define CR0_PG (1ull << 31)
#define MAX_WRITTEN 64

struct unicorn_code {
    uint8_t *marked; /* a bit for each page of the machine's regions, one region after the other */
    uint64_t bytes;
    uint64_t written[MAX_WRITTEN]; /* marked pages the host has written to */
    unsigned written_count;
    bool forget;   /* more of them than fit, or the buffer of translations is filling up */
    uint64_t used; /* of that buffer, estimated from above */
    uint64_t available;
};

/* What a translated block takes: seen were 140 bytes an instruction, everything included. */
#define BLOCK_BYTES 512
#define INSTRUCTION_BYTES 160

bool unicorn_code_create(struct engine *engine)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    uint64_t pages = 0;
    for (unsigned i = 0; i < count; i++)
        pages += region[i].bytes / PAGE;
    struct unicorn_code *code = calloc(1, sizeof(*code));
    if (!code)
        return false;
    code->bytes = pages / 8 + 1;
    code->marked = calloc(1, code->bytes);
    if (!code->marked) {
        free(code);
        return false;
    }
    code->available = UNICORN_CODE_BYTES(engine->core_count) / 8 * 7;
    engine->code = code;
    return true;
}

void unicorn_code_destroy(struct engine *engine)
{
    if (engine->code)
        free(engine->code->marked);
    free(engine->code);
    engine->code = NULL;
}

/* The bit of a page: byte and mask; NULL if there is no such memory. */
static uint8_t *bit_of(const struct engine *engine, uint64_t paddr, uint8_t *mask)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    uint64_t before = 0;
    for (unsigned i = 0; i < count; i++) {
        if (paddr >= region[i].base && paddr - region[i].base < region[i].bytes) {
            uint64_t page = before + (paddr - region[i].base) / PAGE;
            *mask = (uint8_t)(1u << page % 8);
            return &engine->code->marked[page / 8];
        }
        before += region[i].bytes / PAGE;
    }
    return NULL;
}

/* The guest-physical address of a host address within a region. */
static uint64_t paddr_of(const struct engine *engine, const uint8_t *host)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    for (unsigned i = 0; i < count; i++)
        if (host >= region[i].host && host < region[i].host + region[i].bytes)
            return region[i].base + (uint64_t)(host - region[i].host);
    assert(!"host address lies in guest memory");
    return 0;
}

void unicorn_code_translated(struct engine *engine, uint64_t rip, uint64_t bytes,
                             uint64_t instructions)
{
    struct unicorn_code *code = engine->code;
    code->used += BLOCK_BYTES + instructions * INSTRUCTION_BYTES;
    if (code->used > code->available) {
        code->forget = true;
        unicorn_pause(engine);
    }
    unsigned core = engine->current;
    bool user = (core_registers(engine, core)->hflags & HFLAG_CPL) == 3;
    uint64_t last = rip + (bytes ? bytes - 1 : 0);
    for (uint64_t page = rip & ~(PAGE - 1); page <= last; page += PAGE) {
        uint32_t error;
        uint8_t mask = 0;
        const uint8_t *host =
            unicorn_translate(engine, core, page, 1, ACCESS_EXECUTE, user, &error);
        uint8_t *bit = host ? bit_of(engine, paddr_of(engine, host), &mask) : NULL;
        if (bit)
            *bit |= mask;
    }
}

void unicorn_code_written(struct engine *engine, uint64_t paddr, uint64_t bytes)
{
    struct unicorn_code *code = engine->code;
    if (bytes == 0 || !machine_memory(engine->machine, paddr, bytes))
        return; /* the machine has refused it */
    uint64_t end = paddr + bytes;
    for (uint64_t page = paddr & ~(PAGE - 1); page < end; page += PAGE) {
        uint8_t mask = 0;
        const uint8_t *bit = bit_of(engine, page, &mask);
        if (!bit || !(*bit & mask))
            continue;
        unicorn_pause(engine);
        if (code->written_count < MAX_WRITTEN)
            code->written[code->written_count++] = page;
        else
            code->forget = true;
    }
}

/* All executable pages below a table of `level` (3 = PML4). */
static void written_below(struct engine *engine, uint64_t table, unsigned level)
{
    const uint64_t *entries = machine_memory(engine->machine, table, PAGE);
    for (unsigned i = 0; entries && i < 512; i++) {
        uint64_t entry = entries[i];
        if (!(entry & PTE_PRESENT) || (entry & PTE_NX))
            continue;
        uint64_t bytes = 1ull << (12 + 9 * level), paddr = entry & PTE_ADDRESS;
        if (level > 0 && !(entry & PTE_LARGE))
            written_below(engine, paddr, level - 1);
        else
            unicorn_code_written(engine, paddr & ~(bytes - 1), bytes);
    }
}

void unicorn_code_loaded(struct engine *engine, uint64_t cr3)
{
    written_below(engine, cr3 & PTE_ADDRESS, 3);
}

void unicorn_code_forget(struct engine *engine)
{
    engine->api->ctl(engine->cpu, UNICORN_CTL_FLUSH_CODE);
    engine->api->ctl(engine->cpu, UNICORN_CTL_FLUSH_TLB);
    engine->loaded = NO_CORE;
    memset(engine->code->marked, 0, engine->code->bytes);
    engine->code->written_count = 0;
    engine->code->forget = false;
    engine->code->used = 0;
}

void unicorn_code_settle(struct engine *engine)
{
    struct unicorn_code *code = engine->code;
    if (code->forget) {
        unicorn_code_forget(engine);
        return;
    }
    if (code->written_count == 0)
        return;
    struct unicorn_state *state = unicorn_state(&engine->layout, engine->reset);
    uint64_t cr0 = state->cr[0];
    state->cr[0] &= ~CR0_PG;
    engine->api->context_restore(engine->cpu, engine->reset);
    state->cr[0] = cr0;
    engine->api->ctl(engine->cpu, UNICORN_CTL_FLUSH_TLB);
    for (unsigned i = 0; i < code->written_count; i++) {
        uint8_t mask = 0;
        uint8_t *bit = bit_of(engine, code->written[i], &mask);
        engine->api->ctl(engine->cpu, UNICORN_CTL_REMOVE_CACHE, code->written[i],
                         code->written[i] + PAGE);
        *bit &= (uint8_t)~mask;
    }
    code->written_count = 0;
    engine->loaded = NO_CORE; /* so the TLB is emptied before the next slice */
}
