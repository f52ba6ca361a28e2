/* SPDX-License-Identifier: MIT
 *
 * vmm doctor: for each engine whether it runs here, why not, and what to do; versions of the
 * libraries, permissions of /dev/kvm, where the guest images are.
 *
 * Exit status 0 when the engine asked for (--engine), or any engine, can run here, else 3.  With
 * --engine the last line says so in one sentence, for scripts.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <grp.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>
#include <yaml.h>

#include "abi/version.h"
#include "cli/cmd.h"

static const struct command_line command_line = {
    .takes = { { 'e', "Look at one engine; status 0 if it can run here, else 3" },
               { OPTION_CONNECT, "Whom engine qemu asks, as in vmm run" },
               { 'i', "Guest images to look for" } },
    .doc = "Shows which engines work here, and why others do not.",
};

static void print_host(void)
{
    struct utsname host;
    if (uname(&host) == 0)
        printf("host       %s %s %s, %ld CPUs\n", host.sysname, host.release, host.machine,
               sysconf(_SC_NPROCESSORS_ONLN));
    printf("program    vmm %s; glibc %s, libyaml %s, jansson %s, xxhash %u.%u.%u\n",
           PROJECT_VERSION, gnu_get_libc_version(), yaml_get_version_string(),
           jansson_version_str(), XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100,
           XXH_versionNumber() % 100);
}

static void print_images(const char *option)
{
    char path[2 * PATH_MAX], kernel[sizeof(path) + 16];
    bool found = images_find(option, path, sizeof(path));
    snprintf(kernel, sizeof(kernel), "%s/boot/cpu", path);
    bool empty = found && access(kernel, R_OK) < 0;
    printf("images     %s%s\n", path, empty ? ": without /boot/cpu (make builds it)" : "");
}

static void print_kvm_device(void)
{
    static const char device[] = "/dev/kvm";
    struct stat info;
    if (stat(device, &info) < 0) {
        printf("%s   %s\n", device, strerror(errno));
        return;
    }
    const struct passwd *user = getpwuid(info.st_uid);
    const struct group *group = getgrgid(info.st_gid);
    int fd = open(device, O_RDWR | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    printf("%s   mode %03o, owner %s:%s; %s%s\n", device, (unsigned)info.st_mode & 0777,
           user ? user->pw_name : "?", group ? group->gr_name : "?",
           error ? "cannot be opened here: " : "can be opened here", error ? strerror(error) : "");
}

static bool print_engine(const struct engine_ops *ops, bool sentence)
{
    struct engine_capability capability = { 0 };
    bool usable = ops->probe(&capability) == 0;
    if (sentence) {
        if (usable)
            printf("%s works here: %s\n", ops->name, capability.version);
        else
            printf("%s does not work here: %s%s%s\n", ops->name, capability.reason,
                   capability.mend[0] ? "; " : "", capability.mend);
        return usable;
    }
    printf("%-10s %s", ops->name, usable ? "works" : "does not work");
    if (usable)
        printf(": %s; %s time%s\n", capability.version,
               capability.virtual_time ? "virtual" : "real",
               capability.readonly_slots ? ", window stores can be trapped" : "");
    else
        printf(": %s\n%-10s fix:  %s\n", capability.reason, "",
               capability.mend[0] ? capability.mend : "none known");
    const char *library = usable && ops->library_path ? ops->library_path() : NULL;
    if (library)
        printf("%-10s library %s\n", "", library);
    return usable;
}

int cmd_doctor(int argc, char **argv)
{
    struct options options;
    options_parse(&command_line, argc, argv, &options);
    const struct engine_ops *ops;
    int status = STATUS_OK;
    if (options.engine) {
        ops = engine_named(options.engine, &status);
        if (!ops)
            return status;
        return print_engine(ops, true) ? STATUS_OK : STATUS_HOST;
    }
    print_host();
    print_images(options.images);
    print_kvm_device();
    bool any = false;
    const char *preferred = NULL;
    for (unsigned i = 0; (ops = engine_nth(i)); i++) {
        bool usable = print_engine(ops, false);
        if (usable && !preferred && !ops->witness)
            preferred = ops->name;
        any |= usable;
    }
    static const char *const all[] = { "kvm", "unicorn", "qemu" };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (engine_was_left_out(all[i]))
            printf("%-10s was left out of this build\n", all[i]);
    if (preferred)
        printf("vmm run uses %s unless told otherwise\n", preferred);
    else if (any)
        printf("vmm run needs --engine here\n");
    else
        printf("no engine can run here\n");
    return any ? STATUS_OK : STATUS_HOST;
}
