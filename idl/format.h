/* SPDX-License-Identifier: MIT
 *
 * --format: an interface in the project's layout.
 */
#ifndef IDL_FORMAT_H
#define IDL_FORMAT_H

#include "emit.h"

/* Writes `source`, which must have compiled, in standard layout: one declaration on a line, four
 * spaces of indentation, lines wrapped at 100 columns, comments kept where they stand.  Formatting
 * twice changes nothing more. */
void idl_format(struct idl_text *out, struct idl_arena *arena, const struct idl_source *source);

#endif
