/* SPDX-License-Identifier: MIT
 *
 * As much of Criterion's interface as the KVM self-tests use, for places where Criterion itself is
 * too heavy: inside an emulated machine, and where its result must be compared line by line with
 * that of another host.  A test written for Criterion compiles with either; tests/nested/selftest.c
 * runs them.
 */
#ifndef TESTS_NESTED_CRITERION_H
#define TESTS_NESTED_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What of a suite's settings is honoured: `fini` runs after a test of it that failed.  Each test
 * has one deadline, the same for all. */
struct selftest_suite {
    unsigned timeout;
    void (*fini)(void);
};

/* Called before main() for each test. */
void selftest_add(const char *name, void (*function)(void), const struct selftest_suite *suite);

/* Ends the test: failed (with place, what did not hold, and the two values if it is a comparison),
 * or skipped. */
__attribute__((format(printf, 5, 6), noreturn)) void selftest_fail(const char *file, int line,
                                                                   const char *condition,
                                                                   const long long *values,
                                                                   const char *format, ...);
__attribute__((format(printf, 1, 2), noreturn)) void selftest_skip(const char *format, ...);

/* What the test saw, for comparing hosts: the last one counts. */
__attribute__((format(printf, 1, 2))) void selftest_outcome(const char *format, ...);

#define TestSuite(suite, ...) \
    static const struct selftest_suite selftest_suite_##suite = { __VA_ARGS__ }
#define Test(suite, name, ...)                                                   \
    static void suite##_##name(void);                                            \
    __attribute__((constructor)) static void suite##_##name##_add(void)          \
    {                                                                            \
        selftest_add(#suite "/" #name, suite##_##name, &selftest_suite_##suite); \
    }                                                                            \
    static void suite##_##name(void)

/* The blank lets the message be left out. */
#define SELFTEST_CHECK(holds, text, ...) \
    ((holds) ? (void)0 : selftest_fail(__FILE__, __LINE__, text, NULL, " " __VA_ARGS__))
#define SELFTEST_COMPARE(a, operator, b, ...)                        \
    (((a) operator(b))                                               \
         ? (void)0                                                   \
         : selftest_fail(__FILE__, __LINE__, #a " " #operator" " #b, \
                         (const long long[]){ (long long)(a), (long long)(b) }, " " __VA_ARGS__))

#define cr_assert(a, ...) SELFTEST_CHECK(a, #a, __VA_ARGS__)
#define cr_assert_null(a, ...) SELFTEST_CHECK((a) == NULL, #a " is null", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) SELFTEST_COMPARE(a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) SELFTEST_COMPARE(a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) SELFTEST_COMPARE(a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) SELFTEST_COMPARE(a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) SELFTEST_COMPARE(a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) SELFTEST_COMPARE(a, >=, b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) SELFTEST_CHECK(strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) \
    SELFTEST_CHECK(memcmp(a, b, n) == 0, #a " holds " #b, __VA_ARGS__)
#define cr_assert_fail(...) selftest_fail(__FILE__, __LINE__, "reached", NULL, " " __VA_ARGS__)
#define cr_skip_test(...) selftest_skip(__VA_ARGS__)
#define cr_log_info(...) selftest_outcome(__VA_ARGS__)

#endif
