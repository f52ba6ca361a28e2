/* SPDX-License-Identifier: MIT
 *
 * Files and directories in memory (tree.h).
 */
#include "tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resources.h"

void tree_init(struct node *root)
{
    *root = (struct node){ .parent = root, .directory = true };
}

/* ---- names ---- */

/* The next name of a path; its length, 0 at the end. */
static size_t next_name(const char **path)
{
    while (**path == '/')
        (*path)++;
    return strcspn(*path, "/");
}

static bool is_name(const struct node *node, const char *name, size_t length)
{
    return strlen(node->name) == length && memcmp(node->name, name, length) == 0;
}

static struct node *child(const struct node *directory, const char *name, size_t length)
{
    struct node *node = directory->children;
    while (node != NULL && !is_name(node, name, length))
        node = node->next;
    return node;
}

/* One step along a path; NULL: there is nothing of this name. */
static struct node *step(struct node *at, const char *name, size_t length)
{
    if (length == 1 && name[0] == '.')
        return at;
    if (length == 2 && name[0] == '.' && name[1] == '.')
        return at->parent;
    return child(at, name, length);
}

/* Walks to the directory of the last name, which is left in *path with *length (0: the path names
 * the root). */
static errval_t walk(struct node *root, const char **path, size_t *length, struct node **ret)
{
    struct node *at = root;
    *length = next_name(path);
    for (;;) {
        const char *rest = *path + *length;
        if (!at->directory)
            return FS_ERR_NOTDIR;
        const size_t following = next_name(&rest);
        if (following == 0)
            break;
        at = step(at, *path, *length);
        if (at == NULL)
            return FS_ERR_NOTFOUND;
        *path = rest;
        *length = following;
    }
    *ret = at;
    return SYS_ERR_OK;
}

errval_t tree_find(struct node *root, const char *path, struct node **ret)
{
    size_t length;
    struct node *directory;
    errval_t err = walk(root, &path, &length, &directory);
    if (err_is_fail(err))
        return err;
    struct node *node = length == 0 ? root : step(directory, path, length);
    if (node == NULL)
        return FS_ERR_NOTFOUND;
    *ret = node;
    return SYS_ERR_OK;
}

/* ---- making and removing ---- */

static void put_in(struct node *directory, struct node *node)
{
    struct node **link = &directory->children;
    while (*link != NULL && strcmp((*link)->name, node->name) < 0)
        link = &(*link)->next;
    node->parent = directory;
    node->next = *link;
    *link = node;
}

static void take_out(struct node *node)
{
    struct node **link = &node->parent->children;
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
}

static void free_pages(struct node *node, size_t from)
{
    for (size_t i = from; i < node->page_count; i++) {
        if (node->page[i] != NULL)
            account_refund(&node->page[i]->slip);
        free(node->page[i]);
    }
    node->page_count = from < node->page_count ? from : node->page_count;
}

static void node_free(struct node *node)
{
    assert(node->children == NULL);
    free_pages(node, 0);
    free(node->page);
    free(node->name);
    account_refund(&node->list_slip);
    account_refund(&node->slip);
    free(node);
}

static char *copy_name(const char *name, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, name, length);
        copy[length] = '\0';
    }
    return copy;
}

errval_t tree_make(struct node *root, const char *path, bool directory, struct account *payer,
                   struct node **ret)
{
    size_t length;
    struct node *parent;
    errval_t err = walk(root, &path, &length, &parent);
    if (err_is_fail(err))
        return err;
    if (length == 0 || step(parent, path, length) != NULL)
        return FS_ERR_EXISTS;
    struct account_slip slip = { 0 };
    if (payer != NULL)
        err = account_charge(payer, ACCOUNT_NODE, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct node *node = calloc(1, sizeof(*node));
    char *name = copy_name(path, length);
    if (node == NULL || name == NULL) {
        account_refund(&slip);
        free(node);
        free(name);
        return LIB_ERR_MALLOC_FAIL;
    }
    node->name = name;
    node->directory = directory;
    node->slip = slip;
    put_in(parent, node);
    if (ret != NULL)
        *ret = node;
    return SYS_ERR_OK;
}

errval_t tree_remove(struct node *node)
{
    if (node->children != NULL)
        return FS_ERR_NOTEMPTY;
    if (node->fixed != NULL || node->parent == node)
        return FS_ERR_READONLY;
    assert(!node->gone);
    take_out(node);
    node->gone = true;
    node->next = NULL;
    node->parent = node; /* ".." of a directory that is gone leads nowhere */
    if (node->holders == 0)
        node_free(node);
    return SYS_ERR_OK;
}

static bool is_inside(const struct node *node, const struct node *directory)
{
    while (node != directory && node->parent != node)
        node = node->parent;
    return node == directory;
}

/* What is in the way of a rename goes, or forbids it. */
static errval_t make_way(struct node *other, const struct node *node)
{
    if (other == NULL)
        return SYS_ERR_OK;
    if (other->directory || node->directory)
        return FS_ERR_EXISTS;
    return tree_remove(other);
}

errval_t tree_rename(struct node *root, const char *from, const char *to)
{
    size_t length;
    struct node *node, *parent;
    errval_t err = tree_find(root, from, &node);
    if (err_is_ok(err))
        err = walk(root, &to, &length, &parent);
    if (err_is_fail(err))
        return err;
    if (node->fixed != NULL || node->parent == node || length == 0)
        return FS_ERR_READONLY;
    if (is_inside(parent, node))
        return FS_ERR_NOTFOUND;
    struct node *other = step(parent, to, length);
    if (other == node)
        return SYS_ERR_OK;
    char *name = copy_name(to, length);
    if (name == NULL)
        return LIB_ERR_MALLOC_FAIL;
    err = make_way(other, node);
    if (err_is_fail(err)) {
        free(name);
        return err;
    }
    take_out(node);
    free(node->name);
    node->name = name;
    put_in(parent, node);
    return SYS_ERR_OK;
}

void node_hold(struct node *node)
{
    node->holders++;
}

void node_release(struct node *node)
{
    assert(node->holders > 0);
    if (--node->holders == 0 && node->gone)
        node_free(node);
}

/* ---- contents ---- */

size_t node_read(const struct node *node, uint64_t offset, void *buffer, size_t bytes)
{
    if (offset >= node->bytes)
        return 0;
    if (bytes > node->bytes - offset)
        bytes = node->bytes - offset;
    if (node->fixed != NULL) {
        memcpy(buffer, node->fixed + offset, bytes);
        return bytes;
    }
    for (size_t done = 0, part; done < bytes; done += part) {
        const uint64_t at = offset + done;
        const size_t index = at / FILE_PAGE_BYTES, in = at % FILE_PAGE_BYTES;
        part = FILE_PAGE_BYTES - in < bytes - done ? FILE_PAGE_BYTES - in : bytes - done;
        if (index < node->page_count && node->page[index] != NULL)
            memcpy((uint8_t *)buffer + done, node->page[index]->data + in, part);
        else
            memset((uint8_t *)buffer + done, 0, part);
    }
    return bytes;
}

/* Charges the list of a file's pages, which is longer than before. */
static errval_t charge_list(struct node *node, size_t pages, struct account *payer)
{
    struct account_slip slip;
    const uint32_t units =
        (uint32_t)((pages * sizeof(struct file_page *) + FILE_PAGE_BYTES - 1) / FILE_PAGE_BYTES);
    if (payer == NULL || units <= node->list_slip.units)
        return SYS_ERR_OK;
    errval_t err = account_charge(payer, ACCOUNT_PAGE, units, &slip);
    if (err_is_fail(err))
        return err;
    account_refund(&node->list_slip);
    node->list_slip = slip;
    return SYS_ERR_OK;
}

static errval_t make_room(struct node *node, size_t pages, struct account *payer)
{
    if (pages > FILE_PAGES_MAX)
        return FS_ERR_TOO_BIG;
    if (pages <= node->page_count)
        return SYS_ERR_OK;
    errval_t err = charge_list(node, pages, payer);
    if (err_is_fail(err))
        return err;
    struct file_page **longer = realloc(node->page, pages * sizeof(struct file_page *));
    if (longer == NULL)
        return LIB_ERR_MALLOC_FAIL;
    for (size_t i = node->page_count; i < pages; i++)
        longer[i] = NULL;
    node->page = longer;
    node->page_count = pages;
    return SYS_ERR_OK;
}

static errval_t make_page(struct file_page **page, struct account *payer)
{
    struct account_slip slip = { 0 };
    if (*page != NULL)
        return SYS_ERR_OK;
    errval_t err = payer != NULL ? account_charge(payer, ACCOUNT_PAGE, 1, &slip) : SYS_ERR_OK;
    if (err_is_fail(err))
        return err;
    *page = calloc(1, sizeof(**page));
    if (*page == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    (*page)->slip = slip;
    return SYS_ERR_OK;
}

errval_t node_write(struct node *node, uint64_t offset, const void *data, size_t bytes,
                    struct account *payer)
{
    if (node->directory)
        return FS_ERR_NOTFILE;
    if (node->fixed != NULL)
        return FS_ERR_READONLY;
    if (bytes == 0)
        return SYS_ERR_OK;
    if (offset >= (uint64_t)FILE_PAGES_MAX * FILE_PAGE_BYTES)
        return FS_ERR_TOO_BIG;
    const size_t first = offset / FILE_PAGE_BYTES;
    const size_t end = (offset + bytes + FILE_PAGE_BYTES - 1) / FILE_PAGE_BYTES;
    errval_t err = make_room(node, end, payer);
    for (size_t i = first; i < end && err_is_ok(err); i++)
        err = make_page(&node->page[i], payer);
    if (err_is_fail(err))
        return err; /* a page that was made is a hole as good as none */
    for (size_t done = 0, part; done < bytes; done += part) {
        const uint64_t at = offset + done;
        const size_t in = at % FILE_PAGE_BYTES;
        part = FILE_PAGE_BYTES - in < bytes - done ? FILE_PAGE_BYTES - in : bytes - done;
        memcpy(node->page[at / FILE_PAGE_BYTES]->data + in, (const uint8_t *)data + done, part);
    }
    if (offset + bytes > node->bytes)
        node->bytes = offset + bytes;
    return SYS_ERR_OK;
}

errval_t node_truncate(struct node *node, uint64_t bytes)
{
    if (node->directory)
        return FS_ERR_NOTFILE;
    if (node->fixed != NULL)
        return FS_ERR_READONLY;
    if (bytes > (uint64_t)FILE_PAGES_MAX * FILE_PAGE_BYTES)
        return FS_ERR_TOO_BIG;
    const size_t pages = (bytes + FILE_PAGE_BYTES - 1) / FILE_PAGE_BYTES;
    free_pages(node, pages);
    const size_t in = bytes % FILE_PAGE_BYTES; /* what grows again begins with zeroes */
    if (in != 0 && pages <= node->page_count && node->page[pages - 1] != NULL)
        memset(node->page[pages - 1]->data + in, 0, FILE_PAGE_BYTES - in);
    node->bytes = bytes;
    return SYS_ERR_OK;
}

const struct node *node_entry(const struct node *directory, unsigned index)
{
    const struct node *node = directory->children;
    while (node != NULL && index > 0) {
        node = node->next;
        index--;
    }
    return node;
}
