/* SPDX-License-Identifier: MIT
 *
 * Remote procedure calls (facts §1.4).
 *
 * A call puts itself, on its thread's stack, into the binding's list under a token that the reply
 * brings back; so several threads, and handlers that interrupt a waiting call, can have calls
 * outstanding on one binding, and replies may come in any order.  The waiting thread serves events
 * meanwhile.  A reply to a token nobody waits for is an ordinary message.
 * Who takes a call out of the list, and nobody else, wakes its thread.  The list is as long as
 * there are calls outstanding, so it is searched disabled.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <barrelfish/debug.h>
#include <stdlib.h>
#include <string.h>

uint32_t flounder_new_token(struct flounder_binding *c)
{
    return __atomic_add_fetch(&c->rpc_counter, 1, __ATOMIC_RELAXED) << 1 | 1;
}

uint32_t flounder_rpc_begin(struct flounder_binding *c, struct flounder_rpc *rpc, uint16_t number,
                            void *results)
{
    if (!thread_begin_call())
        return 0;
    uint32_t token = flounder_new_token(c);
    flounder_enter(c);
    flounder_waiter_init(&rpc->waiter, c, number);
    rpc->token = token & ~UINT32_C(1);
    rpc->number = number;
    rpc->results = results;
    dispatcher_handle_t handle = disp_disable();
    rpc->next = c->rpcs;
    c->rpcs = rpc;
    disp_enable(handle);
    return token; /* bit 0 is set */
}

/* False if it was ended, or taken to be ended, by somebody else before. */
static bool remove_rpc(struct flounder_binding *c, const struct flounder_rpc *rpc)
{
    dispatcher_handle_t handle = disp_disable();
    struct flounder_rpc **link = &c->rpcs;
    while (*link != NULL && *link != rpc)
        link = &(*link)->next;
    const bool found = *link != NULL;
    if (found)
        *link = rpc->next;
    disp_enable(handle);
    return found;
}

errval_t flounder_rpc_end(struct flounder_binding *c, struct flounder_rpc *rpc, errval_t err)
{
    if (err_is_fail(err) && remove_rpc(c, rpc))
        flounder_waiter_wake(&rpc->waiter, err);
    err = flounder_waiter_wait(&rpc->waiter);
    thread_end_call();
    flounder_leave(c);
    return err;
}

struct flounder_rpc *flounder_rpc_take(struct flounder_binding *c, uint32_t token, uint16_t number)
{
    dispatcher_handle_t handle = disp_disable();
    struct flounder_rpc **link = &c->rpcs, *rpc;
    while ((rpc = *link) != NULL && (rpc->token != token || rpc->number != number))
        link = &rpc->next;
    if (rpc != NULL)
        *link = rpc->next;
    disp_enable(handle);
    return rpc;
}

void flounder_rpc_complete(struct flounder_binding *c, struct flounder_rpc *rpc)
{
    (void)c;
    flounder_waiter_wake(&rpc->waiter, SYS_ERR_OK);
}

/* ---- results ---- */

void flounder_result_string(char *to, size_t max, const struct flounder_rx_stream *from)
{
    if (to == NULL)
        return;
    assert(from->length <= max);
    if (from->length > 0)
        memcpy(to, from->data, from->length);
    memset(to + from->length, 0, max - from->length);
    to[max - 1] = '\0';
}

void flounder_result_array(void *to, size_t *length, size_t element_bytes,
                           const struct flounder_rx_stream *from)
{
    if (to != NULL && from->length > 0)
        memcpy(to, from->data, from->length * element_bytes);
    if (length != NULL)
        *length = from->length;
}

errval_t flounder_result_cap(struct capref *to, struct capref from)
{
    if (capref_is_null(*to) || capref_is_null(from)) {
        *to = from;
        return SYS_ERR_OK;
    }
    errval_t err = cap_copy(*to, from);
    if (err_is_fail(err)) {
        debug_printf("result capability: the caller's slot cannot take it: %s\n",
                     err_getstring(err));
        *to = from;
        return err;
    }
    return cap_destroy(from);
}

void *flounder_result_buffer(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        debug_printf("no memory for %zu bytes of rpc results: give the domain more\n", bytes);
        abort();
    }
    return memory;
}

void flounder_result_free(void *buffer)
{
    free(buffer);
}
