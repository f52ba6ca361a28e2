/* SPDX-License-Identifier: MIT
 *
 * Inside devices/: one handler for each port, called by device_out() with a reply that is
 * ABI_RESULT_OK and has no effect.  A handler either fills the effects or sets another result.
 */
#ifndef DEVICES_MODELS_H
#define DEVICES_MODELS_H

#include "device.h"

typedef void device_handler(struct device_state *state, const struct device_memory *memory,
                            const struct device_access *access, struct device_reply *reply);

device_handler console_out, clock_out, timer_out, ipi_out, power_out, scrub_out, fabric_out,
    vectors_out, report_out, watch_out, input_out;

/* Adds an effect to the reply and returns it for the caller to fill in. */
struct device_effect *device_add_effect(struct device_reply *reply, enum device_effect_kind kind,
                                        unsigned core);

#endif
