/* SPDX-License-Identifier: MIT
 *
 * The tree of an interface: what the parser writes, what resolution (resolve.h) completes, what
 * the plan, the generators and the tools read.  Lists keep the order of the source.
 */
#ifndef IDL_AST_H
#define IDL_AST_H

#include <stdint.h>
#include <stdio.h>

#include "diag.h"

/* ---- types ---- */

enum idl_builtin {
    IDL_NOT_BUILTIN = 0,
    IDL_UINT8,
    IDL_UINT16,
    IDL_UINT32,
    IDL_UINT64,
    IDL_INT8,
    IDL_INT16,
    IDL_INT32,
    IDL_INT64,
    IDL_INT,
    IDL_UINTPTR,
    IDL_INTPTR,
    IDL_SIZE,
    IDL_BOOL,
    IDL_CHAR,
    IDL_IREF,
    IDL_ERRVAL,
    IDL_STRING,
    IDL_CAP,
    IDL_GIVE_AWAY_CAP,
    IDL_BUILTIN_COUNT
};

struct idl_builtin_info {
    const char *name;   /* as interfaces spell it */
    const char *c_type; /* how C spells it; NULL for String */
    unsigned wire_bits; /* 0: not part of the packed words (String, capabilities) */
    unsigned c_bits;    /* size of the C type */
    bool is_signed;
};

extern const struct idl_builtin_info idl_builtins[IDL_BUILTIN_COUNT];

enum idl_type_kind {
    IDL_TYPE_BUILTIN,
    IDL_TYPE_ALIAS,   /* another name of a builtin, gone after resolution */
    IDL_TYPE_TYPEDEF, /* a C typedef of another type */
    IDL_TYPE_ARRAY,   /* typedef with a fixed number of elements */
    IDL_TYPE_STRUCT,
    IDL_TYPE_ENUM
};

struct idl_type;

/* A type by name, as written; `type` is set by resolution. */
struct idl_type_ref {
    const char *name;
    struct idl_place place;
    struct idl_type *type; /* NULL until resolved, and after an error */
};

struct idl_field {
    struct idl_field *next;
    struct idl_type_ref type;
    const char *name;
    struct idl_place place;
};

struct idl_enumerator {
    struct idl_enumerator *next;
    const char *name;
    struct idl_place place;
};

struct idl_type {
    struct idl_type *next;
    enum idl_type_kind kind;
    enum idl_builtin builtin; /* BUILTIN */
    const char *name;
    struct idl_place place;             /* of the name */
    struct idl_type_ref target;         /* ALIAS, TYPEDEF, ARRAY */
    uint64_t elements;                  /* ARRAY */
    struct idl_place elements_place;    /* ARRAY */
    struct idl_field *fields;           /* STRUCT */
    struct idl_enumerator *enumerators; /* ENUM */
    bool included;                      /* comes from an -I file */
    bool used;                          /* set by resolution */
    uint8_t visit;                      /* private to resolution, as what follows */
    uint16_t depth;                     /* of types that it is made of */
};

/* ---- messages ---- */

enum idl_message_kind {
    IDL_MESSAGE,  /* message, msg */
    IDL_CALL,     /* older dialect: a message from client to server */
    IDL_RESPONSE, /* older dialect: a message from server to client */
    IDL_RPC
};

enum idl_direction { IDL_IN, IDL_OUT };

enum idl_argument_kind { IDL_ARGUMENT_SCALAR, IDL_ARGUMENT_STRING, IDL_ARGUMENT_ARRAY };

struct idl_argument {
    struct idl_argument *next;
    enum idl_direction direction; /* IN in messages */
    enum idl_argument_kind kind;  /* SCALAR covers structs, fixed arrays and capabilities */
    struct idl_type_ref type;
    const char *name;
    struct idl_place place;        /* of the name */
    const char *length_name;       /* ARRAY */
    struct idl_place length_place; /* ARRAY */
    uint64_t max;                  /* STRING: bytes with the NUL; ARRAY: elements */
    bool has_max;                  /* written in the source; otherwise the default */
    struct idl_place max_place;
};

struct idl_attribute {
    struct idl_attribute *next;
    const char *backend, *key, *value; /* @backend(key=value) */
    struct idl_place place;
};

struct idl_message {
    struct idl_message *next;
    enum idl_message_kind kind;
    const char *name;
    struct idl_place place;
    struct idl_argument *arguments;
    struct idl_attribute *attributes;
};

struct idl_interface {
    const char *name;
    struct idl_place place;
    const char *description; /* NULL if there is none */
    struct idl_type *types;
    struct idl_message *messages;
    struct idl_enumerator
        *broken_types;   /* names whose declarations had errors: known, not usable */
    bool broken_unnamed; /* and types whose names could not be found out */
    const struct idl_source *source;
    bool is_include; /* a file of shared types: no `interface { }` around, or no messages in it */
    struct idl_type **order; /* set by resolution: used C types, each after those it is made of */
    size_t order_count;
};

#define IDL_DEFAULT_MAX 2048    /* of `string s`, `uint8 a[n]`: bytes or elements */
#define IDL_LIMIT_MAX 0x1000000 /* largest maximum that may be written */
#define IDL_LIMIT_MESSAGES 4096 /* message numbers stay below the reserved ones */
#define IDL_LIMIT_DEPTH 256     /* of types made of types */

/* Prints the tree, one line for each node with its place (--dump-ast). */
void idl_dump_ast(FILE *out, const struct idl_interface *interface);

#endif
