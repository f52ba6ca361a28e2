/* SPDX-License-Identifier: MIT
 *
 * The marshalling plan: how each message lies in words and fragments, for every channel kind.
 * Computed once; the generators and --dump-plan only read it.
 *
 * Rules (the layout is wire format: --compat compares it):
 *  1. An rpc X becomes the messages X_call (its in arguments) and X_response (its out arguments).
 *     Numbers go up from 3 in the order of declaration.
 *  2. Structs and fixed arrays are flattened to builtin fields.
 *  3. Fields are sorted by width, narrow first, keeping the order among equals, and packed into
 *     64-bit words from bit 0 upward; no field straddles a word.  Channels that carry a message
 *     number in the data (LMP, multihop) put 16 bits of it first into word 0.  An implicit 32-bit
 *     token field precedes all 32-bit fields: in every message over LMP and multihop, and in rpc
 *     messages over UMP.
 *  4. The words are cut into fragments: 10 words over LMP, 7 over UMP (a line).  A UMP message
 *     without any field still needs a first line, unless a stream provides it.
 *  5. Each string and each dynamic array is a stream of fragments of its own, after all fixed
 *     fragments, in the order of the arguments: one word of length (bytes of a string with its NUL,
 *     0 for NULL; elements of an array), then the data words.  Characters and scalars go as they
 *     lie in memory, low byte first, the last word filled up with zeros; other elements are packed
 *     like fields, each beginning on a word.
 *  6. Capabilities, those in structs in their places among the others, over LMP ride on the fixed
 *     fragments, one on each, then on empty fragments that
 *     follow them.  A message of at most 4 words without streams and capabilities takes the short
 *     way
 *     through the CPU driver (LRPC); its layout is the same.  Over UMP and multihop they travel
 *     through the monitors; a word for each, after all
 *     other fixed words, holds the ticket under which the receiver collects it.
 *  7. A multihop message is one run of words: the fixed ones, then each stream.  It is cut into
 *     payloads
 *     of 256 words; nearly always it needs one.
 */
#ifndef IDL_PLAN_H
#define IDL_PLAN_H

#include "ast.h"

enum idl_channel { IDL_LMP, IDL_UMP, IDL_MULTIHOP, IDL_CHANNEL_COUNT };

#define IDL_LMP_WORDS 10
#define IDL_LRPC_WORDS 4 /* of a message that takes the short way of LMP */
#define IDL_UMP_WORDS 7
#define IDL_MULTIHOP_WORDS 256
#define IDL_MAX_FIXED_WORDS 512 /* of one message; more belongs into a dynamic array */
#define IDL_MAX_STREAMS 8       /* strings and dynamic arrays of one message */
#define IDL_MAX_CAPS 8          /* capabilities of one message */

struct idl_spot {
    uint16_t word;
    uint8_t shift; /* in bits */
};

/* A builtin or enum field of the flattened arguments. */
struct idl_leaf {
    const struct idl_argument *argument; /* NULL: the implicit token */
    const char *path;                    /* C expression below the argument: "", ".x", "[2].y" */
    const struct idl_type *type;         /* BUILTIN or ENUM */
    unsigned bits;
    struct idl_spot spot[IDL_CHANNEL_COUNT];
};

/* A capability: an argument of its own, or part of one that is a struct. */
struct idl_cap_field {
    const struct idl_argument *argument;
    const char *name; /* C expression: "c", "x.c" */
    const char *path; /* the same below the argument: "", ".c" */
    bool give_away;
};

enum idl_stream_kind {
    IDL_STREAM_STRING,
    IDL_STREAM_BYTES, /* elements of one byte */
    IDL_STREAM_ELEMENTS /* 16, 32 and 64-bit scalars as they lie in memory, low one first */,
    IDL_STREAM_PACKED /* elements are packed one by one: bool, errval, structs, arrays */
};

struct idl_stream {
    const struct idl_argument *argument;
    enum idl_stream_kind kind;
    unsigned element_words;          /* PACKED: words of each element */
    struct idl_leaf *element_leaves; /* PACKED: spot[0] within the element */
    size_t element_leaf_count;
};

enum idl_wire_kind { IDL_WIRE_MESSAGE, IDL_WIRE_CALL, IDL_WIRE_RESPONSE };

struct idl_wire_message {
    const struct idl_message *source;
    enum idl_wire_kind kind; /* CALL and RESPONSE: halves of an rpc */
    const char *name;
    unsigned number;
    const struct idl_argument **arguments; /* those that this message carries */
    size_t argument_count;
    struct idl_leaf *leaves; /* in packing order */
    size_t leaf_count;
    struct idl_stream *streams;
    size_t stream_count;
    struct idl_cap_field *caps; /* in the order of the arguments, those of a struct in its order */
    size_t cap_count;
    unsigned words[IDL_CHANNEL_COUNT];           /* fixed ones */
    unsigned fixed_fragments[IDL_CHANNEL_COUNT]; /* with the empty ones that carry capabilities */
    uint64_t max_fragments[IDL_CHANNEL_COUNT];   /* streams at their maximum */
    uint64_t max_bytes;                          /* as the words of a multihop message */
    bool has_token[IDL_CHANNEL_COUNT];
};

struct idl_plan {
    const struct idl_interface *interface;
    struct idl_wire_message *messages;
    size_t message_count;
    unsigned max_words; /* of any message on any channel */
    size_t max_streams, max_caps;
};

/* Makes the plan of a resolved interface without errors.  Reports messages that are too large and
 * returns NULL then. */
struct idl_plan *idl_plan(struct idl_arena *arena, struct idl_diag *diag,
                          const struct idl_interface *interface);

bool idl_is_cap(const struct idl_type *type);

/* The most data words that a stream can have, without the word of its length. */
uint64_t idl_stream_max_words(const struct idl_stream *stream);

/* --dump-plan and --list-messages */
void idl_dump_plan(FILE *out, const struct idl_plan *plan);
void idl_list_messages(FILE *out, const struct idl_plan *plan);

#endif
