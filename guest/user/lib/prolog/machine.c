/* SPDX-License-Identifier: MIT
 *
 * The machine of the Prolog engine: calls goals until none is left, and goes back when one fails.
 *
 * What remains to be done is a chain of frames on the heap: a goal, the choice to which a cut in it
 * returns, how deep it lies, and the next frame.  What else could be tried is a stack of choices.
 * Going back takes back bindings (trail) and everything made since (heap).  A call whose first
 * argument leaves one clause makes no choice; the last goal of a body needs no frame of its own, so
 * a loop by recursion is no deeper than one round.
 *
 * Goals that only the machine puts into frames (TAG_CONTROL) end what a control construct began.
 */
#include "prolog_priv.h"

/* ---- frames and choices ---- */

static void push_frame(struct prolog *p, cell_t goal, uint32_t cut)
{
    if (p->depth + 1 > p->config.depth)
        pl_resource(p, "calls that wait for another's end", p->config.depth);
    const uint32_t at = pl_cells(p, FRAME_CELLS);
    p->heap[at] = goal;
    p->heap[at + 1] = p->frame | (uint64_t)cut << 24 | (uint64_t)p->depth << 44;
    p->frame = at;
    p->depth++;
}

static cell_t pop_frame(struct prolog *p)
{
    const uint64_t link = p->heap[p->frame + 1];
    const cell_t goal = p->heap[p->frame];
    p->frame = (uint32_t)(link & 0xffffff);
    p->cut = (uint32_t)(link >> 24 & 0xfffff);
    p->depth = (uint32_t)(link >> 44);
    return goal;
}

static struct choice *push_choice(struct prolog *p, enum choice_kind kind, cell_t goal)
{
    if (p->choices == p->config.choices)
        pl_resource(p, "open choices", p->config.choices);
    struct choice *choice = &p->choice[p->choices++];
    *choice = (struct choice){ .kind = kind,
                               .trail = p->trail_top,
                               .top = p->top,
                               .results = p->results_top,
                               .frame = p->frame,
                               .cut = p->cut,
                               .depth = p->depth,
                               .goal = goal };
    return choice;
}

static void restore(struct prolog *p, const struct choice *choice)
{
    while (p->trail_top > choice->trail) {
        const uint32_t variable = p->trail[--p->trail_top];
        p->heap[variable] = make_cell(TAG_REF, variable);
    }
    p->top = choice->top;
    p->frame = choice->frame;
    p->cut = choice->cut;
    p->depth = choice->depth;
}

static cell_t control_cell(enum control_goal goal, uint32_t choice)
{
    return make_cell(TAG_CONTROL, (uint64_t)choice << 8 | goal);
}

static void cut_to(struct prolog *p, uint32_t choices)
{
    if (choices < p->choices)
        p->choices = choices;
}

/* ---- clauses ---- */

static bool try_clause(struct prolog *p, const struct clause *clause, cell_t goal, uint32_t cut)
{
    const cell_t *cells = clause->term->cell;
    const uint32_t variables = pl_variables(p, clause->term->slots);
    pl_work(p, 1);
    if (tag_of(goal) == TAG_STRUCT) {
        const cell_t *head = &cells[value_of(clause->head)];
        const uint32_t at = (uint32_t)value_of(goal);
        for (unsigned i = 1; i <= arity_of(*head); i++)
            if (!pl_unify_stored(p, cells, head[i], p->heap[at + i], variables))
                return false;
    }
    p->goal = clause->body == make_cell(TAG_ATOM, ATOM_TRUE)
                  ? clause->body
                  : pl_thaw(p, cells, clause->body, variables);
    p->cut = cut;
    return true;
}

static cell_t goal_key(const struct prolog *p, cell_t goal)
{
    return tag_of(goal) == TAG_STRUCT ? pl_key(p, pl_arg(p, goal, 1)) : 0;
}

static bool call_clauses(struct prolog *p, const struct predicate *predicate, cell_t goal)
{
    const cell_t key = goal_key(p, goal);
    struct clause *clause = pl_visible(p, predicate->first, key, p->generation);
    if (clause == NULL)
        return false;
    struct clause *next = pl_visible(p, clause->next, key, p->generation);
    const uint32_t cut = p->choices;
    if (next != NULL) {
        struct choice *choice = push_choice(p, CHOICE_CLAUSES, goal);
        choice->next = next;
        choice->generation = p->generation;
    }
    return try_clause(p, clause, goal, cut);
}

/* The next clause of the choice on top, which goes with its last one. */
static bool retry_clause(struct prolog *p, struct choice *choice)
{
    struct clause *clause = choice->next;
    const cell_t goal = choice->goal;
    choice->next = pl_visible(p, clause->next, goal_key(p, goal), choice->generation);
    if (choice->next == NULL) {
        p->choices--;
        return try_clause(p, clause, goal, p->choices);
    }
    return try_clause(p, clause, goal, p->choices - 1);
}

/* '$count'(+From, +To, -Number); To may be `inf`. */
static bool count_on(struct prolog *p, cell_t goal, int64_t number)
{
    const cell_t limit = pl_arg(p, goal, 2);
    if (tag_of(limit) != TAG_INT || number < int_of(limit))
        push_choice(p, CHOICE_COUNT, goal)->count = number + 1;
    p->goal = make_cell(TAG_ATOM, ATOM_TRUE);
    return pl_unify(p, pl_arg(p, goal, 3), make_int(number));
}

/* ---- findall ---- */

/* Results lie behind each other: length, variables, root, cells. */
static void collect(struct prolog *p, uint32_t index)
{
    struct choice *choice = &p->choice[index];
    size_t room;
    uint32_t slots;
    cell_t root, *to = pl_scratch(p, &room);
    if (room < 3)
        pl_resource(p, "cells of memory", p->config.cells);
    const uint32_t used =
        pl_flatten(p, pl_arg(p, choice->goal, 1), to + 3, room - 3, &slots, &root);
    to[0] = used;
    to[1] = slots;
    to[2] = root;
    p->results_top += used + 3;
}

static bool findall_done(struct prolog *p, uint32_t from, cell_t goal)
{
    cell_t list = make_cell(TAG_ATOM, ATOM_NIL);
    uint32_t last = 0;
    for (uint32_t at = from; at < p->results_top;) {
        const cell_t *result = &p->results[at];
        const uint32_t variables = pl_variables(p, (uint32_t)result[1]);
        const cell_t node =
            pl_structure_2(p, ATOM_DOT, pl_thaw(p, result + 3, result[2], variables),
                           make_cell(TAG_ATOM, ATOM_NIL));
        if (last == 0)
            list = node;
        else
            p->heap[last + 2] = node;
        last = (uint32_t)value_of(node);
        at += (uint32_t)result[0] + 3;
    }
    p->results_top = from;
    return pl_unify(p, pl_arg(p, goal, 3), list);
}

/* ---- going back ---- */

/* False: nothing is left to be tried. */
static bool backtrack(struct prolog *p)
{
    for (;;) {
        pl_work(p, 1);
        if (p->choices == 0)
            return false;
        struct choice *choice = &p->choice[p->choices - 1];
        const cell_t goal = choice->goal;
        restore(p, choice);
        switch (choice->kind) {
        case CHOICE_CLAUSES:
            if (retry_clause(p, choice))
                return true;
            break;
        case CHOICE_COUNT:
            p->choices--;
            if (count_on(p, goal, choice->count))
                return true;
            break;
        case CHOICE_GOAL:
            p->choices--;
            p->goal = goal;
            return true;
        case CHOICE_FINDALL:
            p->choices--;
            p->goal = make_cell(TAG_ATOM, ATOM_TRUE);
            if (findall_done(p, choice->results, goal))
                return true;
            break;
        case CHOICE_CATCH:
        case CHOICE_NONE:
            p->choices--;
            break;
        }
    }
}

/* ---- control ---- */

static void call_opaque(struct prolog *p, cell_t goal)
{
    p->goal = goal;
    p->cut = p->choices;
}

static void begin_or(struct prolog *p, cell_t goal)
{
    const cell_t left = pl_arg(p, goal, 1), right = pl_arg(p, goal, 2);
    const uint32_t before = p->choices, cut = p->cut;
    push_choice(p, CHOICE_GOAL, right);
    if (pl_is(p, left, ATOM_ARROW, 2) || pl_is(p, left, ATOM_SOFT_ARROW, 2)) {
        const bool hard = pl_is(p, left, ATOM_ARROW, 2);
        push_frame(p, pl_arg(p, left, 2), cut);
        push_frame(p, control_cell(hard ? GOAL_CUT : GOAL_SOFT_CUT, before), cut);
        call_opaque(p, pl_arg(p, left, 1));
    } else {
        p->goal = left;
    }
}

static void begin_if(struct prolog *p, cell_t goal, bool hard)
{
    const uint32_t before = p->choices;
    if (hard) {
        push_frame(p, pl_arg(p, goal, 2), p->cut);
        push_frame(p, control_cell(GOAL_CUT, before), p->cut);
    } else {
        push_frame(p, pl_arg(p, goal, 2), p->cut);
    }
    call_opaque(p, pl_arg(p, goal, 1));
}

static void begin_not(struct prolog *p, cell_t goal)
{
    const uint32_t before = p->choices;
    push_choice(p, CHOICE_GOAL, make_cell(TAG_ATOM, ATOM_TRUE));
    push_frame(p, control_cell(GOAL_FAIL, before), p->cut);
    call_opaque(p, pl_arg(p, goal, 1));
}

static void begin_call(struct prolog *p, cell_t goal)
{
    const unsigned extra = arity_of(pl_functor(p, goal)) - 1;
    cell_t called = pl_arg(p, goal, 1), args[MAX_ARITY];
    if (extra > 0) {
        unsigned own = 0;
        if (tag_of(called) == TAG_REF)
            pl_instantiation_error(p);
        if (!pl_is_callable(called))
            pl_type_error(p, "callable", called);
        if (tag_of(called) == TAG_STRUCT)
            own = arity_of(pl_functor(p, called));
        if (own + extra > MAX_ARITY)
            pl_resource(p, "arguments", MAX_ARITY);
        for (unsigned i = 0; i < own; i++)
            args[i] = pl_arg(p, called, i + 1);
        for (unsigned i = 0; i < extra; i++)
            args[own + i] = pl_arg(p, goal, i + 2);
        const uint32_t name = own > 0 ? name_of(pl_functor(p, called)) : (uint32_t)value_of(called);
        called = pl_structure(p, name, own + extra, args);
    }
    call_opaque(p, called);
}

static void begin_findall(struct prolog *p, cell_t goal)
{
    push_choice(p, CHOICE_FINDALL, goal);
    push_frame(p, control_cell(GOAL_COLLECT, p->choices - 1), p->cut);
    call_opaque(p, pl_arg(p, goal, 2));
}

static void begin_catch(struct prolog *p, cell_t goal)
{
    push_choice(p, CHOICE_CATCH, goal);
    push_frame(p, control_cell(GOAL_LEAVE, p->choices - 1), p->cut);
    call_opaque(p, pl_arg(p, goal, 1));
}

static void begin_control(struct prolog *p, unsigned control, cell_t goal)
{
    switch ((enum control)control) {
    case CONTROL_AND:
        push_frame(p, pl_arg(p, goal, 2), p->cut);
        p->goal = pl_arg(p, goal, 1);
        break;
    case CONTROL_OR:
        begin_or(p, goal);
        break;
    case CONTROL_IF:
        begin_if(p, goal, true);
        break;
    case CONTROL_SOFT_IF:
        begin_if(p, goal, false);
        break;
    case CONTROL_NOT:
        begin_not(p, goal);
        break;
    case CONTROL_CUT:
        cut_to(p, p->cut);
        p->goal = make_cell(TAG_ATOM, ATOM_TRUE);
        break;
    case CONTROL_CALL:
        begin_call(p, goal);
        break;
    case CONTROL_FINDALL:
        begin_findall(p, goal);
        break;
    case CONTROL_CATCH:
        begin_catch(p, goal);
        break;
    case CONTROL_COUNT:
    case CONTROL_NONE:
        break;
    }
}

/* A goal of the machine's own; false: it fails. */
static bool end_control(struct prolog *p, cell_t cell)
{
    const uint32_t index = (uint32_t)(value_of(cell) >> 8);
    p->goal = make_cell(TAG_ATOM, ATOM_TRUE);
    switch ((enum control_goal)(value_of(cell) & 255)) {
    case GOAL_CUT:
        cut_to(p, index);
        return true;
    case GOAL_SOFT_CUT:
        p->choice[index].kind = CHOICE_NONE;
        return true;
    case GOAL_COLLECT:
        collect(p, index);
        return false;
    case GOAL_LEAVE:
        if (p->choices == index + 1)
            p->choices--;
        return true;
    case GOAL_FAIL:
        cut_to(p, index);
        return false;
    }
    return false;
}

/* ---- calls ---- */

static void __attribute__((noreturn)) unknown(struct prolog *p, cell_t functor)
{
    pl_throw_error(p, pl_structure_2(p, ATOM_EXISTENCE_ERROR, make_cell(TAG_ATOM, ATOM_PROCEDURE),
                                     pl_indicator(p, functor)));
}

static bool call_goal(struct prolog *p)
{
    const cell_t goal = pl_deref(p, p->goal);
    pl_work(p, 1);
    if (tag_of(goal) == TAG_REF)
        pl_instantiation_error(p);
    if (!pl_is_callable(goal))
        pl_type_error(p, "callable", goal);
    const cell_t functor = tag_of(goal) == TAG_ATOM ? goal : pl_functor(p, goal);
    const struct predicate *predicate = pl_find(p, functor);
    if (predicate == NULL || predicate->control == CONTROL_NONE)
        p->current = functor; /* a control construct is no place of its own */
    if (predicate == NULL)
        unknown(p, functor);
    if (predicate->control == CONTROL_COUNT)
        return count_on(p, goal, pl_integer(p, pl_arg(p, goal, 1)));
    if (predicate->control != CONTROL_NONE) {
        begin_control(p, predicate->control, goal);
        return true;
    }
    if (predicate->builtin == NULL)
        return call_clauses(p, predicate, goal);
    p->goal = make_cell(TAG_ATOM, ATOM_TRUE);
    return predicate->builtin(p, tag_of(goal) == TAG_STRUCT ? &p->heap[value_of(goal) + 1] : NULL);
}

/* The innermost catch/3 whose goal has not ended and that takes the ball.  The ball lies above the
 * results of findall/3 meanwhile, so that going back does not take it. */
bool pl_caught(struct prolog *p)
{
    size_t room;
    uint32_t slots;
    cell_t root, *cells = pl_scratch(p, &room);
    pl_flatten(p, p->ball, cells, room, &slots, &root);
    for (uint32_t frame = p->frame; frame != 0;) {
        const cell_t goal = p->heap[frame];
        pl_work(p, 1);
        if (tag_of(goal) != TAG_CONTROL || (value_of(goal) & 255) != GOAL_LEAVE) {
            frame = (uint32_t)(p->heap[frame + 1] & 0xffffff);
            continue;
        }
        p->choices = (uint32_t)(value_of(goal) >> 8);
        const struct choice *choice = &p->choice[p->choices];
        const cell_t catcher = choice->goal;
        restore(p, choice);
        const cell_t ball = pl_thaw(p, cells, root, pl_variables(p, slots));
        if (pl_unify(p, pl_arg(p, catcher, 2), ball)) {
            p->results_top = choice->results;
            call_opaque(p, pl_arg(p, catcher, 3));
            return true;
        }
        restore(p, choice);
        frame = p->frame;
    }
    p->ball = pl_thaw(p, cells, root, pl_variables(p, slots));
    return false;
}

bool pl_run(struct prolog *p)
{
    for (;;) {
        const cell_t goal = p->goal;
        bool success = true;
        if (goal == make_cell(TAG_ATOM, ATOM_TRUE)) {
            if (p->frame == 0)
                return true;
            p->goal = pop_frame(p);
        } else if (tag_of(goal) == TAG_CONTROL) {
            success = end_control(p, goal);
        } else {
            success = call_goal(p);
        }
        if (!success && !backtrack(p))
            return false;
    }
}
