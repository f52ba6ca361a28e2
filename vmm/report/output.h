/* SPDX-License-Identifier: MIT
 *
 * Standard output and standard error of the program, through writers (writer.h).  There is one of
 * each in a process, so this has no structure.
 */
#ifndef REPORT_OUTPUT_H
#define REPORT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on nothing that is printed can hold the program up.  Where the host allows no thread,
 * all stays as it was.  Ignores SIGPIPE: a reader who leaves ends no run. */
void output_start(void);

/* The user wants the end: output_finish() waits no longer than it must.  Safe in any thread. */
void output_hurry(void);

/* Is there output that nobody has taken yet? */
bool output_is_behind(void);

/* Waits until all that was printed is written, as long as somebody reads.  A person is patient: if
 * standard error is a terminal, only output_hurry() ends the waiting for a reader who takes
 * nothing. Returns 0 or a negative errno as writer_drain() for standard output.  Afterwards
 * everything printed goes out directly. */
int output_finish(uint64_t *lost);

/* A last line to standard error, if it takes one: never blocks. */
void output_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
