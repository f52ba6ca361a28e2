/* SPDX-License-Identifier: MIT */
#ifndef CHANNEL_SOURCES_H
#define CHANNEL_SOURCES_H

#include "../dispatch/sources.h"

/* Every source of events that the library has: deferred events and the channels. */
extern const struct disp_sources channel_sources;

#endif
