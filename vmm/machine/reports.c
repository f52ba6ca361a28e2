/* SPDX-License-Identifier: MIT
 *
 * Blocks of counters in guest memory, and sums of what they say.
 *
 * A sum is kept by differences: what a record says more than when it was last seen is added.  So
 * the counters of programs that have ended stay in it, and gauges are taken out of it with their
 * program. A counter that goes back was written by a program that does not keep to the rules; it
 * counts from there.
 */
#include "machine/reports.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "machine/machine_private.h"
#include "machine/pump.h"

void reports_destroy(struct machine *machine)
{
    free(machine->reports.block);
    free(machine->reports.value);
}

static const void *memory_at(const struct machine *machine, uint64_t paddr, uint64_t bytes)
{
    return machine->pump ? pump_ram(machine, paddr, bytes) : machine_memory(machine, paddr, bytes);
}

/* A name as it may be shown and compared. */
static void copy_name(char name[ABI_REPORT_NAME], const struct abi_report_record *record)
{
    memcpy(name, record->name, ABI_REPORT_NAME);
    name[ABI_REPORT_NAME - 1] = 0;
    for (char *at = name; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/* Index of the sum for a record, made if there is none; -1: no room. */
static int find_value(struct reports *reports, const struct abi_report_record *record,
                      uint32_t kind)
{
    char name[ABI_REPORT_NAME];
    copy_name(name, record);
    for (size_t i = 0; i < reports->value_count; i++)
        if (reports->value[i].kind == kind && strcmp(reports->value[i].name, name) == 0)
            return (int)i;
    if (reports->value_count == REPORT_VALUES_MAX)
        return -1;
    struct machine_value *grown =
        machine_grow(reports->value, reports->value_count, sizeof(*grown));
    if (!grown)
        return -1;
    reports->value = grown;
    struct machine_value *value = &reports->value[reports->value_count];
    *value = (struct machine_value){ .kind = kind };
    memcpy(value->name, name, sizeof(name));
    return (int)reports->value_count++;
}

static uint64_t more(uint64_t now, uint64_t before, bool may_fall)
{
    return now >= before || may_fall ? now - before : 0;
}

static void tell(struct machine *machine, const struct report_block *block,
                 const struct machine_value *value, uint64_t now_ns)
{
    const struct machine_sink *sink = &machine->config.sink;
    if (sink->value)
        sink->value(sink->context, block->core, block->domain, now_ns, value);
}

/* False: behind the last record. */
static bool look_at_record(struct machine *machine, struct report_block *block, unsigned i,
                           const struct abi_report_record *record, uint64_t now_ns)
{
    struct reports *reports = &machine->reports;
    const uint32_t kind = __atomic_load_n(&record->kind, __ATOMIC_ACQUIRE);
    if (kind == ABI_REPORT_FAULT)
        return true; /* the machine's own wish */
    if (kind < ABI_REPORT_COUNTER || kind > ABI_REPORT_SOMETIMES)
        return false;
    bool is_new = block->seen[i].name == 0;
    if (is_new) {
        block->seen[i].name = (uint32_t)(find_value(reports, record, kind) + 1);
        if (block->seen[i].name == 0)
            return true;
    }
    struct machine_value *sum = &reports->value[block->seen[i].name - 1];
    const uint64_t value = __atomic_load_n(&record->value, __ATOMIC_RELAXED);
    const uint64_t failures = __atomic_load_n(&record->failures, __ATOMIC_RELAXED);
    if (!is_new && value == block->seen[i].value && failures == block->seen[i].failures)
        return true;
    sum->value += more(value, block->seen[i].value, sum->kind == ABI_REPORT_GAUGE);
    sum->failures += more(failures, block->seen[i].failures, false);
    block->seen[i].value = value;
    block->seen[i].failures = failures;
    tell(machine, block, sum, now_ns);
    return true;
}

static void take_out_gauges(struct machine *machine, struct report_block *block, uint64_t now_ns)
{
    for (unsigned i = 0; i < ABI_REPORT_RECORDS; i++) {
        if (block->seen[i].name == 0)
            continue;
        struct machine_value *sum = &machine->reports.value[block->seen[i].name - 1];
        if (sum->kind != ABI_REPORT_GAUGE || block->seen[i].value == 0)
            continue;
        sum->value -= block->seen[i].value;
        tell(machine, block, sum, now_ns);
    }
}

static void end_block(struct machine *machine, struct report_block *block, uint64_t now_ns)
{
    take_out_gauges(machine, block, now_ns);
    block->paddr = 0;
}

static void look_at_block(struct machine *machine, struct report_block *block, uint64_t now_ns)
{
    const struct abi_report *report = memory_at(machine, block->paddr, sizeof(*report));
    assert(report); /* the device has checked it */
    if (__atomic_load_n(&report->magic, __ATOMIC_ACQUIRE) != ABI_REPORT_MAGIC) {
        end_block(machine, block, now_ns);
        return;
    }
    for (unsigned i = 0; i < ABI_REPORT_RECORDS; i++)
        if (!look_at_record(machine, block, i, &report->record[i], now_ns))
            return;
}

void reports_look(struct machine *machine, unsigned core, uint64_t now_ns)
{
    struct reports *reports = &machine->reports;
    for (size_t i = 0; i < reports->block_count; i++) {
        struct report_block *block = &reports->block[i];
        if (block->paddr != 0 && (core == REPORTS_ALL || block->core == core))
            look_at_block(machine, block, now_ns);
    }
}

void reports_forget(struct machine *machine, uint64_t paddr, uint64_t bytes, uint64_t now_ns)
{
    struct reports *reports = &machine->reports;
    for (size_t i = 0; i < reports->block_count; i++) {
        struct report_block *block = &reports->block[i];
        if (block->paddr == 0 || block->paddr >= paddr + bytes ||
            paddr >= block->paddr + ABI_REPORT_BYTES)
            continue;
        look_at_block(machine, block, now_ns);
        if (block->paddr != 0)
            end_block(machine, block, now_ns);
    }
}

static struct report_block *new_block(struct reports *reports)
{
    for (size_t i = 0; i < reports->block_count; i++)
        if (reports->block[i].paddr == 0)
            return &reports->block[i];
    if (reports->block_count == REPORT_BLOCKS_MAX)
        return NULL;
    struct report_block *grown = machine_grow(reports->block, reports->block_count, sizeof(*grown));
    if (!grown)
        return NULL;
    reports->block = grown;
    return &reports->block[reports->block_count++];
}

void reports_add(struct machine *machine, unsigned core, uint64_t paddr, uint64_t speaker,
                 uint64_t now_ns)
{
    struct reports *reports = &machine->reports;
    const struct abi_dcb_head *head = memory_at(machine, speaker, sizeof(*head));
    struct report_block *block = NULL;
    for (size_t i = 0; i < reports->block_count && !block; i++)
        if (reports->block[i].paddr == paddr && reports->block[i].core == core)
            block = &reports->block[i];
    if (!block) {
        reports_forget(machine, paddr, ABI_REPORT_BYTES, now_ns);
        block = new_block(reports);
        if (!block)
            return; /* more than anybody looks at */
        *block = (struct report_block){ .paddr = paddr, .core = core };
        memcpy(block->domain, head->name, sizeof(head->name));
    }
    look_at_block(machine, block, now_ns);
}

bool machine_value_at(const struct machine *machine, size_t index, struct machine_value *value)
{
    if (index >= machine->reports.value_count)
        return false;
    *value = machine->reports.value[index];
    return true;
}
