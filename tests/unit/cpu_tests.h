/* SPDX-License-Identifier: MIT
 *
 * The table of snippets that test_unicorn_cpu.c runs, and what the architecture says they come to.
 */
#ifndef TESTS_UNIT_CPU_TESTS_H
#define TESTS_UNIT_CPU_TESTS_H

#include "cpu_guest.h"

struct cpu_expectation {
    uint64_t vector, error;
    int64_t offset; /* of RIP in the snippet, -1: not looked at */
    uint64_t cr2;   /* of page faults */
};

#define CPU_EXPECTED_MAX 8
struct cpu_test {
    struct cpu_case guest;
    unsigned count;
    struct cpu_expectation expect[CPU_EXPECTED_MAX];
    enum stop_reason reason;  /* STOP_NONE: STOP_EXIT */
    const char *software_kvm; /* why software KVM differs from a processor */
    const char *any_kvm;      /* why the engines may differ on any KVM */
};

extern const struct cpu_test cpu_tests[];
extern const unsigned cpu_test_count;

#endif
