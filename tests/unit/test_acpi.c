/* SPDX-License-Identifier: MIT
 *
 * What the loader of a PC learns from the firmware: tables as a firmware writes them, tables that
 * are cut off or lie, and noise.  The tables fill their buffer to the last byte, so whoever reads
 * too far is caught.
 */
/* link: guest/loader/acpi.c guest/loader/shape.c guest/loader/memory.c */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "guest/loader/loader.h"

#define BASE 0xe0000u /* guest-physical address of the buffer */
#define HEADER 36
#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* A firmware under construction. */
static uint8_t *memory_bytes;
static uint32_t used, table_at;
static uint32_t tables[8], table_count;

static struct acpi_view view(void)
{
    return (struct acpi_view){ (uintptr_t)memory_bytes - BASE, BASE, BASE + used };
}

static uint32_t put(const void *bytes, uint32_t count)
{
    const uint32_t at = used;
    memory_bytes = realloc(memory_bytes, used + count);
    cr_assert_not_null(memory_bytes);
    memcpy(memory_bytes + at, bytes, count);
    used += count;
    return at;
}

static void put_number(uint64_t value, unsigned bytes)
{
    put(&value, bytes); /* little-endian, as the tables are */
}

static void fix_sum(uint32_t at, uint32_t bytes, uint32_t sum_at)
{
    uint8_t sum = 0;
    memory_bytes[sum_at] = 0;
    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + memory_bytes[at + i]);
    memory_bytes[sum_at] = (uint8_t)-sum;
}

static void begin(void)
{
    static const uint8_t root[48];
    free(memory_bytes);
    memory_bytes = NULL;
    used = 0;
    table_count = 0;
    put(root, sizeof(root)); /* filled at the end, and a multiple of 16 */
}

static void begin_table(const char *name)
{
    static const uint8_t rest[HEADER - 4];
    table_at = put(name, 4);
    put(rest, sizeof(rest));
}

static void end_table(void)
{
    const uint32_t bytes = used - table_at;
    memcpy(memory_bytes + table_at + 4, &bytes, 4);
    fix_sum(table_at, bytes, table_at + 9);
    tables[table_count++] = table_at;
}

/* The list of tables and the root pointer.  Version 2 has addresses of eight bytes. */
static void end(unsigned version)
{
    const unsigned count = table_count;
    begin_table(version >= 2 ? "XSDT" : "RSDT");
    const uint32_t list = BASE + table_at;
    for (unsigned i = 0; i < count; i++)
        put_number(BASE + tables[i], version >= 2 ? 8 : 4);
    end_table();
    memcpy(memory_bytes, "RSD PTR ", 8);
    memory_bytes[15] = (uint8_t)(version >= 2 ? 2 : 0);
    memcpy(memory_bytes + (version >= 2 ? 24 : 16), &list, 4);
    fix_sum(0, 20, 8);
    fix_sum(0, 36, 32);
}

static void put_apic(uint8_t id, uint32_t flags)
{
    const uint8_t entry[8] = { 0, 8, id, id, (uint8_t)flags };
    put(entry, sizeof(entry));
}

static void put_x2apic(uint32_t id)
{
    put_number(9 | 16 << 8, 4);
    put_number(id, 4);
    put_number(1, 4);
    put_number(id, 4);
}

static void begin_madt(void)
{
    begin_table("APIC");
    put_number(0xfee00000, 4);
    put_number(1, 4);
}

static void begin_srat(void)
{
    begin_table("SRAT");
    put_number(1, 4);
    put_number(0, 8);
}

static void put_core_affinity(uint8_t id, uint32_t domain)
{
    const uint8_t entry[16] = { 0,
                                16,
                                (uint8_t)domain,
                                id,
                                1,
                                0,
                                0,
                                0,
                                0,
                                (uint8_t)(domain >> 8),
                                (uint8_t)(domain >> 16),
                                (uint8_t)(domain >> 24) };
    put(entry, sizeof(entry));
}

static void put_memory_affinity(uint64_t base, uint64_t bytes, uint32_t domain, uint32_t flags)
{
    put_number(1 | 40 << 8, 2);
    put_number(domain, 4);
    put_number(0, 2);
    put_number(base, 8);
    put_number(bytes, 8);
    put_number(0, 4);
    put_number(flags, 4);
    put_number(0, 8);
}

/* Four cores, two nodes; the second node has the smaller number of a domain. */
static void two_nodes(unsigned version)
{
    begin();
    begin_madt();
    for (uint8_t id = 0; id < 3; id++)
        put_apic(id, 1);
    put_apic(7, 0);             /* a socket without a processor */
    put_number(1 | 12 << 8, 4); /* an IO APIC */
    put_number(0, 8);
    put_x2apic(300);
    end_table();
    begin_srat();
    put_core_affinity(0, 0);
    put_core_affinity(1, 1);
    put_core_affinity(2, 1);
    put_memory_affinity(0, 640 << 10, 0, 1);
    put_memory_affinity(MIB, GIB - MIB, 0, 1);
    put_memory_affinity(GIB, GIB, 1, 1);
    put_memory_affinity(4 * GIB, GIB, 1, 0); /* not there */
    end_table();
    begin_table("SLIT");
    put_number(2, 8);
    put_number(10 | 17 << 8 | 23 << 16 | 10 << 24, 4);
    end_table();
    end(version);
}

static const char *read_all(struct acpi *acpi)
{
    const struct acpi_view is = view();
    const uint64_t root = acpi_find_root(&is);
    return root == 0 ? "no root" : acpi_read(acpi, &is, root);
}

static void expect_two_nodes(const struct acpi *acpi)
{
    static const uint32_t id[] = { 0, 1, 2, 300 };
    static const uint8_t node[] = { 0, 1, 1, 0 };
    cr_assert_eq(acpi->core_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(acpi->apic_id[i], id[i]);
        cr_expect_eq(acpi->core_node[i], node[i]);
    }
    cr_expect_eq(acpi->node_count, 2);
    cr_expect_eq(acpi->range_count, 3);
    cr_expect_eq(acpi->range[2].base, GIB);
    cr_expect_eq(acpi->range[2].node, 1);
    cr_expect_eq(acpi->distance[0][1], 17);
    cr_expect_eq(acpi->distance[1][0], 23);
    cr_expect_eq(acpi->distance[1][1], 10);
}

Test(acpi, tables_of_both_versions_are_read)
{
    static struct acpi acpi;
    for (unsigned version = 1; version <= 2; version++) {
        two_nodes(version);
        cr_assert_null(read_all(&acpi), "version %u", version);
        expect_two_nodes(&acpi);
    }
}

Test(acpi, without_tables_of_nodes_there_are_only_cores)
{
    static struct acpi acpi;
    begin();
    begin_madt();
    put_apic(4, 1);
    put_apic(4, 1); /* twice is once */
    end_table();
    end(2);
    cr_assert_null(read_all(&acpi));
    cr_expect_eq(acpi.core_count, 1);
    cr_expect_eq(acpi.node_count, 0);
    cr_expect_eq(acpi.distance[0][0], 10);
    cr_expect_eq(acpi.distance[0][1], 20);
}

Test(acpi, domains_become_nodes_in_rising_order)
{
    static struct acpi acpi;
    begin();
    begin_madt();
    put_apic(0, 1);
    put_apic(1, 1);
    end_table();
    begin_srat();
    put_core_affinity(0, 0x01020304);
    put_core_affinity(1, 9);
    put_memory_affinity(0, GIB, 500, 1);
    end_table();
    end(2);
    cr_assert_null(read_all(&acpi));
    cr_expect_eq(acpi.node_count, 3);
    cr_expect_eq(acpi.core_node[0], 2);
    cr_expect_eq(acpi.core_node[1], 0);
    cr_expect_eq(acpi.range[0].node, 1);
}

Test(acpi, processors_beyond_the_limit_are_counted_and_left_out)
{
    static struct acpi acpi;
    begin();
    begin_madt();
    for (unsigned id = 0; id < ABI_MAX_CORES + 5; id++)
        put_x2apic(id);
    end_table();
    end(2);
    cr_assert_null(read_all(&acpi));
    cr_expect_eq(acpi.core_count, ABI_MAX_CORES);
    cr_expect_eq(acpi.left_out, 5);
}

Test(acpi, the_processor_that_boots_comes_first)
{
    static struct acpi acpi;
    two_nodes(2);
    cr_assert_null(read_all(&acpi));
    cr_assert(acpi_put_first(&acpi, 2));
    static const uint32_t id[] = { 2, 0, 1, 300 };
    static const uint8_t node[] = { 1, 0, 1, 0 };
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(acpi.apic_id[i], id[i]);
        cr_expect_eq(acpi.core_node[i], node[i]);
    }
    cr_expect_not(acpi_put_first(&acpi, 3));
}

/* ---- tables that lie ---- */

#define LIES(words, version, change)                                                \
    do {                                                                            \
        static struct acpi acpi;                                                    \
        two_nodes(version);                                                         \
        change;                                                                     \
        const char *wrong = read_all(&acpi);                                        \
        cr_expect_not_null(wrong, "%s", #change);                                   \
        if (wrong)                                                                  \
            cr_expect_not_null(strstr(wrong, words), "%s: \"%s\"", #change, wrong); \
    } while (0)

/* Writes a number into a table, whose sum then is right again. */
static void lie(unsigned table, uint32_t offset, uint64_t value, unsigned bytes)
{
    uint32_t length;
    memcpy(memory_bytes + tables[table] + offset, &value, bytes);
    memcpy(&length, memory_bytes + tables[table] + 4, 4);
    if (length <= used - tables[table])
        fix_sum(tables[table], length, tables[table] + 9);
}

enum { MADT, SRAT, SLIT, LIST };

Test(acpi, a_lie_is_one_sentence)
{
    LIES("no root", 2, memory_bytes[3] = 'x');
    LIES("no root", 1, memory_bytes[9]++);
    LIES("wrong sum", 2, memory_bytes[tables[MADT] + 50]++);
    LIES("wrong sum", 2, memory_bytes[tables[LIST] + 50]++);
    LIES("wrong length", 2, lie(MADT, 4, 20, 4));
    LIES("wrong length", 2, lie(MADT, 4, 0xfffffff0, 4));
    LIES("no table of processors", 2, lie(MADT, 0, 0x58585858, 4));
    LIES("an entry", 2, lie(MADT, 45, 0, 1));
    LIES("an entry", 2, lie(MADT, 45, 1, 1));
    LIES("an entry", 2, lie(SRAT, 49, 255, 1));
    LIES("no processor", 2,
         (lie(MADT, 48, 0, 1), lie(MADT, 56, 0, 1), lie(MADT, 64, 0, 1), lie(MADT, 96, 0, 1)));
    LIES("no end", 2, lie(SRAT, 48 + 3 * 16 + 2 * 40 + 8, UINT64_MAX - MIB, 8));
    LIES("cut off", 2, lie(SLIT, 36, 3, 8));
    LIES("cut off", 2, lie(SLIT, 36, UINT64_MAX, 8));
    LIES("no distances", 2, lie(SLIT, 36, 1, 8));
    LIES("a distance", 2, lie(SLIT, 44, 11, 1));
    LIES("a distance", 2, lie(SLIT, 45, 10, 1));
    LIES("list of tables", 2, lie(LIST, 0, 0x54445352, 4));
}

Test(acpi, an_address_outside_is_no_table)
{
    static struct acpi acpi;
    two_nodes(2);
    lie(LIST, HEADER, UINT64_MAX - 10, 8);
    cr_expect_str_eq(read_all(&acpi), "there is no table of processors");
    two_nodes(1);
    memset(memory_bytes + 16, 0xff, 4);
    fix_sum(0, 20, 8);
    cr_expect_str_eq(read_all(&acpi), "a table lies outside the memory");
}

Test(acpi, noise_reads_nothing_outside)
{
    srand(1);
    unsigned read = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        static struct acpi acpi;
        two_nodes(1 + round % 2);
        for (unsigned i = (unsigned)rand() % 4 + 1; i-- > 0;)
            memory_bytes[20 + (unsigned)rand() % (used - 20)] = (uint8_t)rand();
        fix_sum(0, 20, 8);
        for (unsigned i = 0; rand() % 8 != 0 && i < table_count; i++) {
            uint32_t length;
            memcpy(&length, memory_bytes + tables[i] + 4, 4);
            if (length <= used - tables[i] && length > 9)
                fix_sum(tables[i], length, tables[i] + 9);
        }
        if (rand() % 4 == 0)
            used -= (unsigned)rand() % used; /* the view ends earlier */
        if (read_all(&acpi) != NULL) {
            refused++;
            continue;
        }
        read++;
        cr_assert(acpi.core_count >= 1 && acpi.core_count <= ABI_MAX_CORES);
        cr_assert_leq(acpi.node_count, ABI_MAX_NODES);
        cr_assert_leq(acpi.range_count, ACPI_MAX_RANGES);
        for (unsigned i = 0; i < acpi.core_count; i++)
            cr_assert(acpi.core_node[i] == 0 || acpi.core_node[i] < acpi.node_count);
        for (unsigned i = 0; i < acpi.range_count; i++)
            cr_assert_lt(acpi.range[i].node, acpi.node_count);
    }
    cr_expect_gt(read, 1000);
    cr_expect_gt(refused, 1000);
}

/* ---- what becomes of it ---- */

static void bundle_of(struct abi_bundle *bundle, unsigned cores, unsigned nodes)
{
    memset(bundle, 0, sizeof(*bundle));
    bundle->core_count = cores;
    bundle->node_count = nodes;
    for (unsigned i = 0; i < nodes; i++)
        bundle->node[i] = (struct abi_bundle_node){ GIB, (i + 1) * MIB };
}

Test(acpi, the_firmware_knows_better_than_the_bundle)
{
    static struct acpi acpi;
    static struct abi_bundle bundle;
    static struct shape shape;
    two_nodes(2);
    cr_assert_null(read_all(&acpi));
    bundle_of(&bundle, 3, 1);
    shape_by_bundle(&shape, &bundle);
    cr_assert_null(shape_by_acpi(&shape, &acpi));
    cr_expect_eq(shape.core_count, 3, "as many as are wanted");
    cr_expect_eq(shape.node_count, 2);
    cr_expect_eq(shape.core_node[2], 1);
    cr_expect_eq(shape.window_bytes[0], MIB);
    cr_expect_eq(shape.window_bytes[1], MIB, "a node that the bundle does not know");
    cr_expect_eq(shape.distance[1][0], 23);
    bundle_of(&bundle, 5, 2);
    shape_by_bundle(&shape, &bundle);
    cr_expect_not_null(shape_by_acpi(&shape, &acpi), "five cores of four");
    cr_expect_eq(shape.window_bytes[1], 2 * MIB);
}

Test(acpi, memory_belongs_to_whom_the_firmware_says)
{
    static struct memory memory;
    cr_assert(memory_add(&memory, MIB, 2 * GIB - MIB));
    cr_assert(memory_add(&memory, 4 * GIB, GIB));
    cr_assert(memory_assign(&memory, 0, 640 << 10, 1));
    cr_assert(memory_assign(&memory, GIB, GIB / 2, 1)); /* out of the middle */
    cr_assert(memory_assign(&memory, 3 * GIB, 2 * GIB, 2));
    const uint64_t end[] = { GIB, GIB + GIB / 2, 2 * GIB, 5 * GIB };
    const unsigned node[] = { 0, 1, 0, 2 };
    cr_assert_eq(memory.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(memory.range[i].end, end[i]);
        cr_expect_eq(memory.range[i].node, node[i]);
    }
}
