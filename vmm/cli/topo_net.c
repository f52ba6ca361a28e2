/* SPDX-License-Identifier: MIT
 *
 * Draws an interconnect.  On the terminal at most 100 columns: a grid for a mesh of single cores, a
 * table of hops for up to 24 cores, and the neighbours of each otherwise.  As SVG a mesh is a grid,
 * all else a circle of cores around their hubs.  Who can signal whom is drawn where not all can.
 */
#include "cli/topo_net.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/units.h"

#define TABLE_CORES_MAX 24
#define SVG_STEP 90.0
#define SVG_RADIUS 22.0

/* Width and height of a mesh whose tiles are single cores. */
static bool is_grid(const struct scenario_machine *machine, unsigned *width)
{
    unsigned height;
    return machine->topology && sscanf(machine->topology, "mesh %ux%u", width, &height) == 2 &&
           *width * height == machine->core_count;
}

static void print_grid(unsigned cores, unsigned width, FILE *out)
{
    for (unsigned row = 0; row < cores / width; row++) {
        for (unsigned column = 0; row > 0 && column < width; column++)
            fputs(column ? "    |" : "   |", out);
        fputs(row > 0 ? "\n" : "", out);
        for (unsigned column = 0; column < width; column++)
            fprintf(out, column ? "--%3u" : "  %2u", row * width + column);
        fputc('\n', out);
    }
}

typedef unsigned distance(const struct interconnect *net, unsigned from, unsigned to);

/* A number for each core on the way to each other one. */
static void print_matrix(const struct interconnect *net, const char *title, const char *row,
                         distance *between, FILE *out)
{
    fputs(title, out);
    for (unsigned to = 0; to < net->shape.cores; to++)
        fprintf(out, "%3u", to);
    fputc('\n', out);
    for (unsigned from = 0; from < net->shape.cores; from++) {
        fprintf(out, "  %s %2u", row, from);
        for (unsigned to = 0; to < net->shape.cores; to++)
            fprintf(out, "%3u", between(net, from, to));
        fputc('\n', out);
    }
}

static unsigned hops(const struct interconnect *net, unsigned from, unsigned to)
{
    return net->hops[from][to];
}

/* How many cores signal one after the other until one is reached. */
static unsigned signals(const struct interconnect *net, unsigned from, unsigned to)
{
    unsigned count = 0;
    for (unsigned at = from; at != to; at = net->signal_next[at][to])
        count++;
    return count;
}

static bool all_signal_all(const struct interconnect_shape *shape)
{
    for (unsigned core = 0; core < shape->cores; core++)
        if (shape->unsignalled[core] != 0)
            return false;
    return true;
}

static void print_neighbours(const struct interconnect_shape *shape, FILE *out)
{
    for (unsigned a = 0; a < shape->vertices; a++) {
        unsigned column = 12;
        fprintf(out, "  %s %2u to", a < shape->cores ? "core" : "hub ",
                a < shape->cores ? a : a - shape->cores);
        for (unsigned b = 0; b < shape->vertices; b++) {
            if (!shape->link[a][b])
                continue;
            if (column > 90) {
                fputs("\n            ", out);
                column = 12;
            }
            column += (unsigned)fprintf(out, b < shape->cores ? " %u" : " h%u",
                                        b < shape->cores ? b : b - shape->cores);
        }
        fputc('\n', out);
    }
}

static struct interconnect *paths(const struct scenario_machine *machine)
{
    struct interconnect *net = malloc(sizeof(*net));
    if (net)
        interconnect_init(net, &machine->interconnect);
    return net;
}

void topo_print_interconnect(const struct scenario_machine *machine, FILE *out)
{
    const struct interconnect_shape *shape = &machine->interconnect;
    char time[32], memory[32];
    unsigned width;
    if (!shape->given)
        return;
    fprintf(out, "\ninterconnect  %s, %s for each hop", machine->topology,
            format_duration(shape->latency_ns, time));
    if (shape->bytes_per_s)
        fprintf(out, ", %s/s for each link", format_memory(shape->bytes_per_s, memory));
    fputc('\n', out);
    if (is_grid(machine, &width) && width <= 19)
        print_grid(machine->core_count, width, out);
    struct interconnect *net = paths(machine);
    if (net && shape->cores <= TABLE_CORES_MAX)
        print_matrix(net, "  hops  ", "core", hops, out);
    else if (!is_grid(machine, &width))
        print_neighbours(shape, out);
    if (net && !all_signal_all(shape) && shape->cores <= TABLE_CORES_MAX)
        print_matrix(net, "  signals", "from", signals, out);
    else if (net && !all_signal_all(shape))
        fputs("  not every core can signal every other one\n", out);
    free(net);
}

/* ---- SVG ---- */

struct point {
    double x, y;
};

static struct point on_circle(unsigned i, unsigned of, double radius, double centre)
{
    double angle = 2 * 3.14159265358979 * (i + 0.5) / of - 3.14159265358979 / 2;
    return (struct point){ centre + radius * cos(angle), centre + radius * sin(angle) };
}

/* Where the vertices stand; returns the side of the drawing. */
static double place(const struct scenario_machine *machine, unsigned vertices, struct point *at)
{
    const unsigned cores = machine->core_count;
    unsigned width;
    if (is_grid(machine, &width)) {
        unsigned height = cores / width;
        for (unsigned v = 0; v < cores; v++) {
            const unsigned column = v % width, row = v / width;
            at[v] = (struct point){ SVG_STEP * (column + 0.5), SVG_STEP * (row + 0.5) };
        }
        return SVG_STEP * (width > height ? width : height);
    }
    const double radius = cores * SVG_STEP / 6.5 + SVG_STEP / 2, centre = radius + SVG_STEP / 2;
    for (unsigned v = 0; v < vertices; v++)
        at[v] = v < cores ? on_circle(v, cores, radius, centre)
                          : on_circle(v - cores, vertices - cores, radius * 0.55, centre);
    return 2 * centre;
}

static void draw_vertex(const struct scenario_machine *machine, unsigned v, struct point at,
                        FILE *out)
{
    static const char *const fill[] = { "#dbe9f6", "#fde3cf", "#dcf0db", "#ecdff2",
                                        "#fbf3c4", "#f6d9dc", "#d6efef", "#e6e6e6" };
    if (v >= machine->core_count) {
        fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"16\" height=\"16\" fill=\"#555\"/>\n",
                at.x - 8, at.y - 8);
        return;
    }
    unsigned node = scenario_node_of(machine, v);
    fprintf(out,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.0f\" fill=\"%s\" stroke=\"#555\">"
            "<title>core %u, node %u</title></circle>\n"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%u</text>\n",
            at.x, at.y, SVG_RADIUS, fill[node % (sizeof(fill) / sizeof(fill[0]))], v, node, at.x,
            at.y + 5, v);
}

/* A dashed line where two cores can signal each other, with an arrow where only one can. */
static void draw_signals(const struct interconnect_shape *shape, const struct point *at, FILE *out)
{
    fputs("<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"20\" refY=\"4\" markerWidth=\"8\" "
          "markerHeight=\"8\" orient=\"auto\"><path d=\"M0,0L8,4L0,8z\" "
          "fill=\"#b33\"/></marker></defs>\n",
          out);
    for (unsigned a = 0; a < shape->cores; a++) {
        for (unsigned b = 0; b < shape->cores; b++) {
            const bool there = !(shape->unsignalled[a] >> b & 1);
            const bool back = !(shape->unsignalled[b] >> a & 1);
            if (a == b || !there || (back && b < a))
                continue;
            fprintf(out,
                    "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#b33\" "
                    "stroke-dasharray=\"4 5\"%s><title>core %u signals core %u%s</title></line>\n",
                    at[a].x, at[a].y, at[b].x, at[b].y, back ? "" : " marker-end=\"url(#arrow)\"",
                    a, b, back ? ", and back" : "");
        }
    }
}

int topo_write_svg(const struct scenario *scenario, FILE *out)
{
    const struct scenario_machine *machine = &scenario->machine;
    const struct interconnect_shape *shape = &machine->interconnect;
    const unsigned vertices = shape->given ? shape->vertices : machine->core_count;
    struct point at[INTERCONNECT_VERTICES] = { { 0 } };
    double side = place(machine, vertices, at);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
            "font-family=\"sans-serif\" font-size=\"14\">\n<title>%s</title>\n",
            side, side, scenario->name);
    for (unsigned a = 0; a < vertices; a++)
        for (unsigned b = a + 1; b < vertices; b++)
            if (shape->link[a][b])
                fprintf(out,
                        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888\"/>\n",
                        at[a].x, at[a].y, at[b].x, at[b].y);
    if (shape->given && !all_signal_all(shape))
        draw_signals(shape, at, out);
    for (unsigned v = 0; v < vertices; v++)
        draw_vertex(machine, v, at[v], out);
    fputs("</svg>\n", out);
    return ferror(out) || fflush(out) != 0 ? -(errno ? errno : EIO) : 0;
}
