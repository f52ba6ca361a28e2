/* SPDX-License-Identifier: MIT
 *
 * What the knowledge base knows from the beginning: facts of the boot information, and rules.
 * docs/knowledge.md lists both.
 */
#include "rules.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FACT_BYTES 512

static const char rules[] =
    ":- dynamic running/1, program/3, hops_from/2, link_latency/1, link_bandwidth/1.\n"
    /* what acpi and pci find: nothing, on a machine that has neither */
    ":- dynamic acpi_table/2, apic_processor/3, io_apic/3, interrupt_override/4, srat_apic/2,\n"
    "    srat_memory/3, slit_distance/3, pci_configuration/4, device/8, bridge/8, bar/7,\n"
    "    acpi_done/0, pci_done/0.\n"
    "corename(C, x86_64, apic(C)) :- core(C).\n"
    "cpu_affinity(C, C, N) :- core_node(C, N).\n"
    "memory_affinity(B, S, N) :- node_ram(N, B, S).\n"
    "node_distance(A, B, D) :- distance(A, B, D).\n"
    "core_distance(A, B, D) :- core_node(A, N), core_node(B, M), distance(N, M, D).\n"
    /* nodes by their distance from one, itself first */
    "nodes_from(N, Nodes) :- findall(D-M, distance(N, M, D), L), sort(L, S),\n"
    "    pairs_values(S, Ms), ( select(N, Ms, Rest) -> Nodes = [N|Rest] ; Nodes = Ms ).\n"
    "cores_of(N, Cores) :- findall(C, core_node(C, N), Cores).\n"
    /* one group after the other; the cores of a group at the same time */
    "boot_order(Groups) :- core_node(0, N), nodes_from(N, Nodes),\n"
    "    findall(G, ( member(M, Nodes), cores_of(M, Cs), delete(Cs, 0, G), G \\== [] ),\n"
    "        Groups).\n"
    "hops(A, B, H) :- hops_from(A, Row), nth0(B, Row, H).\n"
    "link(A, B) :- hops(A, B, 1).\n"
    /* the nearest node first; within a distance by the links between */
    "core_hops(C, X, H) :- hops_from(C, Row), !, nth0(X, Row, H).\n"
    "core_hops(_, X, 0) :- core(X).\n"
    "cores_from(C, Cores) :- findall(D-H-X, ( core_hops(C, X, H), X \\== C,\n"
    "        core_distance(C, X, D) ), L),\n"
    "    sort(L, S), pairs_values(S, Cores).\n"
    "near(C, X) :- cores_from(C, [X|_]), !.\n"
    "near(C, C) :- core(C).\n"
    "each_node(Cores) :- findall(C, ( node(N), cores_of(N, [C|_]) ), Cores).\n"
    /* the core with the fewest programs; of these the nearest to core 0, core 0 last */
    "load(C, L) :- aggregate_all(count, program(_, C, _), L).\n"
    "spare(X) :- cores_from(0, Cs), append(Cs, [0], All),\n"
    "    findall(L-I-C, ( nth0(I, All, C), load(C, L) ), Ls), sort(Ls, [_-X|_]).\n"
    "memory_order(C, Nodes) :- core_node(C, N), nodes_from(N, Nodes).\n"
    /* a root, and for each node, the farthest first, its first core and the cores behind that */
    "multicast_tree(Root, Tree) :- core_node(Root, N), nodes_from(N, Ns), reverse(Ns, Far),\n"
    "    findall(L-Rest, ( member(M, Far), cores_of(M, Cs), delete(Cs, Root, Os),\n"
    "        ( M == N -> member(L, Os), Rest = [] ; Os = [L|Rest] ) ), Tree).\n"
    /* who sends on to whom: each core gets it from the one with the fewest links between, of those
     * that are nearer to the root, or as near and lower; of these the nearest to the root */
    "closest([], [], _, _, _, B, B).\n"
    "closest([G|Gs], [L|Ls], X, H, C, B0, B) :-\n"
    "    ( ( G < H ; G =:= H, X < C ), ( B0 == none ; B0 = K-_, L-G @< K ) -> B1 = (L-G)-X\n"
    "    ; B1 = B0 ), Y is X + 1, closest(Gs, Ls, Y, H, C, B1, B).\n"
    "multicast_edges(Root, Edges) :- hops_from(Root, Row), !,\n"
    "    findall(H-C, ( nth0(C, Row, H), C \\== Root ), L), sort(L, Order),\n"
    "    findall(P-C, ( member(H-C, Order), hops_from(C, Mine),\n"
    "        closest(Row, Mine, 0, H, C, none, _-P) ), Edges).\n"
    "multicast_edges(Root, Edges) :- multicast_tree(Root, Tree),\n"
    "    findall(P-C, ( member(L-Others, Tree),\n"
    "        ( P = Root, C = L ; P = L, member(C, Others) ) ), Edges).\n"
    "menu_cores(near(C), [X]) :- near(C, X).\n"
    "menu_cores(each_node, Cores) :- each_node(Cores).\n"
    "menu_cores(spare, [X]) :- spare(X).\n";

static void add(struct prolog *knowledge, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct prolog *knowledge, const char *format, ...)
{
    char fact[FACT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(fact, sizeof(fact), format, args);
    va_end(args);
    if (!prolog_consult(knowledge, NULL, fact))
        USER_PANIC("%s: %s", fact, prolog_error(knowledge));
}

static void add_node(struct prolog *knowledge, const struct abi_topology *topology, unsigned node)
{
    const struct abi_topology_node *memory = &topology->node[node];
    add(knowledge, "node(%u).", node);
    add(knowledge, "node_ram(%u, %llu, %llu).", node, (unsigned long long)memory->ram_base,
        (unsigned long long)memory->ram_bytes);
    add(knowledge, "node_window(%u, %llu, %llu).", node, (unsigned long long)memory->window_base,
        (unsigned long long)memory->window_bytes);
    for (unsigned other = 0; other < topology->node_count; other++)
        add(knowledge, "distance(%u, %u, %u).", node, other, topology->distance[node][other]);
}

/* A row for each core: as facts of their own, the pairs of 64 cores would take half of the memory
 * that clients have for theirs. */
static void add_links(struct prolog *knowledge, const struct abi_topology *topology)
{
    if (topology->core_count < 2 || topology->hops[0][1] == 0)
        return; /* cores see each other's stores at once */
    for (unsigned core = 0; core < topology->core_count; core++) {
        char row[4 * ABI_MAX_CORES];
        int used = 0;
        for (unsigned other = 0; other < topology->core_count; other++)
            used += snprintf(row + used, sizeof(row) - (size_t)used, "%s%u", other ? "," : "",
                             topology->hops[core][other]);
        add(knowledge, "hops_from(%u, [%s]).", core, row);
    }
    add(knowledge, "link_latency(%llu).", (unsigned long long)topology->link_latency_ns);
    if (topology->link_bytes_per_s != 0)
        add(knowledge, "link_bandwidth(%llu).", (unsigned long long)topology->link_bytes_per_s);
}

void rules_add(struct prolog *knowledge, const struct abi_topology *topology)
{
    for (unsigned core = 0; core < topology->core_count; core++) {
        add(knowledge, "core(%u).", core);
        add(knowledge, "core_node(%u, %u).", core, topology->core_node[core]);
    }
    for (unsigned node = 0; node < topology->node_count; node++)
        add_node(knowledge, topology, node);
    add_links(knowledge, topology);
    if (!prolog_consult(knowledge, NULL, rules))
        USER_PANIC("rules: %s", prolog_error(knowledge));
}
