/* SPDX-License-Identifier: MIT
 *
 * Who is in front of the console, exhaustively: every order of steps of four domains up to a
 * length.
 *
 * A domain connects, takes, gives to another and ends.  After each step the chain has nobody twice,
 * only its last may be without a connection, and then somebody before it has one: so the console
 * is never lost.  A domain that is neither in front nor in the chain changes nothing.
 */
/* link: guest/user/serial/front.c */
#include <criterion/criterion.h>
#include <string.h>

#include "../../guest/user/serial/front.h"

#define DOMAINS 4
#define LENGTH 6

static bool connected[DOMAINS];
static unsigned long states;

static bool is_connected(domainid_t domain)
{
    return connected[domain];
}

static bool in_chain(const struct front *front, domainid_t domain)
{
    for (unsigned i = 0; i < front->count; i++)
        if (front->chain[i] == domain)
            return true;
    return false;
}

static void check(const struct front *front)
{
    for (unsigned i = 0; i < front->count; i++) {
        for (unsigned j = 0; j < i; j++)
            cr_assert(front->chain[i] != front->chain[j], "a domain is there twice");
        cr_assert(connected[front->chain[i]] || (i > 0 && i == front->count - 1),
                  "the console is lost to a domain that is not there");
    }
    unsigned readers = 0;
    for (domainid_t domain = 0; domain < DOMAINS; domain++)
        readers += front_may_read(front, domain);
    cr_assert(readers == (front->count == 0 ? DOMAINS : 1));
}

static bool same(const struct front *a, const struct front *b)
{
    return a->count == b->count && memcmp(a->chain, b->chain, a->count * sizeof(a->chain[0])) == 0;
}

static void take(struct front *front, domainid_t domain)
{
    const struct front before = *front;
    errval_t err = front_take(front, domain);
    if (before.count == 0 || in_chain(&before, domain)) {
        cr_assert(err_is_ok(err) && front_may_read(front, domain) &&
                  front->count <= before.count + 1);
        return;
    }
    cr_assert(err_no(err) == SERIAL_ERR_NOT_IN_FRONT && same(front, &before));
}

static void give(struct front *front, domainid_t from, domainid_t to)
{
    const struct front before = *front;
    errval_t err = front_give(front, from, to);
    if (before.count > 0 && front_may_read(&before, from)) {
        cr_assert(err_is_ok(err) && front_may_read(front, to) && in_chain(front, to));
        return;
    }
    cr_assert(err_no(err) == SERIAL_ERR_NOT_IN_FRONT && same(front, &before));
}

static void end(struct front *front, domainid_t domain)
{
    const struct front before = *front;
    connected[domain] = false;
    front_ended(front, domain, is_connected);
    cr_assert(!in_chain(front, domain));
    cr_assert(in_chain(&before, domain) || same(front, &before));
}

static void explore(const struct front *from, unsigned left)
{
    bool were[DOMAINS];
    check(from);
    states++;
    if (left == 0)
        return;
    memcpy(were, connected, sizeof(were));
    for (domainid_t domain = 0; domain < DOMAINS; domain++) {
        struct front front = *from;
        if (!connected[domain]) {
            connected[domain] = true;
            explore(&front, left - 1);
            connected[domain] = false;
            continue;
        }
        take(&front, domain);
        explore(&front, left - 1);
        for (domainid_t to = 0; to < DOMAINS; to++) {
            front = *from;
            give(&front, domain, to);
            explore(&front, left - 1);
        }
        front = *from;
        end(&front, domain);
        explore(&front, left - 1);
        memcpy(connected, were, sizeof(were));
    }
}

Test(serial_front, every_order_of_steps)
{
    const struct front empty = { 0 };
    explore(&empty, LENGTH);
    cr_assert(states > 100000, "%lu states", states);
}

Test(serial_front, the_chain_ends_somewhere)
{
    struct front front = { 0 };
    cr_assert(err_is_ok(front_take(&front, 100)));
    for (domainid_t domain = 100; domain < 100 + FRONT_PLACES - 1; domain++)
        cr_assert(err_is_ok(front_give(&front, domain, domain + 1)));
    const domainid_t last = 100 + FRONT_PLACES - 1;
    cr_assert(err_no(front_give(&front, last, 7)) == SERIAL_ERR_FRONT_FULL);
    cr_assert(err_is_ok(front_give(&front, last, 103)), "back to one of the chain");
    cr_assert(front.count == 4 && front_may_read(&front, 103));
}
