/* SPDX-License-Identifier: MIT
 *
 * Names that C or the generated code already uses (names.h).
 *
 * Lists, sorted for the reader.  Generated code keeps its own identifiers out of the way with a
 * leading underscore, so that only those beginning with one can collide.
 */
#include "names.h"

#include <string.h>

static const char *const c_words[] = {
    "asm",       "auto",     "bool",     "break",        "case",          "char",
    "const",     "continue", "default",  "do",           "double",        "else",
    "enum",      "errno",    "extern",   "false",        "float",         "for",
    "goto",      "if",       "inline",   "int",          "linux",         "long",
    "register",  "restrict", "return",   "short",        "signed",        "sizeof",
    "static",    "struct",   "switch",   "true",         "typedef",       "typeof",
    "union",     "unix",     "unsigned", "void",         "volatile",      "while",
    "NULL",      "NULL_CAP", "NOP_CONT", "NOP_CLOSURE",  "BLOCKING_CONT", "MKCONT",
    "MKCLOSURE", "uint8_t",  "uint16_t", "uint32_t",     "uint64_t",      "int8_t",
    "int16_t",   "int32_t",  "int64_t",  "uintptr_t",    "intptr_t",      "size_t",
    "iref_t",    "errval_t", "assert",   "container_of", "offsetof",      "stdin",
    "stdout",    "stderr",
};

static const char *const enumerator_words[] = {
    "accept",           "bind",
    "bind_to_endpoint", "can_send",
    "change_waitset",   "connect",
    "control",          "create_endpoint",
    "error_handler",    "export",
    "rpc_client_init",  "rpc_client_attach",
    "lmp_start",        "ump_start",
    "local_connect",    "lmp_bind",
    "lmp_init",         "lmp_init_accepted",
    "local_bind",       "ump_accept",
    "ump_bind",         "ump_connect",
    "ump_init",         "multihop_bind",
    "unbind",
};

static bool contains(const char *const *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

#define CONTAINS(words, name) contains(words, sizeof(words) / sizeof((words)[0]), name)

void idl_check_c_name(struct idl_diag *diag, const char *name, struct idl_place place,
                      const char *what)
{
    if (CONTAINS(c_words, name))
        idl_error(diag, place, "the generated code is C; choose another name",
                  "'%s' cannot be the name of the %s: it means something in C", name, what);
    else if (name[0] == '_')
        idl_error(diag, place, "generated code uses such names itself",
                  "the name of the %s begins with an underscore", what);
}

void idl_check_type_name(struct idl_diag *diag, const char *name, struct idl_place place)
{
    if (name[0] == '_')
        idl_error(diag, place, "generated code uses such names itself",
                  "the name of a type begins with an underscore");
}

void idl_check_enumerator_name(struct idl_diag *diag, const char *name, struct idl_place place)
{
    if (CONTAINS(enumerator_words, name))
        idl_error(diag, place, "choose another name",
                  "enumerator '%s' has the name of a function of the interface", name);
    else if (name[0] == '_')
        idl_error(diag, place, "generated code uses such names itself",
                  "the name of an enumerator begins with an underscore");
}
