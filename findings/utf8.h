/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as RFC 3629 has it, for texts that may hold any bytes.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

/* Bytes of the character that begins at `text`, of which `left` bytes are there (at least one), and
 * its code point in *code.  0: no character begins there (overlong, a surrogate, above U+10FFFF,
 * cut off, or no beginning at all). */
size_t utf8_decode(const unsigned char *text, size_t left, unsigned *code);

#endif
