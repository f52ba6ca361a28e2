/* SPDX-License-Identifier: MIT
 *
 * Directories of the RAM file system, as POSIX reads them.  "." and ".." are not among the entries.
 */
#ifndef BARRELFISH_DIRENT_H
#define BARRELFISH_DIRENT_H

#include <sys/cdefs.h>
#include <sys/types.h>

__BEGIN_DECLS

#define DT_UNKNOWN 0
#define DT_DIR 4
#define DT_REG 8
#define NAME_MAX_BYTES 512

struct dirent {
    ino_t d_ino; /* the place in the directory */
    unsigned char d_type;
    char d_name[NAME_MAX_BYTES];
};

typedef struct posix_directory DIR;

/* NULL and errno: ENOENT, ENOTDIR, ENOMEM, ENOSPC. */
DIR *opendir(const char *path);
/* Valid until the next call for the same directory; NULL at the end, and errno is as before. */
struct dirent *readdir(DIR *directory);
void rewinddir(DIR *directory);
int closedir(DIR *directory);

__END_DECLS

#endif
