/* SPDX-License-Identifier: MIT
 *
 * Scenario files: reading, the top-level keys, and the helpers that all sections share.
 *
 * The tree from yaml_tree.c is walked with tables of keys.  A section that is wrong is reported and
 * replaced by its default, so that the sections behind it are still checked and one run shows all
 * errors.  Nothing here acts on a scenario; after scenario_load() no file is read.
 */
#include "scenario/scenario.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tre/regex.h>
#include <unistd.h>

#include "scenario/parse.h"
#include "scenario/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEYS_MAX 32
#define USUAL_BYTES ((size_t)1 << 20)

/* ---- mappings ---- */

static void unknown_key(struct parser *parser, const struct ynode *key, const char *what,
                        const struct key *keys, size_t key_count)
{
    const char *names[KEYS_MAX];
    char all[512] = "";
    assert(key_count <= KEYS_MAX);
    for (size_t i = 0; i < key_count; i++) {
        names[i] = keys[i].name;
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", keys[i].name);
    }
    const char *near = nearest_word(key->text, names, key_count);
    if (key->text[0] && strspn(key->text, "0123456789-") == strlen(key->text))
        diag_error(parser->diags, key->place,
                   "unknown key '%s' in %s; a set such as 0,2 is written [0, 2] in braces",
                   key->text, what);
    else if (near)
        diag_error(parser->diags, key->place, "unknown key '%s' in %s; did you mean '%s'?",
                   key->text, what, near);
    else
        diag_error(parser->diags, key->place, "unknown key '%s' in %s; expected one of: %s",
                   key->text, what, all);
}

bool parse_mapping(struct parser *parser, const struct ynode *node, const char *what,
                   const struct key *keys, size_t key_count, void *object)
{
    if (node->kind != YNODE_MAPPING) {
        diag_error(parser->diags, node->place, "%s: expected a mapping (key: value), found %s",
                   what, ynode_what(node));
        return false;
    }
    for (size_t i = 0; i < node->pair_count; i++) {
        const struct ynode *name = node->pairs[i].key;
        bool known = false;
        for (size_t k = 0; k < key_count && !known; k++)
            known = strcmp(name->text, keys[k].name) == 0;
        if (!known)
            unknown_key(parser, name, what, keys, key_count);
    }
    /* In the order of the table, which puts first what others are checked against. */
    for (size_t k = 0; k < key_count; k++) {
        const struct ynode *value = ynode_get(node, keys[k].name);
        if (value)
            keys[k].parse(parser, value, object);
        else if (keys[k].required)
            diag_error(parser->diags, node->place, "%s: required key '%s' is missing", what,
                       keys[k].name);
    }
    return true;
}

/* ---- scalars ---- */

static bool is_scalar(struct parser *parser, const struct ynode *node, const char *what,
                      const char *expected)
{
    if (node->kind == YNODE_SCALAR && !ynode_is_empty(node))
        return true;
    diag_error(parser->diags, node->place, "%s: expected %s, found %s", what, expected,
               ynode_what(node));
    return false;
}

bool parse_text(struct parser *parser, const struct ynode *node, const char *what,
                const char **text)
{
    if (!is_scalar(parser, node, what, "text"))
        return false;
    *text = node->text;
    return true;
}

/* "4" in quotes is text to every other reader of YAML, editors with the schema among them. */
static bool is_plain(struct parser *parser, const struct ynode *node, const char *what)
{
    if (!node->plain)
        diag_error(parser->diags, node->place, "%s: '%.40s' is text: write it without quotes", what,
                   node->text);
    return node->plain;
}

bool parse_number(struct parser *parser, const struct ynode *node, const char *what, uint64_t min,
                  uint64_t max, uint64_t *value)
{
    uint64_t number;
    if (!is_scalar(parser, node, what, "a whole number") || !is_plain(parser, node, what))
        return false;
    const char *problem = parse_unsigned(node->text, &number);
    if (problem) {
        diag_error(parser->diags, node->place, "%s: '%.40s': %s", what, node->text, problem);
        return false;
    }
    if (number < min || number > max) {
        diag_error(parser->diags, node->place, "%s: %s is out of range; expected %llu to %llu",
                   what, node->text, (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *value = number;
    return true;
}

bool parse_bytes(struct parser *parser, const struct ynode *node, const char *what, uint64_t *bytes)
{
    if (!is_scalar(parser, node, what, "an amount of memory such as 256 MiB"))
        return false;
    const char *problem = parse_memory(node->text, bytes);
    if (problem)
        diag_error(parser->diags, node->place, "%s: '%.40s': %s", what, node->text, problem);
    return !problem;
}

bool parse_time(struct parser *parser, const struct ynode *node, const char *what, uint64_t *ns)
{
    if (!is_scalar(parser, node, what, "a time such as 30 s"))
        return false;
    const char *problem = parse_duration(node->text, ns);
    if (problem)
        diag_error(parser->diags, node->place, "%s: '%.40s': %s", what, node->text, problem);
    return !problem;
}

bool parse_bool(struct parser *parser, const struct ynode *node, const char *what, bool *value)
{
    if (!is_scalar(parser, node, what, "true or false") || !is_plain(parser, node, what))
        return false;
    if (strcmp(node->text, "true") == 0)
        *value = true;
    else if (strcmp(node->text, "false") == 0)
        *value = false;
    else {
        diag_error(parser->diags, node->place, "%s: '%.40s': expected true or false", what,
                   node->text);
        return false;
    }
    return true;
}

bool parse_cores(struct parser *parser, const struct ynode *node, const char *what, uint64_t *cores)
{
    if (node->kind == YNODE_SEQUENCE) {
        uint64_t all = 0;
        bool good = true;
        for (size_t i = 0; i < node->item_count; i++) {
            uint64_t some = 0;
            if (node->items[i]->kind == YNODE_SEQUENCE) {
                diag_error(parser->diags, node->items[i]->place,
                           "%s: expected a core number or a range such as 0-3, found a list", what);
                good = false;
                continue;
            }
            good &= parse_cores(parser, node->items[i], what, &some);
            all |= some;
        }
        if (good)
            *cores = all;
        return good;
    }
    if (!is_scalar(parser, node, what, "core numbers such as 0, 0-3 or [0, 2]"))
        return false;
    const char *problem = parse_core_set(node->text, cores);
    if (problem)
        diag_error(parser->diags, node->place, "%s: '%.40s': %s", what, node->text, problem);
    return !problem;
}

/* ---- top level ---- */

static void parse_name(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    const char *name;
    if (!parse_text(parser, value, "scenario", &name))
        return;
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (!*name || name[good] || strlen(name) > SCENARIO_NAME_MAX) {
        diag_error(parser->diags, value->place,
                   "scenario: '%.80s': expected a name of 1 to %d letters, digits, '.', '_', '-'",
                   name, SCENARIO_NAME_MAX);
        return;
    }
    parser->scenario->name = name;
}

static void parse_description(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_text(parser, value, "description", &parser->scenario->description);
}

static void parse_deadline(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    uint64_t ns;
    if (!parse_time(parser, value, "deadline", &ns))
        return;
    if (ns == 0 || ns > SCENARIO_MAX_DEADLINE_NS)
        diag_error(parser->diags, value->place,
                   "deadline: %s is out of range; expected more than nothing and at most a day",
                   value->text);
    else
        parser->scenario->deadline_ns = ns;
}

static void parse_seed(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    if (!is_scalar(parser, value, "seed", "a whole number"))
        return;
    /* Quotes are welcome here: results give seeds as text, since most readers of JSON and of YAML
     * have no numbers of 64 bits. */
    const char *problem = parse_unsigned(value->text, &parser->scenario->seed);
    if (problem)
        diag_error(parser->diags, value->place, "seed: '%.40s': %s", value->text, problem);
    parser->scenario->has_seed = !problem;
}

static void parse_nested(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_bool(parser, value, "nested", &parser->scenario->nested);
}

static void skip_machine(struct parser *parser, const struct ynode *value, void *object)
{
    (void)parser;
    (void)value;
    (void)object; /* was parsed first: boot and expect are checked against it */
}

static void parse_boot_key(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_boot(parser, value);
}

static void parse_expect_key(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_expect(parser, value);
}

static void skip_faults(struct parser *parser, const struct ynode *value, void *object)
{
    (void)parser;
    (void)value;
    (void)object; /* was parsed before expect, which names rules */
}

static void parse_quiet(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    uint64_t ns;
    if (!parse_time(parser, value, "quiet", &ns))
        return;
    if (ns == 0 || ns >= parser->scenario->deadline_ns)
        diag_error(parser->diags, value->place,
                   "quiet: %s is out of range; expected more than nothing and less than the "
                   "deadline",
                   value->text);
    else
        parser->scenario->quiet_ns = ns;
}

static void parse_input_key(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_input(parser, value);
}

static void parse_compare_key(struct parser *parser, const struct ynode *value, void *object)
{
    (void)object;
    parse_compare(parser, value);
}

static const struct key top_keys[] = {
    { "scenario", true, parse_name },      { "description", false, parse_description },
    { "machine", false, skip_machine },    { "boot", true, parse_boot_key },
    { "deadline", false, parse_deadline }, { "expect", false, parse_expect_key },
    { "seed", false, parse_seed },         { "nested", false, parse_nested },
    { "faults", false, skip_faults },      { "quiet", false, parse_quiet },
    { "input", false, parse_input_key },   { "compare", false, parse_compare_key },
};

/* Does the scenario say itself how often this rule fires? */
static bool is_expected(const struct scenario *scenario, size_t rule)
{
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (scenario->expectations[i].kind == EXPECT_FIRED &&
            scenario->expectations[i].rule == rule)
            return true;
    return false;
}

/* A rule that never fires tests nothing: it must, unless it is optional. */
static void expect_rules(struct parser *parser)
{
    struct scenario *scenario = parser->scenario;
    for (size_t r = 0; r < scenario->fault_count; r++) {
        if (scenario->faults[r].optional || is_expected(scenario, r))
            continue;
        arena_grow(parser->arena, (void **)&scenario->expectations, &scenario->expectation_capacity,
                   scenario->expectation_count, sizeof(struct expectation));
        scenario->expectations[scenario->expectation_count++] =
            (struct expectation){ .kind = EXPECT_FIRED,
                                  .place = scenario->fault_places[r],
                                  .core = EXPECT_ANY_CORE,
                                  .pattern = scenario->faults[r].name,
                                  .count = 1,
                                  .most = UINT32_MAX,
                                  .rule = (uint32_t)r,
                                  .implied = true };
    }
}

/* Is there no machine, but a key that no scenario has, or no list of keys at all?  One of them may
 * have been meant. */
static bool machine_is_misspelt(const struct ynode *root)
{
    if (root->kind != YNODE_MAPPING)
        return true;
    bool unknown = false;
    for (size_t i = 0; i < root->pair_count; i++) {
        bool known = false;
        for (size_t k = 0; k < COUNT(top_keys); k++)
            known |= strcmp(root->pairs[i].key->text, top_keys[k].name) == 0;
        unknown |= !known;
    }
    return unknown && !ynode_get((struct ynode *)root, "machine");
}

static void parse_tree(struct parser *parser, struct ynode *root)
{
    struct scenario *scenario = parser->scenario;
    parser->cores_unknown = machine_is_misspelt(root);
    parse_machine(parser, root->kind == YNODE_MAPPING ? ynode_get(root, "machine") : NULL);
    const struct ynode *faults = root->kind == YNODE_MAPPING ? ynode_get(root, "faults") : NULL;
    if (faults)
        parse_faults(parser, faults);
    parse_mapping(parser, root, "the scenario", top_keys, COUNT(top_keys), scenario);
    if (scenario->expectation_count == 0) {
        arena_grow(parser->arena, (void **)&scenario->expectations, &scenario->expectation_capacity,
                   0, sizeof(struct expectation));
        scenario->expectations[0] = (struct expectation){
            .kind = EXPECT_EXIT, .place = root->place, .core = EXPECT_ANY_CORE, .count = 1
        };
        scenario->expectation_count = 1;
    }
    expect_rules(parser);
}

struct scenario *scenario_parse(const char *file, const char *text, size_t length,
                                const char *const *overrides, size_t override_count,
                                struct diags *diags)
{
    size_t errors_before = diags->errors;
    struct scenario *scenario = calloc(1, sizeof(*scenario));
    if (!scenario) {
        diag_error(diags, (struct place){ file, 0, 0 }, "the host is out of memory");
        return NULL;
    }
    scenario->file = arena_string(&scenario->arena, file);
    scenario->name = "";
    scenario->description = "";
    scenario->deadline_ns = SCENARIO_DEFAULT_DEADLINE_NS;
    struct parser parser = { scenario, &scenario->arena, diags, false };
    scenario->overrides = arena_alloc(&scenario->arena, (override_count + 1) * sizeof(char *));
    for (size_t i = 0; i < override_count; i++)
        scenario->overrides[scenario->override_count++] =
            arena_string(&scenario->arena, overrides[i]);

    struct ynode *root = yaml_parse(parser.arena, scenario->file, text, length, diags);
    if (root && root->kind == YNODE_MAPPING)
        for (size_t i = 0; i < override_count; i++)
            yaml_override(parser.arena, root, overrides[i], diags);
    if (root)
        parse_tree(&parser, root);
    if (diags->errors == errors_before)
        return scenario;
    scenario_free(scenario);
    return NULL;
}

static void read_error(struct diags *diags, const char *path, struct place place, const char *why)
{
    if (place.file)
        diag_error(diags, place, "cannot read '%s': %s", path, why);
    else
        diag_error(diags, (struct place){ path, 0, 0 }, "cannot read: %s", why);
}

char *read_text_file(struct arena *arena, const char *path, struct place place, size_t *length,
                     struct diags *diags)
{
    /* O_NONBLOCK: opening a FIFO must not hang; it is refused below. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        read_error(diags, path, place, strerror(errno));
        return NULL;
    }
    struct stat stat;
    const char *why = NULL;
    if (fstat(fd, &stat) < 0)
        why = strerror(errno);
    else if (S_ISDIR(stat.st_mode))
        why = "it is a directory; expected a file";
    else if (!S_ISREG(stat.st_mode))
        why = "it is not a regular file";
    else if (stat.st_size > YAML_FILE_MAX_BYTES)
        why = "it is larger than 16 MiB, which no scenario or menu needs";
    char *text = NULL;
    size_t have = 0;
    if (!why) {
        /* at least a usual file: what the kernel makes up has no size */
        const size_t most = (size_t)stat.st_size > USUAL_BYTES ? (size_t)stat.st_size : USUAL_BYTES;
        text = arena_alloc(arena, most + 1);
        while (!why && have <= most) {
            ssize_t got = read(fd, text + have, most + 1 - have);
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                why = strerror(errno);
            if (got <= 0)
                break;
            have += (size_t)got;
        }
        if (have > most)
            why = "it grows while it is read";
    }
    close(fd);
    if (why) {
        read_error(diags, path, place, why);
        return NULL;
    }
    size_t mark = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *length = have - mark;
    return text + mark;
}

struct scenario *scenario_load(const char *path, const char *const *overrides,
                               size_t override_count, struct diags *diags)
{
    struct arena arena = { 0 };
    size_t length;
    struct scenario *scenario = NULL;
    char *text = read_text_file(&arena, path, (struct place){ 0 }, &length, diags);
    if (text)
        scenario = scenario_parse(path, text, length, overrides, override_count, diags);
    arena_free(&arena);
    return scenario;
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    for (size_t i = 0; i < scenario->regex_count; i++)
        tre_regfree(scenario->regexes[i]);
    arena_free(&scenario->arena);
    free(scenario);
}

unsigned scenario_node_of(const struct scenario_machine *machine, unsigned core)
{
    assert(core < machine->core_count);
    unsigned node = 0;
    while (node < machine->node_count && !(machine->node[node].cores >> core & 1))
        node++;
    assert(node < machine->node_count);
    return node;
}
