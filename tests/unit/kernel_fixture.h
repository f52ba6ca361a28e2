/* SPDX-License-Identifier: MIT
 *
 * Surroundings in which the CPU driver's system calls run on the host: two dispatchers, alice and
 * bob, in a small "physical memory"; devices and context switches are replaced, and every way out
 * of serve_syscall() comes back here.  Included by one test program each, hence all static.
 */
#ifndef TESTS_KERNEL_FIXTURE_H
#define TESTS_KERNEL_FIXTURE_H

#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delete.h"
#include "objects/objects.h"
#undef assert

#include "barrelfish_kpi/init.h"
#include "kernel_returns.h"
#include "plat.h"
#include "schedule.h"

#define MEMORY_BYTES (16u << 20)
#define UDISP 0x7000000000ull

/* ---- the CPU driver's surroundings ---- */

struct abi_core_page host_core_page;
struct abi_trace_record host_trace_ring[ABI_TRACE_RECORDS];
static struct abi_boot boot;
const struct abi_boot *boot_info = &boot;
coreid_t my_core_id;
struct dcb *current;
struct registers_x86_64 clean_area;
uint64_t syscall_words[LMP_MSG_WORDS];

enum outcome { RETURNED = 1, DISPATCHED, NEXT, POWERED_OFF, LRPC };
static jmp_buf back;
static struct dcb *dispatched, *caller;
static char *memory;
static uint64_t lrpc_buffer_words __attribute__((unused)) = 22; /* of the endpoints in the test */
static unsigned notified_core, notified_id, notifications __attribute__((unused));

void plat_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker)
{
    (void)text, (void)length, (void)kind, (void)speaker;
}
static unsigned input_bytes __attribute__((unused)) = ABI_INPUT_MAX; /* that are there */
uint64_t plat_input(paddr_t buffer, unsigned bytes, uint32_t notify_id)
{
    notified_id = notify_id;
    bytes = bytes < input_bytes ? bytes : input_bytes;
    memset(phys_to_mem(buffer), 'x', bytes);
    return bytes;
}
systime_t plat_time_cached(void)
{
    return 1000;
}
systime_t plat_time(void)
{
    return 1000;
}
void plat_notify(coreid_t core, uint32_t id)
{
    notified_core = core;
    notified_id = id;
    notifications++;
}
void plat_notify_self(const uint64_t *ids, unsigned words)
{
    for (unsigned id = 0; id < words * 64; id++)
        if (ids[id / 64] >> id % 64 & 1)
            plat_notify(my_core_id, id);
}
void plat_take_notifications(void (*deliver)(uint32_t id))
{
    (void)deliver; /* tests call notify_deliver() */
}
static uint64_t power_says __attribute__((unused)); /* of whatever it is asked; 0: as below */
uint64_t plat_start_core(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3)
{
    (void)entry, (void)rdi, (void)cr3;
    if (power_says != 0)
        return power_says;
    return core == 1 ? ABI_RESULT_OK : ABI_RESULT_CORE_RUNNING;
}
uint64_t plat_kill_core(uint64_t core)
{
    if (power_says != 0)
        return power_says;
    return core == 1 ? ABI_RESULT_OK : ABI_RESULT_NO_SUCH_CORE;
}
uint64_t plat_retire_core(uint64_t core)
{
    return plat_kill_core(core);
}
uint64_t plat_core_late(uint64_t core, uint64_t *late_ns)
{
    *late_ns = 1000 + core;
    return power_says != 0 ? power_says : ABI_RESULT_OK;
}
uint64_t plat_core_available(uint64_t core)
{
    if (power_says != 0)
        return power_says;
    return core == 1 ? ABI_RESULT_NO_SUCH_CORE : ABI_RESULT_CORE_RUNNING;
}
void plat_scrub(paddr_t base, uint64_t bytes)
{
    cr_assert(base.v % 64 == 0 && bytes % 64 == 0 && base.v + bytes <= MEMORY_BYTES);
    memset(phys_to_mem(base), 0, bytes);
}
uint64_t plat_seen(uint64_t base)
{
    return base;
}

void plat_channel(paddr_t description)
{
    (void)description;
}
void plat_report(paddr_t block, paddr_t speaker)
{
    (void)block, (void)speaker;
}
static struct {
    unsigned calls;
    uint32_t number;
    uint64_t speaker;
} watched; /* the last system call that the machine was told of */
void plat_watched(uint32_t number, paddr_t speaker)
{
    watched.calls++;
    watched.number = number;
    watched.speaker = speaker.v;
}
void plat_power_off(uint64_t code)
{
    (void)code;
    longjmp(back, POWERED_OFF);
}
void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "panic: "); /* an error to Criterion, too, if it is not expected */
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    abort();
}
void printk(const char *format, ...)
{
    (void)format;
}

static bool huge_pages __attribute__((unused)) = true;

/* ---- the processor: what would be a triple fault there fails the test ---- */

struct dispatcher_shared *current_disp;
struct loaded loaded;

#define UPPER_HALF(address) ((address) >> 39 & 511)

/* The next instruction of the CPU driver must be there in the new address space, and its memory. */
void arch_write_cr3(uint64_t cr3)
{
    cr_assert(cr3 != 0 && cr3 % ABI_PAGE_BYTES == 0 && cr3 < MEMORY_BYTES, "CR3 = %lx", cr3);
    const uint64_t *table = phys_to_mem(paddr(cr3)), *kernel = phys_to_mem(paddr(boot.pml4));
    cr_assert_eq(table[UPPER_HALF(ABI_KERNEL_BASE)], kernel[UPPER_HALF(ABI_KERNEL_BASE)]);
    cr_assert_eq(table[UPPER_HALF(ABI_PHYSMAP_BASE)], kernel[UPPER_HALF(ABI_PHYSMAP_BASE)]);
    cr_assert(table[UPPER_HALF(ABI_KERNEL_BASE)] & ABI_PTE_PRESENT);
}
/* Ring 3 would run now, and its next entry saves registers in this frame. */
void arch_reset_segments(lvaddr_t gs_base)
{
    const char *frame = (const char *)current->disp;
    cr_assert(gs_base == current->udisp && gs_base < USER_END);
    cr_assert(current->queued && current->complete && current_disp == current->disp);
    cr_assert(frame >= memory && frame <= memory + MEMORY_BYTES - DISPATCHER_FRAME_BYTES);
}
bool arch_has_huge_pages(void)
{
    return huge_pages;
}
void arch_fxsave(struct registers_x86_64 *area)
{
    memset(area->fxsave_area, 0, sizeof(area->fxsave_area));
}
void arch_fxrstor(const struct registers_x86_64 *area)
{
    (void)area;
}
void plat_clear_vectors(void)
{
}
/* The test goes on as the caller. */
static void load_and_return(struct dcb *dcb)
{
    struct dcb *caller = current;
    dispatch_load(dcb);
    current = caller;
}
void dispatch(struct dcb *dcb)
{
    load_and_return(dcb);
    dispatched = dcb;
    longjmp(back, DISPATCHED);
}
/* Does with the words what the lrpc upcall of the user library does. */
void arch_lrpc_upcall(lvaddr_t udisp, uint64_t offset, uint64_t where,
                      struct registers_x86_64 *area, lvaddr_t entry, lvaddr_t stack)
{
    struct dcb *receiver = current;
    cr_assert(receiver->head.disabled && receiver->disp->disabled && udisp == receiver->udisp);
    cr_assert_neq(area, &receiver->disp->enabled_save_area);
    cr_assert(entry != 0 && entry < USER_END && stack < USER_END);
    struct lmp_endpoint_kern *ep = (void *)((char *)receiver->disp + offset);
    uint64_t at = where >> 32, size = lrpc_buffer_words;
    const uint64_t word[1 + LRPC_MSG_WORDS] = { (uint32_t)where, syscall_words[0], syscall_words[1],
                                                syscall_words[2], syscall_words[3] };
    cr_assert((uint32_t)where <= LRPC_MSG_WORDS && at < size);
    for (unsigned i = 0; i <= (uint32_t)where; i++, at = (at + 1) % size)
        ep->buf[at] = word[i];
    cr_assert_eq(at, ep->delivered, "all that was reserved, and no more");
    area->rax = SYS_ERR_OK;
    area->rdx = 0;
    receiver->head.disabled = 0;
    current = caller;
    dispatched = receiver;
    longjmp(back, LRPC);
}
void dispatch_next(void)
{
    struct dcb *next = schedule_next(plat_time_cached());
    if (next != NULL)
        load_and_return(next);
    longjmp(back, NEXT);
}
void dispatch_return(struct registers_x86_64 *area)
{
    (void)area;
    longjmp(back, RETURNED);
}
void dispatch_save_fpu(struct registers_x86_64 *area)
{
    (void)area;
}
void dispatch_forget(struct dcb *dcb)
{
    if (current == dcb)
        current = NULL;
}
void dispatch_unload(uint64_t cr3)
{
    (void)cr3;
}

/* ---- the small machine ---- */

#define TASK KPI_CPTR(ROOTCN_SLOT_TASKCN, 0)
#define RAM_CPTR KPI_CPTR(ROOTCN_SLOT_SUPERCN, 0)
#define ROOT_CPTR KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_ROOTCN)
#define SLOT(n) KPI_CPTR(ROOTCN_SLOT_SLOT_ALLOC0, (n))
/* Argument of Setup: may make dispatchers of any domain. */
#define PROOF (KPI_CPTR(ROOTCN_SLOT_TASKCN, TASKCN_SLOT_PROC_MNG) | 2ull << 32)
#define CN (SLOT(0) | 1ull << 32) /* destination CNode argument: the slot allocator's */

static uint64_t next_free;
static struct dcb *alice, *bob;

static uint64_t take(uint64_t bytes, uint64_t align)
{
    uint64_t base = (next_free + align - 1) & ~(align - 1);
    next_free = base + bytes;
    return base;
}

static void put(struct capability *cnode, unsigned slot, unsigned type, uint64_t base,
                uint64_t bytes)
{
    struct capability cap = { .type = (uint8_t)type, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.mem.base = base;
    cap.u.mem.bytes = bytes;
    cap_insert_new(cnode_slot(cnode, slot), &cap, 0);
}

static struct dcb *make_domain(const char *name)
{
    uint64_t dispatcher = take(OBJSIZE_DISPATCHER, 4096),
             frame = take(DISPATCHER_FRAME_BYTES, 4096);
    struct dcb *dcb = phys_to_mem(paddr(dispatcher));
    struct capability root = { .type = ObjType_L1CNode, .rights = CAPRIGHTS_ALLRIGHTS };
    root.u.mem.base = take(OBJSIZE_L2CNODE, 4096);
    root.u.mem.bytes = OBJSIZE_L2CNODE;
    cap_insert_new(&dcb->cspace, &root, 0);
    struct capability *r = &dcb->cspace.cap;
    static const unsigned cnodes[] = { ROOTCN_SLOT_TASKCN, ROOTCN_SLOT_PAGECN, ROOTCN_SLOT_SUPERCN,
                                       ROOTCN_SLOT_SLOT_ALLOC0 };
    for (unsigned i = 0; i < 4; i++)
        put(r, cnodes[i], ObjType_L2CNode, take(OBJSIZE_L2CNODE, 4096), OBJSIZE_L2CNODE);
    struct capability *task = &cnode_slot(r, ROOTCN_SLOT_TASKCN)->cap;
    cap_copy_to(cnode_slot(task, TASKCN_SLOT_ROOTCN), &dcb->cspace);
    put(task, TASKCN_SLOT_DISPATCHER, ObjType_Dispatcher, dispatcher, OBJSIZE_DISPATCHER);
    put(task, TASKCN_SLOT_DISPFRAME, ObjType_Frame, frame, DISPATCHER_FRAME_BYTES);
    struct capability *pages = &cnode_slot(r, ROOTCN_SLOT_PAGECN)->cap;
    put(pages, 0, ObjType_VNode_x86_64_pml4, take(4096, 4096), 4096);
    dcb->disp = phys_to_mem(paddr(frame));
    dcb->udisp = UDISP;
    dcb->head.cr3 = cnode_slot(pages, 0)->cap.u.mem.base;
    memcpy(phys_to_mem(paddr(dcb->head.cr3)), phys_to_mem(paddr(boot.pml4)), ABI_PAGE_BYTES);
    dispatcher_update_complete(dcb);
    strncpy(dcb->head.name, name, sizeof(dcb->head.name) - 1);
    return dcb;
}

static void set_up(void)
{
    memory = aligned_alloc(4096, MEMORY_BYTES);
    memset(memory, 0, MEMORY_BYTES);
    host_physmap = (uint64_t)memory;
    boot.topology.core_count = 2;
    boot.pml4 = 4096;
    uint64_t *table = phys_to_mem(paddr(boot.pml4));
    table[UPPER_HALF(ABI_KERNEL_BASE)] = 0x3000 | ABI_PTE_PRESENT;
    table[UPPER_HALF(ABI_PHYSMAP_BASE)] = 0x4000 | ABI_PTE_PRESENT;
    memset(&loaded, 0, sizeof(loaded));
    mdb_init(&kernel_mdb);
    next_free = 8192;
    alice = make_domain("alice");
    bob = make_domain("bob");
    put(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SUPERCN)->cap, 0, ObjType_RAM, 8u << 20,
        MEMORY_BYTES - (8u << 20));
    struct capability kernel = { .type = ObjType_Kernel, .rights = CAPRIGHTS_ALLRIGHTS };
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, 0)->cap, TASKCN_SLOT_KERNELCAP),
                   &kernel, 0);
    struct capability manager = { .type = ObjType_ProcessManager, .rights = CAPRIGHTS_ALLRIGHTS };
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, 0)->cap, TASKCN_SLOT_PROC_MNG),
                   &manager, 0);
    current = alice;
}

static __attribute__((unused)) void tear_down(void)
{
    free(memory);
}

/* As entry code does: the registers of the call lie in `area`, what it asks for goes along as well.
 * Then another core writes the area: whoever reads it again gets nonsense. */
static __attribute__((unused)) enum outcome enter(struct registers_x86_64 *area)
{
    const struct registers_x86_64 r = *area;
    const uint64_t words[LMP_MSG_WORDS] = { r.r10, r.r8,  r.r9,  r.rax, r.rbx,
                                            r.rbp, r.r12, r.r13, r.r14, r.r15 };
    memcpy(syscall_words, words, sizeof(words));
    memset(area, 0xa5, offsetof(struct registers_x86_64, rip));
    caller = current;
    int how = setjmp(back);
    if (how == 0)
        serve_syscall(area, r.rsi, r.rdx, r.rdi);
    return (enum outcome)how;
}

/* What a domain's processor does with a call that is more than one entry's work. */
static unsigned entries;
static void (*between_entries)(void);

static __attribute__((unused)) enum outcome enter_until_done(struct registers_x86_64 *a)
{
    const uint64_t untouched = 0xa5a5a5a5a5a5a5a5; /* see enter() */
    struct registers_x86_64 call = *a;
    call.rip = 2;
    for (entries = 1;; entries++) {
        *a = call;
        enum outcome how = enter(a);
        if (how != RETURNED || a->rip == 2)
            return how;
        cr_assert(a->rip == 0 && (a->rsi & INVOKE_AGAIN));
        cr_assert(a->rax == untouched && a->r10 == untouched);
        call.rsi = a->rsi;
        call.rdx = a->rdx;
        if (between_entries != NULL)
            between_entries();
    }
}

/* The capability that is invoked; NULL: there is none, or it says no more than that. */
static const struct capability *invoked(capaddr_t cptr, unsigned level)
{
    struct cte *cte = &current->cspace;
    if (level != 0 && err_is_fail(cspace_lookup(&current->cspace.cap, cptr, level, &cte)))
        return NULL;
    return cte->node.bits & MDB_BIT_FOREIGN ? NULL : &cte->cap;
}

/* Whoever invokes anything here finds errors that the table does not know. */
static void check_returns(const char *type, uint64_t command, errval_t err)
{
    if (err_is_ok(err) || err_no(err) == SYS_ERR_ILLEGAL_INVOCATION || type == NULL)
        return;
    cr_assert_lt(returns_row(type, command, err_no(err)), RETURNS_ROWS,
                 "errors/returns.def: %s, command %lu, error %u", type, command,
                 (unsigned)err_no(err));
}

/* Invokes with command and arguments as the current dispatcher, in enabled mode. */
static __attribute__((unused)) struct sysret invoke(capaddr_t cptr, unsigned level, uint64_t cmd,
                                                    const uint64_t arg[9])
{
    struct registers_x86_64 *a = &current->disp->enabled_save_area;
    const struct capability *cap = invoked(cptr, level);
    const char *type = cap != NULL ? commands_of(cap->type) : NULL;
    a->rdi = SYSCALL_INVOKE;
    a->rsi = (uint64_t)cptr << 32 | level << 16 | 10 << 8;
    a->rdx = 0;
    a->r10 = cmd;
    a->r8 = arg[0], a->r9 = arg[1], a->rax = arg[2], a->rbx = arg[3], a->rbp = arg[4];
    a->r12 = arg[5], a->r13 = arg[6], a->r14 = arg[7], a->r15 = arg[8];
    enum outcome how = enter_until_done(a);
    if (how != RETURNED)
        return SYSRET(SYS_ERR_IMPOSSIBLE);
    check_returns(type, cmd, a->rax);
    return (struct sysret){ .error = a->rax, .value = a->rdx };
}

#define INVOKE(cptr, level, cmd, ...) \
    invoke((cptr), (level), (cmd), (const uint64_t[9]){ __VA_ARGS__ })

static __attribute__((unused)) errval_t retype(capaddr_t src, uint64_t offset, unsigned type,
                                               uint64_t bytes, uint64_t count, unsigned slot)
{
    return INVOKE(0, 0, CNodeCmd_Retype, ROOT_CPTR, src | 2ull << 32, offset, type, bytes, count,
                  ROOT_CPTR, CN, slot)
        .error;
}

static __attribute__((unused)) errval_t copy(unsigned slot, capaddr_t src)
{
    return INVOKE(SLOT(0), 1, CNodeCmd_Copy, slot, ROOT_CPTR, src, 2).error;
}

static __attribute__((unused)) errval_t delete_cap(capaddr_t cptr)
{
    return INVOKE(0, 0, CNodeCmd_Delete, cptr, 2).error;
}

static __attribute__((unused)) struct capability *cap_at(struct dcb *dcb, capaddr_t cptr)
{
    struct cte *cte;
    cr_assert(err_is_ok(cspace_lookup_slot(&dcb->cspace.cap, cptr, 2, &cte)));
    return &cte->cap;
}

#define EP_OFFSET 8192
#define EP_WORDS 24

static __attribute__((unused)) struct lmp_endpoint_kern *bobs_endpoint(void)
{
    return (void *)((char *)bob->disp + EP_OFFSET);
}

/* Bob makes an endpoint; Alice gets the capability in SLOT(1). */
static __attribute__((unused)) void connect(void)
{
    struct capability cap = { .type = ObjType_EndPointLMP, .rights = CAPRIGHTS_ALLRIGHTS };
    cap.u.endpoint.listener = mem_to_phys(bob).v;
    cap.u.endpoint.epoffset = EP_OFFSET;
    cap.u.endpoint.epbuflen = EP_WORDS;
    cap_insert_new(cnode_slot(&cnode_slot(&alice->cspace.cap, ROOTCN_SLOT_SLOT_ALLOC0)->cap, 1),
                   &cap, 0);
}

/* Every mapped capability and its mapping point at each other, and the entries say the same. */
static __attribute__((unused)) void check_mappings(void)
{
    for (struct cte *c = mdb_first(&kernel_mdb); c != NULL; c = mdb_successor(&kernel_mdb, c)) {
        if (cap_types[c->cap.type].mappable && c->cap.u.word[CAP_MAPPING_WORD] != 0) {
            struct cte *m = (struct cte *)c->cap.u.word[CAP_MAPPING_WORD];
            cr_assert_eq(m->cap.type, c->cap.type + 1);
            cr_assert_eq(m->cap.u.mapping.cap, (uint64_t)c);
        }
        if (cap_is_mapping(c->cap.type) && c->cap.u.mapping.cap != 0) { /* not unmapped */
            struct cte *frame = (struct cte *)c->cap.u.mapping.cap;
            uint64_t base = *mapping_entry(&c->cap) & 0xffffffffff000;
            cr_assert(base >= frame->cap.u.mem.base &&
                      base < frame->cap.u.mem.base + frame->cap.u.mem.bytes);
        }
    }
}

#define EXPECT_ERR(expr, code) cr_expect_eq(err_no(expr), (code), "%s", #expr)
#define EXPECT_OK(expr) EXPECT_ERR(expr, SYS_ERR_OK)

#endif
