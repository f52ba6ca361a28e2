/* SPDX-License-Identifier: MIT
 *
 * What no careful client would ask of the services that keep things: files, records, facts.  Each
 * answer is an error or harmless, and afterwards the service does its work.
 *
 *   stores files     ramfs: paths out of the tree, positions at the end of what 64 bits hold,
 *                    handles that never were, a directory moved into itself
 *   stores records   octopus: queries that nest, patterns that explode, names full of controls
 *   stores facts     skb: goals without an end, without a bottom, and of the wrong kind
 */
#include "hostile.h"

#include <barrelfish/nameservice_client.h>
#include <if/ramfs_defs.h>
#include <octopus/octopus.h>
#include <skb/skb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vfs/ramfs_flags.h>

static unsigned wrong;

#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) {                                       \
            printf("wrong: line %d: %s\n", __LINE__, #condition); \
            wrong++;                                              \
        }                                                         \
    } while (0)

/* ---- files ---- */

static struct ramfs_binding *files;

static void files_bound(void *st, errval_t err, struct ramfs_binding *b)
{
    (void)st;
    if (err_is_fail(err))
        return;
    ramfs_rpc_client_init(b);
    files = b;
}

static bool find_files(void)
{
    iref_t iref;
    if (err_is_fail(nameservice_blocking_lookup("ramfs", &iref)) ||
        err_is_fail(
            ramfs_bind(iref, files_bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT)))
        return false;
    while (files == NULL)
        event_dispatch(get_default_waitset());
    return true;
}

#define CALL(name, ...) files->rpc_tx_vtbl.name(files, __VA_ARGS__)

static void try_paths(void)
{
    static const char *const paths[] = {
        "",    "relative", "//",       "/..",       "/../../etc/passwd",  "/.",
        "/a/", "/a//b",    "/\x1b[2J", "/\xff\xfe", "/sbin/../sbin/init", "/sbin/init/x"
    };
    char deep[512];
    for (size_t i = 0; i < sizeof(deep) - 1; i++)
        deep[i] = i % 2 == 0 ? '/' : 'd';
    deep[sizeof(deep) - 1] = '\0';
    for (size_t i = 0; i <= sizeof(paths) / sizeof(paths[0]); i++) {
        const char *path = i < sizeof(paths) / sizeof(paths[0]) ? paths[i] : deep;
        errval_t answer;
        uint32_t handle;
        bool directory;
        uint64_t bytes;
        CHECK(err_is_ok(CALL(stat, path, &answer, &directory, &bytes)));
        CHECK(err_is_ok(CALL(open, path, 0, &answer, &handle)));
        if (err_is_ok(answer))
            CHECK(err_is_ok(CALL(close, handle, &answer)) && err_is_ok(answer));
        CHECK(err_is_ok(CALL(remove, path, true, &answer)));
        CHECK(err_is_fail(answer) || path == deep);
    }
}

static void try_positions(void)
{
    static const uint64_t positions[] = { UINT64_MAX,       UINT64_MAX - 4095, 1ull << 63,
                                          (1ull << 63) - 1, 1ull << 32,        16ull << 20 };
    static uint8_t data[4096];
    errval_t answer;
    uint32_t handle;
    size_t count;
    CHECK(err_is_ok(CALL(open, "/hostile", RAMFS_CREATE | RAMFS_WRITE, &answer, &handle)) &&
          err_is_ok(answer));
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        CHECK(err_is_ok(CALL(write, handle, positions[i], data, sizeof(data), &answer)));
        CHECK(err_is_fail(answer));
        CHECK(err_is_ok(CALL(read, handle, positions[i], UINT32_MAX, &answer, data, &count)));
        CHECK(err_is_ok(answer) && count == 0);
        CHECK(err_is_ok(CALL(truncate, handle, positions[i], &answer)));
        CHECK(err_is_fail(answer) || positions[i] == 16ull << 20);
    }
    CHECK(err_is_ok(CALL(truncate, handle, 0, &answer)) && err_is_ok(answer));
    for (uint32_t other = handle + 1; other < handle + 40; other++) { /* was never given out */
        CHECK(err_is_ok(CALL(write, other * 0x01000193u, 0, data, 1, &answer)));
        CHECK(err_is_fail(answer));
    }
    CHECK(err_is_ok(CALL(close, handle, &answer)) && err_is_ok(answer));
    CHECK(err_is_ok(CALL(close, handle, &answer)) && err_is_fail(answer));
    CHECK(err_is_ok(CALL(read, handle, 0, 1, &answer, data, &count)) && err_is_fail(answer));
}

static void try_trees(void)
{
    errval_t answer;
    uint32_t handle;
    CHECK(err_is_ok(CALL(mkdir, "/h", &answer)) && err_is_ok(answer));
    CHECK(err_is_ok(CALL(mkdir, "/h/i", &answer)) && err_is_ok(answer));
    CHECK(err_is_ok(CALL(rename, "/h", "/h/i/h", &answer)) && err_is_fail(answer));
    CHECK(err_is_ok(CALL(rename, "/h", "/h", &answer)));
    CHECK(err_is_ok(CALL(rename, "/", "/h/root", &answer)) && err_is_fail(answer));
    CHECK(err_is_ok(CALL(remove, "/", true, &answer)) && err_is_fail(answer));
    CHECK(err_is_ok(CALL(rename, "/sbin/init", "/h/init", &answer)) && err_is_fail(answer));
    CHECK(err_is_ok(CALL(rename, "/h/i", "/sbin/init", &answer)) && err_is_fail(answer));
    /* the directory goes while it is open */
    CHECK(err_is_ok(CALL(open, "/h/i", 0, &answer, &handle)));
    const bool open = err_is_ok(answer);
    CHECK(err_is_ok(CALL(remove, "/h/i", true, &answer)) && err_is_ok(answer));
    static char name[512];
    bool directory;
    uint64_t bytes;
    for (unsigned i = 0; open && i < 3; i++) {
        CHECK(err_is_ok(
            CALL(entry, handle, i == 2 ? UINT32_MAX : i, &answer, name, &directory, &bytes)));
        CHECK(err_is_fail(answer));
    }
    CHECK(err_is_ok(CALL(remove, "/h", true, &answer)) && err_is_ok(answer));
}

static bool try_files(void)
{
    errval_t answer;
    uint32_t handle;
    uint8_t data[8];
    size_t count = 0;
    if (!find_files())
        return false;
    try_paths();
    try_positions();
    try_trees();
    CHECK(err_is_ok(CALL(open, "/sbin/init", 0, &answer, &handle)) && err_is_ok(answer));
    CHECK(err_is_ok(CALL(read, handle, 0, 4, &answer, data, &count)) && count == 4);
    CHECK(memcmp(data,
                 "\x7f"
                 "ELF",
                 4) == 0);
    return wrong == 0;
}

/* ---- records ---- */

static bool try_records(void)
{
    static char text[2048];
    char *record = NULL;
    if (err_is_fail(oct_init()))
        return false;
    static const char *const queries[] = { "",
                                           "{",
                                           "x {a: ",
                                           "r'(a+)+$' {}",
                                           "r'((((((((((a*)*)*)*)*)*)*)*)*)*b' {}",
                                           "r'[' {}",
                                           "x { a: r'(.*)*(.*)*(.*)*z' }",
                                           "\x1b[2J\n {}",
                                           "x { a: 99999999999999999999999 }",
                                           "x { a > -1, a < 1, a: 'b', a: _ }",
                                           "_ { _: _ }",
                                           "x 'y' z" };
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        if (err_is_ok(oct_get(&record, "%s", queries[i])))
            free(record);
        (void)oct_set("%s", queries[i]);
        (void)oct_del("%s", queries[i]);
    }
    static const char repeated[] = "({[<'\"r,:%";
    for (const char *c = repeated; *c != '\0'; c++) {
        memset(text, *c, sizeof(text) - 1);
        if (err_is_ok(oct_get(&record, "%s", text)))
            free(record);
        (void)oct_set("%s", text);
    }
    memset(text, 'a', sizeof(text) - 1);
    CHECK(err_is_ok(oct_set("victim { text: '%.1800s' }", text)));
    (void)oct_get(&record, "victim { text: r'(a|aa)+(a|aa)+(a|aa)+$b' }");
    CHECK(err_is_ok(oct_get(&record, "victim { text: r'^a+$' }")));
    free(record);
    CHECK(err_is_ok(oct_del("victim")));
    return wrong == 0;
}

/* ---- facts ---- */

static bool try_facts(void)
{
    static char text[2040];
    static const char *const goals[] = { "loop :- loop.",
                                         "repeat, fail",
                                         "assertz((loop(X) :- loop(s(X)))), loop(0)",
                                         "assertz((deep(X) :- deep(X), deep(X))), deep(0)",
                                         "X = f(X), write(X)",
                                         "X = f(X, Y), Y = g(Y, X), X == Y",
                                         "length(L, N), N > 1000000",
                                         "atom_length(X, Y)",
                                         "functor(T, f, 100000000)",
                                         "functor(T, f, -1)",
                                         "arg(99999999999, f(a), X)",
                                         "X is 1 / 0",
                                         "X is 1 << 1000",
                                         "call(1)",
                                         "call((foo :- bar))",
                                         "assertz((a :- 1))",
                                         "retract((retract(X) :- true))",
                                         "assertz(true)",
                                         "write('\\e[2J')",
                                         "'\xff\xfe'(X)" };
    char *result = NULL, *error = NULL;
    int32_t code;
    for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
        (void)skb_execute(goals[i]);
    static const char repeated[] = "([{'\"-\\,.";
    for (const char *c = repeated; *c != '\0'; c++) {
        memset(text, *c, sizeof(text) - 1);
        (void)skb_execute(text);
    }
    CHECK(err_is_ok(skb_evaluate("X is 6 * 7, write(X)", &result, &error, &code)));
    CHECK(code == 0 && result != NULL && strcmp(result, "42") == 0);
    return wrong == 0;
}

bool hostile_stores(int argc, char **argv)
{
    (void)argc;
    if (strcmp(argv[0], "files") == 0)
        return try_files();
    if (strcmp(argv[0], "records") == 0)
        return try_records();
    return strcmp(argv[0], "facts") == 0 && try_facts();
}
