/* SPDX-License-Identifier: MIT
 *
 * Random interfaces, and programs that try one out: for property tests of the interface compiler.
 */
#ifndef TESTS_IDL_RANDOM_INTERFACE_H
#define TESTS_IDL_RANDOM_INTERFACE_H

#include "../../idl/emit.h"

/* Writes a valid interface of this name; the same seed gives the same text. */
void random_interface(struct idl_text *out, const char *name, uint64_t seed);

/* Writes C functions that send every message of the plan with random arguments and compare what
 * arrives; the entry is `void NAME_run(enum flounder_channel kind, uint64_t seed, unsigned
 * rounds)`. To be compiled after driver.h and the generated bindings. */
void write_driver(struct idl_text *out, struct idl_arena *arena, const struct idl_plan *plan);

/* A small generator: the state advances with each call. */
uint64_t random_next(uint64_t *state);

#endif
