/* SPDX-License-Identifier: MIT
 *
 * The `machine` section: cores, nodes, memory, distances.
 *
 * Everything may be left out: one node holds all cores, memory has a default and is shared out
 * evenly, remote nodes are twice as far as local ones.  What is given must fit together exactly;
 * a sum that is off is reported where it was written, never silently corrected.  Whatever the
 * errors, the section leaves a machine of at least one core and one node.
 */
#include <assert.h>
#include <string.h>

#include "scenario/machine_parse.h"
#include "scenario/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A value and whether it was given, and where. */
struct given {
    const struct ynode *at; /* NULL: not given (or given wrongly, which was reported) */
    uint64_t value;
};

struct node_input {
    const struct ynode *at;
    struct given memory, window;
    const struct ynode *cores_at;
    uint64_t cores;
};

struct machine_input {
    struct given cores, memory, window, slice, board;
    bool panic_kills_core;
    const struct ynode *nodes_at, *distances_at, *interconnect_at, *preset_at;
    const char *preset;
    uint64_t preset_cores;
    struct node_input node[ABI_MAX_NODES];
    unsigned node_count;
    bool crash_fails;
};

static void take_bytes(struct parser *parser, const struct ynode *value, const char *what,
                       uint64_t min, uint64_t max, const char *reason, struct given *out)
{
    char text[2][32];
    uint64_t bytes;
    if (!parse_bytes(parser, value, what, &bytes))
        return;
    if (bytes % ABI_LARGE_PAGE_BYTES != 0)
        diag_error(parser->diags, value->place, "%s: %s is not a multiple of 2 MiB", what,
                   value->text);
    else if (bytes < min)
        diag_error(parser->diags, value->place, "%s: %s is too little; at least %s: %s", what,
                   value->text, format_memory(min, text[0]), reason);
    else if (bytes > max)
        diag_error(parser->diags, value->place, "%s: %s is too much; at most %s", what, value->text,
                   format_memory(max, text[1]));
    else
        *out = (struct given){ value, bytes };
}

static void parse_node_cores(struct parser *parser, const struct ynode *value, void *object)
{
    struct node_input *node = object;
    if (parse_cores(parser, value, "cores of a node", &node->cores))
        node->cores_at = value;
}

static void parse_node_memory(struct parser *parser, const struct ynode *value, void *object)
{
    struct node_input *node = object;
    take_bytes(parser, value, "memory of a node", SCENARIO_NODE_MIN_BYTES, ABI_RAM_LIMIT,
               "a node holds page tables and objects of its own", &node->memory);
}

static const char window_reason[] = "it carries the channels of the node's cores";

static void parse_node_window(struct parser *parser, const struct ynode *value, void *object)
{
    struct node_input *node = object;
    take_bytes(parser, value, "window of a node", SCENARIO_WINDOW_MIN_BYTES, ABI_WINDOW_STRIDE,
               window_reason, &node->window);
}

static const struct key node_keys[] = {
    { "cores", true, parse_node_cores },
    { "memory", false, parse_node_memory },
    { "window", false, parse_node_window },
};

static void parse_machine_cores(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    if (parse_number(parser, value, "cores", 1, ABI_MAX_CORES, &input->cores.value))
        input->cores.at = value;
}

static void parse_machine_memory(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    /* The least amount depends on the cores: check_memory(). */
    take_bytes(parser, value, "memory", 0, ABI_RAM_LIMIT, "", &input->memory);
}

static void parse_machine_window(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    take_bytes(parser, value, "window", SCENARIO_WINDOW_MIN_BYTES, ABI_WINDOW_STRIDE, window_reason,
               &input->window);
}

static void parse_machine_slice(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    if (parse_number(parser, value, "slice", 1, 1000000, &input->slice.value))
        input->slice.at = value;
}

static void parse_machine_crash(struct parser *parser, const struct ynode *value, void *object)
{
    static const char *const words[] = { "report", "fail" };
    struct machine_input *input = object;
    bool text = value->kind == YNODE_SCALAR;
    const char *near = text ? nearest_word(value->text, words, COUNT(words)) : NULL;
    if (text && strcmp(value->text, "fail") == 0)
        input->crash_fails = true;
    else if (text && strcmp(value->text, "report") == 0)
        input->crash_fails = false;
    else if (near)
        diag_error(parser->diags, value->place,
                   "on_domain_crash: expected report or fail, found '%s'; did you mean '%s'?",
                   value->text, near);
    else
        diag_error(parser->diags, value->place,
                   "on_domain_crash: expected report or fail, found %s", ynode_what(value));
}

static void parse_machine_on_panic(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    bool word = value->kind == YNODE_SCALAR;
    input->panic_kills_core = word && strcmp(value->text, "kill-core") == 0;
    if (!input->panic_kills_core && !(word && strcmp(value->text, "stop") == 0))
        diag_error(parser->diags, value->place, "on_panic: expected stop or kill-core, found %s",
                   ynode_what(value));
}

static void parse_machine_nodes(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    if (value->kind != YNODE_SEQUENCE || value->item_count == 0) {
        diag_error(parser->diags, value->place,
                   "nodes: expected a list with one entry for each node, found %s",
                   value->kind == YNODE_SEQUENCE ? "an empty list" : ynode_what(value));
        return;
    }
    if (value->item_count > ABI_MAX_NODES) {
        diag_error(parser->diags, value->place, "nodes: %zu nodes; at most %d", value->item_count,
                   ABI_MAX_NODES);
        return;
    }
    input->nodes_at = value;
    for (size_t i = 0; i < value->item_count; i++) {
        struct node_input *node = &input->node[input->node_count++];
        node->at = value->items[i];
        parse_mapping(parser, value->items[i], "a node", node_keys, COUNT(node_keys), node);
    }
}

static void parse_machine_distances(struct parser *parser, const struct ynode *value, void *object)
{
    (void)parser;
    struct machine_input *input = object;
    input->distances_at = value; /* checked when the number of nodes is known */
}

static void parse_machine_interconnect(struct parser *parser, const struct ynode *value,
                                       void *object)
{
    (void)parser;
    struct machine_input *input = object;
    input->interconnect_at = value; /* checked when the number of cores is known */
}

static void parse_machine_preset(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    input->preset = parse_preset(parser, value, &input->preset_cores);
    input->preset_at = value;
}

/* A preset says how many cores there are, whatever else does: it is what `--set machine.preset=`
 * wants. */
static void apply_preset(struct machine_input *input)
{
    if (!input->preset)
        return;
    input->cores = (struct given){ input->preset_at, input->preset_cores };
    input->nodes_at = input->distances_at = NULL;
    input->node_count = 0;
    memset(input->node, 0, sizeof(input->node));
}

static void parse_machine_board(struct parser *parser, const struct ynode *value, void *object)
{
    struct machine_input *input = object;
    const char *name;
    if (!parse_text(parser, value, "board", &name))
        return;
    if (strcmp(name, "microvm") != 0 && strcmp(name, "q35") != 0)
        diag_error(parser->diags, value->place, "board: expected microvm or q35, found '%s'", name);
    else
        input->board =
            (struct given){ value, *name == 'q' ? SCENARIO_BOARD_Q35 : SCENARIO_BOARD_MICROVM };
}

static const struct key machine_keys[] = {
    { "cores", false, parse_machine_cores },
    { "memory", false, parse_machine_memory },
    { "window", false, parse_machine_window },
    { "nodes", false, parse_machine_nodes },
    { "distances", false, parse_machine_distances },
    { "slice", false, parse_machine_slice },
    { "on_panic", false, parse_machine_on_panic },
    { "board", false, parse_machine_board },
    { "preset", false, parse_machine_preset },
    { "interconnect", false, parse_machine_interconnect },
    { "on_domain_crash", false, parse_machine_crash },
};

/* ---- what fits together ---- */

static void check_cores(struct parser *parser, const struct machine_input *input,
                        struct scenario_machine *machine)
{
    uint64_t seen = 0;
    bool complete = true;
    for (unsigned i = 0; i < input->node_count; i++) {
        const struct node_input *node = &input->node[i];
        if (!node->cores_at) {
            complete = false; /* reported already; do not blame the sum */
            continue;
        }
        uint64_t twice = seen & node->cores;
        if (twice)
            diag_error(parser->diags, node->cores_at->place, "core %d is in two nodes",
                       __builtin_ctzll(twice));
        seen |= node->cores;
        machine->node[i].cores = node->cores & ~twice;
    }
    unsigned count = input->cores.at ? (unsigned)input->cores.value : 0;
    unsigned named = (unsigned)__builtin_popcountll(seen);
    if (!count && !complete)
        count = named ? 64 - (unsigned)__builtin_clzll(seen) : 1;
    else if (!count)
        count = named ? named : 1;
    machine->core_count = count;

    uint64_t exist = count == 64 ? ~0ull : (1ull << count) - 1;
    if (!complete) {
        machine->node[0].cores |= exist & ~seen;
        return;
    }
    if (seen & ~exist) {
        if (input->cores.at)
            diag_error(parser->diags, input->nodes_at->place,
                       "nodes: core %d is in a node, but the machine has %u cores (cores: in line "
                       "%u)",
                       63 - __builtin_clzll(seen), count, input->cores.at->place.line);
        else
            diag_error(parser->diags, input->nodes_at->place,
                       "nodes: core %d is in no node, but core %d is; cores are numbered without "
                       "gaps",
                       __builtin_ctzll(exist & ~seen), 63 - __builtin_clzll(seen));
    } else if (exist & ~seen) {
        diag_error(parser->diags, input->nodes_at->place, "nodes: core %d is in no node",
                   __builtin_ctzll(exist & ~seen));
    }
    for (unsigned i = 0; i < input->node_count; i++)
        machine->node[i].cores &= exist;
    machine->node[0].cores |= exist & ~seen;
}

static uint64_t weight_of(const struct scenario_node *node)
{
    return node->cores != 0 ? (uint64_t)__builtin_popcountll(node->cores) : 1;
}

/* Cores of the nodes without memory of their own, from node `first` on; *count: of these nodes. */
static uint64_t open_cores(const struct scenario_machine *machine,
                           const struct machine_input *input, unsigned first, unsigned *count)
{
    uint64_t cores = 0;
    *count = 0;
    for (unsigned i = first; i < machine->node_count; i++) {
        if (input->node[i].memory.at)
            continue;
        cores += weight_of(&machine->node[i]);
        ++*count;
    }
    return cores;
}

/* Shares `total` out over nodes without memory of their own, in pages of 2 MiB.  Each gets the
 * least that a node has, and of the rest as much for each of its cores as the others: a core takes
 * its memory from its node.  Node 0 gets what the boot needs first, and what does not divide goes
 * to the first. */
static void share_memory(struct scenario_machine *machine, const struct machine_input *input,
                         uint64_t total)
{
    const uint64_t boot_pages = SCENARIO_FIRST_CORE_BYTES / ABI_LARGE_PAGE_BYTES;
    const uint64_t node_pages = SCENARIO_NODE_MIN_BYTES / ABI_LARGE_PAGE_BYTES;
    uint64_t pages = total / ABI_LARGE_PAGE_BYTES;
    unsigned open, next = 0;
    uint64_t cores = open_cores(machine, input, 0, &open);
    if (!input->node[0].memory.at && pages >= boot_pages + (open - 1) * node_pages) {
        const uint64_t own = weight_of(&machine->node[0]);
        if (node_pages + (pages - open * node_pages) * own / cores < boot_pages) {
            machine->node[0].memory_bytes = boot_pages * ABI_LARGE_PAGE_BYTES;
            pages -= boot_pages;
            next = 1;
            cores = open_cores(machine, input, next, &open);
        }
    }
    const uint64_t shared = pages - open * node_pages;
    uint64_t left = shared;
    for (unsigned i = next; i < machine->node_count; i++)
        if (!input->node[i].memory.at)
            left -= shared * weight_of(&machine->node[i]) / cores;
    for (unsigned i = next; i < machine->node_count; i++) {
        if (input->node[i].memory.at)
            continue;
        const uint64_t own = weight_of(&machine->node[i]);
        machine->node[i].memory_bytes =
            (node_pages + shared * own / cores + left) * ABI_LARGE_PAGE_BYTES;
        left = 0;
    }
}

/* Enough for channels of every core to every other one, and to the services. */
static uint64_t default_window(const struct scenario_node *node)
{
    uint64_t bytes = (uint64_t)__builtin_popcountll(node->cores) * SCENARIO_WINDOW_PER_CORE_BYTES;
    bytes = (bytes + ABI_LARGE_PAGE_BYTES - 1) / ABI_LARGE_PAGE_BYTES * ABI_LARGE_PAGE_BYTES;
    return bytes > SCENARIO_DEFAULT_WINDOW_BYTES ? bytes : SCENARIO_DEFAULT_WINDOW_BYTES;
}

static void check_memory(struct parser *parser, const struct ynode *section,
                         const struct machine_input *input, struct scenario_machine *machine)
{
    char text[4][32];
    uint64_t least =
        SCENARIO_FIRST_CORE_BYTES + (machine->core_count - 1) * SCENARIO_FURTHER_CORE_BYTES;
    uint64_t given = 0;
    unsigned open = 0;
    bool good = false;
    for (unsigned i = 0; i < machine->node_count; i++) {
        machine->node[i].memory_bytes = input->node[i].memory.value;
        given += input->node[i].memory.value;
        open += !input->node[i].memory.at;
    }

    const struct ynode *blame = input->memory.at  ? input->memory.at
                                : input->nodes_at ? input->nodes_at
                                                  : section;
    struct place place = blame ? blame->place : (struct place){ .file = parser->scenario->file };
    uint64_t total;
    if (input->memory.at) {
        total = input->memory.value;
    } else if (open) {
        uint64_t standard = machine->core_count * (16ull << 20);
        if (standard < SCENARIO_DEFAULT_MEMORY_BYTES)
            standard = SCENARIO_DEFAULT_MEMORY_BYTES;
        total = given + standard;
    } else {
        total = given;
    }
    if (input->memory.at && input->nodes_at &&
        (open ? given + open * SCENARIO_NODE_MIN_BYTES > total : given != total))
        diag_error(parser->diags, place,
                   "memory: %s, but the nodes have %s together; leave one of the two out",
                   format_memory(total, text[0]), format_memory(given, text[1]));
    else if (total < least)
        diag_error(parser->diags, place,
                   "memory: %s is too little for %u core%s; at least %s: core 0 with the boot "
                   "images takes %s, every further core %s",
                   format_memory(total, text[0]), machine->core_count,
                   machine->core_count == 1 ? "" : "s", format_memory(least, text[1]),
                   format_memory(SCENARIO_FIRST_CORE_BYTES, text[2]),
                   format_memory(SCENARIO_FURTHER_CORE_BYTES, text[3]));
    else if (total > ABI_RAM_LIMIT)
        diag_error(parser->diags, place, "memory: %s is too much; at most %s",
                   format_memory(total, text[0]), format_memory(ABI_RAM_LIMIT, text[1]));
    else
        good = true;
    if (!good)
        return;
    if (open)
        share_memory(machine, input, total - given);
    if (machine->node[0].memory_bytes < SCENARIO_FIRST_CORE_BYTES)
        diag_error(
            parser->diags, input->node[0].memory.at ? input->node[0].memory.at->place : place,
            "memory of node 0: %s is too little; at least %s: the boot images and core 0 live "
            "there",
            format_memory(machine->node[0].memory_bytes, text[0]),
            format_memory(SCENARIO_FIRST_CORE_BYTES, text[1]));

    for (unsigned i = 0; i < machine->node_count; i++) {
        const struct given *window = &input->node[i].window;
        machine->node[i].window_bytes = window->at         ? window->value
                                        : input->window.at ? input->window.value
                                                           : default_window(&machine->node[i]);
    }
}

static void check_distances(struct parser *parser, const struct ynode *value,
                            struct scenario_machine *machine)
{
    for (unsigned i = 0; i < machine->node_count; i++)
        for (unsigned j = 0; j < machine->node_count; j++)
            machine->distance[i][j] = i == j ? SCENARIO_LOCAL_DISTANCE : SCENARIO_REMOTE_DISTANCE;
    if (!value)
        return;
    if (value->kind != YNODE_SEQUENCE) {
        diag_error(parser->diags, value->place,
                   "distances: expected a list with one row of numbers for each node, found %s",
                   ynode_what(value));
        return;
    }
    if (value->item_count != machine->node_count) {
        diag_error(parser->diags, value->place,
                   "distances: %zu rows, but the machine has %u node%s; expected one row for each",
                   value->item_count, machine->node_count, machine->node_count == 1 ? "" : "s");
        return;
    }
    for (unsigned i = 0; i < machine->node_count; i++) {
        const struct ynode *row = value->items[i];
        if (row->kind != YNODE_SEQUENCE || row->item_count != machine->node_count) {
            diag_error(parser->diags, row->place,
                       "distances: row %u: expected a list of %u numbers, one for each node", i,
                       machine->node_count);
            continue;
        }
        for (unsigned j = 0; j < machine->node_count; j++) {
            uint64_t distance;
            const struct ynode *cell = row->items[j];
            if (!parse_number(parser, cell, "distances", SCENARIO_LOCAL_DISTANCE, 254, &distance))
                continue;
            if ((i == j) != (distance == SCENARIO_LOCAL_DISTANCE))
                diag_error(parser->diags, cell->place,
                           "distances: node %u to node %u is %s: expected %s", i, j, cell->text,
                           i == j ? "10, the distance of a node to itself"
                                  : "more than 10, the distance of a node to itself");
            machine->distance[i][j] = (uint8_t)distance;
        }
    }
}

void parse_machine(struct parser *parser, const struct ynode *node)
{
    struct machine_input *input = arena_alloc(parser->arena, sizeof(*input));
    struct scenario_machine *machine = &parser->scenario->machine;
    size_t errors_before = parser->diags->errors;
    if (node)
        parse_mapping(parser, node, "machine", machine_keys, COUNT(machine_keys), input);
    apply_preset(input);
    bool clean = parser->diags->errors == errors_before;

    machine->crash_fails = input->crash_fails;
    machine->panic_kills_core = input->panic_kills_core;
    machine->slice_blocks = input->slice.at ? (uint32_t)input->slice.value : 0;
    machine->board = (unsigned)input->board.value;
    machine->node_count = input->node_count ? input->node_count : 1;
    if (input->node_count) {
        check_cores(parser, input, machine);
    } else {
        machine->core_count = input->cores.at ? (unsigned)input->cores.value : 1;
        machine->node[0].cores =
            machine->core_count == 64 ? ~0ull : (1ull << machine->core_count) - 1;
    }
    parser->cores_unknown |= parser->diags->errors != errors_before;
    /* Sums over values that were refused would only repeat the complaint. */
    if (clean)
        check_memory(parser, node, input, machine);
    if (clean && (input->interconnect_at || input->preset))
        parse_interconnect(parser, input->interconnect_at, input->preset, input->preset_at);
    bool nodes_wrong = node && !input->preset && node->kind == YNODE_MAPPING &&
                       ynode_get(node, "nodes") && !input->nodes_at;
    if (!nodes_wrong)
        check_distances(parser, input->distances_at, machine);
    assert(machine->core_count >= 1 && machine->node_count >= 1);
}
