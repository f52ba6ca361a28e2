/* SPDX-License-Identifier: MIT
 *
 * Finds and loads the Unicorn library.
 *
 * Order: the file named by $VMM_UNICORN; beside the program, where tools/fetch-unicorn puts it in a
 * build tree (build/unicorn) and `make install` in an installed one (lib/vmm); the system's.  The
 * first that is new enough wins; of those that are not, the reason names the last one looked at.
 * Versions below 2.1 are refused: 2.0 checks the guest's page tables but uses the virtual address
 * as the physical one, so no guest with paging can run.  So is a library in which unicorn_helpers.c
 * cannot put its functions in the place of the library's own.
 *
 * The library is never unloaded: its hooks and threads of other users could still point into it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/program.h"
#include "engine/unicorn/unicorn_private.h"

#define LIBRARY "libunicorn.so.2"

static struct unicorn_api api;
static bool loaded;

/* Fills `api` from the library at `path` (a bare name: the system's search path). */
static bool load_from(const char *path, char *reason, size_t reason_bytes)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(reason, reason_bytes, "%s", dlerror());
        return false;
    }
    struct unicorn_api found = { 0 };
    const char *missing = NULL;
    void *function;
#define X(name, result, arguments)                    \
    function = dlsym(library, "uc_" #name);           \
    memcpy(&found.name, &function, sizeof(function)); \
    if (!function && !missing)                        \
        missing = "uc_" #name;
    UNICORN_FUNCTIONS(X)
#undef X
    if (missing) {
        snprintf(reason, reason_bytes, "%s has no function %s", path, missing);
        dlclose(library);
        return false;
    }
    unsigned number = found.version(&found.major, &found.minor);
    found.patch = number >> 8 & 0xff;
    Dl_info info;
    snprintf(found.path, sizeof(found.path), "%s",
             dladdr(*(void **)&found.version, &info) && info.dli_fname ? info.dli_fname : path);
    if (found.major != 2 || found.minor < 1) {
        snprintf(reason, reason_bytes,
                 "%s is Unicorn %u.%u.%u; 2.1 or newer is needed (older ones do not translate "
                 "addresses)",
                 found.path, found.major, found.minor, found.patch);
        dlclose(library);
        return false;
    }
#define X(name, symbol, result, arguments)            \
    function = dlsym(library, symbol);                \
    memcpy(&found.name, &function, sizeof(function)); \
    if (!function && !missing)                        \
        missing = (symbol);
    UNICORN_INTERNALS(X)
#undef X
    if (missing) {
        snprintf(reason, reason_bytes, "%.120s cannot serve: it does not show its function %s",
                 found.path, missing);
        dlclose(library);
        return false;
    }
    api = found;
    const char *wrong = unicorn_check_helpers(&api);
    if (wrong) {
        snprintf(reason, reason_bytes, "%.120s cannot serve: %s", api.path, wrong);
        return false; /* stays loaded: it has run */
    }
    return true;
}

const char *unicorn_no_room(uint32_t code_bytes)
{
    /* twice: it is the largest of what the library needs, not all */
    size_t bytes = 2 * (size_t)code_bytes;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return errno == ENOMEM ? UNICORN_NO_MEMORY : UNICORN_NO_EXECUTION;
    munmap(memory, bytes);
    return NULL;
}

bool unicorn_mend(const char *reason, char *mend, size_t mend_bytes)
{
    static const struct {
        const char *reason, *mend;
    } known[] = {
        { UNICORN_NO_MEMORY,
          "free some, or raise what limits this process (ulimit -v, a container's "
          "memory)" },
        { UNICORN_NO_EXECUTION,
          "translated code needs it: allow it to this program (SELinux: execmem; "
          "systemd: MemoryDenyWriteExecute=no), or use --engine kvm" },
    };
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strstr(reason, known[i].reason)) {
            snprintf(mend, mend_bytes, "%s", known[i].mend);
            return true;
        }
    }
    return false;
}

const struct unicorn_api *unicorn_load(char *reason, size_t reason_bytes, char *mend,
                                       size_t mend_bytes)
{
    if (loaded)
        return &api;
    snprintf(mend, mend_bytes,
             "tools/fetch-unicorn downloads it (nothing is installed), or set VMM_UNICORN=FILE");

    const char *chosen = getenv("VMM_UNICORN");
    if (chosen && *chosen) {
        loaded = load_from(chosen, reason, reason_bytes);
        unicorn_mend(reason, mend, mend_bytes);
        return loaded ? &api : NULL; /* who names a file means that file */
    }

    /* Relative to the folder of the program; tests lie in build/tests, the program in build/bin. */
    static const char *const places[] = {
        "../unicorn/usr/lib/x86_64-linux-gnu/" LIBRARY,
        "../lib/vmm/" LIBRARY,
    };
    char program[4096];
    bool beside = program_folder(program, sizeof(program));
    for (unsigned i = 0; beside && i < sizeof(places) / sizeof(places[0]); i++) {
        char path[sizeof(program) + 64];
        snprintf(path, sizeof(path), "%s/%s", program, places[i]);
        if (access(path, F_OK) == 0 && load_from(path, reason, reason_bytes)) {
            loaded = true;
            return &api;
        }
        if (unicorn_mend(reason, mend, mend_bytes))
            return NULL; /* the same with every library */
    }
    loaded = load_from(LIBRARY, reason, reason_bytes);
    unicorn_mend(reason, mend, mend_bytes);
    if (!loaded && strstr(reason, "cannot open shared object"))
        snprintf(reason, reason_bytes, "the library Unicorn (2.1 or newer) was not found");
    return loaded ? &api : NULL;
}
