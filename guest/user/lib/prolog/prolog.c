/* SPDX-License-Identifier: MIT
 *
 * The Prolog engine from outside: made, filled, asked.
 *
 * Everything that can fail runs below a setjmp() of this file.
 */
#include "prolog_priv.h"

#include <stdlib.h>
#include <string.h>

const struct prolog_config prolog_default_config = {
    .cells = 1 << 16,
    .choices = 1 << 12,
    .depth = 1 << 13,
    .steps = 1 << 20,
    .output_bytes = 1 << 14,
    .store_bytes = 1 << 20,
};

/* ---- a query ---- */

void prolog_close(struct prolog *p)
{
    p->open = p->started = false;
    p->top = 1; /* 0: no frame */
    p->trail_top = p->choices = p->results_top = p->frame = p->depth = p->cut = 0;
    p->current = 0;
    p->variables = 0;
    pl_bury(p);
    pl_atoms_sweep(p);
}

static void begin(struct prolog *p, void *owner)
{
    prolog_close(p);
    p->owner = owner;
    p->steps = 0;
    p->fatal = false;
    p->output_length = 0;
    p->output[0] = '\0';
    p->error[0] = '\0';
}

/* Runs what may fail; false: it did. */
static bool guarded(struct prolog *p, void (*work)(struct prolog *, const char *), const char *text)
{
    if (setjmp(p->escape) != 0)
        return false;
    work(p, text);
    return true;
}

static void read_query(struct prolog *p, const char *text)
{
    struct reader reader;
    pl_reader_init(&reader, p, text);
    p->goal = pl_read_query(&reader);
}

bool prolog_open(struct prolog *p, void *owner, const char *query)
{
    begin(p, owner);
    p->open = guarded(p, read_query, query);
    if (!p->open)
        prolog_close(p);
    return p->open;
}

/* The error's text, behind what the query wrote, which stays. */
static void say_uncaught(struct prolog *p, const char *unused)
{
    const uint32_t before = p->output_length;
    cell_t said = p->ball;
    int64_t number = 0;
    (void)unused;
    if (pl_is(p, said, ATOM_ERROR, 2))
        said = pl_arg(p, said, 1);
    pl_number_variables(p, said, &number);
    pl_write(p, said, WRITE_QUOTED | WRITE_NUMBERED);
    char text[161]; /* the rest is cut off */
    const uint32_t length = p->output_length - before;
    const uint32_t shown = length < sizeof(text) ? length : sizeof(text) - 1;
    memcpy(text, p->output + before, shown);
    text[shown] = '\0';
    p->output_length = before;
    p->output[before] = '\0';
    pl_fatal(p, "%s", text);
}

/* Goes on, or back if there was a solution. */
static void run(struct prolog *p, const char *unused)
{
    (void)unused;
    p->answer = pl_run(p) ? PROLOG_YES : PROLOG_NO;
}

static void look_for_catch(struct prolog *p, const char *unused)
{
    (void)unused;
    p->answer = pl_caught(p) ? PROLOG_YES : PROLOG_NO;
}

enum prolog_answer prolog_next(struct prolog *p)
{
    if (!p->open)
        return p->error[0] != '\0' ? PROLOG_ERROR : PROLOG_NO;
    if (p->started)
        p->goal = make_cell(TAG_ATOM, ATOM_FALSE);
    p->started = true;
    while (!guarded(p, run, NULL)) {
        if (!p->fatal && guarded(p, look_for_catch, NULL)) {
            if (p->answer == PROLOG_YES)
                continue;
            guarded(p, say_uncaught, NULL);
        }
        prolog_close(p);
        return PROLOG_ERROR;
    }
    if (p->answer == PROLOG_NO)
        prolog_close(p);
    return p->answer;
}

static void write_bindings(struct prolog *p, const char *unused)
{
    int64_t number = 0;
    bool first = true;
    (void)unused;
    for (unsigned i = 0; i < p->variables; i++)
        if (pl_text(p, p->variable[i].atom)[0] != '_')
            pl_number_variables(p, p->variable[i].cell, &number);
    for (unsigned i = 0; i < p->variables; i++) {
        const char *name = pl_text(p, p->variable[i].atom);
        if (name[0] == '_')
            continue;
        if (!first)
            pl_emit(p, ", ", 2);
        first = false;
        pl_emit(p, name, strlen(name));
        pl_emit(p, " = ", 3);
        pl_write(p, p->variable[i].cell, WRITE_QUOTED | WRITE_NUMBERED);
    }
}

bool prolog_write_bindings(struct prolog *p)
{
    if (!p->open)
        return false;
    const bool done = guarded(p, write_bindings, NULL);
    if (!done)
        prolog_close(p);
    return done;
}

/* ---- clauses ---- */

static void directive(struct prolog *p, cell_t goal)
{
    p->goal = goal;
    p->frame = p->depth = p->cut = p->choices = 0;
    if (!pl_run(p))
        pl_fatal(p, "a directive failed");
}

/* Everything that was added is erased again. */
static void take_back(struct prolog *p, uint32_t since)
{
    for (struct clause *clause = p->owned; clause != NULL; clause = clause->next_owned)
        if (clause->born > since && clause->owner == p->owner)
            pl_erase(p, clause);
}

static void read_clauses(struct prolog *p, const char *text)
{
    struct reader reader;
    cell_t term;
    pl_reader_init(&reader, p, text);
    while (pl_read_term(&reader, &term)) {
        p->current = 0;
        if (pl_is(p, term, ATOM_NECK, 1))
            directive(p, pl_arg(p, term, 1));
        else
            pl_add_clause(p, term, false);
        p->top = 1;
        p->trail_top = 0;
        p->steps = 0; /* each clause for itself */
    }
}

bool prolog_consult(struct prolog *p, void *owner, const char *text)
{
    begin(p, owner);
    const uint32_t since = p->generation;
    const bool done = guarded(p, read_clauses, text);
    if (!done) {
        if (!p->fatal)
            guarded(p, say_uncaught, NULL);
        take_back(p, since);
    }
    prolog_close(p);
    return done;
}

/* ---- making ---- */

static const struct {
    uint32_t name;
    unsigned arity;
    enum control control;
} controls[] = {
    { ATOM_COMMA, 2, CONTROL_AND },
    { ATOM_SEMICOLON, 2, CONTROL_OR },
    { ATOM_BAR, 2, CONTROL_OR },
    { ATOM_ARROW, 2, CONTROL_IF },
    { ATOM_SOFT_ARROW, 2, CONTROL_SOFT_IF },
    { ATOM_NOT, 1, CONTROL_NOT },
    { ATOM_CUT, 0, CONTROL_CUT },
};

static void add_control(struct prolog *p, uint32_t name, unsigned arity, enum control control)
{
    const cell_t functor = arity == 0 ? make_cell(TAG_ATOM, name) : make_functor(name, arity);
    pl_predicate(p, functor)->control = control;
}

static void add_builtins(struct prolog *p, const struct builtin *builtin)
{
    for (; builtin->name != NULL; builtin++) {
        const uint32_t name = pl_intern_text(p, builtin->name);
        const cell_t functor =
            builtin->arity == 0 ? make_cell(TAG_ATOM, name) : make_functor(name, builtin->arity);
        pl_predicate(p, functor)->builtin = builtin->function;
    }
}

static void add_everything(struct prolog *p, const char *unused)
{
    (void)unused;
    static const char *const texts[] = {
#define ATOM_TEXT(id, text) text,
        ATOMS(ATOM_TEXT)
    };
    for (uint32_t i = 0; i < ATOM_FIRST_FREE; i++)
        pl_atom_keep(p, pl_intern_text(p, texts[i]));
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        add_control(p, controls[i].name, controls[i].arity, controls[i].control);
    for (unsigned arity = 1; arity <= 8; arity++)
        add_control(p, ATOM_CALL, arity, CONTROL_CALL);
    add_control(p, pl_intern_text(p, "findall"), 3, CONTROL_FINDALL);
    add_control(p, pl_intern_text(p, "catch"), 3, CONTROL_CATCH);
    add_control(p, pl_intern_text(p, "$count"), 3, CONTROL_COUNT);
    add_builtins(p, pl_type_builtins);
    add_builtins(p, pl_term_builtins);
    add_builtins(p, pl_text_builtins);
    add_builtins(p, pl_store_builtins);
    add_builtins(p, pl_list_builtins);
    add_builtins(p, pl_arith_builtins);
}

static bool fill(struct prolog *p)
{
    p->loading = true;
    const bool done = guarded(p, add_everything, NULL) && prolog_consult(p, NULL, pl_library);
    p->loading = false;
    return done;
}

struct prolog *prolog_create(const struct prolog_config *config)
{
    struct prolog *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->config = *config;
    p->config.store_bytes += 1 << 20; /* the library's */
    p->heap_limit = config->cells;
    p->heap = malloc(config->cells * sizeof(cell_t));
    p->results = malloc(config->cells * sizeof(cell_t));
    p->trail = malloc(config->cells * sizeof(uint32_t));
    p->choice = malloc(config->choices * sizeof(struct choice));
    p->output = calloc(1, config->output_bytes + 1);
    p->atom_free = UINT32_MAX;
    for (unsigned i = 0; i < ATOM_CHAINS; i++)
        p->atom_chain[i] = UINT32_MAX;
    p->top = 1;
    if (p->heap == NULL || p->results == NULL || p->trail == NULL || p->choice == NULL ||
        p->output == NULL || !fill(p)) {
        prolog_destroy(p);
        return NULL;
    }
    p->config.store_bytes = config->store_bytes + p->stored;
    return p;
}

static void free_predicates(struct prolog *p)
{
    for (unsigned i = 0; i < PREDICATE_CHAINS; i++)
        for (struct predicate *next, *predicate = p->chain[i]; predicate != NULL;
             predicate = next) {
            next = predicate->next;
            free(predicate);
        }
}

void prolog_destroy(struct prolog *p)
{
    if (p == NULL)
        return;
    for (struct clause *next, *clause = p->owned; clause != NULL; clause = next) {
        next = clause->next_owned;
        free(clause->term);
        free(clause);
    }
    free_predicates(p);
    for (unsigned chain = 0; chain < ATOM_CHAINS; chain++)
        for (uint32_t next, i = p->atom_chain[chain]; i != UINT32_MAX; i = next) {
            next = p->atom[i]->next;
            free(p->atom[i]);
        }
    free(p->atom);
    free(p->young);
    free(p->clause);
    free(p->heap);
    free(p->results);
    free(p->trail);
    free(p->choice);
    free(p->output);
    free(p);
}

const char *prolog_output(const struct prolog *p)
{
    return p->output;
}

const char *prolog_error(const struct prolog *p)
{
    return p->error;
}

uint64_t prolog_steps(const struct prolog *p)
{
    return p->steps;
}

size_t prolog_stored(const struct prolog *p)
{
    return p->stored;
}
