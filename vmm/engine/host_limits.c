/* SPDX-License-Identifier: MIT
 *
 * Errors of the host in words.
 *
 * "Resource temporarily unavailable" is what a user gets who may not make another task (KVM makes
 * workers of its own in the cgroup of its caller), and "Device or resource busy" one whose
 * processor another hypervisor has taken.  This looks into /proc and /sys for the limit or the
 * module by name.  It only reads, and whatever it does not find it leaves out.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/host_limits.h"

#define PATH_BYTES 1024

static FILE *open_below(const char *root, const char *path)
{
    char whole[PATH_BYTES];
    if ((size_t)snprintf(whole, sizeof(whole), "%s%s", root, path) >= sizeof(whole))
        return NULL;
    return fopen(whole, "re");
}

/* The number in a file of a cgroup; false if there is none, or no limit ("max"). */
static bool read_limit(const char *root, const char *path, unsigned long long *value)
{
    FILE *file = open_below(root, path);
    if (!file)
        return false;
    bool found = fscanf(file, "%llu", value) == 1;
    fclose(file);
    return found;
}

/* A line of /proc/self/cgroup is "7:pids:/path" for a controller of the first version, "0::/path"
 * for the second.  Looks for the lowest limit of that name from the process's group upwards. */
static bool find_limit(const char *root, const char *controller, const char *name, char *found,
                       size_t found_bytes, unsigned long long *value)
{
    FILE *file = open_below(root, "/proc/self/cgroup");
    char line[PATH_BYTES / 2];
    bool any = false;
    while (file && !any && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = 0;
        char *names = strchr(line, ':');
        char *group = names ? strchr(names + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        bool second = names[1] == 0;
        if (!second && strcmp(names + 1, controller) != 0)
            continue;
        for (char *slash = group + strlen(group); slash && !any; slash = strrchr(group, '/')) {
            *slash = 0;
            if ((size_t)snprintf(found, found_bytes, "/sys/fs/cgroup%s%s%s/%s", second ? "" : "/",
                                 second ? "" : controller, group, name) < found_bytes)
                any = read_limit(root, found, value);
        }
    }
    if (file)
        fclose(file);
    return any;
}

static void explain_tasks(const char *root, char *text, size_t bytes)
{
    char path[PATH_BYTES];
    unsigned long long limit;
    struct rlimit own;
    if (find_limit(root, "pids", "pids.max", path, sizeof(path), &limit))
        snprintf(text, bytes, ": no more tasks may be made (%.80s is %llu)", path, limit);
    else if (getrlimit(RLIMIT_NPROC, &own) == 0 && own.rlim_cur != RLIM_INFINITY)
        snprintf(text, bytes, ": no more tasks may be made (ulimit -u is %llu)",
                 (unsigned long long)own.rlim_cur);
    else
        snprintf(text, bytes, ": no more tasks may be made, or the host lacks memory");
}

static void explain_memory(const char *root, char *text, size_t bytes)
{
    char path[PATH_BYTES];
    unsigned long long limit;
    struct rlimit own;
    if (find_limit(root, "memory", "memory.max", path, sizeof(path), &limit) ||
        find_limit(root, "memory", "memory.limit_in_bytes", path, sizeof(path), &limit))
        snprintf(text, bytes, ": %.80s is %llu MiB", path, limit >> 20);
    else if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY)
        snprintf(text, bytes, ": ulimit -v is %llu KiB", (unsigned long long)own.rlim_cur >> 10);
}

static void explain_files(char *text, size_t bytes)
{
    struct rlimit own;
    if (getrlimit(RLIMIT_NOFILE, &own) == 0 && own.rlim_cur != RLIM_INFINITY)
        snprintf(text, bytes, ": ulimit -n is %llu", (unsigned long long)own.rlim_cur);
}

static void explain_busy(const char *root, char *text, size_t bytes)
{
    static const struct {
        const char *module, *name;
    } others[] = {
        { "vboxdrv", "VirtualBox" }, { "vmmon", "VMware" },        { "xen_privcmd", "Xen" },
        { "mshv_root", "Hyper-V" },  { "jailhouse", "Jailhouse" }, { "bhyve", "bhyve" },
    };
    char line[256];
    FILE *file = open_below(root, "/proc/modules");
    snprintf(text, bytes, ": another hypervisor has the processor");
    while (file && fgets(line, sizeof(line), file)) {
        for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            size_t length = strlen(others[i].module);
            if (strncmp(line, others[i].module, length) == 0 && line[length] == ' ')
                snprintf(text, bytes, ": %s (module %s) has the processor; stop its machines",
                         others[i].name, others[i].module);
        }
    }
    if (file)
        fclose(file);
}

void host_explain(const char *root, int error, char *text, size_t bytes)
{
    char more[144] = "";
    if (error == EAGAIN)
        explain_tasks(root, more, sizeof(more));
    else if (error == ENOMEM)
        explain_memory(root, more, sizeof(more));
    else if (error == EMFILE)
        explain_files(more, sizeof(more));
    else if (error == EBUSY)
        explain_busy(root, more, sizeof(more));
    snprintf(text, bytes, "%s%s", strerror(error), more);
}
