/* SPDX-License-Identifier: MIT
 *
 * What rules do to programs: end one, flip a bit of its variables, refuse it memory; and the system
 * calls that rules look for.
 *
 * A domain is known by its name once it has run, from the trace.  The machine does not end it: the
 * CPU driver does, as if the domain had made a fault (abi_core_page.stop), so that whoever depends
 * on it hears of that the usual way.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/report.h"
#include "machine/fabric.h"
#include "machine/machine_private.h"

#define NO_SUCH_DOMAIN "no domain of that name runs there"

/* ---- domains by name ---- */

/* "myapp.1": is it this dispatcher of this core? */
static bool is_named(const char *domain, unsigned core, const struct abi_dcb_head *head)
{
    char name[sizeof(head->name) + sizeof(".63")];
    size_t length = strnlen(head->name, sizeof(head->name));
    snprintf(name, sizeof(name), "%.*s.%u", (int)length, head->name, core);
    return strcmp(name, domain) == 0;
}

/* The next dispatcher of a domain that lives, counted on in *core and *index; NULL: no more. */
static const struct abi_dcb_head *next_of(const struct machine *machine, const char *domain,
                                          unsigned *core, unsigned *index, uint64_t *dcb)
{
    for (; *core < machine->config.core_count; (*core)++, *index = 0) {
        const struct machine_dispatchers *known = &machine->state.dispatchers[*core];
        while (*index < known->count) {
            *dcb = known->dcb[(*index)++];
            const struct abi_dcb_head *head = machine_dcb_head(machine, *dcb);
            if (head && head->disp_frame != 0 && is_named(domain, *core, head))
                return head;
        }
    }
    return NULL;
}

/* ---- kill ---- */

static bool order_stop(struct machine *machine, unsigned core, uint64_t dcb)
{
    struct abi_core_page *page = machine_core_page(machine, core);
    for (unsigned i = 0; i < ABI_STOPS; i++) {
        uint64_t empty = 0;
        if (__atomic_compare_exchange_n(&page->stop[i], &empty, dcb, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            machine_notify(machine, core, ABI_CAUSE_STOP, MACHINE_NO_NOTIFY);
            return true;
        }
    }
    return false;
}

static const char *kill_domain(struct machine *machine, const char *domain)
{
    unsigned core = 0, index = 0, stopped = 0;
    uint64_t dcb;
    while (next_of(machine, domain, &core, &index, &dcb)) {
        if (!order_stop(machine, core, dcb))
            return "its core has not yet ended those that were to end before it";
        stopped++;
    }
    return stopped > 0 ? NULL : NO_SUCH_DOMAIN;
}

/* ---- memory ---- */

static void written(struct machine *machine, uint64_t paddr, uint64_t bytes)
{
    if (machine->ops->memory_written)
        machine->ops->memory_written(machine->engine, paddr, bytes);
}

static const char *flip_byte(struct machine *machine, uint64_t paddr, unsigned bit)
{
    uint8_t *byte = machine_memory(machine, paddr, 1);
    if (!byte)
        return "there is no memory";
    __atomic_fetch_xor(byte, (uint8_t)(1u << bit), __ATOMIC_SEQ_CST);
    written(machine, paddr, 1);
    return NULL;
}

/* Who lives there sees the CPU driver in its own address space. */
static const struct abi_dcb_head *any_of_core(const struct machine *machine, const char *domain)
{
    const unsigned long core = strtoul(strrchr(domain, '.') + 1, NULL, 10);
    const struct machine_dispatchers *known = &machine->state.dispatchers[core];
    for (unsigned i = 0; core < machine->config.core_count && i < known->count; i++) {
        const struct abi_dcb_head *head = machine_dcb_head(machine, known->dcb[i]);
        if (head && head->disp_frame != 0)
            return head;
    }
    return NULL;
}

static const char *flip(struct machine *machine, const struct fault_action *action)
{
    unsigned core = 0, index = 0;
    uint64_t dcb, paddr;
    if (!action->domain)
        return flip_byte(machine, action->address, action->count);
    const struct abi_dcb_head *head = action->of_kernel
                                          ? any_of_core(machine, action->domain)
                                          : next_of(machine, action->domain, &core, &index, &dcb);
    if (!head)
        return action->of_kernel ? "nothing runs there" : NO_SUCH_DOMAIN;
    if (!machine_translate(machine, head->cr3, action->address + action->count / 8, &paddr))
        return "the variable is not in memory";
    return flip_byte(machine, paddr, action->count % 8);
}

/* ---- no_memory ---- */

/* Whoever allocates keeps a record of faults that are asked of it. */
static const char *refuse_memory(struct machine *machine, const struct fault_action *action)
{
    unsigned told = 0;
    for (size_t i = 0; i < machine->reports.block_count; i++) {
        const struct report_block *block = &machine->reports.block[i];
        uint64_t paddr = block->paddr + offsetof(struct abi_report, record);
        struct abi_report_record *record;
        if (block->paddr == 0 || !(action->cores >> block->core & 1))
            continue;
        for (unsigned r = 0; r < ABI_REPORT_RECORDS; r++, paddr += sizeof(*record)) {
            record = machine_memory(machine, paddr, sizeof(*record));
            if (!record || record->kind != ABI_REPORT_FAULT ||
                strncmp(record->name, ABI_FAULT_NO_MEMORY, sizeof(record->name)) != 0)
                continue;
            __atomic_fetch_add(&record->value, action->count, __ATOMIC_SEQ_CST);
            written(machine, paddr, sizeof(*record));
            told++;
        }
    }
    return told > 0 ? NULL : "no memory server runs there";
}

const char *fabric_harm(struct machine *machine, const struct fault_action *action)
{
    switch (action->kind) {
    case FAULT_KILL:
        return kill_domain(machine, action->domain);
    case FAULT_NO_MEMORY:
        return refuse_memory(machine, action);
    default:
        return flip(machine, action);
    }
}

/* ---- system calls ---- */

void fabric_watch_syscalls(struct machine *machine)
{
    const struct fault_rules *rules = &machine->config.faults;
    for (size_t r = 0; r < rules->count; r++) {
        const struct fault_rule *rule = &rules->rule[r];
        for (unsigned core = 0; core < machine->config.core_count; core++)
            if (rule->trigger == FAULT_ON_SYSCALL && rule->cores >> core & 1)
                machine_core_page(machine, core)->watch |=
                    rule->syscall == UINT32_MAX ? UINT64_MAX : 1ull << rule->syscall;
    }
}

void fabric_syscall(struct machine *machine, unsigned core, uint32_t number, uint64_t speaker,
                    uint64_t now_ns)
{
    struct fault_decision decision;
    struct fault_injection injection = {
        .trigger = FAULT_ON_SYSCALL, .from = core, .to = core, .notify_id = number
    };
    char name[17];
    if (!machine->fabric->faults)
        return; /* nobody asked for it */
    machine_note_dispatcher(machine, core, speaker);
    machine_dispatcher_name(machine, speaker, name);
    fault_on_syscall(machine->fabric->faults, core, name, number, now_ns, &decision);
    fabric_act_and_tell(machine, &decision, &injection, now_ns);
}
