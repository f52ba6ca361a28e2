/* SPDX-License-Identifier: MIT
 *
 * Accounts: whatever one holds, something is left for the next one, and all of it comes back.
 */
/* link: guest/user/lib/services/account.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include <barrelfish/debug.h>
#include <services/account.h>

enum { SEATS, WORDS };
static const struct account_kind kinds[] = { { "seats", 100, 1 }, { "words", 900, 8 } };
static struct account_book book;
static unsigned lines;

void debug_printf(const char *fmt, ...)
{
    (void)fmt;
    lines++;
}

static void fresh(void)
{
    account_book_init(&book, kinds, 2, MON_ERR_OVER_SHARE);
    lines = 0;
}

/* Charges one unit at a time until it is refused; how many that were. */
static unsigned grab(struct account *account, unsigned kind, struct account_slip *slips)
{
    unsigned count = 0;
    errval_t err;
    while (err_is_ok(err = account_charge(account, kind, 1, &slips[count])))
        count++;
    cr_assert_eq(err, MON_ERR_OVER_SHARE);
    return count;
}

Test(account, one_who_takes_all_he_can_leaves_as_much)
{
    struct account_slip slips[101], one;
    fresh();
    struct account *hog = account_open(&book, 1, NULL), *next = account_open(&book, 2, NULL);
    cr_assert_eq(grab(hog, SEATS, slips), 50);
    cr_assert_eq(grab(next, SEATS, slips + 50), 25);
    cr_assert_eq(account_charge(hog, SEATS, 1, &one), MON_ERR_OVER_SHARE);
    cr_assert_null(one.account);
}

Test(account, there_is_one_left_for_everybody)
{
    static struct account_slip slips[101];
    unsigned sum = 0;
    fresh();
    for (domainid_t d = 1; d <= 60; d++) {
        const unsigned count = grab(account_open(&book, d, NULL), SEATS, slips + sum);
        cr_assert_geq(count, 1, "domain %u of 60 gets nothing", d);
        sum += count;
        if (sum == 100)
            cr_assert_geq(d, 6);
        if (sum == 100)
            break;
    }
}

Test(account, a_weight_lets_one_have_more)
{
    static struct account_slip slips[900];
    fresh();
    cr_assert_eq(grab(account_open(&book, 1, NULL), WORDS, slips), 800);
}

Test(account, many_at_a_time_count_as_they_are)
{
    struct account_slip slip;
    fresh();
    struct account *a = account_open(&book, 1, NULL);
    cr_assert_eq(account_charge(a, SEATS, 51, &slip), MON_ERR_OVER_SHARE);
    cr_assert_eq(account_charge(a, SEATS, UINT32_MAX, &slip), MON_ERR_OVER_SHARE);
    cr_assert_eq(account_charge(a, SEATS, 50, &slip), SYS_ERR_OK);
    account_refund(&slip);
    account_refund(&slip); /* an empty one */
    cr_assert_eq(book.used[SEATS], 0);
}

Test(account, who_is_trusted_is_limited_by_the_table_only)
{
    static struct account_slip slips[101];
    fresh();
    struct account *a = account_open(&book, 1, NULL);
    a->trusted = true;
    cr_assert_eq(grab(a, SEATS, slips), 100);
}

Test(account, a_payer_has_more_and_is_held_to_that)
{
    static struct account_slip slips[101];
    fresh();
    struct account *peer = account_open(&book, 100, NULL);
    unsigned sum = grab(account_open(&book, 1, peer), SEATS, slips);
    cr_assert_eq(sum, 50);
    sum += grab(account_open(&book, 2, peer), SEATS, slips + sum); /* a neighbour of it */
    cr_assert_eq(sum, 75);
    sum += grab(account_open(&book, 3, peer), SEATS, slips + sum); /* has nothing yet */
    cr_assert_eq(sum, 76);
    cr_assert_eq(grab(account_open(&book, 200, NULL), SEATS, slips + sum), 12);
    cr_assert_eq(peer->charged[SEATS], 76);
}

Test(account, it_lives_as_long_as_something_is_charged)
{
    struct account_slip slip;
    fresh();
    struct account *peer = account_open(&book, 100, NULL);
    struct account *a = account_open(&book, 1, peer);
    account_close(peer);
    cr_assert_eq(account_charge(a, SEATS, 1, &slip), SYS_ERR_OK);
    account_close(a);
    cr_assert_eq(account_open(&book, 1, NULL), a); /* the same one */
    account_close(a);
    cr_assert_eq(peer->charged[SEATS], 1);
    account_refund(&slip);
    cr_assert_null(book.first); /* and its payer went with it */
}

Test(account, the_console_is_told_once_for_each_kind)
{
    static struct account_slip slips[1000];
    fresh();
    struct account *a = account_open(&book, 1, NULL);
    grab(a, SEATS, slips);
    grab(a, SEATS, slips + 100);
    cr_assert_eq(lines, 1);
    grab(a, WORDS, slips);
    cr_assert_eq(lines, 2);
    grab(account_open(&book, 2, NULL), SEATS, slips);
    cr_assert_eq(lines, 3);
}

Test(account, what_is_handed_on_counts_for_the_other_one_only)
{
    static struct account_slip slips[101], other;
    fresh();
    struct account *peer = account_open(&book, 100, NULL), *a = account_open(&book, 1, peer),
                   *b = account_open(&book, 2, NULL);
    cr_assert_eq(grab(a, SEATS, slips), 50);
    cr_assert(account_holds(&book, 1, SEATS) && !account_holds(&book, 2, SEATS));
    unsigned moved = 0;
    while (moved < 50 && account_transfer(&slips[moved], b) == SYS_ERR_OK)
        moved++;
    cr_assert_eq(moved, 50, "as many as it may hold itself, when they are nobody else's");
    cr_assert(b->charged[SEATS] == 50 && a->charged[SEATS] == 0 && peer->charged[SEATS] == 0);
    cr_assert_eq(account_charge(a, SEATS, 1, &other), SYS_ERR_OK);
    cr_assert_eq(account_transfer(&other, b), MON_ERR_OVER_SHARE);
    cr_assert(other.account == a && b->charged[SEATS] == 50 && book.used[SEATS] == 51);
    account_close(a);
    account_close(peer);
    account_refund(&other);
    cr_assert_eq(book.first, b, "nobody else is left");
}
