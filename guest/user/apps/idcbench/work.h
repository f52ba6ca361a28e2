/* SPDX-License-Identifier: MIT
 *
 * Work of known kinds, for comparing engines by instructions per second.  The same source runs as a
 * domain (idcbench work) and, by itself, on an emulator of another make (tests/bench/work.c).
 */
#ifndef WORK_H
#define WORK_H

#include <barrelfish/ump_impl.h>

#define WORK_TABLE 1024
#define WORK_RING_BYTES 2048

/* Compute-bound: arithmetic, unpredictable branches, loads and stores within 4 KiB.  1,024 steps to
 * a round. */
static inline uint64_t work_compute(uint64_t rounds)
{
    static uint32_t table[WORK_TABLE];
    uint64_t x = 88172645463325252, sum = 0;

    for (uint64_t i = 0; i < rounds * WORK_TABLE; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        table[x % WORK_TABLE] += (uint32_t)x;
        if (x & 4096)
            sum += table[x / WORK_TABLE % WORK_TABLE] * i;
    }
    return sum;
}

/* Message-bound: 1,024 messages of seven words to a round, through a UMP ring whose two ends are
 * both here. */
static inline uint64_t work_messages(uint64_t rounds)
{
    static struct {
        _Alignas(UMP_LINE_BYTES) char a[WORK_RING_BYTES], b[WORK_RING_BYTES];
    } memory;
    struct ump_ring_pair here, there;
    uint64_t sum = 0;

    if (ump_ring_pair_init(&here, memory.a, sizeof(memory.a), memory.b, sizeof(memory.b)) ||
        ump_ring_pair_init(&there, memory.b, sizeof(memory.b), memory.a, sizeof(memory.a)))
        return 0;
    for (uint64_t i = 0; i < rounds * 512; i++) {
        for (unsigned back = 0; back < 2;
             back++) { /* there and back, so that all is acknowledged */
            struct ump_ring_pair *from = back ? &there : &here, *to = back ? &here : &there;
            struct ump_control control;
            volatile struct ump_message *line = ump_ring_next(from, &control, false);
            unsigned type;

            if (line == NULL)
                return 0;
            for (unsigned word = 0; word < UMP_PAYLOAD_WORDS; word++)
                line->data[word] = i + word;
            ump_ring_commit(from, line, control, UMP_MSGTYPE_FIRST_USER);
            line = ump_ring_peek(to, &type);
            if (line == NULL)
                return 0;
            for (unsigned word = 0; word < UMP_PAYLOAD_WORDS; word++)
                sum += line->data[word];
            ump_ring_consume(to);
        }
    }
    return sum;
}

#endif
