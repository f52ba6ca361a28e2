/* SPDX-License-Identifier: MIT
 *
 * What the table of errors (errors/returns.def) says of an invocation, by the type of capability.
 */
#ifndef TESTS_KERNEL_RETURNS_H
#define TESTS_KERNEL_RETURNS_H

#include <string.h>

#include "cap_ops.h"
#include "errors/errno.h"

/* The first part of the names of its commands; NULL: it takes none. */
static inline const char *commands_of(unsigned type)
{
    static const char *const kind[ObjType_Num] = {
#define CAP_KIND(name, kind) [ObjType_##name] = #kind,
#include <barrelfish_kpi/caps.def>
    };
    return kind[type];
}

/* One row. */
static const struct returns {
    const char *type, *name; /* Kernel, Lock_cap */
    unsigned command;
    enum err_code code;
    const char *where;
} returns[] = {
#define RETURNS(type, command, code, where) { #type, #command, type##Cmd_##command, code, #where },
#include "errors/returns.def"
};
#define RETURNS_ROWS (sizeof(returns) / sizeof(returns[0]))

/* The row of a pair, RETURNS_ROWS: there is none. */
static inline unsigned returns_row(const char *type, uint64_t command, unsigned code)
{
    unsigned i = 0;
    while (i < RETURNS_ROWS && (returns[i].command != command || returns[i].code != code ||
                                strcmp(returns[i].type, type) != 0))
        i++;
    return i;
}

#endif
