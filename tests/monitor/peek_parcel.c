/* SPDX-License-Identifier: MIT
 *
 * guest/user/monitor/parcel.c, and a look at its tables.
 */
#include "guest/user/monitor/parcel.c"

#include "instance.h"

void peek_parcels(struct monitor_census *ret)
{
    for (unsigned i = 0; i < MONITOR_MAX_PARCELS; i++)
        ret->parcels += parcels[i].ticket != 0;
    for (unsigned i = 0; i < MONITOR_MAX_FETCHES; i++)
        ret->fetches += fetches[i].ticket != 0;
    ret->kept = kept_count;
}
