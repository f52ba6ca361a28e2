/* SPDX-License-Identifier: MIT
 *
 * Symbols of ELF files and the names of trace records, from a file made here section by section.
 */
#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"
#include "machine/symbols.h"

/* clang-format off */
GUEST(nothing, "hlt\n");
/* clang-format on */

#define TEXT_VADDR 0x400000ull
#define DATA_VADDR 0x500000ull

static const char data[] = "0=INVOKE\0007=SEVEN\0\0" /* 0, 18 bytes */
                           "Null\0Memory\0CNode\0\0" /* 18 */
                           "Memory=Store\0\0"        /* 37 */
                           "CNode:3=Delete\0002:1=Mint\0Store:4=Fetch\0broken\0Nope:1=X\0"; /* 51 */
static const char names[] = "\0entry\0label\0last\0trace_syscall_names\0trace_type_names\0"
                            "trace_command_names\0constant\0undefined\0trace_kind_names\0";

enum {
    NAME_ENTRY = 1,
    NAME_LABEL = 7,
    NAME_LAST = 13,
    NAME_SYSCALLS = 18,
    NAME_TYPES = 38,
    NAME_COMMANDS = 55,
    NAME_CONSTANT = 75,
    NAME_UNDEFINED = 84,
    NAME_KINDS = 94
};

static const Elf64_Sym symbols[] = {
    { 0 },
    { NAME_LABEL, STT_NOTYPE, 0, 1, TEXT_VADDR + 0x100, 0 },
    { NAME_ENTRY, STT_FUNC, 0, 1, TEXT_VADDR, 16 },
    { NAME_LAST, STT_FUNC, 0, 1, TEXT_VADDR + 0x200, 32 },
    { NAME_SYSCALLS, STT_OBJECT, 0, 2, DATA_VADDR, 18 },
    { NAME_TYPES, STT_OBJECT, 0, 2, DATA_VADDR + 18, 19 },
    { NAME_KINDS, STT_OBJECT, 0, 2, DATA_VADDR + 37, 14 },
    { NAME_COMMANDS, STT_OBJECT, 0, 2, DATA_VADDR + 51, sizeof(data) - 51 },
    { NAME_CONSTANT, STT_NOTYPE, 0, SHN_ABS, TEXT_VADDR + 0x108, 0 },
    { NAME_UNDEFINED, STT_NOTYPE, 0, SHN_UNDEF, TEXT_VADDR + 0x108, 0 },
};

/* Appends the section headers and what they describe to an ELF file. */
static void add_sections(const char *path)
{
    static const Elf64_Shdr null_section;
    FILE *file = fopen(path, "r+b");
    fseek(file, 0, SEEK_END);
    uint64_t at = ((uint64_t)ftell(file) + 63) / 64 * 64;
    const Elf64_Shdr sections[] = {
        null_section,
        { .sh_type = SHT_PROGBITS, .sh_addr = TEXT_VADDR, .sh_offset = 4096, .sh_size = 0x300 },
        { .sh_type = SHT_PROGBITS,
          .sh_addr = DATA_VADDR,
          .sh_offset = at,
          .sh_size = sizeof(data) },
        { .sh_type = SHT_STRTAB, .sh_offset = at + 128, .sh_size = sizeof(names) },
        { .sh_type = SHT_SYMTAB,
          .sh_offset = at + 256,
          .sh_size = sizeof(symbols),
          .sh_link = 3,
          .sh_entsize = sizeof(symbols[0]),
          .sh_addralign = 8 },
    };
    _Static_assert(sizeof(data) <= 128 && sizeof(names) <= 128, "room");
    fseek(file, (long)at, SEEK_SET);
    fwrite(data, sizeof(data), 1, file);
    fseek(file, (long)at + 128, SEEK_SET);
    fwrite(names, sizeof(names), 1, file);
    fseek(file, (long)at + 256, SEEK_SET);
    fwrite(symbols, sizeof(symbols), 1, file);
    const uint64_t table = at + 1024;
    fseek(file, (long)table, SEEK_SET);
    fwrite(sections, sizeof(sections), 1, file);
    Elf64_Ehdr eh;
    fseek(file, 0, SEEK_SET);
    if (fread(&eh, sizeof(eh), 1, file) != 1)
        abort();
    eh.e_shoff = table;
    eh.e_shentsize = sizeof(Elf64_Shdr);
    eh.e_shnum = 5;
    eh.e_shstrndx = 3;
    fseek(file, 0, SEEK_SET);
    fwrite(&eh, sizeof(eh), 1, file);
    fclose(file);
}

static char path[64];
static struct symbol_cache *cache;

static void set_up(void)
{
    static const uint8_t code[0x300];
    snprintf(path, sizeof(path), "/tmp/test-symbols-XXXXXX");
    close(mkstemp(path));
    const struct tiny_part part = { TEXT_VADDR, code, sizeof(code), 0, PF_R | PF_X };
    tiny_write_elf(path, TEXT_VADDR, &part, 1);
    add_sections(path);
    cache = symbol_cache_new();
}

static void tear_down(void)
{
    symbol_cache_free(cache);
    remove(path);
}

TestSuite(symbols, .init = set_up, .fini = tear_down);

static void expect(uint64_t vaddr, const char *name, uint64_t offset)
{
    const char *found = NULL;
    uint64_t at = 0;
    bool ok = symbol_lookup(cache, path, vaddr, &found, &at);
    cr_assert_eq(ok, name != NULL, "0x%lx: %s", vaddr, ok ? found : "nothing");
    if (name) {
        cr_assert_str_eq(found, name);
        cr_assert_eq(at, offset);
    }
}

Test(symbols, addresses_are_found_in_the_symbol_that_holds_them)
{
    expect(TEXT_VADDR - 1, NULL, 0);
    expect(TEXT_VADDR, "entry", 0);
    expect(TEXT_VADDR + 15, "entry", 15);
    expect(TEXT_VADDR + 16, NULL, 0);
    expect(TEXT_VADDR + 0x100, "label", 0);
    expect(TEXT_VADDR + 0x1ff, "label", 0xff); /* no size: up to the next, constants do not count */
    expect(TEXT_VADDR + 0x200, "last", 0);
    expect(TEXT_VADDR + 0x220, NULL, 0);
    expect(UINT64_MAX, NULL, 0);
    expect(0, NULL, 0);
}

Test(symbols, files_that_are_missing_or_no_elf_have_no_symbols)
{
    const char *name;
    uint64_t offset;
    cr_assert_not(symbol_lookup(cache, "/nonexistent", TEXT_VADDR, &name, &offset));
    cr_assert_not(symbol_lookup(cache, "/etc/passwd", TEXT_VADDR, &name, &offset));
    cr_assert_not(symbol_lookup(cache, "/tmp", TEXT_VADDR, &name, &offset));
}

Test(symbols, contents_are_read_up_to_the_limit)
{
    size_t bytes;
    char *text = symbol_contents(path, "trace_syscall_names", 1000, &bytes);
    cr_assert_eq(bytes, 18);
    cr_assert_eq(memcmp(text, data, 18), 0);
    free(text);
    text = symbol_contents(path, "trace_syscall_names", 3, &bytes);
    cr_assert_eq(bytes, 3);
    free(text);
    cr_assert_null(symbol_contents(path, "nothing", 1000, &bytes));
    cr_assert_eq(bytes, 0);
}

Test(symbols, damaged_tables_never_crash)
{
    FILE *file = fopen(path, "rb");
    static uint8_t good[8192];
    size_t bytes = fread(good, 1, sizeof(good), file);
    fclose(file);
    cr_assert_gt(bytes, 5000);
    for (size_t at = 4096 + 0x300; at < bytes; at += 3) {
        file = fopen(path, "wb");
        good[at] ^= 0xff;
        fwrite(good, 1, bytes, file);
        good[at] ^= 0xff;
        fclose(file);
        struct symbol_cache *fresh = symbol_cache_new();
        const char *name;
        uint64_t offset;
        (void)symbol_lookup(fresh, path, TEXT_VADDR + 4, &name, &offset);
        size_t length;
        free(symbol_contents(path, "trace_type_names", 100, &length));
        symbol_cache_free(fresh);
    }
}

Test(symbols, trace_records_use_the_names_of_the_kernel_file)
{
    static struct tiny t;
    tiny_init(&t, 1, nothing_start, nothing_end, NULL);
    char kernel[128];
    snprintf(kernel, sizeof(kernel), "%s/boot/cpu", t.dir);
    add_sections(kernel);
    char error[256];
    cr_assert_eq(machine_create(&t.machine, &t.config, error, sizeof(error)), 0, "%s", error);
    static const struct {
        uint64_t what;
        const char *text;
    } cases[] = {
        { 7 << 8, "syscall SEVEN cptr 0x0 (-)" },
        { 6 << 8, "syscall #6 cptr 0x0 (-)" },
        { 2 << 16 | 3 << 24, "syscall INVOKE CNode.Delete cptr 0x0 (-)" },
        { 2 << 16 | 1 << 24 | 5ull << 32, "syscall INVOKE CNode.Mint cptr 0x5 (-)" },
        { 1 << 16 | 4 << 24, "syscall INVOKE Memory.Fetch cptr 0x0 (-)" }, /* as its kind */
        { 1 << 16 | 9 << 24, "syscall INVOKE Memory.9 cptr 0x0 (-)" },
        { 200 << 16, "syscall INVOKE type 200.0 cptr 0x0 (-)" },
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        struct abi_trace_record record = { ABI_TRACE_SYSCALL | cases[i].what, 0 };
        machine_trace_text(t.machine, &record, text, sizeof(text));
        cr_assert_str_eq(text, cases[i].text);
    }
    tiny_free(&t);
}

/* A dispatcher is called what the guest likes: the name picks a line of the menu, or nothing. */
Test(machine_symbols, names_of_the_guest_are_no_paths, .timeout = 60)
{
    static struct tiny t;
    char fifo[128], text[128];
    tiny_init(&t, 1, nothing_start, nothing_end, NULL);
    snprintf(fifo, sizeof(fifo), "%s/fifo", t.dir);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cr_assert_eq(machine_create(&t.machine, &t.config, t.error, sizeof(t.error)), 0, "%s", t.error);
    /* whoever opened the pipe to read it would wait for ever */
    cr_expect_not(machine_symbol(t.machine, "../fifo", 0x400000, text, sizeof(text)));
    cr_expect_str_eq(text, "../fifo!0x400000");
    cr_expect_not(machine_symbol(t.machine, "fifo", 0x400000, text, sizeof(text)));
    cr_expect_not(machine_symbol(t.machine, "", 0x400000, text, sizeof(text)));
    cr_expect_not(machine_symbol(t.machine, "init", 0x400000, text, sizeof(text)), "it has none");
    /* nor is a pipe read that took the place of an image */
    snprintf(text, sizeof(text), "%s/sbin/init", t.dir);
    cr_assert_eq(rename(fifo, text), 0);
    cr_expect_not(machine_symbol(t.machine, "init", 0x400000, text, sizeof(text)));
    tiny_free(&t);
}

Test(symbols, a_file_that_is_none_has_no_symbols, .timeout = 60)
{
    remove(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect(TEXT_VADDR, NULL, 0);
}
