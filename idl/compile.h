/* SPDX-License-Identifier: MIT
 *
 * A whole compilation: source text in, plan and generated texts out.  Knows no file and no command
 * line, so that tests and the fuzzer can call it.
 */
#ifndef IDL_COMPILE_H
#define IDL_COMPILE_H

#include "emit.h"

struct idl_compilation {
    struct idl_arena *arena;
    struct idl_diag diag;
    struct idl_interface *interface;
    struct idl_interface **includes;
    size_t include_count;
    uint64_t default_max;  /* of strings and arrays without a maximum; set before idl_compile */
    struct idl_plan *plan; /* NULL if there were errors, and for files of shared types */
};

void idl_compilation_init(struct idl_compilation *c);
void idl_compilation_fini(struct idl_compilation *c);

/* Adds a file of shared types; before idl_compile. */
void idl_add_include(struct idl_compilation *c, const struct idl_source *source);

/* Parses, resolves and plans.  expected_name: the name the interface must have, or NULL.  Returns
 * true if there was no error; the diagnostics are in c->diag. */
bool idl_compile(struct idl_compilation *c, const struct idl_source *source,
                 const char *expected_name);

/* A generated file. */
struct idl_output {
    char name[256]; /* without folder */
    bool is_header;
    struct idl_text text;
};

#define IDL_MAX_OUTPUTS 8

/* Generates C for c->plan into outputs[]; returns their number.  The caller frees the texts. */
size_t idl_generate_c(struct idl_compilation *c, struct idl_output outputs[IDL_MAX_OUTPUTS]);

#endif
