/* SPDX-License-Identifier: MIT
 *
 * ELF images of the guest: read from a file, checked, placed into memory.
 */
#ifndef VMM_MACHINE_IMAGE_H
#define VMM_MACHINE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "abi/boot.h"

/* One line for the user: what is wrong, where, and the mend. */
struct machine_error {
    char *text;
    size_t bytes;
};

/* Writes the line and returns `code` (a negative errno). */
__attribute__((format(printf, 3, 4))) int machine_fail(struct machine_error *error, int code,
                                                       const char *format, ...);

struct image_segment {
    uint64_t vaddr; /* as in the file, maybe not on a page */
    uint64_t file_offset, file_bytes;
    uint64_t memory_bytes; /* >= file_bytes, the rest is zero */
    uint32_t flags;        /* ABI_SEGMENT_* */
};

struct image {
    uint8_t *file; /* the file as it is */
    size_t file_bytes;
    uint64_t entry;
    unsigned segment_count;
    struct image_segment segment[ABI_BOOT_MAX_SEGMENTS]; /* rising, no two on one page */
};

#define IMAGE_MAX_FILE_BYTES (256ull << 20)

/* Reads a whole file.  `where` ("menu.lst:3: ", may be "") opens the error line, which names the
 * path; -ENOENT if it is missing, -EFBIG, -EIO... */
int image_read(struct image *image, const char *path, const char *where,
               struct machine_error *error);

/* Checks that the file is a static x86-64 executable whose segments lie in vaddr_min .. vaddr_max
 * and fills entry and segments.  -ENOEXEC with the reason otherwise. */
int image_parse(struct image *image, const char *path, const char *where, uint64_t vaddr_min,
                uint64_t vaddr_max, struct machine_error *error);

/* First page and whole pages of a segment. */
uint64_t image_segment_base(const struct image_segment *segment);
uint64_t image_segment_bytes(const struct image_segment *segment);

/* Copies a segment's contents to `page`, zeroed host memory of image_segment_bytes(). */
void image_place(const struct image *image, const struct image_segment *segment, uint8_t *page);

void image_free(struct image *image);

#endif
