/* SPDX-License-Identifier: MIT
 *
 * Messages of programs, "NAME: TEXT[: text of errno]", on standard error; err and errx end the
 * program.
 */
#ifndef BARRELFISH_ERR_H
#define BARRELFISH_ERR_H

#include <sys/cdefs.h>

__BEGIN_DECLS
void err(int status, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
void errx(int status, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
__END_DECLS

#endif
