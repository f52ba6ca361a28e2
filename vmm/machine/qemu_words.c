/* SPDX-License-Identifier: MIT
 *
 * A machine as QEMU's command line: loader, bundle, processors and memory of the same shape, the
 * device by which the guest ends it, and nothing else.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "machine/export.h"
#include "machine/machine_private.h"

struct words {
    void (*word)(void *context, const char *text);
    void *context;
};

static void __attribute__((format(printf, 2, 3)))
add(const struct words *words, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    words->word(words->context, text);
}

/* Cores of a node as QEMU writes them; the guest's number of a core is QEMU's. */
static void add_cores(const struct words *words, const struct machine_config *config, unsigned node)
{
    for (unsigned core = 0; core < config->core_count; core++) {
        if (config->core_node[core] != node)
            continue;
        add(words, "-numa");
        add(words, "cpu,node-id=%u,socket-id=0,core-id=%u,thread-id=0", node, core);
    }
}

static void add_memory(const struct words *words, const struct pc_setup *setup, unsigned node,
                       uint64_t mib)
{
    add(words, "-object");
    if (setup->memory)
        add(words, "memory-backend-file,id=node%u,size=%" PRIu64 "M,share=on,mem-path=%s", node,
            mib, setup->memory[node]);
    else
        add(words, "memory-backend-ram,id=node%u,size=%" PRIu64 "M", node, mib);
}

/* Where the firmware can tell the guest about nodes. */
static void add_nodes(const struct words *words, const struct machine *machine,
                      const struct pc_setup *setup)
{
    const struct machine_config *config = &machine->config;
    for (unsigned node = 0; node < config->node_count; node++) {
        add_memory(words, setup, node, machine_pc_mib(machine, node));
        add(words, "-numa");
        add(words, "node,nodeid=%u,memdev=node%u", node, node);
        add_cores(words, config, node);
    }
    for (unsigned from = 0; from < config->node_count; from++) {
        for (unsigned to = 0; to < config->node_count; to++) {
            add(words, "-numa");
            add(words, "dist,src=%u,dst=%u,val=%u", from, to,
                machine->boot->topology.distance[from][to]);
        }
    }
}

bool machine_has_bell(const struct machine *machine)
{
    return machine->config.board == BOARD_Q35;
}

void machine_qemu_words(const struct machine *machine, const struct pc_setup *setup,
                        void (*word)(void *context, const char *text), void *context)
{
    const struct words words = { word, context };
    const struct machine_config *config = &machine->config;
    const char *board = board_name((enum machine_board)config->board);
    uint64_t piece[ABI_MAX_NODES], mib = 0;
    const unsigned pieces = machine_pc_pieces(machine, piece);
    for (unsigned i = 0; i < pieces; i++)
        mib += piece[i];
    add(&words, "-machine");
    if (setup->memory && pieces == 1)
        add(&words, "%s,memory-backend=node0", board);
    else
        add(&words, "%s", board);
    add(&words, "-accel");
    add(&words, "%s", setup->kvm ? "kvm" : "tcg");
    add(&words, "-cpu");
    add(&words, "%s", setup->kvm ? "max,-arch-capabilities" : "max");
    add(&words, "-smp");
    add(&words, "%u,sockets=1,cores=%u,threads=1", config->core_count, config->core_count);
    add(&words, "-m");
    add(&words, "%" PRIu64 "M", mib);
    if (pieces > 1)
        add_nodes(&words, machine, setup);
    else if (setup->memory)
        add_memory(&words, setup, 0, mib);
    add(&words, "-nodefaults");
    add(&words, "-no-user-config");
    add(&words, "-display");
    add(&words, "none");
    add(&words, "-no-reboot");
    add(&words, "-device");
    add(&words, "isa-debug-exit,iobase=0xf4,iosize=4");
    if (setup->bell > 0) {
        add(&words, "-chardev");
        add(&words, "socket,id=bell,fd=%d", setup->bell);
        add(&words, "-device");
        add(&words, "ivshmem-doorbell,chardev=bell,vectors=%u", config->core_count);
    }
    if (setup->disk) {
        add(&words, "-cdrom");
        add(&words, "%s", setup->disk);
        return;
    }
    add(&words, "-kernel");
    add(&words, "%s", setup->loader);
    add(&words, "-initrd");
    add(&words, "%s", setup->bundle);
}
