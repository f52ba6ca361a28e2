/* SPDX-License-Identifier: MIT */
#ifndef RUN_EXPORT_H
#define RUN_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario/scenario.h"

enum export_format { EXPORT_QEMU, EXPORT_LIBVIRT, EXPORT_GRUB, EXPORT_FORMATS };

struct export_settings {
    enum export_format format;
    const char *images;
    const char *folder; /* made if it is not there */
    uint64_t seed;
    bool kvm; /* not QEMU's own translation */
};

/* Writes what others need to run the scenario's machine into the folder: loader, bundle, and a
 * script or a domain's description; for GRUB a tree of files with a menu, and a script that makes a
 * disk of it and runs that on a q35.  Returns the exit status, after a line on stderr if it is not
 * 0; on stdout it says what to type. */
int export_scenario(const struct scenario *scenario, const struct export_settings *settings);

#endif
