/* SPDX-License-Identifier: MIT
 *
 * if_types.h: a number for each interface of the system (facts §1.3).
 *
 * The only output that knows more than one interface.  Numbers follow the alphabet, not the command
 * line, so that they do not depend on how a build lists its files.
 */
#include <stdlib.h>
#include <string.h>

#include "gen.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *upper(struct idl_arena *arena, const char *name)
{
    char *copy = idl_arena_text(arena, name, strlen(name));
    for (char *p = copy; *p != '\0'; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    return copy;
}

void idl_gen_if_types(struct idl_text *out, struct idl_arena *arena, const char **names,
                      size_t count)
{
    qsort(names, count, sizeof(*names), compare_names);
    put(out,
        "/* SPDX-License-Identifier: MIT\n *\n * Numbers of all interfaces of the system.\n *\n"
        " * Written by the interface compiler; changes here are lost.\n */\n"
        "#ifndef IF_IF_TYPES_H\n#define IF_IF_TYPES_H\n\ntypedef enum if_type {\n");
    for (size_t i = 0; i < count; i++)
        put(out, "    IF_TYPE_%s = %zu,\n", upper(arena, names[i]), i);
    put(out, "} iftype_t;\n\n#endif\n");
}
