/* SPDX-License-Identifier: MIT
 *
 * The marshalling plan: layouts worked out by hand, and rules that every plan must keep.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../../idl/compile.h"
#include "../../idl/resolve.h"
#include "../idl/random_interface.h"

/* link: tests/idl/random_interface.c */

static struct idl_compilation compilation;

static const struct idl_wire_message *plan_of(const char *messages, unsigned index)
{
    char text[4096];
    if (compilation.arena != NULL)
        idl_compilation_fini(&compilation);
    idl_compilation_init(&compilation);
    snprintf(text, sizeof(text), "interface i { %s };", messages);
    cr_assert(idl_compile(&compilation,
                          idl_source_from_text(compilation.arena, "t.if", text, strlen(text)),
                          NULL),
              "%s", compilation.diag.out);
    return &compilation.plan->messages[index];
}

static void fini(void)
{
    if (compilation.arena != NULL)
        idl_compilation_fini(&compilation);
}

TestSuite(idl_plan, .fini = fini);

static void expect_spot(const struct idl_wire_message *m, const char *name,
                        enum idl_channel channel, unsigned word, unsigned shift)
{
    for (size_t i = 0; i < m->leaf_count; i++) {
        const struct idl_leaf *leaf = &m->leaves[i];
        char full[64] = "token";
        if (leaf->argument != NULL)
            snprintf(full, sizeof(full), "%s%s", leaf->argument->name, leaf->path);
        if (strcmp(full, name) != 0)
            continue;
        cr_assert_eq(leaf->spot[channel].word, word, "%s: word %u", name, leaf->spot[channel].word);
        cr_assert_eq(leaf->spot[channel].shift, shift, "%s: shift %u", name,
                     leaf->spot[channel].shift);
        return;
    }
    cr_assert_fail("no field %s", name);
}

Test(idl_plan, lmp_word_zero_holds_number_and_token)
{
    const struct idl_wire_message *m = plan_of("message basic(uint32 arg);", 0);
    cr_assert_eq(m->number, 3);
    cr_assert_eq(m->words[IDL_LMP], 2);
    expect_spot(m, "token", IDL_LMP, 0, 16);
    expect_spot(m, "arg", IDL_LMP, 1, 0);
    cr_assert_eq(m->words[IDL_UMP], 1);
    cr_assert(!(m->has_token[IDL_UMP]));
    expect_spot(m, "arg", IDL_UMP, 0, 0);
}

Test(idl_plan, narrow_fields_come_first_and_none_straddles)
{
    const struct idl_wire_message *m =
        plan_of("message m(uint64 a, uint8 b, uint32 c, bool d, uint32 e, uint16 f);", 0);
    expect_spot(m, "d", IDL_UMP, 0, 0);
    expect_spot(m, "b", IDL_UMP, 0, 1);
    expect_spot(m, "f", IDL_UMP, 0, 9);
    expect_spot(m, "c", IDL_UMP, 0, 25);
    expect_spot(m, "e", IDL_UMP, 1, 0);
    expect_spot(m, "a", IDL_UMP, 2, 0);
    cr_assert_eq(m->words[IDL_UMP], 3);
}

Test(idl_plan, structs_and_arrays_are_flattened)
{
    const struct idl_wire_message *m =
        plan_of("typedef uint16 pair[2]; typedef enum { x, y } e;"
                "typedef struct { uint64 a; pair p; e k; } s; message m(s v, pair w);",
                0);
    expect_spot(m, "v.p[0]", IDL_UMP, 0, 0);
    expect_spot(m, "v.p[1]", IDL_UMP, 0, 16);
    expect_spot(m, "w[0]", IDL_UMP, 0, 32);
    expect_spot(m, "w[1]", IDL_UMP, 0, 48);
    expect_spot(m, "v.k", IDL_UMP, 1, 0);
    expect_spot(m, "v.a", IDL_UMP, 2, 0);
}

Test(idl_plan, an_rpc_is_two_messages_with_tokens)
{
    const struct idl_wire_message *m =
        plan_of("message first(); rpc add(in uint32 a, out uint64 b, in uint8 c);", 1);
    cr_assert_str_eq(m[0].name, "add_call");
    cr_assert_eq(m[0].number, 4);
    cr_assert_str_eq(m[1].name, "add_response");
    cr_assert_eq(m[1].number, 5);
    cr_assert_eq(m[0].argument_count, 2);
    cr_assert_eq(m[1].argument_count, 1);
    expect_spot(&m[0], "c", IDL_UMP, 0, 0);
    expect_spot(&m[0], "token", IDL_UMP, 0, 8);
    expect_spot(&m[0], "a", IDL_UMP, 1, 0);
    expect_spot(&m[1], "token", IDL_UMP, 0, 0);
    expect_spot(&m[1], "b", IDL_UMP, 1, 0);
}

Test(idl_plan, a_full_string_needs_37_lines)
{
    const struct idl_wire_message *m = plan_of("message s(String s[2048]);", 0);
    cr_assert_eq(m->fixed_fragments[IDL_UMP], 0);
    cr_assert_eq(m->max_fragments[IDL_UMP], 37);
    cr_assert_eq(m->fixed_fragments[IDL_LMP], 1);
    cr_assert_eq(m->max_fragments[IDL_LMP], 1 + 26);
}

Test(idl_plan, seven_words_fit_a_line)
{
    const char *seven = "message m(uint64 a, uint64 b, uint64 c, uint64 d, uint64 e, uint64 f,"
                        "uint32 g, uint32 h);";
    cr_assert_eq(plan_of(seven, 0)->fixed_fragments[IDL_UMP], 1);
    cr_assert_eq(plan_of("message m(uint64 a, uint64 b, uint64 c, uint64 d, uint64 e, uint64 f,"
                         "uint64 g, bool h);",
                         0)
                     ->fixed_fragments[IDL_UMP],
                 2);
    cr_assert_eq(plan_of("message m();", 0)->fixed_fragments[IDL_UMP], 1);
}

static unsigned by_lrpc(const char *messages)
{
    char *text = NULL;
    size_t bytes = 0;
    unsigned count = 0;
    plan_of(messages, 0);
    FILE *out = open_memstream(&text, &bytes);
    idl_dump_plan(out, compilation.plan);
    fclose(out);
    for (const char *at = text; (at = strstr(at, ", by lrpc\n")) != NULL; at++)
        count++;
    free(text);
    return count;
}

Test(idl_plan, dump_says_what_takes_the_short_way)
{
    cr_expect_eq(by_lrpc("message a();"), 1);
    cr_expect_eq(by_lrpc("message a(uint64 x, uint64 y, uint64 z);"), 1,
                 "with word 0 that is four");
    cr_expect_eq(by_lrpc("message a(uint64 x, uint64 y, uint64 z, uint32 w);"), 0);
    cr_expect_eq(by_lrpc("message a(uint64 x, uint64 y, uint64 z, uint16 w);"), 1, "w fits word 0");
    cr_expect_eq(by_lrpc("message a(String s[4]);"), 0);
    cr_expect_eq(by_lrpc("message a(cap c);"), 0);
    cr_expect_eq(by_lrpc("rpc a(in uint64 x, out uint64 y);"), 2);
}

Test(idl_plan, capabilities_ride_on_fixed_fragments_and_empty_ones)
{
    cr_assert_eq(plan_of("message m(cap a);", 0)->fixed_fragments[IDL_LMP], 1);
    const struct idl_wire_message *m = plan_of("message m(cap a, cap b, cap c, String s[9]);", 0);
    cr_assert_eq(m->fixed_fragments[IDL_LMP], 3);
    cr_assert_eq(m->max_fragments[IDL_LMP], 4);
    cr_assert_eq(m->cap_count, 3);
}

Test(idl_plan, elements_of_arrays)
{
    const struct idl_wire_message *m =
        plan_of("typedef struct { uint64 a; uint8 b; } s;"
                "message m(uint8 a[an, 10], uint16 b[bn, 10], bool c[cn, 10], s d[dn, 10]);",
                0);
    cr_assert_eq(m->streams[0].kind, IDL_STREAM_BYTES);
    cr_assert_eq(idl_stream_max_words(&m->streams[0]), 2);
    cr_assert_eq(m->streams[1].kind, IDL_STREAM_ELEMENTS);
    cr_assert_eq(idl_stream_max_words(&m->streams[1]), 3);
    cr_assert_eq(m->streams[2].kind, IDL_STREAM_PACKED);
    cr_assert_eq(m->streams[3].element_words, 2);
    cr_assert_eq(idl_stream_max_words(&m->streams[3]), 20);
}

/* No two fields of any message overlap, none straddles, order is by width. */
static void check_layout(const struct idl_wire_message *m, enum idl_channel channel)
{
    static uint64_t taken[IDL_MAX_FIXED_WORDS];
    unsigned last_bits = 0;
    memset(taken, 0, sizeof(taken));
    if (channel != IDL_UMP)
        taken[0] = 0xffff;
    for (size_t i = 0; i < m->leaf_count; i++) {
        const struct idl_leaf *leaf = &m->leaves[i];
        if (leaf->argument == NULL && !m->has_token[channel])
            continue;
        struct idl_spot spot = leaf->spot[channel];
        cr_assert_lt(spot.word, m->words[channel]);
        cr_assert_leq(spot.shift + leaf->bits, 64);
        uint64_t mask = (leaf->bits == 64 ? ~0ull : (1ull << leaf->bits) - 1) << spot.shift;
        cr_assert_eq(taken[spot.word] & mask, 0, "%s overlaps", m->name);
        taken[spot.word] |= mask;
        cr_assert_geq(leaf->bits, last_bits);
        last_bits = leaf->bits;
    }
}

Test(idl_plan, random_plans_keep_the_rules)
{
    for (uint64_t seed = 1000; seed < 3000; seed++) {
        struct idl_text text = { 0 };
        struct idl_compilation c;
        random_interface(&text, "r", seed);
        idl_compilation_init(&c);
        cr_assert(
            idl_compile(&c, idl_source_from_text(c.arena, "r.if", text.data, text.length), "r"),
            "seed %llu:\n%s\n%s", (unsigned long long)seed, text.data, c.diag.out);
        for (size_t i = 0; i < c.plan->message_count; i++)
            for (unsigned channel = 0; channel < IDL_CHANNEL_COUNT; channel++)
                check_layout(&c.plan->messages[i], (enum idl_channel)channel);
        idl_compilation_fini(&c);
        idl_text_free(&text);
    }
}

Test(idl_plan, same_input_gives_same_bytes)
{
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct idl_text text = { 0 };
        struct idl_output first[IDL_MAX_OUTPUTS], second[IDL_MAX_OUTPUTS];
        struct idl_compilation c[2];
        size_t count[2];
        random_interface(&text, "r", seed);
        for (int k = 0; k < 2; k++) {
            idl_compilation_init(&c[k]);
            cr_assert(idl_compile(
                &c[k], idl_source_from_text(c[k].arena, "r.if", text.data, text.length), "r"));
            count[k] = idl_generate_c(&c[k], k == 0 ? first : second);
        }
        cr_assert_eq(count[0], count[1]);
        for (size_t i = 0; i < count[0]; i++) {
            cr_assert_str_eq(first[i].text.data, second[i].text.data);
            idl_text_free(&first[i].text);
            idl_text_free(&second[i].text);
        }
        idl_compilation_fini(&c[0]);
        idl_compilation_fini(&c[1]);
        idl_text_free(&text);
    }
}
