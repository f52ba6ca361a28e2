/* SPDX-License-Identifier: MIT
 *
 * Which command was meant: the one that the fewest letters part from what was typed.
 */
#include "shell.h"

#include <string.h>

#define LENGTH_MAX 15

/* Letters to be added, taken away or replaced. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[LENGTH_MAX + 1];
    const size_t m = strlen(a), n = strlen(b);
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            const unsigned changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            const unsigned one = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = changed < one ? changed : one;
        }
    }
    return row[n];
}

const char *nearest_command(const char *word, const struct command *commands, unsigned count)
{
    const char *nearest = NULL;
    unsigned best = 3; /* more than two letters: something else was meant */
    if (strlen(word) > LENGTH_MAX)
        return NULL;
    for (unsigned i = 0; i < count; i++) {
        const unsigned d = distance(word, commands[i].name);
        if (d >= best || d >= strlen(word))
            continue;
        best = d;
        nearest = commands[i].name;
    }
    return nearest;
}
