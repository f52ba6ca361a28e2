/* SPDX-License-Identifier: MIT
 *
 * Reads and checks the ELF images of the guest.
 *
 * The headers are read with libelf, which knows the format; whether the numbers in them make sense
 * (inside the file, inside the address range, no overlap) is checked here, because a file may be
 * damaged or not meant for this machine at all.  Everything is checked in image_parse(), so that
 * image_place() cannot fail.  Nothing here may trust a size or an offset from the file before it
 * was compared with the file's real length.
 */
#include "machine/image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int machine_fail(struct machine_error *error, int code, const char *format, ...)
{
    assert(code < 0);
    va_list list;
    va_start(list, format);
    if (error && error->bytes > 0)
        vsnprintf(error->text, error->bytes, format, list);
    va_end(list);
    return code;
}

static int read_all(int fd, uint8_t *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = read(fd, to + done, bytes - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* the file shrank while we read */
        done += (size_t)n;
    }
    return 0;
}

int image_read(struct image *image, const char *path, const char *where,
               struct machine_error *error)
{
    memset(image, 0, sizeof(*image));
    /* a pipe must not hold us up: it is refused below */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return machine_fail(error, -ENOENT,
                            "%simage %s is missing: run `make`, or name the folder of the guest "
                            "images with --images",
                            where, path);
    if (fd < 0)
        return machine_fail(error, -errno, "%simage %s: %s", where, path, strerror(errno));
    struct stat st;
    int r;
    if (fstat(fd, &st) < 0) {
        r = machine_fail(error, -errno, "%simage %s: %s", where, path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        r = machine_fail(error, -ENOEXEC, "%simage %s is not a regular file", where, path);
        goto out;
    }
    if (st.st_size == 0) {
        r = machine_fail(error, -ENOEXEC, "%simage %s is empty: run `make` to build it", where,
                         path);
        goto out;
    }
    if ((uint64_t)st.st_size > IMAGE_MAX_FILE_BYTES) {
        r = machine_fail(error, -EFBIG, "%simage %s is larger than %llu MiB", where, path,
                         IMAGE_MAX_FILE_BYTES >> 20);
        goto out;
    }
    image->file_bytes = (size_t)st.st_size;
    image->file = malloc(image->file_bytes + 1);
    if (!image->file) {
        r = machine_fail(error, -ENOMEM, "%simage %s: no host memory for %zu bytes", where, path,
                         image->file_bytes);
        goto out;
    }
    r = read_all(fd, image->file, image->file_bytes);
    if (r < 0) {
        machine_fail(error, r, "%simage %s: cannot be read: %s", where, path, strerror(-r));
        image_free(image);
    }
out:
    close(fd);
    return r;
}

uint64_t image_segment_base(const struct image_segment *segment)
{
    return segment->vaddr & ~(uint64_t)(ABI_PAGE_BYTES - 1);
}

uint64_t image_segment_bytes(const struct image_segment *segment)
{
    uint64_t end = segment->vaddr + segment->memory_bytes;
    return ((end + ABI_PAGE_BYTES - 1) & ~(uint64_t)(ABI_PAGE_BYTES - 1)) -
           image_segment_base(segment);
}

/* The reason why a program header cannot be loaded, or NULL. */
static const char *check_segment(const GElf_Phdr *ph, size_t file_bytes, uint64_t min, uint64_t max)
{
    if (ph->p_filesz > ph->p_memsz)
        return "a segment is larger in the file than in memory";
    if (ph->p_offset > file_bytes || ph->p_filesz > file_bytes - ph->p_offset)
        return "a segment lies outside the file (is it cut off?)";
    if (ph->p_vaddr < min || ph->p_vaddr >= max || ph->p_memsz > max - ph->p_vaddr)
        return "a segment lies outside the address range of such an image";
    return NULL;
}

static const char *check_header(const GElf_Ehdr *eh)
{
    if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64)
        return "it is not for x86-64";
    if (eh->e_type == ET_DYN)
        return "it is position-independent or shared: link it static with -no-pie";
    if (eh->e_type != ET_EXEC)
        return "it is not an executable";
    return NULL;
}

static const char *take_segment(struct image *image, const GElf_Phdr *ph, uint64_t min,
                                uint64_t max)
{
    const char *why = check_segment(ph, image->file_bytes, min, max);
    if (why)
        return why;
    if (image->segment_count == ABI_BOOT_MAX_SEGMENTS)
        return "it has too many segments";
    struct image_segment *segment = &image->segment[image->segment_count];
    *segment = (struct image_segment){
        .vaddr = ph->p_vaddr,
        .file_offset = ph->p_offset,
        .file_bytes = ph->p_filesz,
        .memory_bytes = ph->p_memsz,
        .flags = (ph->p_flags & PF_R ? ABI_SEGMENT_R : 0) |
                 (ph->p_flags & PF_W ? ABI_SEGMENT_W : 0) |
                 (ph->p_flags & PF_X ? ABI_SEGMENT_X : 0),
    };
    if (image->segment_count > 0) {
        const struct image_segment *last = segment - 1;
        if (image_segment_base(segment) < image_segment_base(last) + image_segment_bytes(last))
            return "two segments share a page or are out of order";
    }
    image->segment_count++;
    return NULL;
}

static const char *parse(struct image *image, Elf *elf, uint64_t min, uint64_t max)
{
    GElf_Ehdr eh;
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
        return "it is not an ELF file";
    const char *why = check_header(&eh);
    if (why)
        return why;
    size_t count;
    if (elf_getphdrnum(elf, &count) < 0)
        return "its program headers cannot be read";
    image->segment_count = 0;
    image->entry = eh.e_entry;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr ph;
        if (!gelf_getphdr(elf, (int)i, &ph))
            return "its program headers cannot be read";
        if (ph.p_type == PT_INTERP || ph.p_type == PT_DYNAMIC)
            return "it is dynamically linked: link it with -static";
        if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
            continue;
        why = take_segment(image, &ph, min, max);
        if (why)
            return why;
    }
    bool entry_ok = false;
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct image_segment *s = &image->segment[i];
        entry_ok |= (s->flags & ABI_SEGMENT_X) && image->entry >= s->vaddr &&
                    image->entry - s->vaddr < s->memory_bytes;
    }
    return entry_ok ? NULL : "its entry point lies in no executable segment";
}

int image_parse(struct image *image, const char *path, const char *where, uint64_t vaddr_min,
                uint64_t vaddr_max, struct machine_error *error)
{
    assert(image->file && vaddr_min < vaddr_max);
    elf_version(EV_CURRENT);
    Elf *elf = elf_memory((char *)image->file, image->file_bytes);
    const char *why = parse(image, elf, vaddr_min, vaddr_max);
    elf_end(elf);
    if (why)
        return machine_fail(error, -ENOEXEC,
                            "%simage %s cannot be loaded: %s; run `make` to build it", where, path,
                            why);
    return 0;
}

void image_place(const struct image *image, const struct image_segment *segment, uint8_t *page)
{
    assert(segment->file_offset + segment->file_bytes <= image->file_bytes);
    memcpy(page + (segment->vaddr - image_segment_base(segment)),
           image->file + segment->file_offset, segment->file_bytes);
}

void image_free(struct image *image)
{
    free(image->file);
    image->file = NULL;
}
