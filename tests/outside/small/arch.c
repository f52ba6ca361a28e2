#include <barrelfish/barrelfish.h>
#include <barrelfish/deferred.h>
#include <barrelfish/sys_debug.h>
#include <barrelfish_kpi/asm_inlines_arch.h>
#include <barrelfish_kpi/spinlocks_arch.h>
#include <concurrent/arch/cas.h>
#include <stdio.h>

static spinlock_t lock;

/* What the debugging calls say must agree with what others say. */
static void debugging(void)
{
    uint32_t rate, before, after, eax, edx;
    assert(err_is_ok(sys_debug_get_apic_ticks_per_sec(&rate)) && rate != 0);
    assert(err_is_ok(sys_debug_get_apic_timer(&before)));
    assert(err_is_ok(barrelfish_usleep(100)));
    assert(err_is_ok(sys_debug_get_apic_timer(&after)) && after - before >= 100 * (rate / 1000000));
    assert(err_is_ok(sys_debug_print_context_counter()));
    assert(err_is_ok(sys_debug_print_mdb_counters()));
    assert(err_is_ok(sys_debug_print_timeslice()));
    cpuid(0x80000001, &eax, NULL, NULL, &edx);
    if (edx & 1u << 27)
        assert(rdtscp() <= rdtscp());
}

int main(void)
{
    debugging();
    uint32_t highest = 0, vendor = 0;
    volatile uintptr_t word = 5;

    cpuid(0, &highest, &vendor, NULL, NULL);
    assert(highest > 0 && vendor != 0);
    acquire_spinlock(&lock);
    assert(lock != 0);
    release_spinlock(&lock);
    assert(lock == 0);
    assert(cas(&word, 5, 6) && word == 6 && !cas(&word, 5, 7));
    mfence();
    sfence();
    lfence();
    clflush(&lock);
    assert(type_is_mappable(ObjType_Frame) && !type_is_mappable(ObjType_RAM));
    assert(vnode_objbits(ObjType_VNode_x86_64_ptable) == 12);
    struct capref frame;
    struct capability cap;
    assert(err_is_ok(frame_alloc(&frame, 4096, NULL)) &&
           err_is_ok(cap_direct_identify(frame, &cap)));
    assert(get_pasid(&cap) == 0 && sizeof("0123456789abcde") == DISP_NAME_LEN);
    printf("sm_arch: passed\n");
    return 0;
}
