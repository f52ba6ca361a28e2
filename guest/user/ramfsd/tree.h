/* SPDX-License-Identifier: MIT
 *
 * Files and directories in memory.  No system call: also for tests on the host.
 *
 * A node is in its directory's list, in the order of names, or it is `gone`: removed while somebody
 * has it open.  It is freed when it is gone and nobody has it.  Contents are pages, each made when
 * something is first written to it, so a file may have holes; or, of a file of the boot image, one
 * piece that is not ours.  Who makes a node or a page pays for it until it is freed.
 */
#ifndef RAMFSD_TREE_H
#define RAMFSD_TREE_H

#include <errors/errno.h>
#include <services/account.h>
#include <stdbool.h>
#include <stddef.h>

#define FILE_PAGE_BYTES 4096u
#define FILE_PAGES_MAX 4096u /* 16 MiB */

struct file_page {
    struct account_slip slip;
    uint8_t data[FILE_PAGE_BYTES];
};

struct node {
    struct node *parent, *next, *children;
    char *name;
    bool directory, gone;
    unsigned holders;     /* handles */
    const uint8_t *fixed; /* contents of a file of the boot image, which is read-only */
    uint64_t bytes;
    struct file_page **page; /* page_count of them, NULL where there is a hole */
    size_t page_count;
    struct account_slip slip, list_slip; /* of the node; of `page`, which counts as pages, too */
};

void tree_init(struct node *root);

/* The node of a path.  "" and "." in it are nothing, ".." is the parent.  FS_ERR_NOTFOUND;
 * FS_ERR_NOTDIR: on the way there is a file. */
errval_t tree_find(struct node *root, const char *path, struct node **ret);

/* Makes a file or a directory; the directory it is to be in must be there.  payer: NULL, nobody.
 * FS_ERR_EXISTS, those of tree_find, FS_ERR_OVER_SHARE, LIB_ERR_MALLOC_FAIL. */
errval_t tree_make(struct node *root, const char *path, bool directory, struct account *payer,
                   struct node **ret);

/* Takes it out of its directory.  FS_ERR_NOTEMPTY, FS_ERR_READONLY: it is of the boot image, or the
 * root. */
errval_t tree_remove(struct node *node);

/* FS_ERR_EXISTS, FS_ERR_NOTDIR, FS_ERR_READONLY; FS_ERR_NOTFOUND also if it would be inside
 * itself. */
errval_t tree_rename(struct node *root, const char *from, const char *to);

/* Somebody has it open, or no more. */
void node_hold(struct node *node);
void node_release(struct node *node);

/* The bytes there are from `offset` on, at most `bytes`. */
size_t node_read(const struct node *node, uint64_t offset, void *buffer, size_t bytes);

/* All or nothing.  FS_ERR_READONLY, FS_ERR_OVER_SHARE, FS_ERR_TOO_BIG, LIB_ERR_MALLOC_FAIL. */
errval_t node_write(struct node *node, uint64_t offset, const void *data, size_t bytes,
                    struct account *payer);

errval_t node_truncate(struct node *node, uint64_t bytes);

/* The index-th of a directory; NULL: there are not so many. */
const struct node *node_entry(const struct node *directory, unsigned index);

#endif
