/* SPDX-License-Identifier: MIT
 *
 * Memory objects: the frames they hold, and what of them is mapped (facts §2.2).
 *
 * An object's mutex is held while it changes, also while a frame is allocated and mapped for it:
 * neither comes back here.  Of two threads that touch the same page the second finds it mapped.
 */
#include <barrelfish/memobj.h>

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <stdlib.h>

#include "vspace_priv.h"

/* A frame, or a part of one, from an offset of the object on. */
struct memobj_piece {
    size_t offset, bytes;
    struct capref frame;
    size_t frame_offset;
    struct memobj_piece *next; /* by offset */
    genvaddr_t mapped_at;      /* 0: it is not mapped */
    unsigned pins;
};

struct memobj_rights {
    size_t offset, bytes;
    vregion_flags_t flags;
    struct memobj_rights *next;
};

/* ---- pieces ---- */

/* Where the piece is, or would be, that covers an offset. */
static struct memobj_piece **piece_link(struct memobj *m, size_t offset)
{
    struct memobj_piece **link = &m->pieces;

    while (*link != NULL && (*link)->offset + (*link)->bytes <= offset)
        link = &(*link)->next;
    return link;
}

static struct memobj_piece *piece_at(struct memobj *m, size_t offset)
{
    struct memobj_piece *piece = *piece_link(m, offset);

    return piece != NULL && piece->offset <= offset ? piece : NULL;
}

static bool may_lie(struct memobj *m, size_t offset, size_t bytes)
{
    const struct memobj_piece *next = *piece_link(m, offset);

    if (offset % BASE_PAGE_SIZE != 0 || bytes == 0 || offset >= m->size ||
        bytes > m->size - offset || (next != NULL && next->offset < offset + bytes))
        return false;
    switch (m->type) {
    case MEMOBJ_ONE_FRAME:
        return offset == 0 && m->pieces == NULL;
    case MEMOBJ_FIXED:
        return offset % m->chunk == 0 && bytes <= m->chunk;
    default:
        return true;
    }
}

static struct memobj_piece *add_piece(struct memobj *m, size_t offset, struct capref frame,
                                      size_t bytes, size_t frame_offset)
{
    struct memobj_piece *piece = malloc(sizeof(*piece)), **link = piece_link(m, offset);

    if (piece == NULL)
        return NULL;
    assert(*link == NULL || (*link)->offset - offset >= bytes); /* two frames for one page */
    *piece = (struct memobj_piece){ .offset = offset,
                                    .bytes = bytes,
                                    .frame = frame,
                                    .frame_offset = frame_offset,
                                    .next = *link };
    *link = piece;
    return piece;
}

static errval_t unmap_piece(struct memobj_piece *piece)
{
    errval_t err = SYS_ERR_OK;

    if (piece->mapped_at != 0)
        err = vspace_unmap_reserved(piece->mapped_at);
    piece->mapped_at = 0;
    return err;
}

/* ---- rights ---- */

static vregion_flags_t rights_at(const struct memobj *m, const struct vregion *vregion,
                                 size_t offset)
{
    const struct memobj_rights *r = m->rights;

    while (r != NULL && (offset < r->offset || offset >= r->offset + r->bytes))
        r = r->next;
    return (r != NULL ? r->flags : vregion->flags) & VREGION_FLAGS_MASK;
}

static vregion_flags_t mapping_flags(const struct vregion *vregion, vregion_flags_t rights)
{
    return (vregion->flags & ~(VREGION_FLAGS_MASK | VREGION_FLAGS_GUARD)) | rights;
}

static void forget_rights(struct memobj *m)
{
    while (m->rights != NULL) {
        struct memobj_rights *r = m->rights;

        m->rights = r->next;
        free(r);
    }
}

/* What a piece is mapped with may differ from page to page. */
static errval_t apply_rights(const struct memobj *m, const struct vregion *vregion, size_t from,
                             size_t end, vregion_flags_t mapped)
{
    errval_t err = SYS_ERR_OK;

    for (size_t first = from, next; first < end && err_is_ok(err); first = next) {
        const vregion_flags_t rights = rights_at(m, vregion, first);

        for (next = first + BASE_PAGE_SIZE; next < end && rights_at(m, vregion, next) == rights;)
            next += BASE_PAGE_SIZE;
        if (rights == VREGION_FLAGS_NONE) /* a page that is mapped can be read */
            err = SYS_ERR_VM_MAP_RIGHTS;
        else if (rights != mapped)
            err = vspace_protect_mapped(vregion->base + first - vregion->offset, next - first,
                                        mapping_flags(vregion, rights));
    }
    return err;
}

/* ---- mapping ---- */

/* The part of a piece that the region shows; false: none. */
static bool shown_part(const struct vregion *vregion, const struct memobj_piece *piece,
                       size_t *from, size_t *end)
{
    const size_t region_end = vregion->offset + vregion->size;

    *from = piece->offset > vregion->offset ? piece->offset : vregion->offset;
    *end = piece->offset + piece->bytes < region_end ? piece->offset + piece->bytes : region_end;
    return *from < *end;
}

static errval_t map_piece(struct memobj *m, struct vregion *vregion, struct memobj_piece *piece)
{
    size_t from, end;

    if (piece->mapped_at != 0 || !shown_part(vregion, piece, &from, &end))
        return SYS_ERR_OK;
    const vregion_flags_t rights = rights_at(m, vregion, from);
    const genvaddr_t address = vregion->base + from - vregion->offset;
    errval_t err = vspace_map_reserved(address, end - from, piece->frame,
                                       piece->frame_offset + from - piece->offset,
                                       mapping_flags(vregion, rights));
    if (err_is_fail(err))
        return err;
    piece->mapped_at = address;
    err = m->rights != NULL ? apply_rights(m, vregion, from, end, rights) : SYS_ERR_OK;
    if (err_is_fail(err))
        unmap_piece(piece);
    return err;
}

/* Zeroed memory for an offset; as large as it may be. */
static errval_t fill_on_demand(struct memobj *m, const struct vregion *vregion, size_t offset,
                               struct memobj_piece **ret)
{
    const size_t large = ROUND_DOWN(offset, LARGE_PAGE_SIZE);
    struct capref frame;
    size_t bytes = BASE_PAGE_SIZE;
    errval_t err = LIB_ERR_RAM_ALLOC;

    offset = ROUND_DOWN(offset, BASE_PAGE_SIZE);
    if ((vregion->flags & VREGION_FLAGS_LARGE) != 0 &&
        (vregion->base - vregion->offset) % LARGE_PAGE_SIZE == 0 &&
        may_lie(m, large, LARGE_PAGE_SIZE))
        err = vspace_frame_alloc(&frame, LARGE_PAGE_SIZE, VREGION_FLAGS_LARGE, &bytes);
    if (err_is_ok(err))
        offset = large;
    else
        err = vspace_frame_alloc(&frame, BASE_PAGE_SIZE, VREGION_FLAGS_NONE, &bytes);
    if (err_is_fail(err))
        return err;
    *ret = add_piece(m, offset, frame, bytes, 0);
    if (*ret == NULL) {
        cap_destroy(frame);
        return LIB_ERR_MALLOC_FAIL;
    }
    return SYS_ERR_OK;
}

static bool is_mapped_here(genvaddr_t address)
{
    struct vspace *v = vspace_here();

    thread_mutex_lock(&v->mutex);
    bool mapped = vspace_region_at(v, address) != NULL;
    thread_mutex_unlock(&v->mutex);
    return mapped;
}

/* The mutex is held.  *ret: what lies there now. */
static errval_t fault_in(struct memobj *m, struct vregion *vregion, genvaddr_t offset,
                         vm_fault_type_t type, struct memobj_piece **ret)
{
    if (offset >= vregion->size)
        return LIB_ERR_MEMOBJ_WRONG_OFFSET;
    const vregion_flags_t rights = rights_at(m, vregion, vregion->offset + offset);
    if (rights == VREGION_FLAGS_NONE || ((type & ~rights) != 0 && type != VM_FAULT_READ))
        return LIB_ERR_MEMOBJ_PROTECT;

    struct memobj_piece *piece = piece_at(m, vregion->offset + offset);
    errval_t err = SYS_ERR_OK;
    if (piece == NULL)
        err = m->type == MEMOBJ_ANON ? fill_on_demand(m, vregion, vregion->offset + offset, &piece)
                                     : (errval_t)LIB_ERR_MEMOBJ_NOT_FILLED;
    if (err_is_ok(err))
        err = map_piece(m, vregion, piece);
    if (err_is_ok(err) && !is_mapped_here(vregion->base + offset)) /* private to another one */
        err = LIB_ERR_MEMOBJ_NOT_FILLED;
    *ret = piece;
    return err;
}

/* ---- the functions ---- */

/* A frame that vspace_map_* has mapped shows itself as an object: it is mapped, and stays so. */
static bool is_shown(const struct memobj *m)
{
    return m->vregion != NULL && m->vregion->of_library;
}

static errval_t map_region(struct memobj *m, struct vregion *vregion)
{
    errval_t err = SYS_ERR_OK;

    thread_mutex_lock(&m->mutex);
    if (m->vregion != NULL)
        err = LIB_ERR_MEMOBJ_VREGION_ALREADY_MAPPED;
    else
        m->vregion = vregion;
    if (err_is_ok(err) && m->type == MEMOBJ_PINNED)
        for (struct memobj_piece *p = m->pieces; p != NULL && err_is_ok(err); p = p->next)
            err = map_piece(m, vregion, p);
    if (err_is_fail(err) && m->vregion == vregion) {
        for (struct memobj_piece *p = m->pieces; p != NULL; p = p->next)
            unmap_piece(p);
        m->vregion = NULL;
    }
    thread_mutex_unlock(&m->mutex);
    return err;
}

static errval_t unmap_region(struct memobj *m, struct vregion *vregion)
{
    errval_t err = SYS_ERR_OK;

    if (m->vregion != vregion || is_shown(m))
        return LIB_ERR_VREGION_NOT_FOUND;
    thread_mutex_lock(&m->mutex);
    for (struct memobj_piece *p = m->pieces; p != NULL; p = p->next) {
        errval_t unmapped = unmap_piece(p);

        err = err_is_fail(err) ? err : unmapped;
        p->pins = 0;
    }
    forget_rights(m);
    m->vregion = NULL;
    thread_mutex_unlock(&m->mutex);
    return err;
}

/* Other rights for what is mapped in [from, end).  Pages without any are taken out; they must be
 * whole pieces then. */
static errval_t protect_mapped(struct memobj *m, const struct vregion *vregion, size_t from,
                               size_t end, vregion_flags_t flags)
{
    errval_t err = SYS_ERR_OK;

    for (struct memobj_piece *p = m->pieces; p != NULL && err_is_ok(err); p = p->next) {
        const size_t first = p->offset > from ? p->offset : from;
        const size_t last = p->offset + p->bytes < end ? p->offset + p->bytes : end;

        if (p->mapped_at == 0 || first >= last)
            continue;
        if (flags != VREGION_FLAGS_NONE)
            err = vspace_protect_mapped(vregion->base + first - vregion->offset, last - first,
                                        mapping_flags(vregion, flags));
        else if (last - first == p->bytes)
            err = unmap_piece(p);
        else
            err = SYS_ERR_VM_MAP_RIGHTS;
    }
    return err;
}

static errval_t protect(struct memobj *m, struct vregion *vregion, genvaddr_t offset, size_t range,
                        vs_prot_flags_t flags)
{
    errval_t err;

    range = ROUND_UP(range, BASE_PAGE_SIZE);
    flags &= VREGION_FLAGS_MASK;
    if (m->vregion != vregion || offset % BASE_PAGE_SIZE != 0 || offset > vregion->size ||
        range > vregion->size - offset)
        return err_push(LIB_ERR_MEMOBJ_WRONG_OFFSET, LIB_ERR_MEMOBJ_PROTECT);
    if (is_shown(m)) {
        err = vspace_protect_mapped(vregion->base + offset, range, mapping_flags(vregion, flags));
        return err_is_fail(err) ? err_push(err, LIB_ERR_MEMOBJ_PROTECT) : err;
    }
    struct memobj_rights *r = malloc(sizeof(*r));
    if (r == NULL)
        return LIB_ERR_MALLOC_FAIL;
    const size_t from = vregion->offset + offset;
    thread_mutex_lock(&m->mutex);
    err = protect_mapped(m, vregion, from, from + range, flags);
    if (err_is_ok(err) && range == vregion->size) {
        vregion->flags = (vregion->flags & ~VREGION_FLAGS_MASK) | flags;
        forget_rights(m);
    } else if (err_is_ok(err)) {
        *r = (struct memobj_rights){ from, range, flags, m->rights };
        m->rights = r;
        r = NULL;
    }
    thread_mutex_unlock(&m->mutex);
    free(r);
    return err_is_fail(err) ? err_push(err, LIB_ERR_MEMOBJ_PROTECT) : err;
}

static errval_t pin(struct memobj *m, struct vregion *vregion, genvaddr_t offset, size_t range)
{
    errval_t err = SYS_ERR_OK;

    if (m->vregion != vregion || offset > vregion->size || range > vregion->size - offset)
        return LIB_ERR_MEMOBJ_WRONG_OFFSET;
    if (is_shown(m))
        return SYS_ERR_OK;
    thread_mutex_lock(&m->mutex);
    for (genvaddr_t at = offset; at < offset + range && err_is_ok(err);) {
        struct memobj_piece *piece;

        err = fault_in(m, vregion, at, VM_FAULT_ANY, &piece);
        if (err_is_ok(err)) {
            piece->pins++;
            at = piece->offset + piece->bytes - vregion->offset;
        }
    }
    thread_mutex_unlock(&m->mutex);
    return err;
}

static errval_t unpin(struct memobj *m, struct vregion *vregion, genvaddr_t offset, size_t range)
{
    if (m->vregion != vregion || offset > vregion->size || range > vregion->size - offset)
        return LIB_ERR_MEMOBJ_WRONG_OFFSET;
    const size_t from = vregion->offset + offset;
    thread_mutex_lock(&m->mutex);
    for (struct memobj_piece *p = m->pieces; p != NULL; p = p->next)
        if (p->pins > 0 && p->offset < from + range && from < p->offset + p->bytes)
            p->pins--;
    thread_mutex_unlock(&m->mutex);
    return SYS_ERR_OK;
}

static errval_t fill_foff(struct memobj *m, genvaddr_t offset, struct capref frame, size_t bytes,
                          genpaddr_t frame_offset)
{
    errval_t err = LIB_ERR_MEMOBJ_WRONG_OFFSET;
    struct memobj_piece *piece = NULL;

    bytes = ROUND_UP(bytes, BASE_PAGE_SIZE);
    if (offset < m->size && bytes > m->size - offset)
        bytes = m->size - offset;
    thread_mutex_lock(&m->mutex);
    if (!is_shown(m) && frame_offset % BASE_PAGE_SIZE == 0 && may_lie(m, offset, bytes)) {
        piece = add_piece(m, offset, frame, bytes, frame_offset);
        err = piece != NULL ? SYS_ERR_OK : LIB_ERR_MALLOC_FAIL;
    }
    if (piece != NULL && m->type == MEMOBJ_PINNED && m->vregion != NULL) {
        err = map_piece(m, m->vregion, piece);
        if (err_is_fail(err)) {
            *piece_link(m, offset) = piece->next;
            free(piece);
        }
    }
    thread_mutex_unlock(&m->mutex);
    if (err_is_ok(err) && m->type == MEMOBJ_ONE_FRAME) {
        ((struct memobj_one_frame *)m)->frame = frame;
        ((struct memobj_one_frame *)m)->offset = frame_offset;
    }
    return err_is_fail(err) ? err_push(err, LIB_ERR_MEMOBJ_FILL) : err;
}

static errval_t fill(struct memobj *m, genvaddr_t offset, struct capref frame, size_t bytes)
{
    return fill_foff(m, offset, frame, bytes, 0);
}

/* The mutex is held. */
static errval_t take_out(struct memobj_piece **link, struct capref *frame)
{
    struct memobj_piece *piece = *link;
    if (piece->pins > 0)
        return LIB_ERR_MEMOBJ_PINNED;
    errval_t err = unmap_piece(piece);
    *frame = piece->frame;
    *link = piece->next;
    free(piece);
    return err;
}

static errval_t unfill(struct memobj *m, genvaddr_t offset, struct capref *ret_frame,
                       genvaddr_t *ret_offset)
{
    errval_t err = LIB_ERR_MEMOBJ_UNFILL_TOO_HIGH;

    thread_mutex_lock(&m->mutex);
    struct memobj_piece *piece = piece_at(m, offset);
    if (piece != NULL) {
        if (ret_offset != NULL)
            *ret_offset = piece->offset;
        err = take_out(piece_link(m, piece->offset), ret_frame);
    }
    thread_mutex_unlock(&m->mutex);
    return err;
}

static errval_t pagefault(struct memobj *m, struct vregion *vregion, genvaddr_t offset,
                          vm_fault_type_t type)
{
    struct memobj_piece *piece;

    if (m->vregion != vregion)
        return LIB_ERR_VREGION_NOT_FOUND;
    if (is_shown(m))
        return offset < vregion->size ? SYS_ERR_OK : LIB_ERR_MEMOBJ_WRONG_OFFSET;
    thread_mutex_lock(&m->mutex);
    errval_t err = fault_in(m, vregion, offset, type, &piece);
    thread_mutex_unlock(&m->mutex);
    return err;
}

static errval_t pager_free(struct memobj *m, size_t bytes, struct capref *frames, size_t count,
                           size_t *ret_count)
{
    errval_t err = SYS_ERR_OK;
    size_t taken = 0, freed = 0;

    thread_mutex_lock(&m->mutex);
    struct memobj_piece **link = &m->pieces;
    while (*link != NULL && taken < count && freed < bytes && err_is_ok(err)) {
        if ((*link)->pins > 0) {
            link = &(*link)->next;
        } else {
            freed += (*link)->bytes;
            err = take_out(link, &frames[taken++]);
        }
    }
    thread_mutex_unlock(&m->mutex);
    *ret_count = taken;
    return err;
}

/* ---- making and destroying ---- */

static errval_t create(struct memobj *m, enum memobj_type type, size_t size, memobj_flags_t flags)
{
    if (size == 0 || size % BASE_PAGE_SIZE != 0)
        return ERR_INVALID_ARGS;
    *m = (struct memobj){ .f = { .map_region = map_region,
                                 .unmap_region = unmap_region,
                                 .protect = protect,
                                 .pin = pin,
                                 .unpin = unpin,
                                 .fill = fill,
                                 .fill_foff = fill_foff,
                                 .unfill = unfill,
                                 .pagefault = pagefault,
                                 .pager_free = pager_free },
                          .size = size,
                          .flags = flags,
                          .type = type };
    thread_mutex_init(&m->mutex);
    return SYS_ERR_OK;
}

errval_t memobj_create_one_frame(struct memobj_one_frame *one, size_t size, memobj_flags_t flags)
{
    one->frame = NULL_CAP;
    one->offset = 0;
    return create(&one->m, MEMOBJ_ONE_FRAME, size, flags);
}

errval_t memobj_create_anon(struct memobj_anon *anon, size_t size, memobj_flags_t flags)
{
    return create(&anon->m, MEMOBJ_ANON, size, flags);
}

errval_t memobj_create_pinned(struct memobj_pinned *pinned, size_t size, memobj_flags_t flags)
{
    return create(&pinned->m, MEMOBJ_PINNED, size, flags);
}

errval_t memobj_create_fixed(struct memobj_fixed *fixed, size_t size, memobj_flags_t flags,
                             size_t count, size_t chunk_size)
{
    if (chunk_size == 0 || chunk_size % BASE_PAGE_SIZE != 0 || count != size / chunk_size ||
        size % chunk_size != 0)
        return ERR_INVALID_ARGS;
    errval_t err = create(&fixed->m, MEMOBJ_FIXED, size, flags);
    fixed->m.chunk = fixed->chunk_size = chunk_size;
    fixed->count = count;
    return err;
}

static errval_t destroy(struct memobj *m)
{
    errval_t err = SYS_ERR_OK;

    if (m->vregion != NULL)
        return LIB_ERR_MEMOBJ_VREGION_ALREADY_MAPPED;
    while (m->pieces != NULL) {
        struct memobj_piece *piece = m->pieces;

        m->pieces = piece->next;
        assert(piece->mapped_at == 0); /* else the frame would go while it is mapped */
        errval_t gone = cap_destroy(piece->frame);
        err = err_is_fail(err) ? err : gone;
        free(piece);
    }
    return err;
}

errval_t memobj_destroy_one_frame(struct memobj *memobj)
{
    return destroy(memobj);
}

errval_t memobj_destroy_anon(struct memobj *memobj)
{
    return destroy(memobj);
}

errval_t memobj_destroy_pinned(struct memobj *memobj)
{
    return destroy(memobj);
}

errval_t memobj_destroy_fixed(struct memobj *memobj)
{
    return destroy(memobj);
}
