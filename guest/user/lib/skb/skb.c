/* SPDX-License-Identifier: MIT
 *
 * The client of the system knowledge base: one binding and one output for each dispatcher.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/nameservice_client.h>
#include <barrelfish/wait_list.h>
#include <if/skb_defs.h>
#include <skb/skb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct wait_list waiting;
static struct skb_binding *binding;
static iref_t service;

/* Of one goal.  Goals may be under way at the same time: of several threads, and of handlers that a
 * waiting caller serves. */
struct answer {
    char output[skb__run_response_output_MAX_ARGUMENT_SIZE];
    char error[skb__run_response_str_error_MAX_ARGUMENT_SIZE];
    int32_t code;
};
static struct answer last; /* that came back */

/* ---- connection ---- */

/* The knowledge base has ended: the next goal connects anew. */
static void broken(struct skb_binding *b, errval_t err)
{
    (void)err;
    if (binding == b)
        binding = NULL;
    b->control(b, IDC_CONTROL_TEARDOWN);
}

static void bound(void *st, errval_t err, struct skb_binding *b)
{
    (void)st;
    if (err_is_ok(err)) {
        skb_rpc_client_init(b);
        b->error_handler = broken;
        binding = b;
    }
    wait_list_tell(&waiting, err);
}

static errval_t begin(void)
{
    return skb_bind(service, bound, NULL, get_default_waitset(), IDC_BIND_FLAGS_DEFAULT);
}

static bool is_bound(void)
{
    return binding != NULL;
}

errval_t skb_client_connect(void)
{
    return nameservice_connect_once("skb", &service, &waiting, is_bound, begin);
}

/* ---- goals ---- */

static errval_t run(const char *goal, struct answer *answer)
{
    answer->code = 2;
    answer->output[0] = answer->error[0] = '\0';
    if (strlen(goal) >= SKB_GOAL_BYTES)
        return SKB_ERR_OVERFLOW;
    errval_t err = skb_client_connect();
    if (err_is_ok(err))
        err = binding->rpc_tx_vtbl.run(binding, goal, answer->output, answer->error, &answer->code);
    if (err_is_fail(err))
        return err;
    return answer->code == 0 ? SYS_ERR_OK : answer->code == 1 ? SKB_ERR_GOAL_FAILURE : SKB_ERR_RUN;
}

errval_t skb_evaluate(const char *goal, char **result, char **str_error, int32_t *int_error)
{
    struct answer *answer = malloc(sizeof(*answer));
    if (answer == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = run(goal, answer);
    if (result != NULL)
        *result = strdup(answer->output);
    if (str_error != NULL)
        *str_error = strdup(answer->error);
    if (int_error != NULL)
        *int_error = answer->code;
    last = *answer;
    free(answer);
    return err;
}

errval_t skb_execute(const char *goal)
{
    return skb_evaluate(goal, NULL, NULL, NULL);
}

static errval_t execute(const char *prefix, const char *suffix, const char *fmt, va_list args)
{
    char text[SKB_GOAL_BYTES], goal[SKB_GOAL_BYTES];
    int length = vsnprintf(text, sizeof(text), fmt, args);
    if (length < 0 || (size_t)length >= sizeof(text))
        return SKB_ERR_OVERFLOW;
    while (*suffix != '\0' && length > 0 && strchr(". \n", text[length - 1]) != NULL)
        text[--length] = '\0';
    length = snprintf(goal, sizeof(goal), "%s%s%s", prefix, text, suffix);
    if (length < 0 || (size_t)length >= sizeof(goal))
        return SKB_ERR_OVERFLOW;
    return skb_execute(goal);
}

errval_t skb_execute_query(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    errval_t err = execute("", "", fmt, args);
    va_end(args);
    return err;
}

errval_t skb_add_fact(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    errval_t err = execute("assertz((", "))", fmt, args);
    va_end(args);
    return err;
}

/* ---- what was written ---- */

/* How many values a format for scanf wants. */
static int conversions(const char *fmt)
{
    int count = 0;
    for (; *fmt != '\0'; fmt++) {
        if (*fmt != '%')
            continue;
        fmt++;
        if (*fmt == '\0')
            break;
        count += *fmt != '%' && *fmt != '*';
    }
    return count;
}

static errval_t read_from(const char *text, const char *fmt, va_list args)
{
    return vsscanf(text, fmt, args) == conversions(fmt) ? SYS_ERR_OK : SKB_ERR_CONVERSION_ERROR;
}

errval_t skb_read_output(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    errval_t err = read_from(last.output, fmt, args);
    va_end(args);
    return err;
}

errval_t skb_read_output_at(const char *from, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    errval_t err = read_from(from, fmt, args);
    va_end(args);
    return err;
}

void skb_read_list_init_offset(struct list_parser_status *status, const char *from, int offset)
{
    const char *open = strchr(from + offset, '[');
    status->at = open != NULL && open[1] != ']' ? open + 1 : NULL;
}

void skb_read_list_init(struct list_parser_status *status)
{
    skb_read_list_init_offset(status, last.output, 0);
}

/* Behind the element at *at: the next one, or NULL. */
static const char *next_element(const char *at)
{
    unsigned depth = 0;
    for (; *at != '\0'; at++)
        if (*at == '(' || *at == '[')
            depth++;
        else if ((*at == ')' || *at == ']') && depth-- == 0)
            return NULL;
        else if (*at == ',' && depth == 0)
            return at + 1 + strspn(at + 1, " ");
    return NULL;
}

bool skb_read_list(struct list_parser_status *status, const char *fmt, ...)
{
    if (status->at == NULL)
        return false;
    va_list args;
    va_start(args, fmt);
    errval_t err = read_from(status->at, fmt, args);
    va_end(args);
    status->at = next_element(status->at);
    return err_is_ok(err);
}

const char *skb_get_output(void)
{
    return last.output;
}

const char *skb_get_error_output(void)
{
    return last.error;
}

int skb_read_error_code(void)
{
    return last.code;
}
