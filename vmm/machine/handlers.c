/* SPDX-License-Identifier: MIT
 *
 * When the handler of a message begins: seen from outside.
 *
 * The interface compiler makes a function for each message and kind of channel that takes the
 * arguments out and calls the program's handler, "IF_MESSAGE__ump_deliver".  An engine that tells
 * of each basic block tells when one of them begins; its argument is the binding, and offsets that
 * the library leaves with the dispatcher (abi/wait_table.h) lead from there to the ring or endpoint
 * that the message came through.  The guest executes nothing for this, so watching changes nothing.
 *
 * Programs have different code at one address: a block counts only if the domain that runs has the
 * function there.  Images without symbols show no handlers.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/lmp_messages.h"
#include "machine/machine_private.h"

#define FILTER_BITS 65536 /* a power of two */

struct handler {
    uint64_t vaddr;
    const char *program; /* the last part of its path in the menu */
    const char *message;
    bool lmp;
};

struct handlers {
    struct handler *handler; /* sorted by address */
    size_t count;
    uint64_t filter[FILTER_BITS / 64];
    bool failed;
};

struct gathering {
    struct handlers *handlers;
    const struct fault_names *names;
    const char *program;
    bool lmp;
};

static unsigned filter_bit(uint64_t vaddr)
{
    return (unsigned)(vaddr ^ vaddr >> 16) & (FILTER_BITS - 1);
}

/* Which message "IF_MESSAGE__..." is of; NULL: of none that is known. */
static const char *message_of(const struct fault_names *names, const char *symbol)
{
    const char *end = strstr(symbol, "__");
    char message[64];
    for (size_t i = 0; end && i < names->count; i++) {
        const size_t length = strlen(names->interface[i].name);
        if (strncmp(symbol, names->interface[i].name, length) != 0 || symbol[length] != '_' ||
            symbol + length >= end || (size_t)(end - symbol) - length - 1 >= sizeof(message))
            continue;
        const size_t rest = (size_t)(end - symbol) - length - 1;
        memcpy(message, symbol + length + 1, rest);
        message[rest] = 0;
        const struct fault_message_name *known = fault_names_message(&names->interface[i], message);
        if (known)
            return known->name;
    }
    return NULL;
}

static bool gather(void *context, const char *symbol, uint64_t vaddr)
{
    struct gathering *g = context;
    struct handlers *h = g->handlers;
    const char *message = message_of(g->names, symbol);
    if (!message)
        return true;
    struct handler *grown = machine_grow(h->handler, h->count, sizeof(*grown));
    h->failed |= grown == NULL;
    if (!grown)
        return false;
    h->handler = grown;
    h->handler[h->count++] = (struct handler){ vaddr, g->program, message, g->lmp };
    h->filter[filter_bit(vaddr) / 64] |= 1ull << filter_bit(vaddr) % 64;
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct handler *x = a, *y = b;
    return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

bool machine_watch_blocks(struct machine *machine)
{
    if (!machine->config.watch_messages)
        return false;
    struct handlers *h = calloc(1, sizeof(*h));
    if (!h)
        return false; /* no handlers are seen: a trace with less in it */
    for (unsigned i = 0; i < machine->config.module_count; i++) {
        char *path = machine_image_path(machine, &machine->config.module[i]);
        const char *slash = strrchr(machine->config.module[i].path, '/');
        struct gathering g = { h, &machine->fabric->names,
                               slash ? slash + 1 : machine->config.module[i].path, true };
        if (path)
            symbol_functions(path, "__lmp_deliver", gather, &g);
        g.lmp = false;
        if (path)
            symbol_functions(path, "__ump_deliver", gather, &g);
        free(path);
    }
    if (h->count > 0)
        qsort(h->handler, h->count, sizeof(*h->handler), by_address);
    machine->handlers = h;
    return true;
}

void handlers_destroy(struct machine *machine)
{
    if (machine->handlers)
        free(machine->handlers->handler);
    free(machine->handlers);
    machine->handlers = NULL;
}

/* ---- a block ---- */

bool machine_block_matters(const struct machine *machine, unsigned core, uint64_t rip)
{
    const unsigned bit = filter_bit(rip);
    return machine_core_page(machine, core)->trace_head != machine->state.trace[core].seen ||
           (machine->handlers->filter[bit / 64] >> bit % 64 & 1);
}

static const struct handler *find_handler(const struct handlers *h, uint64_t rip,
                                          const char *program)
{
    size_t low = 0, high = h->count; /* the first at or above rip is at low */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (h->handler[middle].vaddr < rip)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < h->count && h->handler[low].vaddr == rip; low++)
        if (strcmp(h->handler[low].program, program) == 0)
            return &h->handler[low];
    return NULL;
}

static bool read_pointer(const struct machine *machine, uint64_t cr3, uint64_t vaddr,
                         uint64_t *value)
{
    uint64_t paddr;
    if (vaddr % sizeof(*value) != 0 || !machine_translate(machine, cr3, vaddr, &paddr))
        return false;
    const uint64_t *at = machine_memory(machine, paddr, sizeof(*value));
    if (at)
        *value = *at;
    return at != NULL;
}

static void handled(struct machine *machine, unsigned core, const struct abi_dcb_head *head,
                    const struct handler *handler, uint64_t binding, uint64_t now_ns)
{
    const uint64_t dcb = machine_core_page(machine, core)->current_dcb;
    const struct abi_wait_table *table = machine_wait_table(machine, dcb);
    uint64_t channel, end, paddr;
    if (!table || !read_pointer(machine, head->cr3, binding + table->binding_channel, &channel) ||
        !read_pointer(machine, head->cr3,
                      channel + (handler->lmp ? table->channel_endpoint : table->channel_ring),
                      &end) ||
        !machine_translate(machine, head->cr3, end, &paddr))
        return;
    if (handler->lmp)
        lmp_message_handled(machine, core, dcb,
                            (uint32_t)(paddr + table->endpoint_kern - head->disp_frame),
                            handler->message, now_ns);
    else
        messages_handled(machine->fabric, paddr, handler->message, now_ns);
}

void machine_block(struct machine *machine, unsigned core, uint64_t rip, uint64_t rdi,
                   uint64_t now_ns)
{
    char program[17];
    machine_lock(machine);
    machine_drain_trace(machine, core, now_ns);
    const uint64_t dcb = machine_core_page(machine, core)->current_dcb;
    const struct abi_dcb_head *head = machine_dcb_head(machine, dcb);
    machine_dispatcher_name(machine, dcb, program);
    const struct handler *handler = find_handler(machine->handlers, rip, program);
    if (head && handler)
        handled(machine, core, head, handler, rdi, now_ns);
    machine_unlock(machine);
}
