/* SPDX-License-Identifier: MIT
 *
 * Memory of one compilation: objects are taken from chunks and freed together.
 * The compiler's data structures are small and live equally long, so nothing is freed singly.
 */
#ifndef IDL_ARENA_H
#define IDL_ARENA_H

#include <stddef.h>

struct idl_arena;

struct idl_arena *idl_arena_new(void);
void idl_arena_free(struct idl_arena *arena); /* NULL is allowed */

/* Zeroed memory, aligned for any object.  Never NULL: the process ends with a message when the host
 * has no memory left. */
void *idl_arena_alloc(struct idl_arena *arena, size_t bytes);

/* A zero-terminated copy of the `length` bytes at `text`. */
char *idl_arena_text(struct idl_arena *arena, const char *text, size_t length);

/* A formatted, zero-terminated string. */
char *idl_arena_printf(struct idl_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
