/* SPDX-License-Identifier: MIT
 *
 * Menu lines as the guest reads them, and the arguments page.
 */
/* link: guest/user/lib/spawndomain/cmdline.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <spawndomain/cmdline.h>

static struct menu_entry entry;

Test(menu_guest, plain_line)
{
    cr_assert_eq(menu_parse_line("/sbin/hello", &entry), SYS_ERR_OK);
    cr_assert_str_eq(entry.path, "/sbin/hello");
    cr_assert_str_eq(entry.args, "hello");
    cr_assert_eq(entry.core_mask, 0);
    cr_assert_not(entry.boot);
}

Test(menu_guest, core_and_flags_are_stripped)
{
    cr_assert_eq(menu_parse_line("/sbin/myapp core=1-3,7 spawnflags=5 client  fast\t", &entry),
                 SYS_ERR_OK);
    cr_assert_str_eq(entry.args, "myapp client fast");
    cr_assert_eq(entry.core_mask, 0x8e);
    cr_assert_eq(entry.spawn_flags, 5);
}

Test(menu_guest, core_may_be_a_question)
{
    cr_assert_eq(menu_parse_line("/sbin/x core=near:12 a", &entry), SYS_ERR_OK);
    cr_assert_str_eq(entry.core_query, "near(12)");
    cr_assert_str_eq(entry.args, "x a");
    cr_assert_eq(menu_parse_line("/sbin/x core=each-node", &entry), SYS_ERR_OK);
    cr_assert_str_eq(entry.core_query, "each_node");
    cr_assert_eq(menu_parse_line("/sbin/x core=spare", &entry), SYS_ERR_OK);
    cr_assert_str_eq(entry.core_query, "spare");
    cr_assert_eq(entry.core_mask, 0);
    cr_assert_eq(menu_parse_line("/sbin/x core=near:64", &entry), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(menu_parse_line("/sbin/x core=near:", &entry), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(menu_parse_line("/sbin/x core=near:1x", &entry), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(menu_parse_line("/sbin/x core=spare core=1", &entry), SPAWN_ERR_SETUP_ARGS);
}

Test(menu_guest, boot_is_recognised_before_or_after_core)
{
    cr_assert_eq(menu_parse_line("/sbin/chips boot verbose", &entry), SYS_ERR_OK);
    cr_assert(entry.boot);
    cr_assert_str_eq(entry.args, "chips verbose");
    cr_assert_eq(menu_parse_line("/sbin/chips core=0 boot", &entry), SYS_ERR_OK);
    cr_assert(entry.boot);
    cr_assert_eq(menu_parse_line("/sbin/chips verbose boot", &entry), SYS_ERR_OK);
    cr_assert_not(entry.boot);
    cr_assert_str_eq(entry.args, "chips verbose boot");
}

Test(menu_guest, nospawn_is_recognised)
{
    cr_assert_eq(menu_parse_line("/sbin/hello nospawn", &entry), SYS_ERR_OK);
    cr_assert(entry.nospawn);
    cr_assert_not(entry.boot);
    cr_assert_str_eq(entry.args, "hello");
    cr_assert_eq(menu_parse_line("/sbin/hello nospawner", &entry), SYS_ERR_OK);
    cr_assert_not(entry.nospawn);
    cr_assert_str_eq(entry.args, "hello nospawner");
}

Test(menu_guest, the_third_argument_is_the_programs_own)
{
    cr_assert_eq(menu_parse_line("/sbin/x a b core=1 spawnflags=2", &entry), SYS_ERR_OK);
    cr_assert_eq(entry.core_mask, 0);
    cr_assert_str_eq(entry.args, "x a b core=1 spawnflags=2");
}

Test(menu_guest, every_core_up_to_63)
{
    cr_assert_eq(menu_parse_line("/x core=0-63", &entry), SYS_ERR_OK);
    cr_assert_eq(entry.core_mask, UINT64_MAX);
}

Test(menu_guest, malformed_lines_are_refused)
{
    static const char *const bad[] = {
        "/x core=",          "/x core=a",      "/x core=1,",         "/x core=3-1",
        "/x core=64",        "/x core=1-",     "/x core=1;2",        "/x core=1 core=2",
        "/x spawnflags=256", "/x spawnflags=", "/x core=4294967297",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(menu_parse_line(bad[i], &entry), SPAWN_ERR_SETUP_ARGS, "%s", bad[i]);
    cr_assert_eq(menu_parse_line("  ", &entry), SPAWN_ERR_FIND_MODULE);
    cr_assert_eq(menu_parse_line("/sbin/", &entry), SPAWN_ERR_FIND_MODULE);
}

Test(menu_guest, too_long_is_an_error_not_a_truncation)
{
    char line[2 * MENU_LINE_BYTES];
    memset(line, 'a', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    cr_assert_eq(menu_parse_line(line, &entry), SPAWN_ERR_SETUP_ARGS);
    line[1] = ' ';
    cr_assert_eq(menu_parse_line(line, &entry), SPAWN_ERR_SETUP_ARGS);
    line[MENU_LINE_BYTES - 1] = '\0'; /* "a aaaa": exactly as long as it may be */
    cr_assert_eq(menu_parse_line(line, &entry), SYS_ERR_OK);
    cr_assert_eq(strlen(entry.args), MENU_LINE_BYTES - 1);
}

Test(menu_guest, arguments_page_names_childs_addresses)
{
    struct spawn_domain_params *page = calloc(1, SPAWN_ARGS_BYTES);
    cr_assert_eq(spawn_args_fill(page, SPAWN_ARGS_BYTES, 0x71000000, "myapp  client 12"),
                 SYS_ERR_OK);
    cr_assert_eq(page->argc, 3);
    static const char *const words[] = { "myapp", "client", "12" };
    for (unsigned i = 0; i < 3; i++)
        cr_assert_str_eq((char *)page + (page->argv[i] - 0x71000000), words[i]);
    cr_assert_eq(page->argv[3], 0);
    free(page);
}

Test(menu_guest, too_many_arguments_are_refused)
{
    struct spawn_domain_params *page = calloc(1, SPAWN_ARGS_BYTES);
    char args[2 * (MAX_CMDLINE_ARGS + 1) + 1] = "";
    for (unsigned i = 0; i < MAX_CMDLINE_ARGS; i++)
        strcat(args, "x ");
    cr_assert_eq(spawn_args_fill(page, SPAWN_ARGS_BYTES, 0, args), SYS_ERR_OK);
    strcat(args, "x");
    memset(page, 0, SPAWN_ARGS_BYTES);
    cr_assert_eq(spawn_args_fill(page, SPAWN_ARGS_BYTES, 0, args), SPAWN_ERR_SETUP_ARGS);
    memset(page, 0, SPAWN_ARGS_BYTES);
    cr_assert_eq(spawn_args_fill(page, sizeof(*page) + 4, 0, "abcd"), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(spawn_args_fill(page, SPAWN_ARGS_BYTES, 0, "  "), SPAWN_ERR_SETUP_ARGS);
    free(page);
}

Test(menu_guest, words_may_hold_blanks_or_nothing)
{
    static const char argv_text[] = "prog\0two words\0", envp_text[] = "A=1\0B=x y";
    const struct spawn_words argv = { argv_text, sizeof(argv_text) };
    const struct spawn_words envp = { envp_text, sizeof(envp_text) }, none = { envp_text, 0 };
    struct spawn_domain_params *page = calloc(1, SPAWN_ARGS_BYTES);
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0x71000000, &argv, &envp), SYS_ERR_OK);
    cr_assert_eq(page->argc, 3);
    cr_assert_eq(page->envc, 2);
    static const char *const words[] = { "prog", "two words", "" };
    for (unsigned i = 0; i < 3; i++)
        cr_assert_str_eq((char *)page + (page->argv[i] - 0x71000000), words[i]);
    cr_assert_str_eq((char *)page + (page->envp[1] - 0x71000000), "B=x y");
    cr_assert_eq(page->argv[3] | page->envp[2], 0);
    memset(page, 0, SPAWN_ARGS_BYTES);
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0, &argv, &none), SYS_ERR_OK);
    cr_assert_eq(page->envc, 0);
    free(page);
}

Test(menu_guest, words_without_end_room_or_number_are_refused)
{
    static char many[MAX_CMDLINE_ARGS + 1]; /* that many empty strings */
    const struct spawn_words one = { "a", 2 }, endless = { "ab", 2 }, empty = { "", 0 };
    struct spawn_words argv = { many, MAX_CMDLINE_ARGS };
    struct spawn_domain_params *page = calloc(1, SPAWN_ARGS_BYTES);
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0, &argv, &argv), SYS_ERR_OK);
    argv.bytes++;
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0, &argv, &empty), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0, &one, &argv), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0, &endless, &empty),
                 SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(spawn_words_fill(page, SPAWN_ARGS_BYTES, 0, &empty, &one), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(spawn_words_fill(page, sizeof(*page) + 1, 0, &one, &empty), SPAWN_ERR_SETUP_ARGS);
    cr_assert_eq(spawn_words_fill(page, sizeof(*page) + 2, 0, &one, &empty), SYS_ERR_OK);
    free(page);
}

Test(menu_guest, a_line_is_split_as_far_as_there_is_room)
{
    char text[8];
    cr_assert_eq(menu_split("  ab c ", text, sizeof(text)), 5);
    cr_assert_arr_eq(text, "ab\0c", 5);
    cr_assert_eq(menu_split("abcdefg", text, sizeof(text)), 8);
    cr_assert_eq(menu_split("abcdefgh", text, sizeof(text)), 0);
    cr_assert_eq(menu_split(" ", text, sizeof(text)), 0);
}
