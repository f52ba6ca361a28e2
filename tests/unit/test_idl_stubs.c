/* SPDX-License-Identifier: MIT
 *
 * Generated stubs, compiled and run: the promises of a binding (tests/idl/semantics.c), two threads
 * over a real UMP ring (tests/idl/threads.c), random interfaces with random messages that must
 * arrive equal (tests/idl/write_driver.c), and the API as programs use it (tests/idl/prototypes.c).
 *
 * Works in $B/tests/idl-work, from the repository's root.  IDL_RANDOM_INTERFACES says how many
 * random interfaces to try (make soak: many), IDL_RANDOM_SEED where to begin.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../idl/compile.h"
#include "../../idl/gen.h"
#include "../idl/random_interface.h"

/* link: tests/idl/random_interface.c tests/idl/write_driver.c */

#define BATCH 40 /* interfaces in one program */
#define SANITIZE "-fsanitize=address,undefined -fno-sanitize-recover=undefined "
#define WARN "-Wall -Wextra -Werror -Wno-unused-function "

static char work[256];

/* Runs a command made with printf; its output is kept in WORK/log and shown if it fails. */
static void run(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void run(const char *what, const char *format, ...)
{
    char command[8192], line[9000];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    snprintf(line, sizeof(line), "{ %s ; } >%s/log.%ld 2>&1", command, work, (long)getpid());
    if (system(line) == 0)
        return;
    snprintf(line, sizeof(line), "head -c 3000 %s/log.%ld", work, (long)getpid());
    if (system(line) != 0)
        cr_log_error("no log");
    cr_assert_fail("%s: %s", what, command);
}

static const char *compiler(void)
{
    return getenv("CC") != NULL ? getenv("CC") : "gcc";
}

/* One folder for each test, since tests run in processes of their own at the same time. */
static void open_work(const char *name)
{
    const char *build = getenv("B") != NULL ? getenv("B") : "build";
    snprintf(work, sizeof(work), "%s/tests/idl-work/%s", build, name);
    char line[1024];
    snprintf(line, sizeof(line), "rm -rf %s && mkdir -p %s/if", work, work);
    cr_assert_eq(system(line), 0);
}

/* The stub library and the host's dispatcher, as objects in WORK. */
static void compile_library(const char *flags)
{
    run("compiling the stub library",
        "for f in tests/idl/host.c $(ls guest/user/lib/flounder/*.c | grep -v monitor_parcel) "
        "guest/user/lib/flounder/bind/bind.c "
        "guest/user/lib/barrelfish/events/waitset.c "
        "guest/user/lib/barrelfish/events/waitset_chan.c "
        "guest/user/lib/barrelfish/channels/multihop_chan.c "
        "guest/user/lib/barrelfish/channels/multihop_link.c "
        "guest/user/lib/barrelfish/events/event_queue.c "
        "guest/user/lib/barrelfish/events/event_mutex.c "
        "guest/user/lib/barrelfish/channels/ump_chan.c guest/user/lib/barrelfish/ring/ump_ring.c "
        "guest/user/lib/barrelfish/channels/ump_checked.c guest/user/lib/barrelfish/ring/crc32c.c "
        "guest/user/lib/barrelfish/ring/ump_check.c "
        "guest/user/lib/barrelfish/channels/ump_sleep.c "
        "guest/user/lib/barrelfish/channels/connection.c; do "
        "%s -std=gnu17 -g %s" WARN "-DHOST_TEST -Iguest/abi -Idevices -Iguest/user/include -c $f "
        "-o %s/$(basename $f .c).o || exit 1; done",
        compiler(), flags, work);
}

static void write_output(const char *name, const struct idl_text *text)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", work, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(text->data, 1, text->length, file), text->length);
    fclose(file);
}

static void generate(struct idl_compilation *c)
{
    struct idl_output outputs[IDL_MAX_OUTPUTS];
    size_t count = idl_generate_c(c, outputs);
    for (size_t i = 0; i < count; i++) {
        char name[300];
        snprintf(name, sizeof(name), "%s%s", outputs[i].is_header ? "if/" : "", outputs[i].name);
        write_output(name, &outputs[i].text);
        idl_text_free(&outputs[i].text);
    }
}

static void compile_kitchen(void)
{
    struct idl_compilation c;
    const char *error = NULL;
    idl_compilation_init(&c);
    const struct idl_source *source = idl_source_read(c.arena, "tests/idl/kitchen.if", &error);
    cr_assert_not_null(source, "%s", error);
    cr_assert(idl_compile(&c, source, "kitchen"), "%s", c.diag.out);
    generate(&c);
    idl_compilation_fini(&c);
}

static void try_program(const char *source)
{
    run("compiling",
        "%s -std=gnu17 -g " SANITIZE WARN
        "-DHOST_TEST -Iguest/abi -Idevices -Iguest/user/include -Itests/idl -I%s "
        "-o %s/program %s %s/*.o -lpthread",
        compiler(), work, work, source, work);
    run("running", "timeout 300 %s/program", work);
}

TestSuite(idl_stubs, .timeout = 10800);

Test(idl_stubs, bindings_keep_their_promises)
{
    open_work("semantics");
    compile_library(SANITIZE);
    compile_kitchen();
    try_program("tests/idl/semantics.c");
}

Test(idl_stubs, two_threads_talk_over_a_ring)
{
    open_work("threads");
    compile_library(SANITIZE);
    compile_kitchen();
    try_program("tests/idl/threads.c");
}

Test(idl_stubs, generated_code_is_c11_and_c17)
{
    open_work("standards");
    compile_kitchen();
    static const char *const standards[] = { "c11", "c17", "gnu17" };
    for (int i = 0; i < 3; i++)
        run(standards[i],
            "%s -std=%s -O2 -Wall -Wextra -Wshadow -pedantic -Werror -Iguest/abi -Idevices "
            "-Iguest/user/include -I%s -c "
            "%s/kitchen_flounder_bindings.c -o %s/kitchen.o",
            compiler(), standards[i], work, work, work);
}

/* Names and prototypes as the field knows them. */
Test(idl_stubs, the_api_is_that_of_the_field)
{
    open_work("prototypes");
    compile_kitchen();
    struct idl_arena *arena = idl_arena_new();
    struct idl_text types = { 0 };
    const char *names[] = { "other", "kitchen" };
    idl_gen_if_types(&types, arena, names, 2);
    write_output("if/if_types.h", &types);
    idl_text_free(&types);
    idl_arena_free(arena);
    static const char *const standards[] = { "c11", "c17" };
    for (int i = 0; i < 2; i++)
        run(standards[i],
            "%s -std=%s -Wall -Wextra -Werror -Iguest/abi -Idevices -Iguest/user/include -I%s -c "
            "tests/idl/prototypes.c "
            "-o %s/prototypes.o",
            compiler(), standards[i], work, work);
}

/* Generates an interface and what drives it: `all` is the program, `calls` the body of its loop. */
static void add_interface(struct idl_text *all, struct idl_text *calls, const char *name,
                          const struct idl_text *text)
{
    struct idl_compilation c;
    idl_compilation_init(&c);
    cr_assert(idl_compile(&c, idl_source_from_text(c.arena, name, text->data, text->length), name),
              "%s\n%s", text->data, c.diag.out);
    generate(&c);
    put(all, "#include \"%s_flounder_bindings.c\"\n", name);
    write_driver(all, c.arena, c.plan);
    put(calls, "        %s_run(kind, seed, 60);\n", name);
    idl_compilation_fini(&c);
}

/* Runs the interfaces over every kind of channel. */
static void drive(struct idl_text *all, struct idl_text *calls)
{
    put(all,
        "int main(void)\n{\n    host_dispatcher_init();\n    host_lmp_fail_every(7);\n"
        "    for (int kind = 0; kind < FLOUNDER_CHANNELS; kind++)\n"
        "        for (uint64_t seed = 1; seed <= 5; seed++) {\n%s        }\n    return 0;\n}\n",
        calls->data);
    write_output("driver.c", all);
    idl_text_free(all);
    idl_text_free(calls);
    /* checked inside: the library, and the messages themselves; -O0 because time goes into gcc */
    run("compiling interfaces",
        "%s -std=gnu17 -O0 " WARN
        "-DHOST_TEST -Iguest/abi -Idevices -Iguest/user/include -Itests/idl -I%s -c %s/driver.c "
        "-o %s/driver.o && %s " SANITIZE "-o %s/program %s/*.o",
        compiler(), work, work, work, compiler(), work, work);
    run("running interfaces", "timeout 600 %s/program", work);
    run("cleaning", "rm -f %s/*_flounder_bindings.c %s/if/*", work, work);
}

/* A program with `count` random interfaces. */
static void try_batch(uint64_t first, unsigned count)
{
    struct idl_text all = { 0 }, calls = { 0 };
    put(&all, "#include \"driver.h\"\n");
    for (unsigned i = 0; i < count; i++) {
        struct idl_text text = { 0 };
        char name[64];
        snprintf(name, sizeof(name), "random%llu", (unsigned long long)(first + i));
        random_interface(&text, name, first + i);
        add_interface(&all, &calls, name, &text);
        idl_text_free(&text);
    }
    drive(&all, &calls);
}

Test(idl_stubs, random_messages_of_random_interfaces_arrive_equal)
{
    const char *wanted = getenv("IDL_RANDOM_INTERFACES"), *seed = getenv("IDL_RANDOM_SEED");
    unsigned total = wanted != NULL ? (unsigned)atoi(wanted) : 40;
    uint64_t first = seed != NULL ? strtoull(seed, NULL, 10) : 0;
    open_work("random");
    compile_library(SANITIZE);
    for (unsigned done = 0; done < total; done += BATCH)
        try_batch(first + done, total - done < BATCH ? total - done : BATCH);
}

Test(idl_stubs, interfaces_may_be_large)
{
    struct idl_text all = { 0 }, calls = { 0 }, text = { 0 };
    open_work("large");
    compile_library(SANITIZE);
    put(&text, "interface large {\n    message page(String s[8192]);\n"
               "    rpc book(in String s[65536], out String t[65536]);\n"
               "    message words(uint64 w[count, 8192]);\n");
    for (int i = 0; i < 300; i++)
        put(&text, "    message m%d(uint8 a, uint64 b, int16 c, bool d);\n", i);
    put(&text, "};\n");
    put(&all, "#include \"driver.h\"\n");
    add_interface(&all, &calls, "large", &text);
    idl_text_free(&text);
    drive(&all, &calls);
}
