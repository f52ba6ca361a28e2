/* SPDX-License-Identifier: MIT
 *
 * Memory by mmap: anonymous and private, anywhere.  Files are not mapped (ENODEV), nor fixed
 * addresses (EINVAL).
 */
#ifndef BARRELFISH_SYS_MMAN_H
#define BARRELFISH_SYS_MMAN_H

#include <sys/cdefs.h>
#include <sys/types.h>

__BEGIN_DECLS

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_ANON MAP_ANONYMOUS
#define MAP_FAILED ((void *)-1)

/* Zeroed memory, whole pages.  MAP_FAILED and errno: ENOMEM, EINVAL, ENODEV. */
void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);

/* Only what one mmap gave, as a whole (EINVAL). */
int munmap(void *address, size_t bytes);

/* Other rights for whole pages of one mmap.  Not PROT_NONE: what is mapped can be read.  EINVAL:
 * not a page's address, or more than one mmap; ENOMEM: nothing is there; EACCES. */
int mprotect(void *address, size_t bytes, int protection);

__END_DECLS

#endif
