/* SPDX-License-Identifier: MIT
 *
 * What the files that read the section `machine` share; not for use outside this folder.
 */
#ifndef SCENARIO_MACHINE_PARSE_H
#define SCENARIO_MACHINE_PARSE_H

#include "scenario/parse.h"

/* Its name, and how many cores it has; NULL after an error. */
const char *parse_preset(struct parser *parser, const struct ynode *value, uint64_t *cores);

/* Reads `interconnect`, or takes that of a preset; either may be NULL, not both.  The cores are
 * known. */
void parse_interconnect(struct parser *parser, const struct ynode *value, const char *preset,
                        const struct ynode *preset_at);

#endif
