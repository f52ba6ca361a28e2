/* SPDX-License-Identifier: MIT
 *
 * hostile: a program that means harm, one way of doing it for each argument.
 *
 *   hostile calls SEED COUNT   random system calls with random arguments; with `give SERVICE` or
 *                              `take SERVICE` both have capabilities of one frame on two cores
 *   hostile frame WHAT         spoils its dispatcher frame, of which the kernel reads a part
 *   hostile run WHAT           executes what only the kernel may, or what nobody can
 *   hostile touch WHAT         reads, writes or jumps to what is not its own
 *   hostile many WHAT          asks more of the services than they can give
 *   hostile dispatchers WHAT   makes dispatchers of its own, and not to run programs
 *   hostile upcalls WHAT       makes dispatchers that look what they find, or want more than their
 *                              turn
 *   hostile circuit WHAT       says to the monitor what no multi-hop channel would
 *   hostile authority WHAT     takes from others what many have
 *   hostile share WHAT         changes its frame from another core while the kernel reads it
 *   hostile pester WHAT        asks without a pause about memory that others want back
 *   hostile stores WHAT        asks services that keep things for what no careful client would
 *   hostile programs WHAT      asks the spawn service for what no careful client would
 *   hostile loops WHAT N       asks for calls that have much to do
 *
 * It may stop, fault or spin; what must be seen is that the rest of the machine goes on
 * (tests/scenario/hostile.sh).  A line "survived" says that it came out at the other end.
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool (*act)(int argc, char **argv);
} ways[] = {
    { "calls", hostile_calls },
    { "frame", hostile_frame },
    { "run", hostile_run },
    { "touch", hostile_touch },
    { "many", hostile_many },
    { "dispatchers", hostile_dispatchers },
    { "share", hostile_share },
    { "circuit", hostile_circuit },
    { "upcalls", hostile_upcalls },
    { "loops", hostile_loops },
    { "authority", hostile_authority },
    { "impostor", hostile_impostor },
    { "pester", hostile_pester },
    { "stores", hostile_stores },
    { "programs", hostile_programs },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) != 0)
            continue;
        printf("hostile %s %s\n", argv[1], argv[2]);
        if (ways[i].act(argc - 2, argv + 2)) {
            printf("survived %s %s\n", argv[1], argv[2]);
            return 0;
        }
    }
    printf("usage: hostile calls SEED COUNT | frame WHAT | run WHAT | touch WHAT | many WHAT |\n");
    printf("               dispatchers WHAT | share WHAT | circuit WHAT | upcalls WHAT |\n"
           "               authority WHAT | loops WHAT N | impostor agent N | pester WHAT |\n"
           "               stores WHAT | programs WHAT\n");
    return 1;
}
