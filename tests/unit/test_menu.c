/* SPDX-License-Identifier: MIT
 *
 * The boot menu's grammar: what each line means, every mistake at its line and column, in a menu
 * file, in a list and in a block of a scenario.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/scenario.h"

#define HEAD "kernel /boot/cpu\nmodule /sbin/init\n"

static struct diags diags;
static struct arena arena;

#define KERNEL_AND_INIT "kernel /boot/cpu\nmodule /sbin/init\n"

static struct menu parse(const char *text, unsigned core_count)
{
    struct menu menu = { 0 };
    diags_free(&diags);
    arena_free(&arena);
    menu_parse_text(&arena, "m.lst", text, strlen(text), &menu, &diags);
    menu_check(&menu, core_count, (struct place){ "m.lst", 1, 1 }, &diags);
    return menu;
}

static bool reported(enum diag_severity severity, unsigned line, unsigned column, const char *part)
{
    for (size_t i = 0; i < diags.count; i++) {
        const struct diag *diag = &diags.list[i];
        if (diag->severity == severity && diag->place.line == line &&
            diag->place.column == column && strstr(diag->message, part))
            return true;
    }
    return false;
}

static void bad(const char *text, unsigned line, unsigned column, const char *part)
{
    parse(text, 4);
    bool found = reported(DIAG_ERROR, line, column, part);
    if (!found)
        diags_print(&diags, stderr);
    cr_expect(found, "no error %u:%u with '%s' for:\n%s", line, column, part, text);
    diags_free(&diags);
    arena_free(&arena);
}

Test(menu, cores_may_be_a_question_to_the_knowledge_base)
{
    struct menu menu = parse(HEAD "module /sbin/skb boot\nmodule /sbin/x core=near:3 a\n"
                                  "module /sbin/x core=each-node\nmodule /sbin/x core=spare\n",
                             4);
    cr_assert_eq(diags.errors, 0);
    cr_expect_str_eq(menu.modules[2].core_query, "near:3");
    cr_expect_eq(menu.modules[2].cores, 0);
    bad(HEAD "module /sbin/x core=spare\n", 3, 16, "expected also: module /sbin/skb boot");
    bad(HEAD "module /sbin/skb x boot\nmodule /sbin/x core=spare\n", 4, 16, "expected also");
    bad(HEAD "module /sbin/skb boot\nmodule /sbin/x core=near:4\n", 4, 16, "core 4 does not exist");
    bad(HEAD "module /sbin/skb boot\nmodule /sbin/x core=near:1-2\n", 4, 16, "expected one core");
    bad(HEAD "module /sbin/skb boot\nmodule /sbin/x core=spar\n", 4, 16,
        "did you mean 'core=spare'?");
    bad(HEAD "module /sbin/skb boot\nmodule /sbin/x core=spare core=0\n", 4, 27, "a core= already");
}

Test(menu, good_lines_are_understood)
{
    struct menu menu = parse("# a comment\n"
                             "title  Two words\n"
                             "root (nd)\n"
                             "timeout 0\n"
                             "\n"
                             "kernel /boot/cpu\r\n"
                             "module\t/sbin/init\n"
                             "module /sbin/spawnd boot\n"
                             "  module /sbin/myapp core=0,2-3 spawnflags=0x10 server  \n"
                             "modulenounzip /data/ramfs nospawn\n"
                             "module /sbin/last core=1 no newline",
                             4);
    cr_assert_eq(diags.errors, 0);
    cr_expect_eq(diags.warnings, 0);
    cr_expect_str_eq(menu.title, "Two words");
    cr_expect_str_eq(menu.kernel.path, "/boot/cpu");
    cr_expect_str_eq(menu.kernel.command, "/boot/cpu");
    cr_assert_eq(menu.module_count, 5);
    cr_expect_str_eq(menu.modules[0].command, "/sbin/init");
    cr_expect_eq(menu.modules[1].cores, 0);
    cr_expect_eq(menu.modules[2].cores, 0xd);
    cr_expect_eq(menu.modules[2].spawn_flags, 0x10);
    cr_expect_str_eq(menu.modules[2].command, "/sbin/myapp core=0,2-3 spawnflags=0x10 server",
                     "the guest gets the line as it was written");
    cr_expect_eq(menu.modules[2].place.line, 9);
    cr_expect_eq(menu.modules[2].place.column, 10);
    cr_expect(menu.modules[3].no_unzip);
    cr_expect_eq(menu.modules[4].cores, 2);
    arena_free(&arena);
    diags_free(&diags);
}

/* A program outside the image directory is found from the menu's folder, and is one of /sbin/ to
 * the guest. */
Test(menu, programs_outside)
{
    struct menu menu = { 0 };
    char file[64];
    const char *text = HEAD "module ./build/a core=1 x  y \nmodule ../b\n";
    menu_parse_text(&arena, "dir/m.lst", text, strlen(text), &menu, &diags);
    cr_assert_eq(diags.errors, 0);
    cr_assert_eq(menu.module_count, 3);
    cr_expect_str_eq(menu.modules[1].path, "/sbin/a");
    cr_expect_str_eq(menu.modules[1].command, "/sbin/a core=1 x  y");
    cr_expect_eq(menu.modules[1].cores, 2);
    cr_expect(menu_image_file(&menu.modules[1], "images", file, sizeof(file)));
    cr_expect_str_eq(file, "dir/./build/a");
    cr_expect(menu_image_file(&menu.modules[0], "images", file, sizeof(file)));
    cr_expect_str_eq(file, "images/sbin/init");
    cr_expect(menu_image_file(&menu.modules[2], "images", file, sizeof(file)));
    cr_expect_str_eq(file, "dir/../b");
    cr_expect_not(menu_image_file(&menu.modules[2], "images", file, 8), "8 bytes are too few");
    menu = parse(HEAD "module /x86_64/sbin/a b\n", 1);
    cr_expect_str_eq(menu.modules[1].command, "/sbin/a b");
    arena_free(&arena);
    diags_free(&diags);
    bad(HEAD "module ./a\nmodule ../x/a\n", 4, 8, "a second program /sbin/a");
    bad(HEAD "module /sbin/a\nmodule ./a\n", 4, 8, "a second program /sbin/a");
    bad(HEAD "module ./\n", 3, 8, "expected an absolute path");
    bad(HEAD "module ./..\n", 3, 8, "expected an absolute path");
    bad("kernel ./cpu\nmodule /sbin/init\n", 1, 8, "expected an absolute path");
}

Test(menu, line_mistakes)
{
    bad(HEAD "modul /sbin/a\n", 3, 1, "'modul': expected 'module'");
    bad(HEAD "boot /sbin/a\n", 3, 1, "title, kernel, module, modulenounzip or #");
    bad(HEAD "module\n", 3, 7, "'module' without a path");
    bad(HEAD "module sbin/a\n", 3, 8, "expected an absolute path");
    bad(HEAD "module /sbin/../../etc/passwd\n", 3, 8, "expected an absolute path");
    bad(HEAD "module /sbin/..\n", 3, 8, "expected an absolute path");
    bad(HEAD "module /sbin/\n", 3, 8, "expected an absolute path");
    bad(HEAD "kernel /boot/cpu2\n", 3, 1, "a second kernel line; the first is in line 1");
    bad("module /sbin/init\nkernel /boot/cpu\n", 1, 8, "module before the kernel line (line 2)");
    bad("module /sbin/init\n", 1, 1, "no kernel line");
    bad("kernel /boot/cpu\n", 1, 1, "no init");
    bad(HEAD "module /sbin/init again\n", 3, 8, "a second init; the first is in line 2");
    bad("", 1, 1, "no kernel line");
}

Test(menu, core_set_mistakes)
{
    bad(HEAD "module /sbin/a core=4\n", 3, 16,
        "core 4 does not exist: the machine has 4 cores, 0 to 3");
    bad(HEAD "module /sbin/a core=0-7\n", 3, 16, "core 4 does not exist");
    bad(HEAD "module /sbin/a x core=9\n", 3, 18, "core 9 does not exist");
    bad(HEAD "module /sbin/a core=\n", 3, 16, "expected a core number");
    bad(HEAD "module /sbin/a core=x\n", 3, 16, "expected a core number");
    bad(HEAD "module /sbin/a core=1-\n", 3, 16, "expected a core number");
    bad(HEAD "module /sbin/a core=1,\n", 3, 16, "expected a core number");
    bad(HEAD "module /sbin/a core=-1\n", 3, 16, "expected a core number");
    bad(HEAD "module /sbin/a core=1;2\n", 3, 16, "expected a comma or a dash");
    bad(HEAD "module /sbin/a core=3-1\n", 3, 16, "runs backwards");
    bad(HEAD "module /sbin/a core=64\n", 3, 16, "core numbers are 0 to 63");
    bad(HEAD "module /sbin/a core=99999999999999999999\n", 3, 16, "core numbers are 0 to 63");
    bad(HEAD "module /sbin/a core=0 core=1\n", 3, 23, "has a core= already");
    bad(HEAD "module /sbin/a spawnflags=x\n", 3, 16, "expected a whole number");
    bad(HEAD "module /sbin/a spawnflags=4294967296\n", 3, 16, "spawn flags are 32 bits");
}

Test(menu, typing_errors_in_options_are_found)
{
    bad("kernel /boot/cpu sched=edf\nmodule /sbin/init\n", 1, 18,
        "expected sched=rr or sched=rbed");
    bad("kernel /boot/cpu slic=5ms\nmodule /sbin/init\n", 1, 18, "did you mean 'slice='?");
    bad(HEAD "module /sbin/monitor route=bogus\n", 3, 22,
        "expected direct, line, ring, star, star:CORE or ipi");
    bad(HEAD "module /sbin/monitor route=rign\n", 3, 22, "did you mean 'ring'?");
    bad(HEAD "module /sbin/monitor route=star:64\n", 3, 22, "star:CORE");
    bad(HEAD "module /sbin/boot_manager boot operator=shell\n", 3, 32,
        "did you mean 'operators='?");
    bad(HEAD "module /sbin/boot_manager boot onyl=0-1\n", 3, 32, "did you mean 'only='?");
    bad(HEAD "module /sbin/mem_serv alnoe\n", 3, 23, "did you mean 'alone'?");
    bad(HEAD "module /sbin/monitor rout=ring\n", 3, 22, "did you mean 'route='?");
    struct menu menu = parse("kernel /boot/cpu loglevel=3 sched=rbed slice=5ms\nmodule /sbin/init\n"
                             "module /sbin/monitor route=star:3\nmodule /sbin/app cor=1\n"
                             "module /sbin/boot_manager boot only=0 operators=shell,app\n",
                             4);
    cr_expect_eq(diags.errors, 0);
    cr_expect(reported(DIAG_WARNING, 1, 18, "'loglevel=3' has no effect"));
    cr_expect(reported(DIAG_WARNING, 4, 18, "did you mean 'core='?"));
    cr_expect_eq(diags.warnings, 2);
    cr_expect_eq(menu.module_count, 4);
    diags_free(&diags);
    arena_free(&arena);
}

Test(menu, core_counts_only_among_the_first_two_arguments)
{
    struct menu menu = parse(HEAD "module /sbin/a one two core=9\n", 4);
    cr_expect_eq(diags.errors, 0);
    cr_expect_eq(menu.modules[1].cores, 0);
    cr_expect(reported(DIAG_WARNING, 3, 24, "only among the first two arguments"));
    diags_free(&diags);
    arena_free(&arena);
}

Test(menu, limits)
{
    char text[16384] = HEAD "module /sbin/a";
    for (int i = 0; i < 130; i++)
        strcat(text, " x");
    bad(text, 3, 8, "130 arguments: a program takes at most 127");

    strcpy(text, HEAD "module /sbin/");
    size_t used = strlen(text);
    memset(text + used, 'a', 1100);
    text[used + 1100] = '\0';
    bad(text, 3, 1, "at most 1024");

    strcpy(text, HEAD);
    for (int i = 0; i < MENU_MODULES_MAX; i++)
        strcat(text, "module /sbin/a\n");
    bad(text, 2 + MENU_MODULES_MAX, 1, "more than 126 modules");

    char *large = malloc(100000);
    strcpy(large, HEAD);
    for (int i = 0; i < 60; i++) {
        strcat(large, "module /sbin/a ");
        used = strlen(large);
        memset(large + used, 'b', 900);
        strcpy(large + used + 900, "\n");
    }
    bad(large, 1, 1, "the boot information holds 32768");
    free(large);

    static const char binary[] = "kernel\0/boot";
    struct menu menu = { 0 };
    menu_parse_text(&arena, "m.lst", binary, sizeof(binary), &menu, &diags);
    cr_expect(reported(DIAG_ERROR, 0, 0, "not a text file"));
    diags_free(&diags);
    arena_free(&arena);
}

static void bad_in_yaml(const char *text, unsigned line, unsigned column, const char *part)
{
    struct scenario *scenario = scenario_parse("t.yaml", text, strlen(text), NULL, 0, &diags);
    cr_expect_null(scenario);
    scenario_free(scenario);
    bool found = reported(DIAG_ERROR, line, column, part);
    if (!found)
        diags_print(&diags, stderr);
    cr_expect(found, "no error %u:%u with '%s' for:\n%s", line, column, part, text);
    diags_free(&diags);
}

Test(menu, in_a_scenario_errors_name_the_yaml_line)
{
    bad_in_yaml("scenario: a\nboot:\n  - kernel /boot/cpu\n  - module /sbin/init\n"
                "  - modul /sbin/x\n",
                5, 5, "expected 'module'");
    bad_in_yaml("scenario: a\nboot:\n  - kernel /boot/cpu\n  - module /sbin/init\n"
                "  - \"module /sbin/x core=3\"\n",
                5, 21, "core 3 does not exist: the machine has core 0 only");
    bad_in_yaml("scenario: a\nboot: |\n\n  kernel /boot/cpu\n  # comment\n  module /sbin/init\n"
                "    module /sbin/x core=3\n",
                7, 20, "core 3 does not exist");
    bad_in_yaml("scenario: a\nboot: |\n  module /sbin/init\n", 2, 7, "no kernel line");
    bad_in_yaml("scenario: a\nboot: >\n  kernel /boot/cpu\n", 2, 7, "as a block behind '|'");
    bad_in_yaml("scenario: a\nboot: kernel /boot/cpu\n", 2, 7, "as a block behind '|'");
    bad_in_yaml("scenario: a\nboot: [[a]]\n", 2, 8, "a menu line: expected text, found a list");
    bad_in_yaml("scenario: a\nboot: {}\n", 2, 7, "required key 'menu' is missing");
    bad_in_yaml("scenario: a\nboot: {menu: /dev/null/x}\n", 2, 14, "cannot read '/dev/null/x'");
    bad_in_yaml("scenario: a\nboot: {men: x}\n", 2, 8, "did you mean 'menu'?");
}

Test(menu, a_block_in_a_scenario_works)
{
    static const char text[] = "scenario: a\nmachine: {cores: 2}\nboot: |\n  kernel /boot/cpu\n"
                               "  module /sbin/init\n  module /sbin/x core=1 arg\n";
    struct scenario *s = scenario_parse("t.yaml", text, strlen(text), NULL, 0, &diags);
    cr_assert_not_null(s);
    cr_assert_eq(s->menu.module_count, 2);
    cr_expect_str_eq(s->menu.modules[1].command, "/sbin/x core=1 arg");
    cr_expect_eq(s->menu.modules[1].cores, 2);
    scenario_free(s);
    diags_free(&diags);
}

/* What a record writes into YAML must be text; a sequence that is cut off by the end of its line,
 * most of all. */
Test(menu, lines_are_text_in_utf_8)
{
    bad(KERNEL_AND_INIT "module /sbin/a \xc2\n", 3, 16, "byte 0xc2 is no UTF-8");
    bad(KERNEL_AND_INIT "module /sbin/a x\xe2", 3, 17, "byte 0xe2 is no UTF-8");
    bad(KERNEL_AND_INIT "module /sbin/a\xff\n", 3, 15, "byte 0xff is no UTF-8");
    bad(KERNEL_AND_INIT "module /sbin/a \xed\xa0\x80\n", 3, 16, "no UTF-8"); /* a surrogate */
    bad(KERNEL_AND_INIT "module /sbin/a \xc0\xaf\n", 3, 16, "no UTF-8");     /* too long */
    struct menu menu = parse(KERNEL_AND_INIT "module /sbin/a \xc3\xa9 \xf0\x9f\x90\x9f\n", 4);
    cr_expect_eq(diags.errors, 0);
    cr_expect_eq(menu.module_count, 2);
    diags_free(&diags);
    arena_free(&arena);
}
