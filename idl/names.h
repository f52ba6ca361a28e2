/* SPDX-License-Identifier: MIT
 *
 * Names of an interface that would not survive in C: keywords, macros, and what the generated code
 * declares itself.  They are refused here, with the place, instead of by the C compiler later.
 */
#ifndef IDL_NAMES_H
#define IDL_NAMES_H

#include "diag.h"

/* A name that becomes a C parameter, member or part of a function name by itself. */
void idl_check_c_name(struct idl_diag *diag, const char *name, struct idl_place place,
                      const char *what);

/* `name` becomes the prefix of everything that the interface declares in C. */
void idl_check_interface_name(struct idl_diag *diag, const char *name, struct idl_place place);

/* `name` becomes a parameter of functions that use the interface's and the library's names. */
void idl_check_argument_name(struct idl_diag *diag, const char *interface, const char *name,
                             struct idl_place place);

/* `name` becomes IF_name_t. */
void idl_check_type_name(struct idl_diag *diag, const char *name, struct idl_place place);

/* `name` becomes IF_name, among the functions of the interface. */
void idl_check_enumerator_name(struct idl_diag *diag, const char *name, struct idl_place place);

#endif
