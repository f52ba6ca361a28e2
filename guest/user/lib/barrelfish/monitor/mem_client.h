/* SPDX-License-Identifier: MIT
 *
 * The connection to this core's mem_serv, made when RAM is first needed from it.
 */
#ifndef MEM_CLIENT_H
#define MEM_CLIENT_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>

errval_t mem_client_allocate(struct capref *ret, uint8_t bits, uint64_t minbase, uint64_t maxlimit);

#endif
