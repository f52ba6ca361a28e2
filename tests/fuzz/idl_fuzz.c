/* SPDX-License-Identifier: MIT
 *
 * Fuzzing target of the interface compiler: any bytes go through all passes; nothing may crash,
 * hang or grow.  What compiles must compile again after formatting, to the same messages.
 *
 * With libFuzzer (clang -fsanitize=fuzzer) this is the whole program; tests/fuzz/idl builds and
 * runs it.  tests/unit/test_idl_tools.c runs the kept corpus through the same function in make
 * check.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../idl/compile.h"
#include "../../idl/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_INPUT 65536

static void generate(struct idl_compilation *c)
{
    struct idl_output outputs[IDL_MAX_OUTPUTS];
    size_t count = idl_generate_c(c, outputs);
    for (size_t i = 0; i < count; i++)
        idl_text_free(&outputs[i].text);
}

/* Formatting must change neither the meaning nor, a second time, anything. */
static void check_format(const struct idl_compilation *c, const struct idl_source *source)
{
    struct idl_compilation again;
    struct idl_text once = { 0 }, twice = { 0 };
    idl_format(&once, c->arena, source);
    idl_compilation_init(&again);
    const struct idl_source *formatted =
        idl_source_from_text(again.arena, "formatted", once.data, once.length);
    if (!idl_compile(&again, formatted, NULL) ||
        (c->plan != NULL &&
         (again.plan == NULL || again.plan->message_count != c->plan->message_count)))
        abort();
    idl_format(&twice, again.arena, formatted);
    if (twice.length != once.length || memcmp(twice.data, once.data, once.length) != 0)
        abort();
    idl_text_free(&once);
    idl_text_free(&twice);
    idl_compilation_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idl_compilation c;
    if (size > MAX_INPUT)
        return 0;
    idl_compilation_init(&c);
    const struct idl_source *source =
        idl_source_from_text(c.arena, "fuzz.if", (const char *)data, size);
    if (idl_compile(&c, source, NULL)) {
        check_format(&c, source);
        if (c.plan != NULL && c.plan->max_words < 64)
            generate(&c);
    }
    idl_compilation_fini(&c);
    return 0;
}
