/* SPDX-License-Identifier: MIT
 *
 * The boot menu: which images a machine starts with, one line each, in the menu.lst grammar.
 *
 *     title TEXT | root ... | timeout ...      accepted, not used (title is kept)
 *     kernel PATH ARGS                         the CPU driver; exactly one, before the modules;
 *                                              slice=TIME among its arguments is checked
 *     module PATH ARGS | modulenounzip PATH ARGS
 *     # comment
 *
 * `core=a[-b][,c...]` (or the queries near:CORE, each-node and spare, which the knowledge base
 * answers when the machine runs) and `spawnflags=N` are recognised among the first two arguments of
 * a module only.  The line itself is handed to the guest unchanged, which interprets it the same
 * way.
 */
#ifndef SCENARIO_MENU_H
#define SCENARIO_MENU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/arena.h"
#include "scenario/diag.h"

#define MENU_MODULES_MAX 126         /* as many as a machine takes (MACHINE_MAX_MODULES) */
#define MENU_LINE_MAX 1024           /* bytes of one line */
#define MENU_TEXT_MAX 32768          /* bytes of all lines; the boot information holds them */
#define MENU_SLICE_MAX_NS 1000000000 /* longest time slice */
#define MENU_ARGS_MAX 128            /* words of one line, as many as a domain takes */

/* One image with its command line. */
struct menu_line {
    struct place place;  /* of the path */
    const char *path;    /* absolute; in the image directory, unless there is an `image` */
    const char *image;   /* host file of a program outside ("./hello", "../out/hello"), else NULL */
    const char *command; /* "path args...", as handed to the guest */
    uint64_t cores;      /* bit c: core= names core c; 0 when the line has no core= */
    struct place core_place;
    const char *core_query; /* "near:0", "each-node" or "spare" instead of a set; else NULL */
    unsigned near_core;     /* of near: */
    uint32_t spawn_flags;   /* spawnflags=N, else 0 */
    bool no_unzip;          /* modulenounzip */
    bool boot;              /* one of its arguments is `boot`: a service, started with the system */
};

struct menu {
    const char *title; /* NULL without a title line */
    struct menu_line kernel;
    struct menu_line *modules;
    size_t module_count, module_capacity;
    size_t text_bytes; /* sum of command lengths, each with its zero */
};

/* Takes one line of a menu (without newline) that starts at `place`.  Errors go to `diags`. */
void menu_parse_line(struct arena *arena, const char *text, struct place place, struct menu *menu,
                     struct diags *diags);

/* Takes a whole menu file's text; `file` outlives the menu. */
void menu_parse_text(struct arena *arena, const char *file, const char *text, size_t length,
                     struct menu *menu, struct diags *diags);

/* What can be said only when all lines are known: a kernel line, init, cores that exist.
 * `whole` is the place to blame for something that is missing; `core_count` is 0 if it is not
 * known. */
void menu_check(const struct menu *menu, unsigned core_count, struct place whole,
                struct diags *diags);

/* Only the cores that one line names. */
void menu_check_cores(const struct menu_line *line, unsigned core_count, struct diags *diags);

/* Parses "a[-b][,c...]" into a set of cores.  Returns NULL or what is wrong (static text). */
const char *parse_core_set(const char *text, uint64_t *cores);

/* The host file of the line's image, given the image directory.  False: longer than `bytes`. */
bool menu_image_file(const struct menu_line *line, const char *dir, char *file, size_t bytes);

/* The last component of a path: "/sbin/init" -> "init". */
const char *path_base(const char *path);

#endif
