/* SPDX-License-Identifier: MIT
 *
 * The Prolog engine answers the queries of tests/knowledge/queries.txt as SWI-Prolog did
 * (answers.txt; tests/scenario/prolog_swipl.sh asks it again).
 */
/* link: guest/user/lib/prolog/arith.c guest/user/lib/prolog/atoms.c */
/* link: guest/user/lib/prolog/builtin_store.c guest/user/lib/prolog/builtin_terms.c */
/* link: guest/user/lib/prolog/builtin_texts.c guest/user/lib/prolog/database.c */
/* link: guest/user/lib/prolog/errors.c guest/user/lib/prolog/format.c */
/* link: guest/user/lib/prolog/lex.c guest/user/lib/prolog/library.c */
/* link: guest/user/lib/prolog/machine.c guest/user/lib/prolog/parse.c */
/* link: guest/user/lib/prolog/prolog.c guest/user/lib/prolog/store.c */
/* link: guest/user/lib/prolog/term.c guest/user/lib/prolog/write.c */
#include <criterion/criterion.h>
#include <prolog/prolog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOLUTIONS 20

/* An error without the place, which the other does not name. */
static void write_error(FILE *out, const char *error)
{
    const char *place = strstr(error, " in ");
    fprintf(out, "error: %.*s\n", place != NULL ? (int)(place - error) : (int)strlen(error), error);
}

static void answer(struct prolog *prolog, const char *query, FILE *out)
{
    enum prolog_answer answer = PROLOG_ERROR;
    size_t shown = 0;
    unsigned solutions = 0;
    fprintf(out, "?- %s\n", query);
    if (!prolog_open(prolog, NULL, query)) {
        write_error(out, prolog_error(prolog));
        return;
    }
    while (solutions < SOLUTIONS && (answer = prolog_next(prolog)) == PROLOG_YES) {
        solutions++;
        prolog_write_bindings(prolog);
        fprintf(out, "%s\n", prolog_output(prolog) + shown);
        shown = strlen(prolog_output(prolog));
    }
    fputs(prolog_output(prolog) + shown, out);
    if (answer == PROLOG_ERROR)
        write_error(out, prolog_error(prolog));
    else
        fputs(answer == PROLOG_YES ? "more\n" : "no\n", out);
}

Test(prolog_answers, equal_those_of_another_prolog)
{
    char line[4096], wanted[4096], got[4096], *text = NULL;
    size_t bytes = 0, queries = 0;
    FILE *in = fopen("tests/knowledge/queries.txt", "r");
    FILE *answers = fopen("tests/knowledge/answers.txt", "r");
    FILE *out = open_memstream(&text, &bytes);
    struct prolog *prolog = prolog_create(&prolog_default_config);
    cr_assert(in != NULL && answers != NULL && out != NULL && prolog != NULL);
    while (fgets(line, sizeof(line), in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '%')
            continue;
        answer(prolog, line, out);
        queries++;
    }
    fclose(out);
    out = fmemopen(text, bytes, "r");
    for (unsigned at = 1; fgets(wanted, sizeof(wanted), answers) != NULL; at++) {
        cr_assert_not_null(fgets(got, sizeof(got), out), "line %u is missing", at);
        cr_assert_str_eq(got, wanted, "line %u of the answers", at);
    }
    cr_assert_null(fgets(got, sizeof(got), out), "there is more: %s", got);
    cr_assert_geq(queries, 200);
    fclose(in);
    fclose(answers);
    fclose(out);
    free(text);
    prolog_destroy(prolog);
}
