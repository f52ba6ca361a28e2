/* SPDX-License-Identifier: MIT
 *
 * The dispatcher's block of counters and properties (abi/report.h).
 *
 * Records are made in order and never removed, the name before the kind, so that whoever reads the
 * block meanwhile sees a record whole or not at all.  The block is told to the machine when the
 * dispatcher is made; it is told again only when a property has news that a run may end with.
 */
#include <barrelfish/report.h>

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatcher.h>
#include <string.h>

static const char *const library_counter[DISP_COUNTERS] = {
    [DISP_UMP_MESSAGES] = "ump.messages", [DISP_UMP_ACKS] = "ump.acks",
    [DISP_UMP_WAKEUPS] = "ump.wakeups",   [DISP_UMP_RETRANSMITS] = "ump.retransmits",
    [DISP_UMP_DAMAGED] = "ump.damaged",
};

static struct abi_report *block_of(dispatcher_handle_t handle)
{
    return (struct abi_report *)(handle + DISP_REPORT_OFFSET);
}

static void tell(dispatcher_handle_t handle)
{
    sys_print_line((const char *)block_of(handle), ABI_REPORT_BYTES, PRINT_REPORT);
}

static void make(struct abi_report_record *record, const char *name, uint32_t kind)
{
    strncpy(record->name, name, ABI_REPORT_NAME - 1);
    __atomic_store_n(&record->kind, kind, __ATOMIC_RELEASE);
}

void report_init_disabled(dispatcher_handle_t handle)
{
    struct abi_report *block = block_of(handle);

    memset(block, 0, sizeof(*block));
    for (unsigned i = 0; i < DISP_COUNTERS; i++)
        make(&block->record[i], library_counter[i], ABI_REPORT_COUNTER);
    block->magic = ABI_REPORT_MAGIC;
    tell(handle);
}

/* The record of that name, made if there is none; one that nobody sees if there is no room. */
static struct abi_report_record *find(dispatcher_handle_t handle, const char *name, uint32_t kind)
{
    static struct abi_report_record unseen;
    struct abi_report_record *record = block_of(handle)->record;

    for (unsigned i = 0; i < ABI_REPORT_RECORDS; i++) {
        if (record[i].kind == 0) {
            make(&record[i], name, kind);
            return &record[i];
        }
        if (record[i].kind == kind && strncmp(record[i].name, name, ABI_REPORT_NAME - 1) == 0)
            return &record[i];
    }
    return &unseen;
}

static struct abi_report_record *get(const char *name, uint32_t kind)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);
    struct abi_report_record *record = find(handle, name, kind);

    if (was_enabled)
        disp_enable(handle);
    return record;
}

uint64_t *report_counter(const char *name)
{
    return &get(name, ABI_REPORT_COUNTER)->value;
}

uint64_t *report_gauge(const char *name)
{
    return &get(name, ABI_REPORT_GAUGE)->value;
}

uint64_t *report_fault(const char *name)
{
    return &get(name, ABI_REPORT_FAULT)->value;
}

/* The machine adds while we look, never takes away. */
bool report_take_fault(uint64_t *fault)
{
    if (__atomic_load_n(fault, __ATOMIC_SEQ_CST) == 0)
        return false;
    __atomic_fetch_sub(fault, 1, __ATOMIC_SEQ_CST);
    return true;
}

void report_property(struct abi_report_record **record, const char *name, uint32_t kind, bool holds)
{
    bool was_enabled;
    dispatcher_handle_t handle = disp_try_disable(&was_enabled);

    if (*record == NULL)
        *record = find(handle, name, kind);
    uint64_t *count = holds ? &(*record)->value : &(*record)->failures;
    *count += 1;
    if (*count == 1)
        tell(handle);
    if (was_enabled)
        disp_enable(handle);
}
