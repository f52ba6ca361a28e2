/* SPDX-License-Identifier: MIT
 *
 * Accounts (account.h).  A book has as many accounts as domains have something there, so they lie in a
 * list.
 * Must keep an account as long as something is charged to it: an entry may outlive who caused it.
 */
#include <assert.h>
#include <barrelfish/debug.h>
#include <inttypes.h>
#include <services/account.h>
#include <stdlib.h>

void account_book_init(struct account_book *book, const struct account_kind *kind, unsigned kinds,
                       errval_t refusal)
{
    assert(kinds <= ACCOUNT_KINDS_MAX && err_is_fail(refusal));
    *book = (struct account_book){ .kind = kind, .kinds = kinds, .refusal = refusal };
    for (unsigned i = 0; i < kinds; i++)
        book->capacity[i] = kind[i].capacity;
}

struct account *account_open(struct account_book *book, domainid_t domain, struct account *payer)
{
    struct account *account = book->first;
    while (account != NULL && account->domain != domain)
        account = account->next;
    if (account == NULL) {
        account = calloc(1, sizeof(*account));
        if (account == NULL)
            return NULL;
        account->book = book;
        account->domain = domain;
        account->payer = payer;
        account->next = book->first;
        book->first = account;
        if (payer != NULL)
            payer->holders++;
    }
    account->holders++;
    return account;
}

/* Frees it if nobody needs it any more; then its payer has one account less to pay for. */
static void settle(struct account *account)
{
    while (account != NULL && account->holders == 0 && account->total == 0) {
        struct account **link = &account->book->first, *payer = account->payer;
        while (*link != account)
            link = &(*link)->next;
        *link = account->next;
        free(account);
        if (payer != NULL) {
            assert(payer->holders > 0);
            payer->holders--;
        }
        account = payer;
    }
}

void account_close(struct account *account)
{
    if (account == NULL)
        return;
    assert(account->holders > 0);
    account->holders--;
    settle(account);
}

/* Would it leave enough to the others? */
static bool may_hold(const struct account *account, unsigned kind, uint32_t units)
{
    const struct account_book *book = account->book;
    const uint64_t left = book->capacity[kind] - book->used[kind] - units;
    const uint64_t held = (uint64_t)account->charged[kind] + units;
    return account->trusted || held <= left * book->kind[kind].weight || held == 1;
}

static errval_t refuse(struct account *account, unsigned kind)
{
    if ((account->told >> kind & 1) == 0)
        debug_printf("domain %" PRIx32 " has its share of %s (%" PRIu32 " of %" PRIu32
                     "): more are refused\n",
                     account->domain, account->book->kind[kind].name, account->charged[kind],
                     account->book->capacity[kind]);
    account->told |= 1u << kind;
    return account->book->refusal;
}

errval_t account_charge(struct account *account, unsigned kind, uint32_t units,
                        struct account_slip *slip)
{
    *slip = (struct account_slip){ 0 };
    if (account == NULL)
        return LIB_ERR_MALLOC_FAIL;
    struct account_book *book = account->book;
    assert(kind < book->kinds && book->used[kind] <= book->capacity[kind]);
    for (struct account *a = account; a != NULL; a = a->payer)
        if (units > book->capacity[kind] - book->used[kind] || !may_hold(a, kind, units))
            return refuse(account, kind);
    book->used[kind] += units;
    for (struct account *a = account; a != NULL; a = a->payer) {
        a->charged[kind] += units;
        a->total += units;
    }
    *slip = (struct account_slip){ .account = account, .kind = kind, .units = units };
    return SYS_ERR_OK;
}

void account_refund(struct account_slip *slip)
{
    struct account *account = slip->account;
    const unsigned kind = slip->kind;
    if (account == NULL)
        return;
    assert(kind < account->book->kinds && account->book->used[kind] >= slip->units);
    account->book->used[kind] -= slip->units;
    for (struct account *a = account; a != NULL; a = a->payer) {
        assert(a->charged[kind] >= slip->units && a->total >= slip->units);
        a->charged[kind] -= slip->units;
        a->total -= slip->units;
    }
    *slip = (struct account_slip){ 0 };
    settle(account);
}
