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
    CNodeCmd_Resize,  /* on a root CNode: cptr, level of the empty L1CNode that goes on behind it */
    CNodeCmd_GetSize, /* on a root CNode: -> bytes, of all its parts */
};

enum vnode_cmd {
    VNodeCmd_Map = 0,     /* src croot, src cptr, src level | slot << 32, attr, offset, pte_count,
                           * mapping cnode cptr | level << 32, mapping slot, and of which CSpace:
                           * its root's cptr, 0: the caller's */
    VNodeCmd_Unmap,       /* mapping cptr, level */
    VNodeCmd_ModifyFlags, /* entry, pages, attr */
    VNodeCmd_CleanDirtyBits, /* -> how many entries of pages were dirty; none is now */
    VNodeCmd_CopyRemap,      /* as Map, of entries that one mapping of a frame fills: they map this
                              * frame at once, the old mapping has none any more */
    VNodeCmd_Inherit, /* src croot, src table cptr | level << 32, first | end << 32 entry, attr
                              * or INHERIT_ATTR_SAME, cnode cptr | level << 32, slot, and of which
                              * CSpace: its root's cptr, 0: the caller's -> entry up to which it has
                              * come, slots used << 32 */
};

/* Inherit: each entry as it is in the other table. */
#define INHERIT_ATTR_SAME UINT64_MAX

enum dispatcher_cmd {
    DispatcherCmd_Setup = 0,        /* cspace cptr | level << 32, vspace cptr | level << 32,
                               * dispatcher frame cptr | level << 32, run, domain id, proof cptr
                               * | level << 32, other dispatcher cptr | level << 32 */
    DispatcherCmd_Properties,       /* type, deadline, wcet, period, release, weight */
    DispatcherCmd_Stop,             /* taken off the run queue for good */
    DispatcherCmd_DumpPTables,      /* says on the console what is mapped in its address space */
    DispatcherCmd_DumpCapabilities, /* and what lies in its CSpace */
    DispatcherCmd_PerfMon,          /* enum dispatcher_event -> how often, modulo 2^32 */
    DispatcherCmd_SetupGuest,       /* SYS_ERR_NOT_IMPLEMENTED: no machine here has guests */
};

/* What a dispatcher has got since it was set up.  It may write these counts itself. */
enum dispatcher_event { DISPATCHER_LMP_MESSAGES = 0, DISPATCHER_NOTIFICATIONS, DISPATCHER_EVENTS };

enum kcb_cmd {
    KCBCmd_Identify = 0, /* as FrameCmd_Identify */
    KCBCmd_Clone,        /* SYS_ERR_KCB_NONE */
};

enum frame_cmd {
    FrameCmd_Identify = 0 /* address of struct frame_identity in the dispatcher frame */
};

enum mapping_cmd {
    MappingCmd_Modify = 0, /* offset, pages, attr */
    MappingCmd_Destroy,    /* its own cptr, level: out of its table, and the capability is gone */
};

enum notify_cmd { NotifyCmd_Send = 0 };

/* Ports: port, and what is written; only ports of the capability's range.  The value is what was
 * read.  Input: address in the dispatcher frame, bytes -> bytes, or INPUT_END; the range holds
 * IO_PORT_INPUT.  0: none yet, and line IRQ_LINE_INPUT of this core is raised when there are. */
enum io_cmd { IOCmd_Outb, IOCmd_Outw, IOCmd_Outd, IOCmd_Inb, IOCmd_Inw, IOCmd_Ind, IOCmd_Input };
#define IO_PORT_INPUT 0x5028
#define INPUT_MAX 1024 /* bytes that one invocation takes */
#define INPUT_END 0xffffffff

enum idcmd { IDCmd_Identify = 0 }; /* ID, Domain: -> core << 56 | number */

/* Interrupts.  A line is where a device ends, a vector where a driver begins: both are numbers
 * below IRQ_LINES, of one core each.  A line goes to the vector that its route names. */
#define IRQ_LINES 64
#define IRQ_LINE_INPUT 0 /* the console has input */
enum irqtable_cmd {
    IRQTableCmd_Alloc = 0,    /* -> a vector of this core that nobody has */
    IRQTableCmd_AllocDestCap, /* dest cnode cptr, level, slot: IRQDest of such a vector */
    IRQTableCmd_Set,          /* vector, endpoint cptr, level */
    IRQTableCmd_Delete,       /* vector: nobody has it, and nobody is told */
};
enum irqdest_cmd {
    IRQDestCmd_Connect = 0, /* endpoint cptr, level: gets a message of one word, the vector */
    IRQDestCmd_GetVector,   /* -> vector */
    IRQDestCmd_GetCpu,      /* -> core */
};
enum irqsrc_cmd {
    IRQSrcCmd_GetVecStart = 0, /* -> first line */
    IRQSrcCmd_GetVecEnd,       /* -> last line */
    IRQSrcCmd_Route,           /* line, IRQDest cptr, level; cptr 0: nowhere */
    IRQSrcCmd_Raise,           /* line: as its device would */
};

enum deviceid_manager_cmd {
    DeviceIDManagerCmd_CreateID = 0, /* address, flags, dest cnode cptr, level, slot */
};
enum deviceid_cmd { DeviceIDCmd_Identify = 0 }; /* -> address */

/* Starts cores that are off. */
enum ipi_cmd {
    IPICmd_Send_Start = 0, /* core, entry, RDI (physical), CR3 */
    IPICmd_Send_Init,      /* core: must exist; there is nothing to make ready */
};

/* Counters of this core, each of which counts one kind of event of struct kernel_stats. */
#define PERFMON_COUNTERS 4
enum perfmon_cmd {
    PerfMonCmd_Activate = 0, /* counter, event: word of struct kernel_stats; it begins at 0 */
    PerfMonCmd_Deactivate,   /* counter -> its value */
    PerfMonCmd_Write,        /* counter, value */
    PerfMonCmd_Read,         /* counter -> its value */
};

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
    KernelCmd_Next_stopped,     /* -> domain of a stopped dispatcher, each once */
    KernelCmd_Stop_dispatcher,  /* cptr, level of an EndPointLMP: its dispatcher never runs again */
    /* cptr, level -> 1 if this core has another copy or a descendant of it, or keeps one for
     * another core, else 0 */
    KernelCmd_Is_shared,
    KernelCmd_Lock_cap, /* cptr, level of memory: it is in use on another core.  Until it is unlocked
                            * nobody here can delete it, nor reuse what it names */
    KernelCmd_Unlock_cap,  /* cptr, level */
    KernelCmd_Delete_step, /* what dispatchers that are gone have left half deleted */
    /* croot cptr, cptr, level -> the core that owns the capability: any of any CSpace given */
    KernelCmd_Get_cap_owner,
    /* cptr, level of memory that another core owns, base, bytes, from: deletes other copies, and
     * what was made of them; bytes not 0: what is here of that part.  -> not 0: a share is done,
     * ask again from there; until the last one nobody here copies any */
    KernelCmd_Delete_foreigns,
    KernelCmd_Kill_core,      /* core: fenced, it changes no byte any more */
    KernelCmd_Core_available, /* core: could it be started? */
    KernelCmd_Sync_timer,    /* time in ns: the slice that is under way ends then, on all cores that
                            * are told the same; in the past: now */
    KernelCmd_GetGlobalPhys, /* -> physical address of this core's struct abi_boot */
    KernelCmd_Get_platform,  /* -> enum platform_kind */
    KernelCmd_Core_late,   /* core -> ns for which the host let it wait, though it had work to do */
    KernelCmd_Retire_core, /* core: fenced, as by Kill_core; it can be started again */
    /* cptr, level of memory that is locked, core: it goes over to that core, or comes back.  Of all
     * copies here this is the last, but for a witness */
    KernelCmd_Set_cap_owner,
    /* cptr, level: this copy stands for what came with its ownership: no revoke here takes it, and
     * Delete_foreigns deletes the others */
    KernelCmd_Mark_witness,
    /* cptr, level of an EndPointLMP or a Dispatcher, domain: its dispatcher is of that domain */
    KernelCmd_Domain_id,
    KernelCmd_IPI_Delete, /* notification id: wakes nobody any more, and is free */

    /* Of a capability of any CSpace: croot cptr, cptr, level */
    /* owned by this core, and nothing of it is anywhere: its memory is nobody's then, and waits
     * for ReclaimRAM */
    KernelCmd_Delete_last,
    KernelCmd_Revoke_mark_target, /* nobody here copies it or makes anything of it, until
                                   * Delete_foreigns ends or another mark is set */

    /* Of what the caller has written: address of struct capability in the dispatcher frame */
    KernelCmd_Revoke_mark_relations, /* as Revoke_mark_target; Null: nothing is marked */
    KernelCmd_Copy_existing,         /* dest cnode cptr, level, slot: a copy of one that is here */
    KernelCmd_Has_descendants,       /* -> 1: something of it is here, or kept for another core */
    KernelCmd_Is_retypeable, /* offset, object bytes, count: is nothing here made of that part? */

    KernelCmd_Retype, /* as CNodeCmd_Retype, on behalf of another domain; nothing is overridden */
    KernelCmd_Clear_step, /* what calls of the caller's have left half deleted */
    KernelCmd_ReclaimRAM, /* dest cnode cptr, level, slot: RAM of what Delete_last has ended */
    KernelCmd_Add_kcb,    /* cptr, level of a KernelControlBlock: SYS_ERR_KCB_NONE */
    KernelCmd_Remove_kcb, /* the same */
    KernelCmd_Suspend_kcb,
    /* core, the core over which notifications for it go, or one that there is not: nothing gets
     * there any more */
    KernelCmd_Set_way,
    KernelCmd_Wake_core, /* core, also the own one: a notification for each of its dispatchers */
};

enum platform_kind { PLATFORM_SYNTHETIC = 0, PLATFORM_PC };

#endif
