/* SPDX-License-Identifier: MIT
 *
 * Messages and panics (facts §2.2).  Lines go to the console through the kernel, whole.
 */
#ifndef BARRELFISH_DEBUG_H
#define BARRELFISH_DEBUG_H

#include <errors/errno.h>
#include <stdarg.h>

/* "name.core: text", one console line (a newline at the end is dropped). */
void debug_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Boot phases, domains spawned, bindings made: shown by the VMM with -v only, which also says when,
 * where and who. */
void debug_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The raw form; line without newline, at most 1024 bytes are shown.  kind: PRINT_*. */
void debug_print_line(unsigned kind, const char *text, size_t length);

/* Prints text as it is, from any place in memory: a console line for each of its lines, and for
 * what is left behind the last newline.  Always succeeds. */
errval_t sys_print(const char *text, size_t length);

/* Say on the console what this dispatcher has mapped, as its page tables say, and what lies in its
 * CSpace. */
void debug_dump_hw_ptables(void);
void debug_my_cspace(void);

/* Behind the macros below.  DEBUG_ERR prints one line: place, text, and all codes of the error,
 * newest first; nothing with NDEBUG.  USER_PANIC and USER_PANIC_ERR print "PANIC in ..." and end
 * the domain with EXIT_FAILURE. */
void debug_err(const char *file, const char *func, int line, errval_t err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void user_panic_fn(const char *file, const char *func, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 4, 5)));
void user_panic_err_fn(const char *file, const char *func, int line, errval_t err, const char *fmt,
                       ...) __attribute__((noreturn, format(printf, 5, 6)));

#ifdef NDEBUG
#define DEBUG_ERR(err, ...) ((void)0)
#else
#define DEBUG_ERR(err, ...) debug_err(__FILE__, __func__, __LINE__, err, __VA_ARGS__)
#endif
#define USER_PANIC(...) user_panic_fn(__FILE__, __func__, __LINE__, __VA_ARGS__)
#define USER_PANIC_ERR(err, ...) user_panic_err_fn(__FILE__, __func__, __LINE__, err, __VA_ARGS__)

#endif
