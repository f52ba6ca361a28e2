/* SPDX-License-Identifier: MIT */
#ifndef DEFERRED_PRIV_H
#define DEFERRED_PRIV_H

#include <barrelfish/deferred.h>

/* Triggers every event whose time has come. */
void deferred_events_fire_disabled(dispatcher_handle_t handle, systime_t now);

#endif
