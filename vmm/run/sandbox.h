/* SPDX-License-Identifier: MIT
 *
 * What the program may ask of the host while it runs a guest (docs/threat-model.md).
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_mode {
    SANDBOX_OFF, /* no filter */
    SANDBOX_ON,  /* a system call that is not foreseen ends the program with a message, status 3 */
    SANDBOX_LOG, /* it is allowed, and the kernel logs it: for those who extend the program */
};

/* "on", "log", "off"; false: none of them. */
bool sandbox_parse(const char *text, enum sandbox_mode *mode);

/* For the whole process, once: no new privileges, nothing a run never needs (programs, sockets,
 * other processes, kernel interfaces).  To be called when everything is set up.  Returns false with
 * one line in problem[] where the host has no filters; then nothing has changed but the
 * privileges. */
bool sandbox_process(enum sandbox_mode mode, char *problem, size_t bytes);

/* For the whole process, before each run: how much of the host the run may take beyond what is
 * there now. No core file; no file beyond SANDBOX_FILE_BYTES; no more than `memory_bytes` of
 * address space, nor SANDBOX_TASKS tasks, nor SANDBOX_FILES open files.  Lower limits that are in
 * force stay.  The threads behind the guest's filter cannot raise them. */
void sandbox_limits(enum sandbox_mode mode, uint64_t memory_bytes);

#define SANDBOX_FILE_BYTES (64ull << 30)
#define SANDBOX_TASKS 1024
#define SANDBOX_FILES 4096

/* For the calling thread and all that it starts: those that execute the guest and the device
 * models. They open, create and send nothing.  Returns as above. */
bool sandbox_guest_thread(enum sandbox_mode mode, char *problem, size_t bytes);

#endif
