/* SPDX-License-Identifier: MIT
 *
 * The parser: one source to one tree.
 */
#ifndef IDL_PARSER_H
#define IDL_PARSER_H

#include "ast.h"

/* Parses `source`.  Errors go to `diag`; the tree is never NULL and holds what could be understood,
 * so that later passes can find more errors in the same run. */
struct idl_interface *idl_parse(struct idl_arena *arena, struct idl_diag *diag,
                                const struct idl_source *source);

/* Parses a file of shared types: type declarations, with or without `interface NAME { };`
 * around. */
struct idl_interface *idl_parse_include(struct idl_arena *arena, struct idl_diag *diag,
                                        const struct idl_source *source);

#endif
