/* SPDX-License-Identifier: MIT
 *
 * The image loader with good, damaged and hostile files: every refusal names the file and the
 * reason.
 */
#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"
#include "machine/image.h"

#define MIN 0x400000ull
#define MAX 0x800000ull

static char path[64], text[512];
static struct machine_error error = { text, sizeof(text) };
static struct image image;

static void set_up(void)
{
    snprintf(path, sizeof(path), "/tmp/test-image-XXXXXX");
    close(mkstemp(path));
    text[0] = 0;
}

static void tear_down(void)
{
    remove(path);
    image_free(&image);
}

TestSuite(image, .init = set_up, .fini = tear_down);

static int load(void)
{
    image_free(&image);
    int r = image_read(&image, path, "menu.lst:3: ", &error);
    return r < 0 ? r : image_parse(&image, path, "menu.lst:3: ", MIN, MAX, &error);
}

static void expect_refusal(const char *reason)
{
    cr_assert_eq(load(), -ENOEXEC, "%s", text);
    cr_assert(strstr(text, reason), "%s", text);
    cr_assert(strstr(text, path), "the file is named: %s", text);
    cr_assert_eq(strncmp(text, "menu.lst:3: ", 12), 0, "the place is named: %s", text);
    cr_assert_null(strchr(text, '\n'));
}

static uint8_t code[5000];

static void write_good(void)
{
    const struct tiny_part parts[] = {
        { 0x400000, code, sizeof(code), 0, PF_R | PF_X },
        { 0x402000, code, 100, 0x3001, PF_R | PF_W },
    };
    memset(code, 0xab, sizeof(code));
    tiny_write_elf(path, 0x400010, parts, 2);
}

/* Overwrites bytes of the good file. */
static void patch(long offset, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "r+b");
    fseek(file, offset, SEEK_SET);
    fwrite(data, bytes, 1, file);
    fclose(file);
}

#define PATCH_EHDR(field, value)                                         \
    do {                                                                 \
        Elf64_Ehdr h_;                                                   \
        h_.field = (value);                                              \
        patch(offsetof(Elf64_Ehdr, field), &h_.field, sizeof(h_.field)); \
    } while (0)
#define PATCH_PHDR(index, field, value)                                                        \
    do {                                                                                       \
        Elf64_Phdr h_;                                                                         \
        h_.field = (value);                                                                    \
        patch((long)(sizeof(Elf64_Ehdr) + (index) * sizeof(h_) + offsetof(Elf64_Phdr, field)), \
              &h_.field, sizeof(h_.field));                                                    \
    } while (0)

Test(image, good_file_is_parsed_and_placed)
{
    write_good();
    cr_assert_eq(load(), 0, "%s", text);
    cr_assert_eq(image.entry, 0x400010);
    cr_assert_eq(image.segment_count, 2);
    cr_assert_eq(image.segment[0].flags, ABI_SEGMENT_R | ABI_SEGMENT_X);
    cr_assert_eq(image.segment[1].flags, ABI_SEGMENT_R | ABI_SEGMENT_W);
    cr_assert_eq(image_segment_bytes(&image.segment[0]), 0x2000);
    cr_assert_eq(image_segment_bytes(&image.segment[1]), 0x4000);
    static uint8_t page[0x4000];
    image_place(&image, &image.segment[1], page);
    cr_assert_eq(page[99], 0xab);
    cr_assert_eq(page[100], 0);
}

Test(image, segment_off_a_page_boundary_is_placed_where_it_belongs)
{
    write_good();
    PATCH_PHDR(1, p_vaddr, 0x402ff0);
    cr_assert_eq(load(), 0, "%s", text);
    cr_assert_eq(image_segment_base(&image.segment[1]), 0x402000);
    cr_assert_eq(image_segment_bytes(&image.segment[1]), 0x4000);
    static uint8_t page[0x4000];
    image_place(&image, &image.segment[1], page);
    cr_assert_eq(page[0xfef], 0);
    cr_assert_eq(page[0xff0], 0xab);
}

Test(image, missing_file_says_run_make)
{
    remove(path);
    cr_assert_eq(load(), -ENOENT);
    cr_assert(strstr(text, path) && strstr(text, "make"), "%s", text);
}

Test(image, folder_and_empty_and_text_files_are_refused)
{
    expect_refusal("is empty");
    patch(0, "#!/bin/sh\n", 10);
    expect_refusal("not an ELF file");
    image_free(&image);
    cr_assert_eq(image_read(&image, "/tmp", "", &error), -ENOEXEC);
    cr_assert(strstr(text, "/tmp is not a regular file"), "%s", text);
    /* a pipe that nobody writes to must not be waited for */
    remove(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_refusal("is not a regular file");
}

Test(image, unreadable_file_says_why)
{
    if (geteuid() == 0) {
        tear_down(); /* not called for a test that is skipped */
        cr_skip_test("root reads everything");
    }
    write_good();
    chmod(path, 0);
    cr_assert_eq(load(), -EACCES);
    cr_assert(strstr(text, "Permission denied"));
}

Test(image, other_machines_and_kinds_are_refused)
{
    write_good();
    PATCH_EHDR(e_machine, EM_AARCH64);
    expect_refusal("not for x86-64");
    PATCH_EHDR(e_machine, EM_X86_64);
    PATCH_EHDR(e_type, ET_DYN);
    expect_refusal("link it static");
    PATCH_EHDR(e_type, ET_REL);
    expect_refusal("not an executable");
    PATCH_EHDR(e_type, ET_EXEC);
    const uint8_t class32 = ELFCLASS32;
    patch(EI_CLASS, &class32, 1);
    expect_refusal("x86-64");
}

Test(image, dynamic_programs_are_refused)
{
    write_good();
    PATCH_PHDR(1, p_type, PT_INTERP);
    expect_refusal("dynamically linked");
    PATCH_PHDR(1, p_type, PT_DYNAMIC);
    expect_refusal("dynamically linked");
}

Test(image, segments_outside_the_file_are_refused)
{
    write_good();
    PATCH_PHDR(1, p_offset, 1ull << 40);
    expect_refusal("outside the file");
    PATCH_PHDR(1, p_offset, UINT64_MAX - 4);
    expect_refusal("outside the file");
    write_good();
    PATCH_PHDR(0, p_filesz, 1ull << 30);
    PATCH_PHDR(0, p_memsz, 1ull << 30);
    expect_refusal("outside the file");
    write_good();
    PATCH_PHDR(0, p_filesz, UINT64_MAX);
    PATCH_PHDR(0, p_memsz, UINT64_MAX);
    expect_refusal("outside the file");
    write_good();
    PATCH_PHDR(1, p_filesz, 0x3002);
    expect_refusal("larger in the file than in memory");
}

Test(image, segments_outside_the_address_range_are_refused)
{
    write_good();
    PATCH_PHDR(1, p_vaddr, MAX);
    expect_refusal("outside the address range");
    PATCH_PHDR(1, p_vaddr, MAX - 0x1000);
    expect_refusal("outside the address range");
    PATCH_PHDR(1, p_vaddr, MIN - 0x4000);
    expect_refusal("outside the address range");
    PATCH_PHDR(1, p_vaddr, UINT64_MAX - 0x100);
    expect_refusal("outside the address range");
    write_good();
    PATCH_PHDR(1, p_memsz, UINT64_MAX - 10);
    expect_refusal("outside the address range");
}

Test(image, segments_that_share_a_page_are_refused)
{
    write_good();
    PATCH_PHDR(1, p_vaddr, 0x401800);
    expect_refusal("share a page");
    PATCH_PHDR(1, p_vaddr, 0x400000);
    expect_refusal("share a page");
}

Test(image, entry_outside_the_code_is_refused)
{
    write_good();
    PATCH_EHDR(e_entry, 0x402000); /* data */
    expect_refusal("entry point");
    PATCH_EHDR(e_entry, 0);
    expect_refusal("entry point");
    write_good();
    PATCH_PHDR(0, p_type, PT_NOTE);
    expect_refusal("entry point");
}

Test(image, damaged_program_header_tables_are_refused)
{
    write_good();
    PATCH_EHDR(e_phoff, 1ull << 50);
    expect_refusal("");
    PATCH_EHDR(e_phoff, UINT64_MAX - 8);
    expect_refusal("");
    write_good();
    PATCH_EHDR(e_phnum, 0);
    expect_refusal("entry point");
}

Test(image, too_many_segments_are_refused)
{
    struct tiny_part parts[ABI_BOOT_MAX_SEGMENTS + 1];
    for (unsigned i = 0; i <= ABI_BOOT_MAX_SEGMENTS; i++)
        parts[i] = (struct tiny_part){ 0x400000 + i * 0x1000, code, 16, 0, PF_R | PF_X };
    tiny_write_elf(path, 0x400000, parts, ABI_BOOT_MAX_SEGMENTS);
    cr_assert_eq(load(), 0, "%s", text);
    image_free(&image);
    tiny_write_elf(path, 0x400000, parts, ABI_BOOT_MAX_SEGMENTS + 1);
    expect_refusal("too many segments");
}

/* Cut at every length and with every header byte damaged: never more than an error. */
Test(image, truncated_and_damaged_files_never_crash)
{
    write_good();
    for (off_t length = 0; length < 300; length++) {
        write_good();
        cr_assert_eq(truncate(path, length), 0);
        cr_assert_lt(load(), 0);
        image_free(&image);
    }
    for (long at = 0; at < (long)(sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr)); at++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            write_good();
            FILE *file = fopen(path, "r+b");
            fseek(file, at, SEEK_SET);
            int byte = fgetc(file) ^ 1 << bit;
            fseek(file, at, SEEK_SET);
            fputc(byte, file);
            fclose(file);
            if (load() == 0) {
                for (unsigned i = 0; i < image.segment_count; i++) {
                    uint8_t *page = calloc(1, image_segment_bytes(&image.segment[i]));
                    image_place(&image, &image.segment[i], page);
                    free(page);
                }
            }
            image_free(&image);
        }
    }
}
