/* SPDX-License-Identifier: MIT
 *
 * Snapshots of a whole machine: go back to a moment as often as wanted, and go on from there
 * differently or, with nothing changed, identically bit for bit.
 *
 * Only engines with snapshots (engine_ops.snapshot, the deterministic one).  Between runs only:
 * stop a run with request_stop (for example from the sink, at a console line), take the snapshot,
 * then machine_run() goes on.  fork() is the other way to go on twice from one moment: make the
 * machine with config.private_memory, and parent and child share nothing from then on.
 */
#ifndef VMM_SNAPSHOT_H
#define VMM_SNAPSHOT_H

#include <stdint.h>

#include "engine/engine.h"
#include "machine/machine.h"

struct vm_snapshot;

/* Keeps the state of the machine and its engine.  Memory that was never touched costs nothing.
 * Returns 0; -ENOTSUP if the engine has no snapshots; -ENOMEM or another negative errno. */
int vm_snapshot(struct machine *machine, const struct engine_ops *ops, struct engine *engine,
                struct vm_snapshot **out);

/* Goes back to a snapshot of the same machine.  Guest memory is mapped copy-on-write from the
 * snapshot, so this takes a fraction of a millisecond, and the snapshot stays as it is: it may be
 * restored again.  After a negative errno the machine is of no use any more. */
int vm_restore(struct machine *machine, const struct engine_ops *ops, struct engine *engine,
               const struct vm_snapshot *snapshot);

/* Guest memory kept, in bytes. */
uint64_t vm_snapshot_bytes(const struct vm_snapshot *snapshot);

/* Frees it; NULL is fine.  A machine that was restored from it goes on undisturbed. */
void vm_snapshot_free(const struct engine_ops *ops, struct vm_snapshot *snapshot);

#endif
