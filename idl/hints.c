/* SPDX-License-Identifier: MIT
 *
 * Hints (hints.h): interfaces look so much like C that people write C.
 *
 * A table of words and what to write instead.  Nothing here decides whether something is an error.
 */
#include "hints.h"

#include <stddef.h>
#include <string.h>

const char *idl_hint_for_c_type(const char *word)
{
    static const struct {
        const char *word, *hint;
    } words[] = {
        { "unsigned", "unsigned integers are uint8, uint16, uint32 and uint64" },
        { "signed", "signed integers are int8, int16, int32 and int64" },
        { "short", "integers of 16 bits are int16 and uint16" },
        { "long", "integers of 64 bits are int64 and uint64" },
        { "float", "there are no floating-point types: send the bits as uint32" },
        { "double", "there are no floating-point types: send the bits as uint64" },
        { "void", "a message returns nothing; one without arguments is `message m();`" },
        { "const", "leave it out: what is sent is not changed" },
        { "struct", "declare `typedef struct { ... } name;` and use the name alone" },
        { "enum", "declare `typedef enum { ... } name;` and use the name alone" },
        { "byte", "a byte is a uint8" },
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i].word) == 0)
            return words[i].hint;
    return NULL;
}
