/* SPDX-License-Identifier: MIT
 *
 * What a saved Unicorn context looks like inside: the processor state of one core.
 *
 * Unicorn's interface can read and write registers, but it cannot change the privilege level or
 * deliver an exception.  Both need fields that only its internal state has.  A context is a copy of
 * that state, so the engine works on contexts: save, change, restore.  Where the state lies in a
 * context is found by experiment when an engine is made (unicorn_find_layout): known values are
 * written through the public interface and must turn up in the expected places, else the library is
 * refused.
 */
#ifndef VMM_ENGINE_UNICORN_STATE_H
#define VMM_ENGINE_UNICORN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/unicorn/unicorn_api.h"

enum unicorn_reg { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI };
enum unicorn_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

struct unicorn_segment {
    uint32_t selector, pad;
    uint64_t base;
    uint32_t limit;
    uint32_t flags; /* second word of the descriptor */
} __attribute__((packed, aligned(4)));

/* The head of the state, as far as it is used here.  Packed, because a context holds it at an
 * address that is a multiple of 4 only; there are no holes. */
struct unicorn_state {
    uint64_t reg[16]; /* in the order of the instruction encoding: REG_*, then r8 .. r15 */
    uint64_t rip;
    uint64_t rflags; /* without the arithmetic flags and DF */
    uint64_t cc_dst, cc_src, cc_src2;
    uint32_t cc_op; /* CC_FLAGS: the arithmetic flags are those in cc_src */
    int32_t df;     /* 1 or -1 */
    uint32_t hflags, hflags2;
    struct unicorn_segment seg[6];
    struct unicorn_segment ldt, tr, gdt, idt;
    uint64_t cr[5];
    uint8_t unused[96];
    uint64_t efer;
} __attribute__((packed, aligned(4)));

/* What lies around the debug registers. */
struct unicorn_exception {
    int32_t error_code;
    int32_t is_software; /* int3, int n, into */
    uint64_t next_rip;   /* behind such an instruction */
    uint64_t dr[8];
    uint64_t breakpoint[4];
    int32_t old_exception; /* being delivered; -1 = none */
} __attribute__((packed, aligned(4)));

#define CC_FLAGS 1

#define HFLAG_CPL 3u
#define HFLAG_SHADOW (1u << 3) /* no interrupt before the next instruction */
#define HFLAG_CS32 (1u << 4)
#define HFLAG_SS32 (1u << 5)
#define HFLAG_PE (1u << 7)
#define HFLAG_MP (1u << 9)
#define HFLAG_LMA (1u << 14)
#define HFLAG_CS64 (1u << 15)
#define HFLAG_OSFXSR (1u << 22)

#define RFLAG_ARITHMETIC 0x8d5ull /* CF PF AF ZF SF OF */
#define RFLAG_FIXED (1ull << 1)
#define RFLAG_TF (1ull << 8)
#define RFLAG_IF (1ull << 9)
#define RFLAG_DF (1ull << 10)
#define RFLAG_NT (1ull << 14)
#define RFLAG_RF (1ull << 16)
#define RFLAG_VM (1ull << 17)
#define RFLAG_AC (1ull << 18)

#define CR0_WP (1ull << 16)
#define CR4_TSD (1ull << 2)
#define CR4_DE (1ull << 3)
#define EFER_SCE (1ull << 0)
#define EFER_NXE (1ull << 11)

/* Where the two structures lie in a context. */
struct unicorn_layout {
    size_t context_bytes;
    size_t state;
    size_t exception;
};

static inline struct unicorn_state *unicorn_state(const struct unicorn_layout *layout,
                                                  unicorn_context *context)
{
    return (struct unicorn_state *)((uint8_t *)context + layout->state);
}

static inline struct unicorn_exception *unicorn_exception(const struct unicorn_layout *layout,
                                                          unicorn_context *context)
{
    return (struct unicorn_exception *)((uint8_t *)context + layout->exception);
}

/* Finds the layout with a processor that has not run yet (its registers are changed).  Returns
 * NULL, or one line that says what was not where it should be. */
const char *unicorn_find_layout(const struct unicorn_api *api, unicorn_cpu *cpu,
                                struct unicorn_layout *layout);

#endif
