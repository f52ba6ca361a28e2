/* SPDX-License-Identifier: MIT
 *
 * Makes a list of operations that fails as short as it can be, by delta debugging: leaves out
 * chunks of half the length first, then ever smaller ones, as long as the rest still fails.
 */
#ifndef TESTS_SHRINK_H
#define TESTS_SHRINK_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Does this list fail?  The operations are of the type that shrink() was called with. */
typedef bool shrink_fails_fn(const void *operations, size_t count);

/* Leaves in `operations` (count of them, `bytes` each) what is left, and returns how many, of which
 * none can be missed. */
static inline size_t shrink(void *operations, size_t count, size_t bytes, shrink_fails_fn *fails)
{
    char *all = operations, *rest = calloc(count + 1, bytes);
    size_t chunk = count / 2 > 0 ? count / 2 : 1;
    bool removed = false;
    if (rest == NULL)
        abort();
    while (count > 0) {
        for (size_t at = 0; at < count;) {
            const size_t length = chunk < count - at ? chunk : count - at;
            memcpy(rest, all, at * bytes);
            memcpy(rest + at * bytes, all + (at + length) * bytes, (count - at - length) * bytes);
            if (fails(rest, count - length)) {
                count -= length;
                memcpy(all, rest, count * bytes);
                removed = true;
            } else {
                at += length;
            }
        }
        if (chunk > 1)
            chunk = (chunk + 1) / 2;
        else if (!removed)
            break;
        removed = false;
    }
    free(rest);
    return count;
}

#endif
