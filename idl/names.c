/* SPDX-License-Identifier: MIT
 *
 * Names that C or the generated code already uses (names.h).
 *
 * Lists, sorted for the reader; that of the macros is written by tools/idl-macros.  Generated code
 * keeps its own identifiers out of the way with a leading underscore, so that only those beginning
 * with one can collide.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

/* Keywords, and words of the preprocessor that are no macros. */
static const char *const c_words[] = {
    "asm",     "auto",     "break",  "case",     "char",   "const",    "continue", "default",
    "defined", "do",       "double", "else",     "enum",   "extern",   "float",    "for",
    "goto",    "if",       "inline", "int",      "long",   "register", "restrict", "return",
    "short",   "signed",   "sizeof", "static",   "struct", "switch",   "typedef",  "typeof",
    "union",   "unsigned", "void",   "volatile", "while",
};

/* Macros of all headers that come before or with the stubs, in the order of the alphabet. */
static const char *const macros[] = {
#define X(name) name,
#include "macros.def"
#undef X
};

/* What generated functions use: an argument of that name would hide it.  Messages and fields may be
 * called so, for they become members, and parts of longer names. */
static const char *const used_words[] = {
    "FLOUNDER_ERR_TX_MSG_SIZE",
    "SYS_ERR_OK",
    "container_of",
    "err_is_fail",
    "err_is_ok",
    "errval_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "int8_t",
    "intptr_t",
    "iref_t",
    "memcpy",
    "memset",
    "size_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "uint8_t",
    "uintptr_t",
};

static const char *const enumerator_words[] = {
    "accept",
    "bind",
    "bind_continuation_fn",
    "bind_to_endpoint",
    "can_send",
    "can_send_fn",
    "change_waitset",
    "change_waitset_fn",
    "connect",
    "connect_fn",
    "control",
    "control_fn",
    "create_endpoint",
    "error_handler",
    "error_handler_fn",
    "export",
    "get_receiving_chanstate_fn",
    "lmp_bind",
    "lmp_init",
    "lmp_init_accepted",
    "lmp_start",
    "local_bind",
    "local_connect",
    "multihop_bind",
    "multihop_init",
    "multihop_start",
    "receive_next_fn",
    "register_send_fn",
    "rpc_client_attach",
    "rpc_client_init",
    "ump_accept",
    "ump_bind",
    "ump_connect",
    "ump_init",
    "ump_start",
    "unbind",
};

/* Interfaces whose functions and structures would be those of the library. */
static const char *const interface_words[] = {
    "multihop", "multihop_chan", "flounder", "lmp", "lmp_chan", "ump", "ump_chan",
};

static bool contains(const char *const *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

#define CONTAINS(words, name) contains(words, sizeof(words) / sizeof((words)[0]), name)

static int compare_word(const void *name, const void *word)
{
    return strcmp(name, *(const char *const *)word);
}

static bool is_macro(const char *name)
{
    return bsearch(name, macros, sizeof(macros) / sizeof(macros[0]), sizeof(macros[0]),
                   compare_word) != NULL;
}

void idl_check_c_name(struct idl_diag *diag, const char *name, struct idl_place place,
                      const char *what)
{
    if (CONTAINS(c_words, name) || is_macro(name) || strncmp(name, "FLOUNDER_", 9) == 0)
        idl_error(diag, place, "the generated code is C; choose another name",
                  "'%s' cannot be the name of the %s: it means something in C", name, what);
    else if (name[0] == '_')
        idl_error(diag, place, "generated code uses such names itself",
                  "the name of the %s begins with an underscore", what);
}

void idl_check_interface_name(struct idl_diag *diag, const char *name, struct idl_place place)
{
    idl_check_c_name(diag, name, place, "interface");
    if (CONTAINS(interface_words, name))
        idl_error(diag, place, "choose another name",
                  "interface '%s' would declare what the library declares", name);
}

void idl_check_argument_name(struct idl_diag *diag, const char *interface, const char *name,
                             struct idl_place place)
{
    size_t length = interface == NULL ? 0 : strlen(interface);
    idl_check_c_name(diag, name, place, "argument");
    if (CONTAINS(used_words, name))
        idl_error(diag, place, "choose another name",
                  "argument '%s' would hide what the generated code uses", name);
    if (strncmp(name, "flounder_", 9) == 0 ||
        (length > 0 && strncmp(name, interface, length) == 0 && name[length] == '_' &&
         strstr(name + length, "__") != NULL))
        idl_error(diag, place, "choose another name",
                  "argument '%s' has a name as generated code uses it for functions", name);
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
        idl_error(
            diag, place, "choose another name",
            "enumerator '%s' would have the name of a function or function type of the interface",
            name);
    else if (name[0] == '_')
        idl_error(diag, place, "generated code uses such names itself",
                  "the name of an enumerator begins with an underscore");
}
