/* SPDX-License-Identifier: MIT
 *
 * The expectation matcher: a counter for each expectation and one compiled regular expression for
 * those that have one.  A scenario with nothing but bans (`not`, `never`, `invariants`) never
 * becomes MATCHER_MET, because what must not happen can only be judged at the end.  The expressions
 * are TRE's, which takes time linear in the length of a line, whatever the guest writes into it
 * (back references, which do not, are refused).  Violation is final; so is being met, except that a
 * `not` violated in the same moment wins.
 */
#include "scenario/matcher.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tre/regex.h>

#include "abi/report.h"
#include "scenario/units.h"

#define PROBLEM_MAX 200

struct tally {
    regex_t regex;
    bool compiled;
    uint64_t count;  /* lines, firings, recoveries, times that it held */
    uint64_t failed; /* times that it did not */
    /* RECOVERED */
    bool pending;
    uint64_t since_ns, worst_ns;
    /* METRIC, ALWAYS, NEVER, SOMETIMES */
    bool known; /* somebody has reported it */
    uint64_t value;
    /* INVARIANT */
    bool checked;
    char problem[PROBLEM_MAX]; /* "": none */
};

struct matcher {
    const struct scenario *scenario;
    uint64_t now_ns;
    bool exited;
    uint32_t exit_code;
    char broken[2 * ABI_REPORT_NAME + 40]; /* a property that failed, "": none */
    struct tally tally[];                  /* one for each expectation */
};

struct matcher *matcher_create(const struct scenario *scenario)
{
    size_t count = scenario->expectation_count;
    struct matcher *matcher = calloc(1, sizeof(*matcher) + count * sizeof(struct tally));
    if (!matcher)
        return NULL;
    matcher->scenario = scenario;
    for (size_t i = 0; i < count; i++) {
        const struct expectation *expectation = &scenario->expectations[i];
        if (!expectation->regex)
            continue;
        /* The scenario compiled the same pattern once, so only memory can be short here. */
        if (tre_regcomp(&matcher->tally[i].regex, expectation->pattern, REG_EXTENDED | REG_NOSUB)) {
            matcher_destroy(matcher);
            return NULL;
        }
        matcher->tally[i].compiled = true;
    }
    return matcher;
}

void matcher_destroy(struct matcher *matcher)
{
    if (!matcher)
        return;
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++)
        if (matcher->tally[i].compiled)
            tre_regfree(&matcher->tally[i].regex);
    free(matcher);
}

static bool is_about_lines(enum expectation_kind kind)
{
    return kind == EXPECT_CONSOLE || kind == EXPECT_NOT || kind == EXPECT_RECOVERED;
}

void matcher_time(struct matcher *matcher, uint64_t now_ns)
{
    matcher->now_ns = now_ns;
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        struct tally *tally = &matcher->tally[i];
        if (tally->pending && now_ns > tally->since_ns &&
            now_ns - tally->since_ns > matcher->scenario->expectations[i].within_ns)
            tally->failed = 1;
    }
}

/*
 * The line that a recovery waits for has come.  It says nothing if none is waited for, or if it was
 * printed before the fault: cores take their times at once and reach the report one after another.
 */
static void recovered(struct matcher *matcher, size_t index)
{
    struct tally *tally = &matcher->tally[index];
    if (!tally->pending || matcher->now_ns < tally->since_ns)
        return;
    uint64_t took_ns = matcher->now_ns - tally->since_ns;
    tally->pending = false;
    tally->count++;
    tally->worst_ns = took_ns > tally->worst_ns ? took_ns : tally->worst_ns;
}

void matcher_line(struct matcher *matcher, unsigned core, const char *domain, const char *text)
{
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        const struct expectation *expectation = &matcher->scenario->expectations[i];
        if (!is_about_lines(expectation->kind))
            continue;
        if (expectation->core != EXPECT_ANY_CORE && (unsigned)expectation->core != core)
            continue;
        if (expectation->domain && strcmp(expectation->domain, domain) != 0)
            continue;
        bool matches = expectation->regex
                           ? tre_regexec(&matcher->tally[i].regex, text, 0, NULL, 0) == 0
                           : strstr(text, expectation->pattern) != NULL;
        if (!matches)
            continue;
        if (expectation->kind == EXPECT_RECOVERED)
            recovered(matcher, i);
        else
            matcher->tally[i].count++;
    }
}

void matcher_fired(struct matcher *matcher, uint32_t rule)
{
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        const struct expectation *expectation = &matcher->scenario->expectations[i];
        struct tally *tally = &matcher->tally[i];
        if (expectation->rule != rule)
            continue;
        if (expectation->kind == EXPECT_FIRED) {
            tally->count++;
        } else if (expectation->kind == EXPECT_RECOVERED && !tally->pending) {
            tally->pending = true;
            tally->since_ns = matcher->now_ns;
        }
    }
}

static bool compare(const struct expectation *expectation, uint64_t value)
{
    switch (expectation->comparison) {
    case COMPARE_EQUAL:
        return value == expectation->value;
    case COMPARE_NOT_EQUAL:
        return value != expectation->value;
    case COMPARE_LESS:
        return value < expectation->value;
    case COMPARE_AT_MOST:
        return value <= expectation->value;
    case COMPARE_MORE:
        return value > expectation->value;
    case COMPARE_AT_LEAST:
        return value >= expectation->value;
    case COMPARE_NONE:
        break;
    }
    return false;
}

static bool is_about_values(const struct expectation *expectation)
{
    return expectation->kind >= EXPECT_METRIC && expectation->kind <= EXPECT_SOMETIMES;
}

static bool is_property(uint32_t kind)
{
    return kind == ABI_REPORT_ALWAYS || kind == ABI_REPORT_SOMETIMES;
}

/* The value that the checker of memory looks at: what the memory servers cannot tell of. */
#define MEMORY_LOST "mem.lost"

static void note_memory(struct tally *tally, const char *name, uint64_t value)
{
    if (strcmp(name, MEMORY_LOST) != 0)
        return;
    tally->known = true;
    tally->value = value;
}

void matcher_value(struct matcher *matcher, const char *name, uint32_t kind, uint64_t value,
                   uint64_t failures, const char *domain, unsigned core)
{
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        const struct expectation *expectation = &matcher->scenario->expectations[i];
        struct tally *tally = &matcher->tally[i];
        if (expectation->kind == EXPECT_INVARIANT && expectation->invariant == INVARIANT_MEMORY)
            note_memory(tally, name, value);
        if (!is_about_values(expectation) || strcmp(expectation->pattern, name) != 0 ||
            (expectation->comparison == COMPARE_NONE) != is_property(kind))
            continue;
        tally->known = true;
        tally->value = value;
        if (is_property(kind)) {
            tally->count = value;
            tally->failed = failures;
        } else if (compare(expectation, value)) {
            tally->count++;
        } else {
            tally->failed++;
        }
    }
    if (kind == ABI_REPORT_ALWAYS && failures > 0 && !matcher->broken[0])
        snprintf(matcher->broken, sizeof(matcher->broken), "%s does not hold in %s on core %u",
                 name, domain, core);
}

const char *matcher_broken_property(const struct matcher *matcher)
{
    return matcher->broken[0] ? matcher->broken : NULL;
}

bool scenario_wants_values(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (is_about_values(&scenario->expectations[i]))
            return true;
    return false;
}

bool scenario_wants(const struct scenario *scenario, enum invariant invariant)
{
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (scenario->expectations[i].kind == EXPECT_INVARIANT &&
            scenario->expectations[i].invariant == invariant)
            return true;
    return false;
}

uint64_t scenario_wants_every(const struct scenario *scenario, enum invariant invariant)
{
    uint64_t least = 0;
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        const struct expectation *e = &scenario->expectations[i];
        if (e->kind == EXPECT_INVARIANT && e->invariant == invariant && e->every_ns > 0 &&
            (least == 0 || e->every_ns < least))
            least = e->every_ns;
    }
    return least;
}

static const char *memory_problem(const struct tally *tally, char *text, size_t bytes)
{
    if (tally->known && tally->value == 0)
        return NULL;
    if (tally->known)
        snprintf(text, bytes, "%" PRIu64 " bytes are neither free nor lent", tally->value);
    else
        snprintf(text, bytes, "no memory server has reported");
    return text;
}

void matcher_invariant(struct matcher *matcher, enum invariant invariant, const char *problem)
{
    char text[PROBLEM_MAX];
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        const struct expectation *expectation = &matcher->scenario->expectations[i];
        struct tally *tally = &matcher->tally[i];
        if (expectation->kind != EXPECT_INVARIANT || expectation->invariant != invariant)
            continue;
        if (!problem && invariant == INVARIANT_MEMORY)
            problem = memory_problem(tally, text, sizeof(text));
        tally->checked = true;
        if (problem)
            snprintf(tally->problem, sizeof(tally->problem), "%s", problem);
    }
}

bool matcher_is_violated(const struct matcher *matcher, size_t index)
{
    const struct expectation *expectation = &matcher->scenario->expectations[index];
    const struct tally *tally = &matcher->tally[index];
    switch (expectation->kind) {
    case EXPECT_CONSOLE:
    case EXPECT_FIRED:
        return tally->count > expectation->most;
    case EXPECT_NOT:
    case EXPECT_NEVER:
        return tally->count > 0;
    case EXPECT_RECOVERED:
    case EXPECT_ALWAYS:
        return tally->failed > 0;
    case EXPECT_INVARIANT:
        return tally->problem[0] != 0;
    case EXPECT_EXIT:
    case EXPECT_METRIC:
    case EXPECT_SOMETIMES:
    case EXPECT_KINDS:
        break;
    }
    return false;
}

void matcher_exit(struct matcher *matcher, uint32_t code)
{
    matcher->exited = true;
    matcher->exit_code = code;
}

bool matcher_holds(const struct matcher *matcher, size_t index)
{
    assert(index < matcher->scenario->expectation_count);
    const struct expectation *expectation = &matcher->scenario->expectations[index];
    const struct tally *tally = &matcher->tally[index];
    if (matcher_is_violated(matcher, index))
        return false;
    switch (expectation->kind) {
    case EXPECT_CONSOLE:
    case EXPECT_FIRED:
    case EXPECT_ALWAYS:
    case EXPECT_SOMETIMES:
        return tally->count >= expectation->count;
    case EXPECT_RECOVERED:
        return tally->count >= expectation->count && !tally->pending;
    case EXPECT_METRIC:
        return tally->known && compare(expectation, tally->value);
    case EXPECT_EXIT:
        return matcher->exited && matcher->exit_code == expectation->exit_code;
    case EXPECT_INVARIANT:
        return tally->checked;
    case EXPECT_NOT:
    case EXPECT_NEVER:
    case EXPECT_KINDS:
        break;
    }
    return true;
}

uint64_t matcher_count(const struct matcher *matcher, size_t index)
{
    assert(index < matcher->scenario->expectation_count);
    return matcher->tally[index].count;
}

bool expectation_is_ban(enum expectation_kind kind)
{
    return kind == EXPECT_NOT || kind == EXPECT_NEVER || kind == EXPECT_INVARIANT;
}

char *matcher_account(const struct matcher *matcher, size_t index, char *text, size_t bytes)
{
    const struct expectation *expectation = &matcher->scenario->expectations[index];
    const struct tally *tally = &matcher->tally[index];
    char time[32];
    text[0] = 0;
    if (expectation->kind == EXPECT_INVARIANT)
        snprintf(text, bytes, "%s", tally->checked ? tally->problem : "the run did not end");
    else if (is_about_values(expectation) && !tally->known)
        snprintf(text, bytes, "no program has reported it");
    else if (is_about_values(expectation) && expectation->comparison == COMPARE_NONE)
        snprintf(text, bytes, "it held %" PRIu64 " times, not %" PRIu64 " times", tally->count,
                 tally->failed);
    else if (is_about_values(expectation))
        snprintf(text, bytes, "it is %" PRIu64, tally->value);
    else if (expectation->kind == EXPECT_RECOVERED && tally->pending)
        snprintf(text, bytes, "not since %s", format_duration(tally->since_ns, time));
    else if (expectation->kind == EXPECT_RECOVERED)
        snprintf(text, bytes, "%" PRIu64 " times, %s at most", tally->count,
                 format_duration(tally->worst_ns, time));
    else if (expectation->kind == EXPECT_CONSOLE && expectation->count > 1)
        snprintf(text, bytes, "seen %" PRIu64, tally->count);
    else if (expectation->kind == EXPECT_EXIT && matcher->exited)
        snprintf(text, bytes, "it was %u", matcher->exit_code);
    return text;
}

void matcher_progress(const struct matcher *matcher, size_t *done, size_t *of)
{
    *done = *of = 0;
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        if (expectation_is_ban(matcher->scenario->expectations[i].kind))
            continue;
        ++*of;
        *done += matcher_holds(matcher, i);
    }
}

enum matcher_state matcher_state(const struct matcher *matcher)
{
    size_t done, of;
    if (matcher->broken[0])
        return MATCHER_VIOLATED;
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++)
        if (matcher_is_violated(matcher, i))
            return MATCHER_VIOLATED;
    matcher_progress(matcher, &done, &of);
    return of > 0 && done == of ? MATCHER_MET : MATCHER_OPEN;
}
