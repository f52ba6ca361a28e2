/* SPDX-License-Identifier: MIT
 *
 * A machine as others run it: what a PC needs to boot the same images with the same shape.
 */
#ifndef VMM_MACHINE_EXPORT_H
#define VMM_MACHINE_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct machine;

/* The loader of a PC, below the image directory. */
#define MACHINE_PC_LOADER "/boot/pc"

enum machine_board {
    BOARD_MICROVM, /* no ACPI: the bundle says what there is */
    BOARD_Q35,
    BOARDS
};

/* "microvm", "q35". */
const char *board_name(enum machine_board board);

/* Writes the bundle (devices/abi/bundle.h).  The machine must not have been run.  0, or -EIO and
 * the like: what the stream says. */
int machine_write_bundle(const struct machine *machine, FILE *out);

/* Memory of a node on a PC, in MiB: RAM, window, and what the platform takes of node 0. */
uint64_t machine_pc_mib(const struct machine *machine, unsigned node);

/* How a PC is to be run. */
struct pc_setup {
    enum machine_board board;
    bool kvm;           /* else QEMU's own translation */
    const char *loader; /* files, as the one who starts QEMU sees them */
    const char *bundle;
};

/* Calls `word` for each word of QEMU's command line behind the program's name; the console is not
 * among them. */
void machine_qemu_words(const struct machine *machine, const struct pc_setup *setup,
                        void (*word)(void *context, const char *text), void *context);

/* Writes a libvirt domain.  `console`: the file that its console goes to, NULL for `virsh
 * console`. */
void machine_libvirt_xml(const struct machine *machine, const struct pc_setup *setup,
                         const char *name, const char *console, FILE *out);

#endif
