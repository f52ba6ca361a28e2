/* SPDX-License-Identifier: MIT
 *
 * Pages of the window whose stores the machine wants to see.
 *
 * A page is write-protected in the library, which then calls the hook for stores (unicorn_hooks.c)
 * for each; loads run free.  The library must not be asked for that while it executes, so the slice
 * is paused, and the guest and the schedule do not notice.
 */
#include "abi/layout.h"
#include "engine/unicorn/unicorn_private.h"

void unicorn_trap_changed(struct engine *engine, uint64_t paddr, uint64_t bytes)
{
    uint64_t end = paddr + bytes, old_end = engine->trap_base + engine->trap_bytes;
    if (engine->trap_bytes != 0) {
        paddr = engine->trap_base < paddr ? engine->trap_base : paddr;
        end = old_end > end ? old_end : end;
    }
    engine->trap_base = paddr;
    engine->trap_bytes = end - paddr;
    if (engine->current == NO_CORE)
        unicorn_trap_settle(engine);
    else
        unicorn_pause(engine);
}

void unicorn_trap_settle(struct engine *engine)
{
    if (engine->trap_bytes == 0)
        return;
    uint64_t end = engine->trap_base + engine->trap_bytes;
    for (uint64_t page = engine->trap_base; page < end; page += ABI_PAGE_BYTES) {
        bool trapped = engine->options.trap_window || machine_is_trapped(engine->machine, page);
        uint32_t rights = trapped ? UNICORN_PROT_READ | UNICORN_PROT_EXEC : UNICORN_PROT_ALL;
        if (engine->api->mem_protect(engine->cpu, page, ABI_PAGE_BYTES, rights) != UNICORN_OK)
            unicorn_end(engine, STOP_ENGINE, NO_CORE,
                        "Unicorn cannot protect the page at guest-physical 0x%llx",
                        (unsigned long long)page);
    }
    engine->trap_bytes = 0;
    engine->loaded = NO_CORE; /* what the TLB says of these pages is wrong now */
}
