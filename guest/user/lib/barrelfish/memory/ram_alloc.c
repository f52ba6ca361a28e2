/* SPDX-License-Identifier: MIT
 *
 * RAM: from the domain's own RAM capability by moving an offset, then from mem_serv.
 *
 * Objects are retyped straight from the own capability at an offset, so a page table or a frame
 * costs one system call.  When the own RAM is used up, mem_serv is asked for a new piece, larger
 * than what is needed, which becomes the own RAM: few conversations, and few system calls after
 * each.  What objects leave is used again (ram_holes.c), and whole pieces go back to mem_serv.
 */
#include <barrelfish/ram_alloc.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/core_state.h>
#include <barrelfish/dispatcher.h>

#include "ram_holes.h"
#include "ram_priv.h"

#define REFILL_BITS 19  /* asked of mem_serv when the own RAM is used up */
#define RAM_BITS_MAX 40 /* no machine has more */

static struct ram_alloc_state *state(void)
{
    return &get_core_state()->ram_alloc;
}

void ram_alloc_init(ram_alloc_func_t server, errval_t (*give_back)(struct capref ram))
{
    struct ram_alloc_state *s = state();

    thread_mutex_init(&s->mutex);
    s->own = (struct capref){ .cnode = cnode_super, .slot = 0 };
    s->server = server;
    s->give_back = give_back;
}

void ram_set_affinity(uint64_t minbase, uint64_t maxlimit)
{
    state()->minbase = minbase;
    state()->maxlimit = maxlimit;
}

void ram_get_affinity(uint64_t *minbase, uint64_t *maxlimit)
{
    *minbase = state()->minbase;
    *maxlimit = state()->maxlimit;
}

errval_t ram_alloc_set(ram_alloc_func_t local)
{
    state()->func = local;
    return SYS_ERR_OK;
}

/* Learns base and size of a new own RAM; the mutex is held.  No RAM there: none of it is ours. */
static void identify_own(struct ram_alloc_state *s)
{
    struct capability cap;

    if (s->own_bytes != 0 || capref_is_null(s->own))
        return;
    if (err_is_fail(cap_direct_identify(s->own, &cap)) || cap.type != ObjType_RAM) {
        s->own = NULL_CAP;
        return;
    }
    s->own_base = cap.u.mem.base;
    s->own_bytes = cap.u.mem.bytes;
    s->own_next = 0;
    (void)ram_piece_add(s->own, s->own_base, s->own_bytes, s->own_lent);
}

/* Takes `bytes`, aligned to `align` physically.  False if there is not so much. */
static bool take_own(struct ram_alloc_state *s, gensize_t bytes, gensize_t align,
                     struct capref *src, gensize_t *offset)
{
    identify_own(s);
    if (capref_is_null(s->own))
        return false;
    gensize_t start = ROUND_UP(s->own_base + s->own_next, align) - s->own_base;
    genpaddr_t first = s->own_base + start;

    if (start > s->own_bytes || bytes > s->own_bytes - start ||
        (s->maxlimit != 0 && (first < s->minbase || first + bytes > s->maxlimit)))
        return false;
    assert(start >= s->own_next); /* what is handed out once is not handed out again */
    *src = s->own;
    *offset = start;
    s->own_next = start + bytes;
    return true;
}

/* Of a piece that seems to be free the CPU driver says whether it is. */
static void give_back(struct ram_alloc_state *s, const struct ram_piece *piece)
{
    struct capref probe;

    if (err_is_fail(slot_alloc(&probe)))
        return;
    errval_t err = invoke_cnode_retype(probe, piece->cap, 0, ObjType_RAM, piece->bytes, 1);
    if (err_is_ok(err))
        err = cap_delete(probe);
    slot_free(probe);
    if (err_is_ok(err)) {
        err = s->give_back(piece->cap);
        if (err_is_fail(err))
            DEBUG_ERR(err, "giving RAM back");
    }
}

void ram_return_free(gensize_t keep)
{
    struct ram_alloc_state *s = state();
    struct ram_piece piece;

    if (s->give_back == NULL)
        return;
    while (ram_piece_take_free(s->own, keep, &piece))
        give_back(s, &piece);
}

/* RAM from somebody else, in a slot of its own.  What is free goes back before, since it did not
 * do: mem_serv may make something larger of it. */
static errval_t ask(struct ram_alloc_state *s, struct capref *ret, uint8_t bits)
{
    if (s->func != NULL)
        return s->func(ret, bits, s->minbase, s->maxlimit);
    ram_return_free(0);
    return s->server != NULL ? s->server(ret, bits, s->minbase, s->maxlimit)
                             : (errval_t)LIB_ERR_RAM_ALLOC_FIXED_EXHAUSTED;
}

/* Replaces the own RAM, of which less than a refill is left, by a fresh piece. */
static errval_t refill(struct ram_alloc_state *s)
{
    struct capref ram;
    errval_t err = ask(s, &ram, REFILL_BITS);

    if (err_is_fail(err))
        return err;
    thread_mutex_lock(&s->mutex);
    const genpaddr_t rest = s->own_base + s->own_next;
    const gensize_t rest_bytes = capref_is_null(s->own) ? 0 : s->own_bytes - s->own_next;
    s->own = ram; /* the old capability stays: its RAM is in use */
    s->own_bytes = 0;
    s->own_lent = s->func == NULL;
    identify_own(s);
    thread_mutex_unlock(&s->mutex);
    if (rest_bytes > 0)
        ram_hole_add(rest, rest_bytes);
    return SYS_ERR_OK;
}

/* A place to retype from: the own RAM at *offset, or a capability of just this size, which the
 * caller then owns (*own false). */
static errval_t take(gensize_t bytes, gensize_t align, struct capref *src, gensize_t *offset,
                     bool *own)
{
    struct ram_alloc_state *s = state();

    if (bytes > 1ul << RAM_BITS_MAX)
        return LIB_ERR_RAM_ALLOC_WRONG_SIZE;
    for (int attempt = 0;; attempt++) {
        thread_mutex_lock(&s->mutex);
        *own = take_own(s, bytes, align, src, offset);
        thread_mutex_unlock(&s->mutex);
        if (*own)
            return SYS_ERR_OK;
        if (bytes > (1ul << REFILL_BITS) / 4 || attempt > 0 || s->server == NULL)
            break;
        errval_t err = refill(s);
        if (err_is_fail(err))
            return err;
    }
    uint8_t bits = BASE_PAGE_BITS;
    while ((1ul << bits) < bytes)
        bits++;
    *offset = 0;
    return ask(s, src, bits);
}

/* RAM comes in powers of two.  It stays for as long as its object is there, and what the object
 * leaves of it is for the next ones. */
static bool keep_piece(struct capref ram, gensize_t used)
{
    struct ram_alloc_state *s = state();
    struct capability cap;

    used = ROUND_UP(used, BASE_PAGE_SIZE);
    if (s->server == NULL || s->func != NULL || err_is_fail(cap_direct_identify(ram, &cap)))
        return false;
    thread_mutex_lock(&s->mutex);
    const bool kept = ram_piece_add(ram, cap.u.mem.base, cap.u.mem.bytes, true);
    thread_mutex_unlock(&s->mutex);
    if (kept && cap.u.mem.bytes > used)
        ram_hole_add(cap.u.mem.base + used, cap.u.mem.bytes - used);
    return kept;
}

/* Makes an object where another one has been.  LIB_ERR_RAM_ALLOC: there is no such place. */
static errval_t reuse(struct capref dest, unsigned objtype, gensize_t bytes, gensize_t memory,
                      gensize_t align)
{
    struct capref src;
    gensize_t offset;

    while (ram_hole_take(memory, align, &src, &offset)) {
        errval_t err = invoke_cnode_retype(dest, src, offset, objtype, bytes, 1);

        if (err_no(err) != SYS_ERR_REVOKE_FIRST && err_no(err) != SYS_ERR_RETRY_THROUGH_MONITOR &&
            err_no(err) != SYS_ERR_CAP_LOCKED)
            return err;
    }
    return LIB_ERR_RAM_ALLOC;
}

errval_t ram_prepare(gensize_t bytes)
{
    struct ram_alloc_state *s = state();

    thread_mutex_lock(&s->mutex);
    identify_own(s);
    bool enough = !capref_is_null(s->own) && s->own_bytes - s->own_next >= bytes;
    thread_mutex_unlock(&s->mutex);
    /* What is larger than a refill, or cannot be had, fails where it is used. */
    if (enough || s->server == NULL || bytes > 1ul << REFILL_BITS)
        return SYS_ERR_OK;
    return refill(s);
}

errval_t ram_alloc(struct capref *ret, uint8_t bits)
{
    struct capref src;
    gensize_t offset;
    bool own;

    if (bits < BASE_PAGE_BITS || bits > RAM_BITS_MAX)
        return LIB_ERR_RAM_ALLOC_WRONG_SIZE;
    errval_t err = slot_alloc(ret);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = reuse(*ret, ObjType_RAM, 1ul << bits, 1ul << bits, 1ul << bits);
    if (err_is_ok(err))
        return err;
    slot_free(*ret);
    err = take(1ul << bits, 1ul << bits, &src, &offset, &own);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_RAM_ALLOC);
    if (!own) {
        *ret = src;
        return SYS_ERR_OK;
    }
    err = slot_alloc(ret);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_SLOT_ALLOC);
    err = invoke_cnode_retype(*ret, src, offset, ObjType_RAM, 1ul << bits, 1);
    if (err_is_fail(err))
        slot_free(*ret);
    return err;
}

errval_t ram_create_object(struct capref dest, unsigned objtype, gensize_t bytes)
{
    gensize_t memory = bytes;
    struct capref src;
    gensize_t offset;
    bool own;

    if (objtype == ObjType_L2CNode)
        memory = OBJSIZE_L2CNODE;
    else if (objtype == ObjType_Dispatcher || (objtype >= ObjType_VNode_x86_64_pml4 &&
                                               objtype <= ObjType_VNode_x86_64_ptable_Mapping))
        memory = BASE_PAGE_SIZE; /* whole pages, so that the next object starts on one */
    memory = ROUND_UP(memory, BASE_PAGE_SIZE);
    /* the heap waits for this: of other cores nobody is asked */
    errval_t err = reuse(dest, objtype, bytes, memory, BASE_PAGE_SIZE);
    if (err_no(err) != LIB_ERR_RAM_ALLOC)
        return err;
    err = take(memory, BASE_PAGE_SIZE, &src, &offset, &own);
    if (err_is_fail(err))
        return err_push(err, LIB_ERR_RAM_ALLOC);
    err = invoke_cnode_retype(dest, src, offset, objtype, bytes, 1);
    if (own || (err_is_ok(err) && keep_piece(src, memory)))
        return err;
    errval_t ended = cap_destroy(src);

    return err_is_fail(err) ? err : ended;
}

errval_t ram_own_give_up(gensize_t keep_bytes, struct capref *region, gensize_t *offset,
                         gensize_t *bytes)
{
    struct ram_alloc_state *s = state();
    errval_t err = LIB_ERR_RAM_ALLOC;

    thread_mutex_lock(&s->mutex);
    identify_own(s);
    gensize_t limit = ROUND_UP(s->own_next + keep_bytes, BASE_PAGE_SIZE);
    if (!capref_is_null(s->own) && limit <= s->own_bytes) {
        *region = s->own;
        *offset = limit;
        *bytes = s->own_bytes - limit;
        s->own_bytes = limit;
        ram_piece_shorten(s->own, limit);
        err = SYS_ERR_OK;
    }
    thread_mutex_unlock(&s->mutex);
    return err;
}
