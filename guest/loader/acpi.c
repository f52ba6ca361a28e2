/* SPDX-License-Identifier: MIT
 *
 * Reads MADT, SRAT and SLIT.  Fields are copied before they are looked at: tables need not be
 * aligned.
 */
#include "acpi.h"

#include "loader.h"

#define ROOT_AREA 0xe0000
#define ROOT_AREA_END 0x100000
#define ROOT_STEP 16
#define ROOT_BYTES 20 /* of version 1, which the first sum covers */
#define TABLE_MAX_BYTES 0x100000

struct root {
    char signature[8];
    uint8_t sum;
    char maker[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t bytes; /* from here on: revision 2 */
    uint64_t xsdt;
    uint8_t sum_of_all, reserved[3];
} __attribute__((packed));

struct header {
    char signature[4];
    uint32_t bytes;
    uint8_t revision, sum;
    char maker[22];
    uint32_t maker_revision;
} __attribute__((packed));

#define MADT_ENTRIES 44 /* behind the header: address of the APIC, flags */
#define MADT_APIC 0
#define MADT_X2APIC 9
#define MADT_ENABLED 1
struct madt_apic {
    uint8_t type, bytes, processor, apic_id;
    uint32_t flags;
} __attribute__((packed));
struct madt_x2apic {
    uint8_t type, bytes;
    uint16_t reserved;
    uint32_t apic_id, flags, processor;
} __attribute__((packed));

#define SRAT_ENTRIES 48
#define SRAT_APIC 0
#define SRAT_MEMORY 1
#define SRAT_X2APIC 2
#define SRAT_ENABLED 1
struct srat_apic {
    uint8_t type, bytes, domain_low, apic_id;
    uint32_t flags;
    uint8_t eid, domain_high[3];
    uint32_t clock;
} __attribute__((packed));
struct srat_memory {
    uint8_t type, bytes;
    uint32_t domain;
    uint16_t reserved;
    uint64_t base, length;
    uint32_t reserved2, flags;
    uint64_t reserved3;
} __attribute__((packed));
struct srat_x2apic {
    uint8_t type, bytes;
    uint16_t reserved;
    uint32_t domain, apic_id, flags, clock, reserved2;
} __attribute__((packed));

#define SLIT_COUNT 36
#define SLIT_MATRIX 44
#define DISTANCE_SELF 10
#define DISTANCE_OTHER 20

/* A table whose header and sum are right. */
struct table {
    const uint8_t *at;
    uint32_t bytes;
};

/* Proximity domains of the SRAT, in rising order: a node's number is its place. */
struct domains {
    unsigned count;
    uint32_t domain[ABI_MAX_NODES];
};

static const uint8_t *look(const struct acpi_view *view, uint64_t address, uint64_t bytes)
{
    if (address < view->from || address > view->to || bytes > view->to - address)
        return NULL;
    return (const uint8_t *)(view->lead + (uintptr_t)address);
}

static bool sums_to_zero(const uint8_t *at, uint64_t bytes)
{
    uint8_t sum = 0;
    for (uint64_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + at[i]);
    return sum == 0;
}

static bool same(const char *text, const char *with, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        if (text[i] != with[i])
            return false;
    return true;
}

uint64_t acpi_find_root(const struct acpi_view *view)
{
    for (uint64_t at = ROOT_AREA; at < ROOT_AREA_END; at += ROOT_STEP) {
        const uint8_t *bytes = look(view, at, ROOT_BYTES);
        if (bytes != NULL && same((const char *)bytes, "RSD PTR ", 8) &&
            sums_to_zero(bytes, ROOT_BYTES))
            return at;
    }
    return 0;
}

static const char *open_table(struct table *table, const struct acpi_view *view, uint64_t address)
{
    struct header header;
    table->at = look(view, address, sizeof(header));
    if (table->at == NULL)
        return "a table lies outside the memory";
    memcpy(&header, table->at, sizeof(header));
    table->bytes = header.bytes;
    if (header.bytes < sizeof(header) || header.bytes > TABLE_MAX_BYTES ||
        look(view, address, header.bytes) == NULL)
        return "a table has a wrong length";
    if (!sums_to_zero(table->at, header.bytes))
        return "a table has a wrong sum";
    return NULL;
}

/* The list of tables, and how many bytes an address has in it. */
static const char *open_list(struct table *list, unsigned *width, const struct acpi_view *view,
                             uint64_t root_address)
{
    struct root root;
    const uint8_t *at = look(view, root_address, ROOT_BYTES);
    if (at == NULL || !same((const char *)at, "RSD PTR ", 8) || !sums_to_zero(at, ROOT_BYTES))
        return "the root pointer is none";
    memset(&root, 0, sizeof(root));
    memcpy(&root, at, ROOT_BYTES);
    if (root.revision >= 2) {
        if (look(view, root_address, sizeof(root)) == NULL)
            return "the root pointer is cut off";
        memcpy(&root, at, sizeof(root));
    }
    *width = root.xsdt != 0 ? sizeof(uint64_t) : sizeof(uint32_t);
    const char *wrong = open_table(list, view, root.xsdt != 0 ? root.xsdt : root.rsdt);
    if (wrong != NULL)
        return wrong;
    return same((const char *)list->at, root.xsdt != 0 ? "XSDT" : "RSDT", 4)
               ? NULL
               : "the list of tables is none";
}

/* The first table of that name; `at` is NULL if there is none. */
static const char *find_table(struct table *found, const struct acpi_view *view,
                              const struct table *list, unsigned width, const char *name)
{
    found->at = NULL;
    for (uint32_t i = sizeof(struct header); list->bytes - i >= width; i += width) {
        uint64_t address = 0;
        memcpy(&address, list->at + i, width);
        const uint8_t *at = look(view, address, sizeof(struct header));
        if (at != NULL && same((const char *)at, name, 4))
            return open_table(found, view, address);
    }
    return NULL;
}

/* Copies the entry at `*at` (as far as `entry_bytes`), and goes on to the next one.  0: the table
 * ends here; else the entry's own length.  *wrong is set if the entry does not fit. */
static unsigned next_entry(const struct table *table, uint32_t *at, void *entry,
                           unsigned entry_bytes, const char **wrong)
{
    if (*at >= table->bytes)
        return 0;
    const uint8_t *is = table->at + *at;
    const uint32_t left = table->bytes - *at;
    if (left < 2 || is[1] < 2 || is[1] > left) {
        *wrong = "an entry of a table has a wrong length";
        return 0;
    }
    memset(entry, 0, entry_bytes);
    memcpy(entry, is, is[1] < entry_bytes ? is[1] : entry_bytes);
    *at += is[1];
    return is[1];
}

/* For the guest.  A bad table is left out: those that the loader needs were checked. */
static void list_tables(struct acpi *acpi, const struct acpi_view *view, const struct table *list,
                        unsigned width)
{
    struct table table;
    for (uint32_t i = sizeof(struct header); list->bytes - i >= width; i += width) {
        uint64_t address = 0;
        memcpy(&address, list->at + i, width);
        if (acpi->table_count == ACPI_MAX_TABLES || open_table(&table, view, address) != NULL)
            continue;
        acpi->table[acpi->table_count].address = address;
        acpi->table[acpi->table_count++].bytes = table.bytes;
    }
}

static bool is_known(const struct acpi *acpi, uint32_t apic_id)
{
    for (unsigned i = 0; i < acpi->core_count; i++)
        if (acpi->apic_id[i] == apic_id)
            return true;
    return false;
}

static void add_core(struct acpi *acpi, uint32_t apic_id, uint32_t flags)
{
    if (!(flags & MADT_ENABLED) || is_known(acpi, apic_id))
        return;
    if (acpi->core_count == ABI_MAX_CORES) {
        acpi->left_out++;
        return;
    }
    acpi->apic_id[acpi->core_count++] = apic_id;
}

static const char *read_madt(struct acpi *acpi, const struct table *madt)
{
    const char *wrong = NULL;
    union {
        struct madt_apic apic;
        struct madt_x2apic x2apic;
    } entry;
    if (madt->bytes < MADT_ENTRIES)
        return "the table of processors is too short";
    for (uint32_t at = MADT_ENTRIES;;) {
        const unsigned bytes = next_entry(madt, &at, &entry, sizeof(entry), &wrong);
        if (bytes == 0)
            break;
        if (entry.apic.type == MADT_APIC && bytes >= sizeof(entry.apic))
            add_core(acpi, entry.apic.apic_id, entry.apic.flags);
        else if (entry.apic.type == MADT_X2APIC && bytes >= sizeof(entry.x2apic))
            add_core(acpi, entry.x2apic.apic_id, entry.x2apic.flags);
    }
    if (wrong == NULL && acpi->core_count == 0)
        return "no processor is enabled";
    return wrong;
}

static unsigned place_of(const struct domains *domains, uint32_t domain)
{
    unsigned place = 0;
    while (place < domains->count && domains->domain[place] < domain)
        place++;
    return place;
}

static const char *add_domain(struct domains *domains, uint32_t domain)
{
    const unsigned place = place_of(domains, domain);
    if (place < domains->count && domains->domain[place] == domain)
        return NULL;
    if (domains->count == ABI_MAX_NODES)
        return "there are too many nodes";
    for (unsigned i = domains->count++; i > place; i--)
        domains->domain[i] = domains->domain[i - 1];
    domains->domain[place] = domain;
    return NULL;
}

/* An entry of the SRAT that counts. */
struct affinity {
    bool is_memory;
    uint32_t domain, apic_id;
    uint64_t base, bytes;
};

/* False: the table ends, or is wrong. */
static bool next_affinity(const struct table *srat, uint32_t *at, struct affinity *is,
                          const char **wrong)
{
    union {
        struct srat_apic apic;
        struct srat_memory memory;
        struct srat_x2apic x2apic;
    } entry;
    for (;;) {
        const unsigned bytes = next_entry(srat, at, &entry, sizeof(entry), wrong);
        if (bytes == 0)
            return false;
        memset(is, 0, sizeof(*is));
        if (entry.apic.type == SRAT_APIC && bytes >= sizeof(entry.apic) &&
            entry.apic.flags & SRAT_ENABLED) {
            const uint8_t *high = entry.apic.domain_high;
            is->domain = entry.apic.domain_low | (uint32_t)high[0] << 8 | (uint32_t)high[1] << 16 |
                         (uint32_t)high[2] << 24;
            is->apic_id = entry.apic.apic_id;
            return true;
        }
        if (entry.apic.type == SRAT_X2APIC && bytes >= sizeof(entry.x2apic) &&
            entry.x2apic.flags & SRAT_ENABLED) {
            is->domain = entry.x2apic.domain;
            is->apic_id = entry.x2apic.apic_id;
            return true;
        }
        if (entry.apic.type == SRAT_MEMORY && bytes >= sizeof(entry.memory) &&
            entry.memory.flags & SRAT_ENABLED && entry.memory.length > 0) {
            is->is_memory = true;
            is->domain = entry.memory.domain;
            is->base = entry.memory.base;
            is->bytes = entry.memory.length;
            return true;
        }
    }
}

static const char *find_domains(struct domains *domains, const struct table *srat)
{
    struct affinity is;
    const char *wrong = NULL;
    if (srat->bytes < SRAT_ENTRIES)
        return "the table of nodes is too short";
    for (uint32_t at = SRAT_ENTRIES; wrong == NULL && next_affinity(srat, &at, &is, &wrong);)
        wrong = add_domain(domains, is.domain);
    return wrong;
}

static const char *apply(struct acpi *acpi, const struct affinity *is, unsigned node)
{
    if (!is->is_memory) {
        for (unsigned i = 0; i < acpi->core_count; i++)
            if (acpi->apic_id[i] == is->apic_id)
                acpi->core_node[i] = (uint8_t)node;
        return NULL;
    }
    if (is->base + is->bytes < is->base)
        return "the memory of a node has no end";
    if (acpi->range_count == ACPI_MAX_RANGES)
        return "the memory of the nodes lies in too many pieces";
    acpi->range[acpi->range_count].base = is->base;
    acpi->range[acpi->range_count].bytes = is->bytes;
    acpi->range[acpi->range_count++].node = node;
    return NULL;
}

static const char *read_srat(struct acpi *acpi, struct domains *domains, const struct table *srat)
{
    struct affinity is;
    const char *wrong = find_domains(domains, srat);
    for (uint32_t at = SRAT_ENTRIES; wrong == NULL && next_affinity(srat, &at, &is, &wrong);)
        wrong = apply(acpi, &is, place_of(domains, is.domain));
    acpi->node_count = domains->count;
    return wrong;
}

/* The table numbers localities as the SRAT numbers proximity domains. */
static const char *read_slit(struct acpi *acpi, const struct domains *domains,
                             const struct table *slit)
{
    uint64_t count;
    if (slit->bytes < SLIT_MATRIX)
        return "the table of distances is too short";
    memcpy(&count, slit->at + SLIT_COUNT, sizeof(count));
    if (count > slit->bytes || count * count > slit->bytes - SLIT_MATRIX)
        return "the table of distances is cut off";
    for (unsigned from = 0; from < domains->count; from++) {
        for (unsigned to = 0; to < domains->count; to++) {
            const uint64_t row = domains->domain[from], column = domains->domain[to];
            if (row >= count || column >= count)
                return "a node has no distances";
            const uint8_t distance = slit->at[SLIT_MATRIX + row * count + column];
            if (from == to ? distance != DISTANCE_SELF : distance <= DISTANCE_SELF)
                return "a distance is none";
            acpi->distance[from][to] = distance;
        }
    }
    return NULL;
}

static void fill_distances(struct acpi *acpi)
{
    for (unsigned from = 0; from < ABI_MAX_NODES; from++)
        for (unsigned to = 0; to < ABI_MAX_NODES; to++)
            acpi->distance[from][to] = from == to ? DISTANCE_SELF : DISTANCE_OTHER;
}

const char *acpi_read(struct acpi *acpi, const struct acpi_view *view, uint64_t root)
{
    struct table list, madt = { 0 }, srat = { 0 }, slit = { 0 };
    struct domains domains = { 0 };
    unsigned width;
    memset(acpi, 0, sizeof(*acpi));
    fill_distances(acpi);
    const char *wrong = open_list(&list, &width, view, root);
    if (wrong == NULL)
        wrong = find_table(&madt, view, &list, width, "APIC");
    if (wrong == NULL)
        wrong = find_table(&srat, view, &list, width, "SRAT");
    if (wrong == NULL)
        wrong = find_table(&slit, view, &list, width, "SLIT");
    if (wrong == NULL)
        list_tables(acpi, view, &list, width);
    if (wrong == NULL && madt.at == NULL)
        return "there is no table of processors";
    if (wrong == NULL)
        wrong = read_madt(acpi, &madt);
    if (wrong == NULL && srat.at != NULL)
        wrong = read_srat(acpi, &domains, &srat);
    if (wrong == NULL && srat.at != NULL && slit.at != NULL)
        wrong = read_slit(acpi, &domains, &slit);
    return wrong;
}

bool acpi_put_first(struct acpi *acpi, uint32_t apic_id)
{
    unsigned at = 0;
    while (at < acpi->core_count && acpi->apic_id[at] != apic_id)
        at++;
    if (at == acpi->core_count)
        return false;
    const uint8_t node = acpi->core_node[at];
    for (; at > 0; at--) {
        acpi->apic_id[at] = acpi->apic_id[at - 1];
        acpi->core_node[at] = acpi->core_node[at - 1];
    }
    acpi->apic_id[0] = apic_id;
    acpi->core_node[0] = node;
    return true;
}
