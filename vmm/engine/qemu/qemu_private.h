/* SPDX-License-Identifier: MIT
 *
 * Inside the QEMU engine.
 */
#ifndef VMM_ENGINE_QEMU_PRIVATE_H
#define VMM_ENGINE_QEMU_PRIVATE_H

#include <limits.h>
#include <sys/types.h>

#include "engine/engine.h"
#include "machine/engine_host.h"

#define QEMU_HELPER "vmm-qemu"

/* The process that starts and ends QEMU (helper/main.c). */
struct qemu_helper {
    pid_t pid;             /* 0: none */
    int control;           /* its standard input: an empty line lets QEMU start, then what is typed
                            * on its console follows; its end ends everything.  Writing does not
                            * block */
    int console;           /* what the guest writes */
    int status;            /* lines that say how it went */
    char folder[PATH_MAX]; /* the helper removes it; "" if there is none */
};

/* Memory that QEMU and we share (qemu_memory.c). */
struct qemu_memory {
    uint8_t *ram; /* from guest-physical 0; NULL: there is none */
    uint64_t bytes;
    unsigned count; /* of nodes */
    int fd[ABI_MAX_NODES];
    char name[ABI_MAX_NODES][40];
    const char *path[ABI_MAX_NODES]; /* where QEMU finds it */
};

/* Of the shape of this machine, which learns of it.  0, or a negative errno with
 * machine_error_text(); to be freed also then, by qemu_memory_free(). */
int qemu_memory_make(struct qemu_memory *memory, struct machine *machine);
void qemu_memory_free(struct qemu_memory *memory);

/* How we interrupt cores (qemu_bell.c). */
struct qemu_bell {
    int client; /* QEMU's end of a socket; -1: there are no bells */
    int server;
    unsigned cores;
    int event[ABI_MAX_CORES];
};

/* 0 or a negative errno; to be freed also then.  `bell` has descriptors of -1 before. */
int qemu_bell_make(struct qemu_bell *bell, unsigned cores);
void qemu_bell_free(struct qemu_bell *bell);

/* Interrupts a core, as soon as it can be; nothing if there are no bells.  Does not block. */
void qemu_bell_ring(const struct qemu_bell *bell, unsigned core);

/* Asks the helper what can be done here.  Fills version, or reason and mend; 0 or a negative
 * errno. */
int qemu_helper_probe(const char *connect, struct engine_capability *out);

/* Makes the folder with all that QEMU needs and starts the helper, which waits.  `memory`: of each
 * node (pc_setup.memory), or NULL.  `bell`: qemu_bell.client, or -1.  On failure nothing is left,
 * and machine_error_text() says why. */
int qemu_helper_start(struct qemu_helper *helper, struct machine *machine, const char *connect,
                      const char *const *memory, int bell);

/* Lets QEMU start.  False: the helper is gone. */
bool qemu_helper_go(const struct qemu_helper *helper);

/* Ends QEMU and the helper, if they are still there, and waits for that. */
void qemu_helper_end(struct qemu_helper *helper);

#endif
