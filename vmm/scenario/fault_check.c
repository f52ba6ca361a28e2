/* SPDX-License-Identifier: MIT
 *
 * Rules of faults against the images: is there such an interface, and has it such a message?
 */
#include <string.h>

#include "scenario/scenario.h"

#define NAMES_MAX 512

static void unknown_interface(const struct fault_names *names, const char *interface,
                              struct place place, struct diags *diags)
{
    const char *known[NAMES_MAX];
    size_t count = 0;
    for (; count < names->count && count < NAMES_MAX; count++)
        known[count] = names->interface[count].name;
    const char *near = nearest_word(interface, known, count);
    diag_error(diags, place, "interface: no program of the menu speaks '%.48s'%s%s%s", interface,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Messages of one interface, or of all. */
static size_t collect(const struct fault_names *names, const struct fault_interface *only,
                      const char *known[NAMES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct fault_interface *interface = &names->interface[i];
        for (size_t m = 0; m < interface->count && count < NAMES_MAX; m++)
            if (!only || only == interface)
                known[count++] = interface->message[m].name;
    }
    return count;
}

static void unknown_message(const struct fault_names *names, const struct fault_interface *only,
                            const char *message, struct place place, struct diags *diags)
{
    const char *known[NAMES_MAX];
    char call[64];
    size_t count = collect(names, only, known);
    snprintf(call, sizeof(call), "%.40s_call", message);
    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i], call) == 0) {
            diag_error(diags, place,
                       "message: '%s' is a remote procedure call, of two messages: %s and "
                       "%s_response",
                       message, call, message);
            return;
        }
    const char *near = nearest_word(message, known, count);
    diag_error(diags, place, "message: %s has no message '%.48s'%s%s%s",
               only ? only->name : "no interface of the menu", message,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool any_has(const struct fault_names *names, const char *message)
{
    for (size_t i = 0; i < names->count; i++)
        if (fault_names_message(&names->interface[i], message))
            return true;
    return false;
}

static void check_rule(const struct fault_rule *rule, struct place place,
                       const struct fault_names *names, struct diags *diags)
{
    const struct fault_interface *interface = NULL;
    if (rule->trigger != FAULT_ON_MESSAGE)
        return;
    if (rule->interface) {
        interface = fault_names_interface(names, rule->interface);
        if (!interface) {
            unknown_interface(names, rule->interface, place, diags);
            return;
        }
    }
    if (rule->message[0] == '$' || strcmp(rule->message, "any") == 0)
        return;
    if (interface ? !fault_names_message(interface, rule->message) : !any_has(names, rule->message))
        unknown_message(names, interface, rule->message, place, diags);
}

void scenario_check_messages(const struct scenario *scenario, const struct fault_names *names,
                             struct diags *diags)
{
    for (size_t r = 0; r < scenario->fault_count; r++)
        check_rule(&scenario->faults[r], scenario->fault_places[r], names, diags);
}
