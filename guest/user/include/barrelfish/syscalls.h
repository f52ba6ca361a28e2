/* SPDX-License-Identifier: MIT
 *
 * System calls (barrelfish_kpi/syscalls.h, facts §3.3).  Every one may cost 150 us on software KVM.
 */
#ifndef BARRELFISH_SYSCALLS_H
#define BARRELFISH_SYSCALLS_H

#include <barrelfish_kpi/syscalls.h>
#include <errors/errno.h>

/* The raw stub (arch/syscall.S): RSI and RDX as documented there, `words` = LMP_MSG_WORDS words, of
 * which the kernel looks at as many as RSI says. */
struct sysret sys_invoke_raw(uint64_t rsi, uint64_t rdx, const uintptr_t *words);

/* A short message to an endpoint (level 2): `length` <= LRPC_MSG_WORDS of the words are sent.  The
 * receiver runs at once. */
static inline errval_t sys_lrpc(capaddr_t endpoint, size_t length, uint64_t word0, uint64_t word1,
                                uint64_t word2, uint64_t word3)
{
    uint64_t rdx = length;
    register uint64_t r10 __asm__("r10") = word0;
    register uint64_t r8 __asm__("r8") = word1;
    register uint64_t r9 __asm__("r9") = word2;

    __asm__ volatile("syscall"
                     : "+a"(word3), "+d"(rdx)
                     : "D"(SYSCALL_LRPC), "S"((uint64_t)endpoint), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return word3;
}

/* First word of an invocation. */
static inline uint64_t invoke_header(capaddr_t cptr, uint8_t level, uint8_t send_level,
                                     size_t words, unsigned flags)
{
    /* clang's analyser loses the fields of packed structures (struct cnoderef) */
    return (uint64_t)cptr << 32 | /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult) */
           (uint64_t)send_level << 24 | (uint64_t)level << 16 | (uint64_t)words << 8 | flags;
}

static inline struct sysret sys_call3(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    struct sysret result;
    register uint64_t r10 __asm__("r10") = c;

    __asm__ volatile("syscall"
                     : "=a"(result.error), "=d"(result.value)
                     : "D"(number), "S"(a), "d"(b), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

/* Gives the core away; legal only while disabled.  Returns only on error (see disp_yield_disabled):
 * the next thing the dispatcher sees is its run upcall.  target: cptr, 0: none. */
static inline struct sysret sys_yield(capaddr_t target)
{
    return sys_call3(SYSCALL_YIELD, target, 0, 0);
}

/* One console line of at most 1024 bytes, without newline; text in the own dispatcher frame. */
static inline errval_t sys_print_line(const char *text, size_t length, unsigned kind)
{
    return sys_call3(SYSCALL_PRINT, (uint64_t)text, length, kind).error;
}

/* kernel: cptr of a Kernel capability.  Returns only on error: the machine ends. */
static inline errval_t sys_reboot(capaddr_t kernel)
{
    return sys_call3(SYSCALL_REBOOT, kernel, 0, 0).error;
}

/* io: cptr of an IO capability with the console's input.  *ret: the byte, or INPUT_END.
 * SYS_ERR_NO_INPUT: none yet. */
static inline errval_t sys_getchar(capaddr_t io, uint32_t *ret)
{
    struct sysret result = sys_call3(SYSCALL_GETCHAR, io, 0, 0);

    *ret = (uint32_t)result.value;
    return result.error;
}

static inline struct sysret sys_debug(unsigned what)
{
    return sys_call3(SYSCALL_DEBUG, what, 0, 0);
}

static inline errval_t sys_nop(void)
{
    return sys_call3(SYSCALL_NOP, 0, 0, 0).error;
}

#endif
