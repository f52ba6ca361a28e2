/* SPDX-License-Identifier: MIT
 *
 * Memory that QEMU and we share: a memfd for each piece, which QEMU opens by its name below /proc,
 * so no file is left however anybody ends.
 *
 * A PC's memory is one piece from 0 as long as there is less of it than a board has below its
 * devices; more is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/qemu/qemu_private.h"
#include "machine/export.h"

#define ONE_PIECE_MIB 2048

static int make_piece(struct qemu_memory *memory, uint64_t at, uint64_t bytes)
{
    const unsigned i = memory->count;
    int fd = memfd_create("guest", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    memory->fd[i] = fd;
    memory->count++;
    snprintf(memory->name[i], sizeof(memory->name[i]), "/proc/%d/fd/%d", (int)getpid(), fd);
    memory->path[i] = memory->name[i];
    if (ftruncate(fd, (off_t)bytes) < 0 || mmap(memory->ram + at, bytes, PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return -errno;
    return 0;
}

int qemu_memory_make(struct qemu_memory *memory, struct machine *machine)
{
    uint64_t piece[ABI_MAX_NODES], mib = 0, at = 0;
    const unsigned pieces = machine_pc_pieces(machine, piece);
    int error = 0;
    for (unsigned i = 0; i < pieces; i++)
        mib += piece[i];
    if (mib > ONE_PIECE_MIB) {
        machine_set_error(machine,
                          "faults, values and invariants need a PC of at most %u MiB; this one has "
                          "%u MiB",
                          ONE_PIECE_MIB, (unsigned)mib);
        return -ENOTSUP;
    }
    /* all of it, so that the pieces lie one behind the other */
    void *ram =
        mmap(NULL, mib << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED)
        error = -errno;
    else
        memory->ram = ram, memory->bytes = mib << 20;
    for (unsigned i = 0; i < pieces && !error; i++) {
        error = make_piece(memory, at, piece[i] << 20);
        at += piece[i] << 20;
    }
    if (!error) {
        (void)madvise(memory->ram, memory->bytes, MADV_DONTDUMP); /* as memory of our own machine */
        error = machine_pump_memory(machine, memory->ram, memory->bytes);
    }
    if (error)
        machine_set_error(machine, "memory that QEMU shares: %s", strerror(-error));
    return error;
}

void qemu_memory_free(struct qemu_memory *memory)
{
    for (unsigned i = 0; i < memory->count; i++)
        close(memory->fd[i]);
    if (memory->ram)
        munmap(memory->ram, memory->bytes);
    *memory = (struct qemu_memory){ 0 };
}
