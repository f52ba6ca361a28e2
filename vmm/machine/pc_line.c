/* SPDX-License-Identifier: MIT
 *
 * Takes a console line of a PC apart.  Firmware, loader and a broken guest may write anything.
 */
#include "machine/pc_line.h"

#include <string.h>

#include "abi/layout.h"

struct cursor {
    const char *at, *end;
};

static bool take_char(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* At most `digits` digits, at least one. */
static bool take_number(struct cursor *cursor, unsigned digits, uint64_t *value)
{
    const char *begin = cursor->at;
    *value = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' &&
           cursor->at - begin < (ptrdiff_t)digits)
        *value = *value * 10 + (uint64_t)(*cursor->at++ - '0');
    return cursor->at > begin;
}

static bool take_speaker(struct cursor *cursor, char *speaker)
{
    size_t used = 0;
    while (cursor->at < cursor->end && *cursor->at != ':' && used < 16)
        speaker[used++] = *cursor->at++;
    speaker[used] = '\0';
    if (strcmp(speaker, "-") == 0)
        speaker[0] = '\0';
    return used > 0 && take_char(cursor, ':') && take_char(cursor, ' ');
}

static bool is_kind(char c)
{
    return c == PC_LINE_USER || c == PC_LINE_KERNEL || c == PC_LINE_TRACE || c == PC_LINE_EXIT ||
           c == PC_LINE_PANIC || c == PC_LINE_PUMP;
}

bool pc_line_parse(const char *line, size_t bytes, struct pc_line *out)
{
    struct cursor cursor = { line, line + bytes };
    uint64_t seconds, micros, core;
    if (!take_number(&cursor, 9, &seconds) || !take_char(&cursor, '.') ||
        !take_number(&cursor, 6, &micros) || !take_char(&cursor, ' ') ||
        !take_number(&cursor, 2, &core) || !take_char(&cursor, ' ') || core >= ABI_MAX_CORES)
        return false;
    if (cursor.at == cursor.end || !is_kind(*cursor.at))
        return false;
    out->kind = *cursor.at++;
    out->time_ns = seconds * 1000000000 + micros * 1000;
    out->core = (unsigned)core;
    if (!take_char(&cursor, ' ') || !take_speaker(&cursor, out->speaker))
        return false;
    out->text = cursor.at;
    out->bytes = (size_t)(cursor.end - cursor.at);
    return true;
}
