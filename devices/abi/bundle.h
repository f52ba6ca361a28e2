/* SPDX-License-Identifier: MIT
 *
 * A bundle: what a PC boots, as one file that its firmware or loader puts into memory (QEMU:
 * -initrd).
 *
 * It holds the files of the boot menu, each at a page, so that they stay where they are and become
 * modules, and what our own machine would tell in the boot information: cores, nodes, seed.
 * Written by vmm (machine/bundle.c), read by guest/loader.  Whoever reads it checks it: it may come
 * from anywhere.
 */
#ifndef ABI_BUNDLE_H
#define ABI_BUNDLE_H

#include <stdint.h>

#include "boot.h"

#define ABI_BUNDLE_MAGIC 0x444e5542 /* "BUND" */
#define ABI_BUNDLE_VERSION 1
#define ABI_BUNDLE_MAX_FILES ABI_BOOT_MAX_REGIONS
#define ABI_BUNDLE_MAX_LINE 4096

#define ABI_BUNDLE_KERNEL 1 /* file flag: the CPU driver's image; exactly one has it */
#define ABI_BUNDLE_INIT 2   /* file flag: the first domain of core 0; exactly one has it */

#define ABI_BUNDLE_PUMP 1   /* bundle flag: each window twice, and vmm carries lines (pump.h) */
#define ABI_BUNDLE_VALUES 2 /* bundle flag, with the other one: vmm reads what programs report */

struct abi_bundle_file {
    uint64_t offset; /* from the start of the bundle, a multiple of the page size */
    uint64_t bytes;
    uint32_t line; /* offset of the menu's "path args...", zero-terminated */
    uint32_t flags;
};

/* Memory of a node in the order of addresses: all of it, and what of it becomes the UMP window. */
struct abi_bundle_node {
    uint64_t bytes; /* the last node gets what is left over, if more is there */
    uint64_t window_bytes;
};

struct abi_bundle {
    uint32_t magic, version;
    uint64_t bytes; /* of the whole bundle */
    uint64_t seed;
    uint32_t core_count, node_count;
    uint8_t core_node[ABI_MAX_CORES];
    uint32_t apic_id[ABI_MAX_CORES];
    struct abi_bundle_node node[ABI_MAX_NODES];
    uint8_t distance[ABI_MAX_NODES][ABI_MAX_NODES];
    uint32_t file_count;
    uint32_t flags; /* ABI_BUNDLE_PUMP, ABI_BUNDLE_VALUES */
    struct abi_bundle_file file[ABI_BUNDLE_MAX_FILES];
    /* lines, then the files */
};

/* Memory of a PC that is neither RAM nor window of a node: below 2 MiB, and the core areas. */
#define ABI_PC_OVERHEAD_BYTES 0x400000

#endif
