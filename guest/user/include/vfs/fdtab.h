/* SPDX-License-Identifier: MIT
 *
 * File descriptors as a table.  What fdtab_get gives is a copy for the caller's thread, valid until
 * its next call; only streams and files occur.
 */
#ifndef VFS_FDTAB_H
#define VFS_FDTAB_H

#include <sys/cdefs.h>

__BEGIN_DECLS

#define MIN_FD 0
#define MAX_FD 67 /* one more than the last descriptor */

enum fdtab_type {
    FDTAB_TYPE_AVAILABLE, /* no such descriptor */
    FDTAB_TYPE_FILE,
    FDTAB_TYPE_UNIX_SOCKET,
    FDTAB_TYPE_STDIN,
    FDTAB_TYPE_STDOUT,
    FDTAB_TYPE_STDERR,
    FDTAB_TYPE_LWIP_SOCKET,
    FDTAB_TYPE_EPOLL_INSTANCE,
    FDTAB_TYPE_PTM,
    FDTAB_TYPE_PTS
};

struct fdtab_entry {
    enum fdtab_type type;
    void *handle; /* of a file: a vfs_handle_t */
};

struct fdtab_entry *fdtab_get(int fd);

/* A descriptor for a file that is open, FDTAB_TYPE_FILE; from then on close() closes it.  The
 * lowest that is free and not below `start`.  -1: errno is EMFILE or EINVAL. */
int fdtab_alloc_from(const struct fdtab_entry *entry, int start);

/* Gives the descriptor up and leaves its file open. */
void fdtab_free(int fd);

__END_DECLS

#endif
