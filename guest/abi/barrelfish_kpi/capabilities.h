/* SPDX-License-Identifier: MIT
 *
 * Capability types, rights and invocation commands as both sides of the system call see them.
 * Source: facts §3.1, §3.3.
 */
#ifndef BARRELFISH_KPI_CAPABILITIES_H
#define BARRELFISH_KPI_CAPABILITIES_H

#include <barrelfish_kpi/paging_target.h>
#include <barrelfish_kpi/types.h>

enum objtype {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) ObjType_##name,
#include <barrelfish_kpi/caps.def>
    ObjType_Num
};

/* Each is enforced.  The first three are about memory, of RAM, Frames and what is made of them; the
 * second about CNodes, too. */
#define CAPRIGHTS_READ (1 << 0)     /* may be mapped */
#define CAPRIGHTS_WRITE (1 << 1)    /* may be mapped writable; slots may be filled and emptied */
#define CAPRIGHTS_EXECUTE (1 << 2)  /* may be mapped executable */
#define CAPRIGHTS_GRANT (1 << 3)    /* may be copied, minted, retyped, sent in a message */
#define CAPRIGHTS_IDENTIFY (1 << 4) /* what it names may be learnt */
#define CAPRIGHTS_REVOKE (1 << 5)   /* may be revoked; a copy sent in a message loses it */
#define CAPRIGHTS_ALLRIGHTS 0x3f

struct cap_memory {
    uint64_t base; /* physical */
    uint64_t bytes;
    uint64_t node; /* 0 */
};

/* Contents of a capability: kernel object and, through Identify, what a holder may learn of it.
 * Word 0 is where the object begins, or the first half of its name. */
struct capability {
    /* A retype of all of it to its own type makes a child with the same type and range: the next
     * generation, which tells it from a copy. */
    uint8_t generation;
    uint8_t type; /* enum objtype; beside the generation, because the database compares both */
    uint8_t rights;
    uint8_t unused; /* 0 */
    union {
        uint32_t flags; /* EndPointUMP: the interface, as mint was told; else 0 */
        uint32_t aux;   /* of what is being deleted: the kernel's own, else 0 */
    };
    union {
        struct cap_memory mem; /* types with memory; by the names of some of them: */
        struct cap_memory ram, frame, devframe, physaddr;
        struct {
            uint64_t listener; /* physical address of the DCB */
            uint32_t epoffset; /* of struct lmp_endpoint_kern in the dispatcher frame */
            uint32_t epbuflen; /* buffer words */
            uint64_t iftype;
        } endpoint; /* EndPointLMP */
        struct {
            uint64_t first; /* physical address of the first entry of the page table */
            uint64_t bytes; /* of the entries, 8 for each */
            uint64_t cap;   /* kernel address of the mapped capability's CTE */
        } mapping;          /* ..._Mapping */
        struct {
            uint64_t start, end; /* ports, inclusive */
        } io;
        struct {
            uint64_t coreid, chanid;
        } notify; /* Notify_IPI */
        struct {
            uint64_t coreid, core_local_id;
        } id; /* ID, Domain */
        struct {
            uint64_t coreid, cptr; /* of the CNode, in the CSpace of that core's monitor */
        } fcnode;                  /* FCNode */
        struct {
            uint64_t coreid, vector;
        } irqdest; /* IRQDest */
        struct {
            uint64_t vec_start, count; /* lines */
        } irqsrc;                      /* IRQSrc */
        struct {
            uint64_t address, flags; /* segment << 24 | bus << 16 | device << 8 | function */
        } deviceid;                  /* DeviceID */
        uint64_t word[3];
    } u;
};
_Static_assert(sizeof(struct capability) == 32, "capability layout");

struct frame_identity {
    genpaddr_t base;
    gensize_t bytes;
    uint32_t pasid;
};

/* The last one, of which no further child of full size can be made. */
#define CAP_GENERATION_MAX UINT8_MAX

/* Sizes, facts §3.1 */
#define OBJSIZE_CTE 64
#define OBJSIZE_L2CNODE 16384
#define OBJSIZE_DISPATCHER 1024
#define OBJSIZE_VNODE 4096
#define OBJSIZE_KCB 131072

#define OBJBITS_CTE 6

/* What invocations of each kind of capability do: the enumerators KIND##Cmd_##NAME. */
enum cap_command {
#define CAP_COMMAND(kind, name, number) kind##Cmd_##name = (number),
#include <barrelfish_kpi/commands.def>
};

/* Inherit: each entry as it is in the other table. */
#define INHERIT_ATTR_SAME UINT64_MAX

/* What a dispatcher has got since it was set up.  It may write these counts itself. */
enum dispatcher_event { DISPATCHER_LMP_MESSAGES = 0, DISPATCHER_NOTIFICATIONS, DISPATCHER_EVENTS };

/* Input from the console: the port of it, and what Input returns at its end. */
#define IO_PORT_INPUT 0x5028
#define INPUT_MAX 1024 /* bytes that one invocation takes */
#define INPUT_END 0xffffffff

/* What KernelCmd_Is_shared says of a capability: this core has copies of it or something made of
 * it; the core owns it and has neither, but keeps some of it for others. */
enum cap_shared { CAP_SHARED_NOT, CAP_SHARED_HERE, CAP_SHARED_KEPT };

/* Interrupts.  A line is where a device ends, a vector where a driver begins: both are numbers
 * below IRQ_LINES, of one core each.  A line goes to the vector that its route names. */
#define IRQ_LINES 64
#define IRQ_LINE_INPUT 0 /* the console has input */

/* Counters of this core, each of which counts one kind of event of struct kernel_stats. */
#define PERFMON_COUNTERS 4

enum platform_kind { PLATFORM_SYNTHETIC = 0, PLATFORM_PC };

#endif
