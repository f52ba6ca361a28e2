/* SPDX-License-Identifier: MIT
 *
 * Records (<octopus/octopus.h>).
 */
#ifndef OCTOPUS_GETSET_H
#define OCTOPUS_GETSET_H

#include <barrelfish/barrelfish.h>
#include <octopus/definitions.h>

/* Records and queries are texts as <octopus/record.h> describes them, made as printf() does; at
 * most OCT_RECORD_BYTES, else OCT_ERR_PARSER_FAIL.  A record belongs to the domain that set it:
 * others cannot change it (OCT_ERR_NOT_OWNER), and it goes when the domain ends.  Texts that come
 * back are the caller's to free(). */

/* The first record that matches.  OCT_ERR_NO_RECORD, OCT_ERR_PARSER_FAIL. */
errval_t oct_get(char **record, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* OCT_ERR_NO_RECORD: there is none. */
errval_t oct_exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Makes or replaces a record.  OCT_ERR_NO_RECORD_NAME, OCT_ERR_PARSER_FAIL, OCT_ERR_OVER_SHARE. */
errval_t oct_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
errval_t oct_mset(oct_mode_t mode, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* And gives it as it is kept. */
errval_t oct_set_get(oct_mode_t mode, char **record, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* All of the caller's records that match. */
errval_t oct_del(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Names of all that match, each to be freed: oct_free_names().  OCT_ERR_TOO_MANY: more than 8 KiB.
 * */
errval_t oct_get_names(char ***names, size_t *count, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void oct_free_names(char **names, size_t count);
/* Waits until there is a record that matches. */
errval_t oct_wait_for(char **record, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Waits until the first record that matches is deleted, by its owner or because he has ended, alone
 * or with his core.  At once if there is none. */
errval_t oct_wait_gone(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Reads a record: `fmt` is a query in which %d stands for an integer (int64_t *) and %s for a text
 * (char **, to be freed) that is wanted.  OCT_ERR_NO_RECORD: it does not match; nothing is given.
 * */
errval_t oct_read(const char *record, const char *fmt, ...);

#endif
