/* SPDX-License-Identifier: MIT
 *
 * A person at the console of a running machine: what arrives at a descriptor, line by line from a
 * terminal, becomes a machine_input_source.
 */
#ifndef RUN_TERMINAL_H
#define RUN_TERMINAL_H

#include <stdbool.h>

#include "machine/machine.h"

struct terminal;

/* Reads `fd`, which stays the caller's.  virtual_time: of the engine.  NULL with errno set. */
struct terminal *terminal_create(int fd, bool virtual_time);

/* For machine_config.source; lives as long as the terminal. */
const struct machine_input_source *terminal_source(struct terminal *terminal);

/* Around the run: reads in between only.  The end of the file, or of the terminal, is the end of
 * the input. */
void terminal_begin(struct terminal *terminal, struct machine *machine);
void terminal_end(struct terminal *terminal);

/* NULL is fine. */
void terminal_destroy(struct terminal *terminal);

#endif
