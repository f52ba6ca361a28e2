/* SPDX-License-Identifier: MIT
 *
 * What several commands share: loading a scenario with its diagnostics, finding the guest
 * images, choosing an engine.  Prints to stderr only.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "engine/program.h"

bool terminal_escapes(void)
{
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

bool terminal_colour(void)
{
    const char *no = getenv("NO_COLOR"); /* https://no-color.org: present and not empty */
    return terminal_escapes() && !(no && *no);
}

struct scenario *load_and_keep(const char *path, const struct sets *sets, struct diags *diags)
{
    struct scenario *scenario = scenario_load(path, sets->list, sets->count, diags);
    diags_print(diags, stderr);
    return scenario;
}

struct scenario *load_and_report(const char *path, const struct sets *sets)
{
    struct diags *diags = calloc(1, sizeof(*diags));
    if (!diags) {
        fprintf(stderr, "vmm: the host is out of memory\n");
        return NULL;
    }
    struct scenario *scenario = load_and_keep(path, sets, diags);
    diags_free(diags);
    free(diags);
    return scenario;
}

static bool is_directory(const char *path)
{
    struct stat stat_buffer;
    return stat(path, &stat_buffer) == 0 && S_ISDIR(stat_buffer.st_mode);
}

bool images_find(const char *option, char *path, size_t bytes)
{
    static const char *const beside[] = { "../guest", "../lib/vmm/guest" };
    const char *given = option ? option : getenv("VMM_IMAGES");
    if (given && *given) {
        errno = 0;
        if (is_directory(given)) {
            snprintf(path, bytes, "%s", given);
            return true;
        }
        snprintf(path, bytes, "no guest images in '%s' (from %s): %s", given,
                 option ? "--images" : "VMM_IMAGES",
                 errno ? strerror(errno) : "it is not a directory");
        return false;
    }
    char program[PATH_MAX];
    if (!program_folder(program, sizeof(program))) {
        snprintf(path, bytes, "cannot find out where this program lies; use --images DIR");
        return false;
    }
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        char candidate[2 * PATH_MAX];
        snprintf(candidate, sizeof(candidate), "%s/%s", program, beside[i]);
        char *resolved = realpath(candidate, NULL);
        bool found = resolved && is_directory(resolved) && strlen(resolved) < bytes;
        if (found)
            snprintf(path, bytes, "%s", resolved);
        free(resolved);
        if (found)
            return true;
    }
    snprintf(
        path, bytes,
        "no guest images: looked in %s/../guest and ../lib/vmm/guest; build them with make, or "
        "name their directory with --images",
        program);
    return false;
}

bool images_find_or_say(const char *option, char *path, size_t bytes)
{
    if (images_find(option, path, bytes))
        return true;
    fprintf(stderr, "vmm: %s\n", path);
    return false;
}

static void print_unusable(const char *name, const struct engine_capability *capability)
{
    fprintf(stderr, "vmm: engine %s cannot run here: %s%s%s\n", name, capability->reason,
            capability->mend[0] ? "; " : "", capability->mend);
}

static void say_unknown(const char *name)
{
    const struct engine_ops *ops;
    if (engine_was_left_out(name)) {
        fprintf(stderr, "vmm: this vmm was built without engine %s\n", name);
        return;
    }
    fprintf(stderr, "vmm: no engine '%s'; expected auto", name);
    for (unsigned i = 0; (ops = engine_nth(i)); i++)
        fprintf(stderr, ", %s", ops->name);
    fputc('\n', stderr);
}

const struct engine_ops *engine_named(const char *name, int *status)
{
    const struct engine_ops *ops = engine_find(name);
    if (!ops) {
        say_unknown(name);
        *status = engine_was_left_out(name) ? STATUS_HOST : STATUS_USAGE;
    }
    return ops;
}

const struct engine_ops *engine_choose(const char *name, bool quiet,
                                       struct engine_capability *capability, int *status)
{
    const struct engine_ops *ops;
    *capability = (struct engine_capability){ 0 };
    if (name && strcmp(name, "auto") != 0) {
        ops = engine_named(name, status);
        if (!ops || ops->probe(capability) == 0)
            return ops;
        print_unusable(name, capability);
        *status = STATUS_HOST;
        return NULL;
    }
    for (unsigned i = 0; (ops = engine_nth(i)) && !ops->witness; i++) {
        *capability = (struct engine_capability){ 0 };
        if (ops->probe(capability) == 0) {
            if (i > 0 && !quiet)
                fprintf(stderr, "vmm: using engine %s instead\n", ops->name);
            return ops;
        }
        const struct engine_ops *next = engine_nth(i + 1);
        if (!quiet || !next || next->witness)
            print_unusable(ops->name, capability);
    }
    fprintf(stderr, "vmm: no engine can run here; vmm doctor says more\n");
    *status = STATUS_HOST;
    return NULL;
}
