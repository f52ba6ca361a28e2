/* SPDX-License-Identifier: MIT
 *
 * What the firmware tells of processors and nodes: as much of ACPI (specification 6.4, chapter 5.2)
 * as says which cores there are (MADT), to which node cores and memory belong (SRAT), and how far
 * nodes are apart (SLIT).
 *
 * The tables come from outside: they may be cut off, lie, or point anywhere.  Whatever they hold,
 * nothing outside of the view is read, no loop runs longer than the tables are, and a fault is one
 * sentence.
 */
#ifndef LOADER_ACPI_H
#define LOADER_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/boot.h>

/* Physical addresses from .. to - 1 can be read, at `lead` + address. */
struct acpi_view {
    uintptr_t lead;
    uint64_t from, to;
};

#define ACPI_MAX_RANGES 64
#define ACPI_MAX_TABLES 32

struct acpi {
    unsigned core_count; /* processors that can run, in the order of the MADT */
    uint32_t apic_id[ABI_MAX_CORES];
    uint8_t core_node[ABI_MAX_CORES];
    unsigned left_out;   /* processors beyond ABI_MAX_CORES */
    unsigned node_count; /* 0: the firmware does not tell of nodes (no SRAT) */
    unsigned range_count;
    struct {
        uint64_t base, bytes;
        unsigned node;
    } range[ACPI_MAX_RANGES];
    uint8_t distance[ABI_MAX_NODES][ABI_MAX_NODES]; /* 10 and 20 without an SLIT */
    unsigned table_count;                           /* all tables whose length and sum are right */
    struct {
        uint64_t address;
        uint32_t bytes;
    } table[ACPI_MAX_TABLES];
};

/* Where the root pointer lies, between 0xe0000 and 0xfffff; 0: nowhere. */
uint64_t acpi_find_root(const struct acpi_view *view);

/* NULL if the tables behind the root pointer at `root` could be read, else what is wrong with them;
 * *acpi is then of no use. */
const char *acpi_read(struct acpi *acpi, const struct acpi_view *view, uint64_t root);

/* Makes the processor with that APIC identifier the first one; the others keep their order.  False:
 * it is not among them. */
bool acpi_put_first(struct acpi *acpi, uint32_t apic_id);

#endif
