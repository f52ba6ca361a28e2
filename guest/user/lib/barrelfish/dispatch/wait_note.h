/* SPDX-License-Identifier: MIT
 *
 * What each thread waits for, told to the machine (abi/wait_table.h).  Library only; disabled.
 */
#ifndef WAIT_NOTE_H
#define WAIT_NOTE_H

#include <abi/wait_table.h>
#include <barrelfish/dispatcher.h>

struct thread;
struct waitset;
struct waitset_chanstate;

#ifndef HOST_TEST
/* The frame is there and its table is empty. */
void wait_notes_init(dispatcher_handle_t handle);

/* The domain ends as it wanted to: its threads wait for nothing any more. */
void wait_notes_end(dispatcher_handle_t handle);

/* An entry for a thread that begins, if there is room; and its end. */
void wait_note_begin(dispatcher_handle_t handle, struct thread *thread);
void wait_note_end(dispatcher_handle_t handle, struct thread *thread);

/* The current thread is about to block; `at`: where its program called. */
void wait_note_block(dispatcher_handle_t handle, enum abi_wait_kind kind, const void *object,
                     uint32_t other, const void *at);
/* The same, in a waitset, for one channel or (NULL) any event. */
void wait_note_event(dispatcher_handle_t handle, const struct waitset *ws,
                     const struct waitset_chanstate *awaited, const void *at);

/* A service has its iref. */
void wait_note_export(dispatcher_handle_t handle, uint32_t iref, const char *interface);

/* A fault ends the domain. */
void wait_note_crash(dispatcher_handle_t handle, const struct registers_x86_64 *regs,
                     uint64_t vector, uint64_t error, uint64_t address);
#else
static inline void wait_note_block(dispatcher_handle_t handle, enum abi_wait_kind kind,
                                   const void *object, uint32_t other, const void *at)
{
    (void)handle, (void)kind, (void)object, (void)other, (void)at;
}
static inline void wait_note_event(dispatcher_handle_t handle, const struct waitset *ws,
                                   const struct waitset_chanstate *awaited, const void *at)
{
    (void)handle, (void)ws, (void)awaited, (void)at;
}
#endif

#endif
