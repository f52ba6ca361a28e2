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

/* One attempt.  False: *fault says what went wrong, nothing was changed. */
static bool deliver_once(struct engine *engine, unsigned core, const struct trap *trap,
                         struct trap *fault)
{
    struct unicorn_state *state = core_registers(engine, core);
    unsigned cpl = state->hflags & HFLAG_CPL;
    uint32_t ext = trap->software ? 0 : 1;
    uint32_t idt_error = trap->vector * 8 + 2 + ext;

    uint32_t gate[4];
    if (trap->vector * 16 + 15 > state->idt.limit)
        return segment_fault(fault, VECTOR_GP, idt_error);
    if (!touch(engine, core, state->idt.base + trap->vector * 16, gate, 16, ACCESS_READ, false,
               fault))
        return false;
    unsigned type = gate[1] >> 8 & 0x1f, gate_dpl = gate[1] >> 13 & 3;
    if (type != 0xe && type != 0xf)
        return segment_fault(fault, VECTOR_GP, idt_error);
    if (trap->software && gate_dpl < cpl)
        return segment_fault(fault, VECTOR_GP, idt_error);
    if (!(gate[1] & DESCRIPTOR_PRESENT))
        return segment_fault(fault, VECTOR_NP, idt_error);
    uint64_t target = (gate[0] & 0xffff) | (gate[1] & 0xffff0000) | (uint64_t)gate[2] << 32;

    uint16_t selector = (uint16_t)(gate[0] >> 16);
    uint32_t descriptor[2];
    if ((selector & 0xfffc) == 0)
        return segment_fault(fault, VECTOR_GP, ext);
    if ((selector & 4) || (selector | 7u) > state->gdt.limit)
        return segment_fault(fault, VECTOR_GP, (selector & 0xfffcu) | ext);
    if (!touch(engine, core, state->gdt.base + (selector & ~7u), descriptor, 8, ACCESS_READ, false,
               fault))
        return false;
    unsigned dpl = descriptor[1] >> 13 & 3;
    if ((descriptor[1] & DESCRIPTOR_CODE) != DESCRIPTOR_CODE || dpl > cpl ||
        !(descriptor[1] & DESCRIPTOR_LONG))
        return segment_fault(fault, VECTOR_GP, (selector & 0xfffcu) | ext);
    if (!(descriptor[1] & DESCRIPTOR_PRESENT))
        return segment_fault(fault, VECTOR_NP, (selector & 0xfffcu) | ext);
    unsigned ring = descriptor[1] & DESCRIPTOR_CONFORMING ? cpl : dpl;

    /* The stack: of the gate (IST), of the new ring, or the one in use. */
    uint64_t rsp = state->reg[REG_RSP];
    unsigned ist = gate[1] & 7;
    if (ist || ring < cpl) {
        unsigned offset = ist ? 28 + 8 * ist : 4 + 8 * ring;
        if (offset + 7 > state->tr.limit)
            return segment_fault(fault, VECTOR_TS, (state->tr.selector & 0xfffcu) | ext);
        if (!touch(engine, core, state->tr.base + offset, &rsp, 8, ACCESS_READ, false, fault))
            return false;
    }
    rsp &= ~15ull;
    uint64_t frame[6] = { trap->error,   trap->return_rip,    state->seg[SEG_CS].selector,
                          state->rflags, state->reg[REG_RSP], state->seg[SEG_SS].selector };
    frame[3] |= (state->cc_src & RFLAG_ARITHMETIC) | (state->df < 0 ? RFLAG_DF : 0);
    if (!trap->software && !trap->external && trap->vector != VECTOR_DB)
        frame[3] |= RFLAG_RF; /* a fault: the instruction will be tried again */
    for (unsigned i = 6; i-- > (trap->has_error ? 0u : 1u);) {
        rsp -= 8;
        if (!touch(engine, core, rsp, &frame[i], 8, ACCESS_WRITE, true, fault)) {
            /* a page fault keeps its code; the others name no selector here */
            return false;
        }
    }

    struct unicorn_segment *cs = &state->seg[SEG_CS];
    cs->selector = (selector & 0xfffcu) | ring;
    cs->base = 0;
    cs->limit = UINT32_MAX;
    cs->flags = descriptor[1];
    if (ring < cpl) {
        struct unicorn_segment *ss = &state->seg[SEG_SS];
        *ss = (struct unicorn_segment){ .selector = ring, .flags = ring << 13 };
    }
    state->reg[REG_RSP] = rsp;
    state->rip = target;
    state->rflags &= ~(RFLAG_TF | RFLAG_NT | RFLAG_RF | RFLAG_VM);
    if (type == 0xe)
        state->rflags &= ~RFLAG_IF;
    state->hflags =
        (state->hflags & ~(HFLAG_CPL | HFLAG_SHADOW)) | ring | HFLAG_CS64 | HFLAG_CS32 | HFLAG_SS32;
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
