/* SPDX-License-Identifier: MIT
 *
 * What the monitor asks of the CPU driver and of the library's lowest part: slots, capabilities,
 * endpoints, mapped memory.  As strict as the real ones: a slot is given back empty, a capability
 * is where it is looked for, and no page of the window is made into a frame while anybody on any
 * core has one of it.
 */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- capabilities ---- */

struct core *here(void)
{
    return &world.core[world.current];
}

static bool is_memory(const struct cap *cap)
{
    return cap->is.type == ObjType_Frame || cap->is.type == ObjType_RAM;
}

static bool same_object(const struct cap *a, const struct cap *b)
{
    return a->is.type == b->is.type && a->endpoint == b->endpoint &&
           memcmp(&a->is.u, &b->is.u, is_memory(a) ? 2 * sizeof(uint64_t) : sizeof(a->is.u)) == 0;
}

static bool lies_in(const struct cap *part, const struct cap *whole)
{
    return is_memory(part) && is_memory(whole) && part->is.u.mem.base >= whole->is.u.mem.base &&
           part->is.u.mem.base + part->is.u.mem.bytes <=
               whole->is.u.mem.base + whole->is.u.mem.bytes &&
           (part->is.u.mem.bytes < whole->is.u.mem.bytes || whole->is.type == ObjType_RAM);
}

struct cap *cap_new(unsigned core, struct domain *holder, const struct capability *is,
                    struct endpoint *endpoint)
{
    struct cap *cap = calloc(1, sizeof(*cap));
    *cap = (struct cap){ .next = world.caps,
                         .core = core,
                         .owner = core,
                         .holder = holder,
                         .is = *is,
                         .endpoint = endpoint };
    if (world.caps != NULL)
        world.caps->link = &cap->next;
    cap->link = &world.caps;
    world.caps = cap;
    return cap;
}

struct cap *cap_copy_to(const struct cap *cap, struct domain *holder)
{
    struct cap *copy = cap_new(cap->core, holder, &cap->is, cap->endpoint);
    copy->owner = cap->owner;
    return copy;
}

/* A capability on its way is named by its message, one of a domain by the domain: both look for it
 * again through the list, so it only must leave the monitor's slot. */
void cap_gone(struct cap *cap)
{
    if (cap->cptr != 0)
        world.core[cap->core].slot[cap->cptr] = NULL;
    *cap->link = cap->next;
    if (cap->next != NULL)
        cap->next->link = cap->link;
    free(cap);
}

/* Messages name capabilities that may have been revoked since. */
static void forget_in_messages(const struct cap *cap)
{
    for (struct endpoint *e = world.endpoints; e != NULL; e = e->next)
        for (struct message *m = e->queue.first; m != NULL; m = m->next)
            for (unsigned i = 0; i < 2; i++)
                if (m->cap[i] == cap)
                    m->cap[i] = NULL;
}

static void delete_cap(struct cap *cap)
{
    forget_in_messages(cap);
    if (cap->holder != NULL)
        domain_forget_cap(cap->holder, cap);
    cap_gone(cap);
}

void cap_revoke_all(const struct cap *cap)
{
    for (struct cap *other = world.caps, *next; other != NULL; other = next) {
        next = other->next;
        if (other != cap && other->core == cap->core && !other->locked && !other->witness &&
            (same_object(other, cap) || lies_in(other, cap)))
            delete_cap(other);
    }
}

bool cap_is_remote(const struct cap *cap)
{
    for (const struct cap *other = world.caps; other != NULL; other = other->next)
        if (other->core == cap->core && other->locked &&
            (other->is.type == cap->is.type || cap->is.type == ObjType_RAM) &&
            (same_object(other, cap) || lies_in(other, cap)))
            return true;
    return false;
}

bool cap_is_elsewhere(const struct cap *cap, uint64_t before)
{
    for (const struct cap *other = world.caps; other != NULL; other = other->next)
        if (other->core != cap->core && (same_object(other, cap) || lies_in(other, cap)) &&
            other->is.u.word[CAP_WORLD_BORN] < before)
            return true;
    return wire_carries(&cap->is, before);
}

struct cap *cap_make_part(const struct cap *whole, uint64_t offset, uint64_t bytes)
{
    struct capability is = whole->is;
    is.u.mem.base += offset;
    is.u.mem.bytes = bytes;
    is.u.word[CAP_WORLD_BORN] = world.steps;
    struct cap *part = cap_new(whole->core, whole->holder, &is, NULL);
    part->owner = whole->owner;
    return part;
}

/* The library, once the monitor has cleared the way: the word of the CPU driver is the last one. */
errval_t cap_revoke(struct capref cap)
{
    return invoke_cnode_revoke(cap);
}

errval_t cap_retype(struct capref dest, struct capref src, gensize_t offset, enum objtype type,
                    gensize_t bytes, size_t count)
{
    return invoke_cnode_retype(dest, src, offset, type, bytes, count);
}

/* ---- RAM that goes from core to core ---- */

static bool overlaps(const struct capability *a, const struct capability *b)
{
    return a->u.mem.base < b->u.mem.base + b->u.mem.bytes &&
           b->u.mem.base < a->u.mem.base + a->u.mem.bytes;
}

bool memory_is_in_use(const struct capability *range)
{
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        if (is_memory(cap) && overlaps(&cap->is, range))
            return true;
    return wire_carries(range, UINT64_MAX);
}

struct cap *cap_make_of_ram(const struct cap *ram, unsigned type, uint64_t offset, uint64_t bytes)
{
    struct capability is = { .type = (uint8_t)type, .rights = CAPRIGHTS_ALLRIGHTS };
    is.u.mem.base = ram->is.u.mem.base + offset;
    is.u.mem.bytes = bytes;
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        if (cap->core == ram->core && is_memory(cap) && overlaps(&cap->is, &is) &&
            !same_object(cap, ram) && !lies_in(ram, cap))
            return NULL;
    struct cap *made = cap_new(ram->core, ram->holder, &is, NULL);
    made->owner = ram->owner;
    return made;
}

struct cap *cap_claim_of(const struct cap *lent, uint64_t offset, uint64_t bytes)
{
    struct capability is = lent->is;
    is.u.mem.base += offset;
    is.u.mem.bytes = bytes;
    for (struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        if (cap->core == lent->core && cap->witness && cap->owner == lent->core &&
            cap->is.type == ObjType_RAM && overlaps(&cap->is, &is) &&
            cap->claimed_of.u.mem.base == lent->is.u.mem.base &&
            cap->claimed_of.u.mem.bytes == lent->is.u.mem.bytes)
            return cap;
    return NULL;
}

#define DOMAINS_MEMORY_END 0x10000000ull /* above are frames of channels, which two monitors make */

/* One owner, but for what is kept, which says to whom it went first; and what one core has made of
 * its memory no other one has as something of its own. */
void caps_check(void)
{
    for (const struct cap *a = world.caps; a != NULL; a = a->next)
        for (const struct cap *b = a->next; b != NULL && is_memory(a); b = b->next) {
            if (!is_memory(b) || !overlaps(&a->is, &b->is) ||
                a->is.u.mem.base >= DOMAINS_MEMORY_END)
                continue;
            CHECK(!same_object(a, b) || a->owner == b->owner || a->locked || b->locked,
                  "core %u says that %#lx is core %u's, core %u that it is core %u's", a->core,
                  a->is.u.mem.base, a->owner, b->core, b->owner);
            CHECK(a->is.type != ObjType_Frame || b->is.type != ObjType_Frame ||
                      a->owner == b->owner,
                  "%#lx is a frame of core %u and one of core %u", a->is.u.mem.base, a->owner,
                  b->owner);
        }
}

static errval_t set_owner(struct cap *cap, unsigned owner)
{
    for (const struct cap *other = world.caps; other != NULL; other = other->next)
        if (other != cap && other->core == cap->core && !other->witness &&
            (same_object(other, cap) || lies_in(other, cap)))
            return SYS_ERR_REVOKE_FIRST;
    for (struct cap *other = world.caps; other != NULL; other = other->next)
        if (other->core == cap->core && same_object(other, cap))
            other->owner = owner;
    return SYS_ERR_OK;
}

static errval_t mark_witness(struct cap *cap, uint64_t base, uint64_t bytes)
{
    for (const struct cap *other = world.caps; other != NULL; other = other->next)
        if (other->core == cap->core && other->witness && same_object(other, cap))
            return SYS_ERR_SLOT_IN_USE;
    cap->witness = true;
    cap->claimed_of.u.mem.base = base;
    cap->claimed_of.u.mem.bytes = bytes;
    return SYS_ERR_OK;
}

void caps_of_core_gone(unsigned core)
{
    for (struct cap *cap = world.caps, *next; cap != NULL; cap = next) {
        next = cap->next;
        if (cap->core == core)
            delete_cap(cap);
    }
}

void caps_of_domain_gone(struct domain *d)
{
    for (struct cap *cap = world.caps, *next; cap != NULL; cap = next) {
        next = cap->next;
        if (cap->holder == d)
            delete_cap(cap);
    }
}

struct cap *cap_at(const struct core *core, struct capref ref)
{
    const capaddr_t cptr = get_cap_addr(ref);
    CHECK(cptr < SLOTS + FIRST_SLOT, "a capability at %#x", (unsigned)cptr);
    return core->slot[cptr];
}

struct capref slot_ref(unsigned cptr)
{
    return (struct capref){ .cnode = CNODE_L2(cptr >> L2_CNODE_BITS), .slot = cptr & 0xff };
}

static void put(struct core *core, unsigned cptr, struct cap *cap)
{
    CHECK(core->slot[cptr] == NULL, "core %u: slot %#x is taken", core->id, cptr);
    cap->cptr = cptr;
    core->slot[cptr] = cap;
}

struct capref cap_to_monitor(struct cap *cap)
{
    struct capref ref;
    cap->holder = NULL;
    CHECK(err_is_ok(slot_alloc(&ref)), "no slot");
    put(here(), get_cap_addr(ref), cap);
    return ref;
}

unsigned window_caps(genpaddr_t base)
{
    unsigned count = 0;
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        count += cap->is.type == ObjType_Frame && base >= cap->is.u.mem.base &&
                 base < cap->is.u.mem.base + cap->is.u.mem.bytes;
    return count;
}

/* ---- slots ---- */

errval_t slot_alloc(struct capref *ret)
{
    struct core *core = here();
    for (unsigned i = 0; i < SLOTS; i++) {
        const unsigned cptr = FIRST_SLOT + core->next_slot++ % SLOTS;
        if (core->used[cptr])
            continue;
        core->used[cptr] = true;
        core->slots_used++;
        *ret = slot_ref(cptr);
        return SYS_ERR_OK;
    }
    world_fail("core %u: all slots are used", core->id);
}

errval_t slot_free(struct capref ref)
{
    struct core *core = here();
    const capaddr_t cptr = get_cap_addr(ref);
    CHECK(cptr >= FIRST_SLOT && core->used[cptr], "core %u: slot %#x given back twice", core->id,
          (unsigned)cptr);
    CHECK(core->slot[cptr] == NULL, "core %u: slot %#x given back full", core->id, (unsigned)cptr);
    core->used[cptr] = false;
    core->slots_used--;
    return SYS_ERR_OK;
}

errval_t cap_destroy(struct capref ref)
{
    errval_t err = cap_delete(ref);
    return err_is_ok(err) ? slot_free(ref) : err;
}

/* ---- invocations ---- */

static char frame[DISPATCHER_FRAME_BYTES] __attribute__((aligned(4096)));
static char kernel_buffer[4096] __attribute__((aligned(8)));

dispatcher_handle_t curdispatcher(void)
{
    return (dispatcher_handle_t)frame;
}

void *disp_kernel_buffer(dispatcher_handle_t handle)
{
    (void)handle;
    return kernel_buffer;
}

static errval_t retype(struct core *core, const uintptr_t *word)
{
    const struct cap *from = core->slot[(uint32_t)word[2]];
    if (from == NULL)
        return err_push(SYS_ERR_CAP_NOT_FOUND, SYS_ERR_SOURCE_CAP_LOOKUP);
    struct capability is = { .type = (uint8_t)word[4], .rights = CAPRIGHTS_ALLRIGHTS };
    is.u.mem.base = from->is.u.mem.base + word[3];
    is.u.mem.bytes = word[5];
    CHECK(word[3] + word[5] <= from->is.u.mem.bytes, "retype beyond the end");
    if (from->is.type == ObjType_RAM && is.type == ObjType_RAM) { /* a claim */
        struct cap *made = cap_make_of_ram(from, ObjType_RAM, word[3], word[5]);
        if (made == NULL)
            return SYS_ERR_REVOKE_FIRST;
        made->holder = NULL;
        put(core, (unsigned)((uint32_t)word[8] | word[9]), made);
        return SYS_ERR_OK;
    }
    for (const struct cap *cap = world.caps; cap != NULL; cap = cap->next)
        CHECK(cap == from || !is_memory(cap) || lies_in(from, cap) ||
                  cap->is.u.mem.base >= is.u.mem.base + is.u.mem.bytes ||
                  is.u.mem.base >= cap->is.u.mem.base + cap->is.u.mem.bytes ||
                  (cap->is.u.mem.base == from->is.u.mem.base &&
                   cap->is.u.mem.bytes == from->is.u.mem.bytes),
              "memory at %#lx is given out, and %s of core %u has some of it", is.u.mem.base,
              cap->holder != NULL ? domain_name(cap->holder) : "the monitor", cap->core);
    put(core, (unsigned)((uint32_t)word[8] | word[9]), cap_new(core->id, NULL, &is, NULL));
    return SYS_ERR_OK;
}

static struct sysret cnode_invoke(struct core *core, capaddr_t cptr, const uintptr_t *word)
{
    struct cap *cap;
    switch (word[0]) {
    case CNodeCmd_Mint: /* of all ports those of a device, which no core here has */
        put(core, (unsigned)(cptr | word[1]),
            cap_new(core->id, NULL, &(struct capability){ .type = ObjType_IO }, NULL));
        return SYSRET(SYS_ERR_OK);
    case CNodeCmd_Copy:
        cap = core->slot[word[3]];
        if (cap == NULL)
            return SYSRET(err_push(SYS_ERR_CAP_NOT_FOUND, SYS_ERR_SOURCE_CAP_LOOKUP));
        put(core, (unsigned)(cptr | word[1]), cap_copy_to(cap, NULL));
        return SYSRET(SYS_ERR_OK);
    case CNodeCmd_Retype:
        return SYSRET(retype(core, word));
    case CNodeCmd_Delete:
    case CNodeCmd_Revoke:
    case CNodeCmd_CapIdentify:
        cap = core->slot[word[1]];
        if (cap == NULL)
            return SYSRET(SYS_ERR_CAP_NOT_FOUND);
        if (cap->locked && word[0] != CNodeCmd_CapIdentify)
            return SYSRET(err_push(SYS_ERR_CAP_LOCKED, SYS_ERR_RETRY_THROUGH_MONITOR));
        if (word[0] == CNodeCmd_Delete)
            delete_cap(cap);
        else if (word[0] == CNodeCmd_Revoke)
            cap_revoke_all(cap);
        else
            memcpy((void *)word[3], &cap->is, sizeof(cap->is)); /* NOLINT */
        return SYSRET(SYS_ERR_OK);
    default:
        world_fail("CNode command %lu", word[0]);
    }
}

static enum cap_shared is_shared(const struct cap *cap)
{
    enum cap_shared shared = CAP_SHARED_NOT;
    for (const struct cap *other = world.caps; other != NULL; other = other->next) {
        if (other == cap || other->core != cap->core ||
            (other->locked && cap->owner != cap->core) ||
            !(same_object(other, cap) || lies_in(other, cap)))
            continue;
        if (!other->locked)
            return CAP_SHARED_HERE;
        shared = CAP_SHARED_KEPT;
    }
    return shared;
}

static struct sysret lock(struct cap *cap, bool locked)
{
    CHECK(cap->locked != locked, "locked or unlocked twice");
    cap->locked = locked;
    return SYSRET(SYS_ERR_OK);
}

/* The root of a domain's CSpace stands for the one capability in it, at WORLD_CPTR. */
static struct sysret identify_in(const struct cap *root, unsigned cptr, struct capability *answer)
{
    if (root == NULL || root->is.type != ObjType_L1CNode || cptr != WORLD_CPTR)
        return SYSRET(SYS_ERR_CAP_NOT_FOUND);
    *answer = root->is;
    answer->type = (uint8_t)root->is.flags;
    answer->flags = 0;
    return SYSRET(SYS_ERR_OK);
}

static struct sysret get_owner(const struct core *core, capaddr_t root, unsigned cptr)
{
    const struct cap *cap = core->slot[root != CPTR_ROOTCN ? root : cptr];
    if (cap == NULL)
        return SYSRET(SYS_ERR_CAP_NOT_FOUND);
    return (struct sysret){ SYS_ERR_OK, cap->owner };
}

/* In some shares; a part (bytes are not 0) with all that is equal to it. */
static struct sysret delete_foreigns(struct cap *cap, uint64_t base, uint64_t bytes)
{
    CHECK(cap->owner != cap->core || cap->witness, "the monitor deletes what its own core owns");
    if (chance(30))
        return (struct sysret){ SYS_ERR_OK, 1 };
    if (bytes == 0) {
        for (const struct cap *other = world.caps; other != NULL; other = other->next)
            CHECK(other->core != cap->core || !other->witness || other->locked ||
                      same_object(other, cap) || other->is.type != ObjType_RAM ||
                      !lies_in(other, cap),
                  "what core %u has of a larger one goes before its piece", cap->core);
        cap_revoke_all(cap);
        return (struct sysret){ SYS_ERR_OK, 0 };
    }
    CHECK(base >= cap->is.u.mem.base && bytes < cap->is.u.mem.bytes &&
              base - cap->is.u.mem.base <= cap->is.u.mem.bytes - bytes,
          "the monitor deletes a part of what it is no part of");
    struct cap *part = cap_make_part(cap, base - cap->is.u.mem.base, bytes);
    cap_revoke_all(part);
    cap_gone(part);
    return (struct sysret){ SYS_ERR_OK, 0 };
}

static struct sysret kernel_invoke(struct core *core, const uintptr_t *word)
{
    struct cap *cap = NULL;
    const uintptr_t command = word[0];
    if (command == KernelCmd_Notify_register || command == KernelCmd_Register_monitor ||
        command == KernelCmd_Stop_dispatcher || command == KernelCmd_Is_shared ||
        command == KernelCmd_Delete_foreigns || command == KernelCmd_Lock_cap ||
        command == KernelCmd_Unlock_cap || command == KernelCmd_Set_cap_owner ||
        command == KernelCmd_Mark_witness || command == KernelCmd_Domain_id) {
        cap = core->slot[word[1]];
        if (cap == NULL)
            return SYSRET(SYS_ERR_CAP_NOT_FOUND);
    }
    switch (command) {
    case KernelCmd_Spawn_core:
        return SYSRET(core_power(core, (unsigned)word[1], word[3]));
    case KernelCmd_Retire_core:
        return SYSRET(core_retire(core, (unsigned)word[1]));
    case KernelCmd_Create_cap: {
        struct capability is;
        memcpy(&is, (void *)word[1], sizeof(is)); /* NOLINT */
        struct cap *new = cap_new(core->id, NULL, &is, NULL);
        new->owner = (unsigned)word[5];
        put(core, (unsigned)(word[2] | word[4]), new);
        return SYSRET(SYS_ERR_OK);
    }
    case KernelCmd_Identify_cap:
        return identify_in(core->slot[word[1]], (unsigned)word[2], (void *)word[4]); /* NOLINT */
    case KernelCmd_Set_cap_owner:
        return SYSRET(set_owner(cap, (unsigned)word[3]));
    case KernelCmd_Mark_witness:
        return SYSRET(mark_witness(cap, word[3], word[4]));
    case KernelCmd_Get_cap_owner:
        return get_owner(core, (capaddr_t)word[1], (unsigned)word[2]);
    case KernelCmd_Delete_foreigns:
        return delete_foreigns(cap, word[3], word[4]);
    case KernelCmd_Notify_register:
        if (cap->endpoint->owner == NULL)
            return (struct sysret){ SYS_ERR_OK, 1000 + core->id };
        if (!domain_is_running(cap->endpoint->owner))
            return SYSRET(SYS_ERR_LMP_NO_TARGET);
        return (struct sysret){ SYS_ERR_OK, domain_id(cap->endpoint->owner) };
    case KernelCmd_Domain_id:
        CHECK(word[3] == 0, "the monitor makes a dispatcher of another domain");
        return (struct sysret){ SYS_ERR_OK, cap->endpoint->owner != NULL
                                                ? domain_id(cap->endpoint->owner)
                                                : 0 };
    case KernelCmd_Register_channel:
        return SYSRET(SYS_ERR_OK);
    case KernelCmd_Power_off:
        world_fail("the monitor of core %u switches the machine off", core->id);
    case KernelCmd_Register_monitor:
        core->stopped_endpoint = cap->endpoint;
        return SYSRET(SYS_ERR_OK);
    case KernelCmd_Next_stopped:
        if (core->stopped_count == 0)
            return SYSRET(SYS_ERR_NONE_STOPPED);
        return (struct sysret){ SYS_ERR_OK, core->stopped[--core->stopped_count] };
    case KernelCmd_Stop_dispatcher:
        CHECK(cap->endpoint->owner != NULL, "a monitor stops itself");
        domain_stopped_by_monitor(cap->endpoint->owner);
        return SYSRET(SYS_ERR_OK);
    case KernelCmd_Lock_cap:
    case KernelCmd_Unlock_cap:
        return lock(cap, command == KernelCmd_Lock_cap);
    case KernelCmd_Delete_step:
        return SYSRET(SYS_ERR_OK);
    case KernelCmd_Is_shared:
        return (struct sysret){ SYS_ERR_OK, is_shared(cap) };
    case KernelCmd_GetGlobalPhys: /* only said on the console */
        return (struct sysret){ SYS_ERR_OK, 0x1000 };
    case KernelCmd_Get_platform:
        return (struct sysret){ SYS_ERR_OK, PLATFORM_SYNTHETIC };
    default:
        world_fail("kernel command %lu", word[0]);
    }
}

struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words)
{
    (void)rdx;
    const capaddr_t cptr = (capaddr_t)(rsi >> 32);
    const unsigned level = rsi >> 16 & 0xff;
    if (level < 2)
        return cnode_invoke(here(), cptr, words);
    CHECK(cptr == get_cap_addr(cap_kernel), "an invocation of %#x", (unsigned)cptr);
    return kernel_invoke(here(), words);
}

/* ---- memory ---- */

/* The heap of the monitors (mk/tests.mk). */
void *world_malloc(size_t bytes)
{
    here()->blocks++;
    return malloc(bytes);
}

void *world_calloc(size_t count, size_t bytes)
{
    here()->blocks++;
    return calloc(count, bytes);
}

void world_free(void *memory)
{
    if (memory == NULL)
        return;
    CHECK(here()->blocks > 0, "more is freed than allocated");
    here()->blocks--;
    free(memory);
}

static uint8_t window[WORLD_CORES * WORLD_WINDOW_PAGES * BASE_PAGE_SIZE]
    __attribute__((aligned(4096)));

static struct mapping {
    struct mapping *next;
    genpaddr_t base;
    size_t bytes;
    uint8_t *memory;
} * mappings;

uint8_t *window_memory(genpaddr_t base)
{
    CHECK(base >= ABI_WINDOW_BASE && base - ABI_WINDOW_BASE < sizeof(window), "no window at %#lx",
          base);
    return window + (base - ABI_WINDOW_BASE);
}

/* Of a frame of RAM that is mapped now. */
void *mapped_memory(genpaddr_t paddr)
{
    for (const struct mapping *m = mappings; m != NULL; m = m->next)
        if (paddr >= m->base && paddr < m->base + m->bytes)
            return m->memory + (paddr - m->base);
    return NULL;
}

errval_t vspace_map_one_frame(void **ret, size_t bytes, struct capref ref, struct memobj **memobj,
                              struct vregion **vregion)
{
    (void)memobj, (void)vregion;
    const struct cap *cap = cap_at(here(), ref);
    CHECK(cap != NULL && cap->is.type == ObjType_Frame && bytes <= cap->is.u.mem.bytes,
          "mapping what is no frame");
    here()->maps++;
    if (cap->is.u.mem.base >= ABI_WINDOW_BASE) {
        *ret = window_memory(cap->is.u.mem.base);
        return SYS_ERR_OK;
    }
    struct mapping *m = malloc(sizeof(*m));
    *m = (struct mapping){ mappings, cap->is.u.mem.base, bytes, calloc(1, bytes) };
    mappings = m;
    *ret = m->memory;
    return SYS_ERR_OK;
}

/* Lines are not lost here. */
errval_t ump_chan_make_checked(struct ump_chan *uc, unsigned tries)
{
    (void)uc, (void)tries;
    return SYS_ERR_OK;
}

void ump_channels_set_recheck(uint64_t recheck_ns)
{
    (void)recheck_ns;
}

errval_t vspace_unmap(const void *buf)
{
    CHECK(here()->maps > 0, "unmapping what is not mapped");
    here()->maps--;
    for (struct mapping **at = &mappings; *at != NULL; at = &(*at)->next) {
        struct mapping *m = *at;
        if (m->memory != buf)
            continue;
        *at = m->next;
        free(m->memory);
        free(m);
        break;
    }
    return SYS_ERR_OK;
}

/* ---- queues and endpoints ---- */

struct message *message_new(unsigned number)
{
    struct message *m = calloc(1, sizeof(*m));
    m->number = number;
    return m;
}

void message_free(struct message *m)
{
    for (unsigned i = 0; i < 2; i++)
        if (m->cap[i] != NULL)
            cap_gone(m->cap[i]);
    free(m->payload);
    free(m);
}

void queue_add(struct queue *q, struct message *m)
{
    if (q->first == NULL)
        q->end = &q->first;
    m->next = NULL;
    *q->end = m;
    q->end = &m->next;
    q->count++;
}

struct message *queue_take(struct queue *q)
{
    struct message *m = q->first;
    q->first = m->next;
    q->count--;
    return m;
}

struct endpoint *endpoint_new(unsigned core, struct domain *owner, unsigned room)
{
    struct endpoint *e = calloc(1, sizeof(*e));
    *e = (struct endpoint){ .next = world.endpoints, .core = core, .owner = owner, .room = room };
    if (e->next != NULL)
        e->next->link = &e->next;
    e->link = &world.endpoints;
    world.endpoints = e;
    return e;
}

void endpoint_gone(struct endpoint *e)
{
    if (e->dead)
        return;
    *e->link = e->next; /* the memory stays: domains still name it */
    if (e->next != NULL)
        e->next->link = e->link;
    for (struct cap *cap = world.caps, *next; cap != NULL; cap = next) {
        next = cap->next;
        if (cap->endpoint == e)
            delete_cap(cap);
    }
    while (e->queue.count > 0)
        message_free(queue_take(&e->queue));
    e->dead = true;
    e->listener = NOP_CLOSURE;
    e->wire = NULL;
}
