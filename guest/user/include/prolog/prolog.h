/* SPDX-License-Identifier: MIT
 *
 * A small Prolog: facts and rules, queries, and a bound on everything.
 *
 * Pure: no system call, no clock, no thread; it compiles for the guest and for the host.  An engine
 * keeps clauses (facts and rules), each with an owner who pays for it, and answers one query at a
 * time.  The memory of a query is allocated once; a query that exceeds a bound of struct
 * prolog_config ends with an error that names the bound and the predicate, and leaves the engine as
 * it was but for clauses asserted so far.  docs/knowledge.md describes the language.
 */
#ifndef PROLOG_PROLOG_H
#define PROLOG_PROLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prolog;

struct prolog_config {
    uint32_t cells;        /* terms and continuations of a query, 8 bytes each; below 2^24 */
    uint32_t choices;      /* open alternatives of a query; below 2^20 */
    uint32_t depth;        /* calls that wait for another's end; below 2^20 */
    uint64_t steps;        /* calls, clauses tried and cells visited in a query */
    uint32_t output_bytes; /* what a query may write */
    size_t store_bytes;    /* clauses and texts of all owners together */
    /* Asked before a clause of `bytes` is kept for an owner; false refuses it.  NULL: never
     * refused.  Called when it is gone: */
    bool (*charge)(void *owner, size_t bytes);
    void (*refund)(void *owner, size_t bytes);
};

/* Bounds that suit a service of the guest: 64 Ki cells, a million steps. */
extern const struct prolog_config prolog_default_config;

/* NULL: out of memory. */
struct prolog *prolog_create(const struct prolog_config *config);
void prolog_destroy(struct prolog *prolog);

/* Keeps every clause of the text (and runs what follows ":-") for this owner.  All or nothing:
 * false if one is malformed or refused, and the error names line and column; clauses that
 * directives asserted stay. */
bool prolog_consult(struct prolog *prolog, void *owner, const char *text);

/* Forgets the owner's clauses. */
void prolog_drop_owner(struct prolog *prolog, void *owner);

/* Begins a query, on behalf of an owner to whom clauses that it asserts belong; ends the one
 * before.  False: malformed.  The text may be gone afterwards. */
bool prolog_open(struct prolog *prolog, void *owner, const char *query);
enum prolog_answer { PROLOG_NO, PROLOG_YES, PROLOG_ERROR };
/* The first or next solution. */
enum prolog_answer prolog_next(struct prolog *prolog);
/* Appends "X = term" of each named variable to the output, with ", " between them.  False: there is
 * no room for them, and the query is over. */
bool prolog_write_bindings(struct prolog *prolog);
void prolog_close(struct prolog *prolog);

/* What the query wrote; ends with a zero; the engine's, until the next query begins. */
const char *prolog_output(const struct prolog *prolog);
/* Of the last query or text that failed with an error, else empty. */
const char *prolog_error(const struct prolog *prolog);
/* Steps of the query so far, and bytes kept. */
uint64_t prolog_steps(const struct prolog *prolog);
size_t prolog_stored(const struct prolog *prolog);

#endif
