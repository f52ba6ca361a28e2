/* SPDX-License-Identifier: MIT
 *
 * What the knowledge base knows from the beginning.
 */
#ifndef SKB_RULES_H
#define SKB_RULES_H

#include <abi/boot.h>
#include <prolog/prolog.h>

void rules_add(struct prolog *knowledge, const struct abi_topology *topology);

#endif
