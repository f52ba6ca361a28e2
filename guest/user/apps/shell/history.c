/* SPDX-License-Identifier: MIT
 *
 * The last lines, by number; a number stays with its line.
 */
#include "shell.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LINES 64

static char *lines[LINES]; /* line n at n % LINES */
static unsigned count;     /* lines ever */

static unsigned oldest(void)
{
    return count > LINES ? count - LINES : 0;
}

void history_add(const char *line)
{
    char *copy = strdup(line);
    if (copy == NULL)
        return; /* what was typed is run, and forgotten */
    free(lines[count % LINES]);
    lines[count++ % LINES] = copy;
}

void history_list(const struct words *words)
{
    (void)words;
    for (unsigned n = oldest(); n < count; n++)
        printf("%5u  %s\n", n + 1, lines[n % LINES]);
}

/* The latest line that begins so; `count`: none. */
static unsigned find(const char *start)
{
    for (unsigned n = count; n > oldest(); n--)
        if (strncmp(lines[(n - 1) % LINES], start, strlen(start)) == 0)
            return n - 1;
    return count;
}

bool history_expand(char line[LINE_BYTES])
{
    const char *what = line + 1;
    unsigned n = count;
    if (strcmp(what, "!") == 0)
        n = count > 0 ? count - 1 : count;
    else if (isdigit((unsigned char)what[0]))
        n = (unsigned)strtoul(what, NULL, 10) - 1;
    else if (what[0] != '\0')
        n = find(what);
    if (n >= count || n < oldest()) {
        printf("%s: no such line; `history` shows those there are\n", line);
        return false;
    }
    snprintf(line, LINE_BYTES, "%s", lines[n % LINES]);
    return true;
}
