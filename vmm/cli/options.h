/* SPDX-License-Identifier: MIT
 *
 * The options of all sub-commands: each is described and parsed in one place, and a command says
 * which ones it takes.
 */
#ifndef VMM_CLI_OPTIONS_H
#define VMM_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "findings/findings.h"
#include "run/sandbox.h"

#define SETS_MAX 64

/* --set arguments. */
struct sets {
    const char *list[SETS_MAX + 1]; /* --deadline is one, too */
    size_t count;
};

/* Options without a letter. */
enum {
    OPTION_JSON = 256,
    OPTION_JUNIT,
    OPTION_TRACE,
    OPTION_RECORD,
    OPTION_GUARD,
    OPTION_TRAP_WINDOW,
    OPTION_OUTPUT_LIMIT,
    OPTION_SECCOMP,
    OPTION_FULL,
    OPTION_ENGINE_MEMORY,
    OPTION_FAULTS_OUT,
    OPTION_FORMAT,
    OPTION_SVG,
    OPTION_EXPORT_FORMAT,
    OPTION_ACCEL,
    OPTION_CONNECT,
    OPTION_ENGINES,
    OPTION_MESSAGES,
    OPTION_SEEDS,
    OPTION_SUMMARY_MD,
    OPTION_ANNOTATE,
    OPTION_INTERACTIVE,
    OPTION_BESIDE
};

/* What was asked for; NULL, 0 and false where nothing was said. */
struct options {
    struct sets sets;
    const char *engine, *engines, *images, *json, *junit, *trace, *record, *faults_out,
        *export_format, *accel, *svg, *messages, *output, *seeds, *summary_md, *beside;
    bool has_seed, trap_window, full, annotate, interactive;
    uint64_t seed;
    uint64_t deadline_ns;   /* 0: the scenario's */
    uint64_t guard_ns;      /* GUARD_DEFAULT_NS unless told otherwise */
    uint64_t output_limit;  /* bytes, 0: the usual ones */
    uint64_t engine_memory; /* bytes, 0: ENGINE_MEMORY_BYTES */
    enum sandbox_mode sandbox;
    enum findings_format format;
    int verbosity; /* -1 quiet, 0, 1, 2 */
    char **operands;
    int operand_count;
};

#define GUARD_DEFAULT_NS (20ull * 60 * 1000000000)

/* An option that a command takes: its letter or OPTION_*, and what it does there. */
struct option_use {
    int key;
    const char *help;
};

#define OPTION_USES_MAX 24

struct command_line {
    struct option_use takes[OPTION_USES_MAX]; /* key 0 at the end */
    const char *operand;                      /* what one is, "a scenario file"; NULL: none */
    bool several;                             /* of them */
    const char *args_doc, *doc;               /* for --help */
};

/* Parses a command's arguments.  Ends the program after --help, and with status 2 after a
 * mistake. */
void options_parse(const struct command_line *line, int argc, char **argv, struct options *out);

#endif
