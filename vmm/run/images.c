/* SPDX-License-Identifier: MIT
 *
 * Are the images of a boot menu there?  Asked before a machine is made, so that the answer names
 * the line of the menu and, for a typing error, the file that is nearest.
 */
#include "run/images.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/machine.h"
#include "machine/symbols.h"
#include "scenario/diag.h"
#include "scenario/menu.h"

/* The name in the directory of `path` that is nearest to its last component, or NULL. */
static char *nearest_file(const char *path)
{
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), "%.*s", (int)(path_base(path) - path), path);
    DIR *stream = opendir(dir);
    if (!stream)
        return NULL;
    char *nearest = NULL;
    size_t count = 0;
    char *names[256];
    for (const struct dirent *entry; count < 256 && (entry = readdir(stream));)
        if (entry->d_name[0] != '.' && (names[count] = strdup(entry->d_name)))
            count++;
    closedir(stream);
    const char *near = nearest_word(path_base(path), (const char *const *)names, count);
    if (near)
        nearest = strdup(near);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return nearest;
}

static bool image_missing(const struct menu_line *line, const char *dir, bool warn,
                          struct diags *diags)
{
    void (*tell)(struct diags *, struct place, const char *, ...) =
        warn ? diag_warning : diag_error;
    char path[2 * PATH_MAX];
    bool fits = menu_image_file(line, dir, path, sizeof(path));
    if (fits && access(path, R_OK) == 0)
        return false;
    int error = fits ? errno : ENAMETOOLONG;
    char *near = error == ENOENT ? nearest_file(path) : NULL;
    if (line->image)
        tell(diags, line->place, "cannot read program '%s': %s; vmm-app or make app DIR= builds it",
             path, strerror(error));
    else if (near)
        tell(diags, line->place, "no image '%s' in %s; did you mean '%.*s%s'?", line->path, dir,
             (int)(path_base(line->path) - line->path), line->path, near);
    else
        tell(diags, line->place, "cannot read image '%s' in %s: %s", line->path, dir,
             strerror(error));
    free(near);
    return true;
}

unsigned images_missing(const struct scenario *scenario, const char *dir, bool warn,
                        struct diags *diags)
{
    unsigned missing = image_missing(&scenario->menu.kernel, dir, warn, diags);
    for (size_t i = 0; i < scenario->menu.module_count; i++)
        missing += image_missing(&scenario->menu.modules[i], dir, warn, diags);
    return missing;
}

#define VARIABLES_MAX 8192

static void unknown_variable(const char *path, const struct fault_action *action,
                             struct place place, struct diags *diags)
{
    char **names = calloc(VARIABLES_MAX, sizeof(*names));
    size_t count = names ? symbol_variables(path, names, VARIABLES_MAX) : 0;
    const char *near = nearest_word(action->symbol, (const char *const *)names, count);
    diag_error(diags, place, "flip: %s has no variable '%.60s'%s%s%s", path_base(path),
               action->symbol, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* `domain` has its core behind it. */
static void no_program(const struct menu *menu, const char *what, const char *domain,
                       struct place place, struct diags *diags)
{
    const int length = (int)(strrchr(domain, '.') - domain);
    char *wanted = strndup(domain, (size_t)length);
    const char **names = calloc(menu->module_count + 1, sizeof(*names));
    for (size_t i = 0; names && i < menu->module_count; i++)
        names[i] = path_base(menu->modules[i].path);
    const char *near = wanted && names ? nearest_word(wanted, names, menu->module_count) : NULL;
    diag_error(diags, place, "%s: no program of the menu is called '%.*s'%s%s%s", what, length,
               domain, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    free(wanted);
}

/* False: this line's image is not the one that the action names. */
static bool find_variable_in(const struct menu_line *line, const char *dir,
                             struct fault_action *action, struct place place, struct diags *diags)
{
    const size_t length = (size_t)(strrchr(action->domain, '.') - action->domain);
    const char *name = path_base(line->path);
    char path[2 * PATH_MAX];
    uint64_t bytes;
    if (strlen(name) != length || strncmp(name, action->domain, length) != 0 ||
        !menu_image_file(line, dir, path, sizeof(path)))
        return false;
    if (!symbol_variable(path, action->symbol, &action->address, &bytes))
        unknown_variable(path, action, place, diags);
    else if (action->count >= 8 * bytes)
        diag_error(diags, place, "flip: '%.60s' has %" PRIu64 " bits, there is no bit %u",
                   action->symbol, 8 * bytes, action->count);
    return true;
}

/* Finds the variable of which a bit shall change: of a program, or of the CPU driver. */
static void find_variable(const struct menu *menu, const char *dir, struct fault_action *action,
                          struct place place, struct diags *diags)
{
    action->of_kernel = find_variable_in(&menu->kernel, dir, action, place, diags);
    if (action->of_kernel)
        return;
    for (size_t i = 0; i < menu->module_count; i++)
        if (find_variable_in(&menu->modules[i], dir, action, place, diags))
            return;
    no_program(menu, "flip", action->domain, place, diags);
}

/* The program that shall end must be one that can run. */
static void find_program(const struct menu *menu, const struct fault_action *action,
                         struct place place, struct diags *diags)
{
    const size_t length = (size_t)(strrchr(action->domain, '.') - action->domain);
    for (size_t i = 0; i < menu->module_count; i++) {
        const char *name = path_base(menu->modules[i].path);
        if (strlen(name) == length && strncmp(name, action->domain, length) == 0)
            return;
    }
    no_program(menu, "kill", action->domain, place, diags);
}

/* The programs and variables that actions name. */
static void find_variables(const struct scenario *scenario, const char *dir, struct diags *diags)
{
    for (size_t r = 0; r < scenario->fault_count; r++) {
        struct fault_rule *rule = &scenario->faults[r];
        for (size_t a = 0; a < rule->action_count; a++)
            if (rule->action[a].symbol)
                find_variable(&scenario->menu, dir, &rule->action[a], scenario->fault_places[r],
                              diags);
            else if (rule->action[a].kind == FAULT_KILL)
                find_program(&scenario->menu, &rule->action[a], scenario->fault_places[r], diags);
    }
}

bool names_known(const struct scenario *scenario, const char *dir, struct diags *diags)
{
    struct fault_names names = { 0 };
    size_t errors_before = diags->errors;
    bool ok = true;
    if (scenario->fault_count == 0)
        return true;
    for (size_t i = 0; i < scenario->menu.module_count && ok; i++) {
        char path[2 * PATH_MAX];
        ok = menu_image_file(&scenario->menu.modules[i], dir, path, sizeof(path)) &&
             message_names_read_file(path, &names);
    }
    if (ok) {
        scenario_check_messages(scenario, &names, diags);
        find_variables(scenario, dir, diags);
    }
    fault_names_free(&names);
    return ok && diags->errors == errors_before;
}
