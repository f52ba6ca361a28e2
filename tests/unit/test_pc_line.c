/* SPDX-License-Identifier: MIT
 *
 * Console lines of a PC: what the CPU driver writes is taken apart, all else is refused.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "machine/pc_line.h"

static bool parse(const char *line, struct pc_line *out)
{
    return pc_line_parse(line, strlen(line), out);
}

Test(pc_line, a_line_of_a_domain)
{
    struct pc_line line;
    cr_assert(parse("12.345678 3 u myapp: hello: 1 2", &line));
    cr_assert_eq(line.time_ns, 12345678000);
    cr_assert_eq(line.core, 3);
    cr_assert_eq(line.kind, PC_LINE_USER);
    cr_assert_str_eq(line.speaker, "myapp");
    cr_assert_eq(line.bytes, strlen("hello: 1 2"));
    cr_assert(strncmp(line.text, "hello: 1 2", line.bytes) == 0);
}

Test(pc_line, the_cpu_driver_has_no_name_and_text_may_be_empty)
{
    struct pc_line line;
    cr_assert(parse("0.000001 63 k -: ", &line));
    cr_assert_str_eq(line.speaker, "");
    cr_assert_eq(line.bytes, 0);
    cr_assert(parse("0.000001 0 x -: 255", &line));
    cr_assert_eq(line.kind, PC_LINE_EXIT);
    cr_assert(parse("0.000001 0 w -: 65536", &line));
    cr_assert_eq(line.kind, PC_LINE_PUMP);
    cr_assert(parse("0.000001 0 u sixteen_letters_: x", &line));
    cr_assert_str_eq(line.speaker, "sixteen_letters_");
}

Test(pc_line, what_others_write_is_no_such_line)
{
    static const char *const others[] = {
        "",
        "SeaBIOS (version 1.16.2)",
        "1 0 u a: b",
        "1.2",
        "1.2 64 u a: b",
        "1.2 0 z a: b",
        "1.2 0 u a:b",
        "1.2 0 u a b",
        "1.2 0 u : b",
        "1.2 0 u seventeen_letters: b",
        "-1.2 0 u a: b",
        "1.2  0 u a: b",
        "99999999999999999999.2 0 u a: b",
        "1.12345678 0 u a: b",
    };
    struct pc_line line;
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_expect(!parse(others[i], &line), "%s", others[i]);
}

/* Each prefix of a good line, in memory that ends with it. */
Test(pc_line, a_line_that_is_cut_off_is_not_read_past_its_end)
{
    static const char good[] = "12.345678 3 u myapp: x";
    for (size_t bytes = 0; bytes < sizeof(good); bytes++) {
        struct pc_line line;
        char *cut = malloc(bytes + (bytes == 0));
        memcpy(cut, good, bytes);
        bool ok = pc_line_parse(cut, bytes, &line);
        cr_assert_eq(ok, bytes >= strlen("12.345678 3 u myapp: "), "%zu", bytes);
        free(cut);
    }
}
