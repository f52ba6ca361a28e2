/* SPDX-License-Identifier: MIT
 *
 * Accounts: what each domain holds of a service's tables, charged and refused at one place.
 *
 * A service has one book.  Its kinds are the rows of the service's list of resources (an X-macro,
 * in a header resources.h beside its source), one for each table that grows at the wish of others.
 * Whoever causes an entry pays for it, from the moment it is made until it is gone, also if he ends
 * before.
 *
 * Nobody has a fixed quota.  A domain may hold `weight` times what it leaves to all others: with
 * weight 1 a greedy one gets half of a table, the next one half of the rest, and who has nothing
 * yet gets one as long as there is one.  Who pays for others too (a peer monitor for the domains of
 * its core) may have three times as much.  Services of the system are trusted: what they hold
 * counts, but only the table's size limits it.
 */
#ifndef SERVICES_ACCOUNT_H
#define SERVICES_ACCOUNT_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>
#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_KINDS_MAX 16

struct account_kind {
    const char *name; /* plural, for the console */
    uint32_t capacity;
    uint32_t weight;
};

struct account;

struct account_book {
    const struct account_kind *kind;
    unsigned kinds;
    errval_t refusal; /* what the client is told */
    uint32_t capacity[ACCOUNT_KINDS_MAX], used[ACCOUNT_KINDS_MAX];
    struct account *first;
};

struct account {
    struct account_book *book;
    struct account *next;
    struct account *payer; /* is charged, too; NULL: nobody */
    domainid_t domain;
    unsigned holders; /* account_open without account_close */
    bool trusted;
    uint32_t charged[ACCOUNT_KINDS_MAX], total;
    uint32_t told; /* bit for each kind of which the console has a line */
};

/* A row of a list of resources as a kind, and as an entry of the service's enumeration. */
#define ACCOUNT_KIND(id, table, name, capacity, weight) { name, capacity, weight },
#define ACCOUNT_ENUM(id, table, name, capacity, weight) ACCOUNT_##id,

void account_book_init(struct account_book *book, const struct account_kind *kind, unsigned kinds,
                       errval_t refusal);

/* The account of a domain, made if there is none; `payer` may be NULL and counts when it is made.
 * NULL: out of memory. */
struct account *account_open(struct account_book *book, domainid_t domain, struct account *payer);
/* The caller does without it; when nobody holds it and nothing is charged, it is no more.  NULL: no
 * effect. */
void account_close(struct account *account);

/* What was charged for one entry; lies in it.  Zero: nothing. */
struct account_slip {
    struct account *account;
    unsigned kind;
    uint32_t units;
};

/* The book's refusal, and nothing is charged; or SYS_ERR_OK.  An account of NULL (there was no
 * memory for one) is refused. */
errval_t account_charge(struct account *account, unsigned kind, uint32_t units,
                        struct account_slip *slip);
/* Somebody else has it from now on, and pays for it; refused as above, then nothing changes.  An
 * empty slip has no effect. */
errval_t account_transfer(struct account_slip *slip, struct account *to);
/* Is there something of this kind that the domain pays for? */
bool account_holds(const struct account_book *book, domainid_t domain, unsigned kind);
/* Would so much more be granted? */
bool account_has_room(const struct account *account, unsigned kind, uint32_t units);
/* Gives it back; an empty slip has no effect.  The account may be no more afterwards. */
void account_refund(struct account_slip *slip);

#endif
