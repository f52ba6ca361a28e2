/* SPDX-License-Identifier: MIT
 *
 * Symbols of the guest's ELF files, read with libelf when a report needs them.
 *
 * A file is read once and kept as an array sorted by address.  Assembly labels often have no size,
 * so a symbol without one extends to the next.  The files may have been rebuilt or removed since
 * they were loaded: then there is no name, which is never an error.
 */
#include "machine/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/source_lines.h"

#define MAX_FILES 64
#define UNSIZED_MAX_BYTES 0x10000 /* how far a symbol without a size may reach */

struct symbol {
    uint64_t vaddr, bytes;
    char *name;
};

struct symbol_file {
    char *path;
    struct symbol *symbol; /* sorted by vaddr */
    size_t count;
    struct line_file *lines; /* NULL: none, or not asked for yet */
    bool lines_known;
};

struct symbol_cache {
    unsigned count;
    struct symbol_file file[MAX_FILES];
};

struct symbol_cache *symbol_cache_new(void)
{
    return calloc(1, sizeof(struct symbol_cache));
}

void symbol_cache_free(struct symbol_cache *cache)
{
    for (unsigned i = 0; cache && i < cache->count; i++) {
        for (size_t j = 0; j < cache->file[i].count; j++)
            free(cache->file[i].symbol[j].name);
        free(cache->file[i].symbol);
        line_file_close(cache->file[i].lines);
        free(cache->file[i].path);
    }
    free(cache);
}

/* Calls `visit` for every symbol of a file until it returns true. */
typedef bool symbol_visit(void *context, Elf *elf, const GElf_Sym *sym, const char *name);

static void visit_section(Elf *elf, Elf_Scn *scn, symbol_visit *visit, void *context)
{
    GElf_Shdr sh;
    Elf_Data *data;
    if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB || sh.sh_entsize == 0)
        return;
    data = elf_getdata(scn, NULL);
    for (uint64_t i = 0; data && i < data->d_size / sh.sh_entsize; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym) || sym.st_shndx == SHN_UNDEF)
            continue;
        const char *name = elf_strptr(elf, sh.sh_link, sym.st_name);
        if (name && name[0] && visit(context, elf, &sym, name))
            return;
    }
}

static void visit_symbols(const char *path, symbol_visit *visit, void *context)
{
    /* it may have been replaced since it was loaded: a pipe must not hold us up */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0)
        return;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return;
    }
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && elf_kind(elf) == ELF_K_ELF)
        for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn))
            visit_section(elf, scn, visit, context);
    elf_end(elf);
    close(fd);
}

static bool collect(void *context, Elf *elf, const GElf_Sym *sym, const char *name)
{
    (void)elf;
    struct symbol_file *file = context;
    int type = GELF_ST_TYPE(sym->st_info);
    if (type != STT_FUNC && type != STT_NOTYPE && type != STT_OBJECT)
        return false;
    if (sym->st_shndx == SHN_ABS)
        return false; /* constants of the linker script, not addresses */
    if ((file->count & (file->count - 1)) == 0) { /* full at each power of two */
        size_t room = file->count ? 2 * file->count : 1;
        struct symbol *grown = realloc(file->symbol, room * sizeof(*grown));
        if (!grown)
            return true;
        file->symbol = grown;
    }
    struct symbol *symbol = &file->symbol[file->count];
    *symbol = (struct symbol){ sym->st_value, sym->st_size, strdup(name) };
    if (!symbol->name)
        return true;
    file->count++;
    return false;
}

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->vaddr != y->vaddr)
        return x->vaddr < y->vaddr ? -1 : 1;
    /* of two at one address the sized one comes last and is found first */
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static struct symbol_file *open_file(struct symbol_cache *cache, const char *path)
{
    for (unsigned i = 0; i < cache->count; i++)
        if (strcmp(cache->file[i].path, path) == 0)
            return &cache->file[i];
    if (cache->count == MAX_FILES)
        return NULL;
    struct symbol_file *file = &cache->file[cache->count];
    file->path = strdup(path);
    if (!file->path)
        return NULL;
    cache->count++;
    visit_symbols(path, collect, file);
    if (file->count > 0)
        qsort(file->symbol, file->count, sizeof(*file->symbol), by_address);
    return file;
}

bool symbol_lookup(struct symbol_cache *cache, const char *path, uint64_t vaddr, const char **name,
                   uint64_t *offset)
{
    const struct symbol_file *file = cache ? open_file(cache, path) : NULL;
    if (!file)
        return false;
    size_t low = 0, high = file->count; /* the last symbol at or below vaddr is low - 1 */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (file->symbol[middle].vaddr <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    const struct symbol *symbol = &file->symbol[low - 1];
    uint64_t reach = symbol->bytes ? symbol->bytes : UNSIZED_MAX_BYTES;
    if (vaddr - symbol->vaddr >= reach)
        return false;
    *name = symbol->name;
    *offset = vaddr - symbol->vaddr;
    return true;
}

/* Images carry no debug information: that of sbin/NAME is in debug/NAME beside that folder. */
static struct line_file *open_lines(const char *path)
{
    char beside[PATH_MAX];
    const char *name = strrchr(path, '/');
    struct line_file *lines = NULL;
    if (name && (size_t)snprintf(beside, sizeof(beside), "%.*s/../debug%s", (int)(name - path),
                                 path, name) < sizeof(beside))
        lines = line_file_open(beside);
    return lines ? lines : line_file_open(path);
}

bool symbol_line(struct symbol_cache *cache, const char *path, uint64_t vaddr, const char **source,
                 int *line)
{
    struct symbol_file *file = cache ? open_file(cache, path) : NULL;
    if (!file)
        return false;
    if (!file->lines_known)
        file->lines = open_lines(path);
    file->lines_known = true;
    return line_lookup(file->lines, vaddr, source, line);
}

struct function_query {
    const char *ending;
    bool (*visit)(void *context, const char *name, uint64_t vaddr);
    void *context;
};

static bool take_function(void *context, Elf *elf, const GElf_Sym *sym, const char *name)
{
    (void)elf;
    const struct function_query *query = context;
    const size_t length = strlen(name), ending = strlen(query->ending);
    return GELF_ST_TYPE(sym->st_info) == STT_FUNC && length > ending &&
           strcmp(name + length - ending, query->ending) == 0 &&
           !query->visit(query->context, name, sym->st_value);
}

void symbol_functions(const char *path, const char *ending,
                      bool (*visit)(void *context, const char *name, uint64_t vaddr), void *context)
{
    struct function_query query = { ending, visit, context };
    visit_symbols(path, take_function, &query);
}

struct variable_query {
    const char *name; /* NULL: all */
    uint64_t vaddr, bytes;
    char **names;
    size_t count, max;
};

static bool take_variable(void *context, Elf *elf, const GElf_Sym *sym, const char *name)
{
    (void)elf;
    struct variable_query *query = context;
    if (GELF_ST_TYPE(sym->st_info) != STT_OBJECT || sym->st_size == 0 ||
        (query->name && strcmp(name, query->name) != 0))
        return false;
    query->vaddr = sym->st_value;
    query->bytes = sym->st_size;
    if (query->names && (query->names[query->count] = strdup(name)) == NULL)
        return true;
    query->count++;
    return query->count == query->max;
}

bool symbol_variable(const char *path, const char *name, uint64_t *vaddr, uint64_t *bytes)
{
    struct variable_query query = { .name = name, .max = 1 };
    visit_symbols(path, take_variable, &query);
    *vaddr = query.vaddr;
    *bytes = query.bytes;
    return query.count > 0;
}

size_t symbol_variables(const char *path, char **names, size_t max)
{
    struct variable_query query = { .names = names, .max = max };
    visit_symbols(path, take_variable, &query);
    return query.count;
}

struct contents_query {
    const char *name;
    size_t max;
    char *data;
    size_t bytes;
};

static bool copy_contents(void *context, Elf *elf, const GElf_Sym *sym, const char *name)
{
    struct contents_query *query = context;
    if (query->data || strcmp(name, query->name) != 0)
        return false;
    GElf_Shdr sh;
    Elf_Scn *scn = elf_getscn(elf, sym->st_shndx);
    Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
    if (!data || !data->d_buf || !gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS)
        return true;
    uint64_t offset = sym->st_value - sh.sh_addr;
    if (offset >= data->d_size)
        return true;
    size_t bytes = data->d_size - offset;
    if (sym->st_size > 0 && sym->st_size < bytes)
        bytes = sym->st_size;
    if (bytes > query->max)
        bytes = query->max;
    query->data = malloc(bytes);
    if (query->data) {
        memcpy(query->data, (const char *)data->d_buf + offset, bytes);
        query->bytes = bytes;
    }
    return true;
}

char *symbol_contents(const char *path, const char *name, size_t max, size_t *bytes)
{
    struct contents_query query = { .name = name, .max = max };
    visit_symbols(path, copy_contents, &query);
    *bytes = query.bytes;
    return query.data;
}
