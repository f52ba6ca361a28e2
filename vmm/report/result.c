/* SPDX-License-Identifier: MIT
 *
 * From "the engine stopped" to PASS or FAIL.  One rule for each way a run can end; the order
 * matters: a breakdown of the guest is never hidden by expectations that happened to be met before,
 * unless the run had been ended because of them.
 */
#include "report/result.h"

#include <stdio.h>
#include <stdlib.h>

#include "scenario/units.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = { "PASS", "FAIL", "ERROR", "INTERRUPTED" };
    return names[verdict];
}

int verdict_exit_status(enum verdict verdict)
{
    static const int status[] = { 0, 1, 3, 130 };
    return status[verdict];
}

static bool expects_bans_only(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (!expectation_is_ban(scenario->expectations[i].kind))
            return false;
    return true;
}

/* The machine is off; nothing more will come. */
static void conclude_off(struct run_result *result, const struct scenario *scenario,
                         const struct matcher *matcher)
{
    enum matcher_state state = matcher_state(matcher);
    bool only_not = expects_bans_only(scenario);
    char how[64] = "every core stopped";
    if (result->exited)
        snprintf(how, sizeof(how), "the machine exited with code %u", result->exit_code);

    if (state == MATCHER_MET || (only_not && state == MATCHER_OPEN && result->exit_code == 0)) {
        result->verdict = VERDICT_PASS;
        snprintf(result->detail, sizeof(result->detail), "%s, everything held", how);
        return;
    }
    result->verdict = VERDICT_FAIL;
    bool code_wrong = false;
    for (size_t i = 0; i < scenario->expectation_count; i++)
        code_wrong |= scenario->expectations[i].kind == EXPECT_EXIT && !matcher_holds(matcher, i);
    if (only_not || code_wrong)
        snprintf(result->detail, sizeof(result->detail), "%s", how);
    else
        snprintf(result->detail, sizeof(result->detail), "%s before every expectation was met",
                 how);
}

static void conclude_broken(struct run_result *result, const struct engine_stop *why)
{
    static const char *const what[STOP_REASONS] = {
        [STOP_PANIC] = "the CPU driver gave up",
        [STOP_TRIPLE_FAULT] = "triple fault",
        [STOP_EMULATION] = "the engine cannot execute an instruction",
        [STOP_BAD_ACCESS] = "access to memory that does not exist",
    };
    result->verdict = VERDICT_FAIL;
    snprintf(result->detail, sizeof(result->detail), "core %u: %s%s%s", why->core,
             what[why->reason], why->detail[0] ? ": " : "", why->detail);
}

static const char *what_was_violated(const struct scenario *scenario, const struct matcher *matcher)
{
    static const char *const what[EXPECT_KINDS] = {
        [EXPECT_NOT] = "a forbidden line appeared",
        [EXPECT_NEVER] = "what must never hold did",
        [EXPECT_ALWAYS] = "what must always hold did not",
        [EXPECT_RECOVERED] = "the guest did not recover in time",
        [EXPECT_INVARIANT] = "an invariant is broken",
    };
    if (matcher_broken_property(matcher))
        return matcher_broken_property(matcher);
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        const char *text = what[scenario->expectations[i].kind];
        if (text && matcher_is_violated(matcher, i))
            return text;
    }
    return "something happened too often";
}

static void conclude_met(struct run_result *result)
{
    result->verdict = VERDICT_PASS;
    snprintf(result->reason, sizeof(result->reason), "met");
    snprintf(result->detail, sizeof(result->detail), "every expectation met");
}

static void conclude_at_deadline(struct run_result *result, const struct scenario *scenario,
                                 enum matcher_state state, const struct engine_stop *why)
{
    char time[32];
    format_duration(scenario->deadline_ns, time);
    if (state == MATCHER_MET && (scenario->quiet_ns > 0 || scenario_wants_values(scenario))) {
        conclude_met(result); /* at the end of the quiet time; or values were looked at once more */
    } else if (state == MATCHER_OPEN && expects_bans_only(scenario)) {
        result->verdict = VERDICT_PASS;
        snprintf(result->detail, sizeof(result->detail), "nothing forbidden within %s", time);
    } else {
        result->verdict = VERDICT_FAIL;
        if (why->detail[0])
            snprintf(result->detail, sizeof(result->detail), "%s", why->detail);
        else
            snprintf(result->detail, sizeof(result->detail), "deadline of %s reached", time);
    }
}

void result_conclude(struct run_result *result, const struct scenario *scenario,
                     struct matcher *matcher, const struct engine_stop *why)
{
    enum matcher_state state = matcher_state(matcher);
    result->machine_ns = why->time_ns;
    snprintf(result->reason, sizeof(result->reason), "%s", stop_reason_name(why->reason));
    bool orderly = why->reason == STOP_REQUEST || why->reason == STOP_EXIT ||
                   why->reason == STOP_ALL_STOPPED || why->reason == STOP_DEADLINE;
    if (state == MATCHER_VIOLATED && orderly) {
        result->verdict = VERDICT_FAIL;
        result->exited = why->reason == STOP_EXIT;
        result->exit_code = why->exit_code;
        snprintf(result->reason, sizeof(result->reason), "violated");
        snprintf(result->detail, sizeof(result->detail), "%s",
                 what_was_violated(scenario, matcher));
        return;
    }
    switch (why->reason) {
    case STOP_EXIT:
        result->exited = true;
        result->exit_code = why->exit_code;
        matcher_exit(matcher, why->exit_code);
        conclude_off(result, scenario, matcher);
        return;
    case STOP_ALL_STOPPED:
        conclude_off(result, scenario, matcher);
        return;
    case STOP_REQUEST:
        if (state == MATCHER_MET) {
            conclude_met(result);
        } else {
            result->verdict = VERDICT_FAIL;
            snprintf(result->detail, sizeof(result->detail),
                     "something that had been met does not hold in the end");
        }
        return;
    case STOP_DEADLINE:
        conclude_at_deadline(result, scenario, state, why);
        return;
    case STOP_INTERRUPTED:
        result->verdict = VERDICT_INTERRUPTED;
        snprintf(result->detail, sizeof(result->detail), "interrupted");
        return;
    case STOP_PANIC:
    case STOP_TRIPLE_FAULT:
    case STOP_EMULATION:
    case STOP_BAD_ACCESS:
        conclude_broken(result, why);
        return;
    case STOP_LIMIT:
        result->verdict = VERDICT_FAIL;
        snprintf(result->detail, sizeof(result->detail), "%s", why->detail);
        return;
    case STOP_NONE:
    case STOP_ENGINE:
    case STOP_REASONS:
        break;
    }
    result->verdict = VERDICT_ERROR;
    snprintf(result->detail, sizeof(result->detail), "the engine failed%s%s",
             why->detail[0] ? ": " : "", why->detail);
}

void result_free(struct run_result *result)
{
    free(result->postmortem);
    result->postmortem = NULL;
    free(result->brief);
    result->brief = NULL;
    free(result->sent);
    free(result->shown);
    result->sent = result->shown = NULL;
    free(result->values);
    result->values = NULL;
    result->value_count = 0;
}
