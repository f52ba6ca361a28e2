/* SPDX-License-Identifier: MIT
 *
 * POSIX threads: life and thread-specific values.
 *
 * A thread returns a pointer here and a number below, so each has a block of its own, found through
 * a thread-local pointer.  The block goes when the thread is joined or, detached, when it ends.
 * Threads that POSIX has not made, such as the first, get a block when they ask for one.
 */
#include <barrelfish/barrelfish.h>
#include <errno.h>
#include <pthread.h>

struct pthread {
    struct thread *thread;
    void *(*start)(void *);
    void *arg, *value;
    bool detached, joined;
    const void *specific[PTHREAD_KEYS_MAX];
};

static struct {
    bool used;
    void (*destructor)(void *);
} keys[PTHREAD_KEYS_MAX];

static __thread struct pthread *self;

/* ---- life ---- */

pthread_t pthread_self(void)
{
    if (self == NULL) {
        self = calloc(1, sizeof(*self));
        if (self == NULL)
            USER_PANIC("no memory for a thread's block");
        self->thread = thread_self();
        self->detached = true;
    }
    return self;
}

/* A destructor may set values again: a few rounds, as POSIX has it. */
static void run_destructors(struct pthread *me)
{
    bool any = true;

    for (unsigned round = 0; any && round < 4; round++) {
        any = false;
        for (unsigned k = 0; k < PTHREAD_KEYS_MAX; k++) {
            const void *value = me->specific[k];

            me->specific[k] = NULL;
            if (value != NULL && keys[k].destructor != NULL) {
                keys[k].destructor((void *)value);
                any = true;
            }
        }
    }
}

static void finish(struct pthread *me)
{
    run_destructors(me);
    if (me->detached)
        free(me);
    self = NULL;
}

static int run(void *arg)
{
    struct pthread *me = arg;

    self = me;
    me->value = me->start(me->arg);
    finish(me);
    return 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    struct pthread *new = calloc(1, sizeof(*new));
    size_t stack =
        attr == NULL || attr->stack_bytes == 0 ? THREADS_DEFAULT_STACK_BYTES : attr->stack_bytes;

    if (new == NULL)
        return EAGAIN;
    new->start = start;
    new->arg = arg;
    new->detached = attr != NULL && attr->detached;
    bool detached = new->detached;
    *thread = new; /* before it runs, and may be gone */
    struct thread *made = thread_create_varstack(run, new, stack);
    if (made == NULL) {
        free(new);
        return EAGAIN;
    }
    if (detached)
        thread_detach(made);
    else
        new->thread = made;
    return 0;
}

int pthread_join(pthread_t thread, void **value)
{
    if (thread == self)
        return EDEADLK;
    if (thread->detached || thread->joined)
        return EINVAL;
    thread->joined = true;
    errval_t err = thread_join(thread->thread, NULL);
    if (err_is_fail(err))
        return EINVAL;
    if (value != NULL)
        *value = thread->value;
    free(thread);
    return 0;
}

int pthread_detach(pthread_t thread)
{
    if (thread->detached || thread->joined)
        return EINVAL;
    bool over = thread_exited(thread->thread);
    thread->detached = true;
    thread_detach(thread->thread);
    if (over)
        free(thread);
    return 0;
}

void pthread_exit(void *value)
{
    struct pthread *me = pthread_self();

    me->value = value;
    finish(me);
    thread_exit(0);
}

int pthread_equal(pthread_t one, pthread_t other)
{
    return one == other;
}

int sched_yield(void)
{
    thread_yield();
    return 0;
}

/* ---- attributes ---- */

int pthread_attr_init(pthread_attr_t *attr)
{
    *attr = (pthread_attr_t){ .stack_bytes = THREADS_DEFAULT_STACK_BYTES };
    return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes)
{
    if (bytes < PTHREAD_STACK_MIN)
        return EINVAL;
    attr->stack_bytes = bytes;
    return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *bytes)
{
    *bytes = attr->stack_bytes;
    return 0;
}

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
    if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED)
        return EINVAL;
    attr->detached = state == PTHREAD_CREATE_DETACHED;
    return 0;
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
    *state = attr->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE;
    return 0;
}

/* ---- values of a thread ---- */

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    for (unsigned k = 0; k < PTHREAD_KEYS_MAX; k++) {
        if (!keys[k].used) {
            keys[k].used = true;
            keys[k].destructor = destructor;
            *key = k;
            return 0;
        }
    }
    return EAGAIN;
}

static bool is_key(pthread_key_t key)
{
    return key < PTHREAD_KEYS_MAX && keys[key].used;
}

int pthread_key_delete(pthread_key_t key)
{
    if (!is_key(key))
        return EINVAL;
    keys[key].used = false;
    keys[key].destructor = NULL;
    return 0;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    if (!is_key(key))
        return EINVAL;
    pthread_self()->specific[key] = value;
    return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
    return is_key(key) && self != NULL ? (void *)self->specific[key] : NULL;
}
