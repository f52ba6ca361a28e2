/* SPDX-License-Identifier: MIT
 *
 * Between the files of the boot manager.
 */
#ifndef BOOT_MANAGER_H
#define BOOT_MANAGER_H

#include <barrelfish/barrelfish.h>
#include <stdbool.h>

/* ---- main.c: the programs of the menu ---- */

extern bool has_knowledge; /* the menu has a system knowledge base */

void dispatch_one(void);
/* The machine is switched off with the highest of these. */
void note_status(uint8_t status);
/* These cores are about to be stopped on purpose: how the programs there end does not count. */
void programs_stop(uint64_t cores);

/* ---- cores.c: the cores, and who may start and stop them ---- */

/* Those with a monitor, a bit for each. */
uint64_t cores_running(void);
/* A list of core numbers that the knowledge base wrote. */
uint64_t cores_read(const char *text);
/* When the machine starts: all at once, or as the knowledge base says. */
void cores_start(uint64_t wanted);
/* Offers boot_manager.if; `all` are the cores of the machine. */
void cores_serve(uint64_t all);
/* Its spawn service is gone. */
void core_lost(unsigned core);

/* Requests wait from now on, or are served again. */
void requests_hold(bool hold);

/* Programs of the menu whose domains may start and stop cores: names, with commas. */
void operators_are(const char *names);
bool operator_is_named(const char *path);
/* A domain of such a program; any domain. */
void operator_started(domainid_t domain);
void operator_ended(domainid_t domain);

#endif
