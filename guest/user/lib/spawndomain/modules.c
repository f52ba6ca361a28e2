/* SPDX-License-Identifier: MIT
 *
 * The programs of the boot menu.
 *
 * Every module is a Frame capability in MODULECN; module n of the boot information (counting MODULE
 * regions) is in slot n.  A module is opened when it is first needed: its first page is mapped to
 * read the headers, and the parts that must be copied for each domain (initialised data) are mapped
 * for good, so that a second start of the same program costs nothing here.  Mapping takes a copy of
 * the capability each time, because a capability can be mapped only once.
 */
#include <spawndomain/spawndomain.h>
#include <string.h>

#define HEADER_BYTES BASE_PAGE_SIZE

errval_t spawn_modules_init(struct spawn_modules *modules, const struct abi_boot *boot)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < boot->region_count; i++)
        count += boot->region[i].type == ABI_REGION_MODULE;
    if (count > SPAWN_MAX_MODULES)
        return SPAWN_ERR_FIND_MODULE;
    modules->module = calloc(count > 0 ? count : 1, sizeof(*modules->module));
    if (modules->module == NULL)
        return LIB_ERR_MALLOC_FAIL;
    modules->count = 0;
    for (uint32_t i = 0; i < boot->region_count; i++) {
        const struct abi_region *region = &boot->region[i];
        if (region->type != ABI_REGION_MODULE)
            continue;
        struct spawn_module *module = &modules->module[modules->count];
        module->line = (const char *)boot + region->cmdline;
        module->slot = modules->count++;
        module->file_bytes = region->file_bytes;
        module->frame_bytes = region->bytes;
        module->is_kernel = (region->flags & ABI_REGION_FLAG_KERNEL) != 0;
    }
    return SYS_ERR_OK;
}

struct spawn_module *spawn_find_module(struct spawn_modules *modules, const char *path)
{
    const char *wanted = path;
    for (unsigned i = 0; i < modules->count; i++) {
        struct spawn_module *module = &modules->module[i];
        if (module->is_kernel)
            continue;
        const char *name = module->line;
        size_t length = strcspn(name, " \t");
        if (path[strcspn(path, "/")] == '\0') /* compare file names */
            for (size_t at = 0; at < length; at++)
                if (module->line[at] == '/')
                    name = module->line + at + 1;
        length -= (size_t)(name - module->line);
        if (strlen(wanted) == length && memcmp(name, wanted, length) == 0)
            return module;
    }
    return NULL;
}

struct spawn_module *spawn_find_kernel(struct spawn_modules *modules)
{
    for (unsigned i = 0; i < modules->count; i++)
        if (modules->module[i].is_kernel)
            return &modules->module[i];
    return NULL;
}

/* Maps `bytes` of the file from `offset`, which need not be aligned. */
static errval_t map_part(struct spawn_module *module, uint64_t offset, uint64_t bytes,
                         const uint8_t **ret)
{
    struct capref frame;
    errval_t err = slot_alloc(&frame);
    if (err_is_fail(err))
        return err;
    err = cap_copy(frame, (struct capref){ .cnode = cnode_module, .slot = module->slot });
    if (err_is_fail(err)) {
        slot_free(frame);
        return err;
    }
    uint64_t lead = offset % BASE_PAGE_SIZE;
    void *address;
    err = vspace_map_frame_offset_attr(&address, ROUND_UP(lead + bytes, BASE_PAGE_SIZE), frame,
                                       offset - lead, VREGION_FLAGS_READ, NULL);
    if (err_is_fail(err)) {
        cap_destroy(frame);
        return err;
    }
    *ret = (const uint8_t *)address + lead;
    return SYS_ERR_OK;
}

errval_t spawn_module_map(struct spawn_module *module, const uint8_t **ret)
{
    errval_t err = map_part(module, 0, module->file_bytes, ret);
    return err_is_fail(err) ? err_push(err, SPAWN_ERR_MAP_MODULE) : err;
}

/* The segments that are not shared, or all. */
static errval_t map_contents(struct spawn_module *module, bool all)
{
    for (unsigned i = 0; i < module->image.segment_count; i++) {
        const struct elf_segment *segment = &module->image.segment[i];
        if ((!all && elf_segment_is_shareable(segment)) || segment->file_bytes == 0 ||
            module->contents[i] != NULL)
            continue;
        errval_t err =
            map_part(module, segment->file_offset, segment->file_bytes, &module->contents[i]);
        if (err_is_fail(err))
            return err_push(err, SPAWN_ERR_MAP_MODULE);
    }
    return SYS_ERR_OK;
}

errval_t spawn_module_open(struct spawn_module *module, uint64_t vmin, uint64_t vmax)
{
    if (module->ready)
        return SYS_ERR_OK;
    const uint8_t *headers;
    uint64_t visible = module->frame_bytes < HEADER_BYTES ? module->frame_bytes : HEADER_BYTES;
    errval_t err = map_part(module, 0, visible, &headers);
    if (err_is_fail(err))
        return err_push(err, SPAWN_ERR_MAP_MODULE);
    const char *why = "";
    err = elf_image_parse(headers, visible, module->file_bytes, vmin, vmax, &module->image, &why);
    if (err_is_fail(err)) {
        debug_printf("module '%s': %s\n", module->line, why);
        vspace_unmap(headers);
        return err;
    }
    vspace_unmap(headers);
    err = map_contents(module, module->is_kernel);
    module->ready = err_is_ok(err);
    return err;
}

errval_t spawn_open_program(struct spawn_module *module)
{
    return spawn_module_open(module, DOMAIN_IMAGE_VBASE, DOMAIN_OWN_VBASE);
}

errval_t spawn_open_whole_program(struct spawn_module *module)
{
    errval_t err = spawn_open_program(module);
    return err_is_ok(err) ? map_contents(module, true) : err;
}
