/* SPDX-License-Identifier: MIT
 *
 * What a first domain does with the core's RAM, and how it starts the memory server.
 *
 * Blocks come from the start of the first RAM capability; nothing is given back, since this happens
 * once.  The memory server finds its start RAM in SUPERCN slot 0 like everybody, and the RAM it is
 * to serve from slot 1 on.  After that the first domain must not touch any of it again.
 */
#include <inttypes.h>
#include <spawndomain/first_ram.h>
#include <stdio.h>

#define MEM_SERV_START_RAM_BYTES (1ul << 20)

static struct capref super_slot(cslot_t slot)
{
    return (struct capref){ .cnode = cnode_super, .slot = slot };
}

errval_t first_ram_init(struct first_ram *ram, gensize_t keep_bytes)
{
    gensize_t bytes;
    *ram = (struct first_ram){ .slots = 1 };
    errval_t err = ram_own_give_up(keep_bytes, &ram->cap, &ram->next, &bytes);
    if (err_is_fail(err))
        return err;
    ram->end = ram->next + bytes;
    for (; ram->slots < L2_CNODE_SLOTS; ram->slots++) {
        struct capability cap;
        err = cap_direct_identify(super_slot(ram->slots), &cap);
        if (err_no(err) == SYS_ERR_CAP_NOT_FOUND)
            break;
        if (err_is_fail(err))
            return err;
    }
    return SYS_ERR_OK;
}

errval_t first_ram_carve(struct first_ram *ram, gensize_t bytes, gensize_t *offset)
{
    bytes = ROUND_UP(bytes, BASE_PAGE_SIZE);
    if (bytes > ram->end - ram->next)
        return LIB_ERR_RAM_ALLOC;
    *offset = ram->next;
    ram->next += bytes;
    return SYS_ERR_OK;
}

static errval_t give_rest(struct first_ram *ram, struct spawn_domain *d)
{
    cslot_t dest = 1;
    if (ram->next < ram->end) {
        errval_t err = spawn_put_ram(d, dest++, ram->cap, ram->next, ram->end - ram->next);
        if (err_is_fail(err))
            return err;
        ram->next = ram->end;
    }
    for (unsigned slot = 1; slot < ram->slots; slot++) {
        errval_t err = spawn_put_cap(d, ROOTCN_SLOT_SUPERCN, dest++, super_slot(slot));
        if (err_is_fail(err))
            return err;
    }
    return SYS_ERR_OK;
}

/* What the menu says, and behind it "near=BASE limit=END" of the core's node if there are several
 * nodes.  NULL: it is too long. */
static const char *mem_serv_args(const char *menu, const struct abi_boot *boot)
{
    static char args[160];
    const struct abi_topology *topology = &boot->topology;
    if (topology->node_count < 2)
        return menu;
    const struct abi_topology_node *node = &topology->node[topology->core_node[boot->core]];
    const int length = snprintf(args, sizeof(args), "%s near=0x%" PRIx64 " limit=0x%" PRIx64, menu,
                                node->ram_base, node->ram_base + node->ram_bytes);
    return length < (int)sizeof(args) ? args : NULL;
}

errval_t first_ram_start_mem_serv(struct first_ram *ram, struct spawn_modules *modules,
                                  struct capref init_ep, domainid_t id, const struct abi_boot *boot)
{
    struct spawn_module *module = spawn_find_module(modules, "mem_serv");
    if (module == NULL) {
        debug_printf("the menu needs the line 'module /sbin/mem_serv'\n");
        return SPAWN_ERR_FIND_MODULE;
    }
    errval_t err = spawn_open_program(module);
    if (err_is_fail(err))
        return err;
    struct menu_entry entry;
    err = menu_parse_line(module->line, &entry);
    if (err_is_fail(err))
        return err;
    const char *args = mem_serv_args(entry.args, boot);
    if (args == NULL)
        return SPAWN_ERR_FIND_MODULE;
    struct spawn_request request = {
        .module = module,
        .args = args,
        .ram = ram->cap,
        .ram_bytes = spawn_needed_bytes(module, false, MEM_SERV_START_RAM_BYTES),
        .init_ep = init_ep,
        .domain = id,
        .flags = SPAWN_FLAG_OWN_RAM,
    };
    err = first_ram_carve(ram, request.ram_bytes, &request.ram_offset);
    if (err_is_fail(err)) {
        debug_printf("too little memory for the memory server: give the machine more\n");
        return err;
    }
    struct spawn_domain d;
    err = spawn_create(&request, &d);
    if (err_is_fail(err))
        return err;
    err = give_rest(ram, &d);
    if (err_is_fail(err)) {
        spawn_abandon(&d);
        return err;
    }
    return spawn_run(&d);
}
