/* SPDX-License-Identifier: MIT
 *
 * The one name that each copy of the monitor shows (instance.h).
 */
#include "instance.h"

#include <string.h>

int main(int argc, char *argv[]);
extern const struct monitor_copy monitor_copy;

static void census(struct monitor_census *ret)
{
    memset(ret, 0, sizeof(*ret));
    peek_accounts(ret);
    peek_binds(ret);
    peek_capops(ret);
    peek_circuits(ret);
    peek_clients(ret);
    peek_connections(ret);
    peek_kept(ret);
    peek_parcels(ret);
    peek_peers(ret);
    peek_questions(ret);
    peek_window(ret);
}

const struct monitor_copy monitor_copy = { .main = main,
                                           .census = census,
                                           .is_free_page = peek_is_free_page };
