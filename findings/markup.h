/* SPDX-License-Identifier: MIT
 *
 * Text in XML and HTML.
 */
#ifndef FINDINGS_MARKUP_H
#define FINDINGS_MARKUP_H

#include <stddef.h>

/* What stands for a character that means something there, in text and in attributes; NULL: it may
 * stand itself. */
static inline const char *markup_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

#endif
