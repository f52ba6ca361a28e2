/* SPDX-License-Identifier: MIT
 *
 * The RAM file system, ramfsd: one for the machine, registered as "ramfs".
 *
 * It holds the files of the boot image, mapped and read-only, and those that programs make.  All
 * requests are answered at once: nothing here waits for anybody.  A handle belongs to the
 * connection that opened it and goes with it; files stay.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <if/ramfs_defs.h>
#include <services/service.h>
#include <spawndomain/spawndomain.h>
#include <string.h>
#include <vfs/ramfs_flags.h>

#include "resources.h"
#include "tree.h"

struct handle {
    struct handle *next;
    struct account_slip slip;
    struct node *node;
    uint32_t number;
    bool writes;
};

struct client {
    struct service_client client; /* first: the memory is freed with it */
    struct handle *handles;
    uint32_t last_number;
};

struct reply {
    struct send_item item;
    enum {
        REPLY_OPEN,
        REPLY_CLOSE,
        REPLY_READ,
        REPLY_WRITE,
        REPLY_TRUNCATE,
        REPLY_HANDLE_STAT,
        REPLY_STAT,
        REPLY_MKDIR,
        REPLY_REMOVE,
        REPLY_RENAME,
        REPLY_ENTRY
    } kind;
    uint32_t token, handle;
    errval_t err;
    bool directory;
    uint64_t bytes;
    uint8_t data[]; /* REPLY_READ: `bytes` of them; REPLY_ENTRY: the name */
};

static const struct account_kind kinds[] = { RAMFSD_RESOURCES(ACCOUNT_KIND) };
static struct service service = { .client = "a client of ramfsd", .message_kind = ACCOUNT_MESSAGE };
static struct node root;

SERVICE_CLIENTS(ramfs, broken)

/* ---- answers ---- */

static errval_t send_reply(struct send_queue *queue, struct send_item *item,
                           struct event_closure cont)
{
    struct ramfs_binding *b = queue->binding;
    const struct reply *r = (struct reply *)item;
    b->incoming_token = r->token;
    switch (r->kind) {
    case REPLY_OPEN:
        return ramfs_open_response__tx(b, cont, r->err, r->handle);
    case REPLY_CLOSE:
        return ramfs_close_response__tx(b, cont, r->err);
    case REPLY_READ:
        return ramfs_read_response__tx(b, cont, r->err, r->data, r->bytes);
    case REPLY_WRITE:
        return ramfs_write_response__tx(b, cont, r->err);
    case REPLY_TRUNCATE:
        return ramfs_truncate_response__tx(b, cont, r->err);
    case REPLY_HANDLE_STAT:
        return ramfs_handle_stat_response__tx(b, cont, r->err, r->directory, r->bytes);
    case REPLY_STAT:
        return ramfs_stat_response__tx(b, cont, r->err, r->directory, r->bytes);
    case REPLY_MKDIR:
        return ramfs_mkdir_response__tx(b, cont, r->err);
    case REPLY_REMOVE:
        return ramfs_remove_response__tx(b, cont, r->err);
    case REPLY_RENAME:
        return ramfs_rename_response__tx(b, cont, r->err);
    case REPLY_ENTRY:
        break;
    }
    return ramfs_entry_response__tx(b, cont, r->err, (const char *)r->data, r->directory, r->bytes);
}

/* An answer with room for data; NULL: there is no memory, and the client will wait in vain. */
static struct reply *make_reply(const struct ramfs_binding *b, int kind, errval_t err, size_t data)
{
    struct reply *reply = calloc(1, sizeof(*reply) + data);
    if (reply != NULL) {
        reply->item.send = send_reply;
        reply->item.payer = ((struct service_client *)b->st)->account;
        reply->item.bytes = data;
        reply->kind = kind;
        reply->token = b->incoming_token;
        reply->err = err;
    }
    return reply;
}

static void send(const struct ramfs_binding *b, struct reply *reply)
{
    send_queue_add(&((struct service_client *)b->st)->queue, reply != NULL ? &reply->item : NULL);
}

static void answer(const struct ramfs_binding *b, int kind, errval_t err)
{
    send(b, make_reply(b, kind, err, 0));
}

static void answer_stat(const struct ramfs_binding *b, int kind, errval_t err,
                        const struct node *node)
{
    struct reply *reply = make_reply(b, kind, err, 0);
    if (reply != NULL && err_is_ok(err)) {
        reply->directory = node->directory;
        reply->bytes = node->bytes;
    }
    send(b, reply);
}

/* ---- handles ---- */

static struct account *payer(const struct ramfs_binding *b)
{
    return ((struct service_client *)b->st)->account;
}

static struct handle **find_handle(const struct ramfs_binding *b, uint32_t number)
{
    struct handle **link = &((struct client *)b->st)->handles;
    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

static void close_handle(struct handle **link)
{
    struct handle *handle = *link;
    *link = handle->next;
    node_release(handle->node);
    account_refund(&handle->slip);
    free(handle);
}

static errval_t new_handle(const struct ramfs_binding *b, struct node *node, uint32_t flags,
                           uint32_t *ret)
{
    struct client *client = b->st;
    struct account_slip slip;
    errval_t err = account_charge(payer(b), ACCOUNT_HANDLE, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct handle *handle = malloc(sizeof(*handle));
    if (handle == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *handle = (struct handle){ .next = client->handles,
                               .slip = slip,
                               .node = node,
                               .number = ++client->last_number,
                               .writes = (flags & RAMFS_WRITE) != 0 };
    client->handles = handle;
    node_hold(node);
    *ret = handle->number;
    return SYS_ERR_OK;
}

/* The file or directory that is opened, made if it is to be. */
static errval_t open_node(const struct ramfs_binding *b, const char *path, uint32_t flags,
                          struct node **ret)
{
    errval_t err = tree_find(&root, path, ret);
    if (err_no(err) == FS_ERR_NOTFOUND && (flags & RAMFS_CREATE))
        return tree_make(&root, path, false, payer(b), ret);
    if (err_is_fail(err))
        return err;
    if (flags & RAMFS_EXCLUSIVE)
        return FS_ERR_EXISTS;
    if ((*ret)->directory != ((flags & RAMFS_DIRECTORY) != 0))
        return (*ret)->directory ? FS_ERR_NOTFILE : FS_ERR_NOTDIR;
    if ((flags & RAMFS_WRITE) && (*ret)->fixed != NULL)
        return FS_ERR_READONLY;
    return (flags & RAMFS_WRITE) && (flags & RAMFS_TRUNCATE) ? node_truncate(*ret, 0) : SYS_ERR_OK;
}

/* ---- ramfs.if ---- */

static void open_call(struct ramfs_binding *b, const char *path, uint32_t flags)
{
    struct node *node;
    uint32_t number = 0;
    errval_t err = open_node(b, path, flags, &node);
    if (err_is_ok(err))
        err = new_handle(b, node, flags, &number);
    struct reply *reply = make_reply(b, REPLY_OPEN, err, 0);
    if (reply != NULL)
        reply->handle = number;
    send(b, reply);
}

static void close_call(struct ramfs_binding *b, uint32_t number)
{
    struct handle **link = find_handle(b, number);
    errval_t err = *link != NULL ? SYS_ERR_OK : (errval_t)FS_ERR_INVALID_FH;
    if (*link != NULL)
        close_handle(link);
    answer(b, REPLY_CLOSE, err);
}

static void read_call(struct ramfs_binding *b, uint32_t number, uint64_t offset, uint32_t bytes)
{
    const struct handle *handle = *find_handle(b, number);
    if (handle == NULL || handle->node->directory) {
        answer(b, REPLY_READ, handle == NULL ? FS_ERR_INVALID_FH : FS_ERR_NOTFILE);
        return;
    }
    if (bytes > RAMFS_DATA_BYTES)
        bytes = RAMFS_DATA_BYTES;
    struct reply *reply = make_reply(b, REPLY_READ, SYS_ERR_OK, bytes);
    if (reply != NULL)
        reply->bytes = node_read(handle->node, offset, reply->data, bytes);
    send(b, reply);
}

static void write_call(struct ramfs_binding *b, uint32_t number, uint64_t offset,
                       const uint8_t *data, size_t count)
{
    const struct handle *handle = *find_handle(b, number);
    errval_t err = FS_ERR_INVALID_FH;
    if (handle != NULL && handle->writes)
        err = node_write(handle->node, offset, data, count, payer(b));
    answer(b, REPLY_WRITE, err);
}

static void truncate_call(struct ramfs_binding *b, uint32_t number, uint64_t bytes)
{
    const struct handle *handle = *find_handle(b, number);
    errval_t err = FS_ERR_INVALID_FH;
    if (handle != NULL && handle->writes)
        err = node_truncate(handle->node, bytes);
    answer(b, REPLY_TRUNCATE, err);
}

static void handle_stat_call(struct ramfs_binding *b, uint32_t number)
{
    const struct handle *handle = *find_handle(b, number);
    answer_stat(b, REPLY_HANDLE_STAT, handle != NULL ? SYS_ERR_OK : (errval_t)FS_ERR_INVALID_FH,
                handle != NULL ? handle->node : NULL);
}

static void stat_call(struct ramfs_binding *b, const char *path)
{
    struct node *node = NULL;
    errval_t err = tree_find(&root, path, &node);
    answer_stat(b, REPLY_STAT, err, node);
}

static void mkdir_call(struct ramfs_binding *b, const char *path)
{
    answer(b, REPLY_MKDIR, tree_make(&root, path, true, payer(b), NULL));
}

static void remove_call(struct ramfs_binding *b, const char *path, bool directory)
{
    struct node *node;
    errval_t err = tree_find(&root, path, &node);
    if (err_is_ok(err) && node->directory != directory)
        err = directory ? FS_ERR_NOTDIR : FS_ERR_NOTFILE;
    if (err_is_ok(err))
        err = tree_remove(node);
    answer(b, REPLY_REMOVE, err);
}

static void rename_call(struct ramfs_binding *b, const char *from, const char *to)
{
    answer(b, REPLY_RENAME, tree_rename(&root, from, to));
}

static void entry_call(struct ramfs_binding *b, uint32_t number, uint32_t index)
{
    const struct handle *handle = *find_handle(b, number);
    const struct node *node = NULL;
    errval_t err = FS_ERR_INDEX_BOUNDS;
    if (handle == NULL || !handle->node->directory)
        err = handle == NULL ? FS_ERR_INVALID_FH : FS_ERR_NOTDIR;
    else
        node = node_entry(handle->node, index);
    if (node == NULL) {
        answer(b, REPLY_ENTRY, err);
        return;
    }
    const size_t name_bytes = strlen(node->name) + 1;
    struct reply *reply = make_reply(b, REPLY_ENTRY, SYS_ERR_OK, name_bytes);
    if (reply != NULL) {
        reply->directory = node->directory;
        reply->bytes = node->bytes;
        memcpy(reply->data, node->name, name_bytes);
    }
    send(b, reply);
}

/* ---- clients ---- */

static void broken(struct ramfs_binding *b, errval_t err)
{
    struct client *client = b->st;
    (void)err;
    while (client->handles != NULL)
        close_handle(&client->handles);
    ramfs_client_close(b);
}

static errval_t connected(void *st, struct ramfs_binding *b)
{
    (void)st;
    errval_t err = ramfs_client_open(&service, b, sizeof(struct client));
    if (err_is_fail(err))
        return err;
    b->rx_vtbl.open_call = open_call;
    b->rx_vtbl.close_call = close_call;
    b->rx_vtbl.read_call = read_call;
    b->rx_vtbl.write_call = write_call;
    b->rx_vtbl.truncate_call = truncate_call;
    b->rx_vtbl.handle_stat_call = handle_stat_call;
    b->rx_vtbl.stat_call = stat_call;
    b->rx_vtbl.mkdir_call = mkdir_call;
    b->rx_vtbl.remove_call = remove_call;
    b->rx_vtbl.rename_call = rename_call;
    b->rx_vtbl.entry_call = entry_call;
    return SYS_ERR_OK;
}

/* ---- the boot image ---- */

/* All directories on the way to a path. */
static errval_t make_directories(char *path)
{
    errval_t err = SYS_ERR_OK;
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        err = tree_make(&root, path, true, NULL, NULL);
        *slash = '/';
        if (err_is_fail(err) && err_no(err) != FS_ERR_EXISTS)
            return err;
    }
    return SYS_ERR_OK;
}

static errval_t map_module(unsigned slot, gensize_t bytes, void **ret)
{
    struct capref frame;
    errval_t err = slot_alloc(&frame);
    if (err_is_fail(err))
        return err;
    err = cap_copy(frame, (struct capref){ .cnode = cnode_module, .slot = slot });
    if (err_is_fail(err))
        return err;
    return vspace_map_frame_offset_attr(ret, bytes, frame, 0, VREGION_FLAGS_READ, NULL);
}

static errval_t add_module(const char *line, unsigned slot, const struct abi_region *region)
{
    char path[RAMFS_PATH_BYTES];
    const size_t length = strcspn(line, " \t");
    struct node *node;
    void *contents;
    if (length == 0 || length >= sizeof(path))
        return FS_ERR_NOTFOUND;
    memcpy(path, line, length);
    path[length] = '\0';
    errval_t err = make_directories(path);
    if (err_is_ok(err))
        err = tree_make(&root, path, false, NULL, &node);
    if (err_no(err) == FS_ERR_EXISTS) /* the menu names it twice */
        return SYS_ERR_OK;
    if (err_is_ok(err))
        err = map_module(slot, region->bytes, &contents);
    if (err_is_ok(err)) {
        node->fixed = contents;
        node->bytes = region->file_bytes;
    }
    return err;
}

static void add_boot_files(const struct abi_boot *boot)
{
    unsigned slot = 0;
    for (uint32_t i = 0; i < boot->region_count; i++) {
        const struct abi_region *region = &boot->region[i];
        if (region->type != ABI_REGION_MODULE)
            continue;
        const char *line = (const char *)boot + region->cmdline;
        errval_t err = add_module(line, slot++, region);
        if (err_is_fail(err))
            DEBUG_ERR(err, "file of the menu line '%s'", line);
    }
}

static char service_name[] = "ramfs";

int main(void)
{
    const struct abi_boot *boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC(
            "the boot information was not given: the menu line is 'module /sbin/ramfsd boot'");
    account_book_init(&service.accounts, kinds, ACCOUNT_KINDS, FS_ERR_OVER_SHARE);
    tree_init(&root);
    add_boot_files(boot);
    errval_t err = ramfs_export(service_name, nameservice_offer, connected, get_default_waitset(),
                                IDC_EXPORT_FLAGS_DEFAULT);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "exporting ramfs");
    for (;;) {
        err = event_dispatch(get_default_waitset());
        if (err_is_fail(err))
            DEBUG_ERR(err, "event_dispatch");
    }
}
