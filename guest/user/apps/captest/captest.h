/* SPDX-License-Identifier: MIT
 *
 * captest: each pair of an operation on capabilities and an error it returns, tried once.
 */
#ifndef CAPTEST_H
#define CAPTEST_H

#include <barrelfish/barrelfish.h>

/* One pair: `operation` returned `err`, whose newest code must be `code`.  `when` says in what
 * case. */
void expect(const char *operation, const char *when, errval_t err, enum err_code code);
#define EXPECT(operation, when, code, call) expect(#operation, (when), (call), (code))

/* What the tests need and are not about. */
void must(errval_t err, const char *what);
#define MUST(call) must((call), #call)

struct capref new_slot(void);

void test_cnode(void);
void test_vnode(void);
void test_library(void);
void test_growth(void);
void test_devices(void);
void test_roots(void);

#endif
