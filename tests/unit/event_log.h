/* SPDX-License-Identifier: MIT
 *
 * A log of events, for tests of what takes them: NOTE(i) is a handler that notes the number i, and
 * expect_order() compares.  Included by one file of each program.
 */
#ifndef EVENT_LOG_H
#define EVENT_LOG_H

#include <barrelfish/waitset.h>
#include <criterion/criterion.h>
#include <errors/errno.h>
#include <stdarg.h>

static unsigned order[64], order_count;

static void note(void *arg)
{
    order[order_count++] = (unsigned)(uintptr_t)arg;
}
#define NOTE(i) MKCLOSURE(note, (void *)(uintptr_t)(i))

static inline void expect_order(unsigned count, ...)
{
    va_list args;

    cr_assert_eq(order_count, count, "%u events, expected %u", order_count, count);
    va_start(args, count);
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(order[i], va_arg(args, unsigned), "event %u", i);
    va_end(args);
}

#define OK(err) cr_assert(err_is_ok(err))

#endif
