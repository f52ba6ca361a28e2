/* SPDX-License-Identifier: MIT
 *
 * Writing C: a growing text, and the pieces of C that several generators need.
 */
#ifndef IDL_EMIT_H
#define IDL_EMIT_H

#include "plan.h"

struct idl_text {
    char *data; /* zero-terminated; NULL while empty */
    size_t length, size;
};

void idl_text_free(struct idl_text *text);
void idl_put(struct idl_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define put idl_put /* hundreds of lines begin with it */

/* What an argument looks like in a prototype. */
enum idl_view {
    IDL_VIEW_IN,  /* values and const pointers: sent, or handed to a handler */
    IDL_VIEW_OUT, /* pointers to the results of an rpc */
    IDL_VIEW_RPC, /* by its direction: as IN or as OUT */
    IDL_VIEW_OLD, /* the same in the older style: strings and arrays of results come from malloc */
};

/* The C type of a resolved type: "uint32_t", "test_point_t", "struct capref". */
const char *idl_c_type(struct idl_arena *arena, const struct idl_interface *interface,
                       const struct idl_type *type);

struct idl_emit {
    struct idl_arena *arena;
    const struct idl_plan *plan;
    const char *name; /* of the interface: the prefix of everything */
    struct idl_text *out;
};

/* The arguments as ", TYPE NAME, ..." after `first`, without parentheses. */
void idl_put_parameters(struct idl_emit *e, const char *first,
                        const struct idl_argument *const *arguments, size_t count,
                        enum idl_view view);

/* The names alone as ", NAME, ...". */
void idl_put_names(struct idl_emit *e, const char *first,
                   const struct idl_argument *const *arguments, size_t count);

/* A C expression of type uint64_t for the value `expression` of a leaf, not shifted. */
const char *idl_pack(struct idl_emit *e, const struct idl_leaf *leaf, const char *expression);

/* A C expression of the leaf's type for its bits in the word `word`. */
const char *idl_unpack(struct idl_emit *e, const struct idl_leaf *leaf, const char *word,
                       unsigned shift);

/* The arguments of an rpc in the order of declaration. */
const struct idl_argument **idl_rpc_arguments(struct idl_arena *arena, const struct idl_message *m,
                                              size_t *count);

#endif
