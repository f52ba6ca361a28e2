/* SPDX-License-Identifier: MIT
 *
 * Random numbers for everything that must be repeatable: the same seed, the same sequence, on every
 * machine and in every build.  xoshiro256** (Blackman and Vigna, 2018), its state filled from the
 * seed by splitmix64.  Flat: a copy of the structure is a snapshot.
 */
#ifndef VMM_ENGINE_PRNG_H
#define VMM_ENGINE_PRNG_H

#include <assert.h>
#include <stdint.h>

struct prng {
    uint64_t state[4];
};

static inline uint64_t prng_rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* Any seed will do, 0 included. */
static inline void prng_seed(struct prng *prng, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        prng->state[i] = z ^ z >> 31;
    }
}

static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = prng_rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = prng_rotate(s[3], 45);
    return result;
}

/* Uniform in 0 .. bound - 1, for bound below 2^32 (the bias is below 2^-32). */
static inline uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0 && bound <= UINT32_MAX);
    return (prng_next(prng) >> 32) * bound >> 32;
}

#endif
