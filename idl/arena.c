/* SPDX-License-Identifier: MIT
 *
 * Memory of one compilation (arena.h).
 *
 * A list of chunks; the newest has room at its end.  A request larger than a chunk gets a chunk of
 * its own.  Must never hand out memory that is not zeroed: the tree's optional fields rely on it.
 */
#include "arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (16 * 1024)

struct chunk {
    struct chunk *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

struct idl_arena {
    struct chunk *chunks;
};

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fprintf(stderr, "idl: error: out of memory (%zu bytes); free some and run again\n", bytes);
        exit(2);
    }
    return memory;
}

struct idl_arena *idl_arena_new(void)
{
    return allocate(sizeof(struct idl_arena));
}

void idl_arena_free(struct idl_arena *arena)
{
    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

void *idl_arena_alloc(struct idl_arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    assert(bytes <= (size_t)1 << 40);
    bytes = (bytes + align - 1) & ~(align - 1);
    struct chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < bytes) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = allocate(sizeof(*chunk) + size);
        chunk->size = size;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *memory = chunk->data + chunk->used;
    chunk->used += bytes;
    assert(chunk->used <= chunk->size);
    return memory;
}

char *idl_arena_text(struct idl_arena *arena, const char *text, size_t length)
{
    char *copy = idl_arena_alloc(arena, length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *idl_arena_printf(struct idl_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    char *text = idl_arena_alloc(arena, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
