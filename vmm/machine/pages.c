/* SPDX-License-Identifier: MIT
 *
 * Finds the pages of guest memory that were ever written.
 *
 * Guest memory is sparse, and reading a page that was never touched makes the host allocate it.
 * What may hold data is therefore asked of the kernel: the data extents of the region's file, and
 * the pages of the mapping that this process has itself (private ones are in no file), present or
 * swapped out.  A page named without need costs time only.
 */
#include "machine/pages.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u
#define PAGEMAP_THERE (3ull << 62) /* present or swapped out */
#define PAGEMAP_CHUNK 512

bool machine_page_is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

static void find_in_file(const struct machine_region *region, uint8_t *there)
{
    off_t begin = (off_t)region->fd_offset, data = begin, end = begin + (off_t)region->bytes;
    while (data < end && (data = lseek(region->fd, data, SEEK_DATA)) >= 0 && data < end) {
        off_t hole = lseek(region->fd, data, SEEK_HOLE);
        if (hole < 0 || hole > end)
            hole = end;
        off_t first = data - begin, behind = hole - begin;
        memset(there + first / PAGE, 1, (size_t)((behind + PAGE - 1) / PAGE - first / PAGE));
        data = hole;
    }
}

void machine_find_pages(const struct machine_region *region, uint8_t *there)
{
    uint64_t pages = region->bytes / PAGE;
    uint64_t entry[PAGEMAP_CHUNK];
    find_in_file(region, there);
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    for (uint64_t at = 0; at < pages; at += PAGEMAP_CHUNK) {
        uint64_t count = pages - at < PAGEMAP_CHUNK ? pages - at : PAGEMAP_CHUNK;
        off_t offset = (off_t)(((uintptr_t)region->host / PAGE + at) * sizeof(entry[0]));
        ssize_t wanted = (ssize_t)(count * sizeof(entry[0]));
        if (pagemap < 0 || pread(pagemap, entry, (size_t)wanted, offset) != wanted) {
            memset(there + at, 1, count); /* cannot be asked: look at every page */
            continue;
        }
        for (uint64_t i = 0; i < count; i++)
            if (entry[i] & PAGEMAP_THERE)
                there[at + i] = 1;
    }
    if (pagemap >= 0)
        close(pagemap);
}
