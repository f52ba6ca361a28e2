/* SPDX-License-Identifier: MIT
 *
 * How long shootdowns took, by protocol and number of cores: what `shootdown=measured` goes by.
 */
#ifndef MONITOR_LATENCIES_H
#define MONITOR_LATENCIES_H

#include <barrelfish/shootdown.h>

#include <stdint.h>

/* A round over so many other cores has taken so many cycles. */
void latencies_note(enum shootdown_protocol protocol, unsigned cores, uint64_t cycles);

/* The protocol that has been quickest for about as many cores (the same power of two).  One that
 * has not been tried twice comes first, and now and then another one is tried again. */
enum shootdown_protocol latencies_best(unsigned cores);

#endif
