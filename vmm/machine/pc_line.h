/* SPDX-License-Identifier: MIT
 *
 * A line that the CPU driver writes to the console of a PC (guest/kernel/plat/pc):
 *
 *     SECONDS.MICROSECONDS CORE KIND SPEAKER: TEXT
 */
#ifndef VMM_MACHINE_PC_LINE_H
#define VMM_MACHINE_PC_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PC_LINE_USER 'u'
#define PC_LINE_KERNEL 'k'
#define PC_LINE_TRACE 't'
#define PC_LINE_EXIT 'x'  /* text: the code */
#define PC_LINE_PANIC 'p' /* text: the code */
#define PC_LINE_PUMP 'w'  /* text: guest-physical address of the struct abi_pump */

struct pc_line {
    uint64_t time_ns;
    unsigned core;
    char kind;        /* PC_LINE_* */
    char speaker[17]; /* "" for the CPU driver */
    const char *text; /* in the line */
    size_t bytes;
};

/* Takes a line of `bytes` bytes, without its end, apart.  False: it is none of the CPU driver. */
bool pc_line_parse(const char *line, size_t bytes, struct pc_line *out);

#endif
