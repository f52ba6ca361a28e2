/* SPDX-License-Identifier: MIT
 *
 * See route.h.  Each kind is a rule for one step; that steps lead anywhere is for the tests to show
 * (tests/unit/test_monitor_route.c).
 */
#include "route.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* "star" or "star:CORE". */
static bool read_star(const char *text, size_t length, struct route *ret)
{
    char *end;
    if (length < 6 || memcmp(text, "star:", 5) != 0)
        return is_word(text, length, "star");
    unsigned long hub = strtoull(text + 5, &end, 10);
    if (end != text + length || hub >= ret->cores)
        return false;
    ret->hub = (coreid_t)hub;
    return true;
}

bool route_read(const char *menu_line, unsigned cores, struct route *ret)
{
    static const char key[] = "route=";
    *ret = (struct route){ .kind = ROUTE_DIRECT, .cores = cores };
    const char *word = menu_line;
    for (;; word += strcspn(word, " \t")) {
        word += strspn(word, " \t");
        if (*word == '\0')
            return true;
        if (strncmp(word, key, sizeof(key) - 1) == 0)
            break;
    }
    word += sizeof(key) - 1;
    const size_t length = strcspn(word, " \t");
    if (is_word(word, length, "line"))
        ret->kind = ROUTE_LINE;
    else if (is_word(word, length, "ring"))
        ret->kind = ROUTE_RING;
    else if (is_word(word, length, "ipi"))
        ret->kind = ROUTE_SIGNALS;
    else if (read_star(word, length, ret))
        ret->kind = ROUTE_STAR;
    else
        return is_word(word, length, "direct");
    return true;
}

coreid_t route_next(const struct route *route, coreid_t from, coreid_t to)
{
    const unsigned cores = route->cores;
    assert(from < cores && to < cores && from != to && route->kind != ROUTE_SIGNALS);
    switch (route->kind) {
    case ROUTE_LINE:
        return (coreid_t)(to > from ? from + 1 : from - 1);
    case ROUTE_RING: {
        const unsigned up = (to + cores - from) % cores;
        return (coreid_t)((from + (2 * up <= cores ? 1 : cores - 1)) % cores);
    }
    case ROUTE_STAR:
        return from == route->hub ? to : route->hub;
    case ROUTE_DIRECT:
    case ROUTE_SIGNALS:
        break;
    }
    return to;
}
