/* SPDX-License-Identifier: MIT */
#ifndef LIBTEST_H
#define LIBTEST_H

#include <barrelfish/barrelfish.h>
#include <barrelfish/sys_debug.h>

void libtest_failed(const char *file, int line, const char *check) __attribute__((noreturn));

#define CHECK(condition)                                    \
    do {                                                    \
        if (!(condition)) {                                 \
            libtest_failed(__FILE__, __LINE__, #condition); \
        }                                                   \
    } while (0)
#define CHECK_OK(err)                                 \
    do {                                              \
        errval_t check_err_ = (err);                  \
        if (err_is_fail(check_err_)) {                \
            DEBUG_ERR(check_err_, "libtest");         \
            libtest_failed(__FILE__, __LINE__, #err); \
        }                                             \
    } while (0)

/* Does something wrong; does not come back. */
void commit_fault(const char *name);

void test_names(void);
void test_senders(void);
void test_capabilities(void);
void test_vspace(void);
void test_regions(void);
void test_heap(void);
void test_threads(void);
void test_preemption(void);
void test_sync(void);
void test_events(void);
void test_lmp(void);
void test_ump(void);
void test_time(void);
void test_exceptions(void);
void test_dispatchers(void);

#endif
