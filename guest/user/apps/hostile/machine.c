/* SPDX-License-Identifier: MIT
 *
 * What a program can do with instructions and memory alone.
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatch.h>
#include <stdio.h>
#include <string.h>

/* One assembly routine for each name; those that return survived. */
#define RUN(name, code)                                                                            \
    static void run_##name(void)                                                                   \
    {                                                                                              \
        __asm__ volatile(code ::                                                                   \
                             : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", \
                               "memory", "cc");                                                    \
    }

RUN(hlt, "hlt")
RUN(cli, "cli")
RUN(sti, "sti")
RUN(in, "inl $0x80, %%eax")
RUN(out, "outl %%eax, $0x80")
RUN(outs, "movl $0x500, %%edx\n\tmovl $16, %%ecx\n\txorl %%esi, %%esi\n\trep outsl")
RUN(rdmsr, "movl $0xc0000082, %%ecx\n\trdmsr")
RUN(wrmsr, "movl $0xc0000082, %%ecx\n\txorl %%eax, %%eax\n\txorl %%edx, %%edx\n\twrmsr")
RUN(readcr3, "movq %%cr3, %%rax")
RUN(writecr0, "xorl %%eax, %%eax\n\tmovq %%rax, %%cr0")
RUN(dr7, "movq $0x401, %%rax\n\tmovq %%rax, %%dr7")
RUN(lgdt, "subq $16, %%rsp\n\tlgdt (%%rsp)\n\taddq $16, %%rsp")
RUN(ltr, "xorl %%eax, %%eax\n\tltr %%ax")
RUN(invlpg, "invlpg (%%rsp)")
RUN(wbinvd, "wbinvd")
RUN(swapgs, "swapgs")
RUN(int3, "int3")
RUN(int80, "int $0x80")
RUN(int32, "int $32")
RUN(int14, "int $14")
RUN(int8, "int $8")
RUN(int255, "int $255")
RUN(ud2, "ud2")
RUN(divide, "xorl %%ecx, %%ecx\n\txorl %%edx, %%edx\n\tmovl $1, %%eax\n\tdivl %%ecx")
RUN(sysenter, "sysenter")
RUN(sysret, "sysretq")
RUN(iret, "pushq $0x10\n\tpushq %%rsp\n\tpushfq\n\tpushq $0x8\n\tpushq $0x1000\n\tiretq")
RUN(vmcall, "vmcall")
RUN(xgetbv, "xorl %%ecx, %%ecx\n\txgetbv")
RUN(avx, "vpxor %%ymm0, %%ymm0, %%ymm0")
RUN(mwait, "mwait")
RUN(monitor, "monitor")
RUN(cpuid, "xorl %%eax, %%eax\n\tcpuid")
RUN(rdtsc, "rdtsc")
RUN(rdpmc, "xorl %%ecx, %%ecx\n\trdpmc")
RUN(xbegin, "xbegin 1f\n1:")
RUN(step, "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop")
RUN(stepcall, "movl $4, %%edi\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tsyscall\n\tnop")
RUN(align, "pushfq\n\torq $0x40000, (%%rsp)\n\tpopfq\n\tmovq 1(%%rsp), %%rax")
RUN(nested, "pushfq\n\torq $0x4000, (%%rsp)\n\tpopfq\n\tmovl $4, %%edi\n\tsyscall")
RUN(down, "std\n\tmovl $4, %%edi\n\tsyscall\n\tcld")
RUN(stackless,
    "movq %%rsp, %%r12\n\txorl %%esp, %%esp\n\tmovl $4, %%edi\n\tsyscall\n\tmovq %%r12, %%rsp")
RUN(oddstack, "movq %%rsp, %%r12\n\tmovabsq $0x8000000000000000, %%rsp\n\tmovl $4, "
              "%%edi\n\tsyscall\n\tmovq %%r12, %%rsp")
RUN(kernelstack, "movq %%rsp, %%r12\n\tmovq $-8, %%rsp\n\tmovl $4, %%edi\n\tsyscall\n\tpushq %%rax")
RUN(fsbase, "movabsq $0xffff800000000000, %%rax\n\twrfsbase %%rax\n\tmovl $4, %%edi\n\tsyscall")
RUN(gsbase, "xorl %%eax, %%eax\n\twrgsbase %%rax\n\tmovl $4, %%edi\n\tsyscall")
RUN(segments, "movw $0x2b, %%ax\n\tmovw %%ax, %%ds")
RUN(selector, "movw $0x8, %%ax\n\tmovw %%ax, %%ss")
RUN(farcall, "pushq $0x8\n\tpushq $0x1000\n\tlretq")
RUN(x87, "fninit\n\tpushq $0x300\n\tfldcw (%%rsp)\n\tpopq %%rax\n\tfldz\n\tfld1\n\tfdivp\n\tmovl "
         "$4, %%edi\n\tsyscall\n\tfwait")
RUN(sse,
    "pushq $0\n\tldmxcsr (%%rsp)\n\tpopq %%rax\n\txorps %%xmm0, %%xmm0\n\tdivss %%xmm0, %%xmm0")
RUN(mxcsr, "pushq $-1\n\tldmxcsr (%%rsp)\n\tpopq %%rax")
RUN(noncanonical, "movabsq $0x800000000000, %%rax\n\tjmp *%%rax")
RUN(wall, "movabsq $0x7ffffffffffe, %%rax\n\tjmp *%%rax")
RUN(repmovs, "xorl %%esi, %%esi\n\txorl %%edi, %%edi\n\tmovq $-1, %%rcx\n\trep movsb")

#define NAME(name)        \
    {                     \
#name, run_##name \
    }
static const struct {
    const char *name;
    void (*run)(void);
} runs[] = {
    NAME(hlt),    NAME(cli),       NAME(sti),          NAME(in),          NAME(out),
    NAME(outs),   NAME(rdmsr),     NAME(wrmsr),        NAME(readcr3),     NAME(writecr0),
    NAME(dr7),    NAME(lgdt),      NAME(ltr),          NAME(invlpg),      NAME(wbinvd),
    NAME(swapgs), NAME(int3),      NAME(int80),        NAME(int32),       NAME(int14),
    NAME(int8),   NAME(int255),    NAME(ud2),          NAME(divide),      NAME(sysenter),
    NAME(sysret), NAME(iret),      NAME(vmcall),       NAME(xgetbv),      NAME(avx),
    NAME(mwait),  NAME(monitor),   NAME(cpuid),        NAME(rdtsc),       NAME(rdpmc),
    NAME(xbegin), NAME(step),      NAME(stepcall),     NAME(align),       NAME(nested),
    NAME(down),   NAME(stackless), NAME(oddstack),     NAME(kernelstack), NAME(fsbase),
    NAME(gsbase), NAME(segments),  NAME(selector),     NAME(farcall),     NAME(x87),
    NAME(sse),    NAME(mxcsr),     NAME(noncanonical), NAME(wall),        NAME(repmovs),
};

bool hostile_run(int argc, char **argv)
{
    (void)argc;
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (strcmp(argv[0], runs[i].name) == 0) {
            runs[i].run();
            return true;
        }
    }
    return false;
}

/* ---- memory ---- */

/* Where the CPU driver keeps its window on all memory, and itself (devices/abi/layout.h). */
#define PHYSMAP 0xffff800000000000ull
#define KERNEL 0xffffffff80000000ull

static void enter(uint64_t target, uint64_t rcx, uint64_t r11)
{
    register uint64_t c __asm__("rcx") = rcx;
    register uint64_t f __asm__("r11") = r11;
    __asm__ volatile("movl $4, %%edi\n\tjmp *%0" ::"r"(target), "r"(c), "r"(f) : "rdi", "memory");
}

bool hostile_touch(int argc, char **argv)
{
    static volatile uint64_t taken;
    uint64_t at = argc > 1 ? strtoull(argv[1], NULL, 0) : PHYSMAP;
    uint64_t more = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    if (strcmp(argv[0], "read") == 0)
        taken = *(volatile uint64_t *)at;
    else if (strcmp(argv[0], "write") == 0)
        *(volatile uint64_t *)at = 0;
    else if (strcmp(argv[0], "jump") == 0)
        enter(at, more, ~0ull);
    else if (strcmp(argv[0], "text") == 0)
        *(volatile uint8_t *)(uint64_t)hostile_touch = 0;
    else if (strcmp(argv[0], "data") == 0)
        ((void (*)(void))(uint64_t)&taken)();
    else
        return false;
    return true;
}

/* ---- the dispatcher frame ---- */

static void rest(void)
{
    for (volatile uint64_t i = 0; i < 50000000; i++) {
    }
}

static uint64_t random_word(void)
{
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

bool hostile_frame(int argc, char **argv)
{
    (void)argc;
    dispatcher_handle_t handle = curdispatcher();
    struct dispatcher_shared *disp = get_dispatcher_shared(handle);
    const char *what = argv[0];
    if (strcmp(what, "critical") == 0) {
        disp->crit_pc_low = 0;
        disp->crit_pc_high = ~0ull;
    } else if (strcmp(what, "disabled") == 0) {
        disp->disabled = 1;
    } else if (strcmp(what, "stack") == 0) {
        disp->upcall_stack = ~0ull;
    } else if (strcmp(what, "lowstack") == 0) {
        disp->upcall_stack = 0;
    } else if (strcmp(what, "kernelstack") == 0) {
        disp->upcall_stack = KERNEL;
    } else if (strcmp(what, "run") == 0) {
        disp->dispatcher_run = KERNEL;
    } else if (strcmp(what, "norun") == 0) {
        disp->dispatcher_run = 0;
    } else if (strcmp(what, "nofault") == 0) {
        disp->dispatcher_pagefault = 0;
        disp->dispatcher_pagefault_disabled = 0;
        disp->dispatcher_trap = 0;
        __asm__ volatile("ud2");
    } else if (strcmp(what, "faultloop") == 0) {
        disp->dispatcher_pagefault = 16;
        disp->dispatcher_pagefault_disabled = 16;
        uint64_t low = 16;
        __asm__ volatile("" : "+r"(low));
        *(volatile int *)low = 0;
    } else if (strcmp(what, "udisp") == 0) {
        disp->udisp = KERNEL;
    } else if (strcmp(what, "wakeup") == 0) {
        disp_disable();
        disp->haswork = 0;
        disp->lmp_seen = disp->lmp_delivered;
        disp->notify_seen = disp->notified;
        disp->wakeup = ~0ull;
        sys_yield(0);
    } else if (strcmp(what, "wakeold") == 0) {
        disp_disable();
        disp->wakeup = 1;
        disp->haswork = 0;
        sys_yield(0);
    } else if (strcmp(what, "areas") == 0) {
        disp_disable();
        memset(&disp->disabled_save_area, 0xff, sizeof(disp->disabled_save_area));
        memset(&disp->enabled_save_area, 0xff, sizeof(disp->enabled_save_area));
        memset(&disp->trap_save_area, 0xff, sizeof(disp->trap_save_area));
        rest();
        return true;
    } else if (strcmp(what, "indices") == 0) {
        uint64_t *word = (uint64_t *)((char *)disp + DISP_SHARED_BYTES);
        for (size_t i = 0; i < (DISPATCHER_FRAME_BYTES - DISP_SHARED_BYTES) / 8; i++)
            word[i] = random_word();
    } else if (strcmp(what, "all") == 0) {
        uint64_t *word = (uint64_t *)disp;
        for (size_t i = 0; i < DISPATCHER_FRAME_BYTES / 8; i++)
            word[i] = random_word();
    } else if (strcmp(what, "ones") == 0) {
        memset(disp, 0xff, DISPATCHER_FRAME_BYTES);
    } else if (strcmp(what, "zeros") == 0) {
        memset(disp, 0, DISPATCHER_FRAME_BYTES);
    } else {
        return false;
    }
    rest();
    return true;
}
