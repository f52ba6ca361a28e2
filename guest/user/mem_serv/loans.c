/* SPDX-License-Identifier: MIT
 *
 * Loans are found by their address, and are in the list of their client or of those that have none.
 */
#include "loans.h"

#include <barrelfish/barrelfish.h>
#include <mm/mm.h>
#include <stdlib.h>

#include "resources.h"

#define BUCKETS 2048 /* for as many loans as can be charged, a few each */

static struct loan *loans[BUCKETS];
static gensize_t lent_bytes;

uint32_t loan_pages(uint8_t bits)
{
    return bits < MM_MIN_BITS || bits > MM_MAX_BITS ? 0 : 1u << (bits - BASE_PAGE_BITS);
}

struct loan *loan_new(struct account *account, uint8_t bits, errval_t *err)
{
    struct account_slip pages, record;
    struct loan *loan = NULL;
    *err = account_charge(account, ACCOUNT_PAGE, loan_pages(bits), &pages);
    if (err_is_ok(*err)) {
        *err = account_charge(account, ACCOUNT_LOAN, 1, &record);
        if (err_is_ok(*err)) {
            loan = calloc(1, sizeof(*loan));
            if (loan == NULL) {
                *err = LIB_ERR_MALLOC_FAIL;
                account_refund(&record);
            }
        }
        if (loan == NULL)
            account_refund(&pages);
    }
    if (loan != NULL)
        *loan = (struct loan){ .account = account, .bits = bits };
    return loan;
}

static struct loan **bucket_of(genpaddr_t base)
{
    return &loans[base / BASE_PAGE_SIZE % BUCKETS];
}

static void join(struct loan_list *list, struct loan *loan)
{
    loan->list = list;
    loan->next = NULL;
    loan->before = list->last;
    if (list->last != NULL)
        list->last->next = loan;
    else
        list->first = loan;
    list->last = loan;
}

static void leave(struct loan *loan)
{
    if (loan->next != NULL)
        loan->next->before = loan->before;
    else
        loan->list->last = loan->before;
    if (loan->before != NULL)
        loan->before->next = loan->next;
    else
        loan->list->first = loan->next;
    loan->list = NULL;
}

void loan_made(struct loan *loan, genpaddr_t base, struct loan_list *list)
{
    struct loan **bucket = bucket_of(base);
    loan->base = base;
    loan->next_in_bucket = *bucket;
    *bucket = loan;
    lent_bytes += 1ull << loan->bits;
    join(list, loan);
}

void loan_move(struct loan *loan, struct loan_list *list)
{
    leave(loan);
    join(list, loan);
}

struct loan *loan_find(genpaddr_t base, uint8_t bits)
{
    struct loan *loan = *bucket_of(base);
    while (loan != NULL && (loan->base != base || loan->bits != bits))
        loan = loan->next_in_bucket;
    return loan;
}

void loan_free(struct loan *loan)
{
    struct account_slip record = { .account = loan->account, .kind = ACCOUNT_LOAN, .units = 1 };
    struct account_slip pages = { .account = loan->account,
                                  .kind = ACCOUNT_PAGE,
                                  .units = loan_pages(loan->bits) };
    account_refund(&pages);
    account_refund(&record);
    if (loan->list != NULL) {
        lent_bytes -= 1ull << loan->bits;
        leave(loan);
        struct loan **link = bucket_of(loan->base);
        while (*link != loan)
            link = &(*link)->next_in_bucket;
        *link = loan->next_in_bucket;
    }
    free(loan);
}

gensize_t loans_bytes(void)
{
    return lent_bytes;
}
