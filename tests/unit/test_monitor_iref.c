/* SPDX-License-Identifier: MIT
 *
 * The monitor's table of interface references.
 */
/* link: guest/user/monitor/base/iref.c guest/user/lib/services/account.c */
#include <criterion/criterion.h>

#include <barrelfish/debug.h>

#include "guest/user/monitor/base/iref.h"

static struct iref_table table;
static int a, b;
static const struct account_slip free_of_charge;

void debug_printf(const char *fmt, ...)
{
    (void)fmt;
}

Test(monitor_iref, numbers_name_their_core)
{
    iref_t iref;
    iref_table_init(&table, 3, 0);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 7, "if", &iref), SYS_ERR_OK);
    cr_assert_eq(iref, 3 * 256 + 1);
    cr_assert_eq(iref_core(iref), 3);
    cr_assert_eq(iref_core(3 * 256), 2);
    cr_assert_geq(iref_core(0), 64);
    cr_assert_eq(iref_find(&table, iref)->service_id, 7);
}

Test(monitor_iref, numbers_of_another_life_of_the_core_find_nothing)
{
    iref_t old, new;
    iref_table_init(&table, 3, 1);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 7, "if", &old), SYS_ERR_OK);
    cr_assert_eq(iref_core(old), 3);
    cr_assert_eq(iref_incarnation(old), 1);
    cr_assert_eq(iref_find(&table, old)->service_id, 7);
    iref_table_init(&table, 3, 2);
    cr_assert_eq(iref_alloc(&table, &b, free_of_charge, 8, "if", &new), SYS_ERR_OK);
    cr_assert_neq(old, new);
    cr_assert_null(iref_find(&table, old));
    cr_assert_eq(iref_find(&table, new)->service_id, 8);
    iref_table_init(&table, 63, 0xffff);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 9, "if", &new), SYS_ERR_OK);
    cr_assert_eq(iref_core(new), 63);
    cr_assert_eq(iref_find(&table, new)->service_id, 9);
    cr_assert_geq(iref_core(0x10000), 64);
}

Test(monitor_iref, unknown_and_foreign_numbers_find_nothing)
{
    iref_t iref;
    iref_table_init(&table, 0, 0);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 0, "if", &iref), SYS_ERR_OK);
    cr_assert_null(iref_find(&table, 0));
    cr_assert_null(iref_find(&table, iref + 1));
    cr_assert_null(iref_find(&table, iref + 256));
    cr_assert_null(iref_find(&table, UINT32_MAX));
}

Test(monitor_iref, the_table_fills_up_and_empties_by_owner)
{
    iref_t iref;
    iref_table_init(&table, 1, 0);
    for (unsigned i = 0; i < IREFS_PER_CORE; i++)
        cr_assert_eq(iref_alloc(&table, i % 2 ? &a : &b, free_of_charge, i, "if", &iref),
                     SYS_ERR_OK);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 0, "if", &iref), MON_ERR_IREF_ALLOC);
    iref_free_owner(&table, &a);
    cr_assert_null(iref_find(&table, 256 + 2));
    cr_assert_not_null(iref_find(&table, 256 + 1));
    for (unsigned i = 0; i < IREFS_PER_CORE / 2; i++)
        cr_assert_eq(iref_alloc(&table, &a, free_of_charge, i, "if", &iref), SYS_ERR_OK);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 0, "if", &iref), MON_ERR_IREF_ALLOC);
}

Test(monitor_iref, a_freed_number_is_not_used_again_at_once)
{
    iref_t first, second;
    iref_table_init(&table, 0, 0);
    cr_assert_eq(iref_alloc(&table, &a, free_of_charge, 0, "if", &first), SYS_ERR_OK);
    iref_free_owner(&table, &a);
    cr_assert_eq(iref_alloc(&table, &b, free_of_charge, 0, "if", &second), SYS_ERR_OK);
    cr_assert_neq(first, second);
}
