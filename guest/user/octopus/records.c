/* SPDX-License-Identifier: MIT
 *
 * Records of octopus: kept, found, waited for.
 *
 * A record belongs to the connection that made it; only that one changes or deletes it, and it goes
 * when that does.  A wait is a query that is matched with each record that is set, deleted or
 * published: wait_for and wait_gone end with their first match, a watch with unwatch or its client.
 */
#include "octopus.h"

#include <stdio.h>
#include <string.h>

struct record {
    struct record *next;
    struct octopus_binding *owner;
    struct account_slip slip;
    struct oct_record parsed;
};

struct wait {
    struct wait *next;
    struct octopus_binding *binding;
    struct account_slip slip;
    bool once; /* wait_for, wait_gone */
    uint32_t token, mode;
    uint64_t id, state;
    struct oct_record query;
};

static struct record *records;
static struct wait *waits;
static uint64_t next_watch = 1, next_number;
static struct oct_record parsed; /* of the call that is served */

static void print(const struct record *record, char *text)
{
    if (!oct_record_print(&record->parsed, NULL, text, OCT_RECORD_BYTES))
        text[0] = '\0';
}

/* ---- waits ---- */

static void end_wait(struct wait **link)
{
    struct wait *wait = *link;
    *link = wait->next;
    account_refund(&wait->slip);
    free(wait);
}

/* wait_gone: for one record's end; names may be numbers, which match in more ways than one. */
static bool concerns(const struct wait *wait, const struct oct_record *record)
{
    if (wait->once && wait->mode == OCT_ON_DEL)
        return strcmp(record->name.text, wait->query.name.text) == 0;
    return oct_record_matches(record, &wait->query);
}

/* Tells whoever waits for such a record. */
static void tell(const struct oct_record *record, const char *text, uint32_t event)
{
    for (struct wait **link = &waits; *link != NULL;) {
        struct wait *wait = *link;
        if (!(wait->mode & event) || !concerns(wait, record)) {
            link = &wait->next;
            continue;
        }
        const enum reply_kind once = event == OCT_ON_DEL ? REPLY_WAIT_GONE : REPLY_WAIT_FOR;
        answer(wait->binding, (struct reply){ .kind = wait->once ? once : REPLY_EVENT,
                                              .token = wait->token,
                                              .mode = event,
                                              .value = wait->state,
                                              .text = text });
        if (wait->once || !(wait->mode & OCT_PERSIST))
            end_wait(link);
        else
            link = &wait->next;
    }
}

static errval_t add_wait(struct octopus_binding *b, struct wait wait)
{
    errval_t err = account_charge(payer(b), ACCOUNT_WAIT, 1, &wait.slip);
    if (err_is_fail(err))
        return err;
    struct wait *kept = malloc(sizeof(*kept));
    if (kept == NULL) {
        account_refund(&wait.slip);
        return LIB_ERR_MALLOC_FAIL;
    }
    *kept = wait;
    kept->next = waits;
    kept->binding = b;
    waits = kept;
    /* texts lie in the record itself */
    return oct_record_parse(wait.query.buffer, true, &kept->query, NULL);
}

/* ---- records ---- */

static struct record **find(const struct oct_record *query)
{
    struct record **link = &records;
    while (*link != NULL && !oct_record_matches(&(*link)->parsed, query))
        link = &(*link)->next;
    return link;
}

static struct record **find_name(const char *name)
{
    struct record **link = &records;
    while (*link != NULL && strcmp((*link)->parsed.name.text, name) != 0)
        link = &(*link)->next;
    return link;
}

static void drop(struct record **link)
{
    struct record *record = *link;
    char text[OCT_RECORD_BYTES];
    *link = record->next;
    print(record, text);
    tell(&record->parsed, text, OCT_ON_DEL);
    account_refund(&record->slip);
    free(record);
}

/* Its text is read again where it lies. */
static errval_t keep(struct octopus_binding *b, const char *text)
{
    struct record **link = find_name(parsed.name.text), *record = *link;
    if (record != NULL && record->owner != b)
        return OCT_ERR_NOT_OWNER;
    if (record == NULL) {
        struct account_slip slip;
        errval_t err = account_charge(payer(b), ACCOUNT_RECORD, 1, &slip);
        if (err_is_fail(err))
            return err;
        record = malloc(sizeof(*record));
        if (record == NULL) {
            account_refund(&slip);
            return LIB_ERR_MALLOC_FAIL;
        }
        record->slip = slip;
        record->owner = b;
        record->next = NULL;
        *link = record;
    }
    return oct_record_parse(text, false, &record->parsed, NULL);
}

/* ---- octopus.if ---- */

static void reply_text(struct octopus_binding *b, enum reply_kind kind, errval_t err,
                       const char *text)
{
    answer(b, (struct reply){ .kind = kind, .token = b->incoming_token, .err = err, .text = text });
}

static void get_call(struct octopus_binding *b, const char *query)
{
    char text[OCT_RECORD_BYTES] = "";
    errval_t err = oct_record_parse(query, true, &parsed, NULL);
    if (err_is_ok(err)) {
        struct record *record = *find(&parsed);
        if (record != NULL)
            print(record, text);
        else
            err = OCT_ERR_NO_RECORD;
    }
    reply_text(b, REPLY_GET, err, text);
}

static void set_call(struct octopus_binding *b, const char *input, uint32_t mode)
{
    char name[300], text[OCT_RECORD_BYTES] = "";
    errval_t err = oct_record_parse(input, false, &parsed, NULL);
    if (err_is_ok(err) && strlen(parsed.name.text) >= 256)
        err = OCT_ERR_PARSER_FAIL;
    if (err_is_ok(err)) {
        const bool numbered = mode & SET_SEQUENTIAL;
        snprintf(name, sizeof(name), "%s%" PRIu64, parsed.name.text, next_number);
        next_number += numbered;
        if (!oct_record_print(&parsed, numbered ? name : NULL, text, sizeof(text)))
            err = OCT_ERR_PARSER_FAIL;
    }
    if (err_is_ok(err))
        err = oct_record_parse(text, false, &parsed, NULL);
    if (err_is_ok(err))
        err = keep(b, text);
    reply_text(b, REPLY_SET, err, text);
    if (err_is_ok(err))
        tell(&parsed, text, OCT_ON_SET);
}

/* All that match and are the caller's. */
static void del_call(struct octopus_binding *b, const char *query)
{
    static struct oct_record wanted; /* `parsed` serves the records that go */
    unsigned deleted = 0, foreign = 0;
    errval_t err = oct_record_parse(query, true, &wanted, NULL);
    for (struct record **link = &records; err_is_ok(err) && *link != NULL;) {
        const bool matches = oct_record_matches(&(*link)->parsed, &wanted);
        if (matches && (*link)->owner == b) {
            deleted++;
            drop(link);
            continue;
        }
        foreign += matches;
        link = &(*link)->next;
    }
    if (err_is_ok(err) && deleted == 0)
        err = foreign > 0 ? OCT_ERR_NOT_OWNER : OCT_ERR_NO_RECORD;
    answer_now(b, REPLY_DEL, err);
}

static void get_names_call(struct octopus_binding *b, const char *query)
{
    static char names[octopus__get_names_response_names_MAX_ARGUMENT_SIZE];
    size_t used = 0;
    errval_t err = oct_record_parse(query, true, &parsed, NULL);
    names[0] = '\0';
    for (struct record *record = records; err_is_ok(err) && record != NULL; record = record->next) {
        if (!oct_record_matches(&record->parsed, &parsed))
            continue;
        if (used + strlen(record->parsed.name.text) + 2 > sizeof(names)) {
            err = OCT_ERR_TOO_MANY;
            break;
        }
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? "," : "",
                                 record->parsed.name.text);
    }
    if (err_is_ok(err) && used == 0)
        err = OCT_ERR_NO_RECORD;
    reply_text(b, REPLY_NAMES, err, names);
}

static void wait_for_call(struct octopus_binding *b, const char *query)
{
    static struct wait wait;
    char text[OCT_RECORD_BYTES];
    errval_t err = oct_record_parse(query, true, &parsed, NULL);
    struct record *record = err_is_ok(err) ? *find(&parsed) : NULL;
    if (record != NULL) {
        print(record, text);
        reply_text(b, REPLY_WAIT_FOR, SYS_ERR_OK, text);
        return;
    }
    wait = (struct wait){ .once = true, .token = b->incoming_token, .mode = OCT_ON_SET };
    if (err_is_ok(err)) {
        snprintf(wait.query.buffer, sizeof(wait.query.buffer), "%s", query);
        err = add_wait(b, wait);
    }
    if (err_is_fail(err))
        reply_text(b, REPLY_WAIT_FOR, err, NULL);
}

/* Waits for the record, under its name: another one that matches would be another's end. */
static void wait_gone_call(struct octopus_binding *b, const char *query)
{
    static struct wait wait;
    errval_t err = oct_record_parse(query, true, &parsed, NULL);
    const struct record *record = err_is_ok(err) ? *find(&parsed) : NULL;
    wait = (struct wait){ .once = true, .token = b->incoming_token, .mode = OCT_ON_DEL };
    if (record != NULL) {
        snprintf(wait.query.buffer, sizeof(wait.query.buffer), "%s", record->parsed.name.text);
        err = add_wait(b, wait);
    }
    if (record == NULL || err_is_fail(err))
        answer_now(b, REPLY_WAIT_GONE, err);
}

static void watch_call(struct octopus_binding *b, const char *query, uint32_t mode, bool existing,
                       uint64_t state)
{
    static struct wait wait;
    char text[OCT_RECORD_BYTES];
    errval_t err = oct_record_parse(query, true, &parsed, NULL);
    wait = (struct wait){ .mode = mode, .state = state, .id = next_watch };
    if (err_is_ok(err)) {
        snprintf(wait.query.buffer, sizeof(wait.query.buffer), "%s", query);
        err = add_wait(b, wait);
    }
    answer(b,
           (struct reply){
               .kind = REPLY_WATCH, .token = b->incoming_token, .err = err, .value = next_watch });
    if (err_is_fail(err))
        return;
    next_watch++;
    for (struct record *record = records; existing && record != NULL; record = record->next)
        if (oct_record_matches(&record->parsed, &parsed)) {
            print(record, text);
            answer(b, (struct reply){
                          .kind = REPLY_EVENT, .mode = OCT_ON_SET, .value = state, .text = text });
        }
}

static void unwatch_call(struct octopus_binding *b, uint64_t id)
{
    struct wait **link = &waits;
    while (*link != NULL && ((*link)->once || (*link)->id != id || (*link)->binding != b))
        link = &(*link)->next;
    const bool found = *link != NULL;
    if (found) {
        const uint64_t state = (*link)->state;
        end_wait(link);
        answer(b, (struct reply){ .kind = REPLY_EVENT, .mode = OCT_REMOVED, .value = state });
    }
    answer_now(b, REPLY_UNWATCH, found ? SYS_ERR_OK : OCT_ERR_INVALID_ID);
}

static void publish_call(struct octopus_binding *b, const char *record)
{
    errval_t err = oct_record_parse(record, false, &parsed, NULL);
    answer_now(b, REPLY_PUBLISH, err);
    if (err_is_ok(err))
        tell(&parsed, record, OCT_ON_PUBLISH);
}

void records_serve(struct octopus_binding *b)
{
    b->rx_vtbl.get_call = get_call;
    b->rx_vtbl.set_call = set_call;
    b->rx_vtbl.del_call = del_call;
    b->rx_vtbl.get_names_call = get_names_call;
    b->rx_vtbl.wait_for_call = wait_for_call;
    b->rx_vtbl.wait_gone_call = wait_gone_call;
    b->rx_vtbl.watch_call = watch_call;
    b->rx_vtbl.unwatch_call = unwatch_call;
    b->rx_vtbl.publish_call = publish_call;
}

void records_forget(struct octopus_binding *b)
{
    for (struct wait **link = &waits; *link != NULL;)
        if ((*link)->binding == b)
            end_wait(link);
        else
            link = &(*link)->next;
    for (struct record **link = &records; *link != NULL;)
        if ((*link)->owner == b)
            drop(link);
        else
            link = &(*link)->next;
}
