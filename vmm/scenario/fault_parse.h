/* SPDX-License-Identifier: MIT
 *
 * What the files that read the section `faults` share; not for use outside this folder.
 */
#ifndef SCENARIO_FAULT_PARSE_H
#define SCENARIO_FAULT_PARSE_H

#include "scenario/parse.h"
#include "scenario/units.h"

/* The name of another rule, still to be found. */
struct fault_reference {
    const char *name; /* NULL: none */
    struct place place;
};

/* A rule while it is read. */
struct fault_input {
    struct fault_rule rule;
    struct place place, do_at, fired_at;
    const char *trigger; /* key that said what the rule looks for */
    const char *fired;
    struct fault_reference after, until;
    /* the last key of each kind, which others do not go with */
    const char *message_key, *cores_key, *console_key;
};

/* `any`, or cores that the machine has. */
bool parse_existing_cores(struct parser *parser, const struct ynode *node, const char *what,
                          uint64_t *cores);
bool parse_existing_core(struct parser *parser, const struct ynode *node, const char *what,
                         uint32_t *core);

/* fault_action.c: an action: a word, or a mapping. */
bool parse_fault_action(struct parser *parser, const struct ynode *node,
                        struct fault_action *action);

#endif
