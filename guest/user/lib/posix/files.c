/* SPDX-License-Identifier: MIT
 *
 * Files under their POSIX names, over <vfs/vfs.h>.
 *
 * A descriptor is a place in a table.  Two threads that use the same one at the same time share its
 * position, as everywhere; one must not close it meanwhile.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/system_layer.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vfs/fdtab.h>
#include <vfs/ramfs_flags.h>
#include <vfs/vfs.h>

#include "files.h"

#define FIRST_FD 3
#define FILES_MAX 64

struct open_file {
    vfs_handle_t handle; /* NULL: free */
    bool append;
};

static struct open_file files[FILES_MAX];
static struct thread_mutex files_lock = THREAD_MUTEX_INITIALIZER;

int file_error(errval_t err)
{
    static const struct {
        enum err_code code;
        int number;
    } map[] = {
        { FS_ERR_NOTFOUND, ENOENT },
        { VFS_ERR_NO_SERVICE, ENOENT },
        { FS_ERR_EXISTS, EEXIST },
        { FS_ERR_NOTDIR, ENOTDIR },
        { FS_ERR_NOTFILE, EISDIR },
        { FS_ERR_NOTEMPTY, ENOTEMPTY },
        { FS_ERR_READONLY, EROFS },
        { FS_ERR_TOO_BIG, EFBIG },
        { FS_ERR_OVER_SHARE, ENOSPC },
        { FS_ERR_INVALID_FH, EBADF },
        { FS_ERR_INDEX_BOUNDS, EINVAL },
        { LIB_ERR_MALLOC_FAIL, ENOMEM },
        { FLOUNDER_ERR_TX_MSG_SIZE, ENAMETOOLONG },
    };
    errno = EIO;
    for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        if (err_no(err) == map[i].code)
            errno = map[i].number;
    return -1;
}

static struct open_file *file_of(int fd)
{
    struct open_file *file = &files[fd - FIRST_FD];

    if (fd < FIRST_FD || fd >= FIRST_FD + FILES_MAX || file->handle == NULL) {
        errno = EBADF;
        return NULL;
    }
    return file;
}

static int file_close(int fd)
{
    struct open_file *file = file_of(fd);

    if (file == NULL)
        return -1;
    vfs_handle_t handle = file->handle;
    file->handle = NULL;
    errval_t err = vfs_close(handle);
    return err_is_ok(err) ? 0 : file_error(err);
}

static int file_read(int fd, void *buffer, size_t bytes)
{
    struct open_file *file = file_of(fd);
    size_t done;

    if (file == NULL)
        return -1;
    errval_t err = vfs_read(file->handle, buffer, bytes, &done);
    return err_is_ok(err) || err_no(err) == VFS_ERR_EOF ? (int)done : file_error(err);
}

static int file_write(int fd, const void *buffer, size_t bytes)
{
    struct open_file *file = file_of(fd);
    errval_t err = SYS_ERR_OK;
    size_t done = 0;

    if (file == NULL)
        return -1;
    if (file->append)
        err = vfs_seek(file->handle, VFS_SEEK_END, 0);
    if (err_is_ok(err))
        err = vfs_write(file->handle, buffer, bytes, &done);
    return err_is_ok(err) || done > 0 ? (int)done : file_error(err);
}

static off_t file_seek(int fd, off_t offset, int whence)
{
    struct open_file *file = file_of(fd);
    size_t now = 0;

    if (file == NULL)
        return -1;
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
        return file_error(FS_ERR_INDEX_BOUNDS);
    errval_t err = vfs_seek(file->handle,
                            whence == SEEK_SET   ? VFS_SEEK_SET
                            : whence == SEEK_CUR ? VFS_SEEK_CUR
                                                 : VFS_SEEK_END,
                            offset);
    if (err_is_ok(err))
        err = vfs_tell(file->handle, &now);
    return err_is_ok(err) ? (off_t)now : file_error(err);
}

static void fill_stat(struct stat *st, const struct vfs_fileinfo *info)
{
    memset(st, 0, sizeof(*st));
    st->st_mode = info->type == VFS_DIRECTORY ? S_IFDIR | 0777 : S_IFREG | 0666;
    st->st_size = (off_t)info->size;
    st->st_nlink = 1;
    st->st_blksize = RAMFS_DATA_BYTES;
}

static int file_stat(int fd, struct stat *ret)
{
    const struct open_file *file = file_of(fd);
    struct vfs_fileinfo info;

    if (file == NULL)
        return -1;
    errval_t err = vfs_stat(file->handle, &info);
    fill_stat(ret, &info);
    return err_is_ok(err) ? 0 : file_error(err);
}

static const struct file_calls calls = { .close = file_close,
                                         .read = file_read,
                                         .write = file_write,
                                         .seek = file_seek,
                                         .stat = file_stat };

/* ---- by path ---- */

static int take_place(vfs_handle_t handle, bool append, int place)
{
    thread_mutex_lock(&files_lock);
    while (place < FILES_MAX && files[place].handle != NULL)
        place++;
    if (place < FILES_MAX)
        files[place] = (struct open_file){ .handle = handle, .append = append };
    thread_mutex_unlock(&files_lock);
    return place < FILES_MAX ? FIRST_FD + place : -1;
}

/* ---- as a table ---- */

_Static_assert(MAX_FD == FIRST_FD + FILES_MAX, "vfs/fdtab.h");

struct fdtab_entry *fdtab_get(int fd)
{
    static __thread struct fdtab_entry entry;

    entry = (struct fdtab_entry){ .type = FDTAB_TYPE_AVAILABLE };
    if (fd >= 0 && fd < FIRST_FD)
        entry.type = fd == 0 ? FDTAB_TYPE_STDIN : fd == 1 ? FDTAB_TYPE_STDOUT : FDTAB_TYPE_STDERR;
    else if (fd >= FIRST_FD && fd < MAX_FD && files[fd - FIRST_FD].handle != NULL)
        entry = (struct fdtab_entry){ FDTAB_TYPE_FILE, files[fd - FIRST_FD].handle };
    return &entry;
}

int fdtab_alloc_from(const struct fdtab_entry *entry, int start)
{
    if (entry->type != FDTAB_TYPE_FILE || entry->handle == NULL || start < MIN_FD) {
        errno = EINVAL;
        return -1;
    }
    file_calls = &calls;
    int fd = take_place(entry->handle, false, start > FIRST_FD ? start - FIRST_FD : 0);
    if (fd < 0)
        errno = EMFILE;
    return fd;
}

void fdtab_free(int fd)
{
    if (fd >= FIRST_FD && fd < MAX_FD)
        files[fd - FIRST_FD].handle = NULL;
}

int _open(const char *name, int flags, ...)
{
    unsigned how = ((flags & O_ACCMODE) != O_RDONLY ? RAMFS_WRITE : 0) |
                   (flags & O_CREAT ? RAMFS_CREATE : 0) | (flags & O_TRUNC ? RAMFS_TRUNCATE : 0);
    vfs_handle_t handle;

    if ((flags & O_CREAT) && (flags & O_EXCL))
        how |= RAMFS_EXCLUSIVE;
    file_calls = &calls;
    errval_t err = vfs_open_flags(name, how, &handle);
    if (err_is_fail(err))
        return file_error(err);
    int fd = take_place(handle, (flags & O_APPEND) != 0, 0);
    if (fd < 0) {
        (void)vfs_close(handle);
        errno = EMFILE;
    }
    return fd;
}

int stat(const char *restrict path, struct stat *restrict ret)
{
    struct vfs_fileinfo info;
    errval_t err = vfs_stat_path(path, &info);

    fill_stat(ret, &info);
    return err_is_ok(err) ? 0 : file_error(err);
}

int access(const char *path, int mode)
{
    struct vfs_fileinfo info;
    errval_t err = vfs_stat_path(path, &info);

    (void)mode; /* who may read a file is not kept */
    return err_is_ok(err) ? 0 : file_error(err);
}

int _unlink(const char *name)
{
    errval_t err = vfs_remove(name);

    return err_is_ok(err) ? 0 : file_error(err);
}

int rename(const char *from, const char *to)
{
    errval_t err = vfs_rename(from, to);

    return err_is_ok(err) ? 0 : file_error(err);
}

int mkdir(const char *path, mode_t mode)
{
    errval_t err = vfs_mkdir(path);

    (void)mode;
    return err_is_ok(err) ? 0 : file_error(err);
}

int rmdir(const char *path)
{
    errval_t err = vfs_rmdir(path);

    return err_is_ok(err) ? 0 : file_error(err);
}

int ftruncate(int fd, off_t bytes)
{
    struct open_file *file = file_of(fd);

    if (file == NULL)
        return -1;
    errval_t err =
        bytes < 0 ? (errval_t)FS_ERR_INDEX_BOUNDS : vfs_truncate(file->handle, (size_t)bytes);
    return err_is_ok(err) ? 0 : file_error(err);
}
