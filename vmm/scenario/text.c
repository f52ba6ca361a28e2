/* SPDX-License-Identifier: MIT
 *
 * Guest bytes -> printable UTF-8 -> XML.  Control characters and bytes that are not UTF-8 become
 * \xNN; noncharacters that XML 1.0 forbids (U+FFFE, U+FFFF) as well, so that clean text needs only
 * the five entities.  The same happens to characters that nobody sees but that change what is seen:
 * those that turn the direction of writing, and those without any width.  Must never pass an escape
 * character through: a console line of a guest must not be able to move the cursor of the terminal
 * that shows it, nor read differently from what it holds.
 */
#include "scenario/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "findings/markup.h"
#include "findings/utf8.h"

/* Characters without a picture of their own, in rising order: controls of direction, joiners and
 * spaces without width, fillers, separators of lines, variation selectors, tags. */
static const struct {
    unsigned first, last;
} invisible[] = {
    { 0x80, 0x9f },       { 0xad, 0xad },       { 0x34f, 0x34f },     { 0x61c, 0x61c },
    { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x200b, 0x200f },
    { 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },
    { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0xfffe, 0xffff },
    { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

static bool is_invisible(unsigned code)
{
    for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
        if (code <= invisible[i].last)
            return code >= invisible[i].first;
    return false;
}

/* Length of the well-formed, printable UTF-8 sequence at `text`, or 0. */
static size_t printable_length(const unsigned char *text, size_t left)
{
    if (text[0] < 0x80)
        return text[0] == '\t' || (text[0] >= 0x20 && text[0] != 0x7f);
    unsigned code;
    size_t length = utf8_decode(text, left, &code);
    return length == 0 || is_invisible(code) ? 0 : length;
}

char *text_clean(const char *text, size_t bytes)
{
    const unsigned char *in = (const unsigned char *)text;
    char *clean = malloc(bytes * 4 + 1);
    if (!clean)
        return NULL;
    char *out = clean;
    for (size_t at = 0; at < bytes;) {
        size_t length = printable_length(in + at, bytes - at);
        if (length) {
            memcpy(out, in + at, length);
            out += length;
            at += length;
        } else {
            static const char digits[] = "0123456789abcdef";
            *out++ = '\\';
            *out++ = 'x';
            *out++ = digits[in[at] >> 4];
            *out++ = digits[in[at] & 15];
            at++;
        }
    }
    *out = '\0';
    return clean;
}

void text_write(FILE *out, const char *text, size_t bytes)
{
    char *clean = text_clean(text, bytes);
    fputs(clean ? clean : "(no memory)", out);
    free(clean);
}

void text_write_xml(FILE *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = markup_entity(*text);
        if (entity)
            fputs(entity, out);
        else
            fputc(*text, out);
    }
}
