/* SPDX-License-Identifier: MIT
 *
 * Counters and asserted properties, which a scenario can expect something of (docs/scenarios.md:
 * metric, always, never, sometimes).
 *
 * They lie in a block of the dispatcher (abi/report.h) that the machine reads from outside:
 * counting costs an addition, never an exit.  Names are at most ABI_REPORT_NAME - 1 characters,
 * "part.what"; equal names of several programs are added up.  Nothing here blocks.
 */
#ifndef BARRELFISH_REPORT_H
#define BARRELFISH_REPORT_H

#include <abi/report.h>
#include <stdbool.h>

/* A counter of this dispatcher; the first call makes it, further ones find it.  Add to it or, for a
 * gauge, set it at will; it belongs to the library and lasts as long as the dispatcher.  Never
 * NULL: if all records are in use (ABI_REPORT_RECORDS, a few of which are the library's), it is one
 * that is not reported.  A counter only grows, and stays in the sum when its program has ended; a
 * gauge does not. The name is copied. */
uint64_t *report_counter(const char *name);
uint64_t *report_gauge(const char *name);

/* A fault that a scenario may ask this program for, by a name of the machine's (ABI_FAULT_*): the
 * counter, as above, of how many times it shall still happen.  report_take_fault: now?  Then it
 * counts as having happened, and the caller makes the fault. */
uint64_t *report_fault(const char *name);
bool report_take_fault(uint64_t *fault);

/* Behind the macros: counts, and lets the machine look at once when a property is met for the first
 * time or first fails.  *record remembers the place, NULL at first. */
void report_property(struct abi_report_record **record, const char *name, uint32_t kind,
                     bool holds);

/* The condition holds each time we come here.  The program goes on if it does not; the run
 * fails. */
#define assert_always(condition, name) REPORT_PROPERTY(ABI_REPORT_ALWAYS, condition, name)

/* The condition holds at least once among the times we come here.  A scenario that says `sometimes:
 * name` fails if it never did. */
#define assert_sometimes(condition, name) REPORT_PROPERTY(ABI_REPORT_SOMETIMES, condition, name)

#define REPORT_PROPERTY(kind, condition, name)                                             \
    do {                                                                                   \
        static struct abi_report_record *report_property_record_;                          \
        report_property(&report_property_record_, name, kind, (condition) ? true : false); \
    } while (0)

#endif
