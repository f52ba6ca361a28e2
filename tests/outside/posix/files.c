/* Files by every name they have: stdio, POSIX and vfs. */
#include <barrelfish/barrelfish.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <vfs/vfs.h>

#define BIG 20000

static void with_stdio(void)
{
    char line[80];
    FILE *file = fopen("/notes.txt", "w");

    assert(file != NULL);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "line %d\n", i);
    assert(fclose(file) == 0);
    file = fopen("notes.txt", "r");
    assert(file != NULL);
    for (int i = 0; i < 1000; i++) {
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "line %d\n", i);
        assert(fgets(line, sizeof(line), file) != NULL && strcmp(line, wanted) == 0);
    }
    assert(fgets(line, sizeof(line), file) == NULL && feof(file));
    assert(fseek(file, 7 * 3, SEEK_SET) == 0 && ftell(file) == 21);
    assert(fgets(line, sizeof(line), file) != NULL && strcmp(line, "line 3\n") == 0);
    fclose(file);
    file = fopen("/notes.txt", "a");
    assert(file != NULL && fprintf(file, "more\n") == 5 && fclose(file) == 0);
    assert(fopen("/nowhere/notes.txt", "w") == NULL && errno == ENOENT);
    assert(rename("/notes.txt", "/old.txt") == 0 && access("/notes.txt", F_OK) == -1);
    assert(remove("/old.txt") == 0 && remove("/old.txt") == -1 && errno == ENOENT);
}

static void with_posix(void)
{
    static char data[BIG], back[BIG];
    struct stat st;
    struct dirent *entry;
    char here[8];
    int count = 0;

    for (int i = 0; i < BIG; i++)
        data[i] = (char)(i * 7);
    assert(mkdir("/dir", 0777) == 0 && mkdir("/dir", 0777) == -1 && errno == EEXIST);
    int fd = open("/dir/big", O_RDWR | O_CREAT | O_EXCL, 0666);
    assert(fd > 2 && write(fd, data, BIG) == BIG && lseek(fd, 0, SEEK_SET) == 0);
    assert(read(fd, back, BIG) == BIG && memcmp(data, back, BIG) == 0 && read(fd, back, 1) == 0);
    assert(lseek(fd, BIG + 100, SEEK_SET) == BIG + 100 && write(fd, "x", 1) == 1);
    assert(lseek(fd, -2, SEEK_END) == BIG + 99 && read(fd, back, 9) == 2 && back[0] == 0);
    assert(lseek(fd, -1, SEEK_SET) == -1 && errno == EINVAL);
    assert(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == BIG + 101);
    assert(ftruncate(fd, 10) == 0 && fstat(fd, &st) == 0 && st.st_size == 10);
    assert(unlink("/dir/big") == 0 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, back, 20) == 10);
    assert(close(fd) == 0 && close(fd) == -1 && errno == EBADF);
    close(open("/dir/b", O_WRONLY | O_CREAT, 0666));
    close(open("/dir/a", O_WRONLY | O_CREAT, 0666));
    assert(mkdir("/dir/c", 0777) == 0);
    DIR *dir = opendir("/dir");
    assert(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        assert(entry->d_name[0] == 'a' + count && entry->d_name[1] == 0);
        assert(entry->d_type == (count == 2 ? DT_DIR : DT_REG));
        count++;
    }
    assert(count == 3);
    rewinddir(dir);
    assert((entry = readdir(dir)) != NULL && entry->d_name[0] == 'a' && closedir(dir) == 0);
    assert(rmdir("/dir") == -1 && errno == ENOTEMPTY && opendir("/dir/a") == NULL);
    assert(unlink("/dir/a") == 0 && unlink("/dir/b") == 0 && rmdir("/dir/c") == 0);
    assert(rmdir("/dir") == 0 && strcmp(getcwd(here, sizeof(here)), "/") == 0);
}

/* The file of the boot image that this program is. */
static void with_vfs(void)
{
    struct vfs_fileinfo info;
    vfs_handle_t handle;
    unsigned char head[4];
    size_t bytes, at;
    bool found = false;
    char *name;
    errval_t err = vfs_init();

    assert(err_is_ok(err));
    err = vfs_open("/sbin/px_files", &handle);
    assert(err_is_ok(err));
    err = vfs_read(handle, head, sizeof(head), &bytes);
    assert(err_is_ok(err) && bytes == 4 && memcmp(head, "\177ELF", 4) == 0);
    err = vfs_tell(handle, &at);
    assert(err_is_ok(err) && at == 4);
    err = vfs_stat(handle, &info);
    assert(err_is_ok(err) && info.type == VFS_FILE && info.size > 10000);
    err = vfs_seek(handle, VFS_SEEK_END, 0);
    assert(err_is_ok(err));
    assert(err_no(vfs_read(handle, head, 1, &bytes)) == VFS_ERR_EOF && bytes == 0);
    assert(err_is_fail(vfs_write(handle, head, 1, &bytes)) && bytes == 0);
    err = vfs_close(handle);
    assert(err_is_ok(err));
    assert(err_no(vfs_remove("/sbin/px_files")) == FS_ERR_READONLY);
    err = vfs_opendir("/sbin", &handle);
    assert(err_is_ok(err));
    while (err_is_ok(vfs_dir_read_next(handle, &name, &info))) {
        found = found || strcmp(name, "px_files") == 0;
        free(name);
    }
    assert(found && err_is_ok(vfs_closedir(handle)));
    err = vfs_create("/made", &handle);
    assert(err_is_ok(err) && err_is_ok(vfs_write(handle, "abc", 3, &bytes)) && bytes == 3);
    assert(err_is_ok(vfs_close(handle)) && err_is_ok(vfs_open("/made", &handle)));
    assert(err_is_ok(vfs_write(handle, "A", 1, NULL)) && err_is_ok(vfs_close(handle)));
    assert(err_is_ok(vfs_remove("/made")));
    assert(err_no(vfs_mount("/nfs", "nfs://10.0.0.1/")) == FS_ERR_NOTFOUND);
    assert(err_no(vfs_mkdir("/a/b")) == FS_ERR_NOTFOUND);
    assert(err_no(vfs_open("/sbin/px_files/x", &handle)) == FS_ERR_NOTDIR);
}

static int caught;

static void note(int number)
{
    caught = number;
}

int main(void)
{
    struct timespec before, after, ms = { 0, 1000000 };

    with_stdio();
    with_posix();
    with_vfs();
    assert(clock_getres(CLOCK_MONOTONIC, &after) == 0 && after.tv_nsec == 1);
    assert(clock_gettime(CLOCK_MONOTONIC, &before) == 0 && nanosleep(&ms, NULL) == 0);
    assert(clock_gettime(CLOCK_REALTIME, &after) == 0 && clock() != (clock_t)-1);
    assert((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 1000000);
    assert(signal(SIGUSR1, note) == SIG_DFL && raise(SIGUSR1) == 0 && caught == SIGUSR1);
    assert(kill(getpid() + 1, SIGTERM) == -1 && errno == ESRCH);
    printf("px_files: passed\n");
    return 0;
}
