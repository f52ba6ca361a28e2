/* SPDX-License-Identifier: MIT
 *
 * Domains that could not say how they ended: the CPU driver stopped their dispatcher, because it
 * faulted where even its fault handler cannot run, or because it was deleted.  The driver sends an
 * empty message on an endpoint registered for this, and lists the domains until asked; whoever had
 * one spawned is told as of any other end.
 */
#include "parts.h"

static struct lmp_endpoint *endpoint;

static void look(void *arg);

static void listen(void)
{
    errval_t err = lmp_endpoint_register(endpoint, get_default_waitset(), MKCLOSURE(look, NULL));
    if (err_is_fail(err))
        DEBUG_ERR(err, "stopped domains will not be noticed");
}

static void look(void *arg)
{
    struct lmp_recv_msg hint;
    uintptr_t domain;
    (void)arg;
    while (err_is_ok(lmp_endpoint_recv(endpoint, &hint, NULL)))
        continue; /* they say nothing but "look" */
    listen();
    errval_t err;
    while (err_is_ok(err = invoke_kernel_next_stopped(cap_kernel, &domain)))
        client_stopped((domainid_t)domain);
    if (err_no(err) != SYS_ERR_NONE_STOPPED)
        DEBUG_ERR(err, "asking who has stopped");
    err = invoke_kernel_delete_step(cap_kernel);
    if (err_is_fail(err))
        DEBUG_ERR(err, "deleting what they have left");
}

errval_t stopped_init(void)
{
    struct capref cap;
    errval_t err = endpoint_create(LMP_ENDPOINT_MIN_WORDS, &cap, &endpoint);
    if (err_is_ok(err))
        err = invoke_kernel_register_monitor(cap_kernel, cap);
    if (err_is_ok(err))
        listen();
    return err;
}
