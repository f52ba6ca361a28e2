/* SPDX-License-Identifier: MIT
 *
 * A machine as others run it: what a PC needs to boot the same images with the same shape.
 */
#ifndef VMM_MACHINE_EXPORT_H
#define VMM_MACHINE_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/layout.h"

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

/* Calls `file` for each file of the boot menu in its order, with its line and its contents, until
 * it returns something else than 0, which is returned.  The machine must not have been run. */
int machine_each_file(const struct machine *machine,
                      int (*file)(void *context, const char *line, const void *bytes, size_t count),
                      void *context);

/* Memory of a node on a PC, in MiB: RAM, window, and what the platform takes of node 0. */
uint64_t machine_pc_mib(const struct machine *machine, unsigned node);

/* The pieces of which its memory is made, one behind the other, in MiB: one for each node where the
 * firmware tells of nodes, else one.  Returns how many. */
unsigned machine_pc_pieces(const struct machine *machine, uint64_t mib[ABI_MAX_NODES]);

/* Are there rules, or expectations of what lies in its memory?  Then that must be shared with us
 * (machine_pump_memory()). */
bool machine_needs_pump(const struct machine *machine);

/* Path of the loader among the images of the machine. */
void machine_pc_loader(const struct machine *machine, char *path, size_t bytes);

/* Has the board a place for the device by which we interrupt cores? */
bool machine_has_bell(const struct machine *machine);

/* How a PC is to be run; the board is the machine's. */
struct pc_setup {
    bool kvm; /* else QEMU's own translation */
    /* files, as the one who starts QEMU sees them: loader and bundle, or a disk that has its own */
    const char *loader, *bundle, *disk;
    /* for each piece of memory (machine_pc_pieces()) a file, which others map too; NULL: QEMU's
     * own */
    const char *const *memory;
    /* q35: the descriptor of QEMU on which its device of bells finds what it needs; 0: there is
     * none */
    int bell;
};

/* Calls `word` for each word of QEMU's command line behind the program's name; the console is not
 * among them. */
void machine_qemu_words(const struct machine *machine, const struct pc_setup *setup,
                        void (*word)(void *context, const char *text), void *context);

/* Writes a libvirt domain.  `console`: the socket that its console connects to, NULL for `virsh
 * console`. */
void machine_libvirt_xml(const struct machine *machine, const struct pc_setup *setup,
                         const char *name, const char *console, FILE *out);

#endif
