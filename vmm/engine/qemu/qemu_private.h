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
    int control;           /* its standard input: a line "go", then its end ends everything */
    int console;           /* what the guest writes */
    int status;            /* lines that say how it went */
    char folder[PATH_MAX]; /* the helper removes it; "" if there is none */
};

/* Asks the helper what can be done here.  Fills version, or reason and mend; 0 or a negative
 * errno. */
int qemu_helper_probe(const char *connect, struct engine_capability *out);

/* Makes the folder with all that QEMU needs and starts the helper, which waits.  On failure nothing
 * is left, and machine_error_text() says why. */
int qemu_helper_start(struct qemu_helper *helper, struct machine *machine, const char *connect);

/* Lets QEMU start.  False: the helper is gone. */
bool qemu_helper_go(const struct qemu_helper *helper);

/* Ends QEMU and the helper, if they are still there, and waits for that. */
void qemu_helper_end(struct qemu_helper *helper);

#endif
