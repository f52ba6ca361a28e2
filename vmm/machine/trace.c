/* SPDX-License-Identifier: MIT
 *
 * The flight recorder: takes trace records out of the core areas and puts them into words.
 *
 * The CPU driver writes its ring always; whoever handles an exit of that core takes what is new,
 * whether anybody watches or not, so that watching changes nothing in the guest.  A core that runs
 * long without an exit overwrites its oldest records: they are counted as lost.  Names of system
 * calls, types and commands are the CPU driver's own and come from symbols of its ELF file;
 * without them numbers are printed.  Everything read here was written by the guest and may be
 * wrong.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine/lmp_messages.h"
#include "machine/machine_private.h"

#define MAX_NAMES 256
#define MAX_COMMANDS 1024 /* of all types */
#define NAMES_MAX_BYTES 65536
#define TRACE_MOST_AT_ONCE (1ull << 32) /* records that a core can write between two exits */

struct trace_names {
    char *syscall_block, *type_block, *kind_block, *command_block;
    const char *syscall[MAX_NAMES], *type[MAX_NAMES];
    const char *kind[MAX_NAMES]; /* of types, which commands go by; NULL: by their own name */
    struct {
        unsigned type, command;
        const char *name;
    } command[MAX_COMMANDS];
    unsigned command_count;
};

/* Next entry of a list of zero-terminated strings that ends with an empty one, NULL at the end. */
static const char *next_entry(const char *block, size_t bytes, size_t *at)
{
    if (!block || *at >= bytes || block[*at] == 0)
        return NULL;
    const char *entry = block + *at;
    size_t length = strnlen(entry, bytes - *at);
    if (length == bytes - *at)
        return NULL; /* not terminated */
    *at += length + 1;
    return entry;
}

/* A list whose entries are names at their position, or "position=name". */
static char *load_list(const char *path, const char *symbol, const char **list)
{
    size_t bytes, at = 0;
    char *block = symbol_contents(path, symbol, NAMES_MAX_BYTES, &bytes);
    const char *entry;
    for (unsigned i = 0; i < MAX_NAMES && (entry = next_entry(block, bytes, &at)) != NULL; i++) {
        char *name;
        unsigned long position = strtoul(entry, &name, 10);
        if (*name != '=' || name == entry)
            list[i] = entry;
        else if (position < MAX_NAMES)
            list[position] = name + 1;
    }
    return block;
}

static bool is_name(const char *name, const char *key, size_t length)
{
    return name && strlen(name) == length && memcmp(name, key, length) == 0;
}

/* Does this key mean the type: by its number, its name or its kind? */
static bool means_type(const struct trace_names *names, const char *key, size_t length,
                       unsigned type)
{
    char *end;
    unsigned long number = strtoul(key, &end, 10);
    if (end == key + length && length > 0)
        return number == type;
    return is_name(names->type[type], key, length) || is_name(names->kind[type], key, length);
}

/* "type=kind" */
static void add_kind(struct trace_names *names, const char *entry)
{
    const char *equals = strchr(entry, '=');
    for (unsigned i = 0; equals && i < MAX_NAMES; i++)
        if (is_name(names->type[i], entry, (size_t)(equals - entry)))
            names->kind[i] = equals + 1;
}

/* "type or kind:command=name" */
static void add_command(struct trace_names *names, const char *entry)
{
    const char *colon = strchr(entry, ':'), *name = strchr(entry, '=');
    if (!colon || !name)
        return;
    char *end;
    unsigned long command = strtoul(colon + 1, &end, 10);
    if (end != name || end == colon + 1)
        return;
    for (unsigned type = 0; type < MAX_NAMES && names->command_count < MAX_COMMANDS; type++)
        if (means_type(names, entry, (size_t)(colon - entry), type)) {
            unsigned i = names->command_count++;
            names->command[i].type = type;
            names->command[i].command = (unsigned)command;
            names->command[i].name = name + 1;
        }
}

struct trace_names *trace_names_load(const char *kernel_path)
{
    struct trace_names *names = calloc(1, sizeof(*names));
    if (!names)
        return NULL;
    names->syscall_block = load_list(kernel_path, "trace_syscall_names", names->syscall);
    names->type_block = load_list(kernel_path, "trace_type_names", names->type);
    size_t bytes, at = 0;
    const char *entry;
    names->kind_block = symbol_contents(kernel_path, "trace_kind_names", NAMES_MAX_BYTES, &bytes);
    while ((entry = next_entry(names->kind_block, bytes, &at)) != NULL)
        add_kind(names, entry);
    at = 0;
    names->command_block =
        symbol_contents(kernel_path, "trace_command_names", NAMES_MAX_BYTES, &bytes);
    while ((entry = next_entry(names->command_block, bytes, &at)) != NULL)
        add_command(names, entry);
    return names;
}

void trace_names_free(struct trace_names *names)
{
    if (!names)
        return;
    free(names->syscall_block);
    free(names->type_block);
    free(names->kind_block);
    free(names->command_block);
    free(names);
}

const struct abi_dcb_head *machine_dcb_head(const struct machine *machine, uint64_t dcb)
{
    if (dcb == 0 || dcb % _Alignof(struct abi_dcb_head) != 0)
        return NULL;
    return machine_memory(machine, dcb, sizeof(struct abi_dcb_head));
}

void machine_dispatcher_name(const struct machine *machine, uint64_t dcb, char name[17])
{
    memcpy(name, "-", 2);
    if (dcb == 0)
        return;
    const struct abi_dcb_head *head = machine_dcb_head(machine, dcb);
    if (!head) {
        memcpy(name, "?", 2);
        return;
    }
    memcpy(name, head->name, 16);
    name[16] = 0;
    for (char *c = name; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
}

static void take_record(struct machine *machine, unsigned core, uint64_t now_ns, uint64_t index,
                        const struct abi_trace_record *record)
{
    struct machine_trace *trace = &machine->state.trace[core];
    struct machine_stats *stats = &machine->state.stats;
    uint8_t kind = record->what & 0xff;
    trace->last[trace->kept++ % MACHINE_TRACE_KEPT] = *record;
    stats->trace_records++;
    const bool lrpc = kind == ABI_TRACE_UPCALL && (record->what >> 8 & 0xff) == ABI_UPCALL_LRPC;
    const bool sent = kind == ABI_TRACE_LMP && (record->what >> 8 & ABI_LMP_BY_KERNEL) == 0;
    if (sent || lrpc) /* by who has run until now */
        lmp_message_delivered(machine, core, record, now_ns);
    if (kind == ABI_TRACE_SYSCALL || sent || lrpc) {
        stats->syscalls++;
        trace->last_syscall = *record;
    }
    if (kind == ABI_TRACE_UPCALL)
        stats->upcalls++;
    if (kind == ABI_TRACE_SYSCALL || kind == ABI_TRACE_UPCALL || kind == ABI_TRACE_RESUME) {
        machine_note_dispatcher(machine, core, record->arg);
        trace->runs = record->arg;
    }
    const struct machine_sink *sink = &machine->config.sink;
    if (machine->config.trace && sink->trace_record)
        sink->trace_record(sink->context, core, now_ns, index, record);
}

void machine_drain_trace(struct machine *machine, unsigned core, uint64_t now_ns)
{
    const struct abi_core_page *page = machine_core_page(machine, core);
    const struct abi_trace_record *ring =
        (const void *)((const uint8_t *)page + ABI_TRACE_RING_OFFSET);
    struct machine_trace *trace = &machine->state.trace[core];
    uint64_t head = __atomic_load_n(&page->trace_head, __ATOMIC_ACQUIRE);
    if (head < trace->seen || head - trace->seen > TRACE_MOST_AT_ONCE) {
        trace->seen = head; /* the guest damaged its counter; begin anew */
        return;
    }
    if (head - trace->seen > ABI_TRACE_RECORDS) {
        uint64_t lost = head - trace->seen - ABI_TRACE_RECORDS;
        trace->lost += lost;
        machine->state.stats.trace_lost += lost;
        trace->seen = head - ABI_TRACE_RECORDS;
    }
    for (; trace->seen < head; trace->seen++) {
        struct abi_trace_record record = ring[trace->seen % ABI_TRACE_RECORDS];
        take_record(machine, core, now_ns, trace->seen, &record);
    }
}

void machine_trace_who(struct machine *machine, const struct abi_trace_record *record,
                       char name[17])
{
    switch (record->what & 0xff) {
    case ABI_TRACE_FAULT: /* its argument is an address */
    case ABI_TRACE_IDLE:
        machine_dispatcher_name(machine, 0, name);
        break;
    default:
        machine_dispatcher_name(machine, record->arg, name);
    }
}

static void syscall_text(const struct machine *machine, const struct abi_trace_record *record,
                         const char *who, char *text, size_t bytes)
{
    const struct trace_names *names = machine->names;
    unsigned number = record->what >> 8 & 0xff, type = record->what >> 16 & 0xff;
    unsigned command = record->what >> 24 & 0xff;
    uint32_t cptr = (uint32_t)(record->what >> 32);
    char call[64], type_name[64], command_name[64], invoked[140] = "";
    snprintf(call, sizeof(call), "#%u", number);
    snprintf(type_name, sizeof(type_name), "type %u", type);
    snprintf(command_name, sizeof(command_name), "%u", command);
    if (names && names->syscall[number])
        snprintf(call, sizeof(call), "%s", names->syscall[number]);
    if (names && names->type[type])
        snprintf(type_name, sizeof(type_name), "%s", names->type[type]);
    for (unsigned i = 0; names && i < names->command_count; i++)
        if (names->command[i].type == type && names->command[i].command == command)
            snprintf(command_name, sizeof(command_name), "%s", names->command[i].name);
    if (type || command)
        snprintf(invoked, sizeof(invoked), " %s.%s", type_name, command_name);
    snprintf(text, bytes, "syscall %s%s cptr 0x%x (%s)", call, invoked, cptr, who);
}

void machine_trace_text(struct machine *machine, const struct abi_trace_record *record, char *text,
                        size_t text_bytes)
{
    static const char *const upcalls[] = { "run", "pagefault", "pagefault_disabled", "trap",
                                           "lrpc" };
    unsigned a = record->what >> 8 & 0xff;
    uint32_t d = (uint32_t)(record->what >> 32);
    char who[17];
    switch (record->what & 0xff) {
    case ABI_TRACE_SYSCALL:
        machine_dispatcher_name(machine, record->arg, who);
        syscall_text(machine, record, who, text, text_bytes);
        break;
    case ABI_TRACE_SYSRET:
        machine_dispatcher_name(machine, record->arg, who);
        snprintf(text, text_bytes, "sysret error 0x%x (%s)", d, who);
        break;
    case ABI_TRACE_UPCALL:
        machine_dispatcher_name(machine, record->arg, who);
        snprintf(text, text_bytes, "upcall %s (%s)",
                 a < sizeof(upcalls) / sizeof(upcalls[0]) ? upcalls[a] : "?", who);
        break;
    case ABI_TRACE_RESUME:
        machine_dispatcher_name(machine, record->arg, who);
        snprintf(text, text_bytes, "resume (%s)", who);
        break;
    case ABI_TRACE_INTERRUPT:
        machine_dispatcher_name(machine, record->arg, who);
        snprintf(text, text_bytes, "interrupt%s%s (%s)", a & ABI_CAUSE_TIMER ? " timer" : "",
                 a & ABI_CAUSE_NOTIFY ? " notify" : "", who);
        break;
    case ABI_TRACE_FAULT:
        snprintf(text, text_bytes, "fault vector %u error 0x%x at 0x%" PRIx64, a, d, record->arg);
        break;
    case ABI_TRACE_IDLE:
        snprintf(text, text_bytes, "idle");
        break;
    case ABI_TRACE_LMP:
        machine_dispatcher_name(machine, record->arg, who);
        snprintf(text, text_bytes, "message %u of %u words to endpoint 0x%x (%s)",
                 (unsigned)(record->what >> 16 & 0xffff), ABI_LMP_WORDS(d), ABI_LMP_ENDPOINT(d),
                 who);
        break;
    case ABI_TRACE_NOTIFY:
        machine_dispatcher_name(machine, record->arg, who);
        snprintf(text, text_bytes, "notify core %u id %u (%s)", d >> 16, d & 0xffff, who);
        break;
    default:
        snprintf(text, text_bytes, "record 0x%" PRIx64 " 0x%" PRIx64, record->what, record->arg);
    }
}
