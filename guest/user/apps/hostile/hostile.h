/* SPDX-License-Identifier: MIT
 *
 * The ways of doing harm.  Each gets its own words, argv[0] being what comes after its name, and
 * returns false if it does not know argv[0].
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>

bool hostile_calls(int argc, char **argv);
bool hostile_frame(int argc, char **argv);
bool hostile_run(int argc, char **argv);
bool hostile_touch(int argc, char **argv);
bool hostile_many(int argc, char **argv);
bool hostile_dispatchers(int argc, char **argv);
bool hostile_share(int argc, char **argv);
bool hostile_upcalls(int argc, char **argv);
bool hostile_authority(int argc, char **argv);
bool hostile_loops(int argc, char **argv);
bool hostile_circuit(int argc, char **argv);

#endif
