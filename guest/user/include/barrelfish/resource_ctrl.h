/* SPDX-License-Identifier: MIT
 *
 * Resource control of gang-scheduled programs, for programs that ask for it.  Nothing is reserved
 * here: the CPU driver schedules round robin.  Manifests are numbered, so that a program can join
 * one, and that is all; phases are accepted and change nothing.  Each first use says so on the
 * console.
 */
#ifndef BARRELFISH_RESOURCE_CTRL_H
#define BARRELFISH_RESOURCE_CTRL_H

#include <barrelfish_kpi/types.h>
#include <errors/errno.h>

/* Gives the manifest a number.  ERR_INVALID_ARGS without one. */
errval_t rsrc_manifest(const char *manifest, rsrcid_t *ret);
/* ERR_INVALID_ARGS: this program has made no manifest of that number. */
errval_t rsrc_join(rsrcid_t id);
errval_t rsrc_phase(rsrcid_t id, uint32_t phase);

#endif
