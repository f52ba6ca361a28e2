/* SPDX-License-Identifier: MIT
 *
 * The entry point of a domain: disabled, RDI = dispatcher frame, RSI = arguments page.  The stack
 * that the kernel or the spawner gave is left for the dispatcher's own upcall stack.
 */
#include <barrelfish/dispatcher.h>

    .section .text.start, "ax"
    .globl _start
_start:
    leaq DISP_UPCALL_STACK_TOP(%rdi), %rsp
    xorl %ebp, %ebp
    cld
    call barrelfish_start_disabled
    ud2

    .section .note.GNU-stack, "", @progbits
