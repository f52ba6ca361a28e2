/* SPDX-License-Identifier: MIT
 *
 * Names for the flight recorder: read by the machine from this image's file, never at run time.
 * Each table is a sequence of "key=name" texts, each ended by a zero, the table by an empty one.
 */
#define ENTRY(text) text "\0"

__attribute__((used)) const char trace_syscall_names[] =
    ENTRY("0=INVOKE") ENTRY("1=YIELD") ENTRY("2=LRPC") ENTRY("3=DEBUG") ENTRY("4=REBOOT")
        ENTRY("5=NOP") ENTRY("6=PRINT") ENTRY("7=GETCHAR") ENTRY("10=SUSPEND");

#include <barrelfish_kpi/capabilities.h>

/* In the order of enum objtype: the position is the key. */
__attribute__((used)) const char trace_type_names[] =
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) ENTRY(#name)
#include <barrelfish_kpi/caps.def>
    ;

/* A table, which the formatter takes for one long expression. */
/* clang-format off */
/* type:command=name; a message's length in words stands for its command */
__attribute__((used)) const char trace_command_names[] =
#define CNODE_COMMANDS(type)                                                                  \
    ENTRY(type ":0=Copy") ENTRY(type ":1=Mint") ENTRY(type ":2=Retype")                       \
    ENTRY(type ":3=Delete") ENTRY(type ":4=Revoke") ENTRY(type ":5=Create")                   \
    ENTRY(type ":6=GetState") ENTRY(type ":7=CapIdentify") ENTRY(type ":8=Resize")            \
    ENTRY(type ":9=GetSize")
#define VNODE_COMMANDS(type) \
    ENTRY(type ":0=Map") ENTRY(type ":1=Unmap") ENTRY(type ":2=ModifyFlags") \
    ENTRY(type ":3=CleanDirtyBits")
    CNODE_COMMANDS("L1CNode")
    CNODE_COMMANDS("L2CNode")
    VNODE_COMMANDS("VNode_x86_64_pml4")
    VNODE_COMMANDS("VNode_x86_64_pdpt")
    VNODE_COMMANDS("VNode_x86_64_pdir")
    VNODE_COMMANDS("VNode_x86_64_ptable")
    ENTRY("EndPointLMP:0=Send(0)") ENTRY("EndPointLMP:1=Send(1)") ENTRY("EndPointLMP:2=Send(2)")
        ENTRY("EndPointLMP:3=Send(3)") ENTRY("EndPointLMP:4=Send(4)") ENTRY("EndPointLMP:5=Send(5)")
        ENTRY("EndPointLMP:6=Send(6)") ENTRY("EndPointLMP:7=Send(7)") ENTRY("EndPointLMP:8=Send(8)")
        ENTRY("EndPointLMP:9=Send(9)") ENTRY("EndPointLMP:10=Send(10)")
    ENTRY("Dispatcher:0=Setup") ENTRY("Dispatcher:1=Properties") ENTRY("Dispatcher:2=Stop")
    ENTRY("Dispatcher:3=DumpPTables") ENTRY("Dispatcher:4=DumpCapabilities")
        ENTRY("Dispatcher:5=PerfMon") ENTRY("Dispatcher:6=SetupGuest")
    ENTRY("Frame:0=Identify")
    ENTRY("RAM:0=Identify")
    ENTRY("Frame_Mapping:0=Modify") ENTRY("Frame_Mapping:1=Destroy")
    ENTRY("IRQTable:0=Alloc") ENTRY("IRQTable:1=AllocDestCap") ENTRY("IRQTable:2=Set")
        ENTRY("IRQTable:3=Delete")
    ENTRY("IRQDest:0=Connect") ENTRY("IRQDest:1=GetVector") ENTRY("IRQDest:2=GetCpu")
    ENTRY("IRQSrc:0=GetVecStart") ENTRY("IRQSrc:1=GetVecEnd") ENTRY("IRQSrc:2=Route")
        ENTRY("IRQSrc:3=Raise")
    ENTRY("DeviceIDManager:0=CreateID") ENTRY("DeviceID:0=Identify") ENTRY("Domain:0=Identify")
    ENTRY("IPI:0=Send_Start") ENTRY("IPI:1=Send_Init")
    ENTRY("PerfMon:0=Activate") ENTRY("PerfMon:1=Deactivate") ENTRY("PerfMon:2=Write")
        ENTRY("PerfMon:3=Read")
    ENTRY("Notify_IPI:0=Send")
    ENTRY("IO:0=Out32")
    ENTRY("ID:0=Identify")
    ENTRY("Kernel:0=Get_core_id") ENTRY("Kernel:1=Spawn_core") ENTRY("Kernel:2=Identify_cap")
        ENTRY("Kernel:3=Create_cap") ENTRY("Kernel:4=Nullify_cap") ENTRY("Kernel:5=Notify_register")
        ENTRY("Kernel:6=Register_channel") ENTRY("Kernel:7=Power_off") ENTRY("Kernel:8=Get_stats")
    ENTRY("Kernel:9=Register_monitor") ENTRY("Kernel:10=Next_stopped")
        ENTRY("Kernel:11=Stop_dispatcher") ENTRY("Kernel:12=Is_shared") ENTRY("Kernel:13=Lock_cap")
    ENTRY("Kernel:14=Unlock_cap") ENTRY("Kernel:15=Delete_step") ENTRY("Kernel:16=Kill_core")
        ENTRY("Kernel:17=Core_available") ENTRY("Kernel:18=Sync_timer")
    ENTRY("Kernel:19=GetGlobalPhys") ENTRY("Kernel:20=Get_platform") ENTRY("Kernel:21=Core_late")
        ENTRY("Kernel:22=Retire_core");
/* clang-format on */
