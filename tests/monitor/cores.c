/* SPDX-License-Identifier: MIT
 *
 * The machine under the monitors: what each finds when it starts, the programs of the menu, and how
 * a core is started: for core 0 as the machine does it, for the others from what the monitor of
 * core 0 has laid down for it.  Images are one page of nothing.
 */
#include "world.h"

#include <spawndomain/first_ram.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RAM_BASE (256ul << 20)
#define RAM_BYTES (512ul << 20)

extern const struct monitor_copy monitor_copy_0, monitor_copy_1, monitor_copy_2, monitor_copy_3;

/* ---- the menu ---- */

static char monitor_line[64];
static const char *const menu[] = { "/boot/cpu",         monitor_line,
                                    "/sbin/mem_serv",    "/sbin/chips boot",
                                    "/sbin/spawnd boot", "/sbin/boot_manager boot" };
#define MENU_LINES (sizeof(menu) / sizeof(menu[0]))

errval_t spawn_modules_init(struct spawn_modules *modules, const struct abi_boot *boot)
{
    (void)boot;
    modules->count = MENU_LINES;
    modules->module = calloc(MENU_LINES, sizeof(*modules->module));
    for (unsigned i = 0; i < MENU_LINES; i++)
        modules->module[i] = (struct spawn_module){ .line = menu[i], .is_kernel = i == 0 };
    return SYS_ERR_OK;
}

struct spawn_module *spawn_find_module(struct spawn_modules *modules, const char *path)
{
    const size_t length = strlen(path);
    for (unsigned i = 0; i < modules->count; i++) {
        const char *name = strrchr(modules->module[i].line, '/') + 1;
        if (strncmp(name, path, length) == 0 && (name[length] == '\0' || name[length] == ' '))
            return &modules->module[i];
    }
    return NULL;
}

struct spawn_module *spawn_find_kernel(struct spawn_modules *modules)
{
    return &modules->module[0];
}

errval_t spawn_module_open(struct spawn_module *module, uint64_t vmin, uint64_t vmax)
{
    static const uint8_t contents[16] = "image";
    (void)vmax;
    module->image = (struct elf_image){
        .entry = vmin, .vbase = vmin, .vlimit = vmin + 4096, .segment_count = 1
    };
    module->image.segment[0] = (struct elf_segment){
        .vaddr = vmin, .bytes = 4096, .file_bytes = sizeof(contents), .flags = 5
    };
    module->contents[0] = contents;
    return SYS_ERR_OK;
}

errval_t spawn_open_program(struct spawn_module *module)
{
    return spawn_module_open(module, DOMAIN_IMAGE_VBASE, DOMAIN_OWN_VBASE);
}

errval_t spawn_open_whole_program(struct spawn_module *module)
{
    return spawn_open_program(module);
}

errval_t spawn_put_devices(struct spawn_domain *d)
{
    (void)d;
    return SYS_ERR_OK;
}

gensize_t spawn_needed_bytes(const struct spawn_module *module, bool with_boot,
                             gensize_t start_ram_bytes)
{
    (void)module, (void)with_boot;
    return start_ram_bytes + (1ul << 20);
}

static struct domain *create(const char *name, struct capref init_ep, domainid_t id)
{
    const struct cap *ep = cap_at(here(), init_ep);
    CHECK(ep != NULL, "'%s' is started without an endpoint", name);
    struct domain *d = domain_new(world.current, name, id, NULL);
    domain_give_initep(d, cap_copy_to(ep, d));
    return d;
}

errval_t spawn_create(const struct spawn_request *request, struct spawn_domain *ret)
{
    (void)ret;
    CHECK(cap_at(here(), request->ram) != NULL, "'%s' is started without memory", request->args);
    create(request->args, request->init_ep, request->domain);
    return SYS_ERR_OK;
}

errval_t spawn_put_cap(struct spawn_domain *d, cslot_t l1_slot, cslot_t slot, struct capref src)
{
    (void)d, (void)l1_slot, (void)slot, (void)src;
    return SYS_ERR_OK;
}

errval_t spawn_run(struct spawn_domain *d)
{
    (void)d;
    return SYS_ERR_OK;
}

errval_t first_ram_init(struct first_ram *ram, gensize_t keep_bytes)
{
    (void)ram, (void)keep_bytes;
    return SYS_ERR_OK;
}

errval_t first_ram_start_mem_serv(struct first_ram *ram, struct spawn_modules *modules,
                                  struct capref init_ep, domainid_t id, const struct abi_boot *boot)
{
    (void)ram, (void)modules, (void)boot;
    create("mem_serv", init_ep, id);
    return SYS_ERR_OK;
}

/* ---- what the monitor of a core finds ---- */

/* A millisecond for each step: what shall stay for a while does, and goes. */
systime_t get_system_time(void)
{
    return world.steps * 1000000ull;
}

/* Heartbeats are off here (tests/unit/test_monitor_agreement.c has the deaths); what is left of a
 * core that was stopped is looked at again and again (stopping.c). */
void deferred_event_init(struct deferred_event *event)
{
    memset(event, 0, sizeof(*event));
}

struct abi_boot *domain_get_bootinfo(void)
{
    return here()->boot;
}

static struct cap *well_known(struct core *core, unsigned cptr, enum objtype type, genpaddr_t base,
                              gensize_t bytes)
{
    struct capability is = { .type = (uint8_t)type, .rights = CAPRIGHTS_ALLRIGHTS };
    is.u.mem.base = base;
    is.u.mem.bytes = bytes;
    struct cap *cap = cap_new(core->id, NULL, &is, NULL);
    cap->cptr = cptr;
    core->slot[cptr] = cap;
    return cap;
}

static void take_boot_info(struct core *core)
{
    for (unsigned i = 0; i < core->boot->region_count; i++) {
        const struct abi_region *r = &core->boot->region[i];
        if (r->type == ABI_REGION_WINDOW)
            well_known(core, KPI_CPTR(ROOTCN_SLOT_WINDOWCN, r->node), ObjType_Frame, r->base,
                       r->bytes);
        else if (r->type == ABI_REGION_URPC)
            well_known(core, KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_MON_URPC), ObjType_Frame,
                       r->base, r->bytes);
        else if (r->type == ABI_REGION_RAM && r->bytes > core->ram_bytes) {
            core->ram_base = r->base;
            core->ram_bytes = r->bytes;
        }
    }
}

/* What init is told goes into the memory server. */
void init_received(struct message *m)
{
    struct cap *ep = m->cap[0];
    CHECK(ep != NULL && m->count == 2, "init is told nothing");
    struct domain *d = domain_new(0, "mem_serv", (uint32_t)m->word[1], NULL);
    domain_give_initep(d, cap_copy_to(ep, d));
}

void cores_power_on(void)
{
    static const struct monitor_copy *const copies[WORLD_CORES] = {
        &monitor_copy_0, &monitor_copy_1, &monitor_copy_2, &monitor_copy_3
    };
    static const char *const routes[] = { "", " route=line", " route=ring", " route=star",
                                          " route=star:1" };
    for (unsigned i = 0; i < WORLD_CORES; i++)
        world.core[i] = (struct core){ .id = i, .copy = copies[i] };
    snprintf(monitor_line, sizeof(monitor_line), "/sbin/monitor%s",
             routes[random_below(world.cores > 1 ? 5 : 4)]);
    struct core *core = &world.core[0];
    struct abi_boot *b = calloc(1, sizeof(*b) + 64);
    b->boot_bytes = sizeof(*b) + 16;
    b->seed = world.random;
    b->topology.core_count = world.cores;
    b->topology.node_count = 1;
    b->topology.node[0] =
        (struct abi_topology_node){ 0, 1ul << 30, ABI_WINDOW_BASE,
                                    (uint64_t)world.cores * world.window_pages * BASE_PAGE_SIZE };
    b->region[b->region_count++] =
        (struct abi_region){ .base = RAM_BASE, .bytes = RAM_BYTES, .type = ABI_REGION_RAM };
    b->region[b->region_count++] = (struct abi_region){ .base = ABI_WINDOW_BASE,
                                                        .bytes = b->topology.node[0].window_bytes,
                                                        .type = ABI_REGION_WINDOW };
    core->boot = b;
    take_boot_info(core);
    struct domain *init = domain_new(0, "init", 0, NULL);
    struct endpoint *e = endpoint_new(0, init, 1);
    e->role = ROLE_INIT;
    well_known(core, KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_INITEP), ObjType_EndPointLMP, 0, 0)
        ->endpoint = e;
    core->started = true;
    core_run(core);
}

/* The power device: from what `boot` names the core takes what it needs, at once. */
errval_t core_power(struct core *by, unsigned id, genpaddr_t boot)
{
    struct core *core = &world.core[id];
    const struct abi_boot *b = mapped_memory(boot);
    CHECK(b != NULL && b->core == id && b->boot_core == by->id, "core %u: no boot information", id);
    if (core->started || world.refuse_start > 0) {
        world.refuse_start -= world.refuse_start > 0;
        say("core %u is refused", id);
        return SYS_ERR_CORE_START;
    }
    core->boot = calloc(1, b->boot_bytes);
    memcpy(core->boot, b, b->boot_bytes);
    take_boot_info(core);
    core->started = true;
    core->comes_up = true;
    return SYS_ERR_OK;
}

/* Until the monitor waits for its first event. */
void core_run(struct core *core)
{
    char line[64], *argv[8];
    int argc = 0;
    snprintf(line, sizeof(line), "%s",
             core->boot->init_cmdline != 0 ? (char *)core->boot + core->boot->init_cmdline
                                           : "monitor");
    for (char *at = line, *word; (word = strtok_r(at, " ", &at)) != NULL;)
        argv[argc++] = word;
    argv[argc] = NULL;
    core->comes_up = false;
    world.current = core->id;
    say("core %u comes up", core->id);
    if (setjmp(world.idle) == 0)
        core->copy->main(argc, argv);
}

errval_t event_dispatch(struct waitset *ws)
{
    (void)ws;
    longjmp(world.idle, 1);
}

/* ---- the console ---- */

static void print(const char *format, va_list args)
{
    fprintf(stderr, "%6lu core %u: ", world.steps, world.current);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

#define PRINT                   \
    if (world.verbose) {        \
        va_list args;           \
        va_start(args, format); \
        print(format, args);    \
        va_end(args);           \
    }

void debug_printf(const char *format, ...)
{
    PRINT
}

void debug_trace(const char *format, ...)
{
    PRINT
}

void say(const char *format, ...)
{
    PRINT
}

void debug_err(const char *file, const char *func, int line, errval_t err, const char *format, ...)
{
    (void)file, (void)line;
    if (world.verbose)
        fprintf(stderr, "%s: %s\n", func, err_getstring(err));
    PRINT
}

void user_panic_fn(const char *file, const char *func, int line, const char *format, ...)
{
    (void)format;
    world_fail("panic in %s, %s:%d", func, file, line);
}
