/* SPDX-License-Identifier: MIT
 *
 * The interface compiler's command line (README.md).
 *
 * Reads files, runs the passes of compile.h, prints the diagnostics, writes the outputs.  All
 * decisions about the language are elsewhere; all files are touched here.  Must never leave a half
 * written output behind: each is written under another name and renamed.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/version.h"
#include "compat.h"
#include "compile.h"
#include "format.h"
#include "gen.h"
#include "html.h"

enum action { GENERATE, CHECK, DUMP_AST, DUMP_PLAN, LIST_MESSAGES, FORMAT, HTML, COMPAT, IF_TYPES };

#define MAX_INCLUDES 64

struct options {
    enum action action;
    const char *header_dir, *source_dir, *depfile;
    const char *file;     /* --compat: the new interface */
    const char *old_file; /* --compat */
    const char *includes[MAX_INCLUDES];
    size_t include_count;
    char *const *files; /* --if-types: all of them */
    size_t file_count;
    uint64_t default_max;
    enum findings_format report; /* of --check */
    bool has_report, no_warnings, any_name;
};

static const char usage[] =
    "usage: idl --lang=c --header-dir DIR --source-dir DIR [-I INC.if]... [-MF DEPFILE] FILE.if\n"
    "       idl --check|--format|--html|--list-messages|--dump-ast|--dump-plan [-I INC.if]... "
    "FILE.if\n"
    "       idl --compat [-I INC.if]... OLD.if NEW.if\n"
    "       idl --if-types --header-dir DIR FILE.if...\n"
    "\n"
    "  -I INC.if        use the types of this file\n"
    "  -MF DEPFILE      write what the outputs depend on, for make\n"
    "  -w               no warnings\n"
    "  --default-max N  maximum of strings and arrays that have none (2048)\n"
    "  --any-name       the interface need not be named as its file\n"
    "  --check          report errors and warnings only\n"
    "  --format=FORM    with --check: the report as text, json or sarif on standard output\n"
    "  --dump-ast       print the tree\n"
    "  --dump-plan      print how each message lies in words and fragments\n"
    "  --list-messages  print number, name and arguments of each message\n"
    "  --format         print the interface in standard layout\n"
    "  --html           print a page that describes its messages\n"
    "  --compat         say which changes from OLD to NEW break the wire; status 1 if any does\n"
    "  --if-types       write DIR/if_types.h, which numbers all the interfaces\n"
    "  --help           print this text\n"
    "  --version        print the version\n"
    "FILE.if may be - for standard input.\n"
    "Exit status: 0 the file is good, 1 a mistake in it (--compat: a change breaks the wire),\n"
    "2 a mistake in the command line, or a file that cannot be read or written.\n";

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "idl: error: %s %s: %s\n", what, path, strerror(errno));
    return 2;
}

/* ---- files ---- */

static int make_directory(const char *path)
{
    char copy[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(copy)) {
        errno = length == 0 ? ENOENT : ENAMETOOLONG;
        return -1;
    }
    memcpy(copy, path, length + 1);
    for (char *p = copy + 1;; p++) {
        struct stat info;
        if (*p != '/' && *p != '\0')
            continue;
        char saved = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0) {
            if (errno != EEXIST || stat(copy, &info) != 0)
                return -1;
            if (!S_ISDIR(info.st_mode)) {
                errno = ENOTDIR;
                return -1;
            }
        }
        *p = saved;
        if (saved == '\0')
            return 0;
    }
}

/* A file on its way: written under another name until all of them are. */
struct pending {
    const char *path;      /* where it goes */
    const char *temporary; /* where it is; the same if the path is no plain file */
};

static int write_temporary(struct idl_arena *arena, struct pending *p, const char *path,
                           const struct idl_text *text)
{
    struct stat info;
    bool plain = stat(path, &info) != 0 || S_ISREG(info.st_mode) || S_ISDIR(info.st_mode);
    p->path = path;
    p->temporary = plain ? idl_arena_printf(arena, "%s.%ld.tmp", path, (long)getpid()) : path;
    FILE *file = fopen(p->temporary, "wb");
    if (file == NULL)
        return fail("cannot write", path);
    bool ok = fwrite(text->data, 1, text->length, file) == text->length;
    int error = errno;
    if (fclose(file) != 0)
        ok = false;
    else
        errno = error;
    return ok ? 0 : fail("cannot write", path);
}

/* Gives all files their names, or none: then what has been written is removed. */
static int settle(const struct pending *files, size_t count, int status)
{
    size_t done = 0;
    while (status == 0 && done < count)
        if (files[done].temporary != files[done].path &&
            rename(files[done].temporary, files[done].path) != 0)
            status = fail("cannot write", files[done].path);
        else
            done++;
    for (size_t i = 0; status != 0 && i < count; i++)
        if (files[i].temporary != files[i].path)
            unlink(i < done ? files[i].path : files[i].temporary);
    return status;
}

/* A path as Make reads it. */
static void put_path(struct idl_text *out, const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path == ' ' || *path == '#' || *path == '\\')
            put(out, "\\");
        put(out, *path == '$' ? "$$" : "%c", *path);
    }
}

static void make_dependencies(struct idl_text *out, const struct options *o,
                              const struct pending *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(out, "%s", i == 0 ? "" : " ");
        put_path(out, files[i].path);
    }
    put(out, ": ");
    put_path(out, o->file);
    for (size_t i = 0; i < o->include_count; i++) {
        put(out, " ");
        put_path(out, o->includes[i]);
    }
    put(out, "\n");
}

static int write_outputs(struct idl_compilation *c, const struct options *o)
{
    struct idl_output outputs[IDL_MAX_OUTPUTS];
    struct pending files[IDL_MAX_OUTPUTS + 1] = { { NULL, NULL } };
    size_t count = idl_generate_c(c, outputs), written = 0;
    int status = 0;
    if (make_directory(o->header_dir) != 0)
        status = fail("cannot create", o->header_dir);
    else if (make_directory(o->source_dir) != 0)
        status = fail("cannot create", o->source_dir);
    for (size_t i = 0; i < count; i++) {
        const char *dir = outputs[i].is_header ? o->header_dir : o->source_dir;
        const char *path = idl_arena_printf(c->arena, "%s/%s", dir, outputs[i].name);
        if (status == 0)
            status = write_temporary(c->arena, &files[written++], path, &outputs[i].text);
        idl_text_free(&outputs[i].text);
    }
    if (status == 0 && o->depfile != NULL) {
        struct idl_text dependencies = { NULL, 0, 0 };
        make_dependencies(&dependencies, o, files, written);
        status = write_temporary(c->arena, &files[written++], o->depfile, &dependencies);
        idl_text_free(&dependencies);
    }
    return settle(files, written, status);
}

/* ---- command line ---- */

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 0);
    if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || n == 0 || n > IDL_LIMIT_MAX) {
        fprintf(stderr, "idl: error: --default-max=%s: a maximum lies between 1 and %d\n", text,
                IDL_LIMIT_MAX);
        return false;
    }
    *number = n;
    return true;
}

/* The argument of an option that has one; getopt has seen to that. */
static char *argument(void)
{
    assert(optarg != NULL);
    return optarg;
}

enum { LANG = 256, HEADER_DIR, SOURCE_DIR, ANY_NAME, DEFAULT_MAX, HELP, VERSION, ACTION = 512 };

static const struct option long_options[] = {
    { "lang", required_argument, NULL, LANG },
    { "header-dir", required_argument, NULL, HEADER_DIR },
    { "source-dir", required_argument, NULL, SOURCE_DIR },
    { "any-name", no_argument, NULL, ANY_NAME },
    { "default-max", required_argument, NULL, DEFAULT_MAX },
    { "help", no_argument, NULL, HELP },
    { "version", no_argument, NULL, VERSION },
    { "check", no_argument, NULL, ACTION + CHECK },
    { "dump-ast", no_argument, NULL, ACTION + DUMP_AST },
    { "dump-plan", no_argument, NULL, ACTION + DUMP_PLAN },
    { "list-messages", no_argument, NULL, ACTION + LIST_MESSAGES },
    { "format", optional_argument, NULL, ACTION + FORMAT },
    { "html", no_argument, NULL, ACTION + HTML },
    { "compat", no_argument, NULL, ACTION + COMPAT },
    { "if-types", no_argument, NULL, ACTION + IF_TYPES },
    { NULL, 0, NULL, 0 },
};

/* -MF is one option of two letters, as compilers have it: getopt shall see -M. */
static void shorten_mf(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], "-MF", 3) == 0)
            memmove(argv[i] + 2, argv[i] + 3, strlen(argv[i] + 2));
}

/* Says it on standard output, and that is all. */
static void say_and_exit(const char *text)
{
    fputs(text, stdout);
    exit(fflush(stdout) == 0 ? 0 : fail("cannot write", "standard output"));
}

static int add_include(struct options *o, const char *path)
{
    if (o->include_count == MAX_INCLUDES) {
        fprintf(stderr, "idl: error: more than %d -I options\n", MAX_INCLUDES);
        return 2;
    }
    o->includes[o->include_count++] = path;
    return 0;
}

/* One of those that say what to do; --format=FORM says how --check reports. */
static int take_action(struct options *o, enum action action)
{
    if (action == FORMAT && optarg != NULL) {
        if (findings_format_parse(optarg, &o->report) != 0) {
            fprintf(stderr, "idl: error: --format=%s: expected text, json or sarif\n", optarg);
            return 2;
        }
        o->has_report = true;
        return 0;
    }
    if (o->action != GENERATE && o->action != action) {
        const bool report = action == FORMAT && o->action == CHECK;
        fprintf(stderr, "idl: error: one of --check, --format, --dump-... at a time%s\n%s",
                report ? "; write --format=json for a report as JSON" : "", usage);
        return 2;
    }
    o->action = action;
    return 0;
}

/* The option that getopt has found; 2 if it is a mistake. */
static int take_option(struct options *o, int option)
{
    if (option >= ACTION)
        return take_action(o, (enum action)(option - ACTION));
    switch (option) {
    case 'I':
        return add_include(o, argument());
    case 'M':
        o->depfile = argument();
        return 0;
    case 'w':
        o->no_warnings = true;
        return 0;
    case LANG:
        if (strcmp(argument(), "c") == 0)
            return 0;
        fprintf(stderr, "idl: error: --lang=%s is not known; c is\n", argument());
        return 2;
    case HEADER_DIR:
        o->header_dir = argument();
        return 0;
    case SOURCE_DIR:
        o->source_dir = argument();
        return 0;
    case ANY_NAME:
        o->any_name = true;
        return 0;
    case DEFAULT_MAX:
        return parse_number(argument(), &o->default_max) ? 0 : 2;
    case 'h':
    case HELP:
        say_and_exit(usage);
        return 0;
    case VERSION:
        say_and_exit("idl " PROJECT_VERSION "\n");
        return 0;
    default:
        fputs(usage, stderr);
        return 2;
    }
}

/* What stands behind the options: the interfaces that the action works on. */
static int take_files(struct options *o, int count, char **files)
{
    int wanted = o->action == COMPAT ? 2 : 1;
    if (o->action == IF_TYPES && count > 1)
        wanted = count;
    if (count != wanted) {
        fprintf(stderr, "idl: error: %d interface%s expected, %d named\n%s", wanted,
                wanted == 1 ? "" : "s", count, usage);
        return 2;
    }
    o->file = files[count - 1];
    o->old_file = files[0];
    o->files = files;
    o->file_count = (size_t)count;
    return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
    shorten_mf(argc, argv);
    int status = 0;
    for (int c; status == 0 && (c = getopt_long(argc, argv, "I:M:wh", long_options, NULL)) != -1;)
        status = take_option(o, c);
    if (status == 0 && o->has_report && o->action != CHECK) {
        fprintf(stderr, "idl: error: --format=FORM goes with --check\n");
        return 2;
    }
    if (status == 0)
        status = take_files(o, argc - optind, argv + optind);
    if (status != 0)
        return status;
    if (o->action == GENERATE && (o->header_dir == NULL || o->source_dir == NULL)) {
        fprintf(stderr, "idl: error: --header-dir and --source-dir are needed\n%s", usage);
        return 2;
    }
    if (o->action == IF_TYPES && o->header_dir == NULL) {
        fprintf(stderr, "idl: error: --header-dir is needed\n%s", usage);
        return 2;
    }
    return 0;
}

/* The name an interface must have: its file's base name without suffix. */
static const char *name_of_file(struct idl_arena *arena, const char *path)
{
    if (strcmp(path, "-") == 0)
        return NULL;
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    return idl_arena_text(arena, base, dot == NULL ? strlen(base) : (size_t)(dot - base));
}

static void print(struct idl_text *text)
{
    if (text->length > 0)
        fwrite(text->data, 1, text->length, stdout);
    idl_text_free(text);
}

static int act(struct idl_compilation *c, const struct options *o)
{
    struct idl_text text = { NULL, 0, 0 };
    if (o->action == DUMP_AST)
        idl_dump_ast(stdout, c->interface);
    if (o->action == FORMAT)
        idl_format(&text, c->arena, c->interface->source);
    if (o->action == HTML && c->plan != NULL)
        idl_html(&text, c->plan);
    print(&text);
    if (c->plan == NULL)
        return 0; /* a file of shared types */
    if (o->action == DUMP_PLAN)
        idl_dump_plan(stdout, c->plan);
    if (o->action == LIST_MESSAGES)
        idl_list_messages(stdout, c->plan);
    return o->action == GENERATE ? write_outputs(c, o) : 0;
}

/* Reads and compiles one interface; prints what there is to say about it. */
static int compile_files(struct idl_compilation *c, const struct options *o, const char *path)
{
    const char *error = NULL;
    c->default_max = o->default_max;
    c->diag.no_warnings =
        o->no_warnings || o->action == IF_TYPES || o->action == FORMAT || o->action == COMPAT;
    for (size_t i = 0; i < o->include_count; i++) {
        const struct idl_source *source = idl_source_read(c->arena, o->includes[i], &error);
        if (source == NULL) {
            idl_file_error(&c->diag, o->includes[i], error);
            return 2;
        }
        idl_add_include(c, source);
    }
    const struct idl_source *source = idl_source_read(c->arena, path, &error);
    if (source == NULL) {
        idl_file_error(&c->diag, path, error);
        return 2;
    }
    bool any_name = o->any_name || o->action == COMPAT || o->action == FORMAT;
    bool ok = idl_compile(c, source, any_name ? NULL : name_of_file(c->arena, path));
    return ok ? 0 : o->action == COMPAT ? 2 : 1;
}

static int compile(struct idl_compilation *c, const struct options *o, const char *path)
{
    int status = compile_files(c, o, path);
    if (o->report != FINDINGS_TEXT) {
        int error =
            findings_write(stdout, o->report, "idl", c->diag.findings, c->diag.finding_count);
        if (error != 0) {
            fprintf(stderr, "idl: error: cannot write the report: %s\n", strerror(-error));
            return 2;
        }
        return status;
    }
    if (c->diag.out != NULL)
        fputs(c->diag.out, stderr);
    if (c->diag.errors > 0)
        fprintf(stderr, "idl: %u error%s\n", c->diag.errors, c->diag.errors == 1 ? "" : "s");
    return status;
}

static int run_compat(struct idl_compilation *c, const struct options *o)
{
    struct idl_compilation old;
    struct idl_text text = { NULL, 0, 0 };
    idl_compilation_init(&old);
    int status = compile(&old, o, o->old_file);
    if (status == 0 && (old.plan == NULL || c->plan == NULL)) {
        fprintf(stderr, "idl: error: files of shared types have no messages to compare\n");
        status = 2;
    }
    if (status == 0)
        status = idl_compat(&text, old.plan, c->plan) > 0 ? 1 : 0;
    print(&text);
    idl_compilation_fini(&old);
    return status;
}

/* Reads all interfaces for their names; files of shared types have none. */
static int run_if_types(struct idl_compilation *c, const struct options *o)
{
    const char **names = idl_arena_alloc(c->arena, (o->file_count + 1) * sizeof(*names));
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < o->file_count; i++) {
        struct idl_compilation one;
        idl_compilation_init(&one);
        int refused = compile(&one, o, o->files[i]);
        if (refused > status)
            status = refused; /* the others get their numbers all the same */
        if (refused == 0 && !one.interface->is_include)
            names[count++] = idl_arena_printf(c->arena, "%s", one.interface->name);
        idl_compilation_fini(&one);
    }
    if (make_directory(o->header_dir) != 0)
        return fail("cannot create", o->header_dir);
    struct idl_text text = { NULL, 0, 0 };
    idl_gen_if_types(&text, c->arena, names, count);
    struct pending file = { NULL, NULL };
    const char *path = idl_arena_printf(c->arena, "%s/if_types.h", o->header_dir);
    int written = settle(&file, 1, write_temporary(c->arena, &file, path, &text));
    idl_text_free(&text);
    return written > status ? written : status;
}

int main(int argc, char **argv)
{
    struct options options = { .action = GENERATE, .default_max = IDL_DEFAULT_MAX };
    struct idl_compilation compilation;
    int status = parse_options(argc, argv, &options);
    if (status != 0)
        return status;
    idl_compilation_init(&compilation);
    if (options.action == IF_TYPES)
        status = run_if_types(&compilation, &options);
    else
        status = compile(&compilation, &options, options.file);
    if (status == 0 && options.action != IF_TYPES)
        status = options.action == COMPAT ? run_compat(&compilation, &options)
                                          : act(&compilation, &options);
    idl_compilation_fini(&compilation);
    if ((fflush(stdout) != 0 || ferror(stdout)) && (status == 0 || options.action == COMPAT))
        status = fail("cannot write", "standard output");
    return status;
}
