/* SPDX-License-Identifier: MIT
 *
 * Names of channels, for the machine that looks at the UMP window.
 *
 * A channel that crosses cores has a record in the window (abi/ports.h): which interface, whose
 * rings, where they lie, how to wake either end.  The record stands before either end maps the
 * rings; the fabric port only says that it has changed.  Records lie on pages of this core's share,
 * one from the start, further ones while they are needed; the first line of each page says where
 * the next one is, so that the pages can be followed from memory alone.  Must take a name back
 * before the rings' memory is given out again.
 */
#include "monitor.h"

#include <string.h>

struct record_page {
    genpaddr_t base, next; /* the first line of the page; next is 0 at the end */
    uint64_t pad[6];
    struct abi_channel record[ABI_CHANNEL_RECORDS];
};
_Static_assert(sizeof(struct record_page) == BASE_PAGE_SIZE, "records fill a page");

/* What the monitor knows of a page. */
struct pages {
    struct pages *next, *before;  /* as the pages themselves say */
    struct pages *next_in_bucket; /* of `by_base` */
    struct pages *next_roomy, **roomy_at;
    volatile struct record_page *page;
    struct capref frame;
    uint32_t used;
};

#define BUCKETS 64
static struct pages *pages, *roomy; /* all, and those with a free record */
static struct pages *by_base[BUCKETS];

static const struct abi_line_layout ump_layout = {
    .line_bytes = UMP_LINE_BYTES,
    .commit = ABI_COMMIT_IN_LINE,
    .commit_offset = offsetof(struct ump_message, control),
    .type_offset = offsetof(struct ump_message, control),
    .wake_offset = offsetof(struct ump_control_line, wake),
    .epoch_shift = 0,
    .type_shift = 1,
    .type_bits = 15,
    .ack_shift = 16,
    .ack_bits = 16,
};

static struct pages **bucket_of(genpaddr_t base)
{
    return &by_base[base / BASE_PAGE_SIZE % BUCKETS];
}

static void has_room(struct pages *p)
{
    p->next_roomy = roomy;
    p->roomy_at = &roomy;
    if (roomy != NULL)
        roomy->roomy_at = &p->next_roomy;
    roomy = p;
}

static void has_no_room(struct pages *p)
{
    assert(*p->roomy_at == p); /* not taken out before */
    *p->roomy_at = p->next_roomy;
    if (p->next_roomy != NULL)
        p->next_roomy->roomy_at = p->roomy_at;
}

static errval_t add_page(void)
{
    struct pages *new = malloc(sizeof(*new));
    struct capref frame;
    genpaddr_t base;
    uint32_t bytes;
    void *memory;
    if (new == NULL)
        return LIB_ERR_MALLOC_FAIL;
    errval_t err = window_alloc(sizeof(struct record_page), &frame, &base, &bytes);
    if (err_is_fail(err)) {
        free(new);
        return err;
    }
    err = vspace_map_one_frame(&memory, bytes, frame, NULL, NULL);
    if (err_is_fail(err)) {
        drop_cap(frame);
        window_free(base, bytes);
        free(new);
        return err;
    }
    *new = (struct pages){ .next = pages, .page = memory, .frame = frame };
    new->page->base = base;
    new->page->next = pages != NULL ? pages->page->base : 0;
    if (pages != NULL)
        pages->before = new;
    pages = new;
    new->next_in_bucket = *bucket_of(base);
    *bucket_of(base) = new;
    has_room(new);
    return SYS_ERR_OK;
}

/* The last page stays: a channel at a time shall not cost a page each time. */
static void give_back_unused(struct pages *p)
{
    if (p->used > 0 || (p == pages && p->next == NULL))
        return;
    if (p->next != NULL)
        p->next->before = p->before;
    if (p->before != NULL) {
        p->before->next = p->next;
        p->before->page->next = p->page->next;
    } else {
        pages = p->next;
    }
    has_no_room(p);
    genpaddr_t base = p->page->base;
    struct pages **link = bucket_of(base);
    while (*link != p) {
        assert(*link != NULL); /* its base is that under which it came in */
        link = &(*link)->next_in_bucket;
    }
    *link = p->next_in_bucket;
    vspace_unmap((const void *)(uintptr_t)p->page);
    revoke_frame(p->frame);
    window_free(base, sizeof(struct record_page));
    free(p);
}

static genpaddr_t record_address(const struct pages *p, unsigned index)
{
    return p->page->base + offsetof(struct record_page, record) +
           index * sizeof(struct abi_channel);
}

/* A free record of a page, or NULL. */
static struct pages *find_free(unsigned *index)
{
    *index = 0;
    while (roomy != NULL && roomy->page->record[*index].state != ABI_CHANNEL_FREE) {
        ++*index;
        assert(*index < ABI_CHANNEL_RECORDS); /* it has room */
    }
    return roomy;
}

/* The page that holds this record, or NULL. */
static struct pages *find_record(genpaddr_t address, unsigned *index)
{
    const genpaddr_t base = address & ~(genpaddr_t)(BASE_PAGE_SIZE - 1);
    struct pages *p = *bucket_of(base);
    while (p != NULL && p->page->base != base)
        p = p->next_in_bucket;
    *index = (unsigned)((address - base - offsetof(struct record_page, record)) /
                        sizeof(struct abi_channel));
    return p;
}

static void ring_the_bell(genpaddr_t record)
{
    errval_t err = invoke_kernel_register_channel(cap_kernel, record);
    if (err_is_fail(err))
        DEBUG_ERR(err, "telling the machine about a channel");
}

void fabric_init(void)
{
    errval_t err = add_page();
    if (err_is_fail(err))
        DEBUG_ERR(err, "naming channels");
}

genpaddr_t fabric_name(const struct fabric_channel *c)
{
    unsigned index;
    struct pages *p = find_free(&index);
    if (p == NULL && err_is_ok(add_page()))
        p = find_free(&index);
    if (p == NULL)
        return 0; /* the channel works without a name */
    struct abi_channel is = {
        .magic = ABI_CHANNEL_MAGIC,
        .state = ABI_CHANNEL_NAMED,
        .ring = { [ABI_CHANNEL_SERVER] = { .base = c->base,
                                           .bytes = c->inlen,
                                           .notify_id = c->server_notify_id,
                                           .core = c->server_core },
                  [ABI_CHANNEL_CLIENT] = { .base = c->base + c->inlen,
                                           .bytes = c->outlen,
                                           .notify_id = c->client_notify_id,
                                           .core = c->client_core } },
        .layout = c->layout.line_bytes != 0 ? c->layout : ump_layout,
    };
    strncpy(is.interface, c->interface, sizeof(is.interface) - 1);
    strncpy(is.server, c->server, sizeof(is.server) - 1);
    strncpy(is.client, c->client, sizeof(is.client) - 1);
    p->page->record[index] = is;
    if (++p->used == ABI_CHANNEL_RECORDS)
        has_no_room(p);
    ring_the_bell(record_address(p, index));
    return record_address(p, index);
}

void fabric_server_notify(genpaddr_t address, uint32_t notify_id)
{
    unsigned index;
    struct pages *p = find_record(address, &index);
    if (p == NULL)
        return; /* it has no name */
    p->page->record[index].ring[ABI_CHANNEL_SERVER].notify_id = notify_id;
    ring_the_bell(address);
}

void fabric_forget(genpaddr_t address)
{
    unsigned index;
    struct pages *p = find_record(address, &index);
    if (p == NULL)
        return;
    p->page->record[index].state = ABI_CHANNEL_FREE;
    ring_the_bell(address);
    if (p->used-- == ABI_CHANNEL_RECORDS)
        has_room(p);
    give_back_unused(p);
}
