/* SPDX-License-Identifier: MIT
 *
 * Dispatchers made by hand, whose code is a few instructions without stack or library:
 *
 *   incomplete   what a dispatcher lacks something cannot be sent to, nor entered
 *   registers    what an upcall finds in the registers, after others have left all they could there
 *   naps         one that sleeps for a microsecond all the time
 *   gifts        two of which one hands over to the other, which computes
 *
 * The last two take no more of the time than their turns: this program computes meanwhile, and says
 * how much longer that took.
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/syscalls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the frame: what a spy writes, and what the others count and read. */
#define SEEN_OFFSET 0xb000
#define FPU_OFFSET 0xc000
#define COUNT_OFFSET 0xd000
#define HEADER_OFFSET 0xd008
#define ENDPOINT_OFFSET 0xa000
#define ENDPOINT_WORDS 24
#define STACK_OFFSET 0x9000
#define STRING(x) #x
#define TEXT(x) STRING(x)

enum seen {
    RAX,
    RBX,
    RCX,
    RDX,
    RSI,
    RBP,
    RSP,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    FS_BASE,
    GS_BASE,
    DS,
    ES,
    FS,
    GS,
    FLAGS,
    SEEN
};
static const char *const seen_name[SEEN] = { "rax", "rbx", "rcx", "rdx",     "rsi",     "rbp",
                                             "rsp", "r8",  "r9",  "r10",     "r11",     "r12",
                                             "r13", "r14", "r15", "fs base", "gs base", "ds",
                                             "es",  "fs",  "gs",  "flags" };

/* Writes all it finds into the frame (RDI) and gives the core away. */
void hostile_spy(void);
#define SEE(register, index) "    movq %" register ", " TEXT(SEEN_OFFSET) "+8*" #index "(%rdi)\n"
#define SEE_SEGMENT(register, index) "    movl %" register ", %eax\n" SEE("rax", index)
__asm__(
    "hostile_spy:\n" /* clang-format off */
        SEE("rax", 0) SEE("rbx", 1) SEE("rcx", 2) SEE("rdx", 3) SEE("rsi", 4) SEE("rbp", 5)
        SEE("rsp", 6) SEE("r8", 7) SEE("r9", 8) SEE("r10", 9) SEE("r11", 10) SEE("r12", 11)
        SEE("r13", 12) SEE("r14", 13) SEE("r15", 14)
        "    rdfsbase %rax\n" SEE("rax", 15)
        "    rdgsbase %rax\n" SEE("rax", 16)
        SEE_SEGMENT("ds", 17) SEE_SEGMENT("es", 18) SEE_SEGMENT("fs", 19) SEE_SEGMENT("gs", 20)
        "    pushfq\n    popq %rax\n" SEE("rax", 21)
        "    fxsave64 " TEXT(FPU_OFFSET) "(%rdi)\n"
        "    incq " TEXT(COUNT_OFFSET) "(%rdi)\n"
        "    movl 16(%rdi), %eax\n    movl %eax, 20(%rdi)\n" /* lmp_seen = lmp_delivered */
        "    movl $1, %edi\n    xorl %esi, %esi\n    syscall\n    ud2\n"
        /* Soils all registers that it may, then becomes enabled and faults. */
        ".globl hostile_soiled\nhostile_soiled:\n"
        "    movl $0x1b, %eax\n    mov %eax, %ds\n    mov %eax, %es\n    mov %eax, %fs\n"
        "    mov %eax, %gs\n    movabs $0x123456789, %rax\n    wrfsbase %rax\n    wrgsbase %rax\n"
        "    fld1\n    pcmpeqd %xmm0, %xmm0\n    movq %rax, %rbx\n    movq %rax, %r12\n"
        "    movl $0, 0(%rdi)\n"
        "    ud2\n"
        /* Naps: a microsecond from now on, again and again. */
        ".globl hostile_naps\nhostile_naps:\n"
        "    movq 80(%rdi), %rax\n    addq $1000, %rax\n    movq %rax, 88(%rdi)\n"
        "    incq " TEXT(COUNT_OFFSET) "(%rdi)\n"
        "    movl $1, %edi\n    xorl %esi, %esi\n    syscall\n    ud2\n"
        /* Becomes enabled and computes. */
        ".globl hostile_computes\nhostile_computes:\n"
        "1:  movl $0, 0(%rdi)\n    jmp 1b\n"
        /* Becomes enabled and sends, handing the core over, for ever. */
        ".globl hostile_gives\nhostile_gives:\n"
        "    movq " TEXT(HEADER_OFFSET) "(%rdi), %rsi\n    movl $0, 0(%rdi)\n"
        "1:  xorl %edi, %edi\n    xorl %edx, %edx\n    xorl %r10d, %r10d\n    syscall\n"
        "    jmp 1b\n"); /* clang-format on */
void hostile_soiled(void);
void hostile_naps(void);
void hostile_computes(void);
void hostile_gives(void);
_Static_assert(offsetof(struct dispatcher_shared, lmp_delivered) == 16, "in the code above");
_Static_assert(offsetof(struct dispatcher_shared, lmp_seen) == 20, "in the code above");
_Static_assert(offsetof(struct dispatcher_shared, systime) == 80, "in the code above");
_Static_assert(offsetof(struct dispatcher_shared, wakeup) == 88, "in the code above");

static void need(errval_t err)
{
    if (err_is_ok(err))
        return;
    printf("not what was expected: %s\n", err_getstring(err));
    exit(0);
}

struct made {
    struct capref disp, frame, endpoint;
    struct dispatcher_shared *shared;
};

static void make(struct made *d, void (*code)(void))
{
    struct capref fresh;
    void *address;
    need(slot_alloc(&d->disp));
    need(dispatcher_create(d->disp));
    need(frame_alloc(&d->frame, DISPATCHER_FRAME_BYTES, NULL));
    need(vspace_map_one_frame(&address, DISPATCHER_FRAME_BYTES, d->frame, NULL, NULL));
    struct dispatcher_shared *shared = d->shared = address;
    strcpy(shared->name, "made");
    shared->udisp = (lvaddr_t)shared;
    shared->upcall_stack = (lvaddr_t)shared + STACK_OFFSET;
    shared->dispatcher_run = (lvaddr_t)code;
    struct registers_x86_64 *start = &shared->disabled_save_area;
    start->rip = (lvaddr_t)code;
    start->rdi = (lvaddr_t)shared;
    start->rsp = shared->upcall_stack;
    start->eflags = 0x202;
    *(uint16_t *)&start->fxsave_area[0] = 0x37f;
    *(uint32_t *)&start->fxsave_area[24] = 0x1f80;
    need(slot_alloc(&fresh));
    need(slot_alloc(&d->endpoint));
    need(cap_retype(fresh, d->disp, 0, ObjType_EndPointLMP, 0, 1));
    need(cap_mint(d->endpoint, fresh, ENDPOINT_OFFSET, ENDPOINT_WORDS));
}

static errval_t set_up(struct made *d, unsigned parts, bool run)
{
    return invoke_dispatcher_setup(d->disp, parts & 1 ? cap_root : NULL_CAP,
                                   parts & 2 ? cap_vroot : NULL_CAP,
                                   parts & 4 ? d->frame : NULL_CAP, run, 0, NULL_CAP);
}

static void let_run(void)
{
    for (unsigned i = 0; i < 8; i++)
        thread_yield_dispatcher(NULL_CAP);
}

static uint64_t count_of(const struct made *d)
{
    return *(volatile uint64_t *)((char *)d->shared + COUNT_OFFSET);
}

/* ---- incomplete ---- */

static errval_t send(const struct made *d)
{
    const uintptr_t words[LMP_MSG_WORDS] = { 1 };
    return sys_invoke_raw(invoke_header(get_cap_addr(d->endpoint), get_cap_level(d->endpoint), 0, 1,
                                        LMP_FLAG_SYNC | LMP_FLAG_YIELD),
                          0, words)
        .error;
}

static bool try_incomplete(void)
{
    const unsigned all = 7;
    for (unsigned parts = 0; parts < all; parts++) {
        struct made d;
        make(&d, hostile_spy);
        need(set_up(&d, parts, false));
        if (err_no(set_up(&d, 0, true)) != SYS_ERR_DISP_NOT_RUNNABLE ||
            err_no(send(&d)) != SYS_ERR_LMP_NO_TARGET ||
            err_no(sys_lrpc(get_cap_addr(d.endpoint), 1, 1, 0, 0, 0)) != SYS_ERR_LMP_NO_TARGET)
            return false;
        let_run();
        if (count_of(&d) != 0)
            return false;
        need(set_up(&d, all & ~parts, false)); /* and now it can */
        need(send(&d));
        let_run();
        if (count_of(&d) == 0)
            return false;
    }
    return true;
}

/* ---- registers ---- */

/* What this thread leaves behind when it calls the kernel next. */
static void soil(void)
{
    static double one = 1;
    __asm__ volatile(
        "rdfsbase %%rax\n\trdgsbase %%rcx\n\t"
        "mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%fs\n\tmov %0, %%gs\n\t"
        "wrfsbase %%rax\n\twrgsbase %%rcx\n\t"
        "fldl %1\n\tfstpl %1\n\tpcmpeqd %%xmm0, %%xmm0\n\tpcmpeqd %%xmm15, %%xmm15" ::"r"(0x1b),
        "m"(one)
        : "rax", "rcx", "memory");
}

/* As docs/kernel.md says; `argument`: what RCX, RDX, RSI, R8, R9, R10 must be. */
static bool clean(const struct made *d, const char *kind, const uint64_t argument[6])
{
    const uint64_t *seen = (uint64_t *)((char *)d->shared + SEEN_OFFSET);
    const uint8_t *fpu = (uint8_t *)d->shared + FPU_OFFSET;
    uint64_t want[SEEN] = {
        [RCX] = argument[0], [RDX] = argument[1], [RSI] = argument[2], [R8] = argument[3],
        [R9] = argument[4],  [R10] = argument[5], [FLAGS] = 0x202,
    };
    bool good = true;
    want[RSP] = d->shared->upcall_stack;
    want[GS_BASE] = (lvaddr_t)d->shared;
    for (unsigned i = 0; i < SEEN; i++)
        if (seen[i] != want[i]) {
            printf("%s upcall: %s is %lx, not %lx\n", kind, seen_name[i], (unsigned long)seen[i],
                   (unsigned long)want[i]);
            good = false;
        }
    static const uint8_t reset[416] = { 0x7f, 0x03, [24] = 0x80, 0x1f };
    for (unsigned i = 0; i < sizeof(reset); i++)
        if ((i < 28 || i >= 32) && fpu[i] != reset[i]) { /* MXCSR_MASK is the processor's */
            printf("%s upcall: byte %u of the FPU is %x\n", kind, i, fpu[i]);
            good = false;
        }
    return good;
}

static bool try_registers(void)
{
    const uint64_t none[6] = { 0 };
    struct made d;
    make(&d, hostile_spy);
    d.shared->dispatcher_lrpc = d.shared->dispatcher_run;
    need(set_up(&d, 7, true));
    let_run();
    soil();
    need(send(&d)); /* by INVOKE: the run upcall */
    let_run();
    bool good = count_of(&d) >= 2 && clean(&d, "run", none);
    for (unsigned words = 0; words <= LRPC_MSG_WORDS; words++) {
        struct lmp_endpoint_kern *ep = (void *)((char *)d.shared + ENDPOINT_OFFSET);
        const uint64_t at = ep->delivered, w[] = { 0xa0, 0xa1, 0xa2, 0xa3 };
        soil();
        need(sys_lrpc(get_cap_addr(d.endpoint), words, w[0], w[1], w[2], w[3]));
        let_run();
        const uint64_t argument[6] = { words > 0 ? w[0] : 0, at << 32 | words,
                                       ENDPOINT_OFFSET,      words > 1 ? w[1] : 0,
                                       words > 2 ? w[2] : 0, words > 3 ? w[3] : 0 };
        good = clean(&d, "lrpc", argument) && good;
        ep->consumed = ep->delivered;
    }
    struct made faulty;
    make(&faulty, hostile_soiled);
    faulty.shared->dispatcher_trap = (lvaddr_t)hostile_spy;
    need(set_up(&faulty, 7, true));
    let_run();
    const uint64_t *seen = (uint64_t *)((char *)faulty.shared + SEEN_OFFSET);
    const uint64_t trap[6] = { seen[RCX], 0, 6 }; /* RIP, error, vector of UD2 */
    return count_of(&faulty) == 1 && clean(&faulty, "trap", trap) && good;
}

/* ---- time ---- */

static systime_t compute(void)
{
    systime_t begin = get_system_time();
    for (volatile unsigned i = 0; i < 3000000; i++)
        continue;
    return get_system_time() - begin;
}

/* `others` of them had the same right to the core as this program. */
static void tell_share(systime_t alone, systime_t together, unsigned others)
{
    printf("computing took %lu us alone, %lu us beside %u others: %s\n",
           (unsigned long)(alone / 1000), (unsigned long)(together / 1000), others,
           together < (others + 2) * alone ? "a fair share" : "too long");
}

static void try_naps(void)
{
    struct made d;
    const systime_t alone = compute();
    make(&d, hostile_naps);
    need(set_up(&d, 7, true));
    tell_share(alone, compute(), 1);
    invoke_dispatcher_stop(d.disp);
}

static void try_gifts(void)
{
    struct made rich, giver;
    const systime_t alone = compute();
    make(&rich, hostile_computes);
    make(&giver, hostile_gives);
    *(uint64_t *)((char *)giver.shared + HEADER_OFFSET) =
        invoke_header(get_cap_addr(rich.endpoint), get_cap_level(rich.endpoint), 0, 1,
                      LMP_FLAG_SYNC | LMP_FLAG_YIELD);
    need(set_up(&rich, 7, true));
    need(set_up(&giver, 7, true));
    tell_share(alone, compute(), 2);
    invoke_dispatcher_stop(rich.disp);
    invoke_dispatcher_stop(giver.disp);
}

bool hostile_upcalls(int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "incomplete") == 0)
        printf("incomplete dispatchers: %s\n", try_incomplete() ? "kept out" : "let in");
    else if (strcmp(argv[0], "registers") == 0)
        printf("registers of upcalls: %s\n", try_registers() ? "clean" : "soiled");
    else if (strcmp(argv[0], "naps") == 0)
        try_naps();
    else if (strcmp(argv[0], "gifts") == 0)
        try_gifts();
    else
        return false;
    return true;
}
