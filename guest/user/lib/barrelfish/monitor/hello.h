/* SPDX-License-Identifier: MIT */
#ifndef HELLO_H
#define HELLO_H

#include <barrelfish/lmp_chan.h>

/* Tells the monitor, over an endpoint of it, where to answer.  Yields while it cannot listen. */
errval_t monitor_hello(struct lmp_chan *chan);

#endif
