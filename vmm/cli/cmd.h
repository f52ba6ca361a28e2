/* SPDX-License-Identifier: MIT
 *
 * The sub-commands of vmm, one file each (cmd_NAME.c), and what they share.
 *
 * A command gets its own argv (argv[0] is "vmm NAME") and returns the exit status:
 *   0 everything held   1 an expectation did not hold   2 bad usage or scenario
 *   3 the host lacks something   130 interrupted
 */
#ifndef VMM_CMD_H
#define VMM_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "engine/engine.h"
#include "run/status.h"
#include "scenario/scenario.h"

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_topo(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_diff(int argc, char **argv);

/* ---- the terminal ---- */

/* Is standard output a terminal that understands escape sequences?  And may they be colours? */
bool terminal_escapes(void);
bool terminal_colour(void);

/* ---- scenarios ---- */

/* scenario_load() with diagnostics printed to stderr; NULL after errors.  `diags`: they are kept
 * there too, for the caller to free; NULL: nobody wants them. */
struct scenario *load_and_keep(const char *path, const struct sets *sets, struct diags *diags);
struct scenario *load_and_report(const char *path, const struct sets *sets);

/* ---- guest images ---- */

/* The image directory: `option` (--images), else $VMM_IMAGES, else ../guest or ../lib/vmm/guest
 * beside the program.  Writes the path and returns true, or writes one line that says where was
 * looked and what to do, and returns false. */
bool images_find(const char *option, char *path, size_t bytes);

/* The same; the line goes to stderr, for commands that cannot go on. */
bool images_find_or_say(const char *option, char *path, size_t bytes);

/* ---- engines ---- */

/* The engine of that name; NULL after one line on stderr, with *status 2 (no such engine) or 3
 * (left out of this build). */
const struct engine_ops *engine_named(const char *name, int *status);

/* The engine to use: "auto" (NULL means the same) or a name.  Returns NULL after one line on stderr
 * for each reason, with *status 2 (no such engine) or 3 (it cannot run here).  `quiet` keeps it
 * from telling why auto passed over an engine. */
const struct engine_ops *engine_choose(const char *name, bool quiet,
                                       struct engine_capability *capability, int *status);

#endif
