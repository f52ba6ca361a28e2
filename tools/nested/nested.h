/* SPDX-License-Identifier: MIT
 *
 * The host's helper of `make check-nested`: one program, one sub-command in each file.
 *
 *     nested cpio LIST OUT         packs an initramfs
 *     nested vmlinux BZIMAGE OUT   takes the kernel's payload out of a bzImage
 *     nested tsc                   prints the rate of this host's time stamp counter in kHz
 *     nested unpack RECORDS DIR    files and steps of a run, as the guest's init recorded them
 *     nested report ...            compares and counts (report.c)
 *
 * Each returns an exit code: 0, or 1 after one line on stderr.
 */
#ifndef TOOLS_NESTED_NESTED_H
#define TOOLS_NESTED_NESTED_H

#include <stddef.h>
#include <stdint.h>

int nested_cpio(int argc, char **argv);
int nested_vmlinux(int argc, char **argv);
int nested_unpack(int argc, char **argv);
int nested_report(int argc, char **argv);

/* Reads a whole file into memory that the caller frees; *bytes is its length, and a zero byte
 * follows.  NULL with errno set on failure. */
uint8_t *nested_read(const char *path, size_t *bytes);

/* Writes a whole file.  0, or -1 with errno set. */
int nested_write(const char *path, const void *data, size_t bytes);

/* Prints "nested: ..." on stderr and returns 1. */
__attribute__((format(printf, 1, 2))) int nested_fail(const char *format, ...);

#endif
