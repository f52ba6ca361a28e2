/* SPDX-License-Identifier: MIT
 *
 * Generated C looks as clang-format would make it look, with the project's own style, and each of
 * its functions has a comment: for the interface with everything, all interfaces of the system, and
 * random ones.
 *
 * Works in $B/tests/idl-layout, from the repository's root.  Needs clang-format 14, as `make lint`.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "../../idl/compile.h"
#include "../../idl/layout.h"
#include "../idl/random_interface.h"

/* link: tests/idl/random_interface.c */

#define RANDOM_INTERFACES 25

static char work[256];

/* Every function comes right behind a comment. */
static void check_comments(const char *text, const char *name)
{
    bool documented = false;
    for (const char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        cr_assert_not_null(end, "%s: no newline at the end", name);
        if (*line == '{')
            cr_assert(documented, "%s: no comment at the function before %.200s", name, line);
        if (end == line || *line == '}')
            documented = false;
        else if (end - line >= 2 && strncmp(end - 2, "*/", 2) == 0 && *line != '#')
            documented = true;
    }
}

static void write_outputs(struct idl_compilation *c)
{
    struct idl_output outputs[IDL_MAX_OUTPUTS];
    size_t count = idl_generate_c(c, outputs);
    for (size_t i = 0; i < count; i++) {
        char path[600];
        check_comments(outputs[i].text.data, outputs[i].name);
        snprintf(path, sizeof(path), "%s/%.250s", work, outputs[i].name);
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file, "%s", path);
        cr_assert_eq(fwrite(outputs[i].text.data, 1, outputs[i].text.length, file),
                     outputs[i].text.length);
        fclose(file);
        idl_text_free(&outputs[i].text);
    }
}

static void compile(const char *name, const char *path, const struct idl_text *text)
{
    struct idl_compilation c;
    const char *error = NULL;
    idl_compilation_init(&c);
    const struct idl_source *types = idl_source_read(c.arena, "idl/if/types.if", &error);
    cr_assert_not_null(types, "%s", error);
    idl_add_include(&c, types);
    const struct idl_source *source =
        path == NULL ? idl_source_from_text(c.arena, name, text->data, text->length)
                     : idl_source_read(c.arena, path, &error);
    cr_assert_not_null(source, "%s", error);
    cr_assert(idl_compile(&c, source, name), "%s", c.diag.out);
    if (c.plan != NULL)
        write_outputs(&c);
    idl_compilation_fini(&c);
}

Test(idl_layout, generated_code_is_as_clang_format_leaves_it, .timeout = 600)
{
    if (system("clang-format --version 2>/dev/null | grep -q 'version 14'") != 0)
        cr_skip_test("clang-format 14 is not installed");
    const char *build = getenv("B") != NULL ? getenv("B") : "build";
    snprintf(work, sizeof(work), "%s/tests/idl-layout", build);
    char command[1600];
    /* generated code has braces around every body */
    snprintf(command, sizeof(command),
             "rm -rf %s && mkdir -p %s && sed /RemoveBracesLLVM/d .clang-format >%s/.clang-format",
             work, work, work);
    cr_assert_eq(system(command), 0);

    glob_t found;
    cr_assert_eq(glob("idl/if/*.if", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char name[256];
        const char *base = strrchr(found.gl_pathv[i], '/') + 1;
        snprintf(name, sizeof(name), "%.*s", (int)(strlen(base) - 3), base);
        if (strstr(name, "types") == NULL)
            compile(name, found.gl_pathv[i], NULL);
    }
    globfree(&found);
    compile("kitchen", "tests/idl/kitchen.if", NULL);
    const char *wanted = getenv("IDL_LAYOUT_INTERFACES");
    const unsigned total = wanted != NULL ? (unsigned)atoi(wanted) : RANDOM_INTERFACES;
    for (unsigned seed = 0; seed < total; seed++) {
        struct idl_text text = { NULL, 0, 0 };
        char name[32];
        snprintf(name, sizeof(name), "random%u", seed);
        random_interface(&text, name, seed);
        compile(name, NULL, &text);
        idl_text_free(&text);
    }
    snprintf(command, sizeof(command),
             "cd %s && clang-format --dry-run -Werror *.h *.c 2>&1 |"
             " head -40 | tee log; test ! -s log",
             work);
    cr_assert_eq(system(command), 0, "clang-format would change generated code");
}

Test(idl_layout, statements_of_several_lines_are_joined_and_broken_anew)
{
    struct idl_text text = { NULL, 0, 0 };
    put(&text,
        "/* A comment with (\n * stays. */\n"
        "int f(int a,\n    int b);\n"
        "    x = a_function_with_a_long_name(the_first_argument_of_it, the_second_argument_of_it,"
        " the_third(1, 2));\n");
    idl_layout(&text);
    cr_assert_str_eq(text.data, "/* A comment with (\n * stays. */\n"
                                "int f(int a, int b);\n"
                                "    x = a_function_with_a_long_name(the_first_argument_of_it, "
                                "the_second_argument_of_it,\n"
                                "                                    the_third(1, 2));\n");
    idl_text_free(&text);
}
