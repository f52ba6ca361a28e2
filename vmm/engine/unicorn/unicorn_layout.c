/* SPDX-License-Identifier: MIT
 *
 * Finds the processor state inside a saved Unicorn context (see unicorn_state.h).
 *
 * Four general registers are written through the public interface; their values must turn up
 * exactly once, side by side, in a context saved then.  From there the places of the other fields
 * are known; a handful of them, spread over the whole structure, is checked in the same way.  So a
 * library with another layout is refused instead of being steered by a wrong map.
 */
#include <assert.h>
#include <string.h>

#include "engine/unicorn/unicorn_state.h"

_Static_assert(offsetof(struct unicorn_state, rip) == 128, "state layout");
_Static_assert(offsetof(struct unicorn_state, cc_op) == 168, "state layout");
_Static_assert(offsetof(struct unicorn_state, hflags) == 176, "state layout");
_Static_assert(offsetof(struct unicorn_state, seg) == 184, "state layout");
_Static_assert(offsetof(struct unicorn_state, tr) == 352, "state layout");
_Static_assert(offsetof(struct unicorn_state, idt) == 400, "state layout");
_Static_assert(offsetof(struct unicorn_state, cr) == 424, "state layout");
_Static_assert(offsetof(struct unicorn_state, efer) == 560, "state layout");
_Static_assert(offsetof(struct unicorn_exception, dr) == 16, "exception layout");
_Static_assert(offsetof(struct unicorn_exception, old_exception) == 112, "exception layout");

#define MAGIC 0x6d6b6c2d00000000ull

/* Offset of the only place where the words lie in the context; -1 if none or several. */
static ptrdiff_t find_words(const uint8_t *bytes, size_t size, const uint64_t *words, size_t count)
{
    ptrdiff_t found = -1;
    for (size_t at = 0; at + count * 8 <= size; at += 4) {
        if (memcmp(bytes + at, words, count * 8) != 0)
            continue;
        if (found >= 0)
            return -1;
        found = (ptrdiff_t)at;
    }
    return found;
}

const char *unicorn_find_layout(const struct unicorn_api *api, unicorn_cpu *cpu,
                                struct unicorn_layout *layout)
{
    static const int general[] = { UNICORN_RAX, UNICORN_RCX, UNICORN_RDX, UNICORN_RBX };
    uint64_t words[4], debug[4];
    for (unsigned i = 0; i < 4; i++) {
        words[i] = MAGIC + 0x11 * (i + 1);
        debug[i] = MAGIC + 0x1000 * (i + 1);
        api->reg_write(cpu, general[i], &words[i]);
        api->reg_write(cpu, UNICORN_DR0 + (int)i, &debug[i]);
    }
    uint64_t rip = 0x123456, cr2 = MAGIC + 0x20000;
    api->reg_write(cpu, UNICORN_RIP, &rip);
    api->reg_write(cpu, UNICORN_CR2, &cr2);
    struct unicorn_msr fs_base = { 0xc0000100, MAGIC + 0x30000 };
    api->reg_write(cpu, UNICORN_MSR, &fs_base);
    struct unicorn_msr efer = { 0xc0000080, 0 };
    api->reg_read(cpu, UNICORN_MSR, &efer);
    uint64_t rflags = 0;
    api->reg_read(cpu, UNICORN_RFLAGS, &rflags);

    layout->context_bytes = api->context_size(cpu);
    unicorn_context *context = NULL;
    if (layout->context_bytes < sizeof(struct unicorn_state) ||
        api->context_alloc(cpu, &context) != UNICORN_OK)
        return "no context can be made";
    api->context_save(cpu, context);

    const char *wrong = NULL;
    ptrdiff_t state = find_words((uint8_t *)context, layout->context_bytes, words, 4);
    ptrdiff_t dr = find_words((uint8_t *)context, layout->context_bytes, debug, 4);
    if (state < 0 || (size_t)state + sizeof(struct unicorn_state) > layout->context_bytes) {
        wrong = "the general registers are not found in a context";
    } else if (dr < (ptrdiff_t)offsetof(struct unicorn_exception, dr) ||
               (size_t)dr + sizeof(struct unicorn_exception) > layout->context_bytes) {
        wrong = "the debug registers are not found in a context";
    } else {
        layout->state = (size_t)state;
        layout->exception = (size_t)dr - offsetof(struct unicorn_exception, dr);
        const struct unicorn_state *at = unicorn_state(layout, context);
        if (at->rip != rip)
            wrong = "RIP is not where it should be in a context";
        else if (at->cr[2] != cr2)
            wrong = "CR2 is not where it should be in a context";
        else if (at->seg[SEG_FS].base != fs_base.value)
            wrong = "the base of FS is not where it should be in a context";
        else if (at->efer != efer.value)
            wrong = "EFER is not where it should be in a context";
        else if ((at->rflags | RFLAG_ARITHMETIC | RFLAG_DF) !=
                 (rflags | RFLAG_ARITHMETIC | RFLAG_DF))
            wrong = "RFLAGS is not where it should be in a context";
        else if (at->df != 1 || (at->hflags & (HFLAG_CPL | HFLAG_SHADOW)) != 0)
            wrong = "the hidden flags are not where they should be in a context";
    }
    api->context_free(context);
    return wrong;
}
