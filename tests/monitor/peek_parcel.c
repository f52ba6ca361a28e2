/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parts/parcel.c, and a look at its tables.
 */
#include "guest/user/monitor/parts/parcel.c"

#include "instance.h"

void peek_parcels(struct monitor_census *ret)
{
    unsigned estate = 0;
    for (unsigned i = 0; i < sizeof(parcels) / sizeof(parcels[0]); i++)
        estate += parcels[i].ticket != 0 && parcels[i].estate != 0;
    assert(estate == estate_count && estate <= MONITOR_MAX_ESTATE);
    for (unsigned i = 0; i < sizeof(parcels) / sizeof(parcels[0]); i++)
        ret->parcels += parcels[i].ticket != 0;
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++)
        ret->fetches += fetches[i].ticket != 0;
}
