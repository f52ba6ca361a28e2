/* SPDX-License-Identifier: MIT
 *
 * Resolution: every name of a type finds its declaration; what cannot be compiled is refused.
 */
#ifndef IDL_RESOLVE_H
#define IDL_RESOLVE_H

#include "ast.h"

/* Resolves the types of `interface`, which may use those of the `include_count` files of shared
 * types.  Errors (unknown and duplicate names, cycles, types where they cannot be) and warnings
 * (shadowed and unused types) go to `diag`.  If diag->errors is still 0 afterwards, every type_ref
 * has its type, aliases are replaced by their builtins, and interface->order is set. */
void idl_resolve(struct idl_arena *arena, struct idl_diag *diag, struct idl_interface *interface,
                 struct idl_interface *const *includes, size_t include_count);

/* The type behind typedefs: BUILTIN, ARRAY, STRUCT or ENUM. */
const struct idl_type *idl_base_type(const struct idl_type *type);

#endif
