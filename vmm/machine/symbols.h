/* SPDX-License-Identifier: MIT
 *
 * Symbols of ELF files on the host, for reports.  Not thread-safe; used when nothing runs.
 */
#ifndef VMM_MACHINE_SYMBOLS_H
#define VMM_MACHINE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol_cache;

/* An empty cache, NULL without memory. */
struct symbol_cache *symbol_cache_new(void);
void symbol_cache_free(struct symbol_cache *cache);

/* Finds the function or object of the file at `path` that holds vaddr.  The name is valid as long
 * as the cache; false if the file cannot be read or no symbol fits. */
bool symbol_lookup(struct symbol_cache *cache, const char *path, uint64_t vaddr, const char **name,
                   uint64_t *offset);

/* Where the instruction at vaddr was written, as line_lookup() says. */
bool symbol_line(struct symbol_cache *cache, const char *path, uint64_t vaddr, const char **source,
                 int *line);

/* Tells of each function of an ELF file whose name ends so, until `visit` returns false. */
void symbol_functions(const char *path, const char *ending,
                      bool (*visit)(void *context, const char *name, uint64_t vaddr),
                      void *context);

/* The variable `name` of an ELF file: its address and size.  False: there is none. */
bool symbol_variable(const char *path, const char *name, uint64_t *vaddr, uint64_t *bytes);

/* Names of variables of an ELF file, at most `max`, each to be freed.  Returns how many. */
size_t symbol_variables(const char *path, char **names, size_t max);

/* Copies the contents of the data symbol `name` of an ELF file (at most `max` bytes); to be freed;
 * NULL if there is none. */
char *symbol_contents(const char *path, const char *name, size_t max, size_t *bytes);

#endif
