/* SPDX-License-Identifier: MIT
 *
 * The client of the file service: one binding, made on first use.  Positions are kept here; the
 * service knows handles only.
 */
#include <vfs/vfs.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/wait_list.h>
#include <if/ramfs_defs.h>
#include <stdlib.h>
#include <string.h>
#include <vfs/ramfs_flags.h>

struct vfs_handle {
    uint32_t number;
    uint64_t position; /* of a directory: the index of the next entry */
};

static struct wait_list waiting;
static struct ramfs_binding *service;

/* ---- connection ---- */

static void service_lost(struct ramfs_binding *b, errval_t err)
{
    (void)err;
    service = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct ramfs_binding *b)
{
    (void)st;
    if (err_is_ok(err)) {
        ramfs_rpc_client_init(b);
        b->error_handler = service_lost;
        service = b;
    }
    wait_list_tell(&waiting, err);
}

static bool is_bound(void)
{
    return service != NULL;
}

/* The boot manager starts programs when the file service, if there is one, has a name. */
static errval_t begin(void)
{
    iref_t iref;
    errval_t err = nameservice_lookup("ramfs", &iref);
    if (err_is_fail(err))
        return err_push(err, VFS_ERR_NO_SERVICE);
    return ramfs_bind(iref, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
}

static errval_t connect_to(struct ramfs_binding **ret)
{
    errval_t err = SYS_ERR_OK;
    if (service == NULL)
        err = wait_list_join(&waiting, get_default_waitset(), is_bound, begin);
    *ret = service;
    return err_is_ok(err) && *ret == NULL ? (errval_t)FLOUNDER_ERR_BINDING_CLOSED : err;
}

errval_t vfs_init(void)
{
    struct ramfs_binding *b;
    return connect_to(&b);
}

errval_t vfs_mount(const char *mountpoint, const char *uri)
{
    (void)mountpoint, (void)uri;
    return FS_ERR_NOTFOUND;
}

/* ---- opening ---- */

errval_t vfs_open_flags(const char *path, unsigned flags, vfs_handle_t *ret)
{
    struct ramfs_binding *b;
    struct vfs_handle *handle = calloc(1, sizeof(*handle));
    errval_t answer = SYS_ERR_OK;
    errval_t err = handle != NULL ? connect_to(&b) : (errval_t)LIB_ERR_MALLOC_FAIL;
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.open(b, path, flags, &answer, &handle->number);
    err = err_is_ok(err) ? answer : err;
    if (err_is_fail(err)) {
        free(handle);
        return err;
    }
    *ret = handle;
    return SYS_ERR_OK;
}

errval_t vfs_open(const char *path, vfs_handle_t *ret)
{
    errval_t err = vfs_open_flags(path, RAMFS_WRITE, ret);
    return err_no(err) == FS_ERR_READONLY ? vfs_open_flags(path, 0, ret) : err;
}

errval_t vfs_create(const char *path, vfs_handle_t *ret)
{
    return vfs_open_flags(path, RAMFS_WRITE | RAMFS_CREATE, ret);
}

errval_t vfs_opendir(const char *path, vfs_handle_t *ret)
{
    return vfs_open_flags(path, RAMFS_DIRECTORY, ret);
}

errval_t vfs_close(vfs_handle_t handle)
{
    struct ramfs_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.close(b, handle->number, &answer);
    free(handle);
    return err_is_ok(err) ? answer : err;
}

errval_t vfs_closedir(vfs_handle_t handle)
{
    return vfs_close(handle);
}

/* ---- contents ---- */

errval_t vfs_read(vfs_handle_t handle, void *buffer, size_t bytes, size_t *bytes_read)
{
    struct ramfs_binding *b;
    size_t done = 0;
    errval_t err = connect_to(&b);
    while (err_is_ok(err) && done < bytes) {
        uint8_t piece[RAMFS_DATA_BYTES];
        errval_t answer = SYS_ERR_OK;
        size_t wanted = bytes - done < sizeof(piece) ? bytes - done : sizeof(piece), count = 0;
        err = b->rpc_tx_vtbl.read(b, handle->number, handle->position, (uint32_t)wanted, &answer,
                                  piece, &count);
        err = err_is_ok(err) ? answer : err;
        if (err_is_fail(err) || count == 0)
            break;
        memcpy((uint8_t *)buffer + done, piece, count);
        handle->position += count;
        done += count;
    }
    if (bytes_read != NULL)
        *bytes_read = done;
    return err_is_ok(err) && done == 0 && bytes > 0 ? (errval_t)VFS_ERR_EOF : err;
}

errval_t vfs_write(vfs_handle_t handle, const void *buffer, size_t bytes, size_t *bytes_written)
{
    struct ramfs_binding *b;
    size_t done = 0;
    errval_t err = connect_to(&b);
    while (err_is_ok(err) && done < bytes) {
        errval_t answer = SYS_ERR_OK;
        size_t count = bytes - done < RAMFS_DATA_BYTES ? bytes - done : RAMFS_DATA_BYTES;
        err = b->rpc_tx_vtbl.write(b, handle->number, handle->position,
                                   (const uint8_t *)buffer + done, count, &answer);
        err = err_is_ok(err) ? answer : err;
        if (err_is_fail(err))
            break;
        handle->position += count;
        done += count;
    }
    if (bytes_written != NULL)
        *bytes_written = done;
    return err;
}

errval_t vfs_truncate(vfs_handle_t handle, size_t bytes)
{
    struct ramfs_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.truncate(b, handle->number, bytes, &answer);
    return err_is_ok(err) ? answer : err;
}

errval_t vfs_tell(vfs_handle_t handle, size_t *ret)
{
    *ret = handle->position;
    return SYS_ERR_OK;
}

errval_t vfs_seek(vfs_handle_t handle, enum vfs_seekpos whence, off_t offset)
{
    struct vfs_fileinfo info = { .size = 0 };
    errval_t err = whence == VFS_SEEK_END ? vfs_stat(handle, &info) : SYS_ERR_OK;
    if (err_is_fail(err))
        return err;
    const int64_t from = whence == VFS_SEEK_SET   ? 0
                         : whence == VFS_SEEK_CUR ? (int64_t)handle->position
                                                  : (int64_t)info.size;
    if (offset < -from)
        return FS_ERR_INDEX_BOUNDS;
    handle->position = (uint64_t)(from + offset);
    return SYS_ERR_OK;
}

static void set_info(struct vfs_fileinfo *info, bool directory, uint64_t bytes)
{
    info->type = directory ? VFS_DIRECTORY : VFS_FILE;
    info->size = bytes;
}

errval_t vfs_stat(vfs_handle_t handle, struct vfs_fileinfo *ret)
{
    struct ramfs_binding *b;
    bool directory = false;
    uint64_t bytes = 0;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.handle_stat(b, handle->number, &answer, &directory, &bytes);
    set_info(ret, directory, bytes);
    return err_is_ok(err) ? answer : err;
}

errval_t vfs_stat_path(const char *path, struct vfs_fileinfo *ret)
{
    struct ramfs_binding *b;
    bool directory = false;
    uint64_t bytes = 0;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.stat(b, path, &answer, &directory, &bytes);
    set_info(ret, directory, bytes);
    return err_is_ok(err) ? answer : err;
}

/* ---- directories ---- */

errval_t vfs_mkdir(const char *path)
{
    struct ramfs_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.mkdir(b, path, &answer);
    return err_is_ok(err) ? answer : err;
}

static errval_t take_away(const char *path, bool directory)
{
    struct ramfs_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.remove(b, path, directory, &answer);
    return err_is_ok(err) ? answer : err;
}

errval_t vfs_rmdir(const char *path)
{
    return take_away(path, true);
}

errval_t vfs_remove(const char *path)
{
    return take_away(path, false);
}

errval_t vfs_rename(const char *from, const char *to)
{
    struct ramfs_binding *b;
    errval_t answer = SYS_ERR_OK;
    errval_t err = connect_to(&b);
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.rename(b, from, to, &answer);
    return err_is_ok(err) ? answer : err;
}

errval_t vfs_dir_read_next(vfs_handle_t handle, char **name, struct vfs_fileinfo *info)
{
    struct ramfs_binding *b;
    char *buffer = malloc(RAMFS_PATH_BYTES);
    bool directory = false;
    uint64_t bytes = 0;
    errval_t answer = SYS_ERR_OK;
    errval_t err = buffer != NULL ? connect_to(&b) : (errval_t)LIB_ERR_MALLOC_FAIL;
    if (err_is_ok(err))
        err = b->rpc_tx_vtbl.entry(b, handle->number, (uint32_t)handle->position, &answer, buffer,
                                   &directory, &bytes);
    err = err_is_ok(err) ? answer : err;
    if (err_is_fail(err)) {
        free(buffer);
        return err;
    }
    handle->position++;
    if (info != NULL)
        set_info(info, directory, bytes);
    *name = buffer;
    return SYS_ERR_OK;
}
