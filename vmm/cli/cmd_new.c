/* SPDX-License-Identifier: MIT
 *
 * vmm new app NAME: writes a first program into a new folder NAME: an interface, a client and a
 * server of it, two scenarios, and a Makefile whose goal `check` is the test.
 *
 * The files are texts below, in which '@' stands for the name.  Nothing that exists is written
 * over: the folder must be new.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd.h"

#define NAME_MAX_BYTES 16 /* a dispatcher's name */

static const struct command_line command_line = {
    .takes = { { 'q', "Say nothing" } },
    .operand = "app NAME",
    .several = true,
    .args_doc = "app NAME",
    .doc = "Writes a first program into a new folder NAME: interface, server, client, scenarios "
           "and a test.  "
           "NAME is that of the program and of its interface, so a C identifier of at most 15 "
           "letters.",
};

struct template
{
    const char *file; /* in the folder */
    const char *text;
};

static const char interface_text[] = "// What @ offers.  The language: docs/idl.md.\n"
                                     "interface @ \"somebody to greet\" {\n"
                                     "    message hello(String name[64]);\n"
                                     "    rpc count(out uint32 greeted);\n"
                                     "};\n";

static const char program_text[] =
    "/* @: a server that counts greetings, and a client of it.\n"
    " *\n"
    " *   @ server    serves @.if until the machine ends\n"
    " *   @ client    greets, asks how often that was done, and ends the machine's work\n"
    " */\n"
    "#include <stdio.h>\n"
    "#include <string.h>\n"
    "\n"
    "#include <barrelfish/barrelfish.h>\n"
    "#include <barrelfish/nameservice_client.h>\n"
    "#include <if/@_defs.h>\n"
    "\n"
    "/* ---- server ---- */\n"
    "\n"
    "static uint32_t greeted;\n"
    "\n"
    "/* `name` is valid in this handler only. */\n"
    "static void hello(struct @_binding *b, const char *name)\n"
    "{\n"
    "    printf(\"hello, %s\\n\", name);\n"
    "    greeted++;\n"
    "}\n"
    "\n"
    "/* The stub sends the result. */\n"
    "static errval_t count(struct @_binding *b, uint32_t *result)\n"
    "{\n"
    "    *result = greeted;\n"
    "    return SYS_ERR_OK;\n"
    "}\n"
    "\n"
    "/* Once for each client; an error refuses it. */\n"
    "static errval_t connected(void *st, struct @_binding *b)\n"
    "{\n"
    "    b->rx_vtbl.hello = hello;\n"
    "    b->rpc_rx_vtbl.count_call = count;\n"
    "    return SYS_ERR_OK;\n"
    "}\n"
    "\n"
    "static void exported(void *st, errval_t err, iref_t iref)\n"
    "{\n"
    "    if (err_is_ok(err))\n"
    "        err = nameservice_register(\"@\", iref);\n"
    "    if (err_is_fail(err))\n"
    "        USER_PANIC_ERR(err, \"offering @\");\n"
    "}\n"
    "\n"
    "/* ---- client ---- */\n"
    "\n"
    "static void bound(void *st, errval_t err, struct @_binding *b)\n"
    "{\n"
    "    uint32_t n = 0;\n"
    "\n"
    "    if (err_is_fail(err))\n"
    "        USER_PANIC_ERR(err, \"binding to @\");\n"
    "    @_rpc_client_init(b);\n"
    "    err = @_hello__tx(b, BLOCKING_CONT, \"multikernel\");\n"
    "    if (err_is_ok(err))\n"
    "        err = b->rpc_tx_vtbl.count(b, &n);\n"
    "    if (err_is_fail(err))\n"
    "        USER_PANIC_ERR(err, \"talking to @\");\n"
    "    printf(\"greeted: %u\\n\", (unsigned)n);\n"
    "}\n"
    "\n"
    "int main(int argc, char *argv[])\n"
    "{\n"
    "    struct waitset *ws = get_default_waitset();\n"
    "    errval_t err;\n"
    "    iref_t iref;\n"
    "\n"
    "    if (argc > 1 && strcmp(argv[1], \"server\") == 0) {\n"
    "        err = @_export(NULL, exported, connected, ws, IDC_EXPORT_FLAGS_DEFAULT);\n"
    "    } else {\n"
    "        err = nameservice_blocking_lookup(\"@\", &iref); /* waits for the server */\n"
    "        if (err_is_ok(err))\n"
    "            err = @_bind(iref, bound, NULL, ws, IDC_BIND_FLAGS_DEFAULT);\n"
    "    }\n"
    "    while (err_is_ok(err))\n"
    "        err = event_dispatch(ws);\n"
    "    USER_PANIC_ERR(err, \"@\");\n"
    "}\n";

static const char hakefile_text[] = "[ build application { target = \"@\",\n"
                                    "                      cFiles = [ \"main.c\" ],\n"
                                    "                      flounderBindings = [ \"@\" ] } ]\n";

#define SERVICES                         \
    "  kernel /boot/cpu\n"               \
    "  module /sbin/init\n"              \
    "  module /sbin/mem_serv\n"          \
    "  module /sbin/monitor\n"           \
    "  module /sbin/chips boot\n"        \
    "  module /sbin/spawnd boot\n"       \
    "  module /sbin/boot_manager boot\n" \
    "  module ./build/@ core=0 server\n"

static const char one_core_text[] =
    "scenario: @-one-core\n"
    "description: Client and server share a core, and talk over LMP\n"
    "machine:\n"
    "  cores: 1\n"
    "boot: |\n" SERVICES "  module ./build/@ core=0 client\n"
    "deadline: 30 s\n"
    "expect:\n"
    "  - console: hello, multikernel\n"
    "  - console: \"greeted: 1\"\n"
    "  - not: PANIC\n";

static const char two_cores_text[] =
    "scenario: @-two-cores\n"
    "description: A client on core 1 talks to the server on core 0 over UMP\n"
    "machine:\n"
    "  cores: 2\n"
    "boot: |\n" SERVICES "  module ./build/@ core=1 client\n"
    "deadline: 30 s\n"
    "expect:\n"
    "  - console: hello, multikernel\n"
    "    core: 0\n"
    "  - console: \"greeted: 1\"\n"
    "    core: 1\n"
    "  - not: PANIC\n";

static const char makefile_text[] =
    "# make builds the program, make check runs it and says whether it did what\n"
    "# it should.  VMM and VMM_APP name other tools than those in the PATH.\n"
    "VMM ?= vmm\n"
    "VMM_APP ?= vmm-app\n"
    "\n"
    ".PHONY: all check clean\n"
    "all:\n"
    "\t$(VMM_APP) .\n"
    "check: all\n"
    "\t$(VMM) run one-core.yaml two-cores.yaml\n"
    "clean:\n"
    "\t$(VMM_APP) . clean\n";

static const struct template templates[] = {
    { "@.if", interface_text },           { "main.c", program_text },
    { "Hakefile", hakefile_text },        { "one-core.yaml", one_core_text },
    { "two-cores.yaml", two_cores_text }, { "Makefile", makefile_text },
};

#define TEMPLATES (sizeof(templates) / sizeof(templates[0]))

static void write_text(FILE *out, const char *text, const char *name)
{
    for (; *text; text++)
        if (*text == '@')
            fputs(name, out);
        else
            fputc(*text, out);
}

static bool write_file(const struct template *template, const char *name)
{
    char path[PATH_MAX];
    int used = snprintf(path, sizeof(path), "%s/", name);
    for (const char *c = template->file; *c; c++)
        used += snprintf(path + used, sizeof(path) - (size_t)used, "%.*s", *c == '@' ? INT_MAX : 1,
                         *c == '@' ? name : c);
    FILE *out = fopen(path, "wxe");
    if (out)
        write_text(out, template->text, name);
    bool failed = !out || ferror(out);
    if (out && fclose(out) != 0)
        failed = true;
    if (failed)
        fprintf(stderr, "vmm: %s: %s\n", path, strerror(errno));
    return !failed;
}

/* What is wrong with the name, NULL: nothing. */
static const char *name_problem(const char *name)
{
    size_t length = strlen(name);
    if (!islower((unsigned char)name[0]))
        return "begins with no lower-case letter";
    if (length >= NAME_MAX_BYTES)
        return "has more than 15 letters";
    for (size_t i = 0; i < length; i++)
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '_')
            return "holds something else than lower-case letters, digits and underscores";
    return NULL;
}

static int write_app(const char *name, bool quiet)
{
    const char *problem = name_problem(name);
    if (problem) {
        fprintf(stderr, "vmm: a program cannot be named '%s': it %s\n", name, problem);
        return STATUS_USAGE;
    }
    if (mkdir(name, 0777) < 0) {
        fprintf(stderr, "vmm: cannot make a new folder %s: %s\n", name, strerror(errno));
        return errno == EEXIST ? STATUS_USAGE : STATUS_HOST;
    }
    for (size_t i = 0; i < TEMPLATES; i++)
        if (!write_file(&templates[i], name))
            return STATUS_HOST;
    if (!quiet)
        printf("%s/ holds a program, its interface and its test.  Next:\n"
               "  make -C %s check          with an installed SDK (vmm-app)\n"
               "  make app DIR=%s           in the source tree; then vmm run %s/two-cores.yaml\n",
               name, name, name, name);
    return STATUS_OK;
}

int cmd_new(int argc, char **argv)
{
    struct options options;
    options_parse(&command_line, argc, argv, &options);
    if (options.operand_count != 2 || strcmp(options.operands[0], "app") != 0) {
        fprintf(stderr, "vmm: expected vmm new app NAME\n");
        return STATUS_USAGE;
    }
    return write_app(options.operands[1], options.verbosity < 0);
}
