/* SPDX-License-Identifier: MIT
 *
 * Activities and their stacks (<thc/thc.h>).
 *
 * An activity that waits is the stack pointer of its last call of switch_to().  The thread runs one
 * of them; those that can run stand in a queue.  ASYNC puts who calls it at the head and begins the
 * new one, so that the caller goes on when the new one first waits or ends.  Who waits and finds
 * the queue empty dispatches events on its own stack until somebody can run, perhaps itself.  So
 * there is no stack and no thread for waiting, and a handler runs where the thread happens to be.
 *
 * The block of an ASYNC is a function inside a function.  Its address is that of a trampoline: code
 * that GCC writes into the frame of the outer function, to load the frame's address into R10 and
 * jump.  Stacks are not executable here, so nobody jumps there: read_body() reads what the
 * trampoline would have loaded, and activity_begins() loads it.
 *
 * An activity ends on the stack that is to be given back, so the next one to run does that
 * (`ended`).
 */
#include <stdio.h>
#include <string.h>
#include <thc/thc.h>

#include "thc_priv.h"

#define STACK_BYTES (64 * 1024)

struct thc_awe {
    void *stack_pointer; /* while it does not run */
    struct thc_awe *next;
    thc_finish_t *finish; /* that it began in: it counts there */
    thc_finish_t *inside; /* the innermost one under way */
    bool queued;
    bool dispatches; /* waits, and a handler runs on its stack */
    bool handler;    /* is that handler */
};

/* At the upper end of a stack. */
struct stack {
    struct thc_awe awe;
    struct stack *next;
};

static __thread struct {
    struct thc_awe *first, *last; /* can run */
    struct thc_awe *current;      /* NULL: the thread's own, and nothing has begun yet */
    struct thc_awe own;           /* the thread itself, on its stack */
    struct stack *free, *ended;
    unsigned begun, stacks, running, most_running;
} thread;

extern const char __text_start[], __text_end[];

static struct thc_awe *me(void)
{
    if (thread.current == NULL)
        thread.current = &thread.own;
    return thread.current;
}

/* ---- switching ---- */

/* Saves what a call keeps, and the stack pointer to *from; goes on where `to` was saved. */
void thc_switch(void **from, void *to);
__asm__(".section .text.thc_switch, \"ax\", @progbits\n"
        ".type thc_switch, @function\n"
        "thc_switch:\n"
        "    push %rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size thc_switch, . - thc_switch\n");

/* Where a new activity begins: R12 is its function, R13 the frame that it lies in. */
void thc_begins(void);
__asm__(".section .text.thc_begins, \"ax\", @progbits\n"
        ".type thc_begins, @function\n"
        "thc_begins:\n"
        "    call thc_begun\n"
        "    mov %r13, %r10\n"
        "    call *%r12\n"
        "    call thc_ends\n"
        ".size thc_begins, . - thc_begins\n"
        ".text\n");

static void give_back_ended(void)
{
    if (thread.ended == NULL)
        return;
    thread.ended->next = thread.free;
    thread.free = thread.ended;
    thread.ended = NULL;
}

static void switch_to(struct thc_awe *to)
{
    struct thc_awe *from = me();
    if (to == from)
        return;
    assert(!to->dispatches);
    thread.current = to;
    thc_switch(&from->stack_pointer, to->stack_pointer);
    give_back_ended();
}

static void enqueue(struct thc_awe *awe)
{
    assert(!awe->queued);
    awe->queued = true;
    awe->next = NULL;
    if (thread.first == NULL) {
        thread.first = awe;
    } else {
        assert(thread.last != NULL);
        thread.last->next = awe;
    }
    thread.last = awe;
}

static void enqueue_first(struct thc_awe *awe)
{
    assert(!awe->queued);
    awe->queued = true;
    awe->next = thread.first;
    if (thread.first == NULL)
        thread.last = awe;
    thread.first = awe;
}

static struct thc_awe *dequeue(void)
{
    struct thc_awe *awe = thread.first;
    thread.first = awe->next;
    awe->queued = false;
    return awe;
}

static void dequeue_this(struct thc_awe *awe)
{
    struct thc_awe **link = &thread.first, *before = NULL;
    while (*link != awe) {
        before = *link;
        link = &before->next;
    }
    *link = awe->next;
    if (thread.last == awe)
        thread.last = before;
    awe->queued = false;
}

/* The handler may begin activities: they run at once, and then it goes on.  It lies on the stack of
 * who waits here, so it must be through before he can go on: it must not wait itself. */
static errval_t dispatch(errval_t (*next)(struct waitset *))
{
    struct thc_awe *waits = me(), handler = { .handler = true };
    waits->dispatches = true;
    thread.current = &handler;
    errval_t err = next(get_default_waitset());
    assert(thread.current == &handler && !handler.queued);
    thread.current = waits;
    waits->dispatches = false;
    return err;
}

/* Until somebody can run. */
static void run_another(void)
{
    if (me()->handler && !me()->queued)
        USER_PANIC("thc: a handler waits; let it begin an activity that does");
    while (thread.first == NULL) {
        errval_t err = dispatch(event_dispatch);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "thc: waiting for events");
    }
    switch_to(dequeue());
}

void THCSuspend(awe_t **ret)
{
    *ret = me();
    run_another();
}

void THCSuspendThen(awe_t **ret, THCContFn_t then, void *arg)
{
    *ret = me();
    then(arg);
    run_another();
}

void THCSchedule(awe_t *awe)
{
    enqueue(awe);
}

void THCYield(void)
{
    if (thread.first == NULL && !me()->handler)
        dispatch(event_dispatch_non_block); /* there may be nothing: just as well */
    if (thread.first == NULL)
        return;
    enqueue(me());
    run_another();
}

void THCYieldTo(awe_t *awe)
{
    if (awe == me())
        return;
    if (awe->queued)
        dequeue_this(awe);
    enqueue(me());
    switch_to(awe);
}

/* ---- beginning and ending ---- */

static struct stack *new_stack(void)
{
    struct stack *stack = thread.free;
    if (stack != NULL) {
        thread.free = stack->next;
        return stack;
    }
    void *memory;
    size_t bytes;
    errval_t err =
        vspace_map_anon_attr(&memory, NULL, NULL, STACK_BYTES, &bytes, VREGION_FLAGS_READ_WRITE);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "thc: no memory for the stack of an activity");
    thread.stacks++;
    return (struct stack *)((uintptr_t)memory + bytes - ((sizeof(*stack) + 63) & ~63ul));
}

/* What a trampoline loads: MOV $function, R11 (of 32 or 64 bits); MOV $frame, R10; JMP *R11. */
static void read_body(void (*body)(void), uint64_t *function, uint64_t *frame)
{
    const unsigned char *code = (const unsigned char *)(uintptr_t)body;
    static const unsigned char endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
    uint32_t low;
    *function = (uintptr_t)body;
    *frame = 0;
    if (code >= (const unsigned char *)__text_start && code < (const unsigned char *)__text_end)
        return; /* it uses nothing of a function around it */
    if (memcmp(code, endbr, sizeof(endbr)) == 0)
        code += sizeof(endbr);
    if (code[0] == 0x41 && code[1] == 0xbb) {
        memcpy(&low, code + 2, sizeof(low));
        *function = low;
        code += 2 + sizeof(low);
    } else if (code[0] == 0x49 && code[1] == 0xbb) {
        memcpy(function, code + 2, sizeof(*function));
        code += 2 + sizeof(*function);
    } else {
        USER_PANIC("thc: the block of an ASYNC is in a form that is not known here");
    }
    assert(code[0] == 0x49 && code[1] == 0xba);
    memcpy(frame, code + 2, sizeof(*frame));
}

void thc_async(void (*body)(void))
{
    struct thc_awe *caller = me();
    struct stack *stack = new_stack();
    uint64_t function, frame;
    read_body(body, &function, &frame);
    stack->awe = (struct thc_awe){ .finish = caller->inside, .inside = caller->inside };
    if (caller->inside != NULL)
        caller->inside->running++;
    thread.begun++;
    if (++thread.running > thread.most_running)
        thread.most_running = thread.running;
    /* as thc_switch left it: R15 to RBP, and where it returns; then the stack is at 16 bytes */
    uint64_t *top = (uint64_t *)((uintptr_t)stack & ~63ul) - 9;
    memset(top, 0, 9 * sizeof(*top));
    top[2] = frame;
    top[3] = function;
    top[6] = (uintptr_t)thc_begins;
    stack->awe.stack_pointer = top;
    enqueue_first(caller);
    switch_to(&stack->awe);
}

void thc_begun(void);
void thc_begun(void)
{
    give_back_ended();
}

void thc_ends(void);
void thc_ends(void)
{
    struct thc_awe *awe = me();
    thc_finish_t *finish = awe->finish;
    assert(awe->inside == finish);
    thread.running--;
    if (finish != NULL && --finish->running == 0 && finish->waits != NULL) {
        enqueue(finish->waits);
        finish->waits = NULL;
    }
    while (thread.first == NULL) /* on this stack, which is given back afterwards */
        dispatch(event_dispatch);
    give_back_ended();
    thread.ended = (struct stack *)awe;
    switch_to(dequeue());
    USER_PANIC("thc: an activity that has ended goes on");
}

/* ---- groups ---- */

void thc_finish_begin(thc_finish_t *finish, bool deaf)
{
    struct thc_awe *awe = me();
    thc_finish_t *parent = awe->inside;
    *finish = (thc_finish_t){ .parent = parent };
    if (parent != NULL && !deaf) {
        finish->cancelled = parent->cancelled;
        finish->sibling = parent->children;
        parent->children = finish;
    }
    awe->inside = finish;
}

void thc_finish_end(thc_finish_t *finish)
{
    struct thc_awe *awe = me();
    assert(awe->inside == finish);
    if (finish->running != 0) {
        finish->waits = awe;
        run_another();
    }
    assert(finish->running == 0 && finish->children == NULL && finish->items == NULL);
    awe->inside = finish->parent;
    if (finish->parent == NULL)
        return;
    for (thc_finish_t **link = &finish->parent->children; *link != NULL; link = &(*link)->sibling)
        if (*link == finish) {
            *link = finish->sibling;
            return;
        }
}

void thc_cancel(thc_finish_t *finish)
{
    finish->cancelled = true;
    while (finish->items != NULL) {
        cancel_item_t *item = finish->items;
        finish->items = item->next;
        item->added = false;
        item->ran = true;
        item->function(item->arg);
    }
    for (thc_finish_t *child = finish->children; child != NULL; child = child->sibling)
        thc_cancel(child);
}

bool THCIsCancelled(void)
{
    return me()->inside != NULL && me()->inside->cancelled;
}

void THCAddCancelItem(cancel_item_t *item, THCCancelFn_t function, void *arg)
{
    thc_finish_t *finish = me()->inside;
    *item = (cancel_item_t){ .function = function, .arg = arg };
    if (finish == NULL)
        return; /* nobody can cancel */
    if (finish->cancelled) {
        item->ran = true;
        function(arg);
        return;
    }
    item->added = true;
    item->next = finish->items;
    finish->items = item;
}

bool THCRemoveCancelItem(cancel_item_t *item)
{
    if (!item->added)
        return false;
    item->added = false;
    for (cancel_item_t **link = &me()->inside->items; *link != NULL; link = &(*link)->next)
        if (*link == item) {
            *link = item->next;
            break;
        }
    return true;
}

bool THCCancelItemRan(const cancel_item_t *item)
{
    return item->ran;
}

void THCDumpStats(int clear)
{
    printf("thc: %u activities begun, at most %u at once; %u stacks of %d KiB\n", thread.begun,
           thread.most_running, thread.stacks, STACK_BYTES / 1024);
    if (clear) {
        thread.begun = 0;
        thread.most_running = thread.running;
    }
}
