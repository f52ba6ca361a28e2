/* SPDX-License-Identifier: MIT
 *
 * The heap under newlib's malloc.
 *
 * It starts in a static piece, so that small programs make no system call for it, and goes on at
 * HEAP_VBASE in pieces mapped one behind the other, by a function that the address space hands in:
 * whoever maps stands above this file, and itself allocates.  malloc has one lock for all threads;
 * everything else newlib keeps is per thread (struct _reent).
 */
#include "heap.h"

#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/domain_dispatchers.h>
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdlib.h>

/* newlib's headers declare these, too, only for the target they were made for. */
void *_sbrk(ptrdiff_t increment);
int posix_memalign(void **ret, size_t align, size_t bytes);

/* The C library's own, and what stands in their place (mk/config.mk, --wrap). */
void *__real__malloc_r(struct _reent *reent, size_t bytes);
void *__real__calloc_r(struct _reent *reent, size_t count, size_t bytes);
void *__real__realloc_r(struct _reent *reent, void *memory, size_t bytes);
void *__real__memalign_r(struct _reent *reent, size_t align, size_t bytes);
void *__wrap__malloc_r(struct _reent *reent, size_t bytes);
void *__wrap__calloc_r(struct _reent *reent, size_t count, size_t bytes);
void *__wrap__realloc_r(struct _reent *reent, void *memory, size_t bytes);
void *__wrap__memalign_r(struct _reent *reent, size_t align, size_t bytes);

#define STATIC_HEAP_BYTES (128 * 1024)
#define HEAP_VBASE (DOMAIN_OWN_VBASE + (64ul << 30))
#define HEAP_MAX_BYTES (16ul << 30)
#define HEAP_STEP_BYTES (256 * 1024)
#define HEAP_RESERVE_BYTES (32 * 1024)

static char static_heap[STATIC_HEAP_BYTES] __attribute__((aligned(16)));
static size_t static_heap_used;
static size_t heap_used, heap_mapped;
static errval_t (*map_more)(lvaddr_t address, size_t bytes); /* NULL: nobody can, yet */
static struct thread_mutex malloc_mutex = THREAD_MUTEX_INITIALIZER;
static struct thread_mutex heap_mutex = THREAD_MUTEX_INITIALIZER;

void __malloc_lock(struct _reent *reent)
{
    (void)reent;
    thread_mutex_lock_nested(&malloc_mutex);
}

void __malloc_unlock(struct _reent *reent)
{
    (void)reent;
    thread_mutex_unlock(&malloc_mutex);
}

static size_t heap_left(void)
{
    /* The static piece is left behind as soon as the mapped one is used. */
    return heap_used == 0 && STATIC_HEAP_BYTES - static_heap_used > heap_mapped
               ? STATIC_HEAP_BYTES - static_heap_used
               : heap_mapped - heap_used;
}

/* Maps one more piece behind the heap. */
static errval_t map_piece(size_t bytes)
{
    errval_t err = map_more != NULL ? map_more(HEAP_VBASE + heap_mapped, bytes)
                                    : (errval_t)LIB_ERR_MALLOC_FAIL;

    if (err_is_ok(err))
        heap_mapped += bytes;
    return err;
}

void heap_set_source(errval_t (*map)(lvaddr_t address, size_t bytes))
{
    assert(map != NULL && (map_more == NULL || map_more == map));
    map_more = map;
}

/* The largest power of two that is wanted, and to which the heap's end is aligned: memory comes in
 * these, and a piece that lies well can have large pages. */
static size_t piece_bytes(size_t wanted)
{
    size_t piece = 1ul << (63 - __builtin_clzl(wanted));
    size_t aligned = heap_mapped & -heap_mapped;

    return aligned != 0 && aligned < piece ? aligned : piece;
}

/* By pieces, so that 1.25 MiB are not 2; where memory is cut up, by smaller ones.  What was mapped
 * before a failure stays, for the next time. */
static bool grow_heap(size_t bytes)
{
    const size_t end = heap_mapped + bytes;
    size_t limit = SIZE_MAX;

    if (end > HEAP_MAX_BYTES)
        return false;
    while (heap_mapped < end) {
        size_t piece = piece_bytes(end - heap_mapped < limit ? end - heap_mapped : limit);
        errval_t err = map_piece(piece);

        if (err_is_fail(err) && piece <= HEAP_STEP_BYTES) {
            DEBUG_ERR(err, "growing the heap by %u KiB", (unsigned)(bytes >> 10));
            return false;
        }
        if (err_is_fail(err))
            limit = piece / 2;
    }
    return true;
}

/* Growing needs RAM, and asking for RAM may need memory: so the heap is grown before malloc is
 * entered, never by sbrk, and a reserve stays for what is allocated while growing.  True: there is
 * enough, unless another thread takes it before the caller does. */
static bool heap_reserve(size_t bytes)
{
    if (bytes > HEAP_MAX_BYTES || heap_mutex.holder == thread_self())
        return false;
    if (heap_left() >= bytes + HEAP_RESERVE_BYTES)
        return true;
    if (domain_is_spanned && disp_get_core_id() != domain_home_core)
        return err_is_ok(domain_grow_heap(bytes));
    thread_mutex_lock(&heap_mutex);
    bool enough = heap_left() >= bytes + HEAP_RESERVE_BYTES ||
                  grow_heap(ROUND_UP(bytes + HEAP_RESERVE_BYTES, HEAP_STEP_BYTES));
    thread_mutex_unlock(&heap_mutex);
    return enough;
}

bool heap_grow_for(size_t bytes)
{
    return heap_reserve(bytes);
}

/* With several dispatchers others allocate between the look and the allocation, and would use up
 * the reserve: so the look is repeated where nobody else allocates.  False: not now. */
static bool begin_allocation(size_t bytes, bool enough)
{
    if (!domain_is_spanned)
        return true;
    thread_mutex_lock_nested(&malloc_mutex);
    if (!enough || heap_left() >= bytes + HEAP_RESERVE_BYTES)
        return true;
    thread_mutex_unlock(&malloc_mutex);
    return false;
}

static void end_allocation(void)
{
    if (domain_is_spanned && malloc_mutex.holder == thread_self())
        thread_mutex_unlock(&malloc_mutex);
}

/* Evaluates `allocate` until it gives memory; NULL only if the heap cannot grow. */
#define HEAP_TRIES 64
#define FROM_HEAP(bytes, allocate)                                 \
    do {                                                           \
        for (unsigned tries = 0;; tries++) {                       \
            bool enough = heap_reserve(bytes);                     \
            void *memory_ = NULL;                                  \
            if (begin_allocation(bytes, enough)) {                 \
                memory_ = (allocate);                              \
                end_allocation();                                  \
            }                                                      \
            if (memory_ != NULL || !enough || tries == HEAP_TRIES) \
                return memory_;                                    \
        }                                                          \
    } while (0)

void *_sbrk(ptrdiff_t increment)
{
    size_t bytes = (size_t)increment;

    if (increment < 0)
        return (void *)-1; /* free() tries to trim: the heap never shrinks, and that is no error */
    if (heap_used == 0 && bytes <= STATIC_HEAP_BYTES - static_heap_used) {
        void *start = static_heap + static_heap_used;

        static_heap_used += bytes;
        return start;
    }
    if (bytes > heap_mapped - heap_used) {
        errno = ENOMEM;
        return (void *)-1;
    }
    void *start = (char *)HEAP_VBASE + heap_used;
    heap_used += bytes;
    return start;
}

/* Inside the allocator, which may not be entered again to grow the heap. */
static bool is_allocating(void)
{
    return malloc_mutex.holder == thread_self();
}

/* The C library allocates by these (strdup, asprintf, buffers of streams), as malloc and its like
 * do.  The linker gives us all calls but those within one file of it (--wrap). */
void *__wrap__malloc_r(struct _reent *reent, size_t bytes)
{
    if (is_allocating())
        return __real__malloc_r(reent, bytes);
    FROM_HEAP(bytes, __real__malloc_r(reent, bytes));
}

void *__wrap__calloc_r(struct _reent *reent, size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total)) {
        reent->_errno = ENOMEM;
        return NULL;
    }
    FROM_HEAP(total, __real__calloc_r(reent, count, bytes));
}

void *__wrap__realloc_r(struct _reent *reent, void *memory, size_t bytes)
{
    FROM_HEAP(bytes, __real__realloc_r(reent, memory, bytes));
}

void *__wrap__memalign_r(struct _reent *reent, size_t align, size_t bytes)
{
    size_t total;

    if (__builtin_add_overflow(align, bytes, &total)) {
        reent->_errno = ENOMEM;
        return NULL;
    }
    FROM_HEAP(total, __real__memalign_r(reent, align, bytes));
}

void *heap_alloc_mapped(size_t bytes)
{
    return __real__malloc_r(_REENT, bytes);
}

/* The library's aligned_alloc wants it, and has none. */
int posix_memalign(void **ret, size_t align, size_t bytes)
{
    if (align % sizeof(void *) != 0 || align == 0 || (align & (align - 1)) != 0)
        return EINVAL;
    void *memory = __wrap__memalign_r(_REENT, align, bytes);
    if (memory == NULL)
        return ENOMEM;
    *ret = memory;
    return 0;
}

void *malloc(size_t bytes)
{
    return __wrap__malloc_r(_REENT, bytes);
}

/* Some example programs free static memory: that is ignored, as on the reference system. */
void free(void *memory)
{
    lvaddr_t at = (lvaddr_t)memory;
    bool in_static = at >= (lvaddr_t)static_heap && at < (lvaddr_t)static_heap + STATIC_HEAP_BYTES;
    bool in_mapped = at >= HEAP_VBASE && at < HEAP_VBASE + HEAP_MAX_BYTES;

    if (in_static || in_mapped)
        _free_r(_REENT, memory);
}

void *calloc(size_t count, size_t bytes)
{
    return __wrap__calloc_r(_REENT, count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    if (memory != NULL && bytes == 0) {
        free(memory);
        return NULL;
    }
    return __wrap__realloc_r(_REENT, memory, bytes);
}
