/* SPDX-License-Identifier: MIT
 *
 * Arena allocator: a list of chunks, each filled from its start.  Objects larger than a chunk get a
 * chunk of their own.  Chunks come from calloc(), so memory is zero and sanitizers still see
 * accesses beyond a chunk.  Never returns NULL: see arena.h for the reason.
 */
#include "scenario/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK_BYTES 16384

struct arena_chunk {
    struct arena_chunk *next;
    size_t capacity; /* bytes in data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr, "vmm: the host has no memory for %zu more bytes\n", bytes);
    abort();
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX / 2)
        out_of_memory(bytes);
    size_t need = (bytes + align - 1) / align * align;
    struct arena_chunk *chunk = arena->newest;
    if (!chunk || chunk->capacity - chunk->used < need) {
        size_t capacity = need > ARENA_CHUNK_BYTES ? need : ARENA_CHUNK_BYTES;
        chunk = calloc(1, sizeof(*chunk) + capacity);
        if (!chunk)
            out_of_memory(bytes);
        chunk->capacity = capacity;
        chunk->next = arena->newest;
        arena->newest = chunk;
    }
    void *object = chunk->data + chunk->used;
    chunk->used += need;
    assert(chunk->used <= chunk->capacity);
    return object;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        out_of_memory(SIZE_MAX);
    return arena_alloc(arena, total);
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *arena_string(struct arena *arena, const char *text)
{
    return arena_text(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_grow(struct arena *arena, void **items, size_t *capacity, size_t count, size_t bytes)
{
    assert(count <= *capacity);
    if (count < *capacity)
        return;
    size_t wider = *capacity ? *capacity * 2 : 8;
    void *bigger = arena_array(arena, wider, bytes);
    if (count)
        memcpy(bigger, *items, count * bytes);
    *items = bigger;
    *capacity = wider;
}

void arena_free(struct arena *arena)
{
    while (arena->newest) {
        struct arena_chunk *chunk = arena->newest;
        arena->newest = chunk->next;
        free(chunk);
    }
}
