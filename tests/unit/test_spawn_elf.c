/* SPDX-License-Identifier: MIT
 *
 * Reading program files: a good one built here byte by byte, then each way to be a bad one.
 */
/* link: guest/user/lib/spawndomain/elf_image.c */
#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>

#include <spawndomain/elf_image.h>

#define VMIN 0x400000ull
#define VMAX 0x7000000000ull

static union {
    uint8_t bytes[0x6000];
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr phdr[10];
    };
} file;
static struct elf_image image;
static const char *why;

/* Headers and constants (R), code (RX), data with zeroes after it (RW). */
static void good(void)
{
    memset(&file, 0, sizeof(file));
    file.header = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
                                .e_type = ET_EXEC,
                                .e_machine = EM_X86_64,
                                .e_version = 1,
                                .e_entry = 0x401010,
                                .e_phoff = 64,
                                .e_phentsize = 56,
                                .e_phnum = 4 };
    file.phdr[0] = (Elf64_Phdr){ PT_LOAD, PF_R, 0, 0x400000, 0, 0x800, 0x800, 4096 };
    file.phdr[1] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0x1000, 0x401000, 0, 0x1234, 0x1234, 4096 };
    file.phdr[2] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, 0x3ff0, 0x403ff0, 0, 0x20, 0x3000, 4096 };
    file.phdr[3] = (Elf64_Phdr){ PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16 };
}

static errval_t parse(void)
{
    why = "";
    return elf_image_parse(&file, sizeof(file), sizeof(file), VMIN, VMAX, &image, &why);
}

Test(spawn_elf, a_good_file_is_understood)
{
    good();
    cr_assert_eq(parse(), SYS_ERR_OK, "%s", why);
    cr_assert_eq(image.entry, 0x401010);
    cr_assert_eq(image.segment_count, 3);
    cr_assert_eq(image.vbase, 0x400000);
    cr_assert_eq(image.vlimit, 0x407000);
    cr_assert_eq(image.file_end, 0x4010);
    const struct elf_segment *data = &image.segment[2];
    cr_assert_eq(data->vaddr, 0x403000);
    cr_assert_eq(data->lead, 0xff0);
    cr_assert_eq(data->bytes, 0x4000);
    cr_assert_eq(data->file_bytes, 0x20);
    cr_assert_eq(data->flags, ELF_SEGMENT_R | ELF_SEGMENT_W);
}

Test(spawn_elf, only_read_only_aligned_full_segments_are_shared)
{
    good();
    cr_assert_eq(parse(), SYS_ERR_OK);
    cr_assert(elf_segment_is_shareable(&image.segment[0]));
    cr_assert(elf_segment_is_shareable(&image.segment[1]));
    cr_assert_not(elf_segment_is_shareable(&image.segment[2]), "written");
    file.phdr[1].p_offset = 0x1010;
    cr_assert_eq(parse(), SYS_ERR_OK);
    cr_assert_not(elf_segment_is_shareable(&image.segment[1]), "not aligned alike");
    good();
    file.phdr[1].p_filesz = 0x800;
    cr_assert_eq(parse(), SYS_ERR_OK);
    cr_assert_not(elf_segment_is_shareable(&image.segment[1]), "a page of zeroes");
}

Test(spawn_elf, segments_are_sorted)
{
    good();
    Elf64_Phdr first = file.phdr[0];
    file.phdr[0] = file.phdr[2];
    file.phdr[2] = first;
    cr_assert_eq(parse(), SYS_ERR_OK, "%s", why);
    cr_assert_eq(image.segment[0].vaddr, 0x400000);
    cr_assert_eq(image.segment[2].vaddr, 0x403000);
}

#define REFUSED(change, text)                                              \
    do {                                                                   \
        good();                                                            \
        change;                                                            \
        memset(&image, 0xee, sizeof(image));                               \
        cr_assert_eq(parse(), SPAWN_ERR_ELF_INVALID, #change);             \
        cr_assert(strstr(why, text) != NULL, #change ": %s", why);         \
        cr_assert_eq(image.segment_count, 0xeeeeeeee, "result untouched"); \
    } while (0)

Test(spawn_elf, bad_files_are_refused_and_say_why)
{
    REFUSED(file.bytes[0] = 0, "not an ELF");
    REFUSED(file.header.e_ident[EI_CLASS] = ELFCLASS32, "x86-64");
    REFUSED(file.header.e_machine = EM_AARCH64, "x86-64");
    REFUSED(file.header.e_type = ET_DYN, "fixed address");
    REFUSED(file.header.e_phnum = 0, "program headers");
    REFUSED(file.header.e_phoff = UINT64_MAX - 8, "program headers");
    REFUSED(file.header.e_phnum = 0xffff, "program headers");
    REFUSED(file.phdr[3].p_type = PT_INTERP, "dynamically");
    REFUSED(file.phdr[1].p_filesz = UINT64_MAX, "outside the file");
    REFUSED(file.phdr[1].p_offset = UINT64_MAX, "outside the file");
    REFUSED(file.phdr[2].p_memsz = 0x10, "outside the file");
    REFUSED(file.phdr[2].p_memsz = UINT64_MAX, "outside the addresses");
    REFUSED(file.phdr[0].p_vaddr = 0x1000, "outside the addresses");
    REFUSED(file.phdr[1].p_flags |= PF_W, "written and executed");
    REFUSED(file.phdr[2].p_vaddr = 0x402ff0, "share a page");
    REFUSED(file.header.e_entry = 0x403ff0, "entry point");
    REFUSED(file.header.e_entry = 0, "entry point");
    REFUSED(file.phdr[0].p_type = file.phdr[1].p_type = file.phdr[2].p_type = PT_NOTE, "nothing");
}

Test(spawn_elf, short_and_partly_visible_files)
{
    good();
    cr_assert_eq(elf_image_parse(&file, 63, 63, VMIN, VMAX, &image, &why), SPAWN_ERR_ELF_INVALID);
    cr_assert_eq(elf_image_parse(&file, 200, sizeof(file), VMIN, VMAX, &image, &why),
                 SPAWN_ERR_ELF_INVALID, "headers not visible");
    cr_assert_eq(elf_image_parse(&file, 4096, sizeof(file), VMIN, VMAX, &image, NULL), SYS_ERR_OK);
}

Test(spawn_elf, more_segments_than_fit_are_refused)
{
    good();
    file.header.e_phnum = 9;
    for (unsigned i = 0; i < 9; i++)
        file.phdr[i] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0,      0x400000 + i * 0x2000ull,
                                     0,       0x1000,      0x1000, 4096 };
    cr_assert_eq(parse(), SPAWN_ERR_ELF_INVALID);
    cr_assert(strstr(why, "too many") != NULL);
}
