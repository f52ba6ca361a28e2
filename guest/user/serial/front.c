/* SPDX-License-Identifier: MIT
 *
 * Which domain is in front (front.h).
 */
#include "front.h"

/* `count`: it is not in the chain. */
static unsigned place_of(const struct front *front, domainid_t domain)
{
    unsigned place = 0;
    while (place < front->count && front->chain[place] != domain)
        place++;
    return place;
}

bool front_may_read(const struct front *front, domainid_t domain)
{
    return front->count == 0 || front->chain[front->count - 1] == domain;
}

errval_t front_take(struct front *front, domainid_t domain)
{
    const unsigned place = place_of(front, domain);
    if (place == front->count && place > 0)
        return SERIAL_ERR_NOT_IN_FRONT;
    front->chain[place] = domain;
    front->count = place + 1;
    return SYS_ERR_OK;
}

errval_t front_give(struct front *front, domainid_t from, domainid_t to)
{
    if (front->count == 0 || front->chain[front->count - 1] != from)
        return SERIAL_ERR_NOT_IN_FRONT;
    const unsigned place = place_of(front, to);
    if (place == FRONT_PLACES)
        return SERIAL_ERR_FRONT_FULL;
    front->chain[place] = to;
    front->count = place + 1;
    return SYS_ERR_OK;
}

void front_ended(struct front *front, domainid_t domain, bool (*is_connected)(domainid_t))
{
    unsigned place = place_of(front, domain);
    if (place == front->count)
        return;
    front->count--;
    for (unsigned i = place; i < front->count; i++)
        front->chain[i] = front->chain[i + 1];
    if (place < front->count && !is_connected(front->chain[place]))
        front->count = place;
}
