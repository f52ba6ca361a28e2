/* SPDX-License-Identifier: MIT
 *
 * Accounts (account.h).  A book has as many accounts as domains have something there, so they lie
 * in a list.  Must keep an account as long as something is charged to it: an entry may outlive who
 * caused it.
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

#define PAYER_WEIGHT \
    3 /* who pays for many may have more, so that one of them does not take all of it */

/* Would it leave enough to the others?  Who has nothing yet gets one in any case. */
static bool may_hold(const struct account *account, unsigned kind, uint32_t units)
{
    const struct account_book *book = account->book;
    uint64_t limit = (uint64_t)(book->capacity[kind] - book->used[kind] - units);
    limit *= book->kind[kind].weight;
    if (account->charged[kind] + units == 1)
        return true;
    for (const struct account *a = account; a != NULL; a = a->payer, limit *= PAYER_WEIGHT)
        if (!a->trusted && (uint64_t)a->charged[kind] + units > limit)
            return false;
    return true;
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

static void add(struct account *account, unsigned kind, uint32_t units)
{
    account->book->used[kind] += units;
    for (struct account *a = account; a != NULL; a = a->payer) {
        a->charged[kind] += units;
        a->total += units;
    }
}

static void subtract(struct account *account, unsigned kind, uint32_t units)
{
    assert(kind < account->book->kinds && account->book->used[kind] >= units);
    account->book->used[kind] -= units;
    for (struct account *a = account; a != NULL; a = a->payer) {
        assert(a->charged[kind] >= units && a->total >= units);
        a->charged[kind] -= units;
        a->total -= units;
    }
}

bool account_has_room(const struct account *account, unsigned kind, uint32_t units)
{
    const struct account_book *book = account->book;
    assert(kind < book->kinds && book->used[kind] <= book->capacity[kind]);
    return units <= book->capacity[kind] - book->used[kind] && may_hold(account, kind, units);
}

errval_t account_charge(struct account *account, unsigned kind, uint32_t units,
                        struct account_slip *slip)
{
    *slip = (struct account_slip){ 0 };
    if (account == NULL)
        return LIB_ERR_MALLOC_FAIL;
    if (!account_has_room(account, kind, units))
        return refuse(account, kind);
    add(account, kind, units);
    *slip = (struct account_slip){ .account = account, .kind = kind, .units = units };
    return SYS_ERR_OK;
}

errval_t account_transfer(struct account_slip *slip, struct account *to)
{
    struct account *from = slip->account;
    if (from == NULL || from == to)
        return SYS_ERR_OK;
    if (to == NULL)
        return LIB_ERR_MALLOC_FAIL;
    assert(to->book == from->book);
    subtract(from, slip->kind, slip->units);
    if (!may_hold(to, slip->kind, slip->units)) {
        add(from, slip->kind, slip->units);
        return refuse(to, slip->kind);
    }
    add(to, slip->kind, slip->units);
    slip->account = to;
    settle(from);
    return SYS_ERR_OK;
}

bool account_holds(const struct account_book *book, domainid_t domain, unsigned kind)
{
    const struct account *account = book->first;
    while (account != NULL && account->domain != domain)
        account = account->next;
    return account != NULL && account->charged[kind] > 0;
}

void account_refund(struct account_slip *slip)
{
    struct account *account = slip->account;
    if (account == NULL)
        return;
    subtract(account, slip->kind, slip->units);
    *slip = (struct account_slip){ 0 };
    settle(account);
}
