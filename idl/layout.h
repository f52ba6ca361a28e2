/* SPDX-License-Identifier: MIT
 *
 * Layout of generated C: breaks long lines as the project's clang-format would.
 */
#ifndef IDL_LAYOUT_H
#define IDL_LAYOUT_H

#include "emit.h"

/* Lays out a whole file in place.  The generators write each statement or prototype on one line, or
 * break it within parentheses as they like. */
void idl_layout(struct idl_text *text);

#endif
