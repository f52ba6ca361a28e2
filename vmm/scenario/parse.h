/* SPDX-License-Identifier: MIT
 *
 * Shared by the files that turn a YAML tree into a struct scenario; not for use outside this
 * folder.
 *
 * Each section of a scenario is a table of keys, so that the set of valid keys, the list printed in
 * an error and the nearest valid key come from one place.
 */
#ifndef SCENARIO_PARSE_H
#define SCENARIO_PARSE_H

#include "scenario/scenario.h"
#include "scenario/yaml_tree.h"

struct parser {
    struct scenario *scenario;
    struct arena *arena; /* the scenario's */
    struct diags *diags;
    bool
        /* what says how many cores there are was refused: nothing is compared with it */
        cores_unknown;
};

/* One key of a mapping: `parse` gets its value and the object that the mapping describes. */
struct key {
    const char *name;
    bool required;
    void (*parse)(struct parser *parser, const struct ynode *value, void *object);
};

/* Calls the parser of each key present; reports unknown, missing and empty keys.  `what` names the
 * mapping in messages ("machine").  Returns false if `node` is not a mapping. */
bool parse_mapping(struct parser *parser, const struct ynode *node, const char *what,
                   const struct key *keys, size_t key_count, void *object);

/* Scalars.  Each reports what is wrong, with `what` naming the key, and returns false. */
bool parse_text(struct parser *parser, const struct ynode *node, const char *what,
                const char **text);
bool parse_number(struct parser *parser, const struct ynode *node, const char *what, uint64_t min,
                  uint64_t max, uint64_t *value);
bool parse_bytes(struct parser *parser, const struct ynode *node, const char *what,
                 uint64_t *bytes);
bool parse_time(struct parser *parser, const struct ynode *node, const char *what, uint64_t *ns);
bool parse_bool(struct parser *parser, const struct ynode *node, const char *what, bool *value);

/* A core number, "0-3,6", or a list of such. */
bool parse_cores(struct parser *parser, const struct ynode *node, const char *what,
                 uint64_t *cores);

/* The sections.  parse_machine takes NULL when the file has none, and always leaves a machine that
 * is safe to check other sections against. */
void parse_machine(struct parser *parser, const struct ynode *node);
void parse_boot(struct parser *parser, const struct ynode *node);
void parse_expect(struct parser *parser, const struct ynode *node);
void parse_faults(struct parser *parser, const struct ynode *node);
void parse_input(struct parser *parser, const struct ynode *node);
void parse_compare(struct parser *parser, const struct ynode *node);

/* Index of the rule of that name; FAULT_NO_RULE, and an error at the node, if there is none. */
uint32_t scenario_find_rule(struct parser *parser, const struct ynode *node, const char *name);

/* Compiles a regular expression that lives as long as the scenario; NULL after an error. */
void *parse_regex(struct parser *parser, const struct ynode *node, const char *pattern);

/* Reads a whole file of at most YAML_FILE_MAX_BYTES into the arena, without the byte order mark
 * that some editors put before UTF-8.  On failure reports at `place` (or at the file itself, if
 * place.file is NULL) and returns NULL. */
char *read_text_file(struct arena *arena, const char *path, struct place place, size_t *length,
                     struct diags *diags);

#endif
