/* SPDX-License-Identifier: MIT
 *
 * QEMU as a transient domain of libvirt, through its C API.
 *
 * The library is loaded at run time, so neither its headers nor itself are needed to build or to
 * run vmm.  Without a connection asked for, libvirt's QEMU driver runs in this process
 * (qemu:///embed): no daemon takes part and the domain is nobody else's.  It reads its
 * configuration below a root of its own, which is told to leave out what needs a daemon, control
 * groups or other users.
 *
 * The event loop must be there before the connection is, and somebody must run it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/qemu/helper/helper.h"

#define LIBRARY "libvirt.so.0"
#define EMBED_FOLDER "embed"
#define EMBED_USER "libvirt-qemu"
#define MEND "apt-get install libvirt-daemon qemu-system-x86"

/* libvirt's names and numbers; pointers are its own affair. */
#define START_PAUSED 1
#define START_AUTODESTROY 2
#define STATE_SHUTOFF 5
#define STATE_CRASHED 6

typedef struct virConnect *connection;
typedef struct virDomain *domain;

static struct {
    int (*virEventRegisterDefaultImpl)(void);
    int (*virEventRunDefaultImpl)(void);
    void (*virSetErrorFunc)(void *data, void (*handler)(void *data, void *error));
    const char *(*virGetLastErrorMessage)(void);
    connection (*virConnectOpen)(const char *uri);
    int (*virConnectClose)(connection);
    int (*virGetVersion)(unsigned long *library, const char *type, unsigned long *type_version);
    int (*virConnectGetVersion)(connection, unsigned long *);
    domain (*virDomainCreateXML)(connection, const char *xml, unsigned flags);
    int (*virDomainResume)(domain);
    int (*virDomainGetState)(domain, int *state, int *reason, unsigned flags);
    int (*virDomainDestroy)(domain);
    int (*virDomainFree)(domain);
} api;

static const struct {
    const char *name;
    void *to;
} symbols[] = {
#define SYMBOL(name)             \
    {                            \
#name, (void *)&api.name \
    }
    SYMBOL(virEventRegisterDefaultImpl),
    SYMBOL(virEventRunDefaultImpl),
    SYMBOL(virSetErrorFunc),
    SYMBOL(virGetLastErrorMessage),
    SYMBOL(virConnectOpen),
    SYMBOL(virConnectClose),
    SYMBOL(virGetVersion),
    SYMBOL(virConnectGetVersion),
    SYMBOL(virDomainCreateXML),
    SYMBOL(virDomainResume),
    SYMBOL(virDomainGetState),
    SYMBOL(virDomainDestroy),
    SYMBOL(virDomainFree),
#undef SYMBOL
};

static connection connected;
static domain running;

static void say_nothing(void *data, void *error)
{
    (void)data, (void)error;
}

static bool load(char text[REASON_BYTES])
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(text, REASON_BYTES, "libvirt is not installed (%s)", LIBRARY);
        return false;
    }
    for (unsigned i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol) {
            snprintf(text, REASON_BYTES, "this libvirt has no %s", symbols[i].name);
            return false;
        }
        memcpy(symbols[i].to, &symbol, sizeof(symbol));
    }
    api.virSetErrorFunc(NULL, say_nothing);
    return true;
}

static void *event_loop(void *context)
{
    while (api.virEventRunDefaultImpl() == 0)
        ;
    return context;
}

/* Once: a probe has them already. */
static bool start_events(char text[REASON_BYTES])
{
    static bool done;
    pthread_t thread;
    if (done)
        return true;
    done = true;
    if (api.virEventRegisterDefaultImpl() == 0 &&
        pthread_create(&thread, NULL, event_loop, NULL) == 0 && pthread_detach(thread) == 0)
        return true;
    snprintf(text, REASON_BYTES, "libvirt's event loop cannot be started");
    return false;
}

/* ---- a driver in this process ---- */

static bool can_embed(char text[REASON_BYTES])
{
    if (geteuid() != 0)
        snprintf(text, REASON_BYTES, "only root can run libvirt's driver without its daemon");
    else if (!getpwnam(EMBED_USER))
        snprintf(text, REASON_BYTES, "there is no user " EMBED_USER);
    else
        return true;
    return false;
}

/* The root in which the driver lives. */
static bool make_root(const char *folder, char *root, size_t bytes)
{
    static const char settings[] = "user = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\n"
                                   "remember_owner = 0\nsecurity_driver = \"none\"\n"
                                   "namespaces = []\ncgroup_controllers = []\n"
                                   "stdio_handler = \"file\"\n";
    char path[PATH_MAX + 32];
    snprintf(root, bytes, "%s/" EMBED_FOLDER, folder);
    snprintf(path, sizeof(path), "%s/etc", root);
    if (mkdir(root, 0700) < 0 || mkdir(path, 0700) < 0)
        return false;
    snprintf(path, sizeof(path), "%s/etc/qemu.conf", root);
    FILE *file = fopen(path, "wxe");
    if (!file)
        return false;
    bool ok = fputs(settings, file) >= 0;
    return fclose(file) == 0 && ok;
}

static void failure(char text[REASON_BYTES], const char *what)
{
    const char *why = api.virGetLastErrorMessage();
    snprintf(text, REASON_BYTES, "%.80s: %.160s", what, why ? why : "libvirt does not say why");
    text[strcspn(text, "\n")] = '\0';
}

static bool open_connection(const char *uri, const char *folder, char text[REASON_BYTES])
{
    char root[PATH_MAX], embed[PATH_MAX + 64];
    if (!load(text) || (!*uri && !can_embed(text)) || !start_events(text))
        return false;
    if (!*uri) {
        if (!make_root(folder, root, sizeof(root))) {
            snprintf(text, REASON_BYTES, "%.200s: %s", root, strerror(errno));
            return false;
        }
        snprintf(embed, sizeof(embed), "qemu:///embed?root=%s", root);
        uri = embed;
    }
    connected = api.virConnectOpen(uri);
    if (!connected)
        failure(text, uri);
    return connected != NULL;
}

/* ---- the backend ---- */

/* An embedded driver would need a root; whether it can be had is seen without one. */
static bool libvirt_probe(const char *uri, char text[REASON_BYTES], char mend[REASON_BYTES])
{
    unsigned long library = 0, qemu = 0;
    char program[PATH_MAX];
    snprintf(mend, REASON_BYTES, "%s", MEND);
    if (!load(text))
        return false;
    if (!*uri) {
        if (!can_embed(text))
            return false;
        if (!qemu_program(program)) {
            snprintf(text, REASON_BYTES, "there is no qemu-system-x86_64");
            return false;
        }
        api.virGetVersion(&library, NULL, NULL);
        snprintf(text, REASON_BYTES, "libvirt %lu.%lu.%lu, embedded", library / 1000000,
                 library / 1000 % 1000, library % 1000);
        return true;
    }
    if (!start_events(text))
        return false;
    connected = api.virConnectOpen(uri);
    if (!connected) {
        failure(text, uri);
        snprintf(mend, REASON_BYTES, "start its daemon, or leave the connection out");
        return false;
    }
    api.virGetVersion(&library, NULL, NULL);
    api.virConnectGetVersion(connected, &qemu);
    snprintf(text, REASON_BYTES, "libvirt %lu.%lu.%lu, QEMU %lu.%lu.%lu", library / 1000000,
             library / 1000 % 1000, library % 1000, qemu / 1000000, qemu / 1000 % 1000,
             qemu % 1000);
    api.virConnectClose(connected);
    connected = NULL;
    return true;
}

static char *read_domain(const char *folder)
{
    char path[PATH_MAX];
    folder_path(path, folder, FILE_DOMAIN);
    FILE *file = fopen(path, "re");
    char *xml = calloc(1, 65536);
    size_t bytes = file && xml ? fread(xml, 1, 65535, file) : 0;
    if (file)
        fclose(file);
    if (bytes == 0) {
        free(xml);
        return NULL;
    }
    return xml;
}

/* Paused first: a guest that is over in milliseconds would be gone before libvirt has looked.  A
 * daemon ends the domain when this process ends; the embedded driver cannot promise that. */
static bool libvirt_start(const char *uri, const char *folder, char reason[REASON_BYTES])
{
    char *xml = read_domain(folder);
    if (!xml) {
        snprintf(reason, REASON_BYTES, "%.200s: the domain's description is gone", folder);
        return false;
    }
    bool ok = open_connection(uri, folder, reason);
    if (ok) {
        const unsigned flags = START_PAUSED | (*uri ? START_AUTODESTROY : 0);
        running = api.virDomainCreateXML(connected, xml, flags);
        if (!running)
            failure(reason, "the domain cannot be created");
        else if (api.virDomainResume(running) < 0)
            failure(reason, "the domain does not start");
        else
            ok = true;
        ok = running && ok && !reason[0];
    }
    free(xml);
    return ok;
}

static bool libvirt_ended(char reason[REASON_BYTES])
{
    int state = 0, why = 0;
    if (running && api.virDomainGetState(running, &state, &why, 0) == 0 && state != STATE_SHUTOFF &&
        state != STATE_CRASHED)
        return false;
    snprintf(reason, REASON_BYTES, "the domain has ended without a word of the guest");
    return true;
}

static void libvirt_stop(void)
{
    if (running) {
        api.virDomainDestroy(running);
        api.virDomainFree(running);
    }
    if (connected)
        api.virConnectClose(connected);
    running = NULL;
    connected = NULL;
}

const struct backend backend_libvirt = {
    .name = "libvirt",
    .probe = libvirt_probe,
    .start = libvirt_start,
    .ended = libvirt_ended,
    .stop = libvirt_stop,
};
