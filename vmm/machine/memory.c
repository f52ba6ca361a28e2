/* SPDX-License-Identifier: MIT
 *
 * Guest memory: RAM of each node, the core areas, the UMP window of each node.
 *
 * Each region is a memfd of its own, mapped once.  Shared for engines that only run; private where
 * a process wants to fork() or to go back to a state: then the file holds what was loaded and the
 * mapping what changed since.  Nothing is touched before it is used, so a machine with much memory
 * costs the host only what the guest writes.  Whatever the host's reason for refusing (EFBIG,
 * EMFILE), the error is -ENOMEM: the others stand for mistakes of the scenario.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine/machine_private.h"

#define ZERO_GIVES_BACK_BYTES (2u << 20)

static int add_region(struct machine *machine, enum machine_region_kind kind, unsigned node,
                      uint64_t base, uint64_t bytes, struct machine_error *error)
{
    assert(machine->region_count < MACHINE_MAX_REGIONS);
    assert(base % ABI_PAGE_BYTES == 0 && bytes % ABI_PAGE_BYTES == 0);
    if (bytes == 0)
        return 0;
    static const char *const names[] = { "guest-ram", "guest-core-areas", "guest-window" };
    int fd = memfd_create(names[kind], MFD_CLOEXEC);
    if (fd < 0)
        return machine_fail(error, -ENOMEM, "guest memory: memfd_create: %s", strerror(errno));
    void *host = MAP_FAILED;
    if (ftruncate(fd, (off_t)bytes) == 0) /* always shared while the images are loaded */
        host = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (host == MAP_FAILED) {
        int r = machine_fail(error, -ENOMEM, "guest memory: %llu MiB for node %u: %s",
                             (unsigned long long)(bytes >> 20), node, strerror(errno));
        close(fd);
        return r;
    }
    /* a crash of ours shall not write the guest's gigabytes into a core file; a host that cannot
     * leave them out only writes more */
    (void)madvise(host, bytes, MADV_DONTDUMP);
    machine->region[machine->region_count++] = (struct machine_region){
        .kind = kind, .node = node, .base = base, .bytes = bytes, .host = host, .fd = fd
    };
    if (kind != MACHINE_CORE_AREAS) {
        struct device_memory *memory = &machine->device_memory;
        memory->range[memory->count++] = (struct device_range){
            .kind = kind == MACHINE_RAM ? DEVICE_RANGE_RAM : DEVICE_RANGE_WINDOW,
            .base = base,
            .bytes = bytes,
            .host = host,
        };
    }
    return 0;
}

int machine_make_memory(struct machine *machine, struct machine_error *error)
{
    const struct machine_config *config = &machine->config;
    uint64_t base = ABI_RAM_BASE;
    int r;
    for (unsigned n = 0; n < config->node_count; n++) {
        r = add_region(machine, MACHINE_RAM, n, base, config->node[n].ram_bytes, error);
        if (r < 0)
            return r;
        base += config->node[n].ram_bytes;
    }
    assert(base <= ABI_RAM_LIMIT);
    r = add_region(machine, MACHINE_CORE_AREAS, 0, ABI_CORE_AREA_BASE,
                   (uint64_t)config->core_count * ABI_CORE_AREA_BYTES, error);
    for (unsigned n = 0; r == 0 && n < config->node_count; n++)
        r = add_region(machine, MACHINE_WINDOW, n,
                       ABI_WINDOW_BASE + (uint64_t)n * ABI_WINDOW_STRIDE,
                       config->node[n].window_bytes, error);
    return r;
}

int machine_privatise_memory(struct machine *machine, struct machine_error *error)
{
    for (unsigned i = 0; i < machine->region_count; i++) {
        struct machine_region *region = &machine->region[i];
        void *host = mmap(region->host, region->bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, region->fd, 0);
        if (host == MAP_FAILED)
            return machine_fail(error, -ENOMEM, "guest memory: private mapping: %s",
                                strerror(errno));
        assert(host == region->host);
    }
    return 0;
}

static const struct machine_region *region_of(const struct machine *machine, const uint8_t *host)
{
    for (unsigned i = 0; i < machine->region_count; i++) {
        const struct machine_region *region = &machine->region[i];
        if (host >= region->host && host < region->host + region->bytes)
            return region;
    }
    return NULL;
}

/* The next bytes at or behind `at` that the region's file holds, as begin and end; none: both are
 * `end`. */
static void next_data(const struct machine_region *region, uint64_t at, uint64_t end,
                      uint64_t *data_begin, uint64_t *data_end)
{
    off_t data = lseek(region->fd, (off_t)at, SEEK_DATA);
    *data_begin = data < 0 || (uint64_t)data > end ? end : (uint64_t)data;
    off_t hole = *data_begin < end ? lseek(region->fd, data, SEEK_HOLE) : -1;
    *data_end = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
}

/* What is a hole in a shared file is zero. */
static void zero_shared(const struct machine_region *region, uint64_t at, uint64_t end)
{
    while (at < end) {
        uint64_t data;
        next_data(region, at, end, &data, &at);
        memset(region->host + data, 0, at - data);
    }
}

/* Private pages: what lies in the file would show again if they were given back, so only holes
 * are. */
static void zero_private(const struct machine_region *region, uint64_t at, uint64_t end)
{
    while (at < end) {
        uint64_t data, hole = at;
        next_data(region, at, end, &data, &at);
        if (data > hole && madvise(region->host + hole, data - hole, MADV_DONTNEED) < 0)
            memset(region->host + hole, 0, data - hole);
        memset(region->host + data, 0, at - data);
    }
}

void machine_zero(const struct machine *machine, void *host, uint64_t bytes)
{
    const uint64_t page = ABI_PAGE_BYTES;
    const struct machine_region *region = region_of(machine, host);
    assert(region);
    uint64_t begin = (uint64_t)((uint8_t *)host - region->host), end = begin + bytes;
    assert(end <= region->bytes);
    if (machine->config.private_memory) {
        uint64_t first = (begin + page - 1) / page * page, last = end / page * page;
        if (first >= last) {
            memset(host, 0, bytes);
            return;
        }
        memset(host, 0, first - begin);
        zero_private(region, first, last);
        memset(region->host + last, 0, end - last);
        return;
    }
    /* a few pages are cheaper to clear than to give back, and will be used soon */
    if (bytes < ZERO_GIVES_BACK_BYTES || begin % page != 0 || end % page != 0 ||
        fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)begin,
                  (off_t)bytes) < 0)
        zero_shared(region, begin, end);
}

void machine_free_memory(struct machine *machine)
{
    for (unsigned i = 0; i < machine->region_count; i++) {
        munmap(machine->region[i].host, machine->region[i].bytes);
        close(machine->region[i].fd);
    }
    machine->region_count = 0;
    machine->device_memory.count = 0;
}

const struct machine_region *machine_regions(const struct machine *machine, unsigned *count)
{
    *count = machine->region_count;
    return machine->region;
}

void *machine_memory(const struct machine *machine, uint64_t paddr, uint64_t bytes)
{
    for (unsigned i = 0; i < machine->region_count; i++) {
        const struct machine_region *region = &machine->region[i];
        if (paddr >= region->base && paddr - region->base < region->bytes &&
            bytes <= region->bytes - (paddr - region->base))
            return region->host + (paddr - region->base);
    }
    return NULL;
}

struct abi_core_page *machine_core_page(const struct machine *machine, unsigned core)
{
    assert(core < machine->config.core_count);
    uint64_t paddr = ABI_CORE_AREA_BASE + (uint64_t)core * ABI_CORE_AREA_BYTES;
    return machine_memory(machine, paddr, ABI_CORE_AREA_BYTES);
}
