/* SPDX-License-Identifier: MIT
 *
 * Files that appear whole or not at all (out_file.h).
 *
 * The new file has no name until all of it is written (O_TMPFILE), so a program that is killed
 * leaves nothing behind.  Then it gets a name of its own in the same folder, since several runs may
 * write to one name, and is renamed, which stays within a file system.  Where there is no /proc to
 * name it by, or the file system knows no files without a name, it has that name from the
 * beginning, and a kill leaves it.
 */
#include "report/out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/in_file.h"

#define NAMES_TRIED 1000000
#define PROC_FD_BYTES 32

static void proc_fd(char name[PROC_FD_BYTES], int fd)
{
    snprintf(name, PROC_FD_BYTES, "/proc/self/fd/%d", fd);
}

/* Names that stand for what is open already: a rename would put a file in the place of the name
 * only. */
static bool is_in_device_folder(const char *target)
{
    return strncmp(target, "/dev/", 5) == 0 || strncmp(target, "/proc/", 6) == 0;
}

/* Fills target[] with the resolved path of a file that need not exist.  0 or a negative errno. */
static int resolve(const char *path, char target[PATH_MAX])
{
    char folder[PATH_MAX], copy[PATH_MAX], last[PATH_MAX];
    if (realpath(path, target))
        return 0;
    if (errno != ENOENT)
        return -errno;
    if (strlen(path) >= sizeof(copy))
        return -ENAMETOOLONG;
    snprintf(copy, sizeof(copy), "%s", path);
    snprintf(last, sizeof(last), "%s", basename(copy));
    snprintf(copy, sizeof(copy), "%s", path);
    if (!realpath(dirname(copy), folder))
        return -errno;
    if (path[0] == '\0' || path[strlen(path) - 1] == '/')
        return -EISDIR;
    bool root = strcmp(folder, "/") == 0;
    return (size_t)snprintf(target, PATH_MAX, "%s/%s", root ? "" : folder, last) < PATH_MAX
               ? 0
               : -ENAMETOOLONG;
}

/* Opening a pipe must not hang; it is refused afterwards. */
FILE *out_file_create(const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    const int fd = open(path, flags, 0666);
    struct stat info;
    if (fd < 0)
        return NULL;
    int error = fstat(fd, &info) < 0 ? errno : S_ISREG(info.st_mode) ? 0 : EEXIST;
    return file_of(fd, error, "w");
}

int out_folder_create(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0)
        return 0;
    if (errno != EEXIST || lstat(path, &info) < 0)
        return -errno;
    return S_ISDIR(info.st_mode) ? 0 : S_ISLNK(info.st_mode) ? -ELOOP : -ENOTDIR;
}

/* Never waits: a pipe that nobody reads is an error (-ENXIO), for no signal would end the wait.
 * What is written later waits for its reader as usual. */
static int open_direct(struct out_file *file, const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
    file->target[0] = '\0';
    file->stream = NULL;
    if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0)
        file->stream = fdopen(fd, "w");
    if (file->stream)
        return 0;
    const int error = -errno;
    if (fd >= 0)
        close(fd);
    return error;
}

static int open_standard_output(struct out_file *file)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    file->target[0] = '\0';
    file->stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (file->stream)
        return 0;
    int error = errno ? -errno : -EBADF;
    if (fd >= 0)
        close(fd);
    return error;
}

/* The new file gets the rights of the old one, or those of any new file. */
static int set_rights(int fd, const struct stat *old)
{
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(fd, old ? old->st_mode & 07777 : 0666 & ~mask) < 0 ? -errno : 0;
}

/* A file without a name in the folder of the target, or a negative errno. */
static int open_nameless(struct out_file *file)
{
    char folder[PATH_MAX], name[PROC_FD_BYTES];
    snprintf(folder, sizeof(folder), "%s", file->target);
    int fd = open(dirname(folder), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    proc_fd(name, fd);
    if (access(name, F_OK) == 0) {
        file->beside[0] = '\0';
        return fd;
    }
    int error = -errno;
    close(fd);
    return error;
}

static void remove_beside(const struct out_file *file)
{
    if (file->beside[0])
        unlink(file->beside);
}

static int open_beside(struct out_file *file)
{
    int fd = open_nameless(file);
    if (fd >= 0)
        return fd;
    snprintf(file->beside, sizeof(file->beside), "%s.XXXXXX", file->target);
    fd = mkostemp(file->beside, O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Gives the nameless file a name beside the target that nobody has.  0 or a negative errno. */
static int name_beside(struct out_file *file)
{
    char name[PROC_FD_BYTES];
    proc_fd(name, fileno(file->stream));
    for (unsigned n = 0; n < NAMES_TRIED; n++) {
        snprintf(file->beside, sizeof(file->beside), "%s.%06u", file->target,
                 ((unsigned)getpid() + n) % NAMES_TRIED);
        if (linkat(AT_FDCWD, name, AT_FDCWD, file->beside, AT_SYMLINK_FOLLOW) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    int error = -errno;
    file->beside[0] = '\0';
    return error;
}

int out_file_open(struct out_file *file, const char *path)
{
    struct stat info;
    file->stream = NULL;
    if (strcmp(path, "-") == 0)
        return open_standard_output(file);
    bool exists = stat(path, &info) == 0;
    if ((exists && !S_ISREG(info.st_mode)) || is_in_device_folder(path))
        return open_direct(file, path);
    int error = resolve(path, file->target);
    if (error)
        return error;
    if (is_in_device_folder(file->target))
        return open_direct(file, path);
    /* Renaming over it asks for rights to the folder only: not what the owner meant. */
    if (exists && access(path, W_OK) < 0)
        return -errno;
    int fd = open_beside(file);
    if (fd < 0)
        return fd;
    error = set_rights(fd, exists ? &info : NULL);
    if (!error) {
        file->stream = fdopen(fd, "w");
        if (file->stream)
            return 0;
        error = -errno;
    }
    close(fd);
    remove_beside(file);
    return error;
}

bool out_file_is_direct(const struct out_file *file)
{
    return file->target[0] == '\0';
}

int out_file_close(struct out_file *file, bool keep)
{
    int error = ferror(file->stream) ? -EIO : 0;
    if (fflush(file->stream) != 0)
        error = -errno;
    if (keep && !error && !out_file_is_direct(file) && !file->beside[0])
        error = name_beside(file);
    if (fclose(file->stream) != 0 && !error)
        error = -errno;
    file->stream = NULL;
    if (out_file_is_direct(file))
        return keep ? error : 0;
    if (keep && !error && rename(file->beside, file->target) < 0)
        error = -errno;
    if (!keep || error)
        remove_beside(file);
    return keep ? error : 0;
}
