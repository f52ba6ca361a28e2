/* SPDX-License-Identifier: MIT
 *
 * Rules for the capabilities of all cores.  They hold whenever no core is inside its CPU driver,
 * with messages under way or not: the owner's monitor makes its entry before a copy leaves, and
 * forgets it after the last one has gone.
 *
 *   one owner         equal capabilities name the same owner, whatever core has them
 *   no orphan         who has memory that another core owns is known there: a capability that is
 *                     kept covers it.  A copy that survives a revoke is one that is not
 *                     RAM is a name to who does not own it, whatever its owner makes of it
 *   not in two places what one core has made of memory (a Frame, a table, ...) no other core has
 *                     made into something else, nor owns a piece of
 */
#include "machine/capability_rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "abi/capability.h"
#include "abi/layout.h"

static const char *type_name(uint8_t type)
{
    static const char *const names[] = { [ABI_CAP_PHYSADDR] = "PhysAddr",
                                         [ABI_CAP_RAM] = "RAM",
                                         [3] = "L1CNode",
                                         [4] = "L2CNode",
                                         [5] = "Dispatcher",
                                         [7] = "EndPointUMP",
                                         [9] = "Frame",
                                         [11] = "DevFrame" };
    const char *name = type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
    return name ? name : "table";
}

struct report {
    char *text;
    size_t bytes;
};

static bool __attribute__((format(printf, 3, 4)))
broken(struct report report, const struct seen_capability *cap, const char *format, ...)
{
    va_list args;
    int length = snprintf(report.text, report.bytes,
                          "core %u has %s 0x%" PRIx64 "-0x%" PRIx64 " of core %u: ", cap->core,
                          type_name(cap->type), cap->base, cap->base + cap->bytes, cap->owner);
    va_start(args, format);
    if (length >= 0 && (size_t)length < report.bytes)
        vsnprintf(report.text + length, report.bytes - (size_t)length, format, args);
    va_end(args);
    return false;
}

static int compare(const void *left, const void *right)
{
    const struct seen_capability *a = left, *b = right;
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->core != b->core)
        return a->core < b->core ? -1 : 1;
    return (a->owner > b->owner) - (a->owner < b->owner);
}

static bool is_raw(const struct seen_capability *cap)
{
    return cap->type == ABI_CAP_PHYSADDR || cap->type == ABI_CAP_RAM;
}

static bool is_equal(const struct seen_capability *a, const struct seen_capability *b)
{
    return a->base == b->base && a->bytes == b->bytes && a->type == b->type;
}

static bool overlaps(const struct seen_capability *a, const struct seen_capability *b)
{
    return a->base < b->base + b->bytes && b->base < a->base + a->bytes;
}

static bool covers(const struct seen_capability *whole, const struct seen_capability *part)
{
    return whole->type == part->type && whole->base <= part->base &&
           part->base + part->bytes <= whole->base + whole->bytes;
}

static bool one_owner(const struct seen_capability *list, size_t count, struct report report)
{
    for (size_t i = 1; i < count; i++)
        if (!is_raw(&list[i]) && is_equal(&list[i - 1], &list[i]) &&
            list[i - 1].owner != list[i].owner)
            return broken(report, &list[i], "core %u says that it is core %u's", list[i - 1].core,
                          list[i - 1].owner);
    return true;
}

/* Each of those that another core owns is held against all of that core: they are few. */
static bool is_known(const struct seen_capability *cap, const struct seen_capability *list,
                     size_t count, struct report report)
{
    bool known = false;
    for (size_t i = 0; i < count && list[i].base < cap->base + cap->bytes; i++) {
        const struct seen_capability *other = &list[i];
        if (other->core != cap->owner || !overlaps(other, cap))
            continue;
        known |= other->kept && covers(other, cap);
        if (!is_raw(other) && !is_raw(cap) && other->type != cap->type)
            return broken(report, cap, "its owner uses it as %s", type_name(other->type));
    }
    return known || broken(report, cap, "its owner does not know");
}

static bool no_orphan(const struct seen_capability *list, size_t count, uint64_t seen,
                      struct report report)
{
    for (size_t i = 0; i < count; i++) {
        const struct seen_capability *cap = &list[i];
        if (cap->owner != cap->core && !cap->kept && (seen >> cap->owner & 1) &&
            !is_known(cap, list, count, report))
            return false;
    }
    return true;
}

/* Objects of one core nest, so of each core the one that reaches farthest is enough. */
static bool not_in_two_places(const struct seen_capability *list, size_t count,
                              struct report report)
{
    const struct seen_capability *farthest[64] = { NULL };
    for (size_t i = 0; i < count; i++) {
        const struct seen_capability *cap = &list[i];
        if (is_raw(cap) || cap->owner != cap->core)
            continue;
        for (unsigned core = 0; core < 64; core++)
            if (core != cap->core && farthest[core] && overlaps(farthest[core], cap))
                return broken(report, cap, "core %u uses it as %s of its own", core,
                              type_name(farthest[core]->type));
        if (!farthest[cap->core] ||
            farthest[cap->core]->base + farthest[cap->core]->bytes < cap->base + cap->bytes)
            farthest[cap->core] = cap;
    }
    return true;
}

static void sink(struct seen_capability *list, size_t at, size_t count)
{
    const struct seen_capability cap = list[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(&list[child], &list[child + 1]) < 0)
            child++;
        if (compare(&cap, &list[child]) >= 0)
            break;
        list[at] = list[child];
    }
    list[at] = cap;
}

/* In place: qsort() asks the host how much memory it has, which the thread that runs the guest may
 * not. */
static void sort(struct seen_capability *list, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        sink(list, i - 1, count);
    while (count > 1) {
        const struct seen_capability last = list[--count];
        list[count] = list[0];
        list[0] = last;
        sink(list, 0, count);
    }
}

bool capability_rules_hold(struct seen_capability *list, size_t count, uint64_t seen, char *problem,
                           size_t bytes)
{
    const struct report report = { problem, bytes };
    _Static_assert(ABI_MAX_CORES <= 64, "a bit for each core");
    sort(list, count);
    return one_owner(list, count, report) && no_orphan(list, count, seen, report) &&
           not_in_two_places(list, count, report);
}
