/* SPDX-License-Identifier: MIT
 *
 * The system layer under newlib: output, heap, exit.
 *
 * Output is collected in the dispatcher's console buffer and given to the kernel one complete line
 * at a time (a line longer than the buffer is split).  The heap starts in a static piece, so that
 * small programs make no system call for it, and goes on at HEAP_VBASE in frames mapped one behind
 * the other.  malloc has one lock for all threads; everything else newlib keeps is per thread
 * (struct _reent).  Files do not exist here: their functions say so through errno.
 */
#include <assert.h>
#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/system_layer.h>
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>

#include "newlib_priv.h"

/* newlib's headers declare these, too, only for the target they were made for. */
int _kill(int pid, int signal);
int _getpid(void);
void *_sbrk(ptrdiff_t increment);
void _exit(int status);
int _link(const char *old, const char *new);
clock_t _times(struct tms *buffer);
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

/* ---- heap ---- */

static size_t heap_left(void)
{
    /* The static piece is left behind as soon as the mapped one is used. */
    return heap_used == 0 && STATIC_HEAP_BYTES - static_heap_used > heap_mapped
               ? STATIC_HEAP_BYTES - static_heap_used
               : heap_mapped - heap_used;
}

/* Maps one more frame behind the heap. */
static errval_t map_piece(size_t bytes)
{
    struct capref frame;
    errval_t err = frame_alloc(&frame, bytes, NULL);

    if (err_is_fail(err)) {
        return err;
    }
    err = vspace_map_one_frame_fixed(HEAP_VBASE + heap_mapped, bytes, frame, NULL, NULL);
    if (err_is_fail(err)) {
        cap_destroy(frame);
        return err;
    }
    heap_mapped += bytes;
    return SYS_ERR_OK;
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

    if (end > HEAP_MAX_BYTES) {
        return false;
    }
    while (heap_mapped < end) {
        size_t piece = piece_bytes(end - heap_mapped < limit ? end - heap_mapped : limit);
        errval_t err = map_piece(piece);

        if (err_is_fail(err) && piece <= HEAP_STEP_BYTES) {
            DEBUG_ERR(err, "growing the heap by %u KiB", (unsigned)(bytes >> 10));
            return false;
        }
        if (err_is_fail(err)) {
            limit = piece / 2;
        }
    }
    return true;
}

/* Growing needs RAM, and asking for RAM may need memory: so the heap is grown before malloc is
 * entered, never by sbrk, and a reserve stays for what is allocated while growing.  True: there is
 * enough, unless another thread takes it before the caller does. */
static bool heap_reserve(size_t bytes)
{
    if (bytes > HEAP_MAX_BYTES || heap_mutex.holder == thread_self()) {
        return false;
    }
    if (heap_left() >= bytes + HEAP_RESERVE_BYTES) {
        return true;
    }
    thread_mutex_lock(&heap_mutex);
    bool enough = heap_left() >= bytes + HEAP_RESERVE_BYTES ||
                  grow_heap(ROUND_UP(bytes + HEAP_RESERVE_BYTES, HEAP_STEP_BYTES));
    thread_mutex_unlock(&heap_mutex);
    return enough;
}

/* Evaluates `allocate` until it gives memory; NULL only if the heap cannot grow. */
#define HEAP_TRIES 64
#define FROM_HEAP(bytes, allocate)                                   \
    do {                                                             \
        for (unsigned tries = 0;; tries++) {                         \
            bool enough = heap_reserve(bytes);                       \
            void *memory_ = (allocate);                              \
            if (memory_ != NULL || !enough || tries == HEAP_TRIES) { \
                return memory_;                                      \
            }                                                        \
        }                                                            \
    } while (0)

void *_sbrk(ptrdiff_t increment)
{
    size_t bytes = (size_t)increment;

    if (increment < 0) {
        return (void *)-1; /* free() tries to trim: the heap never shrinks, and that is no error */
    }
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
    if (is_allocating()) {
        return __real__malloc_r(reent, bytes);
    }
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

void *newlib_alloc_mapped(size_t bytes)
{
    return __real__malloc_r(_REENT, bytes);
}

/* The library's aligned_alloc wants it, and has none. */
int posix_memalign(void **ret, size_t align, size_t bytes)
{
    if (align % sizeof(void *) != 0 || align == 0 || (align & (align - 1)) != 0) {
        return EINVAL;
    }
    void *memory = __wrap__memalign_r(_REENT, align, bytes);
    if (memory == NULL) {
        return ENOMEM;
    }
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

    if (in_static || in_mapped) {
        _free_r(_REENT, memory);
    }
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

/* ---- output ---- */

static void print_collected_disabled(dispatcher_handle_t handle)
{
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);

    sys_print_line((char *)handle + DISP_CONSOLE_BUFFER_OFFSET, disp->console_used, PRINT_LINE);
    disp->console_used = 0;
}

void newlib_flush_console_disabled(dispatcher_handle_t handle)
{
    if (get_dispatcher_generic(handle)->console_used > 0) {
        print_collected_disabled(handle);
    }
}

void newlib_flush_console(void)
{
    dispatcher_handle_t handle = disp_disable();

    newlib_flush_console_disabled(handle);
    disp_enable(handle);
}

static void write_console(const char *text, size_t length)
{
    dispatcher_handle_t handle = disp_disable();
    struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    char *buffer = (char *)handle + DISP_CONSOLE_BUFFER_OFFSET;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            print_collected_disabled(handle);
            continue;
        }
        if (disp->console_used == DISP_LINE_BYTES) {
            print_collected_disabled(handle);
        }
        buffer[disp->console_used++] = text[i];
    }
    disp_enable(handle);
}

int _write(int fd, const char *text, int length)
{
    if (fd != 1 && fd != 2) {
        errno = EBADF;
        return -1;
    }
    if (length > 0) {
        write_console(text, (size_t)length);
    }
    return length;
}

int _read(int fd, char *buffer, int length)
{
    (void)buffer, (void)length;
    if (fd == 0) {
        return 0; /* end of file: there is no console input */
    }
    errno = EBADF;
    return -1;
}

int _close(int fd)
{
    (void)fd;
    return 0;
}

int _lseek(int fd, int offset, int whence)
{
    (void)fd, (void)offset, (void)whence;
    errno = ESPIPE;
    return -1;
}

int _fstat(int fd, struct stat *st)
{
    if (fd < 0 || fd > 2) {
        errno = EBADF;
        return -1;
    }
    memset(st, 0, sizeof(*st));
    st->st_mode = S_IFCHR;
    return 0;
}

int _isatty(int fd)
{
    return fd >= 0 && fd <= 2;
}

int _open(const char *name, int flags, ...)
{
    (void)name, (void)flags;
    errno = ENOENT;
    return -1;
}

int _unlink(const char *name)
{
    (void)name;
    errno = ENOENT;
    return -1;
}

int _link(const char *old, const char *new)
{
    (void)old, (void)new;
    errno = ENOENT;
    return -1;
}

int _getpid(void)
{
    return (int)disp_get_domain_id();
}

/* raise() and abort() end here. */
int _kill(int pid, int signal)
{
    (void)pid;
    debug_printf("ended by signal %d", signal);
    domain_exit(128 + signal);
}

int _gettimeofday(struct timeval *tv, void *zone)
{
    systime_t now = get_system_time();

    (void)zone;
    tv->tv_sec = (time_t)(now / 1000000000);
    tv->tv_usec = (suseconds_t)(now % 1000000000 / 1000);
    return 0;
}

clock_t _times(struct tms *buffer)
{
    (void)buffer;
    errno = ENOSYS;
    return (clock_t)-1;
}

void _exit(int status)
{
    domain_exit(status);
}
