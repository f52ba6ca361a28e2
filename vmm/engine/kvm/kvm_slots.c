/* SPDX-License-Identifier: MIT
 *
 * Memory slots: one for each region of the machine, and the window cut into pieces where some of
 * its pages are trapped.
 *
 * A trapped page lies in a read-only slot: loads run free, a store leaves the guest with its
 * address and data.  KVM can neither make a slot read-only in place nor split one, so the slots
 * concerned are deleted and made anew, and meanwhile no vCPU may be in the guest: it would find no
 * memory there.  Whoever changes slots says so first and then looks who is in the guest; a vCPU
 * says that it enters and then looks whether slots change (kvm_vcpu.c); so none slips through.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "engine/kvm/kvm_private.h"

static int set_slot(struct engine *engine, uint32_t number, uint64_t bytes)
{
    const struct kvm_slot *slot = &engine->slot[number];
    struct kvm_userspace_memory_region region = {
        .slot = number,
        .flags = slot->trapped ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = slot->paddr,
        .memory_size = bytes,
        .userspace_addr = (uintptr_t)slot->host,
    };
    return ioctl(engine->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

static int add_slot(struct engine *engine, const struct kvm_slot *slot)
{
    uint32_t number = 0;
    while (number < engine->slot_count && engine->slot[number].bytes != 0)
        number++;
    if (number == engine->slot_count) {
        struct kvm_slot *grown = realloc(engine->slot, (number + 1) * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        engine->slot = grown;
        engine->slot_count++;
    }
    engine->slot[number] = *slot;
    int r = set_slot(engine, number, slot->bytes);
    if (r < 0)
        engine->slot[number].bytes = 0;
    return r;
}

static int delete_slot(struct engine *engine, uint32_t number)
{
    int r = set_slot(engine, number, 0);
    engine->slot[number].bytes = 0;
    return r;
}

int kvm_slots_create(struct engine *engine)
{
    unsigned count;
    const struct machine_region *region = machine_regions(engine->machine, &count);
    for (unsigned i = 0; i < count; i++) {
        bool trapped = region[i].kind == MACHINE_WINDOW && engine->options.trap_window;
        int r = add_slot(
            engine, &(struct kvm_slot){ region[i].base, region[i].bytes, region[i].host, trapped });
        if (r < 0)
            return r;
    }
    return 0;
}

void kvm_slots_destroy(struct engine *engine)
{
    free(engine->slot);
    engine->slot = NULL;
    engine->slot_count = 0;
}

/* ---- while nobody is in the guest ---- */

static void stop_vcpus(struct engine *engine)
{
    atomic_store(&engine->slots_change, true);
    for (unsigned core = 0; core < engine->core_count; core++) {
        struct kvm_vcpu *vcpu = &engine->vcpu[core];
        kvm_vcpu_kick(vcpu);
        while (atomic_load(&vcpu->in_guest))
            sched_yield();
    }
}

static void release_vcpus(struct engine *engine)
{
    atomic_store(&engine->slots_change, false);
    for (unsigned core = 0; core < engine->core_count; core++)
        kvm_vcpu_kick(&engine->vcpu[core]);
}

/* The piece of a slot that begins at `paddr` and is alike as far as it goes, up to `end`. */
static struct kvm_slot piece(struct engine *engine, const struct kvm_slot *whole, uint64_t paddr,
                             uint64_t end)
{
    bool trapped = machine_is_trapped(engine->machine, paddr);
    uint64_t to = paddr + ABI_PAGE_BYTES;
    while (to < end && machine_is_trapped(engine->machine, to) == trapped)
        to += ABI_PAGE_BYTES;
    return (struct kvm_slot){ paddr, to - paddr, whole->host + (paddr - whole->paddr), trapped };
}

/* Makes a slot anew, cut at the pages from `from` to `to`; the rest stays as it was. */
static int cut_slot(struct engine *engine, uint32_t number, uint64_t from, uint64_t to)
{
    struct kvm_slot whole = engine->slot[number];
    uint64_t end = whole.paddr + whole.bytes;
    int r = delete_slot(engine, number);
    struct kvm_slot before = whole, behind = whole;
    before.bytes = from - whole.paddr;
    behind.host += to - whole.paddr;
    behind.paddr = to;
    behind.bytes = end - to;
    if (r == 0 && before.bytes > 0)
        r = add_slot(engine, &before);
    for (uint64_t at = from; r == 0 && at < to;) {
        struct kvm_slot next = piece(engine, &whole, at, to);
        r = add_slot(engine, &next);
        at += next.bytes;
    }
    if (r == 0 && behind.bytes > 0)
        r = add_slot(engine, &behind);
    return r;
}

static bool needs_cut(struct engine *engine, const struct kvm_slot *slot, uint64_t from,
                      uint64_t to)
{
    for (uint64_t at = from; at < to; at += ABI_PAGE_BYTES)
        if (machine_is_trapped(engine->machine, at) != slot->trapped)
            return true;
    return false;
}

void kvm_trap_changed(struct engine *engine, uint64_t paddr, uint64_t bytes)
{
    assert(paddr % ABI_PAGE_BYTES == 0 && bytes % ABI_PAGE_BYTES == 0);
    if (engine->options.trap_window)
        return; /* all of it is */
    pthread_mutex_lock(&engine->slots_lock);
    stop_vcpus(engine);
    uint32_t count = engine->slot_count; /* those behind are new */
    int r = 0;
    for (uint32_t i = 0; i < count && r == 0; i++) {
        const struct kvm_slot *slot = &engine->slot[i];
        uint64_t end = slot->paddr + slot->bytes;
        uint64_t from = paddr > slot->paddr ? paddr : slot->paddr;
        uint64_t to = paddr + bytes < end ? paddr + bytes : end;
        if (slot->bytes != 0 && from < to && needs_cut(engine, slot, from, to))
            r = cut_slot(engine, i, from, to);
    }
    release_vcpus(engine);
    pthread_mutex_unlock(&engine->slots_lock);
    if (r < 0)
        kvm_fail(engine, 0, STOP_ENGINE, "a page of the window cannot be trapped: %s",
                 strerror(-r));
}
