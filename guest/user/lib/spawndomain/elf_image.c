/* SPDX-License-Identifier: MIT
 *
 * Reading an ELF64 program file.
 *
 * Only the file header and the program headers matter; sections, symbols and relocations are for
 * others.  The file may come from anywhere, so every number is checked before it is used, without
 * arithmetic that can overflow.  PT_TLS needs no care: the C run-time finds its template by symbols
 * of the linker script.
 */
#include <spawndomain/elf_image.h>
#include <string.h>

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF64 header");

struct elf_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_phdr) == 56, "ELF64 program header");

enum {
    ELFCLASS64 = 2,
    ELFDATA2LSB = 1,
    ET_EXEC = 2,
    EM_X86_64 = 62,
    PT_LOAD = 1,
    PT_DYNAMIC = 2,
    PT_INTERP = 3,
};

static errval_t invalid(const char **why, const char *text)
{
    if (why != NULL)
        *why = text;
    return SPAWN_ERR_ELF_INVALID;
}

static const char *check_header(const struct elf_header *header, uint64_t visible)
{
    static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };
    if (memcmp(header->ident, magic, sizeof(magic)) != 0)
        return "not an ELF file";
    if (header->ident[4] != ELFCLASS64 || header->ident[5] != ELFDATA2LSB ||
        header->machine != EM_X86_64)
        return "not for x86-64";
    if (header->type != ET_EXEC)
        return "not statically linked at a fixed address (link with -static -no-pie)";
    if (header->phentsize != sizeof(struct elf_phdr) || header->phnum == 0)
        return "no program headers";
    if (header->phoff > visible ||
        header->phnum > (visible - header->phoff) / sizeof(struct elf_phdr))
        return "program headers lie outside the file's first part";
    return NULL;
}

static const char *add_segment(struct elf_image *image, const struct elf_phdr *phdr,
                               uint64_t file_bytes, uint64_t vmin, uint64_t vmax)
{
    const uint64_t mask = ELF_IMAGE_PAGE - 1;
    if (phdr->filesz > phdr->memsz || phdr->offset > file_bytes ||
        phdr->filesz > file_bytes - phdr->offset)
        return "a segment lies outside the file";
    if (phdr->vaddr < vmin || phdr->vaddr > vmax || phdr->memsz > vmax - phdr->vaddr)
        return "a segment lies outside the addresses for programs";
    unsigned flags = phdr->flags & (ELF_SEGMENT_X | ELF_SEGMENT_W | ELF_SEGMENT_R);
    if ((flags & ELF_SEGMENT_X) && (flags & ELF_SEGMENT_W))
        return "a segment may be written and executed";
    if (image->segment_count == ELF_IMAGE_MAX_SEGMENTS)
        return "too many segments";

    struct elf_segment *segment = &image->segment[image->segment_count++];
    *segment = (struct elf_segment){ .vaddr = phdr->vaddr & ~mask,
                                     .lead = phdr->vaddr & mask,
                                     .file_offset = phdr->offset,
                                     .file_bytes = phdr->filesz,
                                     .flags = flags };
    segment->bytes = (segment->lead + phdr->memsz + mask) & ~mask;
    if (phdr->filesz > 0 && phdr->offset + phdr->filesz > image->file_end)
        image->file_end = phdr->offset + phdr->filesz;
    return NULL;
}

static void sort_segments(struct elf_image *image)
{
    for (unsigned i = 1; i < image->segment_count; i++)
        for (unsigned j = i; j > 0 && image->segment[j].vaddr < image->segment[j - 1].vaddr; j--) {
            struct elf_segment other = image->segment[j];
            image->segment[j] = image->segment[j - 1];
            image->segment[j - 1] = other;
        }
}

errval_t elf_image_parse(const void *file, uint64_t visible, uint64_t file_bytes, uint64_t vmin,
                         uint64_t vmax, struct elf_image *ret, const char **why)
{
    struct elf_header header;
    if (visible > file_bytes)
        visible = file_bytes;
    if (visible < sizeof(header))
        return invalid(why, "too short");
    memcpy(&header, file, sizeof(header));
    const char *fault = check_header(&header, visible);
    if (fault != NULL)
        return invalid(why, fault);

    struct elf_image image = { .entry = header.entry };
    for (unsigned i = 0; i < header.phnum; i++) {
        struct elf_phdr phdr;
        memcpy(&phdr, (const char *)file + header.phoff + i * sizeof(phdr), sizeof(phdr));
        if (phdr.type == PT_DYNAMIC || phdr.type == PT_INTERP)
            return invalid(why, "dynamically linked");
        if (phdr.type != PT_LOAD || phdr.memsz == 0)
            continue;
        fault = add_segment(&image, &phdr, file_bytes, vmin, vmax);
        if (fault != NULL)
            return invalid(why, fault);
    }
    if (image.segment_count == 0)
        return invalid(why, "nothing to load");

    sort_segments(&image);
    bool entry_found = false;
    for (unsigned i = 0; i < image.segment_count; i++) {
        const struct elf_segment *segment = &image.segment[i];
        if (i > 0 && segment->vaddr < segment[-1].vaddr + segment[-1].bytes)
            return invalid(why, "two segments share a page");
        entry_found =
            entry_found || ((segment->flags & ELF_SEGMENT_X) && image.entry >= segment->vaddr &&
                            image.entry - segment->vaddr < segment->bytes);
    }
    if (!entry_found)
        return invalid(why, "the entry point is not in code");
    image.vbase = image.segment[0].vaddr;
    const struct elf_segment *last = &image.segment[image.segment_count - 1];
    image.vlimit = last->vaddr + last->bytes;
    *ret = image;
    return SYS_ERR_OK;
}

bool elf_segment_is_shareable(const struct elf_segment *segment)
{
    return !(segment->flags & ELF_SEGMENT_W) &&
           segment->file_offset % ELF_IMAGE_PAGE == segment->lead &&
           segment->bytes - ((segment->lead + segment->file_bytes + ELF_IMAGE_PAGE - 1) &
                             ~(uint64_t)(ELF_IMAGE_PAGE - 1)) ==
               0;
}
