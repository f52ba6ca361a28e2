/* SPDX-License-Identifier: MIT
 *
 * The Prolog engine within its bounds: endless queries, huge answers, malformed text, greedy
 * owners.
 */
/* link: guest/user/lib/prolog/arith.c guest/user/lib/prolog/atoms.c */
/* link: guest/user/lib/prolog/builtin_store.c guest/user/lib/prolog/builtin_terms.c */
/* link: guest/user/lib/prolog/builtin_texts.c guest/user/lib/prolog/database.c */
/* link: guest/user/lib/prolog/errors.c guest/user/lib/prolog/format.c */
/* link: guest/user/lib/prolog/lex.c guest/user/lib/prolog/library.c */
/* link: guest/user/lib/prolog/machine.c guest/user/lib/prolog/parse.c */
/* link: guest/user/lib/prolog/prolog.c guest/user/lib/prolog/store.c */
/* link: guest/user/lib/prolog/term.c guest/user/lib/prolog/write.c */
#include <criterion/criterion.h>
#include <prolog/prolog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct prolog *p;

static void start(void)
{
    p = prolog_create(&prolog_default_config);
    cr_assert_not_null(p);
}

static void stop(void)
{
    prolog_destroy(p);
}

TestSuite(prolog, .init = start, .fini = stop);

static enum prolog_answer ask(const char *query)
{
    return prolog_open(p, NULL, query) ? prolog_next(p) : PROLOG_ERROR;
}

/* Ends with an error that has `what` in it; what comes next is answered. */
static void refused(const char *query, const char *what)
{
    cr_expect_eq(ask(query), PROLOG_ERROR, "%s", query);
    cr_expect(strstr(prolog_error(p), what) != NULL, "%s: %s", query, prolog_error(p));
    cr_expect_eq(ask("X = 1, X == 1"), PROLOG_YES);
    prolog_close(p);
}

Test(prolog, names_the_bound_and_the_place)
{
    cr_assert(prolog_consult(p, NULL,
                             "loop :- loop.\n"
                             "deep(N) :- M is N + 1, deep(M), true.\n"
                             "deeper :- deeper, true.\n"
                             "grow(L) :- grow([x|L]).\n"
                             "tree(0, x) :- !.\n"
                             "tree(N, f(T, T)) :- M is N - 1, tree(M, T).\n"
                             "nest(0, x) :- !.\n"
                             "nest(N, f(T, y)) :- M is N - 1, nest(M, T).\n"
                             "many(1). many(N) :- many(M), N is M + 1.\n"));
    refused("loop", "more than 1048576 steps in loop/0");
    refused("deep(0)", "cells of memory in ");
    refused("deeper", "more than 8192 calls that wait for another's end in ");
    refused("grow([])", "more than 65536 cells of memory in grow/1");
    refused("many(X), X < 0", "");
    refused("repeat_for_ever(X)", "existence_error(procedure,repeat_for_ever/1)");
    refused("tree(60, A), tree(60, B), A = B", "more than 1048576 steps in =/2");
    refused("tree(60, A), findall(A, true, L)", "cells of memory");
    refused("tree(60, A), write(A)", "more than 16384 bytes of output in write/1");
    refused("nest(1000, A), copy_term(A, B)",
            "more than 200 levels of nested terms in copy_term/2");
    refused("nest(1000, A), write(A)", "200 levels");
    refused("nest(1000, A), nest(1000, B), A = B", "200 levels");
    refused("between(1, inf, X), write(X), fail", "bytes of output in write/1");
    refused("between(1, inf, X), fail", "steps in ");
    refused("findall(X, between(1, inf, X), L)", "in ");
    refused("length(L, 1000000)", "cells of memory");
    refused("X is 1 << 60 * 1000", "int_overflow");
    refused("tab(100000)", "bytes of output in tab/1");
    refused("format(\"~*c\", [1000000, 0'x])", "bytes of output in format/2");
    refused("catch(loop, _, true)", "steps"); /* bounds cannot be caught */
    refused("X = f(X), X = f(f(Y)), write(X)", "");
}

Test(prolog, names_line_and_column_of_malformed_text)
{
    refused("foo(", "line 1, column 5: expected a term");
    refused("foo(a b)", "line 1, column 7: expected ',' or ')' after an argument");
    refused("[a, b", "expected ',', '|' or ']' in a list");
    refused("X = 'abc", "line 1, column 5: this quoted text has no end");
    refused("a :- b :- c", "operators of the same priority need brackets");
    refused("/* x", "this comment has no end");
    refused("X = 99999999999999999999", "more than 60 bits");
    refused("X = 1.5", "there are no numbers with a fraction");
    refused("X = '\\q'", "unknown escape");
    refused("a)", "expected an operator, or the end of the query");
    refused("\x01", "unexpected character");
    refused("", "expected a term, found the end");
    cr_expect_not(prolog_consult(p, NULL, "a(1).\nb(2)\nc(3).\n"));
    cr_expect_str_eq(prolog_error(p),
                     "line 3, column 1: expected an operator, or '.' at the end of a clause");
    cr_expect_eq(ask("a(X)"), PROLOG_NO, "all or nothing");
    char deep[2000];
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    refused(deep, "nested too deeply");
    memset(deep, '-', 300);
    for (unsigned i = 0; i < 900; i += 2)
        memcpy(deep + i, "- ", 2);
    refused(deep, "nested too deeply");
}

Test(prolog, leaves_nothing_behind_of_a_query)
{
    const size_t before = prolog_stored(p);
    for (unsigned i = 0; i < 2000; i++) {
        char query[200];
        snprintf(query, sizeof(query), "X = [new_%u, \"text %u\"], atom_concat(a_%u, b, Y)", i, i,
                 i);
        cr_assert_eq(ask(query), PROLOG_YES);
    }
    prolog_close(p);
    cr_expect_eq(prolog_stored(p), before);
    for (unsigned i = 0; i < 200; i++) {
        char query[200];
        snprintf(query, sizeof(query), "assertz(f_%u(a_%u)), retract(f_%u(_))", i, i, i);
        cr_assert_eq(ask(query), PROLOG_YES);
    }
    prolog_drop_owner(p, NULL);
    cr_expect_eq(prolog_stored(p), before);
}

/* ---- owners ---- */

static size_t charged[2];

static bool charge(void *owner, size_t bytes)
{
    size_t *account = owner;
    if (*account + bytes > 20000)
        return false;
    *account += bytes;
    return true;
}

static void refund(void *owner, size_t bytes)
{
    *(size_t *)owner -= bytes;
}

Test(prolog, owners_pay_and_take_theirs_with_them)
{
    struct prolog_config config = prolog_default_config;
    unsigned count = 0;
    config.charge = charge;
    config.refund = refund;
    prolog_destroy(p);
    p = prolog_create(&config);
    const size_t before = prolog_stored(p);
    cr_assert(prolog_consult(p, &charged[1], "fact(mine).\nother(1).\n"));
    while (prolog_open(p, &charged[0], "assertz(fact(theirs))") && prolog_next(p) == PROLOG_YES)
        count++;
    cr_expect_gt(count, 50);
    cr_expect_str_eq(prolog_error(p), "no more clauses for this client in assertz/1");
    cr_expect(prolog_open(p, &charged[1], "assertz(fact(too))"));
    cr_expect_eq(prolog_next(p), PROLOG_YES);
    prolog_drop_owner(p, &charged[0]);
    cr_expect_eq(charged[0], 0);
    cr_expect_eq(ask("findall(X, fact(X), [mine, too])"), PROLOG_YES);
    prolog_drop_owner(p, &charged[1]);
    cr_expect_eq(charged[1], 0);
    cr_expect_eq(prolog_stored(p), before);
    cr_expect_eq(ask("fact(X)"), PROLOG_ERROR);
}

Test(prolog, what_the_system_declares_stays_when_a_client_goes)
{
    int client;
    cr_assert(prolog_consult(p, NULL, ":- dynamic one/1, two/2, three/0.\nrule(X) :- one(X).\n"));
    cr_assert(prolog_open(p, &client, "assertz(one(1)), assertz(of_its_own(2))"));
    cr_expect_eq(prolog_next(p), PROLOG_YES);
    prolog_drop_owner(p, &client);
    cr_expect_eq(ask("one(_)"), PROLOG_NO);
    cr_expect_eq(ask("rule(_)"), PROLOG_NO);
    cr_expect_eq(ask("two(_, _)"), PROLOG_NO);
    cr_expect_eq(ask("three"), PROLOG_NO);
    cr_expect_eq(ask("of_its_own(_)"), PROLOG_ERROR);
}

Test(prolog, keeps_within_its_store)
{
    char query[300];
    unsigned i = 0;
    do {
        snprintf(query, sizeof(query), "assertz(big_%u(\"%0200u\"))", i, i);
        i++;
    } while (ask(query) == PROLOG_YES && i < 100000);
    cr_expect(strstr(prolog_error(p), "more than") != NULL &&
                  strstr(prolog_error(p), "bytes of clauses and texts") != NULL,
              "%s", prolog_error(p));
    cr_expect_eq(ask("big_0(X)"), PROLOG_YES);
}

/* ---- anything at all ---- */

static uint32_t state = 1;

static uint32_t random_below(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % bound;
}

static const char *const pieces[] = {
    "a",
    "b(",
    "X",
    "Y",
    "(",
    ")",
    "[",
    "]",
    "|",
    ",",
    ".",
    " ",
    ":-",
    "->",
    ";",
    "\\+",
    "-",
    "1",
    "0'",
    "'",
    "\"",
    "`",
    "foo",
    "assertz(",
    "retract(",
    "findall(X,",
    "member(X,",
    "call(",
    "catch(",
    "throw(",
    "!",
    "is",
    "+",
    "=",
    "=..",
    "0x",
    "/*",
    "*/",
    "%",
    "\n",
    "{",
    "}",
    "\\",
    "length(",
    "append(",
    "_",
    "fail",
    "true",
    "write(",
    "format(",
    "'$cut'(",
    "'$clause'(",
    "'$erase'(",
    "99",
    "copy_term(",
    "sort(",
    "atom_codes(",
    "\x80\xc3",
    "functor(",
    "arg(",
    "between(1,",
    "bagof(",
    "^",
    "number_codes(",
    "sub_atom(abc,",
    "atomic_list_concat(",
    "clause(",
    "\\x41\\",
    ". ",
};

Test(prolog, survives_any_text)
{
    const char *more = getenv("PROLOG_FUZZ");
    const unsigned rounds = more != NULL ? (unsigned)atoi(more) : 6000;
    struct prolog_config config = prolog_default_config;
    config.cells = 4096;
    config.steps = 5000;
    config.store_bytes = 20000;
    config.output_bytes = 500;
    prolog_destroy(p);
    p = prolog_create(&config);
    for (unsigned round = 0; round < rounds; round++) {
        char text[600] = "";
        const unsigned length = 1 + random_below(24);
        for (unsigned i = 0; i < length; i++)
            strcat(text, pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
        if (random_below(4) == 0)
            prolog_consult(p, NULL, text);
        else if (prolog_open(p, NULL, text))
            for (unsigned i = 0; i < 4 && prolog_next(p) == PROLOG_YES; i++)
                prolog_write_bindings(p);
        if (random_below(50) == 0)
            prolog_drop_owner(p, NULL);
    }
    prolog_drop_owner(p, NULL);
    cr_expect_eq(ask("atom_length(abc, 3), append(X, [c], [a, b, c])"), PROLOG_YES);
}
