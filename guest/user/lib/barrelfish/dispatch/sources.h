/* SPDX-License-Identifier: MIT
 *
 * What the dispatcher asks of those who can make a thread runnable.  They stand above it (events,
 * channels) and hand their functions in when the dispatcher is made.  All of them run disabled, on
 * the upcall stack or on a thread's, and do not block.
 */
#ifndef SOURCES_H
#define SOURCES_H

#include <barrelfish/dispatch.h>

struct disp_sources {
    /* Triggers all events that have come, but for those of polled channels. */
    void (*check_unpolled)(dispatcher_handle_t handle);
    /* Looks at each polled channel once; true: there was something. */
    bool (*poll)(dispatcher_handle_t handle);
    /* How many rounds of polling are worth their time before sleeping. */
    unsigned (*poll_rounds)(dispatcher_handle_t handle);
    /* Nothing can run: makes peers wake us and says when to wake up by ourselves (`haswork`,
     * `wakeup`), then looks once more.  False: a thread can run. */
    bool (*prepare_sleep)(dispatcher_handle_t handle);
    /* Takes that back.  Called if wake flags are set, or there are checked channels. */
    void (*woken)(dispatcher_handle_t handle);
    /* A message of up to LRPC_MSG_WORDS words that came with the upcall: into the endpoint's
     * buffer, as the kernel would have done. */
    void (*lrpc)(dispatcher_handle_t handle, uint64_t endpoint, uint64_t where, uint64_t word0,
                 uint64_t word1, uint64_t word2, uint64_t word3);
};

#endif
