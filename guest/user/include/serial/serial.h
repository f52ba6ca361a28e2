/* SPDX-License-Identifier: MIT
 *
 * Input of the console: the client of serial.  getchar(), fgets(), scanf(), read(0, ...) and their
 * relatives come here; where the menu has no serial, they find the end of the file.
 */
#ifndef SERIAL_SERIAL_H
#define SERIAL_SERIAL_H

#include <errors/errno.h>
#include <stddef.h>

/* Reads at most `bytes` bytes of a line; *got says how many, with its newline: 0 is the end.
 * Blocks the calling thread only; events of the default waitset are served meanwhile.
 * LIB_ERR_NAMESERVICE_UNKNOWN_NAME: there is no serial; SERIAL_ERR_OVER_SHARE: too many reads of
 * this domain wait; errors of the connection. */
errval_t serial_read(char *buffer, size_t bytes, size_t *got);

#endif
