/* SPDX-License-Identifier: MIT
 *
 * Starting programs (facts §2.2): the client of the spawn services, one on each core.
 *
 * A program is one of the boot menu's, by path or by file name: a path that the menu does not have
 * stands for its file name, so that "examples/hello" finds /sbin/hello.
 *
 * All calls connect to the spawn service of the core when first used, and block the calling thread
 * only; events of the default waitset are served meanwhile.  Errors are those of the connection,
 * SPAWN_ERR_*, and SPAWN_ERR_NO_SPAWND for a core that the machine does not have.
 *
 * What is not there: an environment (envp is not handed on), capabilities to inherit, and arguments
 * with blanks or of more than 1 KiB together (SPAWN_ERR_SETUP_ARGS).
 */
#ifndef BARRELFISH_SPAWN_CLIENT_H
#define BARRELFISH_SPAWN_CLIENT_H

#include <barrelfish/caddr.h>
#include <errors/errno.h>
#include <spawndomain/spawn_flags.h>

/* Starts a program.  argv ends with NULL and begins with the name that the program is to see as its
 * own; envp may be NULL.  ret_domain_cap (may be NULL) names the new domain, for this program only,
 * until spawn_wait has given its status; it is an ID capability in a slot that the library frees
 * then. */
errval_t spawn_program(coreid_t core, const char *path, char *const argv[], char *const envp[],
                       spawn_flags_t flags, struct capref *ret_domain_cap);

/* The same on every core of the machine, without this one unless same_core.  Stops at the first
 * error.  ret_domain_cap (may be NULL) names the last one; count (may be NULL) is the number of
 * cores of the machine. */
errval_t spawn_program_on_all_cores(bool same_core, const char *path, char *const argv[],
                                    char *const envp[], spawn_flags_t flags,
                                    struct capref *ret_domain_cap, coreid_t *count);

/* Waits until the domain has ended; exitcode may be NULL.  nohang: only asks, and *exitcode is 0
 * while it runs (LIB_ERR_NO_EVENT).  SPAWN_ERR_DOMAIN_NOTFOUND: no domain of this program, or
 * waited for before. */
errval_t spawn_wait(struct capref domain_cap, uint8_t *exitcode, bool nohang);

/* Ends a domain, with status 137.  It is to be waited for, too. */
errval_t spawn_kill(struct capref domain_cap);

/* What monitors and services know the domain as.  SPAWN_ERR_DOMAIN_NOTFOUND. */
errval_t spawn_get_domain_id(struct capref domain_cap, domainid_t *ret);

/* Ends the calling domain. */
void spawn_exit(uint8_t exitcode) __attribute__((noreturn));

#endif
