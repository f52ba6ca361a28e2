/* SPDX-License-Identifier: MIT
 *
 * What a spawner must know of a program file: statically linked ELF64 for x86-64, page-aligned
 * segments with rights of their own.  Pure: no system call; also for the CPU driver's image.
 */
#ifndef SPAWNDOMAIN_ELF_IMAGE_H
#define SPAWNDOMAIN_ELF_IMAGE_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

#define ELF_IMAGE_MAX_SEGMENTS 8
#define ELF_IMAGE_PAGE 4096u

enum { ELF_SEGMENT_X = 1, ELF_SEGMENT_W = 2, ELF_SEGMENT_R = 4 }; /* as in p_flags */

struct elf_segment {
    uint64_t vaddr;       /* page aligned */
    uint64_t bytes;       /* in memory, a multiple of the page size */
    uint64_t lead;        /* bytes before the first one of the file, in the first page */
    uint64_t file_offset; /* of the byte at vaddr + lead */
    uint64_t file_bytes;  /* the rest of the memory is zero */
    unsigned flags;       /* ELF_SEGMENT_* */
};

struct elf_image {
    uint64_t entry;
    uint64_t vbase, vlimit; /* the lowest and the first address after the highest page */
    uint64_t file_end;      /* first byte of the file that no segment needs */
    unsigned segment_count; /* sorted by address */
    struct elf_segment segment[ELF_IMAGE_MAX_SEGMENTS];
};

/* Reads and checks the headers.  `file` are the first `visible` bytes of a file of file_bytes; the
 * headers must lie in them.  Every segment must lie in vmin .. vmax, pages of two segments must not
 * be the same, and nobody may write what may be executed.
 * SPAWN_ERR_ELF_INVALID; *why (may be NULL) then says what is wrong. */
errval_t elf_image_parse(const void *file, uint64_t visible, uint64_t file_bytes, uint64_t vmin,
                         uint64_t vmax, struct elf_image *ret, const char **why);

/* True if a page of the file can be used as a page of the segment: not written, and file and memory
 * are aligned alike. */
bool elf_segment_is_shareable(const struct elf_segment *segment);

#endif
