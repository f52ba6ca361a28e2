/* SPDX-License-Identifier: MIT
 *
 * Options of the machine: words behind the CPU driver in the menu, which every monitor sees alike.
 *
 *   checked=all | none    all UMP channels are checked, or not even those between monitors
 *   recheck=10ms          sleeping dispatchers with UMP channels look again that often
 *
 * And behind the monitor:
 *
 *   heartbeat=10ms        monitors tell each other that often that they are alive (death.c)
 *   shootdown=numa        how they unmap what a domain has on several cores (shootdown.c)
 *
 * vmm has checked the words; what is wrong here was started by something else and is passed over.
 */
#include "options.h"

#include <string.h>

struct machine_options machine_options;

/* What stands behind "name=" among the words of the line, or NULL. */
static const char *value_of(const char *line, const char *name)
{
    const size_t length = strlen(name);
    for (const char *word = line + strcspn(line, " "); *word != '\0'; word += strcspn(word, " ")) {
        word += strspn(word, " ");
        if (strncmp(word, name, length) == 0 && word[length] == '=')
            return word + length + 1;
    }
    return NULL;
}

static bool is_word(const char *value, const char *word)
{
    const size_t length = strlen(word);
    return value != NULL && strncmp(value, word, length) == 0 &&
           (value[length] == '\0' || value[length] == ' ');
}

static uint64_t duration_ns(const char *value)
{
    if (value == NULL)
        return 0;
    char *unit;
    const uint64_t number = strtoull(value, &unit, 10);
    const uint64_t factor = unit[0] == 'n' ? 1 : unit[0] == 'u' ? 1000 : 1000000;
    return number * factor;
}

static uint8_t protocol_of(const char *value)
{
    for (unsigned p = SHOOTDOWN_DEFAULT + 1; p < SHOOTDOWN_PROTOCOLS; p++)
        if (is_word(value, shootdown_protocol_names[p]))
            return p;
    return SHOOTDOWN_NUMA;
}

static bool is_monitor(const char *line)
{
    static const char name[] = "/monitor";
    const size_t length = strcspn(line, " ");
    return length >= strlen(name) && strncmp(line + length - strlen(name), name, strlen(name)) == 0;
}

void machine_options_read(const struct spawn_modules *modules)
{
    machine_options =
        (struct machine_options){ .checked = CHECKED_MONITORS, .shootdown = protocol_of(NULL) };
    for (unsigned i = 0; i < modules->count; i++) {
        const char *line = modules->module[i].line;
        if (!modules->module[i].is_kernel) {
            if (is_monitor(line)) {
                machine_options.heartbeat_ns = duration_ns(value_of(line, "heartbeat"));
                machine_options.shootdown = protocol_of(value_of(line, "shootdown"));
            }
            continue;
        }
        const char *checked = value_of(line, "checked");
        if (is_word(checked, "all"))
            machine_options.checked = CHECKED_ALL;
        else if (is_word(checked, "none"))
            machine_options.checked = CHECKED_NONE;
        machine_options.recheck_ns = duration_ns(value_of(line, "recheck"));
    }
}
