/* SPDX-License-Identifier: MIT
 *
 * What the programs of write_driver (random_interface.h) share: random values, a queue of what must
 * arrive next, and a pair of bindings.
 */
#ifndef TESTS_IDL_DRIVER_H
#define TESTS_IDL_DRIVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define CHECK(condition, what)                                                             \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "driver: %s: %s is wrong (seed %llx)\n", driver.message, what, \
                    (unsigned long long)driver.seed);                                      \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

#define DRIVER_QUEUE 4096
#define DRIVER_MAX_CAPS 64

/* One direction of a connection. */
struct driver_side {
    struct {
        unsigned number;
        uint64_t seed;
    } queue[DRIVER_QUEUE];
    unsigned head, tail;                 /* head: next to arrive */
    struct capref caps[DRIVER_MAX_CAPS]; /* to destroy when the message is out */
    unsigned cap_count;
    unsigned continuations; /* still to come */
};

static struct {
    const char *message;
    uint64_t seed;
    struct waitset ws;
    struct driver_side side[2];
} driver;

static inline uint64_t driver_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Lengths: often at the ends. */
static inline size_t driver_length(uint64_t *state, size_t max)
{
    switch (driver_random(state) % 8) {
    case 0:
        return 0;
    case 1:
        return max;
    default:
        return driver_random(state) % (max + 1);
    }
}

static inline void driver_string(uint64_t *state, char *to, size_t max)
{
    size_t length = driver_length(state, max - 1);
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(1 + driver_random(state) % 255);
    to[length] = '\0';
}

static inline void driver_expect(struct driver_side *to, unsigned number, uint64_t seed)
{
    to->queue[to->tail].number = number;
    to->queue[to->tail].seed = seed;
    to->tail = (to->tail + 1) % DRIVER_QUEUE;
}

/* A message arrived: its seed. */
static inline uint64_t driver_arrived(struct driver_side *at, unsigned number, const char *name)
{
    driver.message = name;
    if (at->head == at->tail || at->queue[at->head].number != number) {
        fprintf(stderr, "driver: %s arrived, which was not sent or not yet\n", name);
        abort();
    }
    driver.seed = at->queue[at->head].seed;
    at->head = (at->head + 1) % DRIVER_QUEUE;
    return driver.seed;
}

static inline struct capref driver_cap(struct driver_side *from, uint32_t object, bool give_away)
{
    struct capref cap = host_cap_make(object);
    if (!give_away)
        from->caps[from->cap_count++] = cap;
    return cap;
}

static inline void driver_drop_caps(struct driver_side *side)
{
    while (side->cap_count > 0)
        cap_destroy(side->caps[--side->cap_count]);
}

static inline void driver_sent(void *arg)
{
    struct driver_side *side = arg;
    driver_drop_caps(side);
    side->continuations--;
}

static inline bool driver_idle(void)
{
    for (int i = 0; i < 2; i++)
        if (driver.side[i].head != driver.side[i].tail || driver.side[i].continuations > 0)
            return false;
    return true;
}

static inline void driver_settle(void)
{
    while (!driver_idle())
        event_dispatch(&driver.ws);
}

#endif
