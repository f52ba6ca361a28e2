/* SPDX-License-Identifier: MIT
 *
 * What the program may ask of the host while it runs a guest (docs/threat-model.md).
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_mode {
    SANDBOX_OFF, /* no filter */
    SANDBOX_ON,  /* a system call that is not foreseen ends the program with a message, status 3 */
    SANDBOX_LOG, /* it is allowed, and the kernel logs it: for those who extend the program */
};

/* "on", "log", "off"; false: none of them. */
bool sandbox_parse(const char *text, enum sandbox_mode *mode);

/* For the whole process, once: no new privileges, nothing a run never needs (programs, sockets, other
 * processes, kernel interfaces).  To be called when everything is set up.  Returns false with one
 * line in problem[] where the host has no filters; then nothing has changed but the privileges. */
bool sandbox_process(enum sandbox_mode mode, char *problem, size_t bytes);

/* For the calling thread and all that it starts: those that execute the guest and the device models.
 * They open, create and send nothing.  Returns as above. */
bool sandbox_guest_thread(enum sandbox_mode mode, char *problem, size_t bytes);

#endif
