/* SPDX-License-Identifier: MIT
 *
 * Inside vmm/fault/: state, and the parts that its files offer each other.
 */
#ifndef FAULT_FAULT_PRIVATE_H
#define FAULT_FAULT_PRIVATE_H

#include "fault/fault.h"

struct fault_counter {
    uint64_t fired;
    uint64_t seen; /* scope: rule */
};

struct fault_id_count { /* notifications of one id from a core to another */
    uint32_t from, to, id;
    uint64_t count;
};

struct fault_state {
    const struct fault_rules *rules;
    const struct fault_names *names;
    bool quiet;
    struct fault_counter *counter; /* one for each rule */
    uint64_t ipi[ABI_MAX_CORES][ABI_MAX_CORES];
    struct fault_id_count *ipi_id;
    size_t ipi_id_count;
    uint64_t timer[ABI_MAX_CORES];
    uint64_t (*syscall)[ABI_MAX_CORES]; /* for each rule: what it looks for, by core */
};

/* What was last written to a slot. */
struct fault_slot {
    bool used;
    uint8_t epoch;
    uint16_t type;
    uint32_t line, attempt;
    uint64_t number, any, lines;
};

struct fault_type_count {
    uint32_t type;
    uint64_t count;
};

struct fault_ring {
    char *channel;
    const struct fault_interface *interface; /* NULL: names are not known */
    uint64_t key;                            /* hash of channel and direction */
    unsigned from, to;
    uint32_t *rule; /* that can fire here, in their order */
    size_t rule_count;

    unsigned slots, next;
    uint8_t epoch;
    struct fault_slot *slot;

    uint64_t any, lines;
    struct fault_type_count *type;
    size_t type_count;

    /* A message of several lines under way. */
    bool within;
    uint32_t current, line, fixed_left, stream;
    uint64_t words_left;
    const struct fault_message_name *message;
};

/* ring.c: which message is it?  Counts. */
void fault_ring_identify(struct fault_ring *ring, const struct fault_line *line,
                         struct fault_message *message);

/* hash.c */
uint64_t fault_hash_mix(uint64_t a, uint64_t b);

/* The exact form of an action: what was left to chance is taken from `key`.  words: of the line. */
struct fault_action fault_exact(const struct fault_action *action, uint64_t key, unsigned words);

#endif
