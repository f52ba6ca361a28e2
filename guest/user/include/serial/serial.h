/* SPDX-License-Identifier: MIT
 *
 * Input of the console: the client of serial.  getchar(), fgets(), scanf(), read(0, ...) and their
 * relatives come here; where the menu has no serial, they find the end of the file.  While no
 * domain is in front, whoever asks first gets the next line.
 */
#ifndef SERIAL_SERIAL_H
#define SERIAL_SERIAL_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <stddef.h>

/* Reads at most `bytes` bytes of a line; *got says how many, with its newline: 0 is the end.
 * Blocks the calling thread only; events of the default waitset are served meanwhile.
 * LIB_ERR_NAMESERVICE_UNKNOWN_NAME: there is no serial; SERIAL_ERR_OVER_SHARE: too many reads of
 * this domain wait; errors of the connection. */
errval_t serial_read(char *buffer, size_t bytes, size_t *got);

/* Puts the calling domain in front: only its reads get lines from now on, and those of other
 * domains wait.  It may if nobody is in front, or if it gave that to whoever is, at once or by way
 * of others.  It is in front until it gives that to another domain, or ends.
 * SERIAL_ERR_NOT_IN_FRONT: another one is.  Errors of serial_read(). */
errval_t serial_take_front(void);

/* Puts another domain in front, until that ends or the caller takes it back.  A domain that has not
 * read yet stays in front until the caller takes it back or ends.  SERIAL_ERR_NOT_IN_FRONT: the
 * caller is not; SERIAL_ERR_FRONT_FULL: 16 domains have put each other in front. */
errval_t serial_give_front(domainid_t domain);

#endif
