/* SPDX-License-Identifier: MIT
 *
 * Flags of `open` in ramfs.if.
 */
#ifndef VFS_RAMFS_FLAGS_H
#define VFS_RAMFS_FLAGS_H

#define RAMFS_WRITE 1u      /* else the handle only reads */
#define RAMFS_CREATE 2u     /* the file is made if it is not there */
#define RAMFS_EXCLUSIVE 4u  /* with CREATE: it must not be there */
#define RAMFS_TRUNCATE 8u   /* with WRITE: it is empty then */
#define RAMFS_DIRECTORY 16u /* a directory, and nothing else */

#define RAMFS_PATH_BYTES 512 /* of the interface, as the next */
#define RAMFS_DATA_BYTES 4096

#endif
