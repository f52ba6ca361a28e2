/* SPDX-License-Identifier: MIT
 *
 * The helper process, as the engine sees it.
 *
 * It starts QEMU, through libvirt or by itself: neither must inherit this program's filter of
 * system calls, and neither shall be asked to be reentrant.  So it is a program of its own, started
 * before the filter is set, in a session of its own, so that Ctrl-C reaches it by the end of its
 * standard input only: however this program ends, even by SIGKILL, the helper sees that end and
 * removes everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/program.h"
#include "engine/qemu/qemu_private.h"
#include "machine/export.h"

#define CONSOLE_SOCKET "console"
#define STATUS_FD 3
#define BELL_FD 4 /* inherited by QEMU */

extern char **environ;

static bool find_helper(char *path, size_t bytes)
{
    static const char *const beside[] = { "", "/../lib/vmm" };
    char folder[PATH_MAX];
    if (!program_folder(folder, sizeof(folder)))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, bytes, "%s%s/%s", folder, beside[i], QEMU_HELPER);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* Starts it with three pipes; the ends that stay here do not get into other programs. */
static int spawn(struct qemu_helper *helper, char *const arguments[], int bell)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, status[2] = { -1, -1 };
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(status, O_CLOEXEC) < 0) {
        int error = errno;
        const int all[] = { in[0], in[1], out[0], out[1] };
        for (unsigned i = 0; i < 4; i++)
            if (all[i] >= 0)
                close(all[i]);
        return -error;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, status[1], STATUS_FD);
    if (bell >= 0)
        posix_spawn_file_actions_adddup2(&actions, bell, BELL_FD);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int error = posix_spawn(&helper->pid, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    close(status[1]);
    helper->control = in[1];
    fcntl(in[1], F_SETFL, O_WRONLY | O_NONBLOCK);
    helper->console = out[0];
    helper->status = status[0];
    if (!error)
        return 0;
    helper->pid = 0;
    qemu_helper_end(helper);
    return -error;
}

void qemu_helper_end(struct qemu_helper *helper)
{
    const int fds[] = { helper->control, helper->console, helper->status };
    for (unsigned i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    helper->control = helper->console = helper->status = -1;
    if (helper->pid > 0)
        while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    helper->pid = 0;
}

bool qemu_helper_go(const struct qemu_helper *helper)
{
    return write(helper->control, "\n", 1) == 1;
}

/* The text of a line "KEY TEXT" among what the helper said; false if there is none. */
static bool text_of(const char *said, const char *key, char *text, size_t bytes)
{
    const size_t length = strlen(key);
    for (const char *line = said; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, key, length) == 0 && line[length] == ' ') {
            snprintf(text, bytes, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
            return true;
        }
    }
    return false;
}

int qemu_helper_probe(const char *connect, struct engine_capability *out)
{
    struct qemu_helper helper = { .control = -1, .console = -1, .status = -1 };
    char path[PATH_MAX + 32], said[1024], word[] = "probe", *uri = strdup(connect);
    char *arguments[] = { path, word, uri, NULL };
    size_t used = 0;
    *out = (struct engine_capability){ 0 };
    bool there = uri && find_helper(path, sizeof(path));
    int error = there ? spawn(&helper, arguments, -1) : -ENOENT;
    if (error) {
        snprintf(out->reason, sizeof(out->reason), "its helper %s cannot be started: %s",
                 QEMU_HELPER, strerror(-error));
        snprintf(out->mend, sizeof(out->mend), "it belongs beside vmm; make builds it");
        free(uri);
        return error;
    }
    for (ssize_t got;
         (got = read(helper.status, said + used, sizeof(said) - 1 - used)) > 0 || errno == EINTR;) {
        if (got > 0)
            used += (size_t)got;
        errno = 0;
    }
    said[used] = '\0';
    qemu_helper_end(&helper);
    free(uri);
    out->usable = text_of(said, "works", out->version, sizeof(out->version));
    if (out->usable)
        return 0;
    if (!text_of(said, "failed", out->reason, sizeof(out->reason)))
        snprintf(out->reason, sizeof(out->reason), "its helper said nothing");
    text_of(said, "mend", out->mend, sizeof(out->mend));
    return -ENOENT;
}

/* ---- the folder ---- */

static FILE *create(const struct qemu_helper *helper, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/%s", helper->folder, name);
    return fopen(path, "wxe");
}

static int finish(FILE *file)
{
    bool bad = ferror(file) != 0;
    return fclose(file) != 0 || bad ? -EIO : 0;
}

static void write_word(void *context, const char *text)
{
    fwrite(text, 1, strlen(text) + 1, context);
}

/* Hardware that executes rings as they are: where `syscall` does not work, QEMU's own translation
 * is ten times as fast. */
static bool kvm_is_good(void)
{
    struct engine_capability capability = { 0 };
    const struct engine_ops *kvm = engine_find("kvm");
    return kvm && kvm->probe(&capability) == 0 && !capability.syscall_faults;
}

static int write_bundle(const struct qemu_helper *helper, struct machine *machine)
{
    FILE *file = create(helper, "bundle");
    if (!file)
        return -errno;
    int error = machine_write_bundle(machine, file);
    int closed = finish(file);
    return error ? error : closed;
}

/* The same machine in QEMU's words and in libvirt's: the helper takes the ones it needs. */
static int write_descriptions(const struct qemu_helper *helper, struct machine *machine,
                              const char *const *memory, int bell)
{
    char loader[PATH_MAX], bundle[PATH_MAX + 32], console[PATH_MAX + 32];
    machine_pc_loader(machine, loader, sizeof(loader));
    snprintf(bundle, sizeof(bundle), "%s/bundle", helper->folder);
    snprintf(console, sizeof(console), "%s/" CONSOLE_SOCKET, helper->folder);
    const struct pc_setup setup = { .kvm = kvm_is_good(),
                                    .loader = loader,
                                    .bundle = bundle,
                                    .memory = memory,
                                    .bell = bell >= 0 ? BELL_FD : 0 };
    FILE *words = create(helper, "words"), *xml = create(helper, "domain.xml");
    const char *name = strrchr(helper->folder, '/') + 1;
    int error = words && xml ? 0 : -errno;
    if (words) {
        machine_qemu_words(machine, &setup, write_word, words);
        int closed = finish(words);
        error = error ? error : closed;
    }
    if (xml) {
        machine_libvirt_xml(machine, &setup, name, console, xml);
        int closed = finish(xml);
        error = error ? error : closed;
    }
    return error;
}

static void remove_folder(struct qemu_helper *helper)
{
    static const char *const names[] = { "bundle", "words", "domain.xml" };
    char path[PATH_MAX + 32];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", helper->folder, names[i]);
        unlink(path);
    }
    rmdir(helper->folder);
    helper->folder[0] = '\0';
}

int qemu_helper_start(struct qemu_helper *helper, struct machine *machine, const char *connect,
                      const char *const *memory, int bell)
{
    char path[PATH_MAX + 32], word[] = "run", *uri = strdup(connect);
    const char *where = getenv("TMPDIR");
    *helper = (struct qemu_helper){ .control = -1, .console = -1, .status = -1 };
    if (!uri || !find_helper(path, sizeof(path))) {
        machine_set_error(machine, "its helper %s is not beside vmm", QEMU_HELPER);
        free(uri);
        return -ENOENT;
    }
    /* the path of a socket may have 107 bytes */
    if (!where || *where != '/' || strlen(where) > 60)
        where = "/tmp";
    snprintf(helper->folder, sizeof(helper->folder), "%s/vmm-qemu-XXXXXX", where);
    if (!mkdtemp(helper->folder)) {
        machine_set_error(machine, "%s: %s", helper->folder, strerror(errno));
        helper->folder[0] = '\0';
        free(uri);
        return -errno;
    }
    /* the QEMU of a daemon belongs to another user; nothing in there is secret */
    int error = chmod(helper->folder, 0711) < 0 ? -errno : write_bundle(helper, machine);
    if (!error)
        error = write_descriptions(helper, machine, memory, bell);
    char *arguments[] = { path, word, uri, helper->folder, NULL };
    if (!error)
        error = spawn(helper, arguments, bell);
    if (error) {
        machine_set_error(machine, "%s: %s", helper->folder, strerror(-error));
        remove_folder(helper);
    }
    free(uri);
    return error;
}
