/* SPDX-License-Identifier: MIT
 *
 * The table of what each thread waits for (abi/wait_table.h), so that a hang explains itself.
 *
 * An entry is filled in when its thread blocks and says NOTHING again when the thread goes on.
 * What a channel is for is found from its type: the waiters of bindings carry what they wait for.
 * Must never fail, block or allocate: a thread without an entry is counted, not refused.
 */
#include "wait_note.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/deferred.h>
#include <flounder/flounder.h>
#include <stddef.h>
#include <string.h>

#include "threads_priv.h"

#define STACK_WORDS_READ 256
#define CALL_BYTES_MAX 7

static struct abi_wait_table *table_of(dispatcher_handle_t handle)
{
    return (struct abi_wait_table *)(handle + DISP_WAIT_TABLE_OFFSET);
}

void wait_notes_init(dispatcher_handle_t handle)
{
    struct abi_wait_table *table = table_of(handle);

    memset(table, 0, sizeof(*table));
    table->version = ABI_WAIT_VERSION;
    table->magic = ABI_WAIT_MAGIC;
}

void wait_notes_end(dispatcher_handle_t handle)
{
    struct abi_wait_table *table = table_of(handle);

    for (unsigned i = 0; i < ABI_WAIT_THREADS; i++)
        table->thread[i].id = 0;
}

void wait_note_begin(dispatcher_handle_t handle, struct thread *thread)
{
    struct abi_wait_table *table = table_of(handle);

    for (unsigned i = 0; i < ABI_WAIT_THREADS; i++) {
        if (table->thread[i].id == 0) {
            thread->note = &table->thread[i];
            memset(thread->note, 0, sizeof(*thread->note));
            thread->note->id = thread->id;
            return;
        }
    }
    table->threads_left_out++;
}

void wait_note_end(dispatcher_handle_t handle, struct thread *thread)
{
    if (thread->note != NULL) {
        thread->note->id = 0;
        thread->note = NULL;
    } else {
        table_of(handle)->threads_left_out--;
    }
}

static void set_name(char *to, const char *from)
{
    strncpy(to, from != NULL ? from : "", ABI_WAIT_NAME_BYTES);
}

/* When the first event rings that is more than a look whether all is well. */
static uint64_t next_time(const struct dispatcher_generic *disp)
{
    const struct deferred_event *event = disp->deferred_events;

    while (event != NULL && event->keeps_house)
        event = event->next;
    return event != NULL ? event->time : 0;
}

void wait_note_block(dispatcher_handle_t handle, enum abi_wait_kind kind, const void *object,
                     uint32_t other, const void *at)
{
    const struct dispatcher_generic *disp = get_dispatcher_generic(handle);
    struct abi_wait_thread *note = disp->current->note;

    if (note == NULL)
        return;
    note->object = (lvaddr_t)object;
    note->other = other;
    note->at = (lvaddr_t)at;
    note->until_ns = next_time(disp);
    note->kind = kind;
}

/* A waiter of a binding: for a reply, for room, or for its turn. */
static void note_binding(dispatcher_handle_t handle, const struct waitset_chanstate *awaited,
                         const void *at)
{
    const struct flounder_waiter *waiter =
        (const void *)((const char *)awaited - offsetof(struct flounder_waiter, chan));
    const struct flounder_binding *c = waiter->about;
    struct abi_wait_thread *note = get_dispatcher_generic(handle)->current->note;

    if (note == NULL || c == NULL) {
        wait_note_block(handle, ABI_WAIT_CHANNEL, awaited, awaited->chantype, at);
        return;
    }
    wait_note_block(handle,
                    waiter->number == 0      ? ABI_WAIT_TURN
                    : c->tx_waiter == waiter ? ABI_WAIT_SEND
                                             : ABI_WAIT_REPLY,
                    c, c->bind_iref, at);
    set_name(note->interface, c->interface->name);
    unsigned index = waiter->number - FLOUNDER_FIRST_MESSAGE;
    set_name(note->message, waiter->number >= FLOUNDER_FIRST_MESSAGE && index < c->messages
                                ? c->plan[index].name
                                : NULL);
}

void wait_note_event(dispatcher_handle_t handle, const struct waitset *ws,
                     const struct waitset_chanstate *awaited, const void *at)
{
    const struct waitset_chanstate *only = ws->idle;

    if (awaited != NULL && awaited->chantype == CHANTYPE_FLOUNDER)
        note_binding(handle, awaited, at);
    else if (awaited != NULL)
        wait_note_block(handle, ABI_WAIT_CHANNEL, awaited, awaited->chantype, at);
    else if (ws->polled == NULL && only != NULL && only->next == only &&
             only->chantype == CHANTYPE_DEFERRED)
        wait_note_block(handle, ABI_WAIT_SLEEP, ws, 0, at);
    else
        wait_note_block(handle, ABI_WAIT_EVENT, ws, only != NULL || ws->polled != NULL, at);
}

void wait_note_export(dispatcher_handle_t handle, uint32_t iref, const char *interface)
{
    struct abi_wait_table *table = table_of(handle);

    for (unsigned i = 0; i < ABI_WAIT_EXPORTS; i++) {
        if (table->exported[i].iref == 0) {
            set_name(table->exported[i].interface, interface);
            table->exported[i].iref = iref;
            return;
        }
    }
}

/* ---- crashes ---- */

extern char __text_start[], __text_end[];

/* Does a call end right before this address?  E8 with 4 bytes, or FF /2 with up to 5 more. */
static bool follows_call(lvaddr_t address)
{
    lvaddr_t begin = (lvaddr_t)__text_start, end = (lvaddr_t)__text_end;

    if (address < begin + CALL_BYTES_MAX || address > end)
        return false;
    const uint8_t *next = (const uint8_t *)address;

    if (next[-5] == 0xe8) {
        lvaddr_t target = address + (lvaddr_t)(int64_t) * (const int32_t *)(next - 4);

        return target >= begin && target < end;
    }
    for (unsigned bytes = 2; bytes <= CALL_BYTES_MAX; bytes++)
        if (next[-(int)bytes] == 0xff && (next[1 - (int)bytes] >> 3 & 7) == 2)
            return true;
    return false;
}

/* Words on the faulting thread's stack that follow a call: its callers, and now and then one that
 * was a caller before. */
static void find_callers(const struct thread *thread, lvaddr_t rsp, uint64_t *caller)
{
    lvaddr_t bottom = (lvaddr_t)thread->stack, top = bottom + thread->stack_bytes;
    unsigned found = 0;

    if (rsp < bottom || rsp % 8 != 0)
        return;
    for (unsigned i = 0; i < STACK_WORDS_READ && found < ABI_WAIT_CALLERS; i++) {
        lvaddr_t at = rsp + 8ul * i;

        if (at + 8 > top)
            break;
        uint64_t word = *(const uint64_t *)at;

        if (follows_call(word))
            caller[found++] = word;
    }
}

void wait_note_crash(dispatcher_handle_t handle, const struct registers_x86_64 *regs,
                     uint64_t vector, uint64_t error, uint64_t address)
{
    const struct thread *thread = get_dispatcher_generic(handle)->current;
    struct abi_wait_crash *crash = &table_of(handle)->crash;

    if (crash->thread != 0)
        return;
    *crash = (struct abi_wait_crash){
        .vector = (uint32_t)vector,
        .error = error,
        .address = address,
        .rip = regs->rip,
        .rsp = regs->rsp,
        .rflags = regs->eflags,
        .reg = { regs->rax, regs->rbx, regs->rcx, regs->rdx, regs->rsi, regs->rdi, regs->rbp,
                 regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13, regs->r14,
                 regs->r15 },
    };
    if (thread != NULL)
        find_callers(thread, regs->rsp, crash->caller);
    crash->thread = thread != NULL ? thread->id + 1 : 1;
}
