/* SPDX-License-Identifier: MIT
 *
 * One copy of the monitor among several in a process: what the world may ask of it.  Each copy is
 * all of guest/user/monitor/ with every name local but its struct monitor_copy (mk/tests.mk).
 */
#ifndef TEST_MONITOR_INSTANCE_H
#define TEST_MONITOR_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

/* Entries in use of the tables of one monitor. */
struct monitor_census {
    unsigned clients, exited_clients; /* of any state but free; of these CLIENT_EXITED */
    unsigned binds, connections, connection_entries, circuits, window_pages;
    unsigned irefs, parcels, fetches, kept, questions;
    unsigned accounts, charged[16]; /* of the book: accounts, and what is charged of each kind */
    uint64_t peers;                 /* cores with a channel, of any state */
};

struct monitor_copy {
    int (*main)(int argc, char *argv[]);
    void (*census)(struct monitor_census *ret);
    /* Is this page of the window of its share, and free? */
    bool (*is_free_page)(uint64_t base);
};

/* Parts of the census; each is defined beside the tables it looks at (peek_*.c). */
void peek_accounts(struct monitor_census *ret);
void peek_binds(struct monitor_census *ret);
void peek_capops(struct monitor_census *ret);
void peek_circuits(struct monitor_census *ret);
void peek_clients(struct monitor_census *ret);
void peek_connections(struct monitor_census *ret);
void peek_kept(struct monitor_census *ret);
void peek_parcels(struct monitor_census *ret);
void peek_peers(struct monitor_census *ret);
void peek_questions(struct monitor_census *ret);
bool peek_is_free_page(uint64_t base);
void peek_window(struct monitor_census *ret);

#endif
