/* SPDX-License-Identifier: MIT
 *
 * Writes the bundle that a PC boots: the files of the menu and the shape of the machine, as they
 * stand in the boot information of core 0 and in guest memory before the first instruction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/bundle.h"
#include "machine/engine_host.h"
#include "machine/export.h"
#include "machine/machine_private.h"

#define MIB (1ull << 20)

const char *board_name(enum machine_board board)
{
    return board == BOARD_Q35 ? "q35" : "microvm";
}

void machine_pc_loader(const struct machine *machine, char *path, size_t bytes)
{
    snprintf(path, bytes, "%s" MACHINE_PC_LOADER, machine->config.image_dir);
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

uint64_t machine_pc_mib(const struct machine *machine, unsigned node)
{
    const struct machine_node *is = &machine->config.node[node];
    const uint64_t windows = machine_needs_pump(machine) ? 2 : 1;
    return round_up(is->ram_bytes + windows * is->window_bytes +
                        (node == 0 ? ABI_PC_OVERHEAD_BYTES : 0),
                    MIB) /
           MIB;
}

unsigned machine_pc_pieces(const struct machine *machine, uint64_t mib[ABI_MAX_NODES])
{
    const unsigned nodes = machine->config.node_count;
    const bool told = machine->config.board == BOARD_Q35 && nodes > 1;
    memset(mib, 0, ABI_MAX_NODES * sizeof(*mib));
    for (unsigned node = 0; node < nodes; node++)
        mib[told ? node : 0] += machine_pc_mib(machine, node);
    return told ? nodes : 1;
}

bool machine_needs_pump(const struct machine *machine)
{
    return machine->config.faults.count > 0 || machine->config.watch_values ||
           machine->config.check_channels;
}

static void fill_shape(const struct machine *machine, struct abi_bundle *bundle)
{
    const struct machine_config *config = &machine->config;
    bundle->magic = ABI_BUNDLE_MAGIC;
    bundle->version = ABI_BUNDLE_VERSION;
    bundle->seed = config->seed;
    bundle->flags = (machine_needs_pump(machine) ? ABI_BUNDLE_PUMP : 0) |
                    (config->watch_values ? ABI_BUNDLE_VALUES : 0);
    bundle->core_count = config->core_count;
    bundle->node_count = config->node_count;
    memcpy(bundle->core_node, config->core_node, sizeof(bundle->core_node));
    memcpy(bundle->distance, machine->boot->topology.distance, sizeof(bundle->distance));
    for (unsigned core = 0; core < config->core_count; core++)
        bundle->apic_id[core] = core; /* one socket of single-threaded cores */
    for (unsigned node = 0; node < config->node_count; node++) {
        bundle->node[node].bytes = machine_pc_mib(machine, node) * MIB;
        bundle->node[node].window_bytes = config->node[node].window_bytes;
    }
}

/* Files and their lines, in the order of the menu; returns where the lines end. */
static uint64_t fill_files(const struct machine *machine, struct abi_bundle *bundle)
{
    const struct abi_boot *boot = machine->boot;
    uint64_t line = sizeof(*bundle);
    for (unsigned i = 0; i < boot->region_count; i++) {
        const struct abi_region *region = &boot->region[i];
        if (region->type != ABI_REGION_MODULE)
            continue;
        struct abi_bundle_file *file = &bundle->file[bundle->file_count++];
        file->bytes = region->file_bytes;
        file->line = (uint32_t)line;
        if (region->flags & ABI_REGION_FLAG_KERNEL)
            file->flags |= ABI_BUNDLE_KERNEL;
        if (region->cmdline == boot->init_cmdline)
            file->flags |= ABI_BUNDLE_INIT;
        line += strlen((const char *)boot + region->cmdline) + 1;
    }
    uint64_t at = round_up(line, ABI_PAGE_BYTES);
    for (unsigned i = 0; i < bundle->file_count; i++) {
        bundle->file[i].offset = at;
        at += round_up(bundle->file[i].bytes, ABI_PAGE_BYTES);
    }
    bundle->bytes = at;
    return line;
}

int machine_each_file(const struct machine *machine,
                      int (*file)(void *context, const char *line, const void *bytes, size_t count),
                      void *context)
{
    const struct abi_boot *boot = machine->boot;
    int stopped = 0;
    for (unsigned i = 0; stopped == 0 && i < boot->region_count; i++) {
        const struct abi_region *region = &boot->region[i];
        if (region->type == ABI_REGION_MODULE)
            stopped =
                file(context, (const char *)boot + region->cmdline,
                     machine_memory(machine, region->base, region->file_bytes), region->file_bytes);
    }
    return stopped;
}

static void pad(FILE *out, uint64_t bytes)
{
    static const char zeroes[ABI_PAGE_BYTES];
    fwrite(zeroes, 1, (size_t)(round_up(bytes, ABI_PAGE_BYTES) - bytes), out);
}

int machine_write_bundle(const struct machine *machine, FILE *out)
{
    const struct abi_boot *boot = machine->boot;
    struct abi_bundle *bundle = calloc(1, sizeof(*bundle));
    if (!bundle)
        return -ENOMEM;
    fill_shape(machine, bundle);
    const uint64_t lines_end = fill_files(machine, bundle);
    fwrite(bundle, sizeof(*bundle), 1, out);
    for (unsigned i = 0; i < boot->region_count; i++) {
        if (boot->region[i].type == ABI_REGION_MODULE) {
            const char *line = (const char *)boot + boot->region[i].cmdline;
            fwrite(line, strlen(line) + 1, 1, out);
        }
    }
    pad(out, lines_end);
    for (unsigned i = 0; i < boot->region_count; i++) {
        const struct abi_region *region = &boot->region[i];
        if (region->type == ABI_REGION_MODULE && region->file_bytes > 0) {
            fwrite(machine_memory(machine, region->base, region->file_bytes), 1, region->file_bytes,
                   out);
            pad(out, region->file_bytes);
        }
    }
    free(bundle);
    return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}
