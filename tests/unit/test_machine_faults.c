/* SPDX-License-Identifier: MIT
 *
 * What the machine does to domains when a fault asks for it, and what it hears from them.
 */
#include "machine_fixture.h"

TestSuite(machine_faults, .init = set_up, .fini = tear_down);

/* ---- faults ---- */

Test(machine_faults, a_flipped_bit_is_one_bit_of_one_byte)
{
    start();
    uint8_t *ram = machine_memory(t.machine, 32 * MIB, 4096);
    struct fault_fire fire = { .action = { .kind = FAULT_FLIP, .address = 32 * MIB + 5 } };
    for (unsigned bit = 0; bit < 8; bit++) {
        ram[5] = 0xa5;
        fire.action.count = bit;
        fabric_act(t.machine, &fire, 1);
        cr_expect_eq(ram[5], 0xa5 ^ 1 << bit);
    }
    cr_expect_eq(ram[4], 0);
    cr_expect_eq(ram[6], 0);
    fire.action.address = UINT64_MAX;
    fabric_act(t.machine, &fire, 1); /* nothing is there */
}

/* A control block of that name on core 0, which the machine has heard of. */
static struct abi_dcb_head *dispatcher_at(uint64_t paddr, const char *name)
{
    struct abi_dcb_head *head = machine_memory(t.machine, paddr, sizeof(*head));
    strcpy(head->name, name);
    head->disp_frame = 44 * MIB;
    machine_note_dispatcher(t.machine, 0, paddr);
    return head;
}

Test(machine_faults, a_domain_is_ended_by_its_cpu_driver)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    struct fault_fire fire = { .action = { .kind = FAULT_KILL, .domain = "myapp.0" } };
    fabric_act(t.machine, &fire, 1);
    cr_expect_not_null(fire.action.in_vain);
    dispatcher_at(40 * MIB, "other");
    struct abi_dcb_head *head = dispatcher_at(41 * MIB, "myapp");
    fabric_act(t.machine, &fire, 1);
    cr_expect_null(fire.action.in_vain);
    cr_expect_eq(page->stop[0], 41 * MIB);
    cr_expect_eq(page->stop[1], 0);
    cr_expect(page->cause & ABI_CAUSE_STOP);
    head->disp_frame = 0; /* it has ended */
    fabric_act(t.machine, &fire, 1);
    cr_expect_not_null(fire.action.in_vain);
    fire.action.domain = "myapp.1";
    fabric_act(t.machine, &fire, 1);
    cr_expect_not_null(fire.action.in_vain);
}

Test(machine_faults, a_bit_of_a_variable_is_found_through_the_page_tables)
{
    start();
    const uint64_t vaddr = 0x412345;
    uint8_t *data = machine_memory(t.machine, 48 * MIB, 4096);
    struct fault_fire fire = {
        .action = { .kind = FAULT_FLIP, .domain = "myapp.0", .address = vaddr, .count = 11 }
    };
    struct abi_dcb_head *head = dispatcher_at(40 * MIB, "myapp");
    fabric_act(t.machine, &fire, 1);
    cr_expect_not_null(fire.action.in_vain); /* it has no address space */
    head->cr3 = 50 * MIB;
    for (unsigned level = 4; level > 0; level--) {
        uint64_t *table = machine_memory(t.machine, 50 * MIB + (4 - level) * 4096, 4096);
        uint64_t next = level > 1 ? 50 * MIB + (5 - level) * 4096 : 48 * MIB;
        table[vaddr >> (12 + 9 * (level - 1)) & 511] = next | ABI_PTE_PRESENT;
    }
    fabric_act(t.machine, &fire, 1);
    cr_expect_null(fire.action.in_vain);
    cr_expect_eq(data[0x346], 1 << 3);
    cr_expect_eq(data[0x345], 0);
}

/* ---- what programs report ---- */

#define BLOCK (32 * MIB)
#define SPEAKER (40 * MIB)

static struct abi_report *block_at(uint64_t paddr, const char *name, uint32_t kind, uint64_t value)
{
    struct abi_report *block = machine_memory(t.machine, paddr, sizeof(*block));
    block->magic = ABI_REPORT_MAGIC;
    strcpy(block->record[0].name, name);
    block->record[0].kind = kind;
    block->record[0].value = value;
    return block;
}

static void report_block(unsigned core, uint64_t paddr)
{
    struct abi_core_page *page = machine_core_page(t.machine, core);
    page->arg[0] = paddr;
    page->arg[1] = SPEAKER;
    request(core, ABI_PORT_REPORT, 0, 1);
}

Test(machine_faults, memory_servers_are_asked_to_refuse)
{
    start();
    struct fault_fire fire = {
        .action = { .kind = FAULT_NO_MEMORY, .cores = FAULT_ALL_CORES, .count = 3 }
    };
    fabric_act(t.machine, &fire, 1);
    cr_expect_not_null(fire.action.in_vain);
    struct abi_report *block = block_at(BLOCK, ABI_FAULT_NO_MEMORY, ABI_REPORT_FAULT, 0);
    report_block(0, BLOCK);
    fabric_act(t.machine, &fire, 1);
    fabric_act(t.machine, &fire, 1);
    cr_expect_null(fire.action.in_vain);
    cr_expect_eq(block->record[0].value, 6);
    fire.action.cores = 2;
    fabric_act(t.machine, &fire, 1);
    cr_expect_not_null(fire.action.in_vain);
    cr_expect_eq(block->record[0].value, 6);
    struct machine_value value;
    cr_expect(!machine_value_at(t.machine, 0, &value), "a wish is no value of the program");
}

static uint64_t value_of(const char *name)
{
    struct machine_value value;
    for (size_t i = 0; machine_value_at(t.machine, i, &value); i++)
        if (strcmp(value.name, name) == 0)
            return value.value;
    return UINT64_MAX;
}

Test(machine_faults, counters_of_equal_names_are_added_up_and_outlive_their_program)
{
    start();
    struct abi_report *one = block_at(BLOCK, "a", ABI_REPORT_COUNTER, 5);
    block_at(BLOCK + 4096, "a", ABI_REPORT_COUNTER, 7);
    report_block(0, BLOCK);
    report_block(1, BLOCK + 4096);
    cr_expect_eq(value_of("a"), 12);
    one->record[0].value = 6;
    report_block(0, BLOCK); /* told again: what is new counts */
    cr_expect_eq(value_of("a"), 13);
    one->record[0].value = 9;
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    page->arg[0] = BLOCK;
    page->arg[1] = 4096;
    request(0, ABI_PORT_SCRUB, 0, 1);
    cr_expect_eq(value_of("a"), 16, "looked at once more before the memory is gone");
    block_at(BLOCK, "a", ABI_REPORT_COUNTER, 1);
    report_block(0, BLOCK);
    cr_expect_eq(value_of("a"), 17, "another program, in the same memory");
}

Test(machine_faults, gauges_end_with_their_program)
{
    start();
    block_at(BLOCK, "g", ABI_REPORT_GAUGE, 5);
    struct abi_report *two = block_at(BLOCK + 4096, "g", ABI_REPORT_GAUGE, 70);
    report_block(0, BLOCK);
    report_block(0, BLOCK + 4096);
    two->record[0].value = 30;
    report_block(0, BLOCK + 4096);
    cr_expect_eq(value_of("g"), 35);
    two->magic = 0;
    report_block(0, BLOCK + 4096);
    cr_expect_eq(value_of("g"), 5);
}

Test(machine_faults, reports_are_looked_at_with_suspicion)
{
    start();
    struct abi_report *block = machine_memory(t.machine, BLOCK, sizeof(*block));
    memset(block, 0xff, sizeof(*block)); /* no terminators, no kinds */
    report_block(0, BLOCK);
    block->magic = ABI_REPORT_MAGIC;
    report_block(0, BLOCK);
    struct machine_value value;
    cr_expect_not(machine_value_at(t.machine, 0, &value));
    for (unsigned i = 0; i < ABI_REPORT_RECORDS; i++)
        block->record[i].kind = ABI_REPORT_COUNTER;
    report_block(0, BLOCK);
    cr_assert(machine_value_at(t.machine, 0, &value));
    cr_expect_eq(strlen(value.name), ABI_REPORT_NAME - 1);
    cr_expect_eq(value.name[0], '?');
    block->record[0].value = 3; /* back: it counts from there */
    report_block(0, BLOCK);
    block->record[0].value = 4;
    report_block(0, BLOCK);
    machine_value_at(t.machine, 0, &value);
    cr_expect_eq(value.value, (uint64_t)-ABI_REPORT_RECORDS + 1);
}
