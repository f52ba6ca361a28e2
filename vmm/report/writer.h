/* SPDX-License-Identifier: MIT
 *
 * Output that nobody waits for: bytes go into a queue, a thread writes them.  So a terminal that
 * was halted, a pipe that nobody reads or a slow disk can hold up neither a core nor a signal.
 */
#ifndef REPORT_WRITER_H
#define REPORT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WRITER_QUEUE_BYTES \
    (128ull << 20)                   /* most that waits to be written; further bytes are lost */
#define WRITER_PATIENCE_MS 2000      /* how long the end waits for a reader who takes nothing */
#define WRITER_PATIENCE_HURRY_MS 300 /* the same when the user wants the end */

struct writer;

/* A thread that writes to `fd`, which must stay open until writer_destroy().  NULL with errno. */
struct writer *writer_create(int fd);

/* A stream into the queue; the caller closes it before writer_destroy().  Its writes never block
 * and never fail.  `eager`: while nothing waits and the descriptor takes it, bytes are written at
 * once (for messages that shall be out before the program dies).  NULL with errno. */
FILE *writer_stream(struct writer *writer, bool eager);

/* Bytes not yet written. */
uint64_t writer_pending(struct writer *writer);

/* Waits until everything is written.  Gives up when nobody has taken a byte for WRITER_PATIENCE_MS,
 * or for WRITER_PATIENCE_HURRY_MS where hurry(context) says so (NULL: never); waits without end for
 * a reader who takes nothing if `patient`.  Returns 0; or a negative errno, that of the first write
 * that failed,
 * -ETIMEDOUT if it gave up, -ENOBUFS if the queue overflowed; then *lost (if not NULL) tells how
 * many
 * bytes were not written. */
int writer_drain(struct writer *writer, bool patient, bool (*hurry)(void *context), void *context,
                 uint64_t *lost);

/* Ends the thread, without waiting for a reader: drain first.  NULL is fine. */
void writer_destroy(struct writer *writer);

#endif
