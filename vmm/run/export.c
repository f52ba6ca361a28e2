/* SPDX-License-Identifier: MIT
 *
 * A scenario as a folder that others can run.
 *
 * The machine is made as for a run, loaded and never started; what is in it is written out.  The
 * folder refers to nothing outside, and a script in it finds the rest beside itself, so it can be
 * moved.  A domain's description names absolute paths, as libvirt wants them.
 */
#include "run/export.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "machine/export.h"
#include "machine/machine.h"
#include "report/out_file.h"
#include "run/config.h"
#include "run/images.h"
#include "run/status.h"

struct export
{
    const struct scenario *scenario;
    const struct export_settings *settings;
    struct machine *machine;
    char folder[PATH_MAX]; /* absolute */
};

static int fail(const struct export *export, int status, const char *what, const char *why)
{
    fprintf(stderr, "vmm: %s: %s: %s\n", export->scenario->name, what, why);
    return status;
}

/* A file of the folder; NULL after a line on stderr. */
static FILE *create(const struct export *export, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/%s", export->folder, name);
    FILE *file = out_file_create(path);
    if (!file)
        fail(export, STATUS_USAGE, path, strerror(errno));
    return file;
}

static int finish(const struct export *export, FILE *file, const char *name, bool ok)
{
    ok &= !ferror(file);
    ok &= fclose(file) == 0;
    return ok ? STATUS_OK : fail(export, STATUS_HOST, name, "cannot be written");
}

static int copy_loader(const struct export *export, const char *name)
{
    char path[2 * PATH_MAX], block[8192];
    snprintf(path, sizeof(path), "%s%s", export->settings->images, MACHINE_PC_LOADER);
    FILE *from = fopen(path, "re");
    if (!from)
        return fail(export, STATUS_USAGE, path, strerror(errno));
    FILE *to = create(export, name);
    bool ok = to != NULL;
    for (size_t got; ok && (got = fread(block, 1, sizeof(block), from)) > 0;)
        ok = fwrite(block, 1, got, to) == got;
    ok &= !ferror(from);
    fclose(from);
    return to ? finish(export, to, name, ok) : STATUS_USAGE;
}

static int write_bundle(const struct export *export)
{
    FILE *file = create(export, "bundle");
    if (!file)
        return STATUS_USAGE;
    return finish(export, file, "bundle", machine_write_bundle(export->machine, file) == 0);
}

/* A word that needs quotes gets them; `$folder` shall be expanded. */
static void print_word(void *context, const char *text)
{
    bool plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "-_=,.:/") == strlen(text);
    fprintf(context, plain ? " %s" : " \"%s\"", text);
}

static struct pc_setup setup_of(const struct export *export, const char *loader, const char *bundle)
{
    return (struct pc_setup){
        .kvm = export->settings->kvm,
        .loader = loader,
        .bundle = bundle,
    };
}

static int write_script(const struct export *export)
{
    FILE *file = create(export, "run");
    if (!file)
        return STATUS_USAGE;
    struct pc_setup setup = setup_of(export, "$folder/pc", "$folder/bundle");
    fprintf(file, "#!/bin/sh\n"
                  "# The machine of a scenario on QEMU; written by vmm export.\n"
                  "# $QEMU: another QEMU than the first in the path.\n"
                  "# When the guest ends the machine with code N, QEMU ends with 2 * N + 1.\n"
                  "folder=$(cd \"$(dirname \"$0\")\" && pwd)\n"
                  "exec ${QEMU:-qemu-system-x86_64}");
    machine_qemu_words(export->machine, &setup, print_word, file);
    fprintf(file, " -serial stdio \"$@\"\n");
    fchmod(fileno(file), 0755);
    int status = finish(export, file, "run", true);
    if (status == STATUS_OK)
        printf("%s/run\n", export->settings->folder);
    return status;
}

static int write_domain(const struct export *export)
{
    char loader[PATH_MAX + 16], bundle[PATH_MAX + 16];
    snprintf(loader, sizeof(loader), "%s/pc", export->folder);
    snprintf(bundle, sizeof(bundle), "%s/bundle", export->folder);
    struct pc_setup setup = setup_of(export, loader, bundle);
    FILE *file = create(export, "domain.xml");
    if (!file)
        return STATUS_USAGE;
    machine_libvirt_xml(export->machine, &setup, export->scenario->name, NULL, file);
    int status = finish(export, file, "domain.xml", true);
    if (status == STATUS_OK)
        printf("virsh define %s/domain.xml && virsh start --console %s\n", export->settings->folder,
               export->scenario->name);
    return status;
}

/* ---- GRUB ---- */

struct tree {
    const struct export *export;
    FILE *menu;
};

/* Makes the folders on the way to a file of the tree.  The path comes from a boot menu, and must
 * not lead out. */
static int make_folders(const struct export *export, const char *path)
{
    char folder[PATH_MAX + 32];
    if (path[0] != '/' || strstr(path, "/../") || strstr(path, "//"))
        return fail(export, STATUS_USAGE, path, "GRUB's tree has no place for such a path");
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof(folder), "%s/disk%.*s", export->folder, (int)(slash - path), path);
        const int error = out_folder_create(folder);
        if (error)
            return fail(export, STATUS_USAGE, folder, strerror(-error));
    }
    return STATUS_OK;
}

/* GRUB puts a backslash before quotes and backslashes of a word. */
static bool survives_grub(const char *line)
{
    return strpbrk(line, "'\"\\") == NULL;
}

/* The module's line word by word: a word with a blank in it would get quotes. */
static void print_module(FILE *menu, const char *path, const char *line)
{
    fprintf(menu, "    module2 '%s'", path);
    while (*(line += strspn(line, " \t")) != '\0') {
        size_t length = strcspn(line, " \t");
        fprintf(menu, " '%.*s'", (int)length, line);
        line += length;
    }
    fprintf(menu, "\n");
}

static int add_module(void *context, const char *line, const void *bytes, size_t count)
{
    const struct tree *tree = context;
    char path[PATH_MAX], name[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(line, " \t"), line);
    if (!survives_grub(line))
        return fail(tree->export, STATUS_USAGE, line,
                    "GRUB changes quotes and backslashes; leave them out");
    int status = make_folders(tree->export, path);
    if (status != STATUS_OK)
        return status;
    snprintf(name, sizeof(name), "disk%s", path);
    FILE *file = create(tree->export, name);
    if (!file)
        return STATUS_USAGE;
    print_module(tree->menu, path, line);
    return finish(tree->export, file, name, fwrite(bytes, 1, count, file) == count);
}

static int write_menu(const struct export *export)
{
    static const char name[] = "disk/boot/grub/grub.cfg";
    struct tree tree = { .export = export, .menu = create(export, name) };
    if (!tree.menu)
        return STATUS_USAGE;
    fprintf(tree.menu,
            "# The boot menu of %s for GRUB; written by vmm export.\n"
            "serial --unit=0 --speed=115200\n"
            "terminal_output serial\n"
            "set timeout=0\n"
            "menuentry '%s' {\n"
            "    multiboot2 /boot/pc\n",
            export->scenario->name, export->scenario->name);
    int status = machine_each_file(export->machine, add_module, &tree);
    fprintf(tree.menu, "}\n");
    int end = finish(export, tree.menu, name, true);
    return status != STATUS_OK ? status : end;
}

static int write_disk_script(const struct export *export)
{
    FILE *file = create(export, "run");
    if (!file)
        return STATUS_USAGE;
    struct pc_setup setup = { .kvm = export->settings->kvm, .disk = "$folder/disk.iso" };
    fprintf(file, "#!/bin/sh\n"
                  "# The machine of a scenario, started by GRUB; written by vmm export.\n"
                  "# $GRUB_MKRESCUE, $QEMU: others than the first in the path.\n"
                  "# When the guest ends the machine with code N, QEMU ends with 2 * N + 1.\n"
                  "folder=$(cd \"$(dirname \"$0\")\" && pwd)\n"
                  "${GRUB_MKRESCUE:-grub-mkrescue} -o \"$folder/disk.iso\" \"$folder/disk\" "
                  "2>\"$folder/log\" || { cat \"$folder/log\"; exit 3; }\n"
                  "exec ${QEMU:-qemu-system-x86_64}");
    machine_qemu_words(export->machine, &setup, print_word, file);
    fprintf(file, " -serial stdio \"$@\"\n");
    fchmod(fileno(file), 0755);
    int status = finish(export, file, "run", true);
    if (status == STATUS_OK)
        printf("%s/run\n", export->settings->folder);
    return status;
}

static int write_tree(const struct export *export)
{
    char folder[PATH_MAX + 32];
    snprintf(folder, sizeof(folder), "%s/disk", export->folder);
    const int error = out_folder_create(folder);
    if (error)
        return fail(export, STATUS_USAGE, folder, strerror(-error));
    int status = make_folders(export, "/boot/grub/");
    if (status == STATUS_OK)
        status = copy_loader(export, "disk/boot/pc");
    if (status == STATUS_OK)
        status = write_menu(export);
    return status == STATUS_OK ? write_disk_script(export) : status;
}

static int write_folder(struct export *export)
{
    const char *folder = export->settings->folder;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return fail(export, STATUS_USAGE, folder, strerror(errno));
    if (!realpath(folder, export->folder))
        return fail(export, STATUS_USAGE, folder, strerror(errno));
    if (export->settings->format == EXPORT_GRUB)
        return write_tree(export);
    int status = copy_loader(export, "pc");
    if (status == STATUS_OK)
        status = write_bundle(export);
    if (status != STATUS_OK)
        return status;
    return export->settings->format == EXPORT_QEMU ? write_script(export) : write_domain(export);
}

static int make_and_write(struct export *export, struct machine_config *config)
{
    char error[1024] = "";
    int problem = machine_create(&export->machine, config, error, sizeof(error));
    if (problem)
        return fail(export, STATUS_USAGE, "no machine", error[0] ? error : strerror(-problem));
    int status = write_folder(export);
    machine_destroy(export->machine);
    return status;
}

int export_scenario(const struct scenario *scenario, const struct export_settings *settings)
{
    struct export export = { .scenario = scenario, .settings = settings };
    struct diags *diags = calloc(1, sizeof(*diags));
    struct machine_config *config = calloc(1, sizeof(*config));
    struct machine_menu_line *modules =
        calloc(scenario->menu.module_count + 1, sizeof(struct machine_menu_line));
    int status = STATUS_HOST;
    if (!diags || !config || !modules) {
        fail(&export, status, "no machine", strerror(ENOMEM));
    } else if (images_missing(scenario, settings->images, false, diags)) {
        diags_print(diags, stderr);
        status = fail(&export, STATUS_USAGE, "images of the boot menu are missing", "run make");
    } else {
        config_of_scenario(config, modules, scenario, settings->images, settings->seed);
        if (settings->format == EXPORT_GRUB)
            config->board = BOARD_Q35; /* a microvm has no disks that firmware can read */
        status = make_and_write(&export, config);
    }
    if (diags)
        diags_free(diags);
    free(diags);
    free(modules);
    free(config);
    return status;
}
