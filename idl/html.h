/* SPDX-License-Identifier: MIT
 *
 * --html: a page about an interface.
 */
#ifndef IDL_HTML_H
#define IDL_HTML_H

#include "emit.h"

/* Writes a complete HTML document: types, and each message with its arguments, sizes and
 * fragments. */
void idl_html(struct idl_text *out, const struct idl_plan *plan);

#endif
