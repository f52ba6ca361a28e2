/* SPDX-License-Identifier: MIT
 *
 * The interface language: what is accepted in either dialect, and every mistake at its place with
 * its text.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../../idl/compile.h"
#include "../../idl/emit.h"

static struct idl_compilation compilation;

/* Compiles `text`; the state stays until the next call. */
static struct idl_compilation *compile(const char *text)
{
    if (compilation.arena != NULL)
        idl_compilation_fini(&compilation);
    idl_compilation_init(&compilation);
    idl_compile(&compilation, idl_source_from_text(compilation.arena, "t.if", text, strlen(text)),
                NULL);
    return &compilation;
}

static const char *output(void)
{
    return compilation.diag.out == NULL ? "" : compilation.diag.out;
}

static void fini(void)
{
    if (compilation.arena != NULL)
        idl_compilation_fini(&compilation);
}

TestSuite(idl_parser, .fini = fini);

#define ACCEPTED(text)                                                               \
    do {                                                                             \
        compile(text);                                                               \
        cr_assert_eq(compilation.diag.errors, 0, "refused: %s\n%s", text, output()); \
        cr_assert_not_null(compilation.plan);                                        \
    } while (0)

/* Exactly one error, at line:column, containing `part`. */
#define REFUSED(text, line, column, part)                                                          \
    do {                                                                                           \
        char head[64];                                                                             \
        compile(text);                                                                             \
        snprintf(head, sizeof(head), "t.if:%d:%d: error: ", line, column);                         \
        cr_assert_eq(compilation.diag.errors, 1, "%u errors for: %s\n%s", compilation.diag.errors, \
                     text, output());                                                              \
        cr_assert_not_null(strstr(output(), head), "not at %s for: %s\n%s", head, text, output()); \
        cr_assert_not_null(strstr(output(), part), "no '%s' for: %s\n%s", part, text, output());   \
        cr_assert_null(compilation.plan);                                                          \
    } while (0)

Test(idl_parser, both_dialects_are_accepted)
{
    ACCEPTED("interface i { message m(); };");
    ACCEPTED("interface i \"with a description\" { message m(); };");
    ACCEPTED("interface i { call c(int a); response r(string s); };");
    ACCEPTED("interface i { msg m(String s[2048]); };");
    ACCEPTED("interface i { message m(string s, String t, STRING u[8]); };");
    ACCEPTED("interface i { message m(uint8 b[len], char c[n, 12]); };");
    ACCEPTED("interface i { message m(give_cap c, give_away_cap d, Cap e); };");
    ACCEPTED("interface i { rpc r(in int a, out String s[9], in bool b, out uint64 c); };");
    ACCEPTED("interface i { rpc r(); };");
    ACCEPTED("interface i { @lmp(sync=1, arg=a) message m(int a); };");
    ACCEPTED("interface i { @x(a=0x10) @y(b=name) rpc r(in int a); };");
}

Test(idl_parser, comments_may_stand_anywhere)
{
    ACCEPTED("/* a */ interface /* b */ i // c\n { /***/ message /* d */ m( // e\n int /* f */ a"
             "/**/)/**/;};// no newline at the end");
}

Test(idl_parser, words_that_begin_declarations_are_also_names)
{
    ACCEPTED("interface call { typedef uint8 alias; typedef alias typedef;\n"
             "typedef struct { typedef alias; } msg; message response(alias call, msg msg); };");
    ACCEPTED(
        "interface octopus { typedef enum { a } message_kind; typedef struct { uint8 x; } get;\n"
        "rpc get(in get get, out get result); };");
}

Test(idl_parser, types_may_follow_messages)
{
    ACCEPTED("interface i { message m(point p); typedef struct { number x; } point;\n"
             "typedef uint16 number; };");
    cr_assert_eq(compilation.interface->order_count, 2);
    cr_assert_str_eq(compilation.interface->order[0]->name, "number");
}

Test(idl_parser, missing_semicolon_is_shown_where_it_belongs)
{
    REFUSED("interface i {\n  message a(int x)\n  message b();\n};", 2, 19, "expected ';'");
    cr_assert_not_null(strstr(output(), "      message a(int x)\n                      ^"), "%s",
                       output());
    REFUSED("interface i { message m(); }", 1, 29, "expected ';' after the interface");
    REFUSED("interface i { typedef uint8 t message m(t x); };", 1, 30, "expected ';'");
    REFUSED("interface i { typedef struct { uint8 a uint8 b; } s; message m(s x); };", 1, 39,
            "expected ';'");
}

Test(idl_parser, syntax_errors_name_what_was_expected)
{
    REFUSED("", 1, 1, "expected 'interface', found the end of the file");
    REFUSED("interfaze i { message m(); };", 1, 1, "expected 'interface'");
    REFUSED("interface { message m(); };", 1, 11, "expected the name of the interface");
    REFUSED("interface i message m(); };", 1, 13, "expected '{'");
    REFUSED("interface i { mesage m(); };", 1, 15, "did you mean 'message'?");
    REFUSED("interface i { message (int a); };", 1, 23, "expected the name of the message");
    REFUSED("interface i { message m(int); };", 1, 28, "expected the name of the argument");
    REFUSED("interface i { message m(int a int b); };", 1, 31, "expected ',' or ')'");
    REFUSED("interface i { message m(int a,); };", 1, 31, "expected the type of an argument");
    REFUSED("interface i { message in(); };", 1, 23, "reserved");
    REFUSED("interface i { rpc r(int a); };", 1, 21, "expected 'in' or 'out'");
    REFUSED("interface i { message m(in int a); };", 1, 25, "only arguments of an rpc");
    REFUSED("interface i { message m(uint8 a[5]); };", 1, 33, "length of its own");
    REFUSED("interface i { message m(String s[n, 5]); };", 1, 34, "maximum size of the string");
    REFUSED("interface i { message m(String s[0]); };", 1, 34, "between 1 and");
    REFUSED("interface i { typedef enum { a, } e; message m(e x); };", 1, 33,
            "name of an enumerator");
    REFUSED("interface i { typedef enum { a = 3 } e; message m(e x); };", 1, 32,
            "in order, from 0");
    REFUSED("interface i { typedef struct { } s; message m(s x); };", 1, 32, "at least one field");
    REFUSED("interface i { typedef struct { uint8 a[4]; } s; message m(s x); };", 1, 39,
            "a field has no brackets");
    REFUSED("interface i { typedef uint8 a[0]; message m(a x); };", 1, 31, "1 to");
    REFUSED("interface i { message m();", 1, 27, "expected '}'");
    REFUSED("interface i { message m(); }; interface j { message m(); };", 1, 31,
            "expected the end of the file");
    REFUSED("interface i { message m(int a] ); };", 1, 30, "expected ',' or ')'");
    REFUSED("interface i { typedef enum { a b } e; message m(e x); };", 1, 32,
            "expected ',' or '}'");
    REFUSED("interface i { };", 1, 11, "has no message");
}

Test(idl_parser, lexical_errors)
{
    REFUSED("interface i { message m(); }; /* open", 1, 31, "never closed");
    REFUSED("interface i \"open\n{ message m(); };", 1, 13, "never closed");
    REFUSED("interface i { message m(String s[12ab]); };", 1, 34, "malformed number");
    REFUSED("interface i { message m(String s[99999999999999999999]); };", 1, 34, "64 bits");
    REFUSED("interface i { message m(#int a); };", 1, 25, "'#' has no meaning");
    REFUSED("#include \"types.if\"\ninterface i { message m(); };", 1, 1, "no preprocessor");
    REFUSED("interface i { /* open\nmessage m(); };", 1, 15, "never closed");
    REFUSED("/* open\ninterface i { message m(); };", 1, 1, "never closed");
    REFUSED("interface i \"open {\nmessage m();\n};", 1, 13, "never closed");
    REFUSED("interface i { message m(\xc3\xa9int a); };", 1, 25, "unexpected byte 0xc3");
}

/* Interfaces look like C, so people write C; each slip is one error, and the hint says what to
 * write. */
Test(idl_parser, habits_from_c_are_one_error_with_the_mend)
{
#define MENDED(text, line, column, part, hint)                                                    \
    do {                                                                                          \
        REFUSED(text, line, column, part);                                                        \
        cr_assert_not_null(strstr(output(), "    hint: " hint), "no hint '%s' for: %s\n%s", hint, \
                           text, output());                                                       \
    } while (0)
    MENDED("interface i { typedef struct p { int a; } p; message m(p x); };", 1, 30,
           "stands behind its fields", "write `typedef struct { ... } p;`");
    MENDED("interface i { typedef enum e { a }; message m(e x); };", 1, 28,
           "stands behind its enumerators", "write `typedef enum { ... } e;`");
    MENDED("interface i { struct { int a; } p; message m(p x); };", 1, 15, "found 'struct'",
           "write `typedef struct { ... } name;`");
    MENDED("interface i { enum e { a }; message m(e x); };", 1, 15, "found 'enum'",
           "write `typedef enum { ... } e;`");
    MENDED("interface i { typedef struct { int a, b; } p; message m(p x); };", 1, 37,
           "expected ';'", "each field is declared by itself");
    MENDED("interface i { message m(int a; int b); };", 1, 30, "expected ',' or ')'",
           "arguments are separated by ','");
    MENDED("interface i { message m(const char *s); };", 1, 36, "no pointers", "strings are");
    MENDED("interface i { message m(unsigned int s); };", 1, 38, "expected ',' or ')'",
           "unsigned integers are");
    MENDED("interface i { message m(double d); };", 1, 25, "unknown type 'double'",
           "there are no floating-point types");
    MENDED("interface i { message m(uint8 s[3, n]); };", 1, 33, "length of its own",
           "name the length");
    MENDED("interface i { rpc r(in out int b); };", 1, 24, "found 'out'",
           "an argument goes one way");
    MENDED("interface i { message m();; };", 1, 27, "found ';'", "leave it out");
    MENDED("interface i { /* a /* b */ c */ message m(); };", 1, 20, "comments do not nest",
           "leave out this mark");
    MENDED("interface i { message m(intt a); };", 1, 25, "unknown type", "did you mean 'int'?");
    ACCEPTED("interface i { /* all of *.[ch] in /* */ message m(); /* two */ };");
    ACCEPTED("\xef\xbb\xbfinterface i { message m(); };");
}

Test(idl_parser, one_mistake_is_one_error)
{
    REFUSED("interface in { message m(); };", 1, 11, "reserved");
    REFUSED("interface i-j { message m(); };", 1, 12, "'-' has no meaning");
    REFUSED("interface 3i { message m(); };", 1, 11, "malformed number");
    REFUSED("interface i { message send-it(); };", 1, 27, "'-' has no meaning");
    REFUSED("interface i \"open { message m(); };", 1, 13, "never closed");
    REFUSED("interface i { typedef struct { int a; }; message m(p x); };", 1, 40,
            "the name of the struct");
    REFUSED("interface i { typedef int t; message m(t x; };", 1, 43, "expected ',' or ')'");
    cr_assert_null(strstr(output(), "never used"), "%s", output());
    REFUSED("interface i { typedef int t; typedef int t; message m(t x); };", 1, 42,
            "declared twice");
    cr_assert_null(strstr(output(), "never used"), "%s", output());
}

/* Thousands of declarations take time and memory in proportion; a hang guard says otherwise. */
Test(idl_parser, large_interfaces_are_checked_in_one_pass, .timeout = 60)
{
    struct idl_text text = { NULL, 0, 0 };
    put(&text, "interface i {\n typedef int t0;\n");
    for (int i = 1; i < 200; i++)
        put(&text, " typedef struct { t%d a; } t%d;\n", i - 1, i);
    for (int i = 0; i < 4096; i++)
        put(&text, " rpc quite_a_long_name_%d(in int i_a_t%d, out int b);\n", i, i);
    put(&text, " typedef enum { a0");
    for (int i = 1; i < 20000; i++)
        put(&text, ", a%d", i);
    put(&text, " } e;\n };\n");
    ACCEPTED(text.data);
    idl_text_free(&text);

    put(&text, "interface i {\n message m(t0 a);\n");
    for (int i = 1; i < 60000; i++)
        put(&text, " typedef t%d t%d;\n", i, i - 1);
    put(&text, " typedef int t59999; };\n");
    compile(text.data);
    cr_assert_eq(compilation.diag.errors, 1, "%s", output());
    cr_assert_not_null(strstr(output(), "nest deeper than 256 levels"), "%s", output());
    idl_text_free(&text);
}

Test(idl_parser, names_are_resolved)
{
    REFUSED("interface i { message m(unit32 a); };", 1, 25, "did you mean 'uint32'?");
    REFUSED("interface i { message m(uitn32 a); };", 1, 25, "did you mean 'uint32'?");
    REFUSED("interface i { message m(foo a); };", 1, 25, "declare it");
    REFUSED("interface i { message m(something a); };", 1, 25, "unknown type 'something'");
    REFUSED("interface i { message m(foo a, foo b); message n(foo c); };", 1, 25, "'foo'");
    REFUSED("interface i { typedef uint8 t; typedef uint16 t; message m(t x); };", 1, 47,
            "declared twice");
    REFUSED("interface i { message m(); message m(); };", 1, 36, "declared twice");
    REFUSED("interface i { rpc r(); message r_call(); };", 1, 32, "same name on the wire");
    REFUSED("interface i { message m(int a, int a); };", 1, 36, "two arguments named 'a'");
    REFUSED("interface i { message m(uint8 a[n], int n); };", 1, 41, "two arguments named 'n'");
    REFUSED("interface i { message m(uint8 a[a]); };", 1, 33, "both named");
    REFUSED("interface i { typedef struct { a x; } a; message m(a y); };", 1, 32, "made of itself");
    REFUSED("interface i { typedef enum { x } a; typedef enum { x } b; message m(a p, b q); };", 1,
            52, "declared twice");
    REFUSED("interface i { typedef struct { uint8 x; uint8 x; } s; message m(s a); };", 1, 47,
            "two fields");
}

Test(idl_parser, types_stand_only_where_they_can)
{
    REFUSED("interface i { typedef struct { String c; } s; message m(s a); };", 1, 32,
            "part of a struct");
    REFUSED("interface i { typedef struct { cap c; } s; message m(s a[n, 4]); };", 1, 54,
            "no arrays of structs with capabilities");
    REFUSED("interface i { typedef struct { cap c; } s; typedef s t[2]; message m(t a); };", 1, 52,
            "no arrays of structs with capabilities");
    REFUSED("interface i { typedef String s; message m(s a); };", 1, 23, "target of a typedef");
    REFUSED("interface i { alias s String; message m(s a); };", 1, 23, "other than String");
    REFUSED("interface i { message m(cap c[n, 4]); };", 1, 25, "no arrays of capabilities");
    REFUSED("interface i { typedef uint8 big[5000]; message m(big b); };", 1, 48,
            "more than 512 words");
}

Test(idl_parser, names_that_c_needs_are_refused)
{
    REFUSED("interface i { message m(int register); };", 1, 29, "means something in C");
    REFUSED("interface i { message m(uint32 SIZE_MAX); };", 1, 32, "means something in C");
    REFUSED("interface i { message m(uint32 NOP_CONT); };", 1, 32, "means something in C");
    REFUSED("interface i { message assert(uint32 a); };", 1, 23, "means something in C");
    REFUSED("interface i { typedef struct { uint8 EOF; } s; message m(s a); };", 1, 38,
            "means something in C");
    REFUSED("interface i { message m(uint32 memcpy); };", 1, 32, "what the generated code uses");
    REFUSED("interface i { message m(uint32 size_t); };", 1, 32, "what the generated code uses");
    REFUSED("interface i { rpc register(); };", 1, 19, "means something in C");
    REFUSED("interface i { message m(int _x); };", 1, 29, "underscore");
    REFUSED("interface i { typedef enum { bind } e; message m(e x); };", 1, 30,
            "name of a function or function type");
}

Test(idl_parser, names_that_generated_code_needs_are_refused)
{
    REFUSED("interface flounder { message m(); };", 1, 11, "what the library declares");
    REFUSED("interface multihop { message m(); };", 1, 11, "what the library declares");
    REFUSED("interface i { message m(int flounder_start); };", 1, 29, "generated code");
    REFUSED("interface i { message m(uint8 a[i_m__handle]); };", 1, 33, "generated code");
    REFUSED("interface i { typedef uint8 t; message m(int i_t_t, t x); };", 1, 46, "type 't'");
    REFUSED("interface i { typedef enum { t_t } e; typedef int t; message m(e a, t b); };", 1, 30,
            "the same name in C");
    REFUSED("interface i { typedef enum { m__tx } e; message m(e a); };", 1, 30,
            "name of a function");
    REFUSED("interface i { typedef enum { connect_fn } e; message m(e a); };", 1, 30,
            "function type");
    REFUSED("interface i { message a(String b_c[9]); message a_b(String c[8]); };", 1, 60,
            "i__a_b_c_MAX_ARGUMENT_SIZE");
    ACCEPTED("interface i { message a(String b_c[9]); message a_b(String c[9]); };");
    ACCEPTED("interface i { message m(int i_a, int free); rpc r(out String free, in int b); };");
}

Test(idl_parser, the_part_of_a_long_line_around_the_mistake_is_shown)
{
    char text[1200] = "interface i { message m(";
    for (int i = 0; i < 40; i++)
        snprintf(text + strlen(text), 40, "int argument%d, ", i);
    strcat(text, "unit8 last); };");
    REFUSED(text, 1, 655, "did you mean 'uint8'?");
    cr_assert_not_null(strstr(output(), "    ...int argument"), "%s", output());
    cr_assert_not_null(strstr(output(), ", unit8 last); };\n"), "%s", output());
}

Test(idl_parser, lines_may_end_as_on_other_systems)
{
    REFUSED("interface i {\r\n\tmessage m(unit8 a);\r\n};\r\n", 2, 12, "uint8");
    cr_assert_not_null(strstr(output(), "    \tmessage m(unit8 a);\n    \t          ^~~~~\n"), "%s",
                       output());
}

Test(idl_parser, the_default_maximum_can_be_set)
{
    const char *text = "interface i { message m(string s, uint8 a[n], String t[7]); };";
    idl_compilation_init(&compilation);
    compilation.default_max = 100;
    cr_assert(idl_compile(
        &compilation, idl_source_from_text(compilation.arena, "i.if", text, strlen(text)), "i"));
    const struct idl_argument *a = compilation.interface->messages->arguments;
    cr_assert_eq(a->max, 100);
    cr_assert_eq(a->next->max, 100);
    cr_assert_eq(a->next->next->max, 7);
    ACCEPTED("interface i { message m(string s); };");
    cr_assert_eq(compilation.interface->messages->arguments->max, 2048);
}

Test(idl_parser, a_file_of_shared_types_can_be_checked_by_itself)
{
    compile("// shared\nalias coreid uint8;\ntypedef struct { coreid c; } s;");
    cr_assert_eq(compilation.diag.errors, 0, "%s", output());
    cr_assert_null(compilation.plan);
    REFUSED("alias coreid uint9;", 1, 14, "did you mean 'uint8'?");
}

Test(idl_parser, several_errors_in_one_run_without_cascade)
{
    compile("interface i {\n"
            "  mesage a();\n"
            "  message b(int x)\n"
            "  message c(unit8 y);\n"
            "  typedef struct { uint8 } s;\n"
            "  message d(int z);\n"
            "};\n");
    cr_assert_eq(compilation.diag.errors, 4, "%s", output());
    cr_assert_not_null(strstr(output(), "t.if:2:3:"));
    cr_assert_not_null(strstr(output(), "t.if:3:19:"));
    cr_assert_not_null(strstr(output(), "t.if:4:13:"));
    cr_assert_not_null(strstr(output(), "t.if:5:26:"));
}

Test(idl_parser, warnings_for_shadowed_and_unused_types)
{
    ACCEPTED("interface i { typedef uint8 uint16; message m(uint16 x); };");
    cr_assert_not_null(strstr(output(), "t.if:1:29: warning: type 'uint16' hides the builtin"));
    ACCEPTED("interface i { alias a uint8; message m(); };");
    cr_assert_not_null(strstr(output(), "t.if:1:21: warning: type 'a' is never used"), "%s",
                       output());
}

Test(idl_parser, interface_is_named_as_its_file)
{
    idl_compilation_init(&compilation);
    const char *text = "interface other { message m(); };";
    cr_assert(!(idl_compile(&compilation,
                            idl_source_from_text(compilation.arena, "name.if", text, strlen(text)),
                            "name")));
    cr_assert_not_null(strstr(output(), "name.if:1:11: error: interface 'other' lies in a file of "
                                        "another name"));
}

Test(idl_parser, shared_types_come_from_other_files)
{
    const char *types = "alias coreid uint8; typedef struct { coreid c; uint64 v; } shared;";
    const char *text = "interface i { message m(shared s, coreid c[n, 9]); };";
    idl_compilation_init(&compilation);
    idl_add_include(&compilation,
                    idl_source_from_text(compilation.arena, "types.if", types, strlen(types)));
    cr_assert(idl_compile(&compilation,
                          idl_source_from_text(compilation.arena, "i.if", text, strlen(text)), "i"),
              "%s", output());
    cr_assert_eq(compilation.interface->order_count, 1);
    cr_assert_eq(compilation.diag.warnings, 0);
}

/* The files of shared types that the field names on its command line. */
Test(idl_parser, builtins_come_before_shared_types)
{
    static const char *const files[] = {
        "alias genpaddr uint64; alias genvaddr uint64; alias rsrcid uint32;",
        "alias errval uint64; alias cycles uint64;",
        "interface types \"shared\" { alias iref uint32; alias coreid uint8;"
        " alias domainid uint32; };"
    };
    const char *text =
        "interface i { alias caddr uint32; message m(errval e, iref i, coreid c, genpaddr g);"
        "rpc r(in caddr a, in coreid x[n, 128], out cycles t); };";
    idl_compilation_init(&compilation);
    for (int i = 0; i < 3; i++)
        idl_add_include(&compilation, idl_source_from_text(compilation.arena, "types.if", files[i],
                                                           strlen(files[i])));
    cr_assert(idl_compile(&compilation,
                          idl_source_from_text(compilation.arena, "i.if", text, strlen(text)), "i"),
              "%s", output());
    cr_assert_str_eq(output(), "");
    const struct idl_argument *a = compilation.interface->messages->arguments;
    cr_assert_eq(a->type.type->builtin, IDL_ERRVAL);
    cr_assert_eq(a->next->type.type->builtin, IDL_IREF);
}

Test(idl_parser, messages_are_not_shared)
{
    const char *types = "interface types { message m(); };";
    idl_compilation_init(&compilation);
    idl_add_include(&compilation,
                    idl_source_from_text(compilation.arena, "types.if", types, strlen(types)));
    cr_assert_not_null(strstr(output(), "types.if:1:27: error: a file of shared types cannot have "
                                        "messages"),
                       "%s", output());
}

Test(idl_parser, errors_are_counted_but_not_shown_without_end)
{
    char text[8192] = "interface i {\n";
    for (int i = 0; i < 100; i++)
        strcat(text, "mess m();\n");
    strcat(text, "};");
    compile(text);
    cr_assert_eq(compilation.diag.errors, 100);
    cr_assert_not_null(strstr(output(), "too many errors"));
    cr_assert_null(strstr(output(), "t.if:40:"));
}
