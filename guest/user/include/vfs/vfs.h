/* SPDX-License-Identifier: MIT
 *
 * Files (facts §2.2; names and shapes as programs use them).
 *
 * They are those of the RAM file system of the machine (`module /sbin/ramfsd boot` in the menu):
 * the files of the boot image, read-only, and what programs make.  Everybody sees the same.  Paths
 * that do not begin with '/' begin at the root.  All calls ask the file service and block the
 * calling thread only.  Errors, beside those named: FS_ERR_NOTFOUND, FS_ERR_NOTDIR, FS_ERR_NOTFILE,
 * VFS_ERR_NO_SERVICE (the menu has no ramfsd), and those of the connection.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <errors/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vfs_handle;
typedef struct vfs_handle *vfs_handle_t; /* of an open file or directory; has a position */
#define NULL_VFS_HANDLE NULL

enum vfs_filetype { VFS_FILE, VFS_DIRECTORY };
enum vfs_seekpos { VFS_SEEK_SET, VFS_SEEK_CUR, VFS_SEEK_END };

struct vfs_fileinfo {
    enum vfs_filetype type;
    size_t size; /* bytes; of a directory 0 */
};

/* Connects.  Need not be called: whatever is called first does it. */
errval_t vfs_init(void);

/* Nothing can be mounted: the root is.  FS_ERR_NOTFOUND. */
errval_t vfs_mount(const char *mountpoint, const char *uri);

/* For reading and writing; a file of the boot image for reading.  The handle is the caller's until
 * vfs_close. */
errval_t vfs_open(const char *path, vfs_handle_t *ret);
/* The same, and the file is made if it is not there. */
errval_t vfs_create(const char *path, vfs_handle_t *ret);
/* flags: RAMFS_* of <vfs/ramfs_flags.h>. */
errval_t vfs_open_flags(const char *path, unsigned flags, vfs_handle_t *ret);
/* The handle is no more, whatever is returned. */
errval_t vfs_close(vfs_handle_t handle);

/* From the position on, which moves.  *bytes_read may be less than asked for only at the end.
 * VFS_ERR_EOF: nothing is left. */
errval_t vfs_read(vfs_handle_t handle, void *buffer, size_t bytes, size_t *bytes_read);
/* FS_ERR_READONLY, FS_ERR_TOO_BIG, FS_ERR_OVER_SHARE; *bytes_written says how far it came. */
errval_t vfs_write(vfs_handle_t handle, const void *buffer, size_t bytes, size_t *bytes_written);
errval_t vfs_truncate(vfs_handle_t handle, size_t bytes);

errval_t vfs_tell(vfs_handle_t handle, size_t *ret);
/* Also behind the end.  FS_ERR_INDEX_BOUNDS: before the beginning. */
errval_t vfs_seek(vfs_handle_t handle, enum vfs_seekpos whence, off_t offset);
errval_t vfs_stat(vfs_handle_t handle, struct vfs_fileinfo *ret);
errval_t vfs_stat_path(const char *path, struct vfs_fileinfo *ret);

errval_t vfs_mkdir(const char *path);
errval_t vfs_rmdir(const char *path);  /* FS_ERR_NOTEMPTY */
errval_t vfs_remove(const char *path); /* a file */
errval_t vfs_rename(const char *from, const char *to);

errval_t vfs_opendir(const char *path, vfs_handle_t *ret);
/* The next entry; the name is the caller's to free.  info may be NULL.  FS_ERR_INDEX_BOUNDS: no
 * more. */
errval_t vfs_dir_read_next(vfs_handle_t handle, char **name, struct vfs_fileinfo *info);
errval_t vfs_closedir(vfs_handle_t handle);

#endif
