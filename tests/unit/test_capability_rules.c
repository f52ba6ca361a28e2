/* SPDX-License-Identifier: MIT
 *
 * The checker of capabilities: what honest cores do by whim keeps the rules, and each way to break
 * one is found.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "abi/capability.h"
#include "machine/capability_rules.h"

enum { FRAME = 9, TABLE = 19, CORES = 4, OBJECTS = 12, MAX = 4000 };
#define PAGE 4096ull
#define BASE(object) ((16 + 8 * (uint64_t)(object)) * PAGE)

static struct seen_capability list[MAX], sorted[MAX];
static size_t count;
static uint64_t state;
static char problem[200];

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static void add(unsigned core, unsigned owner, unsigned type, uint64_t base, uint64_t bytes,
                bool kept)
{
    cr_assert_lt(count, MAX);
    list[count++] =
        (struct seen_capability){ base, bytes, (uint8_t)type, (uint8_t)core, (uint8_t)owner, kept };
}

static bool holds(uint64_t seen)
{
    problem[0] = 0;
    memcpy(sorted, list, sizeof(list[0]) * count);
    const bool fine = capability_rules_hold(sorted, count, seen, problem, sizeof(problem));
    cr_assert_eq(fine, problem[0] == 0);
    return fine;
}

#define ALL ((1u << CORES) - 1)

/* Each core has RAM; of some objects it has made frames, of which others have copies and parts, and
 * the owner an entry for each. */
static void honest_cores(void)
{
    count = 0;
    for (unsigned object = 0; object < OBJECTS; object++) {
        const unsigned owner = object % CORES;
        const uint64_t base = BASE(object), bytes = 8 * PAGE;
        add(owner, owner, ABI_CAP_RAM, base, bytes, false);
        if (below(4) == 0) { /* made into something that does not travel */
            add(owner, owner, TABLE, base, PAGE, false);
            continue;
        }
        if (below(3) > 0)
            add(owner, owner, FRAME, base, bytes, false);
        for (unsigned core = 0; core < CORES; core++) {
            if (core == owner || below(2))
                continue;
            add(owner, owner, FRAME, base, bytes, true);
            for (unsigned copies = 1 + below(3); copies > 0; copies--)
                add(core, owner, FRAME, base, bytes, false);
            if (below(2))
                add(core, owner, FRAME, base + (1 + below(6)) * PAGE, 2 * PAGE, false);
        }
    }
    add(0, 0, ABI_CAP_RAM, 0, BASE(OBJECTS), false); /* of which all were made */
}

Test(capability_rules, what_honest_cores_do_keeps_them)
{
    for (state = 1; state < 500; state++) {
        const uint64_t seed = state;
        honest_cores();
        cr_assert(holds(ALL), "seed %lu: %s", seed, problem);
        state = seed;
    }
}

/* One capability of somebody is changed. */
Test(capability_rules, a_lie_anywhere_is_found)
{
    unsigned tried[4] = { 0 };
    for (uint64_t seed = 1; seed < 500; seed++) {
        state = seed;
        honest_cores();
        const struct seen_capability victim = list[below((unsigned)count)];
        const unsigned lie = below(4);
        const unsigned other = (victim.core + 1) % CORES;
        if (victim.type == ABI_CAP_RAM || victim.kept)
            continue;
        if (lie == 0 && victim.type == FRAME) { /* a copy names another owner */
            add(victim.core, (victim.owner + 1) % CORES, FRAME, victim.base, victim.bytes, false);
        } else if (lie == 1 && victim.core != victim.owner) { /* the owner forgets it */
            size_t left = 0;
            for (size_t i = 0; i < count; i++)
                if (!list[i].kept || list[i].base + list[i].bytes <= victim.base ||
                    victim.base + victim.bytes <= list[i].base)
                    list[left++] = list[i];
            count = left;
        } else if (lie == 2 && victim.core != victim.owner) { /* and makes a table of it */
            add(victim.owner, victim.owner, TABLE, victim.base + victim.bytes - PAGE, PAGE, false);
        } else if (lie == 3 && victim.core == victim.owner) { /* another core has made it, too */
            add(other, other, FRAME, victim.base, PAGE, false);
        } else {
            continue;
        }
        tried[lie]++;
        cr_assert_not(holds(ALL), "seed %lu: lie %u about 0x%lx", seed, lie, victim.base);
    }
    for (unsigned lie = 0; lie < 4; lie++)
        cr_assert_gt(tried[lie], 5, "lie %u", lie);
}

Test(capability_rules, cores_that_could_not_be_read_are_not_judged)
{
    count = 0;
    add(1, 0, FRAME, BASE(0), PAGE, false);
    cr_assert_not(holds(3));
    cr_assert_str_eq(problem,
                     "core 1 has Frame 0x10000-0x11000 of core 0: its owner does not know");
    cr_assert(holds(2));
    add(0, 0, FRAME, BASE(0), PAGE, true);
    cr_assert(holds(3));
}

Test(capability_rules, a_part_is_known_by_its_whole_and_not_the_other_way_round)
{
    count = 0;
    add(0, 0, FRAME, BASE(0), 2 * PAGE, true);
    add(1, 0, FRAME, BASE(0) + PAGE, PAGE, false);
    cr_assert(holds(3));
    add(1, 0, FRAME, BASE(0), 4 * PAGE, false);
    cr_assert_not(holds(3));
}

/* Lent, it is only a name; moved, it belongs to the other one, and is kept by the first. */
Test(capability_rules, ram_is_lent_and_moves)
{
    count = 0;
    add(0, 0, ABI_CAP_RAM, BASE(0), 4 * PAGE, true);
    add(1, 0, ABI_CAP_RAM, BASE(0), 4 * PAGE, false);
    add(0, 0, FRAME, BASE(0), PAGE, false);
    cr_assert(holds(3));
    add(0, 1, ABI_CAP_RAM, BASE(1), 4 * PAGE, true);
    add(1, 1, ABI_CAP_RAM, BASE(1), 4 * PAGE, false);
    add(1, 1, FRAME, BASE(1), PAGE, false);
    cr_assert(holds(3));
    add(0, 0, FRAME, BASE(1), PAGE, false);
    cr_assert_not(holds(3));
}

Test(capability_rules, nothing_is_fine)
{
    count = 0;
    cr_assert(holds(ALL));
}
