/* SPDX-License-Identifier: MIT
 *
 * Between the files of the client of octopus.
 */
#ifndef OCTOPUS_CLIENT_PRIV_H
#define OCTOPUS_CLIENT_PRIV_H

#include <if/octopus_defs.h>
#include <octopus/octopus.h>
#include <octopus/record.h>
#include <stdarg.h>

/* After oct_init(). */
struct octopus_binding *oct_binding(void);

/* A text as printf() makes it, of OCT_RECORD_BYTES. */
errval_t oct_text(char *text, const char *fmt, va_list args);

#endif
