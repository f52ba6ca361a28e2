/* SPDX-License-Identifier: MIT
 *
 * Which pages of guest memory hold anything, without touching those that do not.
 */
#ifndef VMM_MACHINE_PAGES_H
#define VMM_MACHINE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/engine_host.h"

/* Sets there[i] for each page of 4 KiB of the region that may hold something else than zeroes; the
 * others are left as they are.  There has an entry for each page of the region. */
void machine_find_pages(const struct machine_region *region, uint8_t *there);

/* Are these 4096 bytes zero? */
bool machine_page_is_zero(const uint8_t *page);

#endif
