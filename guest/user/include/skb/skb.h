/* SPDX-License-Identifier: MIT
 *
 * The client of the system knowledge base (facts §5): goals in Prolog (docs/knowledge.md says
 * which), and what they wrote.
 *
 * All functions connect when first used, which waits until somebody offers "skb", and block the
 * calling thread only; they may be called inside handlers.  Each dispatcher has one output: that of
 * the goal that was answered last.  Threads that ask at the same time use skb_evaluate().
 */
#ifndef SKB_SKB_H
#define SKB_SKB_H

#include <barrelfish/barrelfish.h>

/* Longest goal, with its final zero. */
#define SKB_GOAL_BYTES 2048

/* Errors of the connection. */
errval_t skb_client_connect(void);

/* Runs a goal to its first solution.  SKB_ERR_GOAL_FAILURE: there is none; SKB_ERR_RUN: an error,
 * whose text is skb_get_error_output(); SKB_ERR_OVERFLOW: the goal is longer than SKB_GOAL_BYTES;
 * errors of the connection. */
errval_t skb_execute(const char *goal);
errval_t skb_execute_query(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, with the texts as strings of the caller's, for free(); both may be NULL.  int_error: 0
 * a solution, 1 none, 2 an error. */
errval_t skb_evaluate(const char *goal, char **result, char **str_error, int32_t *int_error);

/* Asserts a fact or rule, with or without its full stop.  It belongs to the caller's domain and
 * goes with it.  As skb_execute. */
errval_t skb_add_fact(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reads what the last goal wrote, or `output`, as sscanf does.  SKB_ERR_CONVERSION_ERROR: not all
 * conversions were made. */
errval_t skb_read_output(const char *fmt, ...) __attribute__((format(scanf, 1, 2)));
errval_t skb_read_output_at(const char *output, const char *fmt, ...)
    __attribute__((format(scanf, 2, 3)));

/* A list "[a, b(1), ...]" that the last goal wrote, one element after the other. */
struct list_parser_status {
    const char *at; /* of what comes next; NULL: no list, or its end */
};
void skb_read_list_init(struct list_parser_status *status);
void skb_read_list_init_offset(struct list_parser_status *status, const char *output, int offset);
/* False: the end, or an element that does not fit. */
bool skb_read_list(struct list_parser_status *status, const char *fmt, ...)
    __attribute__((format(scanf, 2, 3)));

/* Of the last goal; never NULL. */
const char *skb_get_output(void);
const char *skb_get_error_output(void);
int skb_read_error_code(void);

#define DEBUG_SKB_ERR(err, message) \
    DEBUG_ERR(err, "%s: %s%s", message, skb_get_output(), skb_get_error_output())
#define USER_PANIC_SKB_ERR(err, message) \
    USER_PANIC_ERR(err, "%s: %s%s", message, skb_get_output(), skb_get_error_output())

#endif
