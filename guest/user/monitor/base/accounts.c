/* SPDX-License-Identifier: MIT
 *
 * The monitor's book of accounts (resources.h).
 *
 * A domain of another core pays twice: for itself, and through its monitor, so that all domains of
 * a core together have a domain's share here.
 */
#include <barrelfish/dispatcher.h>

#include "monitor.h"

#define HEAP_BYTES (DISPATCHER_FRAME_BYTES - DISP_ENDPOINT_HEAP_OFFSET)
#define MONITOR_HEAP_WORDS (HEAP_BYTES / sizeof(uint64_t))

static const struct account_kind kinds[] = { MONITOR_RESOURCES(ACCOUNT_KIND) };
static const struct account_kind service_kinds[] = { SERVICE_RESOURCES(ACCOUNT_KIND) };

struct account_book accounts;

uint32_t endpoint_words(size_t buf_words)
{
    return (uint32_t)(sizeof(struct lmp_endpoint) / sizeof(uint64_t) + 2 + buf_words);
}

domainid_t monitor_of(coreid_t core)
{
    return domain_id(0, core, 0);
}

void accounts_init(void)
{
    account_book_init(&accounts, kinds, ACCOUNT_KINDS, MON_ERR_OVER_SHARE);
    accounts.capacity[ACCOUNT_PAGE] = window_pages();
    struct account *own = account_open(&accounts, monitor_of(my_core), NULL);
    if (own == NULL)
        USER_PANIC("out of memory");
    own->trusted = true;
}

errval_t accounts_charge(domainid_t domain, unsigned kind, uint32_t units,
                         struct account_slip *slip)
{
    if (domain == 0)
        domain = monitor_of(my_core);
    struct account *payer = NULL;
    const unsigned core = domain_core(domain);
    if (core != my_core)
        payer = account_open(&accounts, monitor_of((coreid_t)core), NULL);
    struct account *account = account_open(&accounts, domain, payer);
    errval_t err = account_charge(account, kind, units, slip);
    account_close(account);
    account_close(payer);
    return err;
}

struct account *accounts_of_monitor(coreid_t core)
{
    return account_open(&accounts, monitor_of(core), NULL);
}

void accounts_init_service(struct account_book *book)
{
    account_book_init(book, service_kinds, ACCOUNT_SERVICE_KINDS, MON_ERR_OVER_SHARE);
}
