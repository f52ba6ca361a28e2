/* SPDX-License-Identifier: MIT
 *
 * vmm export: writes what QEMU or libvirt need to run the machine of a scenario, without vmm.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "run/export.h"

static const struct command_line command_line = {
    .takes = { { OPTION_EXPORT_FORMAT,
                 "What for: qemu (default: a script), libvirt (a domain's XML) or grub (a disk)" },
               { OPTION_ACCEL, "What executes the guest: tcg (default) or kvm" },
               { 's', "Seed that the guest is told, instead of the scenario's" },
               { 'S', NULL },
               { 'i', "Guest images; default as in vmm run" } },
    .operand = "a scenario file and a folder",
    .several = true,
    .args_doc = "FILE DIR",
    .doc =
        "Writes loader, images and a script or domain into a folder, so that the machine of a "
        "scenario can be run by QEMU or libvirt alone, or started by GRUB.\v"
        "machine.board chooses microvm or q35; GRUB needs q35, and its machine has the cores and "
        "nodes that the firmware tells of. Expectations and faults are left out: nobody is "
        "there to look at them.",
};

/* Which of the words; false after a line on stderr. */
static bool one_of(const char *option, const char *given, const char *const *words, unsigned count,
                   unsigned *which)
{
    *which = 0;
    for (unsigned i = 0; given && i < count; i++) {
        if (strcmp(given, words[i]) == 0) {
            *which = i;
            return true;
        }
    }
    if (!given)
        return true;
    fprintf(stderr, "vmm export: %s %s: expected %s", option, given, words[0]);
    for (unsigned i = 1; i < count; i++)
        fprintf(stderr, "%s%s", i + 1 < count ? ", " : " or ", words[i]);
    fprintf(stderr, "\n");
    return false;
}

static const char *const formats[EXPORT_FORMATS] = {
    [EXPORT_QEMU] = "qemu", [EXPORT_LIBVIRT] = "libvirt", [EXPORT_GRUB] = "grub"
};
static const char *const accels[] = { "tcg", "kvm" };

int cmd_export(int argc, char **argv)
{
    struct options options;
    char images[2 * PATH_MAX];
    unsigned format, accel;
    options_parse(&command_line, argc, argv, &options);
    if (options.operand_count != 2) {
        fprintf(stderr, "vmm export: expected a scenario file and a folder\n");
        return STATUS_USAGE;
    }
    if (!one_of("--format", options.export_format, formats, EXPORT_FORMATS, &format) ||
        !one_of("--accel", options.accel, accels, 2, &accel))
        return STATUS_USAGE;
    if (!images_find_or_say(options.images, images, sizeof(images)))
        return STATUS_HOST;
    struct scenario *scenario = load_and_report(options.operands[0], &options.sets);
    if (!scenario)
        return STATUS_USAGE;
    const struct export_settings settings = {
        .format = (enum export_format)format,
        .images = images,
        .folder = options.operands[1],
        .seed = options.has_seed     ? options.seed
                : scenario->has_seed ? scenario->seed
                                     : 1,
        .kvm = accel == 1,
    };
    int status = export_scenario(scenario, &settings);
    scenario_free(scenario);
    return status;
}
