/* SPDX-License-Identifier: MIT
 *
 * Files and directories of the RAM file system: paths, removal while open, holes, who pays, and a
 * random run against a plain array.
 */
/* link: guest/user/ramfsd/tree.c guest/user/lib/services/account.c */
#include <criterion/criterion.h>

#include <barrelfish/debug.h>
#include <stdlib.h>
#include <string.h>

#include "../../guest/user/ramfsd/resources.h"
#include "../../guest/user/ramfsd/tree.h"

static const struct account_kind kinds[] = { RAMFSD_RESOURCES(ACCOUNT_KIND) };
static struct account_book book;
static struct account *alice, *bob;
static struct node root;

void debug_printf(const char *fmt, ...)
{
    (void)fmt;
}

static void begin(void)
{
    account_book_init(&book, kinds, ACCOUNT_KINDS, FS_ERR_OVER_SHARE);
    alice = account_open(&book, 1, NULL);
    bob = account_open(&book, 2, NULL);
    tree_init(&root);
}

/* All is given back: what is left in the tree goes first. */
static void end(void)
{
    while (root.children != NULL) {
        struct node *node = root.children;
        while (node->children != NULL)
            node = node->children;
        node->fixed = NULL;
        cr_assert_eq(tree_remove(node), SYS_ERR_OK);
    }
    for (unsigned kind = 0; kind < ACCOUNT_KINDS; kind++)
        cr_assert_eq(book.used[kind], 0);
    account_close(alice);
    account_close(bob);
    cr_assert_null(book.first);
}

TestSuite(ramfs, .init = begin, .fini = end);

static struct node *make(const char *path, bool directory)
{
    struct node *node = NULL;
    cr_assert_eq(tree_make(&root, path, directory, alice, &node), SYS_ERR_OK, "%s", path);
    return node;
}

static struct node *find(const char *path)
{
    struct node *node;
    return tree_find(&root, path, &node) == SYS_ERR_OK ? node : NULL;
}

Test(ramfs, paths_lead_where_they_say)
{
    struct node *a = make("/a", true), *b = make("a/b", true), *c = make("//a/./b/c", false);
    cr_assert_eq(find("/"), &root);
    cr_assert_eq(find(""), &root);
    cr_assert_eq(find("/.."), &root);
    cr_assert_eq(find("/a/"), a);
    cr_assert_eq(find("/a/b/.."), a);
    cr_assert_eq(find("/a/b/../b/./c"), c);
    cr_assert_null(find("/a/c"));
    cr_assert_eq(c->parent, b);
    struct node *none;
    cr_assert_eq(tree_find(&root, "/a/b/c/d", &none), FS_ERR_NOTDIR);
    cr_assert_eq(tree_find(&root, "/x/y", &none), FS_ERR_NOTFOUND);
    cr_assert_eq(tree_make(&root, "/a/b/c", false, alice, NULL), FS_ERR_EXISTS);
    cr_assert_eq(tree_make(&root, "/", true, alice, NULL), FS_ERR_EXISTS);
    cr_assert_eq(tree_make(&root, "/a/..", true, alice, NULL), FS_ERR_EXISTS);
    cr_assert_eq(tree_make(&root, "/x/y", false, alice, NULL), FS_ERR_NOTFOUND);
}

Test(ramfs, entries_are_in_the_order_of_names)
{
    static const char *const names[] = { "/m", "/z", "/a", "/b" }, *const sorted = "abmz";
    for (unsigned i = 0; i < 4; i++)
        make(names[i], false);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(node_entry(&root, i)->name[0], sorted[i]);
    cr_assert_null(node_entry(&root, 4));
}

Test(ramfs, what_is_open_outlives_its_name)
{
    struct node *file = make("/f", false);
    char text[4] = "";
    node_hold(file);
    cr_assert_eq(node_write(file, 0, "abc", 4, alice), SYS_ERR_OK);
    cr_assert_eq(tree_remove(file), SYS_ERR_OK);
    cr_assert_null(find("/f"));
    cr_assert_eq(node_read(file, 0, text, 4), 4);
    cr_assert_str_eq(text, "abc");
    make("/f", false);
    node_release(file);
}

Test(ramfs, directories_that_hold_something_stay)
{
    struct node *a = make("/a", true);
    struct node *f = make("/a/f", false);
    cr_assert_eq(tree_remove(a), FS_ERR_NOTEMPTY);
    cr_assert_eq(tree_remove(&root), FS_ERR_NOTEMPTY);
    cr_assert_eq(tree_remove(f), SYS_ERR_OK);
    cr_assert_eq(tree_remove(a), SYS_ERR_OK);
    cr_assert_eq(tree_remove(&root), FS_ERR_READONLY);
}

Test(ramfs, renaming_moves_replaces_and_makes_no_circle)
{
    struct node *a = make("/a", true), *f = make("/a/f", false);
    make("/g", false);
    make("/d", true);
    cr_assert_eq(tree_rename(&root, "/a", "/a/x"), FS_ERR_NOTFOUND);
    cr_assert_eq(tree_rename(&root, "/a/f", "/g"), SYS_ERR_OK);
    cr_assert_eq(find("/g"), f);
    cr_assert_eq(tree_rename(&root, "/g", "/d"), FS_ERR_EXISTS);
    cr_assert_eq(tree_rename(&root, "/a", "/g"), FS_ERR_EXISTS);
    cr_assert_eq(tree_rename(&root, "/a", "/d/b"), SYS_ERR_OK);
    cr_assert_eq(find("/d/b"), a);
    cr_assert_eq(tree_rename(&root, "/d/b", "/d/b"), SYS_ERR_OK);
    cr_assert_eq(tree_rename(&root, "/none", "/x"), FS_ERR_NOTFOUND);
    cr_assert_eq(tree_rename(&root, "/", "/x"), FS_ERR_READONLY);
}

Test(ramfs, files_of_the_boot_image_stay_as_they_are)
{
    struct node *file = make("/image", false);
    char text[8] = "";
    file->fixed = (const uint8_t *)"abcdef";
    file->bytes = 6;
    cr_assert_eq(node_write(file, 0, "x", 1, alice), FS_ERR_READONLY);
    cr_assert_eq(node_truncate(file, 0), FS_ERR_READONLY);
    cr_assert_eq(tree_remove(file), FS_ERR_READONLY);
    cr_assert_eq(tree_rename(&root, "/image", "/x"), FS_ERR_READONLY);
    cr_assert_eq(node_read(file, 4, text, 8), 2);
    cr_assert_str_eq(text, "ef");
}

Test(ramfs, a_greedy_client_leaves_something_for_the_next)
{
    struct node *file = make("/f", false), *other = make("/g", false);
    errval_t err = SYS_ERR_OK;
    uint64_t at = 0;
    for (; err == SYS_ERR_OK; at += FILE_PAGE_BYTES)
        err = node_write(file, at, "x", 1, alice);
    cr_assert_eq(err, FS_ERR_OVER_SHARE);
    cr_assert_eq(node_write(other, 0, "x", 1, bob), SYS_ERR_OK);
    cr_assert_eq(node_truncate(file, 0), SYS_ERR_OK);
    cr_assert_eq(node_write(file, 0, "x", 1, alice), SYS_ERR_OK);
    cr_assert_eq(node_write(file, (uint64_t)FILE_PAGES_MAX * FILE_PAGE_BYTES, "x", 1, alice),
                 FS_ERR_TOO_BIG);
    cr_assert_eq(node_write(file, UINT64_MAX, "x", 1, alice), FS_ERR_TOO_BIG);
}

#define MODEL_BYTES 40000u

Test(ramfs, reads_what_was_written)
{
    static uint8_t model[MODEL_BYTES], data[MODEL_BYTES];
    struct node *file = make("/f", false);
    size_t bytes = 0;
    srand(1);
    for (unsigned round = 0; round < 3000; round++) {
        const size_t at = (size_t)rand() % MODEL_BYTES, room = MODEL_BYTES - at;
        const size_t length = (size_t)rand() % (round % 3 == 0 ? 9000 : 50) % (room + 1);
        if (round % 10 == 9) {
            cr_assert_eq(node_truncate(file, at), SYS_ERR_OK);
            if (at < bytes)
                memset(model + at, 0, bytes - at);
            bytes = at;
            continue;
        }
        if (round % 2 == 0) {
            for (size_t i = 0; i < length; i++)
                data[i] = (uint8_t)rand();
            cr_assert_eq(node_write(file, at, data, length, alice), SYS_ERR_OK);
            memcpy(model + at, data, length);
            if (length > 0 && at + length > bytes)
                bytes = at + length;
        }
        cr_assert_eq(file->bytes, bytes);
        const size_t there = at < bytes ? bytes - at : 0;
        cr_assert_eq(node_read(file, at, data, length), length < there ? length : there);
        cr_assert_arr_eq(data, model + at, length < there ? length : there);
    }
}
