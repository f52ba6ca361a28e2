/* SPDX-License-Identifier: MIT
 *
 * Names of messages: which interface has which, and how many lines each takes.
 *
 * The interface compiler writes them into the images of programs, in a section of plain text
 * (FAULT_NAMES_SECTION); so programs from anywhere are covered.  Each line is
 *
 *   interface NAME
 *   message NUMBER NAME LINES [STREAM...]      of the interface above
 *
 * LINES counts those of fixed content over UMP.  A STREAM is a string or array, which takes lines
 * of its own: "b" bytes, "eN" elements of N bytes, "pN" elements of N words.
 */
#ifndef FAULT_NAMES_H
#define FAULT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_NAMES_SECTION ".idl.messages"
#define FAULT_STREAMS_MAX 8

/* Types of lines that belong to channels, not to interfaces. */
#define FAULT_TYPE_ACK 0
#define FAULT_TYPE_BIND 1
#define FAULT_TYPE_BIND_REPLY 2
#define FAULT_TYPE_FIRST_MESSAGE 3
#define FAULT_TYPE_GOODBYE 0x7ffe
#define FAULT_TYPE_CAP_ACK 0x7fff

struct fault_stream {
    char kind;     /* 'b', 'e', 'p' */
    uint32_t size; /* bytes or words of an element */
};

struct fault_message_name {
    char *name;
    uint32_t number;
    uint32_t lines;
    uint32_t stream_count;
    struct fault_stream stream[FAULT_STREAMS_MAX];
};

struct fault_interface {
    char *name;
    struct fault_message_name *message;
    size_t count;
};

struct fault_names {
    struct fault_interface *interface;
    size_t count;
};

/* Adds what the section of an image says; text[bytes] may hold zero bytes between lines.  An
 * interface that is known already is left as it is.  False: no memory.  Lines that make no sense
 * are skipped. */
bool fault_names_add(struct fault_names *names, const char *text, size_t bytes);
void fault_names_free(struct fault_names *names);

/* NULL: not known. */
const struct fault_interface *fault_names_interface(const struct fault_names *names,
                                                    const char *interface);
const struct fault_message_name *fault_names_type(const struct fault_interface *interface,
                                                  uint32_t type);
const struct fault_message_name *fault_names_message(const struct fault_interface *interface,
                                                     const char *message);

/* "$ack", "$bind", "$bind_reply", "$goodbye", "$cap_ack", or NULL. */
const char *fault_line_type_name(uint32_t type);

/* All of them; the i-th, NULL at the end. */
const char *fault_line_type_list(size_t i);

#endif
