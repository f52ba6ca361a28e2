/* SPDX-License-Identifier: MIT
 *
 * A host that forbids or lacks something is told by name: limits of tasks and memory, another
 * hypervisor, memory that may not be both written and executed.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/host_limits.h"
#include "report/out_file.h"

static char root[64];

static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert_not_null(file, "%s", whole);
    fputs(text, file);
    fclose(file);
}

static void make_root(void)
{
    strcpy(root, "/tmp/host-limits-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    if (system(command) != 0)
        perror(root);
}

static void says(int error, const char *wanted)
{
    char text[160];
    host_explain(root, error, text, sizeof(text));
    cr_expect(strstr(text, wanted), "'%s' is not in '%s'", wanted, text);
}

TestSuite(host_limits, .init = make_root, .fini = remove_root);

Test(host_limits, tasks_of_a_cgroup_of_the_first_version)
{
    put("/proc/self/cgroup", "9:name=systemd:/\n8:pids:/a/b\n");
    put("/sys/fs/cgroup/pids/a/b/pids.max", "max\n");
    put("/sys/fs/cgroup/pids/a/pids.max", "4\n");
    says(EAGAIN, "/sys/fs/cgroup/pids/a/pids.max is 4");
}

Test(host_limits, tasks_and_memory_of_a_cgroup_of_the_second)
{
    put("/proc/self/cgroup", "0::/box.slice/run\n");
    put("/sys/fs/cgroup/box.slice/run/pids.max", "17\n");
    put("/sys/fs/cgroup/box.slice/memory.max", "67108864\n");
    says(EAGAIN, "/sys/fs/cgroup/box.slice/run/pids.max is 17");
    says(ENOMEM, "/sys/fs/cgroup/box.slice/memory.max is 64 MiB");
}

Test(host_limits, files)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 77;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    says(EMFILE, "ulimit -n is 77");
}

Test(host_limits, another_hypervisor)
{
    says(EBUSY, "another hypervisor has the processor");
    put("/proc/modules", "kvm 1 0 - Live 0x0\nvboxdrv 663552 2 vboxnetadp, Live 0x0 (OE)\n");
    says(EBUSY, "VirtualBox (module vboxdrv)");
}

/* As a host with such a policy does: mmap and mprotect with PROT_WRITE and PROT_EXEC fail. */
static void forbid_writable_code(void)
{
    const int both = PROT_WRITE | PROT_EXEC;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, both),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, both, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        cr_skip_test("no system call filters here");
}

Test(host_limits, writable_code_is_forbidden)
{
    forbid_writable_code();
    struct engine_capability capability = { 0 };
    cr_assert_neq(engine_unicorn.probe(&capability), 0);
    if (!strstr(capability.reason, "forbids"))
        cr_skip_test("no library to be refused: %s", capability.reason);
    cr_expect(strstr(capability.mend, "MemoryDenyWriteExecute"), "%s", capability.mend);
    cr_expect(!strstr(capability.mend, "fetch-unicorn"), "%s", capability.mend);
}

/* ---- files that appear whole or not at all ---- */

static void path_below(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", root, name);
}

static void holds(const char *path, const char *wanted)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    size_t got = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[got] = '\0';
    cr_expect_str_eq(text, wanted);
}

Test(host_limits, a_file_is_replaced_when_it_is_whole)
{
    struct out_file file;
    char path[128], link[128];
    struct stat info;
    path_below(path, "r.json");
    path_below(link, "link");
    put("/r.json", "old");
    chmod(path, 0640);
    cr_assert_eq(symlink("r.json", link), 0);
    cr_assert_eq(out_file_open(&file, link), 0);
    fputs("new", file.stream);
    fflush(file.stream);
    holds(path, "old");
    cr_assert_eq(out_file_close(&file, true), 0);
    holds(path, "new");
    cr_expect(lstat(link, &info) == 0 && S_ISLNK(info.st_mode), "the link stays one");
    cr_expect(stat(path, &info) == 0 && (info.st_mode & 0777) == 0640, "rights stay");
}

Test(host_limits, a_file_that_cannot_be_finished_stays_what_it_was)
{
    struct out_file file;
    char path[128];
    path_below(path, "r.json");
    put("/r.json", "old");
    cr_assert_eq(out_file_open(&file, path), 0);
    fputs("half", file.stream);
    cr_assert_eq(out_file_close(&file, false), 0);
    holds(path, "old");
    cr_expect(!file.beside[0] || access(file.beside, F_OK) != 0, "the half is removed");
    path_below(path, "nowhere/r.json");
    cr_expect_eq(out_file_open(&file, path), -ENOENT);
    cr_expect_eq(out_file_open(&file, root), -EISDIR);
}

/* Number of the files in the folder. */
static unsigned files_there(void)
{
    unsigned count = 0;
    DIR *folder = opendir(root);
    cr_assert_not_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_type == DT_REG;
    closedir(folder);
    return count;
}

Test(host_limits, a_file_has_no_name_before_it_is_whole)
{
    struct out_file file, other;
    char path[128];
    path_below(path, "r.json");
    put("/r.json", "old");
    cr_assert_eq(out_file_open(&file, path), 0);
    if (file.beside[0])
        cr_skip_test("this host has no files without a name");
    fputs("new", file.stream);
    fflush(file.stream);
    cr_expect_eq(files_there(), 1, "a kill would leave a file");
    /* two at once: the one that ends last stays, and nothing beside it */
    cr_assert_eq(out_file_open(&other, path), 0);
    fputs("newer", other.stream);
    cr_assert_eq(out_file_close(&file, true), 0);
    holds(path, "new");
    cr_assert_eq(out_file_close(&other, true), 0);
    holds(path, "newer");
    cr_expect_eq(files_there(), 1);
}

Test(host_limits, names_beside_a_file_that_are_taken_are_left_alone)
{
    struct out_file file;
    char path[128], taken[160];
    path_below(path, "r.json");
    cr_assert_eq(out_file_open(&file, path), 0);
    if (file.beside[0])
        cr_skip_test("this host has no files without a name");
    snprintf(taken, sizeof(taken), "/r.json.%06u", (unsigned)getpid() % 1000000);
    put(taken, "mine");
    fputs("new", file.stream);
    cr_assert_eq(out_file_close(&file, true), 0);
    holds(path, "new");
    snprintf(taken, sizeof(taken), "%s.%06u", path, (unsigned)getpid() % 1000000);
    holds(taken, "mine");
}

Test(host_limits, what_is_open_already_is_written_to)
{
    struct out_file file;
    cr_assert_eq(out_file_open(&file, "/dev/null"), 0);
    cr_expect(out_file_is_direct(&file));
    cr_expect_eq(out_file_close(&file, true), 0);
    if (access("/dev/full", W_OK) == 0) {
        cr_assert_eq(out_file_open(&file, "/dev/full"), 0);
        fputs("x", file.stream);
        cr_expect_eq(out_file_close(&file, true), -ENOSPC);
    }
}
