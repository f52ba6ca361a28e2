/* SPDX-License-Identifier: MIT
 *
 * skbtest: the system knowledge base as a client sees it.
 *
 *   skbtest api        every function of skb/skb.h
 * skbtest hostile    goals without end, huge answers, malformed text, as many facts as there may be
 *   skbtest neighbour  asks while that goes on, and wants every answer to be right
 *   skbtest figures    what ten typical goals take, from the call to the answer
 *   skbtest shape      prints the machine's shape, for comparison with `vmm topo`
 *   skbtest near       memory that this core gets lies where the answers say that it comes from
 */
#include <bench/bench.h>
#include <skb/skb.h>
#include <stdio.h>
#include <string.h>

static unsigned failures;

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    failures++;
    printf("skbtest: %s: %s%s\n", what, skb_get_output(), skb_get_error_output());
}

/* ---- api ---- */

static void check_lists(void)
{
    struct list_parser_status list;
    unsigned sum = 0, x, y;
    check(err_is_ok(skb_execute("write([p(1, 2), p(3, 4)])")), "writing a list");
    skb_read_list_init(&list);
    while (skb_read_list(&list, "p(%u,%u)", &x, &y))
        sum += 10 * x + y;
    check(sum == 46, "reading a list");
    check(err_is_ok(skb_execute("write(before), write([])")), "an empty list");
    skb_read_list_init(&list);
    check(!skb_read_list(&list, "%u", &x), "reading an empty list");
}

static void check_api(void)
{
    unsigned x = 0, y = 0;
    char *result, *error;
    int32_t code;
    check(err_is_ok(skb_client_connect()), "connecting");
    check(err_is_ok(skb_add_fact("likes(%u, %s).", 1, "tea")), "a fact with its full stop");
    check(err_is_ok(skb_add_fact("likes(%u, %s)", 2, "tea")), "a fact without");
    check(err_is_ok(skb_add_fact("twice(X, Y) :- Y is 2 * X")), "a rule");
    check(err_is_ok(skb_execute_query("likes(%u, D), twice(4, Y), write(a(%u, Y))", 2, 7)),
          "a query");
    check(err_is_ok(skb_read_output("a(%u,%u)", &x, &y)) && x == 7 && y == 8, "reading the output");
    check(err_no(skb_read_output("b(%u)", &x)) == SKB_ERR_CONVERSION_ERROR,
          "output of another form");
    check(err_is_ok(skb_read_output_at("n 5", "n %u", &x)) && x == 5, "reading another text");
    check(err_no(skb_execute("likes(3, _)")) == SKB_ERR_GOAL_FAILURE && skb_read_error_code() == 1,
          "a goal without a solution");
    check(err_no(skb_execute("likes(")) == SKB_ERR_RUN &&
              strstr(skb_get_error_output(), "line 1, column 7") != NULL,
          "a malformed goal");
    check(err_no(skb_execute("write(x), nobody_knows(1)")) == SKB_ERR_RUN &&
              strstr(skb_get_error_output(), "nobody_knows/1") != NULL &&
              strcmp(skb_get_output(), "x") == 0,
          "output before an error");
    check(err_is_ok(skb_evaluate("write(hello)", &result, &error, &code)) && code == 0 &&
              strcmp(result, "hello") == 0 && *error == '\0',
          "evaluating");
    free(result);
    free(error);
    check_lists();
}

/* ---- bad input ---- */

static void refused(const char *goal, const char *place)
{
    check(err_no(skb_execute(goal)) == SKB_ERR_RUN && strstr(skb_get_error_output(), place) != NULL,
          goal);
}

static void be_hostile(void)
{
    static char text[SKB_GOAL_BYTES + 100];
    unsigned facts = 0;
    check(err_is_ok(skb_add_fact("loop :- loop")), "a rule without end");
    check(err_is_ok(skb_add_fact("deep :- deep, true")), "a deep rule");
    for (unsigned i = 0; i < 5; i++) {
        refused("loop", "steps in loop/0");
        refused("deep", "calls that wait for another's end in deep/0");
        refused("between(1, inf, X), write(X), fail", "bytes of output in write/1");
        refused("findall(X, between(1, inf, X), L)", "cells of memory");
        refused("X = f(X), X = f(f(Y)), Y = X, write(X)", "in ");
        refused("length(L, L)", "in ");
    }
    refused("foo(", "line 1, column 5");
    refused("'\\q'", "unknown escape");
    memset(text, '(', 1000);
    refused(text, "nested too deeply");
    memset(text, 'a', sizeof(text) - 1);
    check(err_no(skb_execute(text)) == SKB_ERR_OVERFLOW, "a goal that is too long");
    while (err_is_ok(skb_add_fact("hoard(%u, \"%s\")", facts, "as much as there is")))
        facts++;
    check(facts > 500 && strstr(skb_get_error_output(), "no more clauses for this client") != NULL,
          "as many facts as there may be");
    printf("skbtest: kept %u facts\n", facts);
}

static void be_neighbour(void)
{
    unsigned core;
    for (unsigned i = 0; i < 60; i++) {
        check(err_is_ok(skb_add_fact("mine(%u, %u)", disp_get_core_id(), i)), "a fact of mine");
        check(err_is_ok(skb_execute_query("mine(%u, %u), boot_order([[A|_]|_]), write(A)",
                                          disp_get_core_id(), i)),
              "a question");
        check(err_is_ok(skb_read_output("%u", &core)), "its answer");
    }
}

/* ---- figures ---- */

static const char *const typical[] = {
    "true",
    "core_node(1, N), write(N)",
    "near(0, X), write(X)",
    "boot_order(G), write(G)",
    "each_node(C), write(C)",
    "spare(X), write(X)",
    "multicast_tree(0, T), write(T)",
    "memory_order(0, N), write(N)",
    "assertz(scratch(1)), retract(scratch(1))",
    "findall(A-B, core_distance(A, B, _), L), length(L, N), write(N)",
};

static void print_figures(void)
{
    skb_client_connect();
    for (unsigned i = 0; i < sizeof(typical) / sizeof(typical[0]); i++) {
        check(err_is_ok(skb_execute(typical[i])), typical[i]); /* once before it counts */
        const cycles_t before = bench_tsc();
        check(err_is_ok(skb_execute(typical[i])), typical[i]);
        printf("%8" PRIuCYCLES "  %s\n", bench_tsc() - before, typical[i]);
    }
}

static void print_shape(void)
{
    check(err_is_ok(skb_execute("node(N), node_ram(N, _, R), node_window(N, _, W), cores_of(N, Cs),"
                                " format('shape ~w ~w ~w~n', [N, R, Cs]), W > 0, fail ; true")),
          "nodes");
    printf("%s", skb_get_output());
    check(err_is_ok(skb_execute("node(N), findall(D, distance(N, _, D), Ds),"
                                " format('distances ~w ~w~n', [N, Ds]), fail ; true")),
          "distances");
    printf("%s", skb_get_output());
}

/* Each of several sizes is taken from the node that memory_order names first. */
static void check_near(void)
{
    char goal[160];
    snprintf(goal, sizeof(goal),
             "memory_order(%u, [N | _]), node_ram(N, B, Bytes), write(ram(N, B, Bytes))",
             disp_get_core_id());
    check(err_is_ok(skb_execute(goal)), "the nearest memory");
    unsigned long node = 0, base = 0, bytes = 0;
    check(sscanf(skb_get_output(), "ram(%lu,%lu,%lu)", &node, &base, &bytes) == 3, "its place");
    for (size_t size = BASE_PAGE_SIZE; size <= LARGE_PAGE_SIZE; size *= 8) {
        struct capref frame;
        struct frame_identity id = { 0 };
        check(err_is_ok(frame_alloc(&frame, size, NULL)), "a frame");
        check(err_is_ok(frame_identify(frame, &id)), "its address");
        check(id.base >= base && id.base + id.bytes <= base + bytes, "a frame of another node");
    }
    printf("skbtest: memory of node %lu\n", node);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {
        { "api", check_api },         { "hostile", be_hostile }, { "neighbour", be_neighbour },
        { "figures", print_figures }, { "shape", print_shape },  { "near", check_near },
    };
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (argc < 2 || strcmp(argv[1], parts[i].name) != 0)
            continue;
        parts[i].run();
        printf("skbtest: %s: %u failures\n", argv[1], failures);
        return failures > 0;
    }
    return 2;
}
