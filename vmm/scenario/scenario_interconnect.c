/* SPDX-License-Identifier: MIT
 *
 * `machine.interconnect`: how cores are joined, and `machine.preset`, shapes of machines that are
 * well known.  A preset gives the cores, and what `interconnect` does not say itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scenario/machine_parse.h"
#include "scenario/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEFAULT_LATENCY_NS 50
#define LATENCY_MAX_NS 1000000000ull

#define MIB_PER_S (1ull << 20)

/* Orders of magnitude, not data sheets. */
static const struct preset {
    const char *name;
    unsigned cores;
    const char *topology;
    uint64_t latency_ns, bytes_per_s;
} presets[] = {
    { "full-4", 4, "full", 40, 32768 * MIB_PER_S },
    { "ring-8", 8, "ring", 15, 32768 * MIB_PER_S },
    { "mesh-16", 16, "mesh 4x4", 10, 16384 * MIB_PER_S },
    { "mesh-64", 64, "mesh 8x8", 10, 16384 * MIB_PER_S },
    { "scc-48", 48, "mesh 6x4", 20, 4096 * MIB_PER_S },
    { "hypercube-8", 8, "hypercube", 60, 4096 * MIB_PER_S },
    { "hypercube-32", 32, "hypercube", 60, 4096 * MIB_PER_S },
    { "two-socket-16", 16, "two-socket", 30, 16384 * MIB_PER_S },
    { "eight-socket-32", 32, "eight-socket", 60, 8192 * MIB_PER_S },
};

const char *parse_preset(struct parser *parser, const struct ynode *value, uint64_t *cores)
{
    const char *name;
    char list[256] = "";
    if (!parse_text(parser, value, "preset", &name))
        return NULL;
    for (size_t i = 0; i < COUNT(presets); i++) {
        if (strcmp(presets[i].name, name) == 0) {
            *cores = presets[i].cores;
            return presets[i].name;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", presets[i].name);
    }
    diag_error(parser->diags, value->place, "preset: '%.40s' is none; expected one of %s", name,
               list);
    return NULL;
}

struct input {
    const struct ynode *topology_at, *links_at, *ipi_at;
    const char *topology;
    uint64_t latency_ns, bytes_per_s;
    bool loads;
};

static void parse_topology(struct parser *parser, const struct ynode *value, void *object)
{
    struct input *input = object;
    if (parse_text(parser, value, "topology", &input->topology))
        input->topology_at = value;
}

static void parse_links(struct parser *parser, const struct ynode *value, void *object)
{
    struct input *input = object;
    input->links_at = value;
    if (value->kind != YNODE_SEQUENCE)
        diag_error(parser->diags, value->place,
                   "links: expected a list of pairs of cores such as [[0, 1], [1, 2]], found %s",
                   ynode_what(value));
}

static void parse_latency(struct parser *parser, const struct ynode *value, void *object)
{
    struct input *input = object;
    uint64_t ns;
    if (!parse_time(parser, value, "latency", &ns))
        return;
    if (ns == 0 || ns > LATENCY_MAX_NS)
        diag_error(parser->diags, value->place, "latency: %s: expected 1 ns to 1 s", value->text);
    else
        input->latency_ns = ns;
}

/* "4 GiB/s" */
static void parse_bandwidth(struct parser *parser, const struct ynode *value, void *object)
{
    struct input *input = object;
    const char *text;
    if (!parse_text(parser, value, "bandwidth", &text))
        return;
    size_t length = strlen(text);
    const char *problem = "expected memory for each second, as in '4 GiB/s'";
    if (length > 2 && strcmp(text + length - 2, "/s") == 0) {
        char *memory = arena_text(parser->arena, text, length - 2);
        problem = parse_memory(memory, &input->bytes_per_s);
        if (!problem && input->bytes_per_s == 0)
            problem = "nothing would ever arrive";
    }
    if (problem)
        diag_error(parser->diags, value->place, "bandwidth: '%.40s': %s", text, problem);
}

static void parse_ipi(struct parser *parser, const struct ynode *value, void *object)
{
    struct input *input = object;
    (void)parser;
    input->ipi_at = value; /* what it means depends on the links */
}

static void parse_loads(struct parser *parser, const struct ynode *value, void *object)
{
    struct input *input = object;
    parse_bool(parser, value, "loads", &input->loads);
}

static const struct key keys[] = {
    { "topology", false, parse_topology }, { "links", false, parse_links },
    { "latency", false, parse_latency },   { "bandwidth", false, parse_bandwidth },
    { "ipi", false, parse_ipi },           { "loads", false, parse_loads },
};

static void take_links(struct parser *parser, const struct ynode *list,
                       struct interconnect_shape *shape)
{
    for (size_t i = 0; list->kind == YNODE_SEQUENCE && i < list->item_count; i++) {
        const struct ynode *pair = list->items[i];
        uint64_t core[2];
        if (pair->kind != YNODE_SEQUENCE || pair->item_count != 2) {
            diag_error(parser->diags, pair->place, "links: expected two cores such as [0, 1]");
            continue;
        }
        bool good = true;
        for (unsigned end = 0; end < 2; end++)
            good &=
                parse_number(parser, pair->items[end], "links", 0, shape->cores - 1, &core[end]);
        if (good && core[0] == core[1])
            diag_error(parser->diags, pair->place, "links: core %" PRIu64 " to itself", core[0]);
        else if (good)
            interconnect_join(shape, (unsigned)core[0], (unsigned)core[1]);
    }
}

static void check_whole(struct parser *parser, const struct ynode *list,
                        const struct interconnect_shape *shape)
{
    struct interconnect *state = arena_alloc(parser->arena, sizeof(*state));
    interconnect_init(state, shape);
    for (unsigned core = 1; core < shape->cores; core++) {
        if (state->hops[core][0] != INTERCONNECT_UNREACHED)
            continue;
        diag_error(parser->diags, list->place, "links: no way leads from core 0 to core %u", core);
        return;
    }
}

/* One list for each core: whom it can signal. */
static bool take_signals(struct parser *parser, const struct ynode *list,
                         struct interconnect_shape *shape)
{
    if (list->item_count != shape->cores) {
        diag_error(parser->diags, list->place,
                   "ipi: expected a list for each of the %u cores, found %zu", shape->cores,
                   list->item_count);
        return false;
    }
    bool good = true;
    for (unsigned from = 0; from < shape->cores; from++) {
        const struct ynode *whom = list->items[from];
        uint64_t signals = 1ull << from, core;
        if (whom->kind != YNODE_SEQUENCE) {
            diag_error(parser->diags, whom->place,
                       "ipi: expected the cores that core %u can signal, such as [0, 2]", from);
            return false;
        }
        for (size_t i = 0; i < whom->item_count; i++) {
            core = from;
            good &= parse_number(parser, whom->items[i], "ipi", 0, shape->cores - 1, &core);
            signals |= 1ull << core;
        }
        shape->unsignalled[from] =
            ~signals & (shape->cores < 64 ? (1ull << shape->cores) - 1 : UINT64_MAX);
    }
    return good;
}

static void take_ipi(struct parser *parser, const struct ynode *value,
                     struct interconnect_shape *shape)
{
    const char *word = value->kind == YNODE_SCALAR ? value->text : "";
    unsigned from, to;
    bool good = true;
    if (value->kind == YNODE_SEQUENCE)
        good = take_signals(parser, value, shape);
    else if (strcmp(word, "neighbours") == 0)
        interconnect_signal_neighbours(shape);
    else if ((good = strcmp(word, "full") == 0) == false)
        diag_error(parser->diags, value->place,
                   "ipi: expected full, neighbours, or a list for each core of those that it can "
                   "signal, found %s",
                   *word ? word : ynode_what(value));
    struct interconnect *state = arena_alloc(parser->arena, sizeof(*state));
    interconnect_init(state, shape);
    if (good && interconnect_finds_unsignalled(state, &from, &to))
        diag_error(parser->diags, value->place,
                   "ipi: no way leads from core %u to core %u, also not over others", from, to);
}

void parse_interconnect(struct parser *parser, const struct ynode *value, const char *preset,
                        const struct ynode *preset_at)
{
    struct scenario_machine *machine = &parser->scenario->machine;
    struct interconnect_shape *shape = &machine->interconnect;
    struct input input = { .latency_ns = DEFAULT_LATENCY_NS };
    size_t errors_before = parser->diags->errors;
    for (size_t i = 0; preset && i < COUNT(presets); i++) {
        if (strcmp(presets[i].name, preset) != 0)
            continue;
        input.topology = presets[i].topology;
        input.latency_ns = presets[i].latency_ns;
        input.bytes_per_s = presets[i].bytes_per_s;
    }
    if (value)
        parse_mapping(parser, value, "interconnect", keys, COUNT(keys), &input);
    if (parser->diags->errors != errors_before)
        return;
    const struct ynode *at = input.topology_at ? input.topology_at : value ? value : preset_at;
    if (input.links_at && input.topology_at) {
        diag_error(parser->diags, input.links_at->place,
                   "links: give either topology or links, not both");
        return;
    }
    shape->latency_ns = input.latency_ns;
    shape->bytes_per_s = input.bytes_per_s;
    shape->loads = input.loads;
    machine->topology = input.links_at ? "links" : input.topology ? input.topology : "full";
    if (input.links_at) {
        shape->given = true;
        shape->cores = shape->vertices = machine->core_count;
        take_links(parser, input.links_at, shape);
        if (parser->diags->errors == errors_before)
            check_whole(parser, input.links_at, shape);
    } else {
        const char *problem = interconnect_build(shape, machine->topology, machine->core_count);
        if (problem)
            diag_error(parser->diags, at->place, "topology: '%.40s' for %u cores: %s",
                       machine->topology, machine->core_count, problem);
    }
    if (input.ipi_at && parser->diags->errors == errors_before)
        take_ipi(parser, input.ipi_at, shape);
}
