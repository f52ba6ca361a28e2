/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/base/accounts.c, and a look at its book.
 */
#include "guest/user/monitor/base/accounts.c"

#include "instance.h"

void peek_accounts(struct monitor_census *ret)
{
    for (const struct account *a = accounts.first; a != NULL; a = a->next)
        ret->accounts++;
    for (unsigned i = 0; i < ACCOUNT_KINDS; i++)
        ret->charged[i] = accounts.used[i];
    for (unsigned i = 0; i < IREFS_PER_CORE; i++)
        ret->irefs += irefs.entry[i].owner != NULL;
}
