/* SPDX-License-Identifier: MIT
 *
 * The compiler's other outputs: formatting keeps the meaning, comparison of interfaces finds what
 * breaks the wire, the fuzzer's kept corpus still passes.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "../../idl/compat.h"
#include "../../idl/compile.h"
#include "../../idl/format.h"
#include "../../idl/html.h"
#include "../idl/random_interface.h"

/* link: tests/idl/random_interface.c tests/fuzz/idl_fuzz.c */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct idl_compilation compiled(const char *text)
{
    struct idl_compilation c;
    idl_compilation_init(&c);
    cr_assert(idl_compile(&c, idl_source_from_text(c.arena, "t.if", text, strlen(text)), NULL),
              "%s", c.diag.out);
    return c;
}

/* ---- format ---- */

static void expect_format(const char *from, const char *to)
{
    struct idl_compilation c = compiled(from);
    struct idl_text text = { 0 };
    idl_format(&text, c.arena, c.interface->source);
    cr_assert_str_eq(text.data, to);
    idl_text_free(&text);
    idl_compilation_fini(&c);
}

Test(idl_tools, format_lays_out_every_declaration)
{
    expect_format("interface   i\"d\"{message a( ) ;rpc b(in int x,out String s[ 9 ]);"
                  "typedef struct{uint8 x;uint8 y;}s;typedef enum{p,q}e;\n\n\n"
                  "@lmp( a = 1 )message c(s v,e w,uint8 d[n,4]);};",
                  "interface i \"d\" {\n"
                  "    message a();\n"
                  "    rpc b(in int x, out String s[9]);\n"
                  "    typedef struct {\n"
                  "        uint8 x;\n"
                  "        uint8 y;\n"
                  "    } s;\n"
                  "    typedef enum { p, q } e;\n"
                  "\n"
                  "    @lmp(a=1) message c(s v, e w, uint8 d[n, 4]);\n"
                  "};\n");
}

Test(idl_tools, format_keeps_comments_where_they_stand)
{
    expect_format(
        "// top\ninterface i { // here\n/* own line */\nmessage a(int /* why */ x); // a\n"
        "};\n",
        "// top\ninterface i { // here\n    /* own line */\n"
        "    message a(int /* why */ x); // a\n};\n");
}

Test(idl_tools, format_wraps_long_lists_under_the_parenthesis)
{
    expect_format("interface i { message m(uint64 first_argument, uint64 second_argument, "
                  "uint64 third_argument, uint64 fourth_argument); };",
                  "interface i {\n"
                  "    message m(uint64 first_argument, uint64 second_argument, "
                  "uint64 third_argument,\n"
                  "              uint64 fourth_argument);\n"
                  "};\n");
}

Test(idl_tools, format_of_random_interfaces_keeps_their_plan)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct idl_text text = { 0 }, formatted = { 0 }, before = { 0 }, again = { 0 };
        random_interface(&text, "r", seed);
        struct idl_compilation a = compiled(text.data);
        idl_format(&formatted, a.arena, a.interface->source);
        struct idl_compilation b = compiled(formatted.data);
        cr_assert_eq(idl_compat(&before, a.plan, b.plan), 0, "%s", before.data);
        cr_assert_str_eq(before.data, "keeps: no difference on the wire\n");
        idl_format(&again, b.arena, b.interface->source);
        cr_assert_str_eq(again.data, formatted.data);
        idl_text_free(&text);
        idl_text_free(&formatted);
        idl_text_free(&before);
        idl_text_free(&again);
        idl_compilation_fini(&a);
        idl_compilation_fini(&b);
    }
}

/* ---- compat ---- */

static void expect_compat(const char *old, const char *new_text, unsigned breaks, const char *part)
{
    char a[1024], b[1024];
    struct idl_text report = { 0 };
    snprintf(a, sizeof(a), "interface i { %s };", old);
    snprintf(b, sizeof(b), "interface i { %s };", new_text);
    struct idl_compilation x = compiled(a), y = compiled(b);
    unsigned found = idl_compat(&report, x.plan, y.plan);
    cr_assert_eq(found, breaks, "%s -> %s:\n%s", old, new_text, report.data);
    cr_assert_not_null(strstr(report.data, part), "no '%s' in:\n%s", part, report.data);
    idl_text_free(&report);
    idl_compilation_fini(&x);
    idl_compilation_fini(&y);
}

Test(idl_tools, compat_tells_what_breaks_the_wire)
{
    expect_compat("message m(int a);", "message m(int a);", 0, "no difference");
    expect_compat("message m(int a);", "message m(int renamed);", 0, "keeps: m: field 1 was named");
    expect_compat("message m(int a);", "message m(int a); message n();", 0, "message n is new");
    expect_compat("message m(int a);", "message n(); message m(int a);", 1, "append new messages");
    expect_compat("message m(); message n();", "message m();", 1, "message n is gone");
    expect_compat("message m(int a);", "message m(uint32 a);", 1, "was int a and is uint32 a");
    expect_compat("message m(int a);", "message m(int64 a);", 1, "was int a and is int64 a");
    expect_compat("message m(int a);", "message m(int a, int b);", 1, "field b is new");
    expect_compat("message m(int a, int b);", "message m(int a);", 1, "field b is gone");
    expect_compat("message m(String s[8]);", "message m(String s[9]);", 1, "old side accepts");
    expect_compat("message m(String s[9]);", "message m(String s[8]);", 1, "new side accepts");
    expect_compat("message m(uint8 b[n, 9]);", "message m(uint16 b[n, 9]);", 1, "other elements");
    expect_compat("message m(uint16 b[n, 9]);", "message m(uint32 b[n, 9]);", 1, "other elements");
    expect_compat("message m(cap c);", "message m(cap c, cap d);", 1, "carried 1 capabilities");
    expect_compat("message m(cap c);", "message m(give_away_cap c);", 0, "sender's business");
    expect_compat("typedef enum { x, y } e; message m(e a);",
                  "typedef enum { y, x } e; message m(e a);", 2, "value 0 was x and is y");
    expect_compat("typedef enum { x } e; message m(e a);",
                  "typedef enum { x, y } e; message m(e a);", 1, "value y is new");
    expect_compat("typedef struct { int a; int b; } s; message m(s x);",
                  "typedef int s[2]; message m(s x);", 0, "was named x.a and is named x[0]");
    expect_compat("rpc m(in int a);", "message m_call(int a); message m_response();", 2,
                  "half of an rpc");
}

Test(idl_tools, html_names_every_message_with_types_and_sizes)
{
    struct idl_compilation c =
        compiled("interface i \"a < b & c\" { typedef struct { uint8 x; e y; bool z; } s;"
                 "typedef enum { p, q } e; message first(int a, s b, s d[n, 5]);"
                 "rpc second(in cap c, out String s[7]); };");
    static const char *const parts[] = {
        "a &lt; b &amp; c",
        "<h3 id=\"first\">message <code>first</code></h3>",
        "<h3 id=\"second\">rpc <code>second</code></h3>",
        "<td>4</td><td><a href=\"#second\"><code>second_call</code></a></td>",
        "<td><code>a</code></td><td><code>int</code></td><td>32 bits</td>",
        "<td><code>b</code></td><td><a href=\"#type-s\"><code>s</code></a></td><td>41 bits</td>",
        "<td><code>n</code> elements, at most 5, of 41 bits</td>",
        "<td>in</td><td><code>c</code></td><td><code>cap</code></td><td>capability</td>",
        "<td>out</td><td><code>s</code></td><td><code>String</code></td><td>at most 7 bytes",
        "<br>1 = <code>q</code></td><td>32 bits</td>",
        "Message 5, <code>second_response</code>: over LMP 1 word of fixed size",
    };
    struct idl_text text = { 0 };
    idl_html(&text, c.plan);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        cr_assert_not_null(strstr(text.data, parts[i]), "no %s in:\n%s", parts[i], text.data);
    idl_text_free(&text);
    idl_compilation_fini(&c);
}

/* ---- corpus ---- */

Test(idl_tools, the_corpus_of_the_fuzzer_passes, .timeout = 600)
{
    DIR *directory = opendir("tests/fuzz/idl-corpus");
    unsigned count = 0;
    cr_assert_not_null(directory, "tests/fuzz/idl-corpus: run from the repository's root");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        static uint8_t data[65536];
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "tests/fuzz/idl-corpus/%s", entry->d_name);
        FILE *file = fopen(path, "rb");
        cr_assert_not_null(file, "%s", path);
        size_t length = fread(data, 1, sizeof(data), file);
        fclose(file);
        LLVMFuzzerTestOneInput(data, length); /* aborts if something is wrong */
        count++;
    }
    closedir(directory);
    cr_assert_gt(count, 50);
}
