/* SPDX-License-Identifier: MIT
 *
 * Source lines from DWARF, by libdw.
 *
 * Images are the user's files and may be damaged: the library checks what it reads, and we bound
 * what it gets (regular files of a sane size) and what we take (one name, one number).
 */
#include "machine/source_lines.h"

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (256 << 20)

struct line_file {
    int fd;
    Dwarf *dwarf;
};

struct line_file *line_file_open(const char *path)
{
    struct stat status;
    struct line_file *file = calloc(1, sizeof(*file));
    if (!file)
        return NULL;
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd >= 0 && fstat(file->fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size <= FILE_MAX_BYTES)
        file->dwarf = dwarf_begin(file->fd, DWARF_C_READ);
    if (file->dwarf)
        return file;
    line_file_close(file);
    return NULL;
}

void line_file_close(struct line_file *file)
{
    if (!file)
        return;
    if (file->dwarf)
        dwarf_end(file->dwarf);
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

bool line_lookup(struct line_file *file, uint64_t vaddr, const char **source, int *line)
{
    Dwarf_Die unit;
    if (!file || !dwarf_addrdie(file->dwarf, vaddr, &unit))
        return false;
    Dwarf_Line *found = dwarf_getsrc_die(&unit, vaddr);
    const char *name = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
    if (!name || dwarf_lineno(found, line) != 0 || *line <= 0)
        return false;
    const char *slash = strrchr(name, '/');
    *source = slash ? slash + 1 : name;
    return true;
}
