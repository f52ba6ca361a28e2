/* SPDX-License-Identifier: MIT
 *
 * Inside vmm-qemu, the process between vmm and QEMU.
 */
#ifndef VMM_QEMU_HELPER_H
#define VMM_QEMU_HELPER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* What vmm wrote into the folder, and what is made beside it. */
#define FILE_WORDS "words" /* QEMU's command line, each word with its zero */
#define FILE_DOMAIN "domain.xml"
#define FILE_CONSOLE "console" /* socket: QEMU connects to it */
#define FILE_LOG "log"         /* what QEMU says */

#define REASON_BYTES 256

/* A way to run QEMU.  All functions that can fail put one line into `reason`. */
struct backend {
    const char *name;

    /* Can it run QEMU here?  Puts what there is into `text`, or why not, and into `mend` the
     * cure. */
    bool (*probe)(const char *uri, char text[REASON_BYTES], char mend[REASON_BYTES]);

    bool (*start)(const char *uri, const char *folder, char reason[REASON_BYTES]);

    /* Has QEMU ended?  Then why, as far as that is known. */
    bool (*ended)(char reason[REASON_BYTES]);

    /* Ends QEMU, whatever it does; nothing of it is left. */
    void (*stop)(void);
};

extern const struct backend backend_direct, backend_libvirt;

/* Path of a file in the folder. */
void folder_path(char path[PATH_MAX], const char *folder, const char *name);

/* The program: $VMM_QEMU, else the first qemu-system-x86_64 in the path.  False: there is none. */
bool qemu_program(char path[PATH_MAX]);

#endif
