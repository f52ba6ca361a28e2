/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/base/window.c, and a look at its pages.
 */
#include "guest/user/monitor/base/window.c"

#include "instance.h"

void peek_window(struct monitor_census *ret)
{
    uint32_t count = 0;
    for (uint32_t page = 0; page < share_pages; page++)
        count += page_used(page);
    assert(count == used_pages);
    ret->window_pages = count;
}

bool peek_is_free_page(uint64_t base)
{
    return base >= share_base && base < share_base + (uint64_t)share_pages * BASE_PAGE_SIZE &&
           !page_used((uint32_t)((base - share_base) / BASE_PAGE_SIZE));
}
