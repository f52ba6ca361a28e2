/* SPDX-License-Identifier: MIT
 *
 * --compat: may programs compiled with the old and the new interface talk to each other?
 */
#ifndef IDL_COMPAT_H
#define IDL_COMPAT_H

#include "emit.h"

/* Writes one line for each difference, "breaks: ..." or "keeps: ...", and returns how many break
 * the wire. */
unsigned idl_compat(struct idl_text *out, const struct idl_plan *old,
                    const struct idl_plan *new_plan);

#endif
