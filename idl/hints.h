/* SPDX-License-Identifier: MIT
 *
 * Hints for words that people bring along from C.
 */
#ifndef IDL_HINTS_H
#define IDL_HINTS_H

/* What to write instead of a word of C that was used as a type; NULL if it is none. */
const char *idl_hint_for_c_type(const char *word);

#endif
