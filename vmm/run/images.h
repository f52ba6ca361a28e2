/* SPDX-License-Identifier: MIT */
#ifndef RUN_IMAGES_H
#define RUN_IMAGES_H

#include "scenario/scenario.h"

/* Compares the menu's paths with the directory; a diagnostic with FILE:LINE:COLUMN for each that is
 * missing, with the nearest name that exists.  Returns how many are missing.
 * `warn`: as warnings, not errors. */
unsigned images_missing(const struct scenario *scenario, const char *dir, bool warn,
                        struct diags *diags);

/* Do the programs of the menu know the interfaces, messages and variables that rules of faults
 * name?  Errors in `diags`.  Where variables lie is written into the rules.  The images must be
 * there. */
bool names_known(const struct scenario *scenario, const char *dir, struct diags *diags);

#endif
