/* SPDX-License-Identifier: MIT
 *
 * Places the CPU driver and the first domain of core 0, and writes the boot information: on a PC
 * what vmm/machine/boot.c does on our own machine.
 *
 *   node 0 from below: core areas | boot information | page tables | CPU driver's copy | segments
 *   of
 *                      the first domain | scratch memory up to a 2 MiB boundary
 *   each node from above: its UMP window
 *   the files of the menu are the modules, where they lie
 *
 * All other memory is RAM of core 0.
 */
#include <abi/boot_tables.h>

#include "loader.h"

#define PAGE ABI_PAGE_BYTES
#define SCRATCH_BYTES 0x400000
#define LEAST_PIECE_BYTES 0x10000
#define KERNEL_MAX_BYTES 0x4000000
#define USER_VADDR_MIN 0x1000ull
#define USER_VADDR_MAX 0x0000800000000000ull

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

/* Zeroed. */
static uint64_t take(struct memory *memory, unsigned node, uint64_t bytes, const char *what)
{
    const uint64_t base = memory_take_low(memory, node, round_up(bytes, PAGE), PAGE);
    if (base == 0)
        loader_fail("no %u KiB of memory on node %u for the %s", (unsigned)(bytes >> 10), node,
                    what);
    memset((void *)base, 0, round_up(bytes, PAGE));
    return base;
}

static const struct boot_file *find_file(const struct boot_files *files, uint32_t flag)
{
    unsigned i = 0;
    while (!(files->file[i].flags & flag)) /* bundle_check(), multiboot_mark_files(): one has it */
        i++;
    return &files->file[i];
}

static const uint8_t *open_program(const struct boot_file *file, struct program *program,
                                   uint64_t vaddr_min, uint64_t vaddr_max)
{
    const uint8_t *bytes = (const uint8_t *)file->base;
    const char *wrong = program_parse(program, bytes, file->bytes, vaddr_min, vaddr_max);
    if (wrong != NULL)
        loader_fail("%s: %s", file->line, wrong);
    return bytes;
}

static void load(struct abi_segment *out, const struct program *program, unsigned i,
                 const uint8_t *file, uint64_t paddr)
{
    out->paddr = paddr;
    out->vaddr = program->segment[i].vaddr;
    out->bytes = program->segment[i].bytes;
    out->flags = program->segment[i].flags;
    memcpy((uint8_t *)paddr + program->segment[i].lead, file + program->segment[i].file_offset,
           program->segment[i].file_bytes);
}

static struct abi_region *add_region(struct abi_boot *boot, enum abi_region_type type,
                                     uint64_t base, uint64_t bytes, unsigned node)
{
    if (boot->region_count == ABI_BOOT_MAX_REGIONS)
        loader_fail("there are more pieces of memory than %u", ABI_BOOT_MAX_REGIONS);
    struct abi_region *region = &boot->region[boot->region_count++];
    region->type = type;
    region->base = base;
    region->bytes = round_up(bytes, PAGE);
    region->node = node;
    return region;
}

/* Before anything is taken: a node's RAM is all of it, as far as others must know. */
static void fill_topology(struct abi_topology *topology, const struct memory *memory,
                          const struct shape *shape)
{
    topology->core_count = shape->core_count;
    topology->node_count = shape->node_count;
    memcpy(topology->core_node, shape->core_node, sizeof(topology->core_node));
    memcpy(topology->distance, shape->distance, sizeof(topology->distance));
    for (unsigned i = 0; i < memory->count; i++) {
        const struct range *range = &memory->range[i];
        struct abi_topology_node *node = &topology->node[range->node];
        if (node->ram_bytes == 0)
            node->ram_base = range->node == 0 ? 0 : range->base;
        node->ram_bytes = range->end - node->ram_base;
    }
}

static void take_windows(struct memory *memory, const struct shape *shape,
                         struct abi_topology *topology)
{
    for (unsigned n = 0; n < shape->node_count; n++) {
        const uint64_t bytes = shape->window_bytes[n], all = shape->pump ? 2 * bytes : bytes;
        if (bytes == 0)
            continue;
        const uint64_t base = memory_take_high(memory, n, all, PAGE);
        if (base == 0)
            loader_fail("no %u KiB of memory on node %u for its window", (unsigned)(all >> 10), n);
        memset((void *)base, 0, all);
        topology->node[n].window_base = base;
        topology->node[n].window_bytes = bytes;
    }
}

/* Where the windows lie, for vmm (abi/pump.h). */
static uint64_t place_pump(struct memory *memory, const struct abi_topology *topology,
                           uint64_t areas, bool values)
{
    uint64_t pages = 0;
    for (unsigned n = 0; n < topology->node_count; n++)
        pages += topology->node[n].window_bytes / PAGE;
    struct abi_pump *pump =
        (struct abi_pump *)take(memory, 0, sizeof(*pump) + pages, "pump of its window");
    pump->magic = ABI_PUMP_MAGIC;
    pump->core_area = areas;
    pump->values = values;
    pump->core_count = topology->core_count;
    pump->node_count = topology->node_count;
    for (unsigned n = 0; n < topology->node_count; n++) {
        pump->window[n].base = topology->node[n].window_base;
        pump->window[n].bytes = topology->node[n].window_bytes;
    }
    return (uint64_t)pump;
}

static uint64_t ram_end(const struct abi_topology *topology)
{
    uint64_t end = 0;
    for (unsigned n = 0; n < topology->node_count; n++)
        if (topology->node[n].ram_base + topology->node[n].ram_bytes > end)
            end = topology->node[n].ram_base + topology->node[n].ram_bytes;
    return end;
}

/* Returns the entry point. */
static uint64_t place_kernel(struct memory *memory, const struct boot_files *files,
                             struct abi_boot *boot)
{
    struct program program;
    struct abi_segment segment[ABI_BOOT_MAX_SEGMENTS];
    const uint8_t *file = open_program(find_file(files, ABI_BUNDLE_KERNEL), &program,
                                       ABI_KERNEL_BASE, ABI_KERNEL_BASE + KERNEL_MAX_BYTES);
    const unsigned last = program.count - 1;
    boot->kernel_bytes =
        program.segment[last].vaddr + program.segment[last].bytes - ABI_KERNEL_BASE;
    boot->kernel_paddr = take(memory, 0, boot->kernel_bytes, "CPU driver");
    for (unsigned i = 0; i < program.count; i++)
        load(&segment[i], &program, i, file,
             boot->kernel_paddr + (program.segment[i].vaddr - ABI_KERNEL_BASE));
    const uint64_t end = ram_end(&boot->topology);
    const uint64_t pages = abi_boot_tables_pages(end, boot->kernel_bytes);
    const uint64_t tables = take(memory, 0, pages * PAGE, "page tables");
    boot->pml4 = abi_build_boot_tables((void *)tables, tables, end, segment, program.count,
                                       boot->kernel_bytes, boot->core_area);
    return program.entry;
}

static void place_init(struct memory *memory, const struct boot_files *files, struct abi_boot *boot)
{
    struct program program;
    const uint8_t *file =
        open_program(find_file(files, ABI_BUNDLE_INIT), &program, USER_VADDR_MIN, USER_VADDR_MAX);
    boot->init_entry = program.entry;
    boot->segment_count = program.count;
    for (unsigned i = 0; i < program.count; i++) {
        const uint64_t bytes = program.segment[i].bytes;
        load(&boot->segment[i], &program, i, file, take(memory, 0, bytes, "first domain"));
    }
}

static uint32_t add_line(struct abi_boot *boot, const char *line)
{
    const uint32_t at = boot->boot_bytes;
    do {
        if (boot->boot_bytes == ABI_BOOT_MAX_BYTES)
            loader_fail("the lines of the boot menu are too long");
        ((char *)boot)[boot->boot_bytes++] = *line;
    } while (*line++ != '\0');
    return at;
}

static void add_modules(struct abi_boot *boot, const struct boot_files *files)
{
    for (unsigned i = 0; i < files->count; i++) {
        const struct boot_file *file = &files->file[i];
        struct abi_region *region = add_region(boot, ABI_REGION_MODULE, file->base, file->bytes, 0);
        region->file_bytes = file->bytes;
        region->flags = file->flags & ABI_BUNDLE_KERNEL ? ABI_REGION_FLAG_KERNEL : 0;
        region->cmdline = add_line(boot, file->line);
        if (file->flags & ABI_BUNDLE_INIT)
            boot->init_cmdline = region->cmdline;
    }
}

/* The firmware's tables, one behind the other, as a file of the menu that nobody starts. */
static void add_tables(struct memory *memory, struct abi_boot *boot, const struct acpi *acpi)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < acpi->table_count; i++)
        bytes += acpi->table[i].bytes;
    if (bytes == 0)
        return;
    const uint64_t base = take(memory, 0, bytes, "firmware's tables");
    struct abi_region *region = add_region(boot, ABI_REGION_MODULE, base, bytes, 0);
    region->file_bytes = bytes;
    region->cmdline = add_line(boot, ABI_PC_TABLES_PATH " nospawn");
    uint8_t *to = (uint8_t *)base;
    for (unsigned i = 0; i < acpi->table_count; i++) {
        memcpy(to, (const void *)acpi->table[i].address, acpi->table[i].bytes);
        to += acpi->table[i].bytes;
    }
}

static void add_memory(struct abi_boot *boot, const struct memory *memory)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct range *range = &memory->range[i];
        if (range->end - range->base < LEAST_PIECE_BYTES)
            continue; /* not worth its record */
        add_region(boot, ABI_REGION_RAM, range->base, range->end - range->base, range->node);
    }
    for (unsigned n = 0; n < boot->topology.node_count; n++)
        if (boot->topology.node[n].window_bytes != 0)
            add_region(boot, ABI_REGION_WINDOW, boot->topology.node[n].window_base,
                       boot->topology.node[n].window_bytes, n);
}

uint64_t place(struct memory *memory, const struct boot_files *files, const struct shape *shape,
               const struct acpi *acpi, struct abi_boot **out)
{
    struct abi_topology topology;
    memset(&topology, 0, sizeof(topology));
    fill_topology(&topology, memory, shape);
    take_windows(memory, shape, &topology);

    const uint64_t areas =
        take(memory, 0, (uint64_t)shape->core_count * ABI_CORE_AREA_BYTES, "core areas");
    struct abi_boot *boot =
        (struct abi_boot *)take(memory, 0, ABI_BOOT_MAX_BYTES, "boot information");
    boot->magic = ABI_BOOT_MAGIC;
    boot->version = ABI_BOOT_VERSION;
    boot->boot_bytes = sizeof(*boot);
    boot->core_area = areas;
    boot->topology = topology;
    if (shape->pump)
        boot->pc.pump = place_pump(memory, &topology, areas, shape->values);
    const uint64_t entry = place_kernel(memory, files, boot);
    place_init(memory, files, boot);

    /* up to a 2 MiB boundary */
    uint64_t scratch = memory_take_low(memory, 0, PAGE, PAGE);
    uint64_t rest = round_up(scratch + SCRATCH_BYTES, ABI_LARGE_PAGE_BYTES) - scratch - PAGE;
    if (scratch == 0 || memory_take_low(memory, 0, rest, PAGE) != scratch + PAGE)
        loader_fail("no %u MiB of memory for the first objects", SCRATCH_BYTES >> 20);
    memset((void *)scratch, 0, rest + PAGE);
    boot->scratch_paddr = scratch;
    boot->scratch_bytes = rest + PAGE;
    add_region(boot, ABI_REGION_BOOT, areas, scratch - areas, 0);
    add_modules(boot, files);
    add_tables(memory, boot, acpi);
    add_memory(boot, memory);
    *out = boot;
    return entry;
}
