/* SPDX-License-Identifier: MIT */
#ifndef RUN_CONFIG_H
#define RUN_CONFIG_H

#include "machine/machine.h"
#include "scenario/scenario.h"

/* The machine that a scenario describes: its shape, images and seed.  `modules` has room for all
 * modules of the menu; both structures refer to the scenario.  Everything else in `config` stays as
 * it is. */
void config_of_scenario(struct machine_config *config, struct machine_menu_line *modules,
                        const struct scenario *scenario, const char *images, uint64_t seed);

/* What the scenario types; `pieces` has room for scenario->input_count and lives as long as the
 * machine. */
void config_input(struct machine_config *config, struct machine_input *pieces,
                  const struct scenario *scenario);

#endif
