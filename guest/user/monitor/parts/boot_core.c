/* SPDX-License-Identifier: MIT
 *
 * Starting other cores (overview 1.7, facts 5.2; contract: abi/boot.h).
 *
 * For each core the memory server is asked for a few blocks of RAM, on the core's own node if there
 * is any.  The first part of the first one becomes a Frame that is mapped here and filled with what
 * the new core finds:
 *
 *   boot information | page tables | private copy of the CPU driver | the monitor's image, unpacked
 *
 * then follows zeroed scratch memory for the CPU driver's first objects; the rest is the new core's
 * RAM.  Nothing of this is shared with any other core afterwards.  The CPU driver needs no
 * relocation, because its private tables map it where it was linked.
 *
 * Cores start without waiting for each other; the client who asked is answered when every new
 * monitor has reported and every pair of monitors is connected.  A core that cannot be started
 * leaves nothing behind: its RAM and its channel go back, and it can be tried again.
 */
#include <abi/boot_tables.h>
#include <string.h>

#include "../mouths/peers.h"
#include "../mouths/reply.h"
#include "parts.h"

#define SCRATCH_BYTES (1ul << 20)
#define MIN_SHARE_BITS 23 /* 8 MiB in one piece, else it does not start */
#define WANTED_SHARE_BYTES (12ul << 20)
#define MAX_SHARE_BITS 32
#define MIN_MORE_BITS 20 /* further blocks */
#define MAX_BLOCKS 4
#define CMDLINE_BYTES 96

static struct {
    bool active;
    bool held;         /* cores are being stopped */
    uint64_t todo;     /* cores not yet started */
    unsigned starting; /* started, have not reported */
    unsigned links;    /* pairs of monitors not yet connected */
    errval_t err;      /* of the first core that could not be started */
    struct client *client;
    uint32_t token;
} boot;

/* What a core was given. */
struct blocks {
    unsigned count;
    struct {
        struct capref ram;
        genpaddr_t base;
        gensize_t bytes;
    } block[MAX_BLOCKS]; /* the first one is filled, all but that part of it is RAM of the core */
};

/* The core whose RAM is asked for. */
static struct {
    coreid_t core;
    gensize_t budget; /* still to be asked for */
    uint8_t bits;     /* asked for now */
    bool anywhere;    /* its own node has none */
    struct blocks has;
} share;

/* Of each core, for when it dies. */
static struct {
    struct blocks has;
    uint32_t incarnation;
    bool started; /* before: it comes back, if it does */
    bool is_free; /* it is dead, and nobody has anything of it */
    bool reports; /* its monitor has */
    bool retired; /* it was stopped on purpose */
} lives[ABI_MAX_CORES];

/* Parts of the block that is filled, as offsets in it. */
struct layout {
    gensize_t boot_bytes, tables, kernel, monitor, end;
    gensize_t kernel_bytes;
};

static void next_core(void);

static uint64_t ram_end(void)
{
    uint64_t end = 0;
    for (unsigned n = 0; n < boot_info->topology.node_count; n++) {
        const struct abi_topology_node *node = &boot_info->topology.node[n];
        if (node->ram_base + node->ram_bytes > end)
            end = node->ram_base + node->ram_bytes;
    }
    return end;
}

static void plan(const struct spawn_module *kernel, const struct spawn_module *monitor,
                 struct layout *l)
{
    l->boot_bytes = boot_info->boot_bytes + CMDLINE_BYTES;
    l->kernel_bytes = kernel->image.vlimit - ABI_KERNEL_BASE;
    l->tables = ROUND_UP(l->boot_bytes, BASE_PAGE_SIZE);
    l->kernel = l->tables + abi_boot_tables_pages(ram_end(), l->kernel_bytes) * ABI_PAGE_BYTES;
    l->monitor = l->kernel + l->kernel_bytes;
    l->end = l->monitor;
    for (unsigned i = 0; i < monitor->image.segment_count; i++)
        l->end += monitor->image.segment[i].bytes;
}

/* Copies a segment's file contents; the memory is zero. */
static void load_segment(uint8_t *memory, const struct spawn_module *module, unsigned i)
{
    const struct elf_segment *segment = &module->image.segment[i];
    if (segment->file_bytes > 0)
        memcpy(memory + segment->lead, module->contents[i], segment->file_bytes);
}

static unsigned load_kernel(uint8_t *block, genpaddr_t block_base, const struct layout *l,
                            const struct spawn_module *kernel, struct abi_segment *segments)
{
    for (unsigned i = 0; i < kernel->image.segment_count; i++) {
        const struct elf_segment *s = &kernel->image.segment[i];
        gensize_t offset = l->kernel + (s->vaddr - ABI_KERNEL_BASE);
        segments[i] = (struct abi_segment){
            .paddr = block_base + offset, .vaddr = s->vaddr, .bytes = s->bytes, .flags = s->flags
        };
        load_segment(block + offset, kernel, i);
    }
    return kernel->image.segment_count;
}

static void load_monitor(uint8_t *block, genpaddr_t block_base, const struct layout *l,
                         const struct spawn_module *monitor, struct abi_boot *b)
{
    gensize_t offset = l->monitor;
    b->segment_count = monitor->image.segment_count;
    b->init_entry = monitor->image.entry;
    for (unsigned i = 0; i < monitor->image.segment_count; i++) {
        const struct elf_segment *s = &monitor->image.segment[i];
        b->segment[i] = (struct abi_segment){
            .paddr = block_base + offset, .vaddr = s->vaddr, .bytes = s->bytes, .flags = s->flags
        };
        load_segment(block + offset, monitor, i);
        offset += s->bytes;
    }
}

static void add_region(struct abi_boot *b, enum abi_region_type type, genpaddr_t base,
                       gensize_t bytes, unsigned node)
{
    if (bytes == 0)
        return;
    assert(b->region_count < ABI_BOOT_MAX_REGIONS);
    b->region[b->region_count++] =
        (struct abi_region){ .base = base, .bytes = bytes, .type = type, .node = node };
}

/* From this core's own boot information: topology, modules and their lines stay as they are. */
static errval_t fill_boot(struct abi_boot *b, coreid_t core, const struct layout *l)
{
    genpaddr_t block_base = share.has.block[0].base;
    memcpy(b, boot_info, boot_info->boot_bytes);
    b->boot_bytes = (uint32_t)l->boot_bytes;
    b->core = core;
    b->boot_core = my_core;
    b->core_area = boot_info->core_area + ((uint64_t)core - my_core) * ABI_CORE_AREA_BYTES;
    b->kernel_paddr = block_base + l->kernel;
    b->kernel_bytes = l->kernel_bytes;
    b->scratch_paddr = block_base + l->end;
    b->scratch_bytes = SCRATCH_BYTES;
    b->init_cmdline = boot_info->boot_bytes;
    snprintf((char *)b + b->init_cmdline, CMDLINE_BYTES,
             "monitor boot_core=%u notify=%" PRIu32 " incarnation=%" PRIu32 " dead=%" PRIu64,
             my_core, my_notify_id, lives[core].incarnation, signals_lost() & ~BIT(core));

    uint32_t modules_kept = 0;
    for (uint32_t i = 0; i < boot_info->region_count; i++)
        if (boot_info->region[i].type == ABI_REGION_MODULE)
            b->region[modules_kept++] = boot_info->region[i];
    b->region_count = modules_kept;
    if (modules_kept + 3 + MAX_BLOCKS > ABI_BOOT_MAX_REGIONS)
        return MON_ERR_CORE_BOOT;
    unsigned node = boot_info->topology.core_node[core];
    gensize_t taken = l->end + SCRATCH_BYTES;
    add_region(b, ABI_REGION_BOOT, block_base, l->end, node);
    add_region(b, ABI_REGION_RAM, block_base + taken, share.has.block[0].bytes - taken, node);
    for (unsigned i = 1; i < share.has.count; i++)
        add_region(b, ABI_REGION_RAM, share.has.block[i].base, share.has.block[i].bytes, node);
    genpaddr_t window;
    gensize_t window_bytes;
    window_share(core, &window, &window_bytes);
    add_region(b, ABI_REGION_WINDOW, window, window_bytes, node);
    genpaddr_t channel;
    uint32_t channel_bytes;
    errval_t err = peer_make_channel(core, PEER_BOOTING, &channel, &channel_bytes);
    if (err_is_ok(err))
        add_region(b, ABI_REGION_URPC, channel, channel_bytes, node);
    return err;
}

/* Fills the mapped block and switches the core on. */
static errval_t fill_and_start(coreid_t core, uint8_t *block, const struct layout *l,
                               const struct spawn_module *kernel,
                               const struct spawn_module *monitor)
{
    genpaddr_t base = share.has.block[0].base;
    struct abi_boot *b = (struct abi_boot *)block;
    struct abi_segment segments[ELF_IMAGE_MAX_SEGMENTS];
    errval_t err = fill_boot(b, core, l);
    if (err_is_fail(err))
        return err;
    unsigned count = load_kernel(block, base, l, kernel, segments);
    load_monitor(block, base, l, monitor, b);
    b->pml4 = abi_build_boot_tables(block + l->tables, base + l->tables, ram_end(), segments, count,
                                    l->kernel_bytes, b->core_area);
    return invoke_kernel_spawn_core(cap_kernel, core, kernel->image.entry, base, b->pml4);
}

static errval_t open_images(struct spawn_module **kernel, struct spawn_module **monitor)
{
    *kernel = spawn_find_kernel(&modules);
    *monitor = spawn_find_module(&modules, "monitor");
    if (*kernel == NULL || *monitor == NULL)
        return SPAWN_ERR_FIND_MODULE;
    errval_t err = spawn_module_open(*kernel, ABI_KERNEL_BASE, ABI_CORE_AREA_VADDR);
    if (err_is_ok(err))
        err = spawn_open_whole_program(*monitor);
    return err;
}

static errval_t start_core(void)
{
    struct spawn_module *kernel, *monitor;
    errval_t err = open_images(&kernel, &monitor);
    if (err_is_fail(err))
        return err;
    struct layout l;
    plan(kernel, monitor, &l);
    if (l.end + SCRATCH_BYTES + BASE_PAGE_SIZE > share.has.block[0].bytes)
        return LIB_ERR_RAM_ALLOC_WRONG_SIZE;

    /* Making a Frame zeroes it; the scratch part is only zeroed. */
    struct capref frame;
    err = slot_alloc(&frame);
    if (err_is_fail(err))
        return err;
    err = cap_retype(frame, share.has.block[0].ram, 0, ObjType_Frame, l.end + SCRATCH_BYTES, 1);
    if (err_is_fail(err)) {
        slot_free(frame);
        return err;
    }
    void *block;
    err = vspace_map_one_frame(&block, l.end, frame, NULL, NULL);
    if (err_is_ok(err)) {
        err = fill_and_start(share.core, block, &l, kernel, monitor);
        vspace_unmap(block);
    }
    drop_cap(frame);
    return err;
}

/* ---- one core after the other ---- */

/* Only now are the names of the machine told to the new cores, so that whoever finds a service by
 * its name can also reach its core. */
static void check_done(void)
{
    if (!boot.active || boot.todo != 0 || boot.starting > 0 || boot.links > 0)
        return;
    boot.active = false;
    death_busy(false);
    names_tell_others();
    if (boot.client != NULL)
        reply_boot_cores(boot.client, boot.token, boot.err, peers_running());
}

static uint8_t floor_bits(gensize_t bytes)
{
    return (uint8_t)(63 - __builtin_clzll(bytes | 1));
}

static void give_back(struct blocks *blocks)
{
    for (unsigned i = 0; i < blocks->count; i++)
        ram_give_back(blocks->block[i].ram, blocks->block[i].base,
                      floor_bits(blocks->block[i].bytes));
    blocks->count = 0;
}

static void core_failed(errval_t err)
{
    debug_printf("core %u was not started: %s\n", share.core, err_getstring(err));
    peer_forget(share.core);
    give_back(&share.has);
    if (err_is_ok(boot.err))
        boot.err = err_push(err, MON_ERR_CORE_BOOT);
    boot.todo &= ~(1ull << share.core);
    next_core();
}

static void ask_ram(void);

static errval_t keep_block(struct capref ram)
{
    struct capability identity;
    errval_t err = cap_direct_identify(ram, &identity);
    if (err_is_fail(err))
        return err;
    share.has.block[share.has.count].ram = ram;
    share.has.block[share.has.count].base = identity.u.mem.base;
    share.has.block[share.has.count].bytes = identity.u.mem.bytes;
    share.has.count++;
    share.budget -= share.budget < identity.u.mem.bytes ? share.budget : identity.u.mem.bytes;
    return SYS_ERR_OK;
}

static void start_with_share(void)
{
    gensize_t bytes = 0;
    for (unsigned i = 0; i < share.has.count; i++)
        bytes += share.has.block[i].bytes;
    debug_trace("starting core %u with %" PRIu64 " MiB", share.core, bytes >> 20);
    errval_t err = start_core();
    if (err_is_fail(err)) {
        core_failed(err);
        return;
    }
    boot.starting++;
    boot.todo &= ~(1ull << share.core);
    lives[share.core].has = share.has;
    lives[share.core].started = true;
    lives[share.core].is_free = lives[share.core].reports = lives[share.core].retired = false;
    next_core();
}

/* No block of that size: a smaller one, then one on another node. */
static bool try_less(void)
{
    if (share.bits > MIN_SHARE_BITS)
        share.bits--;
    else if (!share.anywhere)
        share.anywhere = true;
    else
        return false;
    return true;
}

static void got_ram(void *st, errval_t err, struct capref ram)
{
    (void)st;
    if (err_is_ok(err))
        err = keep_block(ram);
    if (share.has.count == 0) {
        if (try_less()) {
            ask_ram();
            return;
        }
        debug_printf("a core needs %u MiB of memory in one piece: give the machine more\n",
                     1u << (MIN_SHARE_BITS - 20));
        core_failed(err);
        return;
    }
    share.bits = floor_bits(share.budget);
    if (err_is_ok(err) && share.has.count < MAX_BLOCKS && share.bits >= MIN_MORE_BITS)
        ask_ram();
    else
        start_with_share();
}

static void ask_ram(void)
{
    const struct abi_topology_node *node =
        &boot_info->topology.node[boot_info->topology.core_node[share.core]];
    ram_request(share.bits, share.anywhere ? 0 : node->ram_base,
                share.anywhere ? 0 : node->ram_base + node->ram_bytes, got_ram, NULL);
}

/* An even share of what was free on its node when the machine started; each node keeps a share,
 * too, for the domains of this core that are there already. */
static gensize_t share_bytes(coreid_t core)
{
    const struct abi_topology *topology = &boot_info->topology;
    unsigned node = topology->core_node[core], cores = 1;
    gensize_t bytes = 0;
    for (unsigned c = 0; c < topology->core_count; c++)
        cores += topology->core_node[c] == node;
    for (uint32_t i = 0; i < boot_info->region_count; i++)
        if (boot_info->region[i].type == ABI_REGION_RAM && boot_info->region[i].node == node)
            bytes += boot_info->region[i].bytes;
    return bytes / cores;
}

static void next_core(void)
{
    if (boot.todo == 0) {
        check_done();
        return;
    }
    share.core = (coreid_t)__builtin_ctzll(boot.todo);
    share.budget = share_bytes(share.core);
    if (share.budget < WANTED_SHARE_BYTES)
        share.budget = WANTED_SHARE_BYTES;
    share.bits = floor_bits(share.budget);
    if (share.bits > MAX_SHARE_BITS)
        share.bits = MAX_SHARE_BITS;
    share.anywhere = false;
    share.has.count = 0;
    if (lives[share.core].started)
        lives[share.core].incarnation++;
    ask_ram();
}

static void start_all(uint64_t cores, struct client *client, uint32_t token)
{
    boot.active = true;
    death_busy(true);
    boot.err = SYS_ERR_OK;
    boot.todo = cores;
    boot.client = client;
    boot.token = token;
    next_core();
}

/* Others may still write into pages of its last life. */
static bool is_in_quarantine(uint64_t cores)
{
    for (uint64_t rest = cores & ~peers_running(); rest != 0; rest &= rest - 1) {
        const unsigned core = (unsigned)__builtin_ctzll(rest);
        if (lives[core].started && !lives[core].is_free)
            return true;
    }
    return false;
}

void boot_cores(uint64_t mask, struct client *client, uint32_t token)
{
    unsigned cores = boot_info->topology.core_count;
    uint64_t all = cores == 64 ? UINT64_MAX : (1ull << cores) - 1;
    errval_t err = SYS_ERR_OK;
    if (boot_info->core != boot_info->boot_core || (mask & ~all) != 0)
        err = MON_ERR_INVALID_CORE_ID;
    else if (boot.active || boot.held)
        err = MON_ERR_CORES_BUSY;
    else if (is_in_quarantine(mask))
        err = MON_ERR_CORE_QUARANTINE;
    if (err_is_fail(err)) {
        reply_boot_cores(client, token, err, peers_running());
        return;
    }
    start_all(mask & ~peers_running(), client, token);
}

/* ---- cores that die, and come back ---- */

bool boot_cores_hold(bool hold)
{
    if (hold && (boot.active || boot.held))
        return false;
    boot.held = hold;
    return true;
}

void boot_core_retired(coreid_t core)
{
    lives[core].retired = true;
}

uint32_t boot_core_incarnation(coreid_t core)
{
    return lives[core].incarnation;
}

/* Links that it would have told of: the count is made good by what the others say of it, which is
 * nothing, so it starts anew. */
void boot_core_died(coreid_t core)
{
    if (my_core != boot_info->boot_core)
        return;
    lives[core].is_free = false;
    if (!boot.active)
        return;
    boot.links = 0;
    if (err_is_ok(boot.err))
        boot.err = MON_ERR_CORE_DEAD;
    check_done();
}

void boot_core_is_free(coreid_t core)
{
    debug_trace("nobody has anything of core %u any more", core);
    give_back(&lives[core].has);
    lives[core].is_free = true;
}

void boot_core_look_for_returns(uint64_t dead)
{
    uint64_t ready = 0;
    for (uint64_t rest = boot.active || boot.held ? 0 : dead; rest != 0; rest &= rest - 1) {
        const coreid_t core = (coreid_t)__builtin_ctzll(rest);
        if (lives[core].is_free && !lives[core].retired &&
            err_is_ok(invoke_kernel_core_available(cap_kernel, core)))
            ready |= 1ull << core;
    }
    if (ready != 0)
        start_all(ready, NULL, 0);
}

void boot_cores_forget(const struct client *client)
{
    if (boot.client == client)
        boot.client = NULL;
}

void boot_core_initialized(coreid_t core, unsigned links)
{
    lives[core].reports = true;
    assert(boot.starting > 0);
    boot.starting--;
    boot.links += links;
    check_done();
}

void boot_core_linked(coreid_t core, coreid_t peer, errval_t err)
{
    if (boot.links == 0)
        return;
    if (err_is_fail(err)) {
        debug_printf("cores %u and %u are not connected: %s\n", core, peer, err_getstring(err));
        if (err_is_ok(boot.err))
            boot.err = err;
    }
    boot.links--;
    check_done();
}
