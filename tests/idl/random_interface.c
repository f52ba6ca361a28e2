/* SPDX-License-Identifier: MIT
 *
 * Random interfaces (random_interface.h): every kind of type and argument, in sizes that cross the
 * borders of words, lines and fragments.  Names are drawn from a few that also are types and
 * contextual words of the language, to keep the parser honest.
 */
#include "random_interface.h"

#include <string.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(random_next(state) % limit);
}

static const char *const scalars[] = {
    "uint8", "uint16", "uint32", "uint64", "int8", "int16",   "int32",  "int64",  "int",
    "bool",  "char",   "iref",   "errval", "size", "uintptr", "intptr", "UINT32", "Bool",
};
#define SCALARS (sizeof(scalars) / sizeof(scalars[0]))

struct random_if {
    struct idl_text *out;
    uint64_t state;
    char types[16][32];
    unsigned type_count;
};

static void put_type(struct random_if *r)
{
    if (r->type_count > 0 && below(&r->state, 3) == 0)
        put(r->out, "%s", r->types[below(&r->state, r->type_count)]);
    else
        put(r->out, "%s", scalars[below(&r->state, SCALARS)]);
}

static void put_new_type(struct random_if *r, unsigned i)
{
    char name[32];
    static const char *const names[] = { "alias", "typedef", "struct", "enum", "call", "msg" };
    if (below(&r->state, 8) == 0 && i < 6)
        snprintf(name, sizeof(name), "%s", names[i]);
    else
        snprintf(name, sizeof(name), "type%u", i);
    switch (below(&r->state, 5)) {
    case 0:
        put(r->out, "    alias %s %s;\n", name, scalars[below(&r->state, SCALARS)]);
        break;
    case 1:
        put(r->out, "    typedef ");
        put_type(r);
        put(r->out, " %s;\n", name);
        break;
    case 2:
        put(r->out, "    typedef ");
        put_type(r);
        put(r->out, " %s[%u];\n", name, 1 + below(&r->state, 5));
        break;
    case 3:
        put(r->out, "    typedef enum { e%u_a", i);
        for (unsigned n = below(&r->state, 4), k = 0; k < n; k++)
            put(r->out, ", e%u_%c", i, 'b' + (int)k);
        put(r->out, " } %s;\n", name);
        break;
    default:
        put(r->out, "    typedef struct {");
        for (unsigned n = 1 + below(&r->state, 4), k = 0; k < n; k++) {
            put(r->out, " ");
            put_type(r);
            put(r->out, " f%u;", k);
        }
        put(r->out, " } %s;\n", name);
    }
    strcpy(r->types[r->type_count++], name);
}

static void put_argument(struct random_if *r, const char *direction, unsigned i, unsigned *streams,
                         unsigned *caps)
{
    put(r->out, "%s%s", i == 0 ? "" : ", ", direction);
    unsigned kind = below(&r->state, 16);
    if (kind < 3 && *streams < 4) {
        ++*streams;
        put(r->out, "%s arg%u[%u]", below(&r->state, 2) ? "String" : "string", i,
            1 + below(&r->state, below(&r->state, 4) == 0 ? 2048 : 80));
    } else if (kind < 6 && *streams < 4) {
        ++*streams;
        put_type(r);
        put(r->out, " arg%u[len%u, %u]", i, i, 1 + below(&r->state, 30));
    } else if (kind < 8 && *caps < 4) {
        ++*caps;
        put(r->out, "%s arg%u", below(&r->state, 3) ? "cap" : "give_away_cap", i);
    } else {
        put_type(r);
        put(r->out, " arg%u", i);
    }
}

void random_interface(struct idl_text *out, const char *name, uint64_t seed)
{
    static const char *const kinds[] = { "message", "call", "response", "msg" };
    struct random_if r = { .out = out, .state = seed };
    put(out, "interface %s \"random\" {\n", name);
    for (unsigned i = 0, n = below(&r.state, 6); i < n; i++)
        put_new_type(&r, i);
    for (unsigned i = 0, n = 1 + below(&r.state, 5); i < n; i++) {
        unsigned streams[2] = { 0, 0 }, caps[2] = { 0, 0 };
        unsigned arguments = below(&r.state, below(&r.state, 4) == 0 ? 14 : 6);
        if (below(&r.state, 3) == 0) {
            put(out, "    rpc m%u(", i);
            for (unsigned a = 0; a < arguments; a++) {
                unsigned d = below(&r.state, 2);
                put_argument(&r, d ? "out " : "in ", a, &streams[d], &caps[d]);
            }
        } else {
            put(out, "    %s m%u(", kinds[below(&r.state, 4)], i);
            for (unsigned a = 0; a < arguments; a++)
                put_argument(&r, "", a, &streams[0], &caps[0]);
        }
        put(out, ");%s\n", below(&r.state, 4) ? "" : " /* comment */ // another");
    }
    put(out, "};\n");
}
