/* SPDX-License-Identifier: MIT
 *
 * nested cpio LIST OUT: an initramfs from a list.
 *
 * Each line of the list is  MODE <tab> PATH <tab> SOURCE : an octal mode, the absolute path inside,
 * the file it comes from.  Folders are made as they are needed.  The format is "newc" (a header of
 * thirteen eight-digit hexadecimal numbers, name, contents, each padded to four bytes), which is what
 * the kernel unpacks.  No time, owner or inode of the host gets in: the same inputs give the same
 * bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nested.h"

#define MAX_FOLDERS 256
#define MAX_PATH_BYTES 256

struct archive {
    FILE *out;
    unsigned inode;
    unsigned folder_count;
    char folder[MAX_FOLDERS][MAX_PATH_BYTES];
};

static void pad(FILE *out, size_t bytes)
{
    static const char zeros[4];
    fwrite(zeros, 1, (4 - bytes % 4) % 4, out);
}

static void entry(struct archive *a, const char *path, unsigned mode, const void *data,
                  size_t bytes)
{
    const char *name = path[0] == '/' ? path + 1 : path;
    size_t name_bytes = strlen(name) + 1;
    int header = fprintf(a->out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                         ++a->inode, mode, 0u, 0u, S_ISDIR(mode) ? 2u : 1u, 0u, (unsigned)bytes, 0u,
                         0u, 0u, 0u, (unsigned)name_bytes, 0u);
    fwrite(name, 1, name_bytes, a->out);
    pad(a->out, (size_t)header + name_bytes);
    if (bytes)
        fwrite(data, 1, bytes, a->out);
    pad(a->out, bytes);
}

/* Makes the folders above `path` that are not there yet. */
static int folders(struct archive *a, const char *path)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        char folder[MAX_PATH_BYTES];
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
        unsigned i = 0;
        while (i < a->folder_count && strcmp(a->folder[i], folder) != 0)
            i++;
        if (i < a->folder_count)
            continue;
        if (a->folder_count == MAX_FOLDERS)
            return nested_fail("more than %d folders in an initramfs", MAX_FOLDERS);
        memcpy(a->folder[a->folder_count++], folder, sizeof(folder));
        entry(a, folder, S_IFDIR | 0755, NULL, 0);
    }
    return 0;
}

static int add(struct archive *a, char *line)
{
    line[strcspn(line, "\n")] = 0;
    if (line[0] == 0)
        return 0;
    char *rest = line, *end;
    const char *mode_text = strsep(&rest, "\t");
    const char *path = strsep(&rest, "\t");
    unsigned long mode = strtoul(mode_text, &end, 8);
    if (!rest || *end || mode > 07777 || path[0] != '/' || strlen(path) >= MAX_PATH_BYTES)
        return nested_fail("cpio: bad line for %s in the list", path ? path : mode_text);
    size_t bytes;
    uint8_t *data = nested_read(rest, &bytes);
    if (!data)
        return nested_fail("cpio: %s: %s", rest, strerror(errno));
    int r = folders(a, path);
    if (r == 0)
        entry(a, path, S_IFREG | (unsigned)mode, data, bytes);
    free(data);
    return r;
}

int nested_cpio(int argc, char **argv)
{
    if (argc != 3)
        return nested_fail("usage: nested cpio LIST OUT");
    static struct archive a;
    FILE *list = fopen(argv[1], "re");
    if (!list)
        return nested_fail("cpio: %s: %s", argv[1], strerror(errno));
    a.out = fopen(argv[2], "wbe");
    if (!a.out) {
        fclose(list);
        return nested_fail("cpio: %s: %s", argv[2], strerror(errno));
    }
    char line[4096];
    int r = 0;
    while (r == 0 && fgets(line, sizeof(line), list))
        r = add(&a, line);
    fclose(list);
    a.inode = 0;
    entry(&a, "TRAILER!!!", 0, NULL, 0);
    int bad = ferror(a.out);
    bad |= fclose(a.out);
    if (r == 0 && bad)
        return nested_fail("cpio: cannot write %s", argv[2]);
    return r;
}
