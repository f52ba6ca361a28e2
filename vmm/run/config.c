/* SPDX-License-Identifier: MIT
 *
 * From a scenario to the configuration of a machine.
 */
#include "run/config.h"

#include <assert.h>
#include <string.h>

static struct machine_menu_line menu_line(const struct menu_line *line)
{
    return (struct machine_menu_line){
        .path = line->path,
        .image = line->image,
        .line = line->command,
        .file = line->place.file,
        .line_number = line->place.line,
    };
}

void config_of_scenario(struct machine_config *config, struct machine_menu_line *modules,
                        const struct scenario *scenario, const char *images, uint64_t seed)
{
    const struct scenario_machine *machine = &scenario->machine;
    config->core_count = machine->core_count;
    config->node_count = machine->node_count;
    for (unsigned core = 0; core < machine->core_count; core++)
        config->core_node[core] = (uint8_t)scenario_node_of(machine, core);
    for (unsigned node = 0; node < machine->node_count; node++)
        config->node[node] = (struct machine_node){ machine->node[node].memory_bytes,
                                                    machine->node[node].window_bytes };
    static_assert(MENU_MODULES_MAX == MACHINE_MAX_MODULES, "what vmm check accepts can be run");
    static_assert(sizeof(config->distance) == sizeof(machine->distance), "one layout");
    memcpy(config->distance, machine->distance, sizeof(config->distance));
    config->board = machine->board;
    config->image_dir = images;
    config->kernel = menu_line(&scenario->menu.kernel);
    for (size_t i = 0; i < scenario->menu.module_count; i++)
        modules[i] = menu_line(&scenario->menu.modules[i]);
    config->module = modules;
    config->module_count = (unsigned)scenario->menu.module_count;
    config->seed = seed;
}

void config_input(struct machine_config *config, struct machine_input *pieces,
                  const struct scenario *scenario)
{
    static_assert(SCENARIO_INPUT_MAX <= DEVICE_INPUT_BYTES, "what vmm check accepts can be given");
    for (size_t i = 0; i < scenario->input_count; i++) {
        const struct scenario_input *input = &scenario->input[i];
        pieces[i] =
            (struct machine_input){ .text = input->text,
                                    .bytes = input->text ? (uint32_t)strlen(input->text) : 0,
                                    .end = !input->text,
                                    .at_ns = input->at_ns,
                                    .after = input->after };
    }
    config->input = pieces;
    config->input_count = scenario->input_count;
}
