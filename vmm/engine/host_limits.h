/* SPDX-License-Identifier: MIT
 *
 * What the host lacks, by name.
 */
#ifndef ENGINE_HOST_LIMITS_H
#define ENGINE_HOST_LIMITS_H

#include <stddef.h>

/* An error of the host in words, with what it lacks or who has it, as far as files tell: the limit
 * of tasks (EAGAIN), of memory (ENOMEM), of open files (EMFILE), another hypervisor (EBUSY).
 * `root` stands before /proc and /sys, "" but in tests. */
void host_explain(const char *root, int error, char *text, size_t bytes);

#endif
