/* SPDX-License-Identifier: MIT
 *
 * Capabilities under a key.
 */
#include "octopus.h"

#include <stdio.h>
#include <string.h>

struct stored_cap {
    struct stored_cap *next;
    struct octopus_binding *owner;
    struct account_slip slip;
    struct capref cap;
    char key[256];
};

static struct stored_cap *stored_caps;

static struct stored_cap **find(const char *key)
{
    struct stored_cap **link = &stored_caps;
    while (*link != NULL && strcmp((*link)->key, key) != 0)
        link = &(*link)->next;
    return link;
}

static void drop(struct stored_cap **link)
{
    struct stored_cap *stored = *link;
    *link = stored->next;
    account_refund(&stored->slip);
    cap_destroy(stored->cap);
    free(stored);
}

static errval_t put(struct octopus_binding *b, const char *key, struct capref cap)
{
    struct account_slip slip;
    if (capref_is_null(cap))
        return OCT_ERR_INVALID_ID;
    if (*key == '\0')
        return OCT_ERR_NO_RECORD_NAME;
    if (*find(key) != NULL)
        return OCT_ERR_CAP_OVERWRITE;
    errval_t err = account_charge(payer(b), ACCOUNT_CAP, 1, &slip);
    if (err_is_fail(err))
        return err;
    struct stored_cap *stored = malloc(sizeof(*stored));
    if (stored == NULL) {
        account_refund(&slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *stored = (struct stored_cap){ .next = stored_caps, .owner = b, .slip = slip, .cap = cap };
    snprintf(stored->key, sizeof(stored->key), "%s", key);
    stored_caps = stored;
    return SYS_ERR_OK;
}

static void put_cap_call(struct octopus_binding *b, const char *key, struct capref cap)
{
    errval_t err = put(b, key, cap);
    if (err_is_fail(err) && !capref_is_null(cap))
        cap_destroy(cap);
    answer_now(b, REPLY_PUT_CAP, err);
}

static void get_cap_call(struct octopus_binding *b, const char *key)
{
    const struct stored_cap *stored = *find(key);
    struct capref copy = NULL_CAP;
    /* a copy: until the answer leaves, the stored one may go, and another come into its slot */
    errval_t err = stored != NULL ? slot_alloc(&copy) : (errval_t)OCT_ERR_NO_RECORD;
    if (err_is_ok(err)) {
        err = cap_copy(copy, stored->cap);
        if (err_is_fail(err)) {
            slot_free(copy);
            copy = NULL_CAP;
        }
    }
    answer(b, (struct reply){
                  .kind = REPLY_GET_CAP, .token = b->incoming_token, .cap = copy, .err = err });
}

static void remove_cap_call(struct octopus_binding *b, const char *key)
{
    struct stored_cap **link = find(key);
    errval_t err = SYS_ERR_OK;
    if (*link == NULL)
        err = OCT_ERR_NO_RECORD;
    else if ((*link)->owner != b)
        err = OCT_ERR_NOT_OWNER;
    else
        drop(link);
    answer_now(b, REPLY_REMOVE_CAP, err);
}

void caps_serve(struct octopus_binding *b)
{
    b->rx_vtbl.put_cap_call = put_cap_call;
    b->rx_vtbl.get_cap_call = get_cap_call;
    b->rx_vtbl.remove_cap_call = remove_cap_call;
}

void caps_forget(struct octopus_binding *b)
{
    for (struct stored_cap **link = &stored_caps; *link != NULL;)
        if ((*link)->owner == b)
            drop(link);
        else
            link = &(*link)->next;
}
