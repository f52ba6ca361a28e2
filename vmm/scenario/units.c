/* SPDX-License-Identifier: MIT
 *
 * Numbers with units.  All arithmetic is on integers: "1.5 GiB" is exact, and a fraction that is
 * not a whole number of bytes or nanoseconds is refused rather than rounded.  A number without a
 * unit is refused too: "memory: 256" would be 256 bytes to one reader and 256 MiB to the next.
 */
#include "scenario/units.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit memory_units[] = {
    { "GiB", 1ull << 30 },
    { "MiB", 1ull << 20 },
    { "KiB", 1ull << 10 },
    { "B", 1 },
};

static const struct unit time_units[] = {
    { "min", 60000000000 }, { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *parse_unsigned(const char *text, uint64_t *value)
{
    static const char expected[] = "expected a whole number, decimal or 0x hexadecimal";
    unsigned base = 10;
    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    if (!*text)
        return expected;
    uint64_t sum = 0;
    for (; *text; text++) {
        unsigned digit;
        if (*text >= '0' && *text <= '9')
            digit = (unsigned)(*text - '0');
        else if (base == 16 && isxdigit((unsigned char)*text))
            digit = (unsigned)(tolower((unsigned char)*text) - 'a' + 10);
        else
            return expected;
        if (__builtin_mul_overflow(sum, base, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return "the number does not fit into 64 bits";
    }
    *value = sum;
    return NULL;
}

/* Number, optional fraction, unit.  `problem[]`: no number; no unit; unknown unit; too large; not
 * whole. */
static const char *parse_with_unit(const char *text, const struct unit *units, size_t unit_count,
                                   const char *const problem[5], uint64_t *value)
{
    uint64_t whole = 0, fraction = 0, divisor = 1;
    if (!isdigit((unsigned char)*text))
        return problem[0];
    for (; isdigit((unsigned char)*text); text++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*text - '0'), &whole))
            return problem[3];
    if (*text == '.') {
        text++;
        if (!isdigit((unsigned char)*text))
            return problem[0];
        for (; isdigit((unsigned char)*text); text++) {
            if (divisor >= 1000000000)
                return problem[4];
            fraction = fraction * 10 + (uint64_t)(*text - '0');
            divisor *= 10;
        }
    }
    while (*text == ' ')
        text++;
    if (!*text)
        return problem[1];
    const struct unit *unit = NULL;
    for (size_t i = 0; i < unit_count; i++)
        if (strcmp(text, units[i].name) == 0)
            unit = &units[i];
    if (!unit)
        return problem[2];
    uint64_t sum;
    if (__builtin_mul_overflow(whole, unit->factor, &sum))
        return problem[3];
    uint64_t part; /* fraction < 10^9 and factor < 2^36, so the product is checked as well */
    if (__builtin_mul_overflow(fraction, unit->factor, &part))
        return problem[3];
    if (part % divisor != 0)
        return problem[4];
    if (__builtin_add_overflow(sum, part / divisor, &sum))
        return problem[3];
    *value = sum;
    return NULL;
}

const char *parse_memory(const char *text, uint64_t *bytes)
{
    static const char *const problem[5] = {
        "expected an amount of memory such as 256 MiB or 1 GiB",
        "the unit is missing: write for example 256 MiB",
        "unknown unit: memory is given in KiB, MiB or GiB, as in 256 MiB",
        "the amount of memory does not fit into 64 bits",
        "the amount is not a whole number of bytes",
    };
    return parse_with_unit(text, memory_units, COUNT(memory_units), problem, bytes);
}

const char *parse_duration(const char *text, uint64_t *ns)
{
    static const char *const problem[5] = {
        "expected a time such as 30 s or 250 ms",
        "the unit is missing: write for example 30 s",
        "unknown unit: times are given in ns, us, ms, s or min, as in 30 s",
        "the time does not fit into 64 bits of nanoseconds",
        "the time is not a whole number of nanoseconds",
    };
    return parse_with_unit(text, time_units, COUNT(time_units), problem, ns);
}

#define FORMAT_BYTES 32

static char *format_with_unit(uint64_t value, const struct unit *units, size_t unit_count,
                              char *text)
{
    size_t i = 0;
    while (i + 1 < unit_count && (value == 0 || value % units[i].factor != 0))
        i++;
    snprintf(text, FORMAT_BYTES, "%llu %s", (unsigned long long)(value / units[i].factor),
             units[i].name);
    return text;
}

char *format_memory(uint64_t bytes, char *text)
{
    return format_with_unit(bytes, memory_units, COUNT(memory_units), text);
}

char *format_duration(uint64_t ns, char *text)
{
    /* 60 s reads better than 1 min in the middle of a sentence about deadlines. */
    return format_with_unit(ns, time_units + 1, COUNT(time_units) - 1, text);
}

/* Unicode 15, table 3-7: only the second byte is ever bounded more closely than 0x80 to 0xbf. */
size_t utf8_length(const char *text, size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    if (left == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    size_t length = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}
