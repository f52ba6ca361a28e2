/* SPDX-License-Identifier: MIT
 *
 * vmm topo: the interconnect of a machine, as text and as a drawing.
 */
#ifndef CLI_TOPO_NET_H
#define CLI_TOPO_NET_H

#include <stdio.h>

#include "scenario/scenario.h"

/* What links there are, how many hops each core is from each other, and for a mesh its grid;
 * nothing without an interconnect. */
void topo_print_interconnect(const struct scenario_machine *machine, FILE *out);

/* Nodes, cores and links as SVG.  0, or a negative errno. */
int topo_write_svg(const struct scenario *scenario, FILE *out);

#endif
