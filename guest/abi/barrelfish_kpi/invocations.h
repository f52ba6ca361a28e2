/* SPDX-License-Identifier: MIT
 *
 * The arguments of invocations by name: words 1 to 9 of SYSCALL_INVOKE on anything but an endpoint
 * (word 0 is the command, barrelfish_kpi/capabilities.h).  One structure for each kind; who calls
 * fills it in, the CPU driver reads it where entry code has put the words.  What is not said is 0.
 *
 * A place in a CSpace is an address and a level (syscalls.h): 2 a slot of an L2CNode, 1 the L2CNode
 * in a slot of the root, 0 the root itself.  `root` is the address, at level 2 of the caller's
 * CSpace, of the root CNode of the CSpace that is meant.
 */
#ifndef BARRELFISH_KPI_INVOCATIONS_H
#define BARRELFISH_KPI_INVOCATIONS_H

#include <barrelfish_kpi/types.h>

#define INVOCATION_ARGS 9

struct cap_place {
    capaddr_t cptr;
    uint8_t level;
};
_Static_assert(sizeof(struct cap_place) == sizeof(uint64_t), "one word");

union invocation_args {
    uint64_t word[INVOCATION_ARGS];

    /* CNodeCmd_Copy, CNodeCmd_Mint, on the CNode that receives */
    struct {
        uint64_t dest_slot; /* of it, or dest_level 2: an address in the CSpace of this L1CNode */
        uint64_t src_root;
        uint64_t src_cptr;
        uint8_t src_level, dest_level;
        uint64_t mint1, mint2; /* Mint: rights; buffer offset and words; first and last port */
    } copy;

    /* CNodeCmd_Retype, KernelCmd_Retype */
    struct {
        uint64_t src_root;
        struct cap_place src;
        uint64_t offset, type, object_bytes, count;
        uint64_t dest_root;
        struct cap_place dest_cnode;
        uint64_t dest_slot;
    } retype;

    /* CNodeCmd_Delete, _Revoke, _GetState, _CapIdentify, on the root of the CSpace in question;
     * commands on the Kernel capability that name one capability of the caller's */
    struct {
        uint64_t cptr, level;
        uint64_t answer; /* _CapIdentify: address of struct capability in the dispatcher frame */
    } target;

    /* KernelCmd_Set_cap_owner: the capability, and who owns it from now on */
    struct {
        uint64_t cptr, level;
        uint64_t owner; /* core */
    } set_owner;

    /* KernelCmd_Mark_witness: the capability; bytes not 0: it is a piece claimed of this */
    struct {
        uint64_t cptr, level;
        uint64_t base, bytes, generation;
    } witness;

    /* KernelCmd_Delete_foreigns: the capability; bytes 0: all of it, else a part, from this address
     * on */
    struct {
        uint64_t cptr, level;
        uint64_t base, bytes, from;
        uint64_t generation; /* of the part: of the whole range, a later one than the whole's */
    } delete_foreigns;

    /* CNodeCmd_Create */
    struct {
        uint64_t type;
        uint64_t dest_cptr, dest_level; /* the L2CNode */
        uint64_t dest_slot;
    } create;

    /* VNodeCmd_Map, VNodeCmd_CopyRemap */
    struct {
        uint64_t src_root;
        uint64_t src_cptr;
        uint8_t src_level;
        uint32_t slot;
        uint64_t attr, offset, pte_count;
        struct cap_place mapping_cnode;
        uint64_t mapping_slot;
        uint64_t mapping_root; /* 0: the caller's own CSpace */
    } map;

    /* VNodeCmd_Inherit: the other table, its entries [first, end), and where the capabilities go:
     * two slots for each mapping */
    struct {
        uint64_t src_root;
        struct cap_place src;
        uint32_t first, end;
        uint64_t attr; /* or INHERIT_ATTR_SAME */
        struct cap_place slots_cnode;
        uint64_t slots_first;
        uint64_t slots_root; /* 0: the caller's own CSpace */
    } inherit;

    /* VNodeCmd_Unmap, MappingCmd_Destroy: the mapping */
    struct {
        uint64_t cptr, level;
    } unmap;

    /* VNodeCmd_ModifyFlags, MappingCmd_Modify */
    struct {
        uint64_t first, pages, attr; /* first: entry of the table, page of the mapping */
    } modify;

    /* DispatcherCmd_Setup; cptr 0: as it is */
    struct {
        struct cap_place cspace, vspace, frame;
        uint64_t run;
        uint64_t domain_id;
        struct cap_place proof; /* Domain or ProcessManager: may it be of this domain? */
        struct cap_place other; /* a dispatcher of the same domain */
    } setup;

    /* DispatcherCmd_Properties: enum task_type; times in ns; the weight is not used */
    struct {
        uint64_t type, deadline, wcet, period, release, weight;
    } properties;

    /* DispatcherCmd_PerfMon: enum dispatcher_event */
    struct {
        uint64_t event;
    } dispatcher_perfmon;

    /* KernelCmd_Domain_id: a dispatcher or an endpoint of it */
    struct {
        uint64_t cptr, level;
        uint64_t domain_id;
    } domain;

    /* KernelCmd_IPI_Delete */
    struct {
        uint64_t id;
    } notification;

    /* KernelCmd_Copy_existing, KernelCmd_ReclaimRAM (which needs no contents) */
    struct {
        uint64_t contents; /* address of struct capability in the dispatcher frame */
        uint64_t dest_cptr, dest_level, dest_slot;
    } copy_existing;

    /* KernelCmd_Is_retypeable; KernelCmd_Has_descendants and _Revoke_mark_relations: only what it
     * is about */
    struct {
        uint64_t contents; /* as above */
        uint64_t offset, object_bytes, count;
    } relations;

    /* FrameCmd_Identify, KernelCmd_Get_stats: where the answer goes, in the dispatcher frame */
    struct {
        uint64_t address;
    } buffer;

    /* IOCmd_*; no value to read */
    struct {
        uint64_t port, value;
    } out;

    /* IOCmd_Input */
    struct {
        uint64_t address, bytes;
    } input;

    /* KernelCmd_Spawn_core; all but the core physical.  KernelCmd_Kill_core and
     * KernelCmd_Core_available, KernelCmd_Core_late and KernelCmd_Retire_core: only the core */
    struct {
        uint64_t core, entry, rdi, cr3;
    } spawn_core;

    /* KernelCmd_Identify_cap; KernelCmd_Delete_last and _Revoke_mark_target: without an answer */
    struct {
        uint64_t root, cptr, level;
        uint64_t answer; /* as above */
    } identify;

    /* KernelCmd_Create_cap */
    struct {
        uint64_t contents; /* address of struct capability in the dispatcher frame */
        uint64_t dest_cptr, dest_level, dest_slot;
        uint64_t owner; /* core */
    } create_cap;

    /* KernelCmd_Register_channel: physical address of the record that has changed */
    struct {
        uint64_t record;
    } channel;

    /* IRQTableCmd_AllocDestCap */
    struct {
        uint64_t dest_cptr, dest_level, dest_slot;
    } alloc_dest;

    /* IRQTableCmd_Set, IRQDestCmd_Connect, IRQSrcCmd_Route and _Raise: a line or vector, and an
     * endpoint or IRQDest */
    struct {
        uint64_t number;
        uint64_t cptr, level;
    } irq;

    /* DeviceIDManagerCmd_CreateID */
    struct {
        uint64_t address, flags;
        uint64_t dest_cptr, dest_level, dest_slot;
    } create_device;

    /* PerfMonCmd_* */
    struct {
        uint64_t counter, value;
    } perfmon;

    /* KernelCmd_Sync_timer */
    struct {
        uint64_t at;
    } sync_timer;

    /* KernelCmd_Set_way; KernelCmd_Wake_core: only the core */
    struct {
        uint64_t core, over;
    } way;

    /* KernelCmd_Power_off */
    struct {
        uint64_t code;
    } power_off;
};
_Static_assert(sizeof(union invocation_args) == INVOCATION_ARGS * sizeof(uint64_t), "nine words");

#endif
