/* SPDX-License-Identifier: MIT
 *
 * Another ring than UMP's, with head and tail words and a doorbell: channels between cores of
 * programs that have a protocol of their own, and proof that the machine takes the layout of lines
 * as data (docs/faults.md).
 *
 * A ring is the memory of one writer: lines of 32 bytes, and last its control line.
 *
 *   line          word 0: the message's type; words 1 to 3: payload
 *   control line  word 0: head, lines of this ring written since the bind
 *                 word 1: tail, lines of the other ring read
 *                 word 2: wake, always 1: each change of head rings the reader's doorbell
 *
 * A line says nothing of itself: whoever reads the head believes that all lines before it have
 * come.
 */
#ifndef BELLRING_BELLRING_H
#define BELLRING_BELLRING_H

#include <barrelfish/doorbell.h>
#include <barrelfish/ump_chan.h>

#define BELLRING_LINE_BYTES 32
#define BELLRING_WORDS 3      /* of payload */
#define BELLRING_BYTES 512    /* of one direction, with its control line: to bind with */
#define BELLRING_FIRST_TYPE 3 /* smaller ones are the channel's own (abi/ports.h) */

/* For struct idc_export. */
struct abi_line_layout;
extern const struct abi_line_layout bellring_layout;

struct bellring {
    struct ump_chan channel; /* has the memory, the notification and the connection; bound, or
                              * accepted, by the owner with BELLRING_BYTES */
    struct doorbell bell;
    volatile uint64_t *in, *out;      /* lines */
    volatile uint64_t *theirs, *mine; /* control lines */
    uint64_t in_lines, out_lines;
    uint64_t head, tail; /* written, read */
};

/* The channel is connected: `arrived` runs on `ws` when there may be lines, or room.  Also to be
 * called by then if lines may have come before: the owner reads until there is none.  Errors of
 * doorbell_hang(). */
errval_t bellring_open(struct bellring *ring, struct waitset *ws, struct event_closure arrived);

/* Takes the doorbell down and closes the channel; the peer's stays until it has closed it, too. */
void bellring_close(struct bellring *ring);

/* Would a message find room?  If not, the peer rings when it has read one. */
bool bellring_has_room(const struct bellring *ring);

/* Writes a message and rings the peer's doorbell.  LIB_ERR_UMP_CHAN_FULL.  Does not
 * block. */
errval_t bellring_send(struct bellring *ring, uint64_t type, const uint64_t word[BELLRING_WORDS]);

/* Takes the next message; false: there is none. */
bool bellring_receive(struct bellring *ring, uint64_t *type, uint64_t word[BELLRING_WORDS]);

#endif
