/* SPDX-License-Identifier: MIT
 *
 * The table of what capabilities do, by type.  Each type of caps.def has its line here, or this
 * does not compile.
 */
#include "objects.h"

static const struct cap_ops plain_ops; /* a name, and no more */

#define Null_ops plain_ops
#define PhysAddr_ops physical_ops
#define RAM_ops memory_ops
#define L1CNode_ops cnode_ops
#define L2CNode_ops cnode_ops
#define Dispatcher_ops dispatcher_ops
#define EndPointLMP_ops endpoint_ops
#define EndPointUMP_ops endpoint_ump_ops
#define EndPointUMP_Mapping_ops mapping_ops
#define Frame_ops frame_ops
#define Frame_Mapping_ops mapping_ops
#define DevFrame_ops frame_ops
#define DevFrame_Mapping_ops mapping_ops
#define VNode_x86_64_pml4_ops root_table_ops
#define VNode_x86_64_pml4_Mapping_ops table_mapping_ops
#define VNode_x86_64_pdpt_ops table_ops
#define VNode_x86_64_pdpt_Mapping_ops table_mapping_ops
#define VNode_x86_64_pdir_ops table_ops
#define VNode_x86_64_pdir_Mapping_ops table_mapping_ops
#define VNode_x86_64_ptable_ops table_ops
#define VNode_x86_64_ptable_Mapping_ops table_mapping_ops
#define KernelControlBlock_ops kcb_ops
#define IO_ops io_ops
#define IRQTable_ops irqtable_ops
#define Kernel_ops kernel_ops
#define IPI_ops ipi_ops
#define Notify_IPI_ops notify_ops
#define ID_ops id_ops
#define PerfMon_ops perfmon_ops
#define ProcessManager_ops process_manager_ops
#define Domain_ops domain_ops
#define FCNode_ops fcnode_ops
#define IRQDest_ops irqdest_ops
#define IRQSrc_ops irqsrc_ops
#define DeviceIDManager_ops device_manager_ops
#define DeviceID_ops device_ops
#define VNode_x86_64_pml5_ops plain_ops /* of which there are none */
#define VNode_x86_64_pml5_Mapping_ops plain_ops

const struct cap_ops *const cap_ops[ObjType_Num] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) [ObjType_##name] = &name##_ops,
#include <barrelfish_kpi/caps.def>
};
