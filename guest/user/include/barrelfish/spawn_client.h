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
 * A domain's name is a capability, of type ID, that the spawn service made.  It can be copied and
 * sent; whoever holds it may wait for the domain and end it, from any core.  It is the holder's to
 * destroy.
 */
#ifndef BARRELFISH_SPAWN_CLIENT_H
#define BARRELFISH_SPAWN_CLIENT_H

#include <barrelfish/caddr.h>
#include <barrelfish_kpi/init.h>
#include <errors/errno.h>
#include <spawndomain/spawn_flags.h>

/* Starts a program.  argv ends with NULL and begins with the name that the program is to see as its
 * own; NULL, or an empty one: the path's file name.  envp: NULL hands on the caller's environment.
 * At most 2 KiB of each, and MAX_CMDLINE_ARGS strings (SPAWN_ERR_SETUP_ARGS).
 * ret_domain_cap (may be NULL): the new domain's name, in a new slot.  With it, the domain's status
 * is kept until somebody waits, or the caller ends; so long it counts as one of the caller's
 * (SPAWN_ERR_OVER_SHARE). */
errval_t spawn_program(coreid_t core, const char *path, char *const argv[], char *const envp[],
                       spawn_flags_t flags, struct capref *ret_domain_cap);

/* The same, and the domain gets copies of capabilities.  inheritcn: a CNode with what domains
 * inherit, in slots INHERITCN_SLOT_*; the domain finds it in its task CNode.  argcn: a CNode whose
 * slots the domain finds in its own (cap_argcn), under the same numbers.  Each may be NULL_CAP, and
 * remains the caller's.  What cannot be sent to that core is refused: MON_ERR_WRONG_CAP_TYPE,
 * SPAWN_ERR_SETUP_INHERIT. */
errval_t spawn_program_with_caps(coreid_t core, const char *path, char *const argv[],
                                 char *const envp[], struct capref inheritcn, struct capref argcn,
                                 spawn_flags_t flags, struct capref *ret_domain_cap);

/* Makes a CNode to inherit, with copies; NULL_CAP leaves a slot empty.  It is the caller's to
 * destroy. */
errval_t alloc_inheritcn_with_caps(struct capref *inheritcn, struct capref fdcap,
                                   struct capref sidcap, struct capref kernelcap);

/* For the library: a domain that only prepares a dispatcher (SPAWN_FLAG_AGENT); *ret is what its
 * monitor knows it as. */
errval_t spawn_agent(coreid_t core, const char *path, char *const argv[], domainid_t *ret);

/* The same on every core of the machine, without this one unless same_core.  Stops at the first
 * error.  ret_domain_cap (may be NULL) names the last one; count (may be NULL) is the number of
 * cores of the machine. */
errval_t spawn_program_on_all_cores(bool same_core, const char *path, char *const argv[],
                                    char *const envp[], spawn_flags_t flags,
                                    struct capref *ret_domain_cap, coreid_t *count);

/* Waits until the domain has ended; exitcode may be NULL.  nohang: only asks (LIB_ERR_NO_EVENT
 * while it runs).  All who wait already are told; who comes later gets
 * SPAWN_ERR_DOMAIN_NOTFOUND, as does who has no domain's name. */
errval_t spawn_wait(struct capref domain_cap, uint8_t *exitcode, bool nohang);

/* Ends a domain, with status 137.  It is to be waited for, too. */
errval_t spawn_kill(struct capref domain_cap);

/* What monitors and services know the domain as.  SPAWN_ERR_DOMAIN_NOTFOUND. */
errval_t spawn_get_domain_id(struct capref domain_cap, domainid_t *ret);

/* All domains that spawn services have started, on all cores, with ended ones for which nobody has
 * waited yet.  The list is the caller's to free. */
errval_t spawn_get_domain_list(domainid_t **domains, size_t *len);

struct spawn_ps_entry {
    coreid_t core;
    bool ended;
    uint8_t status; /* of one that has ended */
    char *argv[MAX_CMDLINE_ARGS + 1];
    char *argbuf; /* the strings of argv; the caller's to free */
    size_t argbytes;
};

/* SPAWN_ERR_DOMAIN_NOTFOUND. */
errval_t spawn_get_status(domainid_t domain, struct spawn_ps_entry *entry);

/* Ends the calling domain. */
void spawn_exit(uint8_t exitcode) __attribute__((noreturn));

#endif
