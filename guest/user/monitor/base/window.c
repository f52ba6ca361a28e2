/* SPDX-License-Identifier: MIT
 *
 * Frames of the UMP window, and capabilities made from what other monitors say.
 *
 * The window of a node is divided evenly among the node's cores; each monitor allocates from its
 * own part, so no two monitors ever need to agree about a frame.  A bit for each page says what is
 * in use, another one what was.  A frame comes back when both ends of its channel are gone
 * (connection.c); it is zeroed when it is given out again, since a ring must start with zeroes, and
 * because what the last two domains told each other is none of the next ones' business.  Must not
 * give a page out while any core has a capability to it.
 */
#include "monitor.h"

#include <string.h>

#define MAX_SHARE_PAGES (1u << 17) /* 512 MiB: all of a node's window */

static genpaddr_t share_base;
static uint32_t share_pages, next_page, used_pages;
static genpaddr_t cap_base; /* of the capability in WINDOWCN */
static struct capref window_cap;
static uint64_t used[MAX_SHARE_PAGES / 64], written[MAX_SHARE_PAGES / 64];

void drop_cap(struct capref cap)
{
    if (capref_is_null(cap))
        return;
    errval_t err = cap_destroy(cap);
    if (err_is_ok(err))
        return;
    /* an endpoint that was on its way when its domain ended was revoked: the slot is empty
     * already */
    for (errval_t e = err; e != SYS_ERR_OK; e = err_pop(e))
        if (err_no(e) == SYS_ERR_CAP_NOT_FOUND) {
            slot_free(cap);
            return;
        }
    DEBUG_ERR(err, "deleting a capability");
}

void revoke_frame(struct capref frame)
{
    if (capref_is_null(frame))
        return;
    errval_t err = cap_revoke(frame);
    if (err_is_fail(err))
        DEBUG_ERR(err, "taking back a page of the UMP window");
    drop_cap(frame);
}

void window_share(coreid_t core, genpaddr_t *base, gensize_t *bytes)
{
    const struct abi_topology *topology = &boot_info->topology;
    unsigned node = topology->core_node[core], cores = 0, index = 0;
    for (unsigned c = 0; c < topology->core_count; c++) {
        if (topology->core_node[c] != node)
            continue;
        index += c < core;
        cores++;
    }
    assert(cores > 0); /* the core itself */
    *bytes = ROUND_DOWN(topology->node[node].window_bytes / cores, BASE_PAGE_SIZE);
    *base = topology->node[node].window_base + index * *bytes;
}

void window_init(bool was_used)
{
    if (was_used)
        memset(written, 0xff, sizeof(written));
    gensize_t bytes;
    window_share(my_core, &share_base, &bytes);
    share_pages = (uint32_t)(bytes / BASE_PAGE_SIZE);
    if (share_pages > MAX_SHARE_PAGES)
        share_pages = MAX_SHARE_PAGES;
    window_cap =
        (struct capref){ .cnode = cnode_window, .slot = boot_info->topology.core_node[my_core] };
    struct capability cap;
    errval_t err = cap_direct_identify(window_cap, &cap);
    if (err_is_fail(err) || cap.u.mem.base > share_base) {
        debug_printf("no UMP window on this core: nothing can be bound to other cores\n");
        share_pages = 0;
        return;
    }
    cap_base = cap.u.mem.base;
}

uint32_t window_pages(void)
{
    return share_pages;
}

static bool page_used(uint32_t page)
{
    return used[page / 64] >> (page % 64) & 1;
}

static bool page_written(uint32_t page)
{
    return written[page / 64] >> (page % 64) & 1;
}

static void mark(uint32_t first, uint32_t pages, bool in_use)
{
    for (uint32_t page = first; page < first + pages; page++) {
        assert(page_used(page) != in_use);
        used[page / 64] ^= 1ull << (page % 64);
        written[page / 64] |= 1ull << (page % 64);
    }
    used_pages = in_use ? used_pages + pages : used_pages - pages;
}

/* The first page from `from` on that is used, or is not; `to` if there is none before. */
static uint32_t next_page_that(bool is_used, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint64_t rest = is_used ? used[from / 64] : ~used[from / 64];
        rest >>= from % 64;
        if (rest != 0) {
            from += (uint32_t)__builtin_ctzll(rest);
            break;
        }
        from = ROUND_DOWN(from, 64) + 64;
    }
    return from < to ? from : to;
}

/* First page of a free run; share_pages if there is none.  The search begins where the last one
 * ended, and 64 pages that are used take one step. */
static uint32_t find_run(uint32_t from, uint32_t to, uint32_t pages)
{
    while (from < to) {
        uint32_t first = next_page_that(false, from, to);
        const uint32_t enough = pages <= to - first ? first + pages : to;
        from = next_page_that(true, first, enough);
        if (from - first == pages)
            return first;
    }
    return share_pages;
}

/* Zeroes what has been in use before, through a mapping of our own. */
static errval_t clean(struct capref frame, uint32_t first, uint32_t pages)
{
    bool any = false;
    for (uint32_t page = first; page < first + pages; page++)
        any = any || page_written(page);
    if (!any)
        return SYS_ERR_OK;
    struct capref copy; /* a capability can be mapped once, and that is for its owner */
    errval_t err = copy_cap(frame, &copy);
    if (err_is_fail(err))
        return err;
    void *memory;
    err = vspace_map_one_frame(&memory, (size_t)pages * BASE_PAGE_SIZE, copy, NULL, NULL);
    if (err_is_ok(err)) {
        memset(memory, 0, (size_t)pages * BASE_PAGE_SIZE);
        vspace_unmap(memory);
    }
    drop_cap(copy);
    return err;
}

errval_t window_alloc(size_t bytes, struct capref *frame, genpaddr_t *base, uint32_t *ret_bytes)
{
    uint32_t pages = (uint32_t)DIVIDE_ROUND_UP(bytes, BASE_PAGE_SIZE);
    uint32_t first = find_run(next_page, share_pages, pages);
    if (first == share_pages)
        first = find_run(0, share_pages, pages);
    if (first == share_pages) {
        debug_printf("the UMP window share of core %u is full (%u pages): give its node a larger "
                     "window\n",
                     my_core, used_pages);
        return MON_ERR_WINDOW_EXHAUSTED;
    }
    errval_t err = slot_alloc(frame);
    if (err_is_fail(err))
        return err;
    *base = share_base + (genpaddr_t)first * BASE_PAGE_SIZE;
    err = cap_retype(*frame, window_cap, *base - cap_base, ObjType_Frame,
                     (gensize_t)pages * BASE_PAGE_SIZE, 1);
    if (err_is_fail(err)) {
        slot_free(*frame);
        return err;
    }
    err = clean(*frame, first, pages);
    if (err_is_fail(err)) {
        drop_cap(*frame);
        return err;
    }
    mark(first, pages, true);
    next_page = first + pages;
    *ret_bytes = pages * BASE_PAGE_SIZE;
    return SYS_ERR_OK;
}

void window_free(genpaddr_t base, uint32_t bytes)
{
    assert(base >= share_base && (base - share_base) % BASE_PAGE_SIZE == 0 &&
           (base - share_base + bytes) / BASE_PAGE_SIZE <= share_pages);
    mark((uint32_t)((base - share_base) / BASE_PAGE_SIZE), bytes / BASE_PAGE_SIZE, false);
}

static errval_t create(const struct capability *cap, coreid_t owner, struct capref *ret)
{
    errval_t err = slot_alloc(ret);
    if (err_is_fail(err))
        return err;
    err = invoke_kernel_create_cap(cap_kernel, cap, *ret, owner);
    if (err_is_fail(err)) {
        slot_free(*ret);
        *ret = NULL_CAP;
    }
    return err;
}

errval_t copy_cap(struct capref cap, struct capref *ret)
{
    errval_t err = slot_alloc(ret);
    if (err_is_fail(err))
        return err;
    err = cap_copy(*ret, cap);
    if (err_is_fail(err)) {
        slot_free(*ret);
        *ret = NULL_CAP;
    }
    return err;
}

static bool lies_in_window(genpaddr_t base, gensize_t bytes)
{
    const struct abi_topology *topology = &boot_info->topology;
    for (unsigned n = 0; n < topology->node_count; n++) {
        const struct abi_topology_node *node = &topology->node[n];
        if (base >= node->window_base && bytes <= node->window_bytes &&
            base - node->window_base <= node->window_bytes - bytes)
            return true;
    }
    return false;
}

errval_t remote_frame(genpaddr_t base, gensize_t bytes, struct capref *ret)
{
    if (!lies_in_window(base, bytes))
        return MON_ERR_WRONG_CAP_TYPE;
    struct capability cap = { .type = ObjType_Frame, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.mem.base = base;
    cap.u.mem.bytes = bytes;
    return create(&cap, my_core, ret);
}

enum cap_travel cap_travel(const struct capability *cap)
{
    static const uint8_t how[ObjType_Num] = {
#define CAP_TRAVEL(name, how) [ObjType_##name] = TRAVEL_##how,
#include <barrelfish_kpi/caps.def>
    };
    return cap->type < ObjType_Num ? (enum cap_travel)how[cap->type] : TRAVEL_STAYS;
}

bool names_memory(const struct capability *cap)
{
    static const bool memory[] = {
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) memory,
#include <barrelfish_kpi/caps.def>
    };
    return cap->type < ObjType_Num && memory[cap->type];
}

errval_t remote_cap(const struct capability *cap, coreid_t owner, struct capref *ret)
{
    return create(cap, owner, ret);
}

errval_t remote_notify(coreid_t core, uint32_t notify_id, struct capref *ret)
{
    struct capability cap = { .type = ObjType_Notify_IPI, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.notify.coreid = core;
    cap.u.notify.chanid = notify_id;
    return create(&cap, my_core, ret);
}
