/* SPDX-License-Identifier: MIT
 *
 * Connections that monitors made, as the two domains at their ends know them (docs/monitor.md).
 *
 * A peer that dies says nothing.  Its monitor knows, and tells the monitor of the other end, which
 * tells the domain.  What the peer sent before is still delivered; then the channel's receive event
 * comes once more, and receiving fails with LIB_ERR_CHAN_PEER_GONE, or with LIB_ERR_CHAN_PEER_DEAD
 * if the peer's core is dead (docs/agreement.md).
 *
 * The word is noticed when it arrives, though the monitor binding's handlers may run much later:
 * somebody may be waiting for that peer on a waitset of its own, and dispatch no other.
 */
#ifndef BARRELFISH_CONNECTION_H
#define BARRELFISH_CONNECTION_H

#include <barrelfish/waitset_chan.h>
#include <barrelfish_kpi/types.h>

/* The domain for which a connect callback is called, as the monitors know it. */
struct idc_client {
    domainid_t domain; /* 0: the monitor of this core */
    bool trusted;      /* of the system: started by a monitor, not by the spawn service */
    bool checked;      /* the UMP channel to it is checked (ump_checked.h) */
};

/* All of them, found by number.  The buckets grow with their count, so none gets long. */
#define IDC_CONNECTION_BUCKETS 16 /* at first */
struct idc_connections {
    struct idc_connection **bucket; /* NULL: `first` */
    uint32_t buckets, count;        /* 0 buckets: IDC_CONNECTION_BUCKETS */
    struct idc_connection *first[IDC_CONNECTION_BUCKETS];
    void (*closed)(uintptr_t monitor_id); /* tells the monitor, whose client sets it */
};

/* A member of every channel; zero: the channel was made without a monitor. */
struct idc_connection {
    uintptr_t monitor_id; /* its number at the monitor */
    bool lost;            /* the peer is no more */
    bool dead;            /* and its core is dead */
    struct waitset_chanstate *receive;
    struct idc_connection *next, **link; /* of its bucket in core_state.connections */
};

/* The channel is connected; `receive` is the event by which it hears of messages. */
void idc_connection_open(struct idc_connection *connection, uintptr_t monitor_id,
                         struct waitset_chanstate *receive);

/* The channel is unmapped and its capabilities are deleted: tells the monitor.  No effect on a
 * channel that no monitor made. */
void idc_connection_close(struct idc_connection *connection);

/* From the monitor; `dead`: the peer's core is.  No effect if there is no such connection (any
 * more). */
void idc_connection_lost(uintptr_t monitor_id, bool dead);
void idc_connection_lost_disabled(uintptr_t monitor_id, bool dead, dispatcher_handle_t handle);

/* After a registration for receiving: a lost channel's event comes at once. */
static inline void idc_connection_registered(const struct idc_connection *connection)
{
    if (connection->lost)
        (void)waitset_chan_trigger(connection->receive); /* fails if it is coming already */
}

#endif
