/* SPDX-License-Identifier: MIT
 *
 * What the files that read the section `expect` share; not for use outside this folder.
 */
#ifndef SCENARIO_EXPECT_PARSE_H
#define SCENARIO_EXPECT_PARSE_H

#include "scenario/parse.h"

/* An entry of the list while it is read. */
struct expect_input {
    struct expectation expectation;
    unsigned kinds;  /* keys that say what is expected: one is right */
    const char *key; /* the last of them */
    const struct ynode *exit_at, *core_at, *domain_at, *count_at, *most_at, *invariants_at,
        *every_at;
    uint64_t cores; /* 0: any */
};

/* The entry says what is expected by this key. */
void expect_is(struct expect_input *input, enum expectation_kind kind, const char *key);

/* A text, {text: ...} or {regex: ...} that console lines are compared with. */
void parse_pattern(struct parser *parser, const struct ynode *value, const char *what,
                   struct expectation *expectation);

/* scenario_property.c: the keys whose entry is about values that programs report, recoveries,
 * invariants. */
void parse_recovered(struct parser *parser, const struct ynode *value, void *object);
void parse_metric(struct parser *parser, const struct ynode *value, void *object);
void parse_always(struct parser *parser, const struct ynode *value, void *object);
void parse_never(struct parser *parser, const struct ynode *value, void *object);
void parse_sometimes(struct parser *parser, const struct ynode *value, void *object);
void parse_invariants(struct parser *parser, const struct ynode *value, void *object);
void parse_every(struct parser *parser, const struct ynode *value, void *object);

/* Which checkers the list of `invariants` names, a bit each. */
uint32_t parse_invariant_list(struct parser *parser, const struct ynode *value);
/* Says what is wrong if `every` stands beside something else than the checker of capabilities. */
void check_every(struct parser *parser, const struct expect_input *input, uint32_t checkers);

#endif
