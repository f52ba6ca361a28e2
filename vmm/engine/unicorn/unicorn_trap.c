/* SPDX-License-Identifier: MIT
 *
 * Delivery of exceptions and interrupts on the deterministic engine, and the page walks it needs.
 *
 * The library reports that a trap happened; everything that the processor would then do is done
 * here, on the saved registers and on guest memory: find the gate in the IDT, check it and the code
 * segment it names, choose the stack (TSS), push the frame, change ring.  Each of these reads and
 * writes goes through the guest's page tables with the rights of ring 0 and may itself fault; the
 * second fault is then delivered instead, or becomes a double fault, or ends the machine, by the
 * rules of the architecture (Intel SDM volume 3, 6.15 "Interrupt 8").
 *
 * Nothing is changed in the core until all checks of one attempt have passed, except accessed and
 * dirty bits, and words already pushed below the stack pointer.  Only 64-bit gates, segments and
 * TSS: a guest of ours never leaves long mode.
 */
#include <assert.h>
#include <string.h>

#include "engine/unicorn/unicorn_private.h"

#define ERROR_PRESENT 1u
#define ERROR_WRITE 2u
#define ERROR_USER 4u
#define ERROR_RESERVED 8u
#define ERROR_FETCH 16u

#define DESCRIPTOR_PRESENT (1u << 15) /* in the second word */
#define DESCRIPTOR_CODE (3u << 11)    /* a code segment */
#define DESCRIPTOR_CONFORMING (1u << 10)
#define DESCRIPTOR_LONG (1u << 21)

static bool canonical(uint64_t vaddr)
{
    return (uint64_t)((int64_t)(vaddr << 16) >> 16) == vaddr;
}

void *unicorn_translate(struct engine *engine, unsigned core, uint64_t vaddr, unsigned bytes,
                        enum access access, bool user, uint32_t *error)
{
    assert(bytes > 0 && (vaddr & 4095) + bytes <= 4096);
    const struct unicorn_state *state = core_registers(engine, core);
    uint32_t code = (access == ACCESS_WRITE ? ERROR_WRITE : 0) | (user ? ERROR_USER : 0) |
                    (access == ACCESS_EXECUTE ? ERROR_FETCH : 0);
    uint64_t *entry[4];
    uint64_t table = state->cr[3] & PTE_ADDRESS, rights = PTE_WRITE | PTE_USER, no_execute = 0;
    uint64_t page = 0;
    unsigned level = 0; /* 0: PML4 ... 3: page table */
    if (!canonical(vaddr)) {
        *error = code;
        return NULL;
    }
    for (;; level++) {
        unsigned shift = 39 - 9 * level;
        uint8_t *host = machine_memory(engine->machine, table, 4096);
        if (!host) {
            *error = code;
            return NULL;
        }
        entry[level] = (uint64_t *)host + (vaddr >> shift & 511);
        uint64_t value = *entry[level];
        if (!(value & PTE_PRESENT)) {
            *error = code;
            return NULL;
        }
        if ((level == 0 && (value & PTE_LARGE)) ||
            ((value & PTE_NX) && !(state->efer & EFER_NXE))) {
            *error = code | ERROR_PRESENT | ERROR_RESERVED;
            return NULL;
        }
        rights &= value;
        no_execute |= value & PTE_NX;
        if (level == 3 || (value & PTE_LARGE)) {
            uint64_t offset = (1ull << shift) - 1;
            page = (value & PTE_ADDRESS & ~offset) | (vaddr & offset);
            break;
        }
        table = value & PTE_ADDRESS;
    }
    bool allowed = !user || (rights & PTE_USER);
    if (access == ACCESS_WRITE && !(rights & PTE_WRITE))
        allowed = allowed && !user && !(state->cr[0] & CR0_WP);
    if (access == ACCESS_EXECUTE && no_execute)
        allowed = false;
    void *host = allowed ? machine_memory(engine->machine, page, bytes) : NULL;
    if (!host) {
        *error = code | (allowed ? 0 : ERROR_PRESENT);
        return NULL;
    }
    for (unsigned i = 0; i <= level; i++)
        *entry[i] |= PTE_ACCESSED;
    if (access == ACCESS_WRITE)
        *entry[level] |= PTE_DIRTY;
    return host;
}

/* Reads or writes up to 16 bytes of supervisor memory; they may cross a page.  False: *fault is the
 * trap that this raises. */
static bool touch(struct engine *engine, unsigned core, uint64_t vaddr, void *data, unsigned bytes,
                  enum access access, bool stack, struct trap *fault)
{
    uint8_t *at = data;
    while (bytes > 0) {
        unsigned part = (unsigned)(4096 - (vaddr & 4095));
        if (part > bytes)
            part = bytes;
        uint32_t error = 0;
        void *host = NULL;
        if (canonical(vaddr))
            host = unicorn_translate(engine, core, vaddr, part, access, false, &error);
        if (!host) {
            bool page_fault = canonical(vaddr);
            unsigned segment_fault = stack ? VECTOR_SS : VECTOR_GP;
            *fault = (struct trap){
                .vector = page_fault ? VECTOR_PF : segment_fault,
                .has_error = true,
                .error = error,
            };
            if (page_fault)
                core_registers(engine, core)->cr[2] = vaddr;
            return false;
        }
        if (access == ACCESS_WRITE)
            memcpy(host, at, part);
        else
            memcpy(at, host, part);
        at += part;
        vaddr += part;
        bytes -= part;
    }
    return true;
}

static bool segment_fault(struct trap *fault, unsigned vector, uint32_t error)
{
    *fault = (struct trap){ .vector = vector, .has_error = true, .error = error };
    return false;
}

/* ---- one attempt at a delivery, step by step ----
 *
 * The steps are those of the Intel SDM, volume 3A, chapter 6 "Interrupt and exception handling" (in
 * editions from 2023 on, chapter 7 with the same subsections), and of the AMD APM, volume 2, 8.9
 * "Long-mode interrupt control transfers".  Each step returns false with *fault filled. */

struct delivery {
    const struct trap *trap;
    unsigned cpl;      /* ring that is interrupted */
    uint32_t ext;      /* bit EXT of error codes: not the program's doing (SDM 6.13) */
    uint64_t target;   /* of the gate: the handler, ... */
    uint16_t selector; /* ... its code segment, ... */
    unsigned ist;      /* ... the stack it asks for, 0 = none, ... */
    bool clears_if;    /* ... and whether it is an interrupt gate */
    uint32_t code[2];  /* descriptor of the code segment */
    unsigned ring;     /* of the handler */
    uint64_t rsp;      /* its stack */
};

/* The gate: SDM 6.14.1 "64-bit mode IDT", 6.12.1.2 for its privilege level; APM 8.9.1. */
static bool read_gate(struct engine *engine, unsigned core, struct delivery *d, struct trap *fault)
{
    enum { INTERRUPT_GATE = 0xe, TRAP_GATE = 0xf, ERROR_IDT = 2 };
    const struct unicorn_state *state = core_registers(engine, core);
    const struct trap *trap = d->trap;
    uint32_t gate[4], idt_error = trap->vector * 8 + ERROR_IDT + d->ext;
    if (trap->vector * 16 + 15 > state->idt.limit)
        return segment_fault(fault, VECTOR_GP, idt_error);
    if (!touch(engine, core, state->idt.base + trap->vector * 16, gate, 16, ACCESS_READ, false,
               fault))
        return false;
    unsigned type = gate[1] >> 8 & 0x1f, dpl = gate[1] >> 13 & 3;
    if (type != INTERRUPT_GATE && type != TRAP_GATE)
        return segment_fault(fault, VECTOR_GP, idt_error);
    if (trap->software && dpl < d->cpl)
        return segment_fault(fault, VECTOR_GP, idt_error);
    if (!(gate[1] & DESCRIPTOR_PRESENT))
        return segment_fault(fault, VECTOR_NP, idt_error);
    d->target = (gate[0] & 0xffff) | (gate[1] & 0xffff0000) | (uint64_t)gate[2] << 32;
    d->selector = (uint16_t)(gate[0] >> 16);
    d->ist = gate[1] & 7;
    d->clears_if = type == INTERRUPT_GATE;
    return true;
}

/* The code segment of the gate: SDM 6.12.1.1 "Protection of exception- and interrupt-handler
 * procedures"; it must be a 64-bit one (6.14.1); APM 8.9.2. */
static bool read_code_segment(struct engine *engine, unsigned core, struct delivery *d,
                              struct trap *fault)
{
    const struct unicorn_state *state = core_registers(engine, core);
    uint32_t error = (d->selector & 0xfffcu) | d->ext;
    if ((d->selector & 0xfffc) == 0)
        return segment_fault(fault, VECTOR_GP, d->ext);
    if ((d->selector & 4) || (d->selector | 7u) > state->gdt.limit)
        return segment_fault(fault, VECTOR_GP, error);
    if (!touch(engine, core, state->gdt.base + (d->selector & ~7u), d->code, 8, ACCESS_READ, false,
               fault))
        return false;
    unsigned dpl = d->code[1] >> 13 & 3;
    if ((d->code[1] & DESCRIPTOR_CODE) != DESCRIPTOR_CODE || dpl > d->cpl ||
        !(d->code[1] & DESCRIPTOR_LONG))
        return segment_fault(fault, VECTOR_GP, error);
    if (!(d->code[1] & DESCRIPTOR_PRESENT))
        return segment_fault(fault, VECTOR_NP, error);
    d->ring = d->code[1] & DESCRIPTOR_CONFORMING ? d->cpl : dpl;
    return true;
}

/* The stack: of the gate (SDM 6.14.5 "Interrupt stack table"), of the new ring (6.14.4 "Stack
 * switching in IA-32e mode"), or the one in use; aligned in every case (6.14.2).  APM 8.9.3, 8.9.4;
 * where they lie in the TSS: SDM figure 7-11. */
static bool choose_stack(struct engine *engine, unsigned core, struct delivery *d,
                         struct trap *fault)
{
    enum { TSS_RSP0 = 4, TSS_IST1 = 36 };
    const struct unicorn_state *state = core_registers(engine, core);
    d->rsp = state->reg[REG_RSP];
    if (d->ist || d->ring < d->cpl) {
        unsigned offset = d->ist ? TSS_IST1 + 8 * (d->ist - 1) : TSS_RSP0 + 8 * d->ring;
        if (offset + 7 > state->tr.limit)
            return segment_fault(fault, VECTOR_TS, (state->tr.selector & 0xfffcu) | d->ext);
        if (!touch(engine, core, state->tr.base + offset, &d->rsp, 8, ACCESS_READ, false, fault))
            return false;
    }
    d->rsp &= ~15ull;
    return true;
}

/* The frame: SDM 6.14.2 "64-bit mode stack frame"; RF in it: 17.3.1.1 and 6.5 (a fault: the
 * instruction will be tried again); APM 8.9.3. */
static bool push_frame(struct engine *engine, unsigned core, struct delivery *d, struct trap *fault)
{
    const struct unicorn_state *state = core_registers(engine, core);
    const struct trap *trap = d->trap;
    uint64_t rflags =
        state->rflags | (state->cc_src & RFLAG_ARITHMETIC) | (state->df < 0 ? RFLAG_DF : 0);
    if (!trap->software && !trap->external && trap->vector != VECTOR_DB)
        rflags |= RFLAG_RF;
    const uint64_t frame[6] = { state->seg[SEG_SS].selector, state->reg[REG_RSP], rflags,
                                state->seg[SEG_CS].selector, trap->return_rip,    trap->error };
    unsigned words = trap->has_error ? 6 : 5;
    for (unsigned i = 0; i < words; i++) {
        uint64_t word = frame[i];
        d->rsp -= 8;
        /* a page fault keeps its code; the others name no selector here */
        if (!touch(engine, core, d->rsp, &word, 8, ACCESS_WRITE, true, fault))
            return false;
    }
    return true;
}

/* Nothing can fail any more: SDM 6.12.1.3 "Flag usage"; SS becomes a null selector of the new ring
 * when the ring changes (6.14.4); APM 8.9.3. */
static void enter_handler(struct engine *engine, unsigned core, const struct delivery *d)
{
    struct unicorn_state *state = core_registers(engine, core);
    state->seg[SEG_CS] = (struct unicorn_segment){ .selector = (d->selector & 0xfffcu) | d->ring,
                                                   .limit = UINT32_MAX,
                                                   .flags = d->code[1] };
    if (d->ring < d->cpl)
        state->seg[SEG_SS] =
            (struct unicorn_segment){ .selector = d->ring, .flags = d->ring << 13 };
    state->reg[REG_RSP] = d->rsp;
    state->rip = d->target;
    state->rflags &= ~(RFLAG_TF | RFLAG_NT | RFLAG_RF | RFLAG_VM);
    if (d->clears_if)
        state->rflags &= ~RFLAG_IF;
    state->hflags = (state->hflags & ~(HFLAG_CPL | HFLAG_SHADOW)) | d->ring | HFLAG_CS64 |
                    HFLAG_CS32 | HFLAG_SS32;
}

/* One attempt.  False: *fault says what went wrong, nothing was changed. */
static bool deliver_once(struct engine *engine, unsigned core, const struct trap *trap,
                         struct trap *fault)
{
    struct delivery delivery = {
        .trap = trap,
        .cpl = core_registers(engine, core)->hflags & HFLAG_CPL,
        .ext = trap->software ? 0 : 1,
    };
    if (!read_gate(engine, core, &delivery, fault) ||
        !read_code_segment(engine, core, &delivery, fault) ||
        !choose_stack(engine, core, &delivery, fault) ||
        !push_frame(engine, core, &delivery, fault))
        return false;
    enter_handler(engine, core, &delivery);
    return true;
}

static bool contributory(unsigned vector)
{
    return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

bool unicorn_deliver(struct engine *engine, unsigned core, const struct trap *trap)
{
    struct trap next = *trap, fault;
    /* A fault on the way returns to the instruction that began it, also if that is an int n. */
    uint64_t again = trap->software ? core_registers(engine, core)->rip : trap->return_rip;
    struct unicorn_exception *exception =
        unicorn_exception(&engine->layout, engine->core[core].context);
    exception->old_exception = -1; /* the library must not count what we deliver as nested */
    while (!deliver_once(engine, core, &next, &fault)) {
        fault.return_rip = again;
        /* "int $8" is a program's doing: refused like any other, not a fault in a double fault */
        if (next.vector == VECTOR_DF && !next.software)
            return false;
        bool second_bad = contributory(fault.vector) || fault.vector == VECTOR_PF;
        bool first_counts = !next.software && !next.external &&
                            (contributory(next.vector) || next.vector == VECTOR_PF);
        if (first_counts && second_bad && !(contributory(next.vector) && fault.vector == VECTOR_PF))
            next = (struct trap){ .vector = VECTOR_DF, .has_error = true, .return_rip = again };
        else
            next = fault;
    }
    return true;
}
