/* SPDX-License-Identifier: MIT
 *
 * Carrying lines of a machine that others run: its memory is a buffer here, and we are both ends of
 * a channel, and the CPU drivers.
 */
#include "machine_fixture.h"

#include <sys/mman.h>

#include "abi/pump.h"
#include "machine/pump.h"

#define RAM_BYTES (8 * MIB)
#define PUMP 0x10000
#define AREA 0x20000
#define WINDOW 0x100000
#define WINDOW_BYTES 0x40000
#define RINGS (WINDOW + 0x2000) /* behind a page of records */
#define RING_BYTES 1024
#define LINES (RING_BYTES / 64 - 1)
#define SERVER 0
#define CLIENT 1
#define HELLO 3 /* number of the message */

static uint8_t *ram;
static struct fault_rule rule;
static unsigned fired;

static void count_fault(void *context, const struct fault_injection *injection)
{
    (void)context, (void)injection;
    fired++;
}

static struct abi_pump *shared(void)
{
    return (struct abi_pump *)(ram + PUMP);
}

static void say(const char *line)
{
    machine_pc_said(t.machine, line, strlen(line), 1000);
}

/* A machine with a rule for each first message, as its loader leaves it. */
static void boot(enum fault_action_kind kind)
{
    static const struct fault_range first = { 1, 1 };
    ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(ram, MAP_FAILED);
    fired = 0;
    rule = (struct fault_rule){ .name = "rule",
                                .message = "any",
                                .line = 1,
                                .attempt = 1,
                                .from = FAULT_ALL_CORES,
                                .to = FAULT_ALL_CORES,
                                .nth = &first,
                                .nth_count = 1,
                                .probability = -1,
                                .until_ns = UINT64_MAX,
                                .after_rule = FAULT_NO_RULE,
                                .until_rule = FAULT_NO_RULE,
                                .action = { { .kind = kind, .min_ns = 500 } },
                                .action_count = 1 };
    t.config.faults = (struct fault_rules){ &rule, 1, 1 };
    t.config.sink.fault = count_fault;
    start();
    *shared() = (struct abi_pump){ .magic = ABI_PUMP_MAGIC,
                                   .core_area = AREA,
                                   .core_count = t.config.core_count,
                                   .node_count = 1 };
    shared()->window[0].base = WINDOW;
    shared()->window[0].bytes = WINDOW_BYTES;
    cr_assert_eq(machine_pump_memory(t.machine, ram, RAM_BYTES), 0);
}

/* The request of a CPU driver, and its answer. */
static void ask(unsigned core, uint64_t request)
{
    shared()->request[core] = request;
    cr_assert(machine_pump(t.machine, 2000));
    cr_assert_eq(shared()->request[core], 0);
}

static struct abi_channel *record(void)
{
    return (struct abi_channel *)(ram + WINDOW + 64);
}

/* Core 0 names a channel between core 0 and core 1. */
static void name_channel(void)
{
    *record() = (struct abi_channel){
        .magic = ABI_CHANNEL_MAGIC,
        .state = ABI_CHANNEL_NAMED,
        .interface = "test",
        .server = "server",
        .client = "client",
        .ring = { { .base = RINGS, .bytes = RING_BYTES, .notify_id = 7, .core = SERVER },
                  { .base = RINGS + RING_BYTES,
                    .bytes = RING_BYTES,
                    .notify_id = 9,
                    .core = CLIENT } },
        .layout = { .line_bytes = 64,
                    .commit_offset = 56,
                    .type_offset = 56,
                    .type_shift = 1,
                    .type_bits = 15,
                    .ack_shift = 16,
                    .ack_bits = 16 },
    };
    ask(0, WINDOW + 64);
}

/* A slot of a ring as one end sees it: the client, whose channel core 0 has named, sees the second
 * pages. */
static uint64_t *slot(unsigned ring, unsigned index, unsigned end)
{
    return (uint64_t *)(ram + RINGS + ring * RING_BYTES + index * 64 +
                        (end == CLIENT ? WINDOW_BYTES : 0));
}

static uint64_t control(unsigned epoch)
{
    return epoch | HELLO << 1;
}

/* The client writes a line, and it is carried. */
static void write_line(unsigned index, uint64_t word, uint64_t now_ns)
{
    uint64_t *line = slot(CLIENT, index, CLIENT);
    line[0] = word;
    __atomic_store_n(&line[7], control(1), __ATOMIC_RELEASE);
    cr_assert(machine_pump(t.machine, now_ns));
}

static bool arrived(unsigned index, uint64_t word)
{
    const uint64_t *line = slot(CLIENT, index, SERVER);
    return line[7] == control(1) && line[0] == word;
}

static void quick(enum fault_action_kind kind)
{
    boot(kind);
    say("0.000001 0 w -: 65536");
    name_channel();
}

TestSuite(pump, .init = set_up, .fini = tear_down);

Test(pump, each_end_sees_what_was_carried)
{
    quick(FAULT_DROP);
    cr_expect_eq(shared()->second[2], 1 + CLIENT);
    cr_expect_eq(shared()->second[0], 0, "records are seen by all");
    write_line(0, 100, 3000);
    cr_expect_eq(slot(CLIENT, 0, SERVER)[7], 0, "the first message was lost");
    cr_expect_eq(fired, 1);
    write_line(1, 101, 3000);
    cr_expect(arrived(1, 101));
    cr_expect_not(machine_pump(t.machine, 3000), "nothing is carried twice");
    for (unsigned i = 2; i < LINES; i++)
        write_line(i, 100 + i, 3000);
    cr_expect(arrived(LINES - 1, 100 + LINES - 1));
}

Test(pump, a_line_that_is_written_again_the_same_is_carried_again)
{
    quick(FAULT_DROP);
    write_line(0, 100, 3000);
    cr_expect_not(arrived(0, 100));
    write_line(0, 100, 3000);
    cr_expect(arrived(0, 100));
}

Test(pump, a_late_line_is_shown_when_its_time_has_come)
{
    quick(FAULT_DELAY);
    write_line(0, 100, 3000);
    cr_expect_not(arrived(0, 100));
    cr_expect_eq(asked.next_ns, 3500);
    machine_run_events(t.machine, 3499);
    cr_expect_not(arrived(0, 100));
    machine_run_events(t.machine, 3500);
    cr_expect(arrived(0, 100));
}

Test(pump, a_reader_that_sleeps_finds_a_notification_on_its_core_page)
{
    quick(FAULT_DROP);
    const struct abi_core_page *page = (const struct abi_core_page *)(ram + AREA);
    write_line(0, 100, 3000);
    write_line(1, 101, 3000);
    cr_expect_eq(page->cause, 0, "it does not sleep");
    slot(SERVER, LINES, SERVER)[0] = 1; /* its wake word, which the client does not see */
    cr_expect_not(machine_pump(t.machine, 3000));
    cr_expect_eq(slot(SERVER, LINES, CLIENT)[0], 0);
    write_line(2, 102, 3000);
    cr_expect_eq(page->notify_pending[0], 1 << 7);
    cr_expect(page->cause & ABI_CAUSE_NOTIFY);
}

Test(pump, a_name_that_is_taken_back_joins_the_pages)
{
    quick(FAULT_DROP);
    record()->state = ABI_CHANNEL_FREE;
    ask(1, WINDOW + 64);
    cr_expect_eq(shared()->second[2], 0);
}

Test(pump, nothing_of_a_killed_core_is_shown_later)
{
    quick(FAULT_DELAY);
    write_line(0, 100, 3000);
    ask(0, ABI_PUMP_KILLED | CLIENT << 8);
    machine_run_events(t.machine, 9000);
    cr_expect_not(arrived(0, 100));
    ask(0, ABI_PUMP_STARTED | CLIENT << 8);
    cr_expect_eq(shared()->second[2], 0, "its channels were of another life");
    ask(0, ABI_PUMP_STARTED | 77 << 8); /* there is no such core: nothing happens */
}

Test(pump, what_a_broken_guest_says_is_refused)
{
    boot(FAULT_DROP);
    say("0.000001 0 w -: 65537");
    say("0.000001 0 w -: 99999999999999999999");
    say("0.000001 0 w -: 8384512"); /* the last page */
    shared()->window[0].bytes = RAM_BYTES;
    say("0.000001 0 w -: 65536");
    shared()->window[0].bytes = WINDOW_BYTES;
    shared()->node_count = ABI_MAX_NODES + 1;
    say("0.000001 0 w -: 65536");
    shared()->node_count = 1;
    shared()->core_area = UINT64_MAX - ABI_PAGE_BYTES + 1;
    say("0.000001 0 w -: 65536");
    shared()->core_area = AREA;
    shared()->magic = 0;
    say("0.000001 0 w -: 65536");
    cr_expect_not(machine_pump(t.machine, 2000), "there is no pump");
    shared()->magic = ABI_PUMP_MAGIC;
    say("0.000001 0 w -: 65536");
    ask(0, RAM_BYTES);
    ask(0, 12345678);
    name_channel();
    cr_expect_eq(shared()->second[2], 1 + CLIENT);
    record()->ring[0].base = WINDOW + WINDOW_BYTES - 64;
    ask(0, WINDOW + 64);
    cr_expect_eq(shared()->second[WINDOW_BYTES / ABI_PAGE_BYTES - 1], 0);
}

#define DCB 0x30000
#define BLOCK 0x31000

/* A block with one counter, of a program `counts` on core 1, is told of. */
static struct abi_report *told(uint64_t value)
{
    struct abi_report *report = (struct abi_report *)(ram + BLOCK);
    strcpy(((struct abi_dcb_head *)(ram + DCB))->name, "counts");
    report->magic = ABI_REPORT_MAGIC;
    report->record[0] =
        (struct abi_report_record){ .name = "much", .kind = ABI_REPORT_COUNTER, .value = value };
    shared()->argument[1][0] = BLOCK;
    shared()->argument[1][1] = DCB;
    ask(1, ABI_PUMP_REPORT);
    return report;
}

static uint64_t much(void)
{
    struct machine_value value;
    return machine_value_at(t.machine, 0, &value) ? value.value : 0;
}

Test(pump, what_programs_report_is_read)
{
    t.config.watch_values = true;
    quick(FAULT_DROP);
    struct abi_report *report = told(5);
    cr_expect_eq(much(), 5);
    report->record[0].value = 7;
    machine_pump(t.machine, 3000);
    cr_expect_eq(much(), 5, "it is not looked at so soon");
    machine_pump(t.machine, 2000000);
    cr_expect_eq(much(), 7);
    report->record[0].value = 9;
    shared()->argument[0][0] = BLOCK - 4096;
    shared()->argument[0][1] = 8192;
    ask(0, ABI_PUMP_SCRUB);
    cr_expect_eq(much(), 9, "before it is zeroed");
    report->record[0].value = 11;
    machine_pump(t.machine, 4000000);
    cr_expect_eq(much(), 9, "it is no block any more");
}

Test(pump, reports_that_lie_nowhere_are_not_read)
{
    static const uint64_t wrong[][2] = {
        { BLOCK + 4, DCB },       { BLOCK, DCB + 4 },      { RAM_BYTES - 8, DCB },
        { BLOCK, RAM_BYTES - 8 }, { UINT64_MAX - 7, DCB }, { BLOCK, UINT64_MAX - 7 },
    };
    t.config.watch_values = true;
    quick(FAULT_DROP);
    struct abi_report *report = (struct abi_report *)(ram + BLOCK);
    report->magic = ABI_REPORT_MAGIC;
    report->record[0].kind = ABI_REPORT_COUNTER;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct machine_value value;
        memcpy(shared()->argument[0], wrong[i], sizeof(wrong[i]));
        ask(0, ABI_PUMP_REPORT);
        cr_expect_not(machine_value_at(t.machine, 0, &value), "case %u", i);
    }
    shared()->argument[0][0] = shared()->argument[0][1] = UINT64_MAX;
    ask(0, ABI_PUMP_SCRUB);
}

/* No rule, and every line is carried all the same, for the checker to see. */
static const char *checked(unsigned first_slot)
{
    static char problem[256];
    t.config.check_channels = true;
    boot(FAULT_DROP);
    rule.nth_count = 0;
    rule.probability = 0;
    say("0.000001 0 w -: 65536");
    name_channel();
    write_line(first_slot, 100, 3000);
    return machine_check_channels(t.machine, problem, sizeof(problem)) ? "" : problem;
}

Test(pump, carried_lines_are_checked)
{
    cr_expect_str_eq(checked(0), "");
    slot(CLIENT, 0, SERVER)[0]++;
    char problem[256];
    cr_expect_not(machine_check_channels(t.machine, problem, sizeof(problem)));
    cr_expect_not_null(strstr(problem, "slot 0 is not as its writer left it"), "%s", problem);
}

Test(pump, a_line_out_of_turn_is_found)
{
    cr_expect_not_null(strstr(checked(3), "out of turn"));
}
