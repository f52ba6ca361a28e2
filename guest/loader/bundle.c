/* SPDX-License-Identifier: MIT
 *
 * Checks of what comes from outside: the bundle, and the programs in it.  Nothing is used that was
 * not checked here; all sums are made so that they cannot wrap around.
 */
#include "loader.h"

#define PAGE ABI_PAGE_BYTES

/* As much of ELF as is looked at. */
#define ELF_MAGIC 0x464c457f
#define ELF_CLASS_64 2
#define ELF_STATIC_PROGRAM 2
#define ELF_X86_64 62
#define ELF_LOAD 1
#define ELF_X 1
#define ELF_W 2
#define ELF_R 4
struct elf_header {
    uint32_t magic;
    uint8_t class, rest[11];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static const char *check_line(const struct abi_bundle *bundle, uint32_t line)
{
    if (line < sizeof(*bundle) || line >= bundle->bytes)
        return "a line lies outside";
    for (uint64_t i = line; i < bundle->bytes && i - line < ABI_BUNDLE_MAX_LINE; i++)
        if (((const char *)bundle)[i] == '\0')
            return NULL;
    return "a line has no end";
}

static const char *check_files(const struct abi_bundle *bundle)
{
    unsigned kernels = 0, inits = 0;
    for (unsigned i = 0; i < bundle->file_count; i++) {
        const struct abi_bundle_file *file = &bundle->file[i];
        if (file->offset % PAGE != 0 || file->offset > bundle->bytes ||
            file->bytes > bundle->bytes - file->offset)
            return "a file lies outside";
        const char *wrong = check_line(bundle, file->line);
        if (wrong != NULL)
            return wrong;
        kernels += (file->flags & ABI_BUNDLE_KERNEL) != 0;
        inits += (file->flags & ABI_BUNDLE_INIT) != 0;
    }
    return kernels != 1 ? "it needs one CPU driver" : inits != 1 ? "it needs one init" : NULL;
}

const char *bundle_check(const struct abi_bundle *bundle, uint64_t bytes)
{
    if ((uint64_t)bundle % PAGE != 0)
        return "it lies on no page";
    if (bytes < sizeof(*bundle) || bundle->magic != ABI_BUNDLE_MAGIC)
        return "it is none";
    if (bundle->version != ABI_BUNDLE_VERSION)
        return "it is of another version";
    if (bundle->bytes < sizeof(*bundle) || bundle->bytes > bytes)
        return "it is cut off";
    if (bundle->core_count == 0 || bundle->core_count > ABI_MAX_CORES)
        return "its number of cores is wrong";
    if (bundle->node_count == 0 || bundle->node_count > ABI_MAX_NODES)
        return "its number of nodes is wrong";
    for (unsigned i = 0; i < bundle->core_count; i++)
        if (bundle->core_node[i] >= bundle->node_count)
            return "a core is of no node";
    for (unsigned i = 0; i < bundle->node_count; i++)
        if (bundle->node[i].bytes > ABI_RAM_LIMIT || bundle->node[i].window_bytes % PAGE != 0 ||
            bundle->node[i].window_bytes > bundle->node[i].bytes)
            return "the memory of a node is wrong";
    if (bundle->file_count > ABI_BUNDLE_MAX_FILES)
        return "it has too many files";
    return check_files(bundle);
}

void bundle_files(struct boot_files *files, const struct abi_bundle *bundle)
{
    files->count = bundle->file_count;
    for (unsigned i = 0; i < files->count; i++) {
        files->file[i].base = (uint64_t)bundle + bundle->file[i].offset;
        files->file[i].bytes = bundle->file[i].bytes;
        files->file[i].line = (const char *)bundle + bundle->file[i].line;
        files->file[i].flags = bundle->file[i].flags;
    }
}

static const char *add_segment(struct program *program, const struct elf_segment *ph,
                               uint64_t bytes, uint64_t vaddr_min, uint64_t vaddr_max)
{
    if (program->count == ABI_BOOT_MAX_SEGMENTS)
        return "it has too many segments";
    if (ph->filesz > ph->memsz || ph->offset > bytes || ph->filesz > bytes - ph->offset)
        return "a segment lies outside the file";
    if (ph->vaddr < vaddr_min || ph->memsz > vaddr_max - vaddr_min ||
        ph->vaddr - vaddr_min > vaddr_max - vaddr_min - ph->memsz)
        return "a segment lies where it must not";
    const uint64_t lead = ph->vaddr % PAGE, base = ph->vaddr - lead;
    if (program->count > 0) {
        const uint64_t last =
            program->segment[program->count - 1].vaddr + program->segment[program->count - 1].bytes;
        if (base < last)
            return "two segments overlap";
    }
    uint64_t flags = 0;
    flags |= ph->flags & ELF_R ? ABI_SEGMENT_R : 0;
    flags |= ph->flags & ELF_W ? ABI_SEGMENT_W : 0;
    flags |= ph->flags & ELF_X ? ABI_SEGMENT_X : 0;
    program->segment[program->count].vaddr = base;
    program->segment[program->count].bytes = (lead + ph->memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    program->segment[program->count].lead = lead;
    program->segment[program->count].file_offset = ph->offset;
    program->segment[program->count].file_bytes = ph->filesz;
    program->segment[program->count].flags = flags;
    program->count++;
    return NULL;
}

const char *program_parse(struct program *program, const uint8_t *file, uint64_t bytes,
                          uint64_t vaddr_min, uint64_t vaddr_max)
{
    struct elf_header header;
    program->count = 0;
    if (bytes < sizeof(header))
        return "it is too short";
    memcpy(&header, file, sizeof(header));
    if (header.magic != ELF_MAGIC || header.class != ELF_CLASS_64 || header.machine != ELF_X86_64 ||
        header.type != ELF_STATIC_PROGRAM || header.phentsize != sizeof(struct elf_segment))
        return "it is no static program for x86-64";
    if (header.phoff > bytes || header.phnum > (bytes - header.phoff) / sizeof(struct elf_segment))
        return "its headers lie outside the file";
    program->entry = header.entry;
    for (unsigned i = 0; i < header.phnum; i++) {
        struct elf_segment ph;
        memcpy(&ph, file + header.phoff + i * sizeof(ph), sizeof(ph));
        if (ph.type != ELF_LOAD || ph.memsz == 0)
            continue;
        const char *wrong = add_segment(program, &ph, bytes, vaddr_min, vaddr_max);
        if (wrong != NULL)
            return wrong;
    }
    return program->count == 0 ? "it has no segments" : NULL;
}
