/* SPDX-License-Identifier: MIT */
#ifndef RAM_PRIV_H
#define RAM_PRIV_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

/* Makes sure that objects of together `bytes` can be created without asking anybody.  May talk to
 * mem_serv: call it without locks. */
errval_t ram_prepare(gensize_t bytes);

#endif
