/* SPDX-License-Identifier: MIT
 *
 * The list of this dispatcher's connections (connection.h).
 *
 * A connection is in the list from the moment the bind has succeeded until its channel is destroyed,
 * so that the monitor's word finds it by number and never by address: it may come when the program
 * has closed the channel, and freed it, already.
 */
#include <barrelfish/connection.h>

#include <assert.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/monitor_client.h>

void idc_connection_open(struct idc_connection *connection, uintptr_t monitor_id,
                         struct waitset_chanstate *receive)
{
    assert(monitor_id != 0 && connection->monitor_id == 0);
    *connection = (struct idc_connection){ .monitor_id = monitor_id, .receive = receive };
    dispatcher_handle_t handle = disp_disable();
    struct idc_connection **list = &get_core_state()->connections;

    connection->next = *list;
    connection->link = list;
    if (connection->next != NULL) {
        connection->next->link = &connection->next;
    }
    *list = connection;
    disp_enable(handle);
}

void idc_connection_close(struct idc_connection *connection)
{
    uintptr_t monitor_id = connection->monitor_id;

    if (monitor_id == 0) {
        return;
    }
    dispatcher_handle_t handle = disp_disable();
    *connection->link = connection->next;
    if (connection->next != NULL) {
        connection->next->link = connection->link;
    }
    disp_enable(handle);
    *connection = (struct idc_connection){ .monitor_id = 0 };
    monitor_client_connection_closed(monitor_id);
}

void idc_connection_lost_disabled(uintptr_t monitor_id, dispatcher_handle_t handle)
{
    struct idc_connection *connection = get_core_state()->connections;

    while (connection != NULL && connection->monitor_id != monitor_id) {
        connection = connection->next;
    }
    if (connection != NULL) {
        connection->lost = true;
        /* fails if it is not registered, or is coming already: then the next registration sees it */
        (void)waitset_chan_trigger_disabled(connection->receive, handle);
    }
}

void idc_connection_lost(uintptr_t monitor_id)
{
    dispatcher_handle_t handle = disp_disable();

    idc_connection_lost_disabled(monitor_id, handle);
    disp_enable(handle);
}
