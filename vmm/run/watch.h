/* SPDX-License-Identifier: MIT
 *
 * The watch: one thread that waits for Ctrl-C, SIGQUIT, termination signals and the guard of runs
 * in virtual time while a command runs, and asks the engine to stop.  The signals are blocked
 * everywhere else, so no other code is ever interrupted in the middle of something.
 */
#ifndef VMM_WATCH_H
#define VMM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

struct watch;

/* Blocks SIGINT, SIGTERM and SIGHUP in the calling thread (so in all threads it creates) and starts
 * the watch.  To be called before any other thread exists.  NULL: it has said on standard error
 * what is missing. */
struct watch *watch_start(void);

/* The engine to stop from now on; NULL when there is none.  `limit_ns` of processor time from now
 * on ends the run with STOP_DEADLINE, 0 = no limit: a process that is stopped uses none. */
void watch_engine(struct watch *watch, const struct engine_ops *ops, struct engine *engine,
                  uint64_t limit_ns);

/* From now on SIGQUIT (Ctrl-\) calls explain(context) on the watch's thread; NULL: it is left
 * alone.  When this returns, the former one is not running any more. */
void watch_explain(struct watch *watch, void (*explain)(void *context), void *context);

/* The signal that arrived, or 0.  A second one, half a second later or a Ctrl-C, ends the program
 * at once with status
 * 130. */
int watch_signal(struct watch *watch);

/* Has the limit of the current engine been reached? */
bool watch_limit_reached(struct watch *watch);

/* Ends the thread, closes its descriptors, unblocks the signals. */
void watch_stop(struct watch *watch);

#endif
