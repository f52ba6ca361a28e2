/* SPDX-License-Identifier: MIT
 *
 * UTF-8 (utf8.h).
 */
#include "findings/utf8.h"

size_t utf8_decode(const unsigned char *text, size_t left, unsigned *code)
{
    if (text[0] < 0x80) {
        *code = text[0];
        return 1;
    }
    size_t length = text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    if (length == 0 || text[0] > 0xf4 || length > left)
        return 0;
    *code = text[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (text[i] & 0x3f);
    }
    static const unsigned least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
        return 0;
    return length;
}
