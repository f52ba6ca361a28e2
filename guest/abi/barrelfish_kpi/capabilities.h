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
    uint8_t type; /* enum objtype */
    uint8_t rights;
    uint16_t flags;
    uint32_t aux; /* the kernel's own, 0 */
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
        } id; /* ID */
        uint64_t word[3];
    } u;
};
_Static_assert(sizeof(struct capability) == 32, "capability layout");

struct frame_identity {
    genpaddr_t base;
    gensize_t bytes;
    uint32_t pasid;
};

/* Sizes, facts §3.1 */
#define OBJSIZE_CTE 64
#define OBJSIZE_L2CNODE 16384
#define OBJSIZE_DISPATCHER 1024
#define OBJSIZE_VNODE 4096

#define OBJBITS_CTE 6

enum cnode_cmd {
    CNodeCmd_Copy = 0, /* on the receiving CNode: dest slot, src croot cptr, src cptr,
                         * dest level << 8 | src level.  On an L1CNode: dest level 1 = slot of it,
                         * dest level 2 = address (L1 slot << 8 | L2 slot) in its CSpace */
    CNodeCmd_Mint,     /* as Copy, then p1, p2 */
    CNodeCmd_Retype, /* src croot cptr, src cptr | src level << 32, offset, type, object bytes, count,
                         * dest cspace cptr, dest cnode cptr | level << 32, dest slot */
    CNodeCmd_Delete,      /* cptr, level */
    CNodeCmd_Revoke,      /* cptr, level */
    CNodeCmd_Create,      /* type (ID only), dest cnode cptr, dest level, dest slot */
    CNodeCmd_GetState,    /* cptr, level -> bits */
    CNodeCmd_CapIdentify, /* cptr, level, address of struct capability in the dispatcher frame */
    CNodeCmd_Resize,
};

enum vnode_cmd {
    VNodeCmd_Map = 0,     /* src croot, src cptr, src level | slot << 32, attr, offset, pte_count,
                           * mapping cnode cptr | level << 32, mapping slot */
    VNodeCmd_Unmap,       /* mapping cptr, level */
    VNodeCmd_ModifyFlags, /* entry, pages, attr */
};

enum dispatcher_cmd {
    DispatcherCmd_Setup = 0,  /* cspace cptr | level << 32, vspace cptr | level << 32,
                               * dispatcher frame cptr | level << 32, run, domain id */
    DispatcherCmd_Properties, /* type, deadline, wcet, period, release, weight */
    DispatcherCmd_Stop,       /* taken off the run queue for good */
};

enum frame_cmd {
    FrameCmd_Identify = 0 /* address of struct frame_identity in the dispatcher frame */
};

enum mapping_cmd { MappingCmd_Modify = 0 /* offset, pages, attr */ };

enum notify_cmd { NotifyCmd_Send = 0 };

enum io_cmd { IOCmd_Out32 = 0 /* port, value; only ports of the capability's range */ };

enum idcmd { IDCmd_Identify = 0 };

/* Held by monitors only. */
enum kernel_cmd {
    KernelCmd_Get_core_id = 0,  /* -> core */
    KernelCmd_Spawn_core,       /* core, entry, RDI (physical), CR3 */
    KernelCmd_Identify_cap,     /* croot cptr, cptr, level, address of struct capability in the
                                    * dispatcher frame: any capability of any CSpace given */
    KernelCmd_Create_cap,       /* address of struct capability in the dispatcher frame,
                                    * dest cnode cptr, dest level, dest slot, owner core */
    KernelCmd_Nullify_cap,      /* cptr, level: forget without reclaiming; it lives elsewhere */
    KernelCmd_Notify_register,  /* cptr, level of an EndPointLMP: -> notification id that wakes the
                                    * endpoint's dispatcher; same id for the same dispatcher */
    KernelCmd_Register_channel, /* guest-physical address of a struct abi_channel: fabric */
    KernelCmd_Power_off,        /* exit code */
    KernelCmd_Get_stats,        /* address of struct kernel_stats in the dispatcher frame */
    KernelCmd_Register_monitor, /* cptr, level of an EndPointLMP: gets an empty message when a
                                 * dispatcher of this core was stopped */
    KernelCmd_Next_stopped,     /* -> domain of a stopped dispatcher, each once; 0: no more */
    KernelCmd_Stop_dispatcher,  /* cptr, level of an EndPointLMP: its dispatcher never runs again */
    /* cptr, level -> 1 if this core has a copy or a descendant of it, else 0 */
    KernelCmd_Is_shared,
    KernelCmd_Lock_cap, /* cptr, level of memory: it is in use on another core.  Until it is unlocked
                            * nobody here can delete it, nor reuse what it names */
    KernelCmd_Unlock_cap,     /* cptr, level */
    KernelCmd_Delete_step,    /* what dispatchers that are gone have left half deleted */
    KernelCmd_Kill_core,      /* core: fenced, it changes no byte any more */
    KernelCmd_Core_available, /* core: could it be started? */
};

#endif
