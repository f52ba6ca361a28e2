/* SPDX-License-Identifier: MIT
 *
 * acpi: tells the system knowledge base what the firmware's tables say (overview 1.7): processors,
 * interrupt controllers, whose memory is whose, and where the configuration of PCI lies.
 *
 * The loader has found the tables and handed them on as a module, one behind the other
 * (ABI_PC_TABLES_PATH).  A machine without firmware has none; its shape comes from the boot
 * information alone.  Facts live as long as the domain that added them, so it stays.
 */
#include <barrelfish/barrelfish.h>
#include <inttypes.h>
#include <skb/skb.h>
#include <spawndomain/spawndomain.h>
#include <string.h>

#define HEADER_BYTES 36

/* A table that was found, with its header. */
struct table {
    const uint8_t *at;
    uint32_t bytes;
};

static unsigned facts;

/* Fields lie anywhere; what lies behind the end is 0. */
static uint64_t field(const struct table *table, uint32_t at, unsigned bytes)
{
    uint64_t value = 0;
    if (at <= table->bytes && bytes <= table->bytes - at)
        memcpy(&value, table->at + at, bytes);
    return value;
}

#define FACT(...)                                      \
    do {                                               \
        errval_t fact_err = skb_add_fact(__VA_ARGS__); \
        if (err_is_fail(fact_err))                     \
            DEBUG_SKB_ERR(fact_err, "adding a fact");  \
        else                                           \
            facts++;                                   \
    } while (0)

/* ---- MADT ---- */

enum { MADT_APIC = 0, MADT_IO_APIC = 1, MADT_OVERRIDE = 2, MADT_X2APIC = 9 };

static void madt_entry(const struct table *madt, uint32_t at, unsigned type)
{
    switch (type) {
    case MADT_APIC:
        FACT("apic_processor(%u, %u, %u)", (unsigned)field(madt, at + 2, 1),
             (unsigned)field(madt, at + 3, 1), (unsigned)field(madt, at + 4, 4) & 1);
        break;
    case MADT_X2APIC:
        FACT("apic_processor(%u, %u, %u)", (unsigned)field(madt, at + 12, 4),
             (unsigned)field(madt, at + 4, 4), (unsigned)field(madt, at + 8, 4) & 1);
        break;
    case MADT_IO_APIC:
        FACT("io_apic(%u, %" PRIu64 ", %u)", (unsigned)field(madt, at + 2, 1),
             field(madt, at + 4, 4), (unsigned)field(madt, at + 8, 4));
        break;
    case MADT_OVERRIDE:
        FACT("interrupt_override(%u, %u, %u, %u)", (unsigned)field(madt, at + 2, 1),
             (unsigned)field(madt, at + 3, 1), (unsigned)field(madt, at + 4, 4),
             (unsigned)field(madt, at + 8, 2));
        break;
    default:
        break;
    }
}

/* ---- SRAT ---- */

enum { SRAT_APIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2 };

static void srat_entry(const struct table *srat, uint32_t at, unsigned type)
{
    if (type == SRAT_APIC && field(srat, at + 4, 4) & 1)
        FACT("srat_apic(%u, %u)", (unsigned)field(srat, at + 3, 1),
             (unsigned)(field(srat, at + 2, 1) | field(srat, at + 9, 3) << 8));
    else if (type == SRAT_X2APIC && field(srat, at + 12, 4) & 1)
        FACT("srat_apic(%u, %u)", (unsigned)field(srat, at + 8, 4),
             (unsigned)field(srat, at + 4, 4));
    else if (type == SRAT_MEMORY && field(srat, at + 28, 4) & 1)
        FACT("srat_memory(%" PRIu64 ", %" PRIu64 ", %u)", field(srat, at + 8, 8),
             field(srat, at + 16, 8), (unsigned)field(srat, at + 2, 4));
}

/* Entries of a type and a length each. */
static void each_entry(const struct table *table, uint32_t first,
                       void (*entry)(const struct table *table, uint32_t at, unsigned type))
{
    for (uint32_t at = first; at < table->bytes;) {
        const uint32_t bytes = (uint32_t)field(table, at + 1, 1);
        if (bytes < 2 || bytes > table->bytes - at)
            return;
        entry(table, at, (unsigned)field(table, at, 1));
        at += bytes;
    }
}

static void read_madt(const struct table *madt)
{
    each_entry(madt, 44, madt_entry);
}

static void read_srat(const struct table *srat)
{
    each_entry(srat, 48, srat_entry);
}

/* Distances between the SRAT's domains. */
static void read_slit(const struct table *slit)
{
    const uint64_t count = field(slit, 36, 8);
    if (count > slit->bytes || count * count > slit->bytes - 44)
        return;
    for (uint32_t from = 0; from < count; from++)
        for (uint32_t to = 0; to < count; to++)
            FACT("slit_distance(%u, %u, %u)", from, to,
                 (unsigned)field(slit, 44 + from * (uint32_t)count + to, 1));
}

/* Where functions of PCI have their configuration in memory. */
static void read_mcfg(const struct table *mcfg)
{
    for (uint32_t at = 44; at < mcfg->bytes && mcfg->bytes - at >= 16; at += 16)
        FACT("pci_configuration(%u, %u, %u, %" PRIu64 ")", (unsigned)field(mcfg, at + 8, 2),
             (unsigned)field(mcfg, at + 10, 1), (unsigned)field(mcfg, at + 11, 1),
             field(mcfg, at, 8));
}

static const struct reader {
    const char *name;
    void (*read)(const struct table *table);
} readers[] = {
    { "APIC", read_madt },
    { "SRAT", read_srat },
    { "SLIT", read_slit },
    { "MCFG", read_mcfg },
};

static void read_table(const struct table *table)
{
    char name[5] = "";
    memcpy(name, table->at, 4);
    for (unsigned i = 0; i < 4; i++)
        if (name[i] < ' ' || name[i] > '~' || name[i] == '\'' || name[i] == '\\')
            name[i] = '_';
    FACT("acpi_table('%s', %u)", name, table->bytes);
    for (unsigned i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
        if (strcmp(readers[i].name, name) == 0)
            readers[i].read(table);
}

static void read_tables(const uint8_t *file, uint64_t bytes)
{
    unsigned count = 0;
    for (uint64_t at = 0; bytes - at >= HEADER_BYTES; count++) {
        struct table table = { .at = file + at, .bytes = 8 };
        const uint64_t length = field(&table, 4, 4);
        if (length < HEADER_BYTES || length > bytes - at)
            break;
        table.bytes = (uint32_t)length;
        read_table(&table);
        at += length;
    }
    printf("%u tables, %u facts\n", count, facts);
}

int main(void)
{
    struct spawn_modules modules;
    const uint8_t *file;
    if (domain_get_bootinfo() == NULL)
        USER_PANIC("acpi: the menu's line needs the word 'boot'");
    errval_t err = spawn_modules_init(&modules, domain_get_bootinfo());
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "reading the boot menu");
    struct spawn_module *tables = spawn_find_module(&modules, ABI_PC_TABLES_PATH);
    if (tables == NULL) {
        printf("this machine has no firmware\n");
    } else {
        err = spawn_module_map(tables, &file);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "mapping the tables");
        read_tables(file, tables->file_bytes);
    }
    FACT("acpi_done");
    messages_handler_loop();
}
