/* SPDX-License-Identifier: MIT
 *
 * Lines that are shown late must not lose their wake-up (docs/ump-wakeup.md): the sender looked at
 * the wake word when it wrote the line.  Here the reader goes to sleep after that, and the machine
 * has to notify it for each action that shows a line later, and for nobody who is awake.
 */
#include "machine_fixture.h"

#define RECORD ABI_WINDOW_BASE
#define RINGS (ABI_WINDOW_BASE + 0x1000)
#define RING_BYTES 1024
#define LINES (RING_BYTES / 64 - 1)
#define SERVER 0
#define CLIENT 1
#define SERVER_ID 7
#define HELLO 3 /* number of the message */

static struct fault_rule rule;

/* A machine with a channel, and a rule that does these to each first message. */
static void boot_with(const struct fault_action *actions, size_t count)
{
    static const struct fault_range first = { 1, 1 };

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
                                .action_count = count };
    memcpy(rule.action, actions, count * sizeof(*actions));
    t.config.faults = (struct fault_rules){ &rule, 1, 1 };
    start();
    const struct abi_channel channel = {
        .magic = ABI_CHANNEL_MAGIC,
        .state = ABI_CHANNEL_NAMED,
        .interface = "test",
        .server = "server",
        .client = "client",
        .ring = { { .base = RINGS, .bytes = RING_BYTES, .notify_id = SERVER_ID, .core = SERVER },
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
    memcpy(machine_memory(t.machine, RECORD, sizeof(channel)), &channel, sizeof(channel));
    machine_core_page(t.machine, 0)->arg[0] = RECORD;
    request(0, ABI_PORT_FABRIC, 0, 1000);
    cr_assert_eq(machine_core_page(t.machine, 0)->result, ABI_RESULT_OK);
}

static void boot(struct fault_action action)
{
    boot_with(&action, 1);
}

static void store(unsigned core, uint64_t paddr, uint64_t word, uint64_t now_ns)
{
    cr_assert(machine_window_store(t.machine, core, paddr, &word, sizeof(word), now_ns));
}

/* The client writes its n-th line. */
static void write_line(unsigned index, uint64_t word, uint64_t now_ns)
{
    const uint64_t line = RINGS + RING_BYTES + index * 64;

    store(CLIENT, line, word, now_ns);
    store(CLIENT, line + 56, 1 | HELLO << 1, now_ns);
}

static bool is_there(unsigned index, uint64_t word)
{
    const uint64_t *line = machine_memory(t.machine, RINGS + RING_BYTES + index * 64, 64);

    return line[7] == (1 | HELLO << 1) && line[0] == word;
}

/* The server's wake word, in the control line of the ring that it writes. */
static void wake_word(uint64_t value, uint64_t now_ns)
{
    store(SERVER, RINGS + LINES * 64, value, now_ns);
}

static bool was_notified(void)
{
    const struct abi_core_page *page = machine_core_page(t.machine, SERVER);

    return (page->cause & ABI_CAUSE_NOTIFY) && (page->notify_pending[0] & 1u << SERVER_ID);
}

TestSuite(late_lines, .init = set_up, .fini = tear_down);

/* Does the line come late, and who sleeps by then is told? */
static void is_late(struct fault_action action, bool sleeps)
{
    boot(action);
    write_line(0, 100, 2000);
    cr_expect_not(is_there(0, 100));
    wake_word(sleeps ? 1 : 2, 2100);
    machine_run_events(t.machine, 2499);
    cr_expect_not(was_notified(), "nothing is there yet");
    machine_run_events(t.machine, 2500);
    cr_expect(is_there(0, 100));
    cr_expect_eq(was_notified(), sleeps);
}

Test(late_lines, who_sleeps_is_notified_when_a_delayed_line_is_shown)
{
    is_late((struct fault_action){ .kind = FAULT_DELAY, .min_ns = 500 }, true);
}

Test(late_lines, who_is_awake_is_not)
{
    is_late((struct fault_action){ .kind = FAULT_DELAY, .min_ns = 500 }, false);
}

Test(late_lines, the_rest_of_a_torn_line_wakes)
{
    is_late((struct fault_action){ .kind = FAULT_TEAR, .words = 1, .min_ns = 500 }, true);
}

Test(late_lines, a_line_that_others_have_passed_wakes)
{
    boot((struct fault_action){ .kind = FAULT_REORDER, .count = 1 });
    write_line(0, 100, 2000);
    wake_word(1, 2100);
    machine_run_events(t.machine, 9000);
    cr_expect_not(was_notified());
    write_line(1, 101, 9000);
    cr_expect(is_there(0, 100));
    cr_expect(is_there(1, 101));
    cr_expect(was_notified());
}

Test(late_lines, what_a_partition_held_wakes_when_it_heals)
{
    boot((struct fault_action){
        .kind = FAULT_PARTITION, .side = { [SERVER] = 1, [CLIENT] = 2 }, .min_ns = 500 });
    write_line(0, 100, 2000); /* the one that parts them */
    write_line(1, 101, 2010);
    cr_expect_not(is_there(1, 101));
    wake_word(1, 2100);
    machine_run_events(t.machine, 2499);
    cr_expect_not(was_notified());
    machine_run_events(t.machine, 2500);
    cr_expect(is_there(1, 101));
    cr_expect(was_notified());
}

Test(late_lines, what_was_on_its_way_stays_there_until_the_partition_heals)
{
    const struct fault_action actions[] = {
        { .kind = FAULT_DELAY, .min_ns = 500 },
        { .kind = FAULT_PARTITION, .side = { [SERVER] = 1, [CLIENT] = 2 }, .min_ns = 900 },
    };

    boot_with(actions, 2);
    write_line(0, 100, 2000);
    wake_word(1, 2100);
    machine_run_events(t.machine, 2899);
    cr_expect_not(is_there(0, 100));
    cr_expect_not(was_notified());
    machine_run_events(t.machine, 2900);
    cr_expect(is_there(0, 100));
    cr_expect(was_notified());
}
