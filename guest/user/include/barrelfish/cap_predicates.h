/* SPDX-License-Identifier: MIT
 *
 * What capabilities say of each other (facts §3.4), from their contents as cap_direct_identify
 * gives them. Pure; the order is that of the mapping database.
 */
#ifndef BARRELFISH_CAP_PREDICATES_H
#define BARRELFISH_CAP_PREDICATES_H

#include <barrelfish_kpi/capabilities.h>

/* Where its memory begins, and how long it is; 0 of a type without memory. */
genpaddr_t get_address(const struct capability *cap);
gensize_t get_size(const struct capability *cap);

/* Types that can be made from each other, by any number of steps, have the same root. */
uint8_t get_type_root(enum objtype type);

/* Less than, equal to or greater than 0: by type root, address, size (the larger first), then type,
 * then generation.
 * tiebreak: equal ones by their places in memory. */
int8_t compare_caps(const struct capability *left, const struct capability *right, bool tiebreak);

/* Does `child` name the same memory as `parent` or a part of it, by a type that is made from it? */
bool is_ancestor(const struct capability *child, const struct capability *parent);

/* Do both name the same object? */
bool is_copy(const struct capability *left, const struct capability *right);

#endif
