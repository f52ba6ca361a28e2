/* SPDX-License-Identifier: MIT
 *
 * What the table of errors (errors/returns.def) says of an invocation, by the type of capability.
 */
#ifndef TESTS_KERNEL_RETURNS_H
#define TESTS_KERNEL_RETURNS_H

#include <string.h>

#include "cap_ops.h"
#include "errors/errno.h"

/* The first part of the names of its commands. */
static inline const char *commands_of(unsigned type)
{
    switch (type) {
    case ObjType_L1CNode:
    case ObjType_L2CNode:
        return "CNode";
    case ObjType_Dispatcher:
        return "Dispatcher";
    case ObjType_PhysAddr:
    case ObjType_RAM:
    case ObjType_Frame:
    case ObjType_DevFrame:
    case ObjType_EndPointUMP:
        return "Frame";
    case ObjType_KernelControlBlock:
        return "KCB";
    case ObjType_IO:
        return "IO";
    case ObjType_IRQTable:
        return "IRQTable";
    case ObjType_IRQDest:
        return "IRQDest";
    case ObjType_IRQSrc:
        return "IRQSrc";
    case ObjType_Kernel:
        return "Kernel";
    case ObjType_IPI:
        return "IPI";
    case ObjType_PerfMon:
        return "PerfMon";
    case ObjType_DeviceIDManager:
        return "DeviceIDManager";
    default:
        return cap_is_vnode((uint8_t)type)     ? "VNode"
               : cap_is_mapping((uint8_t)type) ? "Mapping"
                                               : NULL;
    }
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
