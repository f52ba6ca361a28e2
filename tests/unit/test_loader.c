/* SPDX-License-Identifier: MIT
 *
 * The loader of a PC, as far as it only thinks: free memory against a map of pages that is kept
 * beside it, and bundles and programs that are cut off, lie, or are noise.
 */
/* link: guest/loader/memory.c guest/loader/bundle.c */
#include <criterion/criterion.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "guest/loader/loader.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* ---- memory ---- */

Test(loader, memory_between_its_limits_is_taken_in_whole_pages)
{
    static struct memory memory;
    cr_assert(memory_add(&memory, 0, 0x9fc00));
    cr_assert_eq(memory.count, 0, "what lies below the loader's end is nobody's");
    cr_assert(memory_add(&memory, MIB, 127 * MIB + 100));
    cr_assert(memory_add(&memory, 4 * GIB, UINT64_MAX - 4 * GIB + 1));
    cr_assert_eq(memory.count, 2);
    cr_assert_eq(memory.range[0].base, LOADER_END);
    cr_assert_eq(memory.range[0].end, 128 * MIB);
    cr_assert_eq(memory.range[1].end, LOADER_MAPPED);
}

Test(loader, nodes_follow_each_other_across_the_hole_below_4_gib)
{
    static struct memory memory;
    const struct abi_bundle_node nodes[] = { { .bytes = GIB },
                                             { .bytes = 2 * GIB },
                                             { .bytes = 1 } };
    cr_assert(memory_add(&memory, MIB, 2 * GIB - MIB - 100 * ABI_PAGE_BYTES));
    cr_assert(memory_add(&memory, 4 * GIB, 2 * GIB));
    cr_assert(memory_split(&memory, nodes, 3));
    cr_assert_eq(memory.count, 4);
    const uint64_t end[] = { GIB, 2 * GIB - 100 * ABI_PAGE_BYTES, 5 * GIB, 6 * GIB };
    const unsigned node[] = { 0, 1, 1, 2 };
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(memory.range[i].end, end[i], "range %u ends at %#lx", i, memory.range[i].end);
        cr_expect_eq(memory.range[i].node, node[i]);
    }
}

#define PAGES 512
#define PAGE_AT(i) (LOADER_END + (uint64_t)(i)*ABI_PAGE_BYTES)

/* Is the list sorted, and does it hold exactly the pages of the map? */
static void same(const struct memory *memory, const bool *there)
{
    uint64_t last = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < memory->count; i++) {
        cr_assert(memory->range[i].base < memory->range[i].end && memory->range[i].base >= last);
        last = memory->range[i].end;
    }
    for (unsigned page = 0; page < PAGES; page++) {
        while (at < memory->count && memory->range[at].end <= PAGE_AT(page))
            at++;
        bool is = at < memory->count && memory->range[at].base <= PAGE_AT(page);
        cr_assert_eq(is, there[page], "page %u", page);
    }
}

Test(loader, whatever_is_added_and_taken_no_page_is_lost_or_given_twice)
{
    srand(1);
    for (unsigned round = 0; round < 200; round++) {
        static struct memory memory;
        bool there[PAGES] = { false };
        memset(&memory, 0, sizeof(memory));
        for (unsigned step = 0; step < 60; step++) {
            unsigned first = (unsigned)rand() % PAGES, count = 1 + (unsigned)rand() % 40;
            unsigned align = 1u << rand() % 5;
            if (first + count > PAGES)
                count = PAGES - first;
            uint64_t base = 0;
            switch (rand() % 4) {
            case 0:
                cr_assert(memory_add(&memory, PAGE_AT(first), (uint64_t)count * ABI_PAGE_BYTES));
                memset(there + first, true, count);
                break;
            case 1:
                cr_assert(memory_remove(&memory, PAGE_AT(first), PAGE_AT(first + count)));
                memset(there + first, false, count);
                break;
            default:
                base = (rand() % 2 ? memory_take_low : memory_take_high)(
                    &memory, 0, (uint64_t)count * ABI_PAGE_BYTES, align * ABI_PAGE_BYTES);
                if (base == 0)
                    break;
                cr_assert_eq(base % (align * ABI_PAGE_BYTES), 0);
                first = (unsigned)((base - LOADER_END) / ABI_PAGE_BYTES);
                for (unsigned i = first; i < first + count; i++) {
                    cr_assert(there[i], "page %u was taken twice", i);
                    there[i] = false;
                }
            }
            same(&memory, there);
        }
    }
}

Test(loader, too_many_pieces_are_refused)
{
    static struct memory memory;
    bool ok = true;
    for (unsigned i = 0; ok && i < 2 * MEMORY_MAX_RANGES; i++)
        ok = memory_add(&memory, PAGE_AT(2 * i), ABI_PAGE_BYTES);
    cr_assert(!ok);
    cr_assert_eq(memory.count, MEMORY_MAX_RANGES);
}

/* ---- bundles ---- */

#define BUNDLE_BYTES ((sizeof(struct abi_bundle) / ABI_PAGE_BYTES + 3) * ABI_PAGE_BYTES)

static struct abi_bundle *good_bundle(void)
{
    struct abi_bundle *bundle = aligned_alloc(ABI_PAGE_BYTES, BUNDLE_BYTES);
    memset(bundle, 0, BUNDLE_BYTES);
    bundle->magic = ABI_BUNDLE_MAGIC;
    bundle->version = ABI_BUNDLE_VERSION;
    bundle->bytes = BUNDLE_BYTES;
    bundle->core_count = 2;
    bundle->node_count = 1;
    bundle->node[0] = (struct abi_bundle_node){ 64 * MIB, 16 * MIB };
    bundle->file_count = 2;
    for (unsigned i = 0; i < 2; i++)
        bundle->file[i] = (struct abi_bundle_file){
            .offset = BUNDLE_BYTES - ABI_PAGE_BYTES,
            .bytes = 100,
            .line = sizeof(*bundle) + i,
            .flags = i == 0 ? ABI_BUNDLE_KERNEL : ABI_BUNDLE_INIT,
        };
    return bundle;
}

#define REFUSED(change)                                             \
    do {                                                            \
        struct abi_bundle *b = good_bundle();                       \
        cr_assert_null(bundle_check(b, BUNDLE_BYTES));              \
        change;                                                     \
        cr_expect_not_null(bundle_check(b, BUNDLE_BYTES), #change); \
        free(b);                                                    \
    } while (0)

Test(loader, a_bundle_that_lies_is_refused)
{
    REFUSED(b->magic++);
    REFUSED(b->version++);
    REFUSED(b->bytes = BUNDLE_BYTES + 1);
    REFUSED(b->bytes = 8);
    REFUSED(b->core_count = 0);
    REFUSED(b->core_count = ABI_MAX_CORES + 1);
    REFUSED(b->node_count = 0);
    REFUSED(b->node_count = ABI_MAX_NODES + 1);
    REFUSED(b->core_node[1] = 1);
    REFUSED(b->node[0].bytes = UINT64_MAX);
    REFUSED(b->node[0].window_bytes = 65 * MIB);
    REFUSED(b->node[0].window_bytes = 100);
    REFUSED(b->file_count = ABI_BUNDLE_MAX_FILES + 1);
    REFUSED(b->file_count = 1);
    REFUSED(b->file[0].offset = 1);
    REFUSED(b->file[0].offset = UINT64_MAX - ABI_PAGE_BYTES + 1);
    REFUSED(b->file[0].bytes = ABI_PAGE_BYTES + 1);
    REFUSED(b->file[0].bytes = UINT64_MAX);
    REFUSED(b->file[0].line = 3);
    REFUSED(b->file[0].line = (uint32_t)BUNDLE_BYTES);
    REFUSED(memset((char *)b + b->file[0].line, 'x', BUNDLE_BYTES - b->file[0].line));
    REFUSED(b->file[1].flags = 0);
    REFUSED(b->file[1].flags |= ABI_BUNDLE_KERNEL);
    struct abi_bundle *bundle = good_bundle();
    cr_assert_not_null(bundle_check(bundle, sizeof(*bundle) - 1));
    cr_assert_not_null(bundle_check((void *)((char *)bundle + 8), BUNDLE_BYTES - 8));
    free(bundle);
}

/* ---- programs ---- */

#define PROGRAM_BYTES 0x2000

/* Three segments as the linker lays them out, and something that is none. */
static void make_program(uint8_t *file)
{
    Elf64_Ehdr *header = (Elf64_Ehdr *)file;
    memset(file, 0, PROGRAM_BYTES);
    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = ELFCLASS64;
    header->e_type = ET_EXEC;
    header->e_machine = EM_X86_64;
    header->e_entry = 0x400000;
    header->e_phoff = sizeof(*header);
    header->e_phentsize = sizeof(Elf64_Phdr);
    header->e_phnum = 4;
    Elf64_Phdr *ph = (Elf64_Phdr *)(header + 1);
    ph[0] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0x1000, 0x400000, 0, 0x900, 0x900, 0x1000 };
    ph[1] = (Elf64_Phdr){ PT_NOTE, PF_R, 0x1900, 0x400900, 0, 0x20, 0x20, 4 };
    ph[2] = (Elf64_Phdr){ PT_LOAD, PF_R, 0x1a00, 0x401a00, 0, 0x100, 0x100, 0x1000 };
    ph[3] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, 0x1b00, 0x402b00, 0, 0x80, 0x5000, 0x1000 };
}

Test(loader, segments_are_whole_pages_with_the_contents_where_they_belong)
{
    static uint8_t file[PROGRAM_BYTES];
    struct program program;
    make_program(file);
    cr_assert_null(program_parse(&program, file, sizeof(file), 0x1000, GIB));
    cr_assert_eq(program.count, 3);
    cr_assert_eq(program.segment[1].vaddr, 0x401000);
    cr_assert_eq(program.segment[1].lead, 0xa00);
    cr_assert_eq(program.segment[1].bytes, 0x1000);
    cr_assert_eq(program.segment[2].bytes, 0x6000);
    cr_assert_eq(program.segment[2].flags, ABI_SEGMENT_R | ABI_SEGMENT_W);
    cr_assert_not_null(program_parse(&program, file, sizeof(file), 0x400001, GIB));
    cr_assert_not_null(program_parse(&program, file, sizeof(file), 0x1000, 0x407000));
    cr_assert_not_null(program_parse(&program, file, sizeof(file) - 0x500, 0x1000, GIB));
}

Test(loader, headers_that_are_damaged_give_no_segment_outside_the_file)
{
    const size_t bytes = PROGRAM_BYTES;
    uint8_t *good = malloc(bytes), *bad = malloc(bytes);
    make_program(good);
    srand(1);
    unsigned accepted = 0;
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(bad, good, bytes);
        for (unsigned i = 0; i < 1u + round % 4; i++)
            bad[(unsigned)rand() % 288] = (uint8_t)rand();
        struct program program;
        size_t cut = round % 3 == 0 ? (size_t)rand() % bytes : bytes;
        uint8_t *tight = malloc(cut + 1); /* so that a read behind the end is seen */
        memcpy(tight, bad, cut);
        if (program_parse(&program, tight, cut, 0, 1 * GIB) == NULL) {
            accepted++;
            for (unsigned i = 0; i < program.count; i++) {
                cr_assert(program.segment[i].file_offset <= cut);
                cr_assert(program.segment[i].file_bytes <= cut - program.segment[i].file_offset);
                cr_assert(program.segment[i].lead + program.segment[i].file_bytes <=
                          program.segment[i].bytes);
                cr_assert(program.segment[i].vaddr + program.segment[i].bytes <= 1 * GIB);
            }
        }
        free(tight);
    }
    free(good);
    free(bad);
    cr_assert(accepted > 1000 && accepted < 19000, "%u of 20000 were accepted", accepted);
}
