/* SPDX-License-Identifier: MIT
 *
 * Records of octopus as a client sets, finds and reads them.
 */
#include "octopus_priv.h"

#include <stdio.h>
#include <string.h>

errval_t oct_text(char *text, const char *fmt, va_list args)
{
    const int length = vsnprintf(text, OCT_RECORD_BYTES, fmt, args);
    return length < 0 || length >= OCT_RECORD_BYTES ? (errval_t)OCT_ERR_PARSER_FAIL : SYS_ERR_OK;
}

/* A call that takes a text, and may give one. */
typedef errval_t text_call_fn(const char *text, uint32_t mode, char *out, errval_t *answer);

static errval_t call_get(const char *text, uint32_t mode, char *out, errval_t *answer)
{
    (void)mode;
    return oct_binding()->rpc_tx_vtbl.get(oct_binding(), text, out, answer);
}

static errval_t call_set(const char *text, uint32_t mode, char *out, errval_t *answer)
{
    return oct_binding()->rpc_tx_vtbl.set(oct_binding(), text, mode, out, answer);
}

static errval_t call_del(const char *text, uint32_t mode, char *out, errval_t *answer)
{
    (void)mode;
    (void)out;
    return oct_binding()->rpc_tx_vtbl.del(oct_binding(), text, answer);
}

static errval_t call_wait_for(const char *text, uint32_t mode, char *out, errval_t *answer)
{
    (void)mode;
    return oct_binding()->rpc_tx_vtbl.wait_for(oct_binding(), text, out, answer);
}

static errval_t call_wait_gone(const char *text, uint32_t mode, char *out, errval_t *answer)
{
    (void)mode;
    (void)out;
    return oct_binding()->rpc_tx_vtbl.wait_gone(oct_binding(), text, answer);
}

static errval_t call_get_names(const char *text, uint32_t mode, char *out, errval_t *answer)
{
    (void)mode;
    return oct_binding()->rpc_tx_vtbl.get_names(oct_binding(), text, out, answer);
}

#define OUT_BYTES octopus__get_names_response_names_MAX_ARGUMENT_SIZE /* the longest */

/* record: NULL, or the caller's to free() after success. */
static errval_t call(text_call_fn *function, oct_mode_t mode, char **record, const char *fmt,
                     va_list args)
{
    char *text = malloc(OCT_RECORD_BYTES), *out = malloc(OUT_BYTES);
    errval_t answer = SYS_ERR_OK, err = LIB_ERR_MALLOC_FAIL;
    if (text != NULL && out != NULL)
        err = oct_text(text, fmt, args);
    if (err_is_ok(err))
        err = oct_init();
    if (err_is_ok(err))
        err = function(text, (uint32_t)mode, out, &answer);
    if (err_is_ok(err))
        err = answer;
    free(text);
    if (err_is_ok(err) && record != NULL)
        *record = out;
    else
        free(out);
    return err;
}

#define CALL(function, mode, record)                        \
    va_list args;                                           \
    va_start(args, fmt);                                    \
    errval_t err = call(function, mode, record, fmt, args); \
    va_end(args);                                           \
    return err

errval_t oct_get(char **record, const char *fmt, ...)
{
    CALL(call_get, 0, record);
}

errval_t oct_exists(const char *fmt, ...)
{
    CALL(call_get, 0, NULL);
}

errval_t oct_set(const char *fmt, ...)
{
    CALL(call_set, SET_DEFAULT, NULL);
}

errval_t oct_mset(oct_mode_t mode, const char *fmt, ...)
{
    CALL(call_set, mode, NULL);
}

errval_t oct_set_get(oct_mode_t mode, char **record, const char *fmt, ...)
{
    CALL(call_set, mode, record);
}

errval_t oct_del(const char *fmt, ...)
{
    CALL(call_del, 0, NULL);
}

errval_t oct_wait_for(char **record, const char *fmt, ...)
{
    CALL(call_wait_for, 0, record);
}

errval_t oct_wait_gone(const char *fmt, ...)
{
    CALL(call_wait_gone, 0, NULL);
}

/* ---- names ---- */

void oct_free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

static errval_t split(char *text, char ***names, size_t *count)
{
    size_t commas = 0;
    for (const char *c = text; *c != '\0'; c++)
        commas += *c == ',';
    *count = 0;
    *names = calloc(commas + 1, sizeof(**names));
    if (*names == NULL)
        return LIB_ERR_MALLOC_FAIL;
    for (char *next, *name = text; name != NULL; name = next) {
        next = strchr(name, ',');
        if (next != NULL)
            *next++ = '\0';
        (*names)[*count] = strdup(name);
        if ((*names)[*count] == NULL) {
            oct_free_names(*names, *count);
            return LIB_ERR_MALLOC_FAIL;
        }
        ++*count;
    }
    return SYS_ERR_OK;
}

errval_t oct_get_names(char ***names, size_t *count, const char *fmt, ...)
{
    char *text;
    va_list args;
    va_start(args, fmt);
    errval_t err = call(call_get_names, 0, &text, fmt, args);
    va_end(args);
    if (err_is_fail(err))
        return err;
    err = split(text, names, count);
    free(text);
    return err;
}

/* ---- reading ---- */

static errval_t give(const struct oct_value *value, const struct oct_value *wanted, va_list *args)
{
    if (wanted->kind == OCT_VALUE_WANTED_INTEGER) {
        *va_arg(*args, int64_t *) = value->integer;
    } else if (wanted->kind == OCT_VALUE_WANTED_TEXT) {
        char **text = va_arg(*args, char **);
        *text = strdup(value->text);
        if (*text == NULL)
            return LIB_ERR_MALLOC_FAIL;
    }
    return SYS_ERR_OK;
}

errval_t oct_read(const char *record, const char *fmt, ...)
{
    struct oct_record *read = malloc(2 * sizeof(*read));
    if (read == NULL)
        return LIB_ERR_MALLOC_FAIL;
    struct oct_record *query = read + 1;
    errval_t err = oct_record_parse(record, false, read, NULL);
    if (err_is_ok(err))
        err = oct_record_parse(fmt, true, query, NULL);
    if (err_is_ok(err) && !oct_record_matches(read, query))
        err = OCT_ERR_NO_RECORD;
    va_list args;
    va_start(args, fmt);
    if (err_is_ok(err))
        err = give(&read->name, &query->name, &args);
    for (unsigned i = 0; err_is_ok(err) && i < query->count; i++)
        err = give(oct_record_value(read, query->attribute[i]), &query->value[i], &args);
    va_end(args);
    free(read);
    return err;
}
