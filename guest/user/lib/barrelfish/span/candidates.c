/* SPDX-License-Identifier: MIT
 *
 * Who has connected to the home as its agent, before the spawn service has said which domain the
 * agent is.  Anybody who guesses the number of the service may be among them, also as the first:
 * each is kept, given nothing, and let go when the agent is known.  One that leaves meanwhile says
 * nothing about the domain.
 */
#include <barrelfish/threads.h>
#include <if/interdisp_defs.h>
#include <stdlib.h>

#include "span.h"

struct candidate {
    struct candidate *next;
    struct interdisp_binding *b;
    domainid_t domain;
};

static struct candidate *candidates;
static struct thread_mutex lock = THREAD_MUTEX_INITIALIZER;

/* The link to the candidate of this binding or, if that is NULL, of this domain. */
static struct candidate **find(const struct interdisp_binding *b, domainid_t domain)
{
    struct candidate **link = &candidates;
    while (*link != NULL && (b != NULL ? (*link)->b != b : (*link)->domain != domain))
        link = &(*link)->next;
    return link;
}

static struct interdisp_binding *take(struct candidate **link)
{
    struct candidate *candidate = *link;
    struct interdisp_binding *b = candidate->b;
    *link = candidate->next;
    free(candidate);
    return b;
}

static void left(struct interdisp_binding *b, errval_t err)
{
    thread_mutex_lock(&lock);
    struct candidate **link = find(b, 0);
    const bool found = *link != NULL;
    if (found)
        take(link);
    interdisp_error_handler_fn *handler = b->error_handler;
    thread_mutex_unlock(&lock);
    if (found)
        b->control(b, IDC_CONTROL_TEARDOWN);
    else if (handler != left) /* it was chosen a moment ago */
        handler(b, err);
}

errval_t span_candidate_add(struct interdisp_binding *b, domainid_t domain)
{
    struct candidate *candidate = malloc(sizeof(*candidate));
    errval_t err = candidate != NULL ? SYS_ERR_OK : (errval_t)LIB_ERR_MALLOC_FAIL;
    thread_mutex_lock(&lock);
    if (*find(NULL, domain) != NULL)
        err = MON_ERR_IDC_BIND_REFUSED; /* one of each domain is enough */
    if (err_is_ok(err)) {
        *candidate = (struct candidate){ .next = candidates, .b = b, .domain = domain };
        candidates = candidate;
        b->error_handler = left;
        b->flounder.silent = true;
    }
    thread_mutex_unlock(&lock);
    if (err_is_fail(err))
        free(candidate);
    return err;
}

struct interdisp_binding *span_candidate_choose(domainid_t domain,
                                                interdisp_error_handler_fn *broken)
{
    thread_mutex_lock(&lock);
    struct candidate **link = find(NULL, domain);
    struct interdisp_binding *chosen = *link != NULL ? take(link) : NULL;
    if (chosen != NULL)
        chosen->error_handler = broken;
    while (candidates != NULL) {
        struct interdisp_binding *b = take(&candidates);
        b->control(b, IDC_CONTROL_TEARDOWN);
    }
    thread_mutex_unlock(&lock);
    return chosen;
}
