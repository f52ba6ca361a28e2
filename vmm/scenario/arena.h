/* SPDX-License-Identifier: MIT
 *
 * Arena: memory that is given back all at once.  A parsed scenario is hundreds of small strings and
 * nodes with one lifetime, so nothing in this folder calls free() on a single object.
 *
 * When the host has no memory left for these few kilobytes, the arena prints one line and aborts:
 * there is nothing left to report an error with.  So these functions never return NULL.
 */
#ifndef SCENARIO_ARENA_H
#define SCENARIO_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *newest; /* list of all chunks, NULL at first */
};

/* Zeroed memory of `bytes` bytes (0 is allowed), aligned for any type, owned by the arena. */
void *arena_alloc(struct arena *arena, size_t bytes);

/* Zeroed array; aborts if count * bytes overflows. */
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/* Copy of `length` bytes of text with a terminating zero. */
char *arena_text(struct arena *arena, const char *text, size_t length);

char *arena_string(struct arena *arena, const char *text);

char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Doubles the array `*items` of elements of `bytes` bytes when `count` has reached `*capacity`. */
void arena_grow(struct arena *arena, void **items, size_t *capacity, size_t count, size_t bytes);

/* Frees everything; the arena is empty again and may be used. */
void arena_free(struct arena *arena);

#endif
