/* SPDX-License-Identifier: MIT
 *
 * The command line that repeats a run (again.h).
 */
#include "report/again.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/text.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=:,+@%-"

void again_write_word(FILE *out, const char *word)
{
    char *clean = text_clean(word, strlen(word));
    const char *text = clean ? clean : "?";
    if (*text && text[strspn(text, PLAIN)] == 0) {
        fputs(text, out);
    } else {
        fputc('\'', out);
        for (const char *c = text; *c; c++)
            if (*c == '\'')
                fputs("'\\''", out);
            else
                fputc(*c, out);
        fputc('\'', out);
    }
    free(clean);
}

void again_write(FILE *out, const struct scenario *scenario, const struct run_result *result)
{
    fputs("vmm run ", out);
    again_write_word(out, scenario->file);
    fprintf(out, " --engine %s --seed %" PRIu64, result->engine, result->seed);
    for (size_t i = 0; i < scenario->override_count; i++) {
        fputs(" --set ", out);
        again_write_word(out, scenario->overrides[i]);
    }
    if (result->given)
        fputs(result->given, out);
}
