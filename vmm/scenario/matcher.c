/* SPDX-License-Identifier: MIT
 *
 * The expectation matcher: a counter for each expectation and one compiled regular expression for
 * those that have one.  A scenario with nothing but `not` never becomes MATCHER_MET, because what
 * must not happen can only be judged at the end.  The expressions are TRE's, which takes time linear
 * in the length of a line, whatever the guest writes into it (back references, which do not, are
 * refused).  Violation is final; so is being met, except that a
 * `not` violated in the same moment wins.
 */
#include "scenario/matcher.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tre/regex.h>

struct tally {
    regex_t regex;
    bool compiled;
    uint64_t count;
};

struct matcher {
    const struct scenario *scenario;
    bool exited;
    uint32_t exit_code;
    struct tally tally[]; /* one for each expectation */
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
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        if (matcher->tally[i].compiled)
            tre_regfree(&matcher->tally[i].regex);
    }
    free(matcher);
}

void matcher_line(struct matcher *matcher, unsigned core, const char *domain, const char *text)
{
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        const struct expectation *expectation = &matcher->scenario->expectations[i];
        if (expectation->kind == EXPECT_EXIT || expectation->kind == EXPECT_FIRED)
            continue;
        if (expectation->core != EXPECT_ANY_CORE && (unsigned)expectation->core != core)
            continue;
        if (expectation->domain && strcmp(expectation->domain, domain) != 0)
            continue;
        bool matches = expectation->regex
                           ? tre_regexec(&matcher->tally[i].regex, text, 0, NULL, 0) == 0
                           : strstr(text, expectation->pattern) != NULL;
        matcher->tally[i].count += matches;
    }
}

void matcher_fired(struct matcher *matcher, uint32_t rule)
{
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        const struct expectation *expectation = &matcher->scenario->expectations[i];
        matcher->tally[i].count += expectation->kind == EXPECT_FIRED && expectation->rule == rule;
    }
}

/* It can only get worse. */
static bool is_violated(const struct matcher *matcher, size_t index)
{
    const struct expectation *expectation = &matcher->scenario->expectations[index];
    uint64_t count = matcher->tally[index].count;
    switch (expectation->kind) {
    case EXPECT_CONSOLE:
    case EXPECT_FIRED:
        return count > expectation->most;
    case EXPECT_NOT:
        return count > 0;
    case EXPECT_EXIT:
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
    switch (expectation->kind) {
    case EXPECT_CONSOLE:
    case EXPECT_FIRED:
        return matcher->tally[index].count >= expectation->count && !is_violated(matcher, index);
    case EXPECT_NOT:
        return !is_violated(matcher, index);
    case EXPECT_EXIT:
        return matcher->exited && matcher->exit_code == expectation->exit_code;
    }
    return false;
}

uint64_t matcher_count(const struct matcher *matcher, size_t index)
{
    assert(index < matcher->scenario->expectation_count);
    return matcher->tally[index].count;
}

void matcher_progress(const struct matcher *matcher, size_t *done, size_t *of)
{
    *done = *of = 0;
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        if (matcher->scenario->expectations[i].kind == EXPECT_NOT)
            continue;
        ++*of;
        *done += matcher_holds(matcher, i);
    }
}

enum matcher_state matcher_state(const struct matcher *matcher)
{
    size_t done, of;
    for (size_t i = 0; i < matcher->scenario->expectation_count; i++) {
        if (is_violated(matcher, i))
            return MATCHER_VIOLATED;
    }
    matcher_progress(matcher, &done, &of);
    return of > 0 && done == of ? MATCHER_MET : MATCHER_OPEN;
}

char *expectation_text(const struct expectation *expectation, char *text, size_t bytes)
{
    char who[64] = "some core";
    if (expectation->kind == EXPECT_EXIT) {
        snprintf(text, bytes, "the machine exits with code %u", expectation->exit_code);
        return text;
    }
    if (expectation->kind == EXPECT_FIRED) {
        char limit[48] = "";
        if (expectation->most != UINT32_MAX)
            snprintf(limit, sizeof(limit), " and at most %u", expectation->most);
        snprintf(text, bytes, "rule %s fires at least %u time%s%s", expectation->pattern,
                 expectation->count, expectation->count == 1 ? "" : "s", limit);
        return text;
    }
    bool no = expectation->kind == EXPECT_NOT;
    if (expectation->core != EXPECT_ANY_CORE)
        snprintf(who, sizeof(who), "core %d", expectation->core);
    else if (no)
        snprintf(who, sizeof(who), "no core");
    snprintf(text, bytes, "%s%s%s%s %s %s%s%s", who, expectation->domain ? " (" : "",
             expectation->domain ? expectation->domain : "", expectation->domain ? ")" : "",
             no && expectation->core != EXPECT_ANY_CORE ? "never prints" : "prints",
             expectation->regex ? "/" : "\"", expectation->pattern,
             expectation->regex ? "/" : "\"");
    if (expectation->count > 1) {
        size_t used = strlen(text);
        snprintf(text + used, bytes - used, " %u times", expectation->count);
    }
    if (!no && expectation->most != UINT32_MAX) {
        size_t used = strlen(text);
        snprintf(text + used, bytes - used, ", at most %u", expectation->most);
    }
    return text;
}
