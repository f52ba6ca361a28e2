/* SPDX-License-Identifier: MIT
 *
 * Loads the images and writes the boot information of core 0.
 *
 * Everything lies compactly at the low end of node 0, so that the rest is one large region:
 *
 *   0x1000   boot information | page tables | CPU driver's copy | segments of the first domain
 *            (one ABI_REGION_BOOT), the files of all menu lines (ABI_REGION_MODULE each),
 *            scratch of at least MACHINE_SCRATCH_BYTES up to a 2 MiB boundary, then ABI_REGION_RAM
 *
 * Page 0 is given to nobody.  First the sizes are added up and compared with the memory, then
 * things are placed, so that too small a memory is one clear error and never a half-filled machine.
 */
#include "machine/machine_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/boot_tables.h"

#define MIB (1ull << 20)
#define FIRST_PADDR ABI_PAGE_BYTES
#define KERNEL_MAX_BYTES (64 * MIB)
#define USER_VADDR_MIN 0x1000ull
#define USER_VADDR_MAX 0x0000800000000000ull

/* What is loaded, and where. */
struct plan {
    struct image kernel;
    struct image module[MACHINE_MAX_MODULES];
    struct image *init; /* one of module[] */
    uint64_t boot_bytes;
    uint64_t boot_paddr, tables_paddr, kernel_paddr, init_paddr, boot_end;
    uint64_t kernel_bytes, tables_bytes;
    uint64_t kernel_file_paddr, module_paddr[MACHINE_MAX_MODULES];
    uint64_t scratch_paddr, ram_paddr; /* scratch ends where free RAM begins */
};

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

static uint64_t ram_end(const struct machine *machine)
{
    uint64_t end = ABI_RAM_BASE;
    for (unsigned n = 0; n < machine->config.node_count; n++)
        end += machine->config.node[n].ram_bytes;
    return end;
}

char *machine_image_path(const struct machine *machine, const struct machine_menu_line *line)
{
    const char *dir = machine->config.image_dir;
    const char *path = line->path;
    if (line->image)
        return strdup(line->image);
    size_t bytes = strlen(dir) + strlen(path) + 2;
    char *text = malloc(bytes);
    if (text)
        snprintf(text, bytes, "%s%s%s", dir, path[0] == '/' ? "" : "/", path);
    return text;
}

static void where_of(const struct machine_menu_line *line, char *where, size_t bytes)
{
    where[0] = 0;
    if (line->file)
        snprintf(where, bytes, "%s:%u: ", line->file, line->line_number);
}

static int load_image(const struct machine *machine, const struct machine_menu_line *line,
                      struct image *image, uint64_t vaddr_min, uint64_t vaddr_max,
                      struct machine_error *error)
{
    char where[300];
    where_of(line, where, sizeof(where));
    char *path = machine_image_path(machine, line);
    if (!path)
        return machine_fail(error, -ENOMEM, "no host memory");
    int r = image_read(image, path, where, error);
    if (r == 0 && vaddr_max > 0)
        r = image_parse(image, path, where, vaddr_min, vaddr_max, error);
    free(path);
    return r;
}

static int read_images(struct machine *machine, struct plan *plan, struct machine_error *error)
{
    const struct machine_config *config = &machine->config;
    int r = load_image(machine, &config->kernel, &plan->kernel, ABI_KERNEL_BASE,
                       ABI_KERNEL_BASE + KERNEL_MAX_BYTES, error);
    for (unsigned i = 0; r == 0 && i < config->module_count; i++) {
        bool first = !plan->init && strcmp(config->module[i].path, MACHINE_FIRST_DOMAIN) == 0;
        if (first)
            plan->init = &plan->module[i];
        /* other modules need not be programs: the guest decides what they are */
        r = load_image(machine, &config->module[i], &plan->module[i], USER_VADDR_MIN,
                       first ? USER_VADDR_MAX : 0, error);
    }
    if (r == 0 && !plan->init)
        r = machine_fail(error, -EINVAL,
                         "the boot menu has no line `module " MACHINE_FIRST_DOMAIN
                         "`: the CPU driver needs it as its first domain");
    return r;
}

static uint64_t strings_bytes(const struct machine_config *config)
{
    uint64_t bytes = strlen(config->kernel.line) + 1;
    for (unsigned i = 0; i < config->module_count; i++)
        bytes += strlen(config->module[i].line) + 1;
    return bytes;
}

static int make_plan(struct machine *machine, struct plan *plan, struct machine_error *error)
{
    const struct machine_config *config = &machine->config;
    assert(plan->init && plan->kernel.segment_count > 0);
    plan->boot_bytes = sizeof(struct abi_boot) + strings_bytes(config);
    if (plan->boot_bytes > ABI_BOOT_MAX_BYTES)
        return machine_fail(error, -EINVAL,
                            "the lines of the boot menu are too long: %llu bytes of %llu",
                            (unsigned long long)strings_bytes(config),
                            (unsigned long long)(ABI_BOOT_MAX_BYTES - sizeof(struct abi_boot)));
    const struct image_segment *last = &plan->kernel.segment[plan->kernel.segment_count - 1];
    plan->kernel_bytes = image_segment_base(last) + image_segment_bytes(last) - ABI_KERNEL_BASE;
    plan->tables_bytes =
        abi_boot_tables_pages(ram_end(machine), plan->kernel_bytes) * ABI_PAGE_BYTES;

    uint64_t at = FIRST_PADDR;
    plan->boot_paddr = at;
    at += round_up(plan->boot_bytes, ABI_PAGE_BYTES);
    plan->tables_paddr = at;
    at += plan->tables_bytes;
    plan->kernel_paddr = at;
    at += plan->kernel_bytes;
    plan->init_paddr = at;
    for (unsigned i = 0; i < plan->init->segment_count; i++)
        at += image_segment_bytes(&plan->init->segment[i]);
    plan->boot_end = at;
    plan->kernel_file_paddr = at;
    at += round_up(plan->kernel.file_bytes, ABI_PAGE_BYTES);
    for (unsigned i = 0; i < config->module_count; i++) {
        plan->module_paddr[i] = at;
        at += round_up(plan->module[i].file_bytes, ABI_PAGE_BYTES);
    }
    plan->scratch_paddr = at;
    plan->ram_paddr = round_up(at + MACHINE_SCRATCH_BYTES, ABI_LARGE_PAGE_BYTES);

    uint64_t free_needed = (uint64_t)config->core_count * MACHINE_FREE_BYTES_PER_CORE;
    uint64_t node_needed = plan->ram_paddr + MACHINE_FREE_BYTES_PER_CORE;
    uint64_t total_needed = plan->ram_paddr + free_needed;
    if (config->node[0].ram_bytes < node_needed || ram_end(machine) < total_needed)
        return machine_fail(
            error, -ENOSPC,
            "machine memory is too small: %llu MiB (%llu MiB on node 0), but the "
            "images take %llu MiB of node 0 and %u core%s need%s %llu MiB more; set "
            "it to at least %llu MiB, %llu MiB of them on node 0",
            (unsigned long long)(ram_end(machine) / MIB),
            (unsigned long long)(config->node[0].ram_bytes / MIB),
            (unsigned long long)(plan->ram_paddr / MIB), config->core_count,
            config->core_count == 1 ? "" : "s", config->core_count == 1 ? "s" : "",
            (unsigned long long)(free_needed / MIB), (unsigned long long)(total_needed / MIB),
            (unsigned long long)(round_up(node_needed, ABI_LARGE_PAGE_BYTES) / MIB));
    return 0;
}

/* Copies an image's segments to paddr one after the other. */
static unsigned place_segments(const struct machine *machine, const struct image *image,
                               uint64_t paddr, struct abi_segment *out)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segment[i];
        out[i] = (struct abi_segment){
            .paddr = paddr,
            .vaddr = image_segment_base(segment),
            .bytes = image_segment_bytes(segment),
            .flags = segment->flags,
        };
        image_place(image, segment, machine_memory(machine, paddr, out[i].bytes));
        paddr += out[i].bytes;
    }
    return image->segment_count;
}

/* The CPU driver keeps its layout: ABI_KERNEL_BASE + x lies at kernel_paddr + x. */
static unsigned place_kernel(const struct machine *machine, const struct plan *plan,
                             struct abi_segment *out)
{
    const struct image *image = &plan->kernel;
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segment[i];
        uint64_t base = image_segment_base(segment);
        out[i] = (struct abi_segment){
            .paddr = plan->kernel_paddr + (base - ABI_KERNEL_BASE),
            .vaddr = base,
            .bytes = image_segment_bytes(segment),
            .flags = segment->flags,
        };
        image_place(image, segment, machine_memory(machine, out[i].paddr, out[i].bytes));
    }
    return image->segment_count;
}

static struct abi_region *add_region(struct abi_boot *boot, enum abi_region_type type,
                                     uint64_t base, uint64_t bytes, uint32_t node)
{
    assert(boot->region_count < ABI_BOOT_MAX_REGIONS && base % ABI_PAGE_BYTES == 0);
    struct abi_region *region = &boot->region[boot->region_count++];
    region->type = type;
    region->base = base;
    region->bytes = round_up(bytes, ABI_PAGE_BYTES);
    region->node = node;
    return region;
}

/* Appends a string behind the structure; *end is where strings end so far. */
static uint32_t add_string(struct abi_boot *boot, uint64_t *end, const char *text)
{
    uint32_t offset = (uint32_t)*end;
    size_t bytes = strlen(text) + 1;
    assert(*end + bytes <= boot->boot_bytes);
    memcpy((char *)boot + *end, text, bytes);
    *end += bytes;
    return offset;
}

static void fill_links(const struct interconnect_shape *shape, struct abi_topology *topology)
{
    struct interconnect *net = shape->given ? calloc(1, sizeof(*net)) : NULL;
    if (!net)
        return; /* without host memory the fabric, made next, fails */
    interconnect_init(net, shape);
    for (unsigned from = 0; from < topology->core_count; from++) {
        memcpy(topology->hops[from], net->hops[from], topology->core_count);
        for (unsigned to = 0; to < topology->core_count; to++)
            if (net->signal_next[from][to] != to)
                topology->signal_over[from][to] = (uint8_t)(net->signal_next[from][to] + 1);
    }
    topology->link_latency_ns = shape->latency_ns;
    topology->link_bytes_per_s = shape->bytes_per_s;
    free(net);
}

static void fill_topology(const struct machine *machine, struct abi_topology *topology)
{
    const struct machine_config *config = &machine->config;
    topology->core_count = config->core_count;
    topology->node_count = config->node_count;
    memcpy(topology->core_node, config->core_node, sizeof(topology->core_node));
    memcpy(topology->distance, config->distance, sizeof(topology->distance));
    fill_links(&config->interconnect, topology);
    for (unsigned i = 0; i < machine->region_count; i++) {
        const struct machine_region *region = &machine->region[i];
        struct abi_topology_node *node = &topology->node[region->node];
        if (region->kind == MACHINE_RAM) {
            node->ram_base = region->base;
            node->ram_bytes = region->bytes;
        } else if (region->kind == MACHINE_WINDOW) {
            node->window_base = region->base;
            node->window_bytes = region->bytes;
        }
    }
}

/* Returns the offset of the module's line. */
static uint32_t add_module(struct machine *machine, const struct image *image, uint64_t paddr,
                           const char *line, uint32_t flags, uint64_t *strings_end)
{
    struct abi_boot *boot = machine->boot;
    struct abi_region *region = add_region(boot, ABI_REGION_MODULE, paddr, image->file_bytes, 0);
    region->flags = flags;
    region->file_bytes = image->file_bytes;
    region->cmdline = add_string(boot, strings_end, line);
    if (image->file_bytes > 0)
        memcpy(machine_memory(machine, paddr, image->file_bytes), image->file, image->file_bytes);
    return region->cmdline;
}

static void add_memory_regions(struct machine *machine, const struct plan *plan)
{
    for (unsigned i = 0; i < machine->region_count; i++) {
        const struct machine_region *region = &machine->region[i];
        uint64_t base = region->base, bytes = region->bytes;
        if (region->kind == MACHINE_CORE_AREAS)
            continue;
        if (region->kind == MACHINE_RAM && base == ABI_RAM_BASE) {
            bytes -= plan->ram_paddr - base;
            base = plan->ram_paddr;
        }
        bool is_ram = region->kind == MACHINE_RAM;
        add_region(machine->boot, is_ram ? ABI_REGION_RAM : ABI_REGION_WINDOW, base, bytes,
                   region->node);
        if (is_ram)
            machine->state.stats.free_ram_bytes += bytes;
    }
}

static void place(struct machine *machine, const struct plan *plan)
{
    const struct machine_config *config = &machine->config;
    struct abi_boot *boot = machine_memory(machine, plan->boot_paddr, plan->boot_bytes);
    assert(boot && plan->init);
    machine->boot = boot;
    boot->magic = ABI_BOOT_MAGIC;
    boot->version = ABI_BOOT_VERSION;
    boot->boot_bytes = (uint32_t)plan->boot_bytes;
    boot->seed = config->seed;
    boot->core_area = ABI_CORE_AREA_BASE;
    boot->kernel_paddr = plan->kernel_paddr;
    boot->kernel_bytes = plan->kernel_bytes;
    boot->scratch_paddr = plan->scratch_paddr;
    boot->scratch_bytes = plan->ram_paddr - plan->scratch_paddr;

    struct abi_segment kernel[ABI_BOOT_MAX_SEGMENTS];
    unsigned kernel_segments = place_kernel(machine, plan, kernel);
    boot->pml4 = abi_build_boot_tables(
        machine_memory(machine, plan->tables_paddr, plan->tables_bytes), plan->tables_paddr,
        ram_end(machine), kernel, kernel_segments, plan->kernel_bytes, boot->core_area);

    boot->init_entry = plan->init->entry;
    boot->segment_count = place_segments(machine, plan->init, plan->init_paddr, boot->segment);
    fill_topology(machine, &boot->topology);

    uint64_t strings_end = sizeof(*boot);
    add_region(boot, ABI_REGION_BOOT, FIRST_PADDR, plan->boot_end - FIRST_PADDR, 0);
    add_module(machine, &plan->kernel, plan->kernel_file_paddr, config->kernel.line,
               ABI_REGION_FLAG_KERNEL, &strings_end);
    for (unsigned i = 0; i < config->module_count; i++) {
        uint32_t line = add_module(machine, &plan->module[i], plan->module_paddr[i],
                                   config->module[i].line, 0, &strings_end);
        if (&plan->module[i] == plan->init)
            boot->init_cmdline = line;
    }
    assert(strings_end == plan->boot_bytes);
    add_memory_regions(machine, plan);

    machine->boot_entry = (struct core_entry){
        .rip = plan->kernel.entry,
        .rdi = plan->boot_paddr,
        .cr3 = boot->pml4,
    };
    machine->state.stats.kernel_bytes = plan->kernel_bytes;
}

int machine_load(struct machine *machine, struct machine_error *error)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return machine_fail(error, -ENOMEM, "no host memory");
    int r = read_images(machine, plan, error);
    if (r == 0)
        r = make_plan(machine, plan, error);
    /* memory is made only now: an unreasonable size should not be tried before it is checked */
    if (r == 0)
        r = machine_make_memory(machine, error);
    if (r == 0)
        place(machine, plan);
    image_free(&plan->kernel);
    for (unsigned i = 0; i < MACHINE_MAX_MODULES; i++)
        image_free(&plan->module[i]);
    free(plan);
    return r;
}
