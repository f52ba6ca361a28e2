/* SPDX-License-Identifier: MIT
 *
 * <dirent.h> over <vfs/vfs.h>.
 */
#include <dirent.h>

#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vfs/vfs.h>

#include "files.h"

struct posix_directory {
    vfs_handle_t handle;
    struct dirent entry;
};

DIR *opendir(const char *path)
{
    DIR *directory = calloc(1, sizeof(*directory));
    errval_t err = LIB_ERR_MALLOC_FAIL;

    if (directory != NULL)
        err = vfs_opendir(path, &directory->handle);
    if (err_is_ok(err))
        return directory;
    free(directory);
    (void)file_error(err);
    return NULL;
}

struct dirent *readdir(DIR *directory)
{
    struct vfs_fileinfo info;
    char *name;
    errval_t err = vfs_dir_read_next(directory->handle, &name, &info);

    if (err_is_fail(err)) {
        if (err_no(err) != FS_ERR_INDEX_BOUNDS)
            (void)file_error(err);
        return NULL;
    }
    strncpy(directory->entry.d_name, name, sizeof(directory->entry.d_name) - 1);
    free(name);
    directory->entry.d_ino++;
    directory->entry.d_type = info.type == VFS_DIRECTORY ? DT_DIR : DT_REG;
    return &directory->entry;
}

void rewinddir(DIR *directory)
{
    (void)vfs_seek(directory->handle, VFS_SEEK_SET, 0);
    directory->entry.d_ino = 0;
}

int closedir(DIR *directory)
{
    errval_t err = vfs_closedir(directory->handle);

    free(directory);
    return err_is_ok(err) ? 0 : file_error(err);
}
