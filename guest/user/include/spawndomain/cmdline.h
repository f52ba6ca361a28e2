/* SPDX-License-Identifier: MIT
 *
 * Lines of the boot menu as the guest reads them, and the arguments page of a new domain.
 *
 *   PATH [core=SET] [spawnflags=N] [boot|nospawn] ARGUMENTS...
 *
 * core= and spawnflags= count among the first two arguments only (facts 5.1); SET is
 * a[-b][,c[-d]]..., or a query: near:CORE, each-node or spare. Words are separated by blanks; there
 * is no quoting.  Pure: no system call.
 */
#ifndef SPAWNDOMAIN_CMDLINE_H
#define SPAWNDOMAIN_CMDLINE_H

#include <barrelfish_kpi/init.h>
#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

#define MENU_LINE_BYTES 1024 /* longest command line, with its final zero */

struct menu_entry {
    char path[256];
    char args[MENU_LINE_BYTES]; /* argv[0] = file name, then what is left of the arguments */
    uint64_t core_mask;         /* bit for each core of core=; 0: none given */
    char core_query[16];        /* near(CORE), each_node or spare instead; else empty */
    uint8_t spawn_flags;
    bool boot;    /* first argument left is "boot"; not part of args */
    bool nospawn; /* ... "nospawn": there for others to start; not part of args */
};

/* Reads one line.  SPAWN_ERR_FIND_MODULE: no path; SPAWN_ERR_SETUP_ARGS: too long, or core= or
 * spawnflags= malformed or naming a core beyond 63. */
errval_t menu_parse_line(const char *line, struct menu_entry *ret);

/* The part of a path after its last '/'. */
/* Reads a set of cores as that of core=, "0-3,6".  False: it is none, and *mask is as it was. */
bool menu_parse_cores(const char *text, uint64_t *mask);

const char *menu_base_name(const char *path);

/* Fills the arguments page of a new domain: argc, argv[] and the strings of `args`, as seen at
 * child_base; everything else of the structure is zero.  `page` has page_bytes (SPAWN_ARGS_BYTES)
 * and is zero.  SPAWN_ERR_SETUP_ARGS: more than MAX_CMDLINE_ARGS words, or no room. */
errval_t spawn_args_fill(struct spawn_domain_params *page, size_t page_bytes, genvaddr_t child_base,
                         const char *args);

/* Strings one after the other, each with its zero. */
struct spawn_words {
    const char *text;
    size_t bytes;
};

/* The words of a command line as such strings, as many as there is room for; their bytes. */
size_t menu_split(const char *line, char *ret, size_t room);

/* The same for words that are told apart already, and may hold blanks or be empty: argv, of which
 * there is at least one, and the environment.  SPAWN_ERR_SETUP_ARGS also: one has no end. */
errval_t spawn_words_fill(struct spawn_domain_params *page, size_t page_bytes,
                          genvaddr_t child_base, const struct spawn_words *argv,
                          const struct spawn_words *envp);

#endif
