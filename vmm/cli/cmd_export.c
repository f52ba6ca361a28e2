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
                 "What for: qemu (default: a script) or libvirt (a domain's XML)" },
               { OPTION_ACCEL, "What executes the guest: tcg (default) or kvm" },
               { 's', "Seed that the guest is told, instead of the scenario's" },
               { 'S', NULL },
               { 'i', "Guest images; default as in vmm run" } },
    .operand = "a scenario file and a folder",
    .several = true,
    .args_doc = "FILE DIR",
    .doc = "Writes loader, images and a script or domain into a folder, so that the machine of a "
           "scenario can be run by QEMU or libvirt alone.\v"
           "machine.board chooses microvm or q35. Expectations and faults are left out: nobody is "
           "there to look at them.",
};

/* One of two words; false after a line on stderr. */
static bool one_of(const char *option, const char *given, const char *first, const char *second,
                   bool *is_second)
{
    *is_second = given && strcmp(given, second) == 0;
    if (!given || *is_second || strcmp(given, first) == 0)
        return true;
    fprintf(stderr, "vmm export: %s %s: expected %s or %s\n", option, given, first, second);
    return false;
}

int cmd_export(int argc, char **argv)
{
    struct options options;
    char images[2 * PATH_MAX];
    bool libvirt, kvm;
    options_parse(&command_line, argc, argv, &options);
    if (options.operand_count != 2) {
        fprintf(stderr, "vmm export: expected a scenario file and a folder\n");
        return STATUS_USAGE;
    }
    if (!one_of("--format", options.export_format, "qemu", "libvirt", &libvirt) ||
        !one_of("--accel", options.accel, "tcg", "kvm", &kvm))
        return STATUS_USAGE;
    if (!images_find_or_say(options.images, images, sizeof(images)))
        return STATUS_HOST;
    struct scenario *scenario = load_and_report(options.operands[0], &options.sets);
    if (!scenario)
        return STATUS_USAGE;
    const struct export_settings settings = {
        .format = libvirt ? EXPORT_LIBVIRT : EXPORT_QEMU,
        .images = images,
        .folder = options.operands[1],
        .seed = options.has_seed     ? options.seed
                : scenario->has_seed ? scenario->seed
                                     : 1,
        .kvm = kvm,
    };
    int status = export_scenario(scenario, &settings);
    scenario_free(scenario);
    return status;
}
