/* SPDX-License-Identifier: MIT
 *
 * Snapshots of a whole machine (snapshot.h).
 *
 * Memory: all regions are copied into one memfd, one behind the other, page by page, only what is
 * not zero.  So a snapshot costs one descriptor, and when the process has no more of those it may
 * use, the limit is raised as far as it goes.  Restoring maps the file copy-on-write over each
 * region, at the same host address, so nobody who holds an address (the engine, the devices)
 * notices.  Measured against the alternative, a copy back at every restore, this costs 0.1 ms
 * instead of some milliseconds, and a page fault for each page that is then written.
 */
#include "run/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "machine/pages.h"

#define PAGE 4096u

struct vm_snapshot {
    struct engine_snapshot *engine;
    void *machine_state;
    unsigned region_count;
    uint64_t bytes;
    int fd;
};

uint64_t vm_snapshot_bytes(const struct vm_snapshot *snapshot)
{
    return snapshot->bytes;
}

/* A new file in memory; a negative errno if there is none to be had. */
static int make_file(void)
{
    int fd = memfd_create("guest-snapshot", MFD_CLOEXEC);
    struct rlimit limit;
    if (fd < 0 && errno == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
            fd = memfd_create("guest-snapshot", MFD_CLOEXEC);
    }
    return fd < 0 ? -errno : fd;
}

/* Copies the region's pages to `offset` of the file.  0 or a negative errno. */
static int copy_region(const struct machine_region *region, int fd, uint64_t offset,
                       uint64_t *bytes)
{
    uint64_t pages = region->bytes / PAGE;
    uint8_t *there = calloc(1, pages);
    int error = there ? 0 : -ENOMEM;
    if (!error)
        machine_find_pages(region, there);
    for (uint64_t page = 0; !error && page < pages; page++) {
        const uint8_t *host = region->host + page * PAGE;
        if (!there[page] || machine_page_is_zero(host))
            continue;
        if (pwrite(fd, host, PAGE, (off_t)(offset + page * PAGE)) != PAGE)
            error = errno ? -errno : -EIO;
        *bytes += PAGE;
    }
    free(there);
    return error;
}

static int copy_memory(struct vm_snapshot *snapshot, const struct machine_region *region,
                       unsigned count)
{
    uint64_t offset = 0;
    int error = 0;
    for (unsigned i = 0; i < count; i++)
        offset += region[i].bytes;
    snapshot->fd = make_file();
    if (snapshot->fd < 0)
        return snapshot->fd;
    if (ftruncate(snapshot->fd, (off_t)offset) != 0)
        return -errno;
    offset = 0;
    for (unsigned i = 0; i < count && !error; i++) {
        error = copy_region(&region[i], snapshot->fd, offset, &snapshot->bytes);
        offset += region[i].bytes;
    }
    return error;
}

int vm_snapshot(struct machine *machine, const struct engine_ops *ops, struct engine *engine,
                struct vm_snapshot **out)
{
    unsigned count;
    const struct machine_region *region = machine_regions(machine, &count);
    if (!ops->snapshot || !ops->restore)
        return -ENOTSUP;
    struct vm_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (!snapshot)
        return -ENOMEM;
    snapshot->fd = -1;
    snapshot->region_count = count;
    snapshot->machine_state = malloc(machine_state_bytes());
    int error = snapshot->machine_state ? ops->snapshot(engine, &snapshot->engine) : -ENOMEM;
    if (!error)
        error = copy_memory(snapshot, region, count);
    if (error) {
        vm_snapshot_free(ops, snapshot);
        return error;
    }
    machine_save_state(machine, snapshot->machine_state);
    *out = snapshot;
    return 0;
}

int vm_restore(struct machine *machine, const struct engine_ops *ops, struct engine *engine,
               const struct vm_snapshot *snapshot)
{
    unsigned count;
    const struct machine_region *region = machine_regions(machine, &count);
    if (count != snapshot->region_count)
        return -EINVAL;
    uint64_t offset = 0;
    for (unsigned i = 0; i < count; i++) {
        void *host = mmap(region[i].host, region[i].bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, snapshot->fd, (off_t)offset);
        if (host == MAP_FAILED)
            return -errno;
        assert(host == region[i].host);
        /* the region's file is always the one that is mapped */
        if (dup3(snapshot->fd, region[i].fd, O_CLOEXEC) < 0)
            return -errno;
        machine_region_moved(machine, i, offset);
        offset += region[i].bytes;
    }
    machine_load_state(machine, snapshot->machine_state);
    return ops->restore(engine, snapshot->engine);
}

void vm_snapshot_free(const struct engine_ops *ops, struct vm_snapshot *snapshot)
{
    if (!snapshot)
        return;
    if (snapshot->fd >= 0)
        close(snapshot->fd);
    if (snapshot->engine)
        ops->free_snapshot(snapshot->engine);
    free(snapshot->machine_state);
    free(snapshot);
}
