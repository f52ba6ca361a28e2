/* SPDX-License-Identifier: MIT
 *
 * The ways of doing harm.  Each gets its own words, argv[0] being what comes after its name, and
 * returns false if it does not know argv[0].
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <barrelfish/barrelfish.h>
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
bool hostile_impostor(int argc, char **argv);
bool hostile_pester(int argc, char **argv);
bool hostile_programs(int argc, char **argv);
bool hostile_stores(int argc, char **argv);

/* Exports a service of that name that gives copies of `frame` away; returns when somebody has
 * asked for one.  False: the name could not be registered. */
bool offer_frame(const char *service, struct capref frame);
/* Returns when the next one has asked, whatever the service is called. */
void offer_again(void);

/* Waits for the service and asks it for its frame. */
errval_t borrow_frame(const char *service, struct capref *frame);

#endif
