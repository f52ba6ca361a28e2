/* SPDX-License-Identifier: MIT
 *
 * The naive model of test_capability_cores.c: one flat list of slots, which knows no cores but for
 * where a slot lies.
 */
#ifndef TESTS_CAPABILITY_MODEL_H
#define TESTS_CAPABILITY_MODEL_H

#include <barrelfish_kpi/capabilities.h>
#include <stdbool.h>
#include <stdint.h>

#include "../capabilities/cores.h"

#define PAGE 4096ull
#define WHOLE_PAGES 8u
#define SLOTS 20 /* of each core's program that are used; 0 of the first holds all RAM at first */
#define RAM_BYTES (WHOLE_PAGES * PAGE)

enum kind { COPY, DELETE, RETYPE_IT, REVOKE_IT, LEND, GIVE, RELEASE, KINDS };

struct operation {
    uint8_t kind, core, slot, to_core, to_slot, first, pages, type;
    bool crosses;   /* the next one */
    uint64_t order; /* of messages */
};

static struct seen model[CORES][SLOTS]; /* bytes 0: empty */
/* It, or what it was made of, came from another core, or was claimed. */
static bool crossed[CORES][SLOTS];

static bool is_full(const struct seen *cap)
{
    return cap->bytes != 0;
}

static bool is_equal(const struct seen *a, const struct seen *b)
{
    return a->type == b->type && a->generation == b->generation && a->base == b->base &&
           a->bytes == b->bytes;
}

static bool overlaps(const struct seen *cap, uint64_t base, uint64_t bytes)
{
    return cap->base < base + bytes && base < cap->base + cap->bytes;
}

/* Of equal ranges, RAM comes before what is made of it, and earlier generations before later. */
static unsigned kind_of(const struct seen *cap)
{
    return (unsigned)cap->type << 8 | cap->generation;
}

static bool is_made_of(const struct seen *cap, const struct seen *whole)
{
    const bool lies_in =
        cap->base >= whole->base && cap->base + cap->bytes <= whole->base + whole->bytes;
    const bool type = whole->type == ObjType_RAM || cap->type == whole->type;
    return lies_in && type && (cap->bytes < whole->bytes || kind_of(cap) > kind_of(whole));
}

static bool is_table(const struct seen *cap)
{
    return cap->type == ObjType_VNode_x86_64_ptable;
}

/* Somebody has something of it that the source is not, and is not made of.  Of a frame other cores
 * make parts without asking, so only what is on one core counts. */
static bool model_in_use(const struct operation *op, uint64_t base, uint64_t bytes)
{
    const struct seen *source = &model[op->core][op->slot];
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            const struct seen *cap = &model[core][slot];
            if (is_full(cap) && overlaps(cap, base, bytes) && !is_equal(cap, source) &&
                !is_made_of(source, cap) && (source->type == ObjType_RAM || core == op->core))
                return true;
        }
    return false;
}

/* What a core has claimed for one retype is its own until nothing in it is left, so as long as
 * something made of the source has crossed cores, more than its own range may be refused. */
static bool model_may_refuse(const struct operation *op)
{
    const struct seen *source = &model[op->core][op->slot];
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            if (is_full(&model[core][slot]) && is_made_of(&model[core][slot], source) &&
                (core != op->core || source->owner != op->core || crossed[core][slot]))
                return true;
    return source->type != ObjType_RAM; /* what of a frame its owner keeps for others counts, too */
}

static void model_revoke(struct seen slots[CORES][SLOTS], const struct operation *op)
{
    const struct seen target = slots[op->core][op->slot];
    for (unsigned core = 0; core < CORES; core++)
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            struct seen *cap = &slots[core][slot];
            if (is_full(cap) && (core != op->core || slot != op->slot) &&
                (is_equal(cap, &target) || is_made_of(cap, &target)))
                *cap = (struct seen){ 0 };
        }
}

#endif
