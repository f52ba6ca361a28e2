/* SPDX-License-Identifier: MIT
 *
 * The passes in order (compile.h): parse, resolve, plan, generate.
 *
 * Each pass runs only if what it needs is there: resolution also after syntax errors, to find more
 * mistakes in one run; the plan only without errors.  A file named as an interface that holds only
 * types is taken as a file of shared types.
 */
#include "compile.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gen.h"
#include "layout.h"
#include "parser.h"
#include "resolve.h"

void idl_compilation_init(struct idl_compilation *c)
{
    memset(c, 0, sizeof(*c));
    c->arena = idl_arena_new();
    idl_diag_init(&c->diag, c->arena);
    c->default_max = IDL_DEFAULT_MAX;
}

void idl_compilation_fini(struct idl_compilation *c)
{
    idl_diag_fini(&c->diag);
    idl_arena_free(c->arena);
    memset(c, 0, sizeof(*c));
}

void idl_add_include(struct idl_compilation *c, const struct idl_source *source)
{
    struct idl_interface **list = idl_arena_alloc(c->arena, (c->include_count + 1) * sizeof(*list));
    if (c->include_count > 0)
        memcpy(list, c->includes, c->include_count * sizeof(*list));
    list[c->include_count] = idl_parse_include(c->arena, &c->diag, source);
    c->includes = list;
    struct idl_interface *include = list[c->include_count];
    idl_resolve(c->arena, &c->diag, include, c->includes, c->include_count);
    c->include_count++;
}

static void set_default_max(struct idl_interface *interface, uint64_t max)
{
    for (struct idl_message *m = interface->messages; m != NULL; m = m->next)
        for (struct idl_argument *a = m->arguments; a != NULL; a = a->next)
            if (!a->has_max)
                a->max = max;
}

bool idl_compile(struct idl_compilation *c, const struct idl_source *source,
                 const char *expected_name)
{
    assert(c->interface == NULL);
    c->interface = idl_parse(c->arena, &c->diag, source);
    if (c->interface->name == NULL && !c->interface->is_include)
        return false;
    set_default_max(c->interface, c->default_max);
    if (c->interface->messages == NULL && c->interface->types != NULL && c->diag.errors == 0)
        c->interface->is_include = true;
    idl_resolve(c->arena, &c->diag, c->interface, c->includes, c->include_count);
    if (expected_name != NULL && c->interface->name != NULL &&
        strcmp(c->interface->name, expected_name) != 0)
        idl_error(&c->diag, c->interface->place,
                  idl_arena_printf(c->arena, "call it '%s', or rename the file", expected_name),
                  "interface '%s' lies in a file of another name", c->interface->name);
    if (c->diag.errors == 0 && !c->interface->is_include)
        c->plan = idl_plan(c->arena, &c->diag, c->interface);
    return c->diag.errors == 0;
}

size_t idl_generate_c(struct idl_compilation *c, struct idl_output outputs[IDL_MAX_OUTPUTS])
{
    size_t count = 0;
    assert(c->plan != NULL);
    memset(outputs, 0, IDL_MAX_OUTPUTS * sizeof(*outputs));
    struct idl_emit e = { c->arena, c->plan, c->interface->name, NULL };

    struct idl_output *defs = &outputs[count++];
    snprintf(defs->name, sizeof(defs->name), "%.200s_defs.h", e.name);
    defs->is_header = true;
    e.out = &defs->text;
    idl_gen_defs(&e);
    for (int b = 0; b < IDL_BACKENDS; b++) {
        struct idl_output *header = &outputs[count++];
        snprintf(header->name, sizeof(header->name), "%.200s_%s_defs.h", e.name,
                 idl_backends[b].name);
        header->is_header = true;
        e.out = &header->text;
        idl_gen_channel_defs(&e, &idl_backends[b]);
    }
    struct idl_output *local = &outputs[count++];
    snprintf(local->name, sizeof(local->name), "%.200s_local_defs.h", e.name);
    local->is_header = true;
    e.out = &local->text;
    idl_gen_local_defs(&e);
    struct idl_output *thc = &outputs[count++];
    snprintf(thc->name, sizeof(thc->name), "%.200s_thc.h", e.name);
    thc->is_header = true;
    e.out = &thc->text;
    idl_gen_thc(&e);
    struct idl_output *bindings = &outputs[count++];
    snprintf(bindings->name, sizeof(bindings->name), "%.200s_flounder_bindings.c", e.name);
    e.out = &bindings->text;
    idl_gen_bindings(&e);
    for (size_t i = 0; i < count; i++)
        idl_layout(&outputs[i].text);
    assert(count <= IDL_MAX_OUTPUTS);
    return count;
}
