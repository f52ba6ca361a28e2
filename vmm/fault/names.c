/* SPDX-License-Identifier: MIT
 *
 * Names of messages, from the text that the interface compiler left in the images.
 *
 * The text comes from files of the user, so nothing in it is believed: a line that cannot be read
 * is skipped, and numbers are bounded.
 */
#include "fault/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 256
#define LINES_MAX 1000000

static const struct {
    uint32_t type;
    const char *name;
} line_types[] = {
    { FAULT_TYPE_ACK, "$ack" },
    { FAULT_TYPE_BIND, "$bind" },
    { FAULT_TYPE_BIND_REPLY, "$bind_reply" },
    { FAULT_TYPE_GOODBYE, "$goodbye" },
    { FAULT_TYPE_CAP_ACK, "$cap_ack" },
};
#define LINE_TYPES (sizeof(line_types) / sizeof(line_types[0]))

const char *fault_line_type_name(uint32_t type)
{
    for (size_t i = 0; i < LINE_TYPES; i++)
        if (line_types[i].type == type)
            return line_types[i].name;
    return NULL;
}

const char *fault_line_type_list(size_t i)
{
    return i < LINE_TYPES ? line_types[i].name : NULL;
}

static bool add_stream(struct fault_message_name *message, const char *word)
{
    struct fault_stream stream = { .kind = word[0], .size = (uint32_t)strtoul(word + 1, NULL, 10) };
    if (message->stream_count == FAULT_STREAMS_MAX || strchr("bep", stream.kind) == NULL)
        return false;
    if (stream.kind != 'b' && (stream.size == 0 || stream.size > LINES_MAX))
        return false;
    message->stream[message->stream_count++] = stream;
    return true;
}

/* "message 3 hello 1 b e4", without the first word. */
static bool read_message(char *rest, struct fault_message_name *message, const char **name)
{
    char *place = NULL;
    const char *number = strtok_r(rest, " ", &place);
    *name = strtok_r(NULL, " ", &place);
    const char *lines = strtok_r(NULL, " ", &place);
    if (!number || !*name || !lines)
        return false;
    message->number = (uint32_t)strtoul(number, NULL, 10);
    message->lines = (uint32_t)strtoul(lines, NULL, 10);
    if (message->number < FAULT_TYPE_FIRST_MESSAGE || message->number >= FAULT_TYPE_GOODBYE ||
        message->lines > LINES_MAX)
        return false;
    for (const char *word = strtok_r(NULL, " ", &place); word; word = strtok_r(NULL, " ", &place))
        if (!add_stream(message, word))
            return false;
    return message->lines > 0 || message->stream_count > 0;
}

/* Room for one more, doubled at each power of two; NULL: no memory. */
static void *grow(void *array, size_t count, size_t bytes)
{
    if (count & (count - 1))
        return array;
    return realloc(array, (count ? 2 * count : 1) * bytes);
}

static bool add_message(struct fault_interface *interface, char *rest)
{
    struct fault_message_name message = { 0 };
    const char *name;
    if (!read_message(rest, &message, &name))
        return true;
    struct fault_message_name *grown = grow(interface->message, interface->count, sizeof(*grown));
    message.name = strdup(name);
    if (grown)
        interface->message = grown;
    if (!grown || !message.name) {
        free(message.name);
        return false;
    }
    interface->message[interface->count++] = message;
    return true;
}

static bool add_interface(struct fault_names *names, const char *name)
{
    struct fault_interface *grown = grow(names->interface, names->count, sizeof(*grown));
    char *copy = strdup(name);
    if (grown)
        names->interface = grown;
    if (!grown || !copy) {
        free(copy);
        return false;
    }
    names->interface[names->count++] = (struct fault_interface){ .name = copy };
    return true;
}

/* *into: the interface to which the following messages belong, or NULL: they are known already. */
static bool add_line(struct fault_names *names, char *line, bool *into)
{
    static const char interface[] = "interface ", message[] = "message ";
    if (strncmp(line, interface, sizeof(interface) - 1) == 0) {
        const char *name = line + sizeof(interface) - 1;
        *into = *name && fault_names_interface(names, name) == NULL;
        return !*into || add_interface(names, name);
    }
    if (*into && strncmp(line, message, sizeof(message) - 1) == 0)
        return add_message(&names->interface[names->count - 1], line + sizeof(message) - 1);
    return true;
}

bool fault_names_add(struct fault_names *names, const char *text, size_t bytes)
{
    bool into = false;
    for (size_t at = 0; at < bytes;) {
        size_t length = 0;
        while (at + length < bytes && text[at + length] != '\n' && text[at + length] != 0)
            length++;
        char line[LINE_MAX_BYTES];
        if (length > 0 && length < sizeof(line)) {
            memcpy(line, text + at, length);
            line[length] = 0;
            if (!add_line(names, line, &into))
                return false;
        }
        at += length + 1;
    }
    return true;
}

void fault_names_free(struct fault_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        for (size_t m = 0; m < names->interface[i].count; m++)
            free(names->interface[i].message[m].name);
        free(names->interface[i].message);
        free(names->interface[i].name);
    }
    free(names->interface);
    *names = (struct fault_names){ 0 };
}

const struct fault_interface *fault_names_interface(const struct fault_names *names,
                                                    const char *interface)
{
    for (size_t i = 0; names && i < names->count; i++)
        if (strcmp(names->interface[i].name, interface) == 0)
            return &names->interface[i];
    return NULL;
}

const struct fault_message_name *fault_names_type(const struct fault_interface *interface,
                                                  uint32_t type)
{
    for (size_t i = 0; interface && i < interface->count; i++)
        if (interface->message[i].number == type)
            return &interface->message[i];
    return NULL;
}

const struct fault_message_name *fault_names_message(const struct fault_interface *interface,
                                                     const char *message)
{
    for (size_t i = 0; interface && i < interface->count; i++)
        if (strcmp(interface->message[i].name, message) == 0)
            return &interface->message[i];
    return NULL;
}
