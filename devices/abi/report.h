/* SPDX-License-Identifier: MIT
 *
 * What a program reports of itself: counters, and properties that it asserts.
 *
 * A block of records in memory of the program.  The report port (ports.h) tells the machine where
 * it lies; from then on the machine looks whenever it likes, and once more before the memory is
 * scrubbed. So counting costs a program one addition and no exit.  The machine only reads,
 * but for faults that it asks a program to make: what stands there is a claim of a program, shown
 * as such and compared with what a scenario expects, and decides nothing else.
 */
#ifndef ABI_REPORT_H
#define ABI_REPORT_H

#define ABI_REPORT_MAGIC 0x31545052 /* "RPT1"; anything else: the block is no more */
#define ABI_REPORT_BYTES 2048       /* of a block */
#define ABI_REPORT_RECORDS 31
#define ABI_REPORT_NAME 40

#define ABI_REPORT_COUNTER 1   /* value: how many */
#define ABI_REPORT_GAUGE 2     /* value: how much there is now; ends with its program */
#define ABI_REPORT_ALWAYS 3    /* value: how often it held, failures: how often not */
#define ABI_REPORT_SOMETIMES 4 /* the same, but to hold once is enough */
#define ABI_REPORT_FAULT \
    5 /* value: how many times the program shall do this on purpose; the
                                * machine adds, the program takes away */

/* Names of faults that the machine asks for. */
#define ABI_FAULT_NO_MEMORY "fault.no_memory" /* a memory server refuses an allocation */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct abi_report_record {
    char name[ABI_REPORT_NAME]; /* zero-terminated: "ump.messages" */
    uint32_t kind;              /* ABI_REPORT_*; 0: unused, and so are those behind it */
    uint32_t reserved;
    uint64_t value, failures;
};

struct abi_report {
    uint32_t magic, reserved[15];
    struct abi_report_record record[ABI_REPORT_RECORDS];
};
_Static_assert(sizeof(struct abi_report) == ABI_REPORT_BYTES, "report layout");
#endif

#endif
