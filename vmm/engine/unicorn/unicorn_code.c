/* SPDX-License-Identifier: MIT
 *
 * Which guest memory has been translated, so that translations die with what they were made from.
 *
 * The library sees the guest's own stores to code, with a gap: of several stores in a row to
 * different blocks of a page, only the first is sure to be seen.  And it does not see what the host
 * writes: the scrub device zeroes memory before it is used anew, a snapshot brings back old memory.
 * Were old translations kept, the next program in that memory would run some code of the last.  So
 * every page that code was translated from is listed here with a hash of what it held then.
 * Translations of a page are removed, before any core executes another block, when
 *  - the host has written to it,
 *  - something on it is translated again and it holds something else than the last time,
 *  - a core is started that can execute it: whoever started the core has just put the code there,
 *  - a snapshot is restored and it holds something else.
 *
 * The library removes translations by virtual address in the address space in force.  Physical
 * pages are reached by switching paging off in a spare context for the time of the removal.
 *
 * The buffer of translations must never fill up: the library then throws all away in the middle of
 * its work and jumps into what it has thrown away.  So its use is estimated and all is forgotten in
 * time.  When that happens must not matter to the schedule, for snapshots and forks have other
 * translations than the original: the slice is paused, not ended.
 *
 * What the library keeps beside that buffer it does not always give back: about 100 bytes for
 * each block it ever translated.  A guest that makes code without end would so take all memory of
 * the host.  So the memory of the process is looked at from time to time, and too much ends the
 * run.  This depends on how the process came here, as being out of memory does; it ends a run and
 * changes none.
 */
#include <assert.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "engine/unicorn/unicorn_private.h"

#define PAGE 4096ull
#define CR0_PG (1ull << 31)

/* A page that code was translated from. */
struct code_page {
    uint64_t paddr;
    const uint8_t *host;
    uint64_t content; /* hash, at the last translation */
    bool written;     /* its translations must go */
};

struct unicorn_code {
    uint32_t *index; /* for each page of the machine, one region after the other: 0, or 1 + its
                      * place in page[] */
    struct code_page *page;
    uint32_t count, room;
    bool written;  /* some page is */
    bool forget;   /* the buffer of translations is filling up */
    uint64_t used; /* of that buffer, estimated from above */
    uint64_t available;
    uint32_t until_look; /* so many blocks are translated before memory is looked at again */
};

/* What a translated block takes: seen were 140 bytes an instruction, everything included. */
#define BLOCK_BYTES 512
#define INSTRUCTION_BYTES 160

#define BLOCKS_BETWEEN_LOOKS 16384 /* the library forgets less than 2 MiB about them */

/* With the address sanitizer, malloc is not the C library's. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* What was allocated in this process and not freed. */
static uint64_t allocated_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void look_at_memory(struct engine *engine)
{
    uint64_t limit = engine->options.memory_bytes, bytes = allocated_bytes();
    engine->code->until_look = BLOCKS_BETWEEN_LOOKS;
    if (bytes <= limit)
        return;
    unicorn_end(engine, STOP_LIMIT, engine->current,
                "the engine's tables take %" PRIu64 " MiB, %" PRIu64
                " MiB are allowed (--engine-memory): the guest makes code without end",
                bytes >> 20, limit >> 20);
    unicorn_shorten(engine, 0);
}

bool unicorn_code_create(struct engine *engine)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    uint64_t pages = 0;
    for (unsigned i = 0; i < count; i++)
        pages += region[i].bytes / PAGE;
    assert(pages > 0);
    struct unicorn_code *code = calloc(1, sizeof(*code));
    if (!code)
        return false;
    code->index = calloc(pages, sizeof(*code->index));
    code->available = UNICORN_CODE_BYTES(engine->core_count) / 8 * 7;
    engine->code = code;
    return code->index != NULL;
}

void unicorn_code_destroy(struct engine *engine)
{
    if (engine->code) {
        free(engine->code->index);
        free(engine->code->page);
    }
    free(engine->code);
    engine->code = NULL;
}

/* Place of a page in index[]; NULL if there is no such memory. */
static uint32_t *index_of(const struct engine *engine, uint64_t paddr)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    uint64_t before = 0;
    for (unsigned i = 0; i < count; i++) {
        if (paddr >= region[i].base && paddr - region[i].base < region[i].bytes)
            return &engine->code->index[before + (paddr - region[i].base) / PAGE];
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

static void page_written(struct engine *engine, struct code_page *page)
{
    page->written = true;
    engine->code->written = true;
    unicorn_pause(engine);
}

/* A block was translated from this page. */
static void page_translated(struct engine *engine, uint64_t paddr, const uint8_t *host)
{
    struct unicorn_code *code = engine->code;
    uint32_t *index = index_of(engine, paddr);
    uint64_t content = XXH3_64bits(host, PAGE);
    if (*index != 0) {
        struct code_page *page = &code->page[*index - 1];
        if (page->content != content)
            page_written(engine, page);
        page->content = content;
        return;
    }
    if (code->count == code->room) {
        uint32_t room = code->room ? 2 * code->room : 1024;
        struct code_page *more = realloc(code->page, room * sizeof(*more));
        if (!more) {
            unicorn_end(engine, STOP_ENGINE, engine->current, "the host is out of memory");
            unicorn_shorten(engine, 0);
            return;
        }
        code->page = more;
        code->room = room;
    }
    code->page[code->count++] =
        (struct code_page){ .paddr = paddr, .host = host, .content = content };
    *index = code->count;
}

void unicorn_code_translated(struct engine *engine, uint64_t rip, uint64_t bytes,
                             uint64_t instructions)
{
    struct unicorn_code *code = engine->code;
    if (code->until_look-- == 0)
        look_at_memory(engine);
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
        const uint8_t *host =
            unicorn_translate(engine, core, page, 1, ACCESS_EXECUTE, user, &error);
        if (host)
            page_translated(engine, paddr_of(engine, host), host);
    }
}

void unicorn_code_written(struct engine *engine, uint64_t paddr, uint64_t bytes)
{
    if (bytes == 0 || !machine_memory(engine->machine, paddr, bytes))
        return; /* the machine has refused it */
    uint64_t end = paddr + bytes;
    for (uint64_t page = paddr & ~(PAGE - 1); page < end; page += PAGE) {
        uint32_t index = *index_of(engine, page);
        if (index != 0)
            page_written(engine, &engine->code->page[index - 1]);
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

void unicorn_code_restored(struct engine *engine)
{
    struct unicorn_code *code = engine->code;
    for (uint32_t i = 0; i < code->count; i++)
        if (XXH3_64bits(code->page[i].host, PAGE) != code->page[i].content)
            page_written(engine, &code->page[i]);
    engine->loaded = NO_CORE;
}

/* All at once. */
static void forget(struct engine *engine)
{
    struct unicorn_code *code = engine->code;
    engine->api->ctl(engine->cpu, UNICORN_CTL_FLUSH_CODE);
    for (uint32_t i = 0; i < code->count; i++)
        *index_of(engine, code->page[i].paddr) = 0;
    code->count = 0;
    code->used = 0;
    code->forget = false;
}

/* Page by page. */
static void remove_written(struct engine *engine)
{
    struct unicorn_code *code = engine->code;
    struct unicorn_state *state = unicorn_state(&engine->layout, engine->reset);
    uint64_t cr0 = state->cr[0];
    state->cr[0] &= ~CR0_PG;
    engine->api->context_restore(engine->cpu, engine->reset);
    state->cr[0] = cr0;
    engine->api->ctl(engine->cpu, UNICORN_CTL_FLUSH_TLB);
    for (uint32_t i = 0; i < code->count;) {
        struct code_page *page = &code->page[i];
        if (!page->written) {
            i++;
            continue;
        }
        engine->api->ctl(engine->cpu, UNICORN_CTL_REMOVE_CACHE, page->paddr, page->paddr + PAGE);
        *index_of(engine, page->paddr) = 0;
        *page = code->page[--code->count];
        if (i < code->count)
            *index_of(engine, page->paddr) = i + 1;
    }
}

void unicorn_code_settle(struct engine *engine)
{
    struct unicorn_code *code = engine->code;
    if (code->forget)
        forget(engine);
    else if (code->written)
        remove_written(engine);
    else
        return;
    code->written = false;
    engine->loaded = NO_CORE; /* so the TLB is emptied before the next slice */
}
