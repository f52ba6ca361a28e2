/* SPDX-License-Identifier: MIT
 *
 * Numbers with units, as people write them: "256 MiB", "1.5 GiB", "30 s", "250ms", "0x2a".
 *
 * Each function takes the whole text, stores the value and returns NULL, or returns a message that
 * says what is wrong and what was expected (static text, no place in it).
 */
#ifndef SCENARIO_UNITS_H
#define SCENARIO_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Whole number, decimal or 0x hexadecimal. */
const char *parse_unsigned(const char *text, uint64_t *value);

/* Memory in bytes; units B, KiB, MiB, GiB (powers of 1024). */
const char *parse_memory(const char *text, uint64_t *bytes);

/* Duration in nanoseconds; units ns, us, ms, s, min. */
const char *parse_duration(const char *text, uint64_t *ns);

/* Bytes as text with the largest unit that divides them: "256 MiB".  `text` has at least 32
 * bytes. */
char *format_memory(uint64_t bytes, char *text);

/* Nanoseconds as text with the largest unit that divides them: "250 ms". */
char *format_duration(uint64_t ns, char *text);

/* Length of the well-formed UTF-8 sequence at `text`, of which `left` bytes are there; 0 if there
 * is none. */
size_t utf8_length(const char *text, size_t left);

#endif
