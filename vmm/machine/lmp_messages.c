/* SPDX-License-Identifier: MIT
 *
 * Messages within a core, by name, for those who want to see all of them (lmp_messages.h).
 *
 * The CPU driver's flight recorder tells of each message that it delivers: the receiver, the
 * endpoint in the receiver's frame, the first word.  The library leaves the name of the interface
 * with the endpoint.  So naming costs the guest nothing for each message, and no exit.  All of this
 * is the word of the guest: each number is checked, and what cannot be named is passed over.
 *
 * What is on its way is kept until its handler begins.  An engine that does not tell of blocks
 * never says so; there a message is done with when the next one comes to its endpoint.
 */
#include "machine/lmp_messages.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"

#define WORD_BYTES 8
#define PENDING_MAX 256 /* more than the buffer of an endpoint holds */
#define NAME_BYTES 48

/* Where messages of one interface arrive. */
struct lmp_end {
    unsigned core;
    uint64_t dcb; /* guest-physical, of the receiver */
    uint32_t offset;
    const struct fault_interface *interface;
    uint64_t *number; /* how many of each message of it have come */
    uint64_t peer;    /* the last sender, as dcb */
    bool server;      /* the receiver is the server of the interface */
    bool more;        /* the next record continues the last of `pending` */
    struct machine_message *pending;
    size_t pending_count;
};

struct lmp_messages {
    struct lmp_end *end;
    size_t count;
    uint64_t any[ABI_MAX_CORES];
};

bool lmp_messages_create(struct machine *machine)
{
    machine->lmp = calloc(1, sizeof(*machine->lmp));
    return machine->lmp != NULL;
}

static void tell(struct machine *machine, enum machine_message_step step,
                 const struct machine_message *message)
{
    const struct machine_sink *sink = &machine->config.sink;
    if (sink->message)
        sink->message(sink->context, step, message);
}

static void forget_pending(struct machine *machine, struct lmp_end *end)
{
    for (size_t i = 0; i < end->pending_count; i++)
        tell(machine, MACHINE_MESSAGE_LEFT, &end->pending[i]);
    end->pending_count = 0;
}

void lmp_messages_destroy(struct machine *machine)
{
    struct lmp_messages *lmp = machine->lmp;
    for (size_t i = 0; lmp && i < lmp->count; i++) {
        forget_pending(machine, &lmp->end[i]);
        free(lmp->end[i].pending);
        free(lmp->end[i].number);
    }
    if (lmp)
        free(lmp->end);
    free(lmp);
    machine->lmp = NULL;
}

/* ---- whose message, and of which interface ---- */

/* A text in the memory of a domain; false: there is none. */
static bool read_text(const struct machine *machine, uint64_t cr3, uint64_t vaddr,
                      char text[NAME_BYTES])
{
    const char *byte = NULL;
    for (size_t i = 0; i < NAME_BYTES; i++, byte++) {
        uint64_t paddr;
        if (!byte || (vaddr + i) % ABI_PAGE_BYTES == 0) {
            if (!machine_translate(machine, cr3, vaddr + i, &paddr))
                return false;
            byte = machine_memory(machine, paddr, 1);
        }
        if (!byte)
            return false;
        text[i] = *byte;
        if (text[i] == 0)
            return i > 0;
        if (!isprint((unsigned char)text[i]))
            return false;
    }
    return false;
}

/* The interface of an endpoint, NULL if it has none that is known; *server: the receiver is its
 * server. */
static const struct fault_interface *interface_of(const struct machine *machine, uint64_t dcb,
                                                  uint32_t offset, bool *server)
{
    const struct abi_dcb_head *head = machine_dcb_head(machine, dcb);
    const uint64_t *tag = NULL;
    char name[NAME_BYTES];
    if (head && head->disp_frame != 0 && head->disp_frame % ABI_PAGE_BYTES == 0)
        tag = machine_memory(machine, head->disp_frame + offset - WORD_BYTES, WORD_BYTES);
    if (!tag || *tag == 0 ||
        !read_text(machine, head->cr3, *tag & ~(uint64_t)ABI_ENDPOINT_SERVER, name))
        return NULL;
    *server = *tag & ABI_ENDPOINT_SERVER;
    return fault_names_interface(&machine->fabric->names, name);
}

static struct lmp_end *find_end(const struct lmp_messages *lmp, unsigned core, uint64_t dcb,
                                uint32_t offset)
{
    for (size_t i = 0; i < lmp->count; i++)
        if (lmp->end[i].core == core && lmp->end[i].dcb == dcb && lmp->end[i].offset == offset)
            return &lmp->end[i];
    return NULL;
}

static struct lmp_end *new_end(struct lmp_messages *lmp, unsigned core, uint64_t dcb,
                               uint32_t offset)
{
    struct lmp_end *grown = machine_grow(lmp->end, lmp->count, sizeof(*grown));
    if (!grown)
        return NULL;
    lmp->end = grown;
    lmp->end[lmp->count] = (struct lmp_end){ .core = core, .dcb = dcb, .offset = offset };
    return &lmp->end[lmp->count++];
}

/* The library says which ends export made.  Of a connection that was made otherwise, such as a
 * domain's to its monitor, the one that is spoken to first is taken for the server. */
static bool is_server(const struct lmp_messages *lmp, const struct lmp_end *end)
{
    for (size_t i = 0; i < lmp->count; i++) {
        const struct lmp_end *other = &lmp->end[i];
        if (other->dcb == end->peer && other->peer == end->dcb &&
            other->interface == end->interface && other != end)
            return !other->server;
    }
    return true;
}

/* The endpoint's memory may serve another interface, or peer, than before. */
static bool set_interface(struct machine *machine, struct lmp_end *end,
                          const struct fault_interface *interface, bool server)
{
    const uint64_t peer = machine->state.trace[end->core].runs;
    if (end->interface == interface && end->peer == peer)
        return true;
    uint64_t *number = calloc(interface->count + 1, sizeof(*number));
    if (!number)
        return false;
    forget_pending(machine, end);
    free(end->number);
    end->number = number;
    end->interface = interface;
    end->peer = peer;
    end->more = false;
    end->server = server || is_server(machine->lmp, end);
    return true;
}

/* ---- a message ---- */

static void say(struct machine *machine, const struct machine_message *message, uint64_t now_ns)
{
    if (machine->config.messages)
        machine_tell(machine, MACHINE_EVENT_MESSAGE, message->from, now_ns,
                     "%.*s.%s #%" PRIu64 " to core %u, %s, LMP, %u bytes",
                     (int)strcspn(message->channel, ":"), message->channel, message->name,
                     message->number, message->to, message->channel, message->bytes);
}

static struct machine_message *add_pending(struct machine *machine, struct lmp_end *end)
{
    if (!machine->handlers || end->pending_count == PENDING_MAX)
        forget_pending(machine, end);
    struct machine_message *grown = machine_grow(end->pending, end->pending_count, sizeof(*grown));
    if (!grown)
        return NULL;
    end->pending = grown;
    return &end->pending[end->pending_count++];
}

static void begin_message(struct machine *machine, struct lmp_end *end,
                          const struct fault_message_name *type, uint64_t now_ns)
{
    const bool by_server = !end->server;
    char sender[17], receiver[17];
    struct machine_message *message = add_pending(machine, end);
    if (!message)
        return;
    machine_dispatcher_name(machine, end->peer, sender);
    machine_dispatcher_name(machine, end->dcb, receiver);
    *message = (struct machine_message){ .time_ns = now_ns,
                                         .shown_ns = now_ns,
                                         .from = end->core,
                                         .to = end->core,
                                         .number = ++end->number[type - end->interface->message],
                                         .any = ++machine->lmp->any[end->core],
                                         .by_server = by_server,
                                         .lmp = true };
    snprintf(message->name, sizeof(message->name), "%s", type->name);
    snprintf(message->channel, sizeof(message->channel), "%s:%s.%u<-%s.%u", end->interface->name,
             by_server ? sender : receiver, end->core, by_server ? receiver : sender, end->core);
}

void lmp_message_delivered(struct machine *machine, unsigned core,
                           const struct abi_trace_record *record, uint64_t now_ns)
{
    const uint32_t d = (uint32_t)(record->what >> 32);
    const bool more = (record->what & 0xff) == ABI_TRACE_LMP && record->what >> 8 & ABI_LMP_MORE;
    bool server = false;
    if (!machine->lmp || ABI_LMP_ENDPOINT(d) == 0)
        return;
    const struct fault_interface *interface =
        interface_of(machine, record->arg, ABI_LMP_ENDPOINT(d), &server);
    if (!interface)
        return;
    struct lmp_end *end = find_end(machine->lmp, core, record->arg, ABI_LMP_ENDPOINT(d));
    if (!end)
        end = new_end(machine->lmp, core, record->arg, ABI_LMP_ENDPOINT(d));
    if (!end || !set_interface(machine, end, interface, server))
        return;
    if (!end->more) {
        const struct fault_message_name *type =
            ABI_LMP_WORDS(d) > 0 ? fault_names_type(interface, record->what >> 16 & 0xffff) : NULL;
        if (!type)
            return;
        begin_message(machine, end, type, now_ns);
    }
    const bool begins = !end->more;
    end->more = more;
    if (end->pending_count == 0)
        return;
    struct machine_message *message = &end->pending[end->pending_count - 1];
    message->bytes += ABI_LMP_WORDS(d) * WORD_BYTES;
    if (begins)
        tell(machine, MACHINE_MESSAGE_SENT, message);
    if (!more)
        say(machine, message, now_ns);
}

void lmp_message_handled(struct machine *machine, unsigned core, uint64_t dcb, uint32_t offset,
                         const char *message, uint64_t now_ns)
{
    struct lmp_end *end = machine->lmp ? find_end(machine->lmp, core, dcb, offset) : NULL;
    for (size_t i = 0; end && i < end->pending_count; i++) {
        if (strcmp(end->pending[i].name, message) != 0)
            continue;
        end->pending[i].read_ns = end->pending[i].handled_ns = now_ns;
        tell(machine, MACHINE_MESSAGE_READ, &end->pending[i]);
        memmove(&end->pending[i], &end->pending[i + 1],
                (end->pending_count - i - 1) * sizeof(*end->pending));
        end->pending_count--;
        return;
    }
}
