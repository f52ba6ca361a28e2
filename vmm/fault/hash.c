/* SPDX-License-Identifier: MIT
 *
 * Chance as a function: the same key, the same outcome, whatever else happens.
 */
#include <assert.h>

#include "fault/fault_private.h"

#define WORD_BITS 64

/* FNV-1a. */
uint64_t fault_hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    return hash;
}

/* The finishing steps of splitmix64 over both. */
uint64_t fault_hash_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a * 0x9e3779b97f4a7c15 + b;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void choose_bits(struct fault_action *exact, uint64_t key, unsigned words)
{
    assert(words > 0 && words <= FAULT_LINE_WORDS_MAX);
    for (uint32_t i = 0, tries = 0; i < exact->count && tries < 100000; tries++) {
        uint64_t bit = fault_hash_mix(key, tries) % (words * WORD_BITS);
        uint64_t mask = 1ull << bit % WORD_BITS, *word = &exact->flip[bit / WORD_BITS];
        if (*word & mask)
            continue;
        *word |= mask;
        i++;
    }
    exact->count = 0;
}

struct fault_action fault_exact(const struct fault_action *action, uint64_t key, unsigned words)
{
    struct fault_action exact = *action;
    if (exact.kind == FAULT_DELAY && exact.max_ns > exact.min_ns) {
        exact.min_ns += fault_hash_mix(key, 0) % (exact.max_ns - exact.min_ns + 1);
        exact.max_ns = exact.min_ns;
    }
    if (exact.kind == FAULT_CORRUPT && exact.count > 0)
        choose_bits(&exact, key, words);
    return exact;
}
