/* SPDX-License-Identifier: MIT */
#ifndef EXIT_H
#define EXIT_H

/* Start-up: `tell` is called once a domain_exit, the output being flushed; when it returns, the
 * dispatcher stops.  It may fail and be entered again: a domain can come to its end while it ends.
 * Every dispatcher of the domain hands in the same. */
void domain_on_exit(void (*tell)(int status));

#endif
