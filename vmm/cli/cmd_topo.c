/* SPDX-License-Identifier: MIT
 *
 * vmm topo: draws the machine of a scenario: a box for each node with its memory, window, cores and
 * the programs that the menu puts there, then the distances and the interconnect.  Plain ASCII, at
 * most 100 columns wide.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/outputs.h"
#include "cli/topo_net.h"
#include "scenario/text.h"
#include "scenario/units.h"

#define PAGE_COLUMNS 100
#define BOX_INNER 28 /* text columns of a box */
#define BOX_LINES_MAX 160
#define BOXES_PER_ROW (PAGE_COLUMNS / (BOX_INNER + 5))

struct box {
    char line[BOX_LINES_MAX][BOX_INNER + 1];
    unsigned count;
};

static const struct command_line command_line = {
    .takes = { { 'S', NULL }, { OPTION_SVG, NULL } },
    .operand = "a scenario file",
    .args_doc = "FILE",
    .doc = "Draws the machine of a scenario: nodes, cores, memory, programs, distances.",
};

static void box_add(struct box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void box_add(struct box *box, const char *format, ...)
{
    if (box->count == BOX_LINES_MAX)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char *line = box->line[box->count++];
    size_t length = strnlen(text, BOX_INNER);
    memcpy(line, text, length);
    line[length] = '\0';
    if (strlen(text) > BOX_INNER)
        memcpy(line + BOX_INNER - 2, "..", 2);
}

/* The name may hold anything that a menu can say. */
static void box_add_program(struct box *box, unsigned core, const struct menu_line *line)
{
    const char *name = path_base(line->path);
    char *clean = text_clean(name, strlen(name));
    box_add(box, "  %2u %s", core, clean ? clean : "(no memory)");
    free(clean);
}

/* "0-3, 6": a set of cores as ranges. */
static char *cores_text(uint64_t cores, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned core = 0; core < ABI_MAX_CORES; core++) {
        if (!(cores >> core & 1))
            continue;
        unsigned last = core;
        while (last + 1 < ABI_MAX_CORES && cores >> (last + 1) & 1)
            last++;
        used += (size_t)snprintf(text + used, bytes - used, last > core ? "%s%u-%u" : "%s%u",
                                 used ? ", " : "", core, last);
        assert(used < bytes);
        core = last;
    }
    return text;
}

static void fill_box(struct box *box, const struct scenario *scenario, unsigned index)
{
    const struct scenario_node *node = &scenario->machine.node[index];
    char text[256], size[32];
    box_add(box, "node %u", index);
    box_add(box, "memory  %s", format_memory(node->memory_bytes, size));
    box_add(box, "window  %s", format_memory(node->window_bytes, size));
    box_add(box, "cores   %s", node->cores ? cores_text(node->cores, text, sizeof(text)) : "none");
    for (unsigned core = 0; core < scenario->machine.core_count; core++) {
        if (!(node->cores >> core & 1))
            continue;
        for (size_t i = 0; i < scenario->menu.module_count; i++) {
            const struct menu_line *line = &scenario->menu.modules[i];
            if (line->cores >> core & 1)
                box_add_program(box, core, line);
        }
    }
}

static void print_rule(unsigned boxes)
{
    for (unsigned i = 0; i < boxes; i++) {
        fputs(i ? "  +" : "+", stdout);
        for (unsigned column = 0; column < BOX_INNER + 2; column++)
            putchar('-');
        putchar('+');
    }
    putchar('\n');
}

static void print_boxes(const struct box *box, unsigned count)
{
    unsigned lines = 0;
    for (unsigned i = 0; i < count; i++)
        lines = box[i].count > lines ? box[i].count : lines;
    print_rule(count);
    for (unsigned line = 0; line < lines; line++) {
        for (unsigned i = 0; i < count; i++)
            printf("%s| %-*s |", i ? "  " : "", BOX_INNER,
                   line < box[i].count ? box[i].line[line] : "");
        putchar('\n');
    }
    print_rule(count);
}

static void print_distances(const struct scenario_machine *machine)
{
    if (machine->node_count == 1)
        return;
    printf("\ndistances ");
    for (unsigned to = 0; to < machine->node_count; to++)
        printf("%4u", to);
    putchar('\n');
    for (unsigned from = 0; from < machine->node_count; from++) {
        printf("  node %2u ", from);
        for (unsigned to = 0; to < machine->node_count; to++)
            printf("%4u", machine->distance[from][to]);
        putchar('\n');
    }
}

static int draw(const struct scenario *scenario)
{
    const struct scenario_machine *machine = &scenario->machine;
    uint64_t memory = 0;
    char text[32];
    for (unsigned i = 0; i < machine->node_count; i++)
        memory += machine->node[i].memory_bytes;
    printf("%s: %u core%s, %u node%s, %s\n", scenario->name, machine->core_count,
           machine->core_count == 1 ? "" : "s", machine->node_count,
           machine->node_count == 1 ? "" : "s", format_memory(memory, text));

    struct box *box = calloc(BOXES_PER_ROW, sizeof(*box));
    if (!box) {
        fprintf(stderr, "vmm: the host is out of memory\n");
        return STATUS_HOST;
    }
    for (unsigned first = 0; first < machine->node_count; first += BOXES_PER_ROW) {
        unsigned count = machine->node_count - first;
        if (count > BOXES_PER_ROW)
            count = BOXES_PER_ROW;
        memset(box, 0, BOXES_PER_ROW * sizeof(*box));
        for (unsigned i = 0; i < count; i++)
            fill_box(&box[i], scenario, first + i);
        print_boxes(box, count);
    }
    free(box);
    print_distances(machine);
    topo_print_interconnect(machine, stdout);
    return STATUS_OK;
}

static int draw_svg(struct scenario *scenario, const char *path)
{
    struct out_file file;
    const struct inputs inputs = { (char *const *)&scenario->file, &scenario, 1, "" };
    if (outputs_is_input(path, &inputs)) {
        fprintf(stderr, "vmm: --svg %s: that is an input of the run; name another file\n", path);
        return STATUS_USAGE;
    }
    int error = out_file_open(&file, path);
    if (!error) {
        const int written = topo_write_svg(scenario, file.stream);
        error = out_file_close(&file, written == 0);
        error = error ? error : written;
    }
    if (error)
        fprintf(stderr, "vmm: --svg %s: cannot write: %s\n", path, strerror(-error));
    return error ? STATUS_HOST : STATUS_OK;
}

int cmd_topo(int argc, char **argv)
{
    struct options options;
    options_parse(&command_line, argc, argv, &options);
    struct scenario *scenario = load_and_report(options.operands[0], &options.sets);
    if (!scenario)
        return STATUS_USAGE;
    int status = options.svg ? draw_svg(scenario, options.svg) : draw(scenario);
    scenario_free(scenario);
    return status;
}
