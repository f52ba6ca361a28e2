/* SPDX-License-Identifier: MIT
 *
 * The client of octopus (facts §2.2): records, locks, barriers, semaphores, capabilities.
 */
#ifndef OCTOPUS_OCTOPUS_H
#define OCTOPUS_OCTOPUS_H

#include <octopus/barrier.h>
#include <octopus/capability_storage.h>
#include <octopus/definitions.h>
#include <octopus/getset.h>
#include <octopus/init.h>
#include <octopus/lock.h>
#include <octopus/pubsub.h>
#include <octopus/semaphores.h>
#include <octopus/trigger.h>

#endif
