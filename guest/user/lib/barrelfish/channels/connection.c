/* SPDX-License-Identifier: MIT
 *
 * This dispatcher's connections (connection.h).
 *
 * A connection is in the table from the moment the bind has succeeded until its channel is
 * destroyed, so that the monitor's word finds it by number and never by address: it may come when
 * the program has closed the channel, and freed it, already.
 */
#include <barrelfish/connection.h>

#include <assert.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <stdlib.h>

/* The number of the monitor's: a generation and an index (docs/monitor.md), both of which vary. */
static struct idc_connection **bucket_of(struct idc_connections *all, uintptr_t monitor_id)
{
    struct idc_connection **bucket = all->bucket != NULL ? all->bucket : all->first;
    uint32_t buckets = all->bucket != NULL ? all->buckets : IDC_CONNECTION_BUCKETS;

    return &bucket[(monitor_id * 0x9e3779b97f4a7c15u >> 32) % buckets];
}

static void insert(struct idc_connections *all, struct idc_connection *connection)
{
    struct idc_connection **bucket = bucket_of(all, connection->monitor_id);

    connection->next = *bucket;
    connection->link = bucket;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    *bucket = connection;
}

/* Puts all into these buckets; returns the ones that were used before. */
static struct idc_connection **use_buckets(struct idc_connections *all,
                                           struct idc_connection **bucket, uint32_t buckets)
{
    struct idc_connection **old = all->bucket != NULL ? all->bucket : all->first;
    uint32_t olds = all->bucket != NULL ? all->buckets : IDC_CONNECTION_BUCKETS;

    struct idc_connection **unused = all->bucket;
    all->bucket = bucket;
    all->buckets = buckets;
    for (uint32_t i = 0; i < olds; i++) {
        for (struct idc_connection *c = old[i], *next; c != NULL; c = next) {
            next = c->next;
            insert(all, c);
        }
    }
    return unused;
}

/* Without memory for more buckets the old ones get longer.  Memory is not taken while disabled, so
 * another thread may have been here meanwhile. */
static void grow(struct idc_connections *all)
{
    uint32_t buckets = 4 * all->count;

    if (all->count < (all->bucket != NULL ? all->buckets : IDC_CONNECTION_BUCKETS))
        return;
    struct idc_connection **bucket = calloc(buckets, sizeof(struct idc_connection *));
    if (bucket == NULL)
        return;
    dispatcher_handle_t handle = disp_disable();
    if (buckets > all->buckets)
        bucket = use_buckets(all, bucket, buckets);
    disp_enable(handle);
    free(bucket);
}

void idc_connection_open(struct idc_connection *connection, uintptr_t monitor_id,
                         struct waitset_chanstate *receive)
{
    struct idc_connections *all = &get_core_state()->connections;

    assert(monitor_id != 0 && connection->monitor_id == 0 && all->closed != NULL);
    *connection = (struct idc_connection){ .monitor_id = monitor_id, .receive = receive };
    grow(all);
    dispatcher_handle_t handle = disp_disable();
    insert(all, connection);
    all->count++;
    disp_enable(handle);
}

void idc_connection_close(struct idc_connection *connection)
{
    struct idc_connections *all = &get_core_state()->connections;
    uintptr_t monitor_id = connection->monitor_id;

    if (monitor_id == 0)
        return;
    dispatcher_handle_t handle = disp_disable();
    assert(*connection->link == connection); /* the channel was not copied since its bind */
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    all->count--;
    disp_enable(handle);
    *connection = (struct idc_connection){ .monitor_id = 0 };
    all->closed(monitor_id);
}

void idc_connection_lost_disabled(uintptr_t monitor_id, bool dead, dispatcher_handle_t handle)
{
    struct idc_connection *connection = *bucket_of(&get_core_state()->connections, monitor_id);

    while (connection != NULL && connection->monitor_id != monitor_id)
        connection = connection->next;
    if (connection != NULL) {
        connection->lost = true;
        connection->dead |= dead;
        /* fails if it is not registered, or is coming already: then the next registration sees
         * it */
        (void)waitset_chan_trigger_disabled(connection->receive, handle);
    }
}

void idc_connection_lost(uintptr_t monitor_id, bool dead)
{
    dispatcher_handle_t handle = disp_disable();

    idc_connection_lost_disabled(monitor_id, dead, handle);
    disp_enable(handle);
}
