/* SPDX-License-Identifier: MIT
 *
 * A scenario: the machine, what it boots, how long it may take and what must hold.
 *
 * scenario_load() reads a YAML file and the menu it names, applies --set overrides, checks
 * everything and returns a plain structure; nothing is read from disk afterwards.  Format and every
 * key: docs/scenarios.md; the same rules for editors: scenarios/scenario.schema.json.
 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/layout.h"
#include "fault/fault.h"
#include "fault/interconnect.h"
#include "scenario/arena.h"
#include "scenario/diag.h"
#include "scenario/menu.h"

#define SCENARIO_NAME_MAX 64
#define SCENARIO_EXPECTATIONS_MAX 1024
#define SCENARIO_PATTERN_MAX 1024 /* bytes of one text or regular expression */

#define SCENARIO_DEFAULT_MEMORY_BYTES (256ull << 20) /* or 16 MiB for each core, if that is more */
#define SCENARIO_DEFAULT_WINDOW_BYTES (16ull << 20)  /* for each node ... */
#define SCENARIO_WINDOW_PER_CORE_BYTES (1ull << 20)  /* ... or this for each core of it, if more */
#define SCENARIO_DEFAULT_DEADLINE_NS (30ull * 1000000000)
#define SCENARIO_MAX_DEADLINE_NS (24ull * 3600 * 1000000000)
#define SCENARIO_LOCAL_DISTANCE 10
#define SCENARIO_REMOTE_DISTANCE 20

/* Least memory: what the images, page tables and first objects of core 0 take, and those of every
 * further core (private CPU driver image, monitor, first objects). */
#define SCENARIO_FIRST_CORE_BYTES (32ull << 20)
#define SCENARIO_FURTHER_CORE_BYTES (12ull << 20)
#define SCENARIO_NODE_MIN_BYTES (4ull << 20)
#define SCENARIO_WINDOW_MIN_BYTES (2ull << 20)

struct scenario_node {
    uint64_t cores;        /* bit c: core c belongs to this node */
    uint64_t memory_bytes; /* multiple of 2 MiB */
    uint64_t window_bytes; /* multiple of 2 MiB, at most ABI_WINDOW_STRIDE */
};

#define SCENARIO_BOARD_MICROVM 0
#define SCENARIO_BOARD_Q35 1

struct scenario_machine {
    unsigned core_count; /* 1 .. ABI_MAX_CORES; cores are numbered from 0 without gaps */
    unsigned node_count; /* 1 .. ABI_MAX_NODES; every core is in exactly one node */
    struct scenario_node node[ABI_MAX_NODES];
    uint8_t distance[ABI_MAX_NODES][ABI_MAX_NODES]; /* SLIT: 10 = local */
    bool crash_fails;                               /* a domain that a fault ends ends the run */
    struct interconnect_shape interconnect;
    const char *topology;  /* in words, "links" for those of the file's own; NULL: none */
    unsigned board;        /* SCENARIO_BOARD_*: which PC, where a PC runs it */
    uint32_t slice_blocks; /* longest slice of a core in basic blocks; 0: the engine decides */
    bool panic_kills_core; /* else a panic of a CPU driver stops the machine */
};

enum expectation_kind {
    EXPECT_CONSOLE, /* at least `count` matching lines */
    EXPECT_NOT,     /* no matching line */
    EXPECT_EXIT,    /* the guest powers the machine off with exit_code */
    EXPECT_FIRED,   /* a rule of `faults` fires `count` to `most` times */
    /* after each firing of a rule a line appears within a time, `count` times at least */
    EXPECT_RECOVERED,
    /* about a value or property that programs report (abi/report.h): */
    EXPECT_METRIC,    /* a comparison holds in the end */
    EXPECT_ALWAYS,    /* it holds whenever it is looked at, `count` times at least */
    EXPECT_NEVER,     /* it never does */
    EXPECT_SOMETIMES, /* it does `count` times */
    EXPECT_INVARIANT, /* a checker finds nothing wrong when the run has ended */
    EXPECT_KINDS
};

/* "console", "not", ...: the key in the scenario; in JSON. */
extern const char *const expectation_kind_name[EXPECT_KINDS];

enum invariant {
    INVARIANT_CHANNELS, /* what healthy channels carry is neither lost nor doubled nor changed */
    INVARIANT_MEMORY,   /* the memory servers can tell of each page whether it is free or lent */
    INVARIANT_CAPABILITIES, /* what cores say of capabilities fits together */
    INVARIANTS
};
extern const char *const invariant_name[INVARIANTS];

/* How a reported value is compared; COMPARE_NONE: `pattern` is the name of a property. */
enum comparison {
    COMPARE_NONE,
    COMPARE_EQUAL,
    COMPARE_NOT_EQUAL,
    COMPARE_LESS,
    COMPARE_AT_MOST,
    COMPARE_MORE,
    COMPARE_AT_LEAST
};
extern const char *const comparison_text[COMPARE_AT_LEAST + 1];

#define EXPECT_ANY_CORE (-1)

struct expectation {
    enum expectation_kind kind;
    struct place place;
    int core;   /* EXPECT_ANY_CORE or the core that must (not) print it */
    bool regex; /* POSIX extended regular expression; else text that the line contains */
    const char
        *pattern; /* NULL for EXPECT_EXIT; name of the rule (FIRED), of the value, of the checker */
    const char *domain;         /* only lines of this domain; NULL: of any, and of the CPU driver */
    uint32_t count;             /* at least; 1 or more for EXPECT_CONSOLE */
    uint32_t most;              /* at most; UINT32_MAX: any number; EXPECT_CONSOLE, EXPECT_FIRED */
    uint32_t rule;              /* EXPECT_FIRED, EXPECT_RECOVERED: index */
    uint64_t within_ns;         /* EXPECT_RECOVERED */
    enum comparison comparison; /* METRIC, ALWAYS, NEVER, SOMETIMES */
    uint64_t value;             /* compared with */
    enum invariant invariant;
    uint64_t every_ns; /* INVARIANT, capabilities: also so often during the run; 0: at its end */
    bool implied;      /* EXPECT_FIRED: by the rule itself, which is not optional */
    uint8_t exit_code; /* EXPECT_EXIT */
};

#define SCENARIO_INPUTS_MAX 1024
#define SCENARIO_INPUT_MAX 4096 /* bytes of one piece, with the end of its line */

/* A piece of what is typed on the console. */
struct scenario_input {
    struct place place;
    const char *text; /* with the newline of a line; NULL: the end of all input */
    bool line;        /* was given without its newline */
    uint64_t at_ns;
    struct fault_pattern after; /* text NULL: none */
};

#define SCENARIO_VARIANCES_MAX 64

/* What may differ between engines, where lines of two runs are compared. */
struct scenario_variance {
    struct place place;
    const char *expression; /* POSIX extended regular expression */
    bool whole_line;        /* lines that match are left out; else the part that matches */
    const char *reason;
};

struct scenario {
    struct arena arena;     /* owns everything below */
    const char *file;       /* as given on the command line */
    const char **overrides; /* --set, as given */
    size_t override_count;
    const char *name;
    const char *description; /* "" without one */
    struct scenario_machine machine;
    struct menu menu;
    uint64_t deadline_ns; /* machine time */
    bool has_seed;
    uint64_t seed;
    bool nested;                      /* runs inside the nested hardware-KVM suite too */
    struct expectation *expectations; /* never empty: without `expect`, exit: 0 */
    size_t expectation_count, expectation_capacity;
    struct fault_rule *faults; /* every one has a name */
    struct place *fault_places;
    size_t fault_count;
    void **regexes; /* compiled for the rules */
    size_t regex_count, regex_capacity;
    uint64_t quiet_ns; /* time without faults at the end */
    struct scenario_input *input;
    size_t input_count, input_capacity;
    struct scenario_variance *variances;
    size_t variance_count, variance_capacity;
};

/* Reads and checks `path` ("-" is not special) with `overrides` ("machine.cores=4") applied.
 * Returns a scenario to be freed with scenario_free(), or NULL after at least one error in `diags`.
 * May add warnings on success.  Blocks for file I/O. */
struct scenario *scenario_load(const char *path, const char *const *overrides,
                               size_t override_count, struct diags *diags);

/* The same for text in memory; `file` names it in diagnostics, and a menu file is looked for beside
 * it. */
struct scenario *scenario_parse(const char *file, const char *text, size_t length,
                                const char *const *overrides, size_t override_count,
                                struct diags *diags);

void scenario_free(struct scenario *scenario);

/* Writes the scenario as self-contained YAML, which parses to an equal one.  Returns 0 or a
 * negative errno. */
int scenario_write(const struct scenario *scenario, FILE *out);

/* A text in double quotes, as YAML and JSON read it. */
void scenario_write_quoted(FILE *out, const char *text);

/* A rule as an item of the list `faults`; names of other rules are taken from `rules`.  And an
 * action alone. */
void fault_rule_write(const struct fault_rule *rule, const struct fault_rules *rules, FILE *out);
void fault_action_write(const struct fault_action *action, FILE *out);

/* "invoke", ...; "any" for UINT32_MAX. */
const char *scenario_syscall_name(uint32_t number);

/* Compares the interfaces and messages that rules name with those of the images: errors in
 * `diags`. */
void scenario_check_messages(const struct scenario *scenario, const struct fault_names *names,
                             struct diags *diags);

/* Node of a core. */
unsigned scenario_node_of(const struct scenario_machine *machine, unsigned core);

#endif
