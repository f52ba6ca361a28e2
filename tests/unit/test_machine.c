/* SPDX-License-Identifier: MIT
 *
 * The machine without a real engine: memory layout, boot information, requests and their effects.
 *
 * The engine is a stand-in that writes down what the machine asks of it.
 */
#include "machine_fixture.h"

TestSuite(machine, .init = set_up, .fini = tear_down);

static const struct abi_boot *boot_info(void)
{
    return machine_memory(t.machine, asked.entry.rdi, sizeof(struct abi_boot));
}

static const struct abi_region *region_of(enum abi_region_type type, unsigned index)
{
    const struct abi_boot *boot = boot_info();
    for (unsigned i = 0; i < boot->region_count; i++)
        if (boot->region[i].type == type && index-- == 0)
            return &boot->region[i];
    return NULL;
}

static const char *string_at(uint32_t offset)
{
    cr_assert_geq(offset, sizeof(struct abi_boot));
    cr_assert_lt(offset, boot_info()->boot_bytes);
    return (const char *)boot_info() + offset;
}

/* ---- boot information ---- */

Test(machine, boot_information_of_core_0)
{
    t.module.line = "/sbin/init one two";
    t.config.kernel.line = "/boot/cpu";
    start();
    cr_assert_eq(asked.starts, 1);
    cr_assert_eq(asked.started_core, 0);
    cr_assert_eq(asked.entry.rip, ABI_KERNEL_BASE);
    const struct abi_boot *boot = boot_info();
    cr_assert_eq(boot->magic, ABI_BOOT_MAGIC);
    cr_assert_eq(boot->version, ABI_BOOT_VERSION);
    cr_assert_eq(boot->flags, ABI_BOOT_SYSCALL_FAULTS);
    cr_assert_eq(boot->tsc_hz, 12345);
    cr_assert_eq(boot->seed, 42);
    cr_assert_eq(boot->core, 0);
    cr_assert_eq(boot->boot_core, 0);
    cr_assert_eq(boot->core_area, ABI_CORE_AREA_BASE);
    cr_assert_eq(boot->pml4, asked.entry.cr3);
    cr_assert_eq(boot->init_entry, 0x400000);
    cr_assert_eq(boot->segment_count, 1);
    cr_assert_str_eq(string_at(boot->init_cmdline), "/sbin/init one two");
    cr_assert_eq(boot->segment[0].vaddr, 0x400000);
    cr_assert_eq(boot->segment[0].flags, ABI_SEGMENT_R | ABI_SEGMENT_X);
    const uint8_t *code = machine_memory(t.machine, boot->segment[0].paddr, 2);
    cr_assert_eq(code[0] << 8 | code[1], 0x0f0b);
    cr_assert_eq(boot->topology.core_count, 3);
    cr_assert_eq(boot->topology.node_count, 1);
    cr_assert_eq(boot->topology.node[0].ram_bytes, 64 * MIB);
    cr_assert_eq(boot->topology.node[0].window_base, ABI_WINDOW_BASE);
    cr_assert_eq(boot->topology.node[0].window_bytes, MIB);
    cr_assert_eq(boot->topology.distance[0][0], 10);
}

Test(machine, modules_are_the_files_as_they_are)
{
    start();
    const struct abi_region *kernel = region_of(ABI_REGION_MODULE, 0);
    const struct abi_region *init = region_of(ABI_REGION_MODULE, 1);
    cr_assert_eq(kernel->flags, ABI_REGION_FLAG_KERNEL);
    cr_assert_eq(init->flags, 0);
    cr_assert_null(region_of(ABI_REGION_MODULE, 2));
    cr_assert_str_eq(string_at(kernel->cmdline), "/boot/cpu");
    cr_assert_str_eq(string_at(init->cmdline), "/sbin/init");
    char path[128];
    snprintf(path, sizeof(path), "%s/sbin/init", t.dir);
    FILE *file = fopen(path, "rb");
    static uint8_t data[65536];
    size_t bytes = fread(data, 1, sizeof(data), file);
    fclose(file);
    cr_assert_eq(init->file_bytes, bytes);
    cr_assert_eq(memcmp(machine_memory(t.machine, init->base, bytes), data, bytes), 0);
}

/* Every page of RAM belongs to exactly one region or the scratch memory, but for page 0. */
Test(machine, memory_is_given_away_once)
{
    t.config.node_count = 3;
    t.config.core_node[1] = 1;
    t.config.node[1] = (struct machine_node){ 32 * MIB, 0 };
    t.config.node[2] = (struct machine_node){ 0, 2 * MIB };
    start();
    const struct abi_boot *boot = boot_info();
    static uint8_t owners[96 * MIB / ABI_PAGE_BYTES];
    for (unsigned i = 0; i < boot->region_count; i++) {
        const struct abi_region *region = &boot->region[i];
        cr_assert_eq(region->base % ABI_PAGE_BYTES, 0);
        cr_assert_eq(region->bytes % ABI_PAGE_BYTES, 0);
        cr_assert_gt(region->bytes, 0);
        if (region->type == ABI_REGION_WINDOW)
            continue;
        for (uint64_t page = region->base / 4096; page < (region->base + region->bytes) / 4096;
             page++)
            owners[page]++;
    }
    for (uint64_t at = 0; at < boot->scratch_bytes; at += 4096)
        owners[(boot->scratch_paddr + at) / 4096]++;
    cr_assert_eq(owners[0], 0);
    for (unsigned page = 1; page < sizeof(owners); page++)
        cr_assert_eq(owners[page], 1, "page 0x%x has %u owners", page, owners[page]);
    cr_assert_geq(boot->scratch_bytes, MACHINE_SCRATCH_BYTES);
    const struct abi_region *ram = region_of(ABI_REGION_RAM, 0);
    cr_assert_eq(ram->base % ABI_LARGE_PAGE_BYTES, 0);
    cr_assert_eq(ram->base, boot->scratch_paddr + boot->scratch_bytes);
    cr_assert_eq(region_of(ABI_REGION_RAM, 1)->base, 64 * MIB);
    cr_assert_eq(region_of(ABI_REGION_RAM, 1)->node, 1);
    cr_assert_null(region_of(ABI_REGION_RAM, 2));
    cr_assert_eq(region_of(ABI_REGION_WINDOW, 1)->base, ABI_WINDOW_BASE + 2ull * ABI_WINDOW_STRIDE);
    cr_assert_eq(boot->topology.distance[0][1], 20);
}

Test(machine, the_guest_learns_of_the_interconnect)
{
    interconnect_build(&t.config.interconnect, "ring", 3);
    t.config.interconnect.latency_ns = 70;
    t.config.interconnect.bytes_per_s = 1000;
    interconnect_join(&t.config.interconnect, 0, 1);
    t.config.interconnect.link[0][2] = t.config.interconnect.link[2][0] = false;
    interconnect_signal_neighbours(&t.config.interconnect);
    start();
    const struct abi_topology *topology = &boot_info()->topology;
    static const uint8_t hops[3][4] = { { 0, 1, 2, 0 }, { 1, 0, 1, 0 }, { 2, 1, 0, 0 } };
    for (unsigned from = 0; from < 3; from++)
        cr_expect_arr_eq(topology->hops[from], hops[from], 4);
    cr_expect_eq(topology->link_latency_ns, 70);
    cr_expect_eq(topology->link_bytes_per_s, 1000);
    for (unsigned from = 0; from < 4; from++)
        for (unsigned to = 0; to < 4; to++)
            cr_expect_eq(topology->signal_over[from][to], from != to && from + to == 2 ? 2 : 0);
}

/* Walks the boot tables. */
static uint64_t leaf_of(uint64_t vaddr)
{
    uint64_t table = asked.entry.cr3;
    for (int shift = 39;; shift -= 9) {
        const uint64_t *entries = machine_memory(t.machine, table & 0xffffffffff000, 4096);
        uint64_t entry = entries[vaddr >> shift & 511];
        if (!(entry & ABI_PTE_PRESENT) || shift == 12 || entry & ABI_PTE_LARGE)
            return entry;
        table = entry;
    }
}

Test(machine, page_tables_map_kernel_memory_and_area)
{
    start();
    const struct abi_boot *boot = boot_info();
    uint64_t code = leaf_of(ABI_KERNEL_BASE), data = leaf_of(ABI_KERNEL_BASE + TINY_DATA_OFFSET);
    cr_assert_eq(code & 0xffffffffff000, boot->kernel_paddr);
    cr_assert_eq(code & (ABI_PTE_WRITE | ABI_PTE_NX | ABI_PTE_USER), 0);
    cr_assert_eq(data & 0xffffffffff000, boot->kernel_paddr + TINY_DATA_OFFSET);
    cr_assert_eq(data & (ABI_PTE_WRITE | ABI_PTE_NX | ABI_PTE_USER), ABI_PTE_WRITE | ABI_PTE_NX);
    cr_assert_eq(leaf_of(ABI_KERNEL_BASE + 0x80000) & ABI_PTE_PRESENT, 0, "between the segments");
    cr_assert_eq(leaf_of(ABI_CORE_AREA_VADDR) & 0xffffffffff000, ABI_CORE_AREA_BASE);
    cr_assert(leaf_of(ABI_PHYSMAP_BASE + 63 * MIB) & ABI_PTE_LARGE);
    cr_assert_eq(leaf_of(ABI_PHYSMAP_BASE + 64 * MIB) & ABI_PTE_PRESENT, 0);
    cr_assert_eq(leaf_of(0x400000) & ABI_PTE_PRESENT, 0);
    const uint8_t *first = machine_memory(t.machine, boot->kernel_paddr + TINY_BODY_OFFSET, 1);
    cr_assert_eq(*first, nothing_start[0]);
}

/* ---- refusals ---- */

static void expect_refusal(int code, const char *part)
{
    int r = tiny_start(&t, &fake);
    cr_assert_eq(r, code, "%d %s", r, t.error);
    cr_assert(strstr(t.error, part), "%s", t.error);
    cr_assert_null(strchr(t.error, '\n'));
    cr_assert_null(t.machine);
}

Test(machine, missing_image_names_file_and_menu_line)
{
    t.module.path = "/sbin/nothing";
    t.module.file = "menus/default.lst";
    t.module.line_number = 4;
    expect_refusal(-ENOENT, "menus/default.lst:4: image /tmp/");
    cr_assert(strstr(t.error, "/sbin/nothing is missing: run `make`"), "%s", t.error);
}

Test(machine, menu_without_first_domain_is_refused)
{
    t.config.module_count = 0;
    expect_refusal(-EINVAL, "module /sbin/init");
}

Test(machine, kernel_at_a_user_address_is_refused)
{
    t.config.kernel.path = "/sbin/init";
    expect_refusal(-ENOEXEC, "outside the address range");
}

Test(machine, too_small_memory_says_how_much_is_needed)
{
    t.config.node[0].ram_bytes = 10 * MIB;
    expect_refusal(-ENOSPC, "machine memory is too small: 10 MiB");
    const char *needed = strstr(t.error, "set it to at least ");
    cr_assert(needed, "%s", t.error);
    uint64_t mib = strtoull(needed + strlen("set it to at least "), NULL, 10);
    t.config.node[0].ram_bytes = mib * MIB;
    cr_assert_eq(tiny_start(&t, &fake), 0, "what is asked for is enough: %s", t.error);
}

Test(machine, unreasonable_shapes_are_refused)
{
    t.config.core_count = 0;
    expect_refusal(-EINVAL, "cores");
    t.config.core_count = ABI_MAX_CORES + 1;
    expect_refusal(-EINVAL, "1 to 64 cores");
    t.config.core_count = 2;
    t.config.core_node[1] = 1;
    expect_refusal(-EINVAL, "core 1 is on node 1");
    t.config.core_node[1] = 0;
    t.config.node[0].ram_bytes = 64 * MIB + 4096;
    expect_refusal(-EINVAL, "multiple of 2 MiB");
    t.config.node[0].ram_bytes = 32ull << 30;
    expect_refusal(-EINVAL, "31 GiB");
    t.config.node[0].ram_bytes = 64 * MIB;
    t.config.node[0].window_bytes = 1 << 30;
    expect_refusal(-EINVAL, "window of node 0");
    t.config.node[0].window_bytes = 100;
    expect_refusal(-EINVAL, "window of node 0");
    t.config.node[0].window_bytes = MIB;
    t.config.node_count = 0;
    expect_refusal(-EINVAL, "nodes");
}

Test(machine, menu_lines_that_do_not_fit_are_refused)
{
    static char line[ABI_BOOT_MAX_BYTES];
    memset(line, 'x', sizeof(line) - 1);
    t.module.line = line;
    expect_refusal(-EINVAL, "too long");
}

/* ---- requests ---- */

Test(machine, every_request_leaves_result_and_time)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    page->result = 99;
    cr_assert_eq(request(0, ABI_PORT_CLOCK, 0, 777), MACHINE_CONTINUE);
    cr_assert_eq(page->result, ABI_RESULT_OK);
    cr_assert_eq(page->clock_ns, 777);
    request(0, 0x1234, 0, 778);
    cr_assert_eq(page->result, ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(page->clock_ns, 778);
    cr_assert_eq(t.event_count[MACHINE_EVENT_BAD_REQUEST], 1);
    for (unsigned i = 0; i < 100; i++)
        request(0, 0x1234, 0, 779);
    cr_assert_leq(t.event_count[MACHINE_EVENT_BAD_REQUEST], 8, "only the first few are shown");
    struct machine_stats stats;
    machine_get_stats(t.machine, &stats);
    cr_assert_eq(stats.bad_requests, 101);
}

Test(machine, notification_sets_bits_and_kicks)
{
    start();
    request(0, ABI_PORT_IPI, 2 << 16 | 130, 5);
    const struct abi_core_page *page = machine_core_page(t.machine, 2);
    cr_assert_eq(page->notify_pending[2], 4);
    cr_assert_eq(page->notify_summary, 4);
    cr_assert_eq(page->cause, ABI_CAUSE_NOTIFY);
    cr_assert_eq(asked.kicks[2], 1);
    cr_assert(machine_cause_pending(t.machine, 2));
    cr_assert_not(machine_cause_pending(t.machine, 0));
}

Test(machine, a_cause_that_is_held_is_set_and_does_not_interrupt)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 2);
    page->held = ABI_CAUSE_NOTIFY;
    request(0, ABI_PORT_IPI, 2 << 16 | 130, 5);
    cr_assert_eq(page->notify_pending[2], 4);
    cr_assert_eq(page->notify_summary, 4);
    cr_assert_eq(page->cause, ABI_CAUSE_NOTIFY);
    cr_assert_eq(asked.kicks[2], 0);
    cr_assert_not(machine_cause_pending(t.machine, 2));
    machine_notify(t.machine, 2, ABI_CAUSE_STOP, MACHINE_NO_NOTIFY);
    cr_assert_eq(asked.kicks[2], 1);
    cr_assert(machine_cause_pending(t.machine, 2));
    page->cause = ABI_CAUSE_NOTIFY;
    page->held = 0;
    cr_assert(machine_cause_pending(t.machine, 2), "let go: the core that halts now is woken");
}

Test(machine, timer_is_one_event_of_the_queue)
{
    t.config.deadline_ns = 0;
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    cr_assert_eq(machine_next_event_ns(t.machine), EVENT_NEVER);
    page->arg[0] = 500;
    request(0, ABI_PORT_TIMER, 0, 10);
    cr_assert_eq(asked.next_ns, 500);
    page->arg[0] = 300;
    request(0, ABI_PORT_TIMER, 0, 20);
    cr_assert_eq(asked.next_ns, 300);
    machine_run_events(t.machine, 299);
    cr_assert_eq(page->cause, 0);
    machine_run_events(t.machine, 300);
    cr_assert_eq(page->cause, ABI_CAUSE_TIMER);
    cr_assert_eq(asked.kicks[0], 1);
    cr_assert_eq(asked.next_ns, EVENT_NEVER);
    machine_run_events(t.machine, 10000);
    cr_assert_eq(asked.kicks[0], 1);
}

/* The engine waits for the earliest event only if it hears of it. */
Test(machine, a_notification_on_its_way_is_an_event_of_which_the_engine_is_told)
{
    interconnect_build(&t.config.interconnect, "ring", 3);
    t.config.interconnect.latency_ns = 70;
    t.config.deadline_ns = 5000;
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 1);
    request(0, ABI_PORT_IPI, 1 << 16 | 5, 100);
    cr_assert_eq(asked.next_ns, 170);
    cr_assert_eq(page->cause, 0);
    machine_run_events(t.machine, 170);
    cr_assert_eq(page->cause, ABI_CAUSE_NOTIFY);
    cr_assert_eq(page->notify_pending[0], 1ull << 5);
    cr_assert_eq(asked.next_ns, t.config.deadline_ns);
    asked.next_ns = 0;
    machine_run_events(t.machine, 200); /* too early: its timer is set again all the same */
    cr_assert_eq(asked.next_ns, t.config.deadline_ns);
}

Test(machine, deadline_stops_the_run)
{
    t.config.deadline_ns = 1000;
    start();
    cr_assert_eq(machine_next_event_ns(t.machine), 1000);
    machine_run_events(t.machine, 999);
    cr_assert_eq(asked.stop, STOP_NONE);
    machine_run_events(t.machine, 1000);
    cr_assert_eq(asked.stop, STOP_DEADLINE);
}

Test(machine, console_line_reaches_the_sink_with_its_speaker)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 1);
    uint8_t *ram = machine_memory(t.machine, 32 * MIB, 4096);
    memcpy(ram, "some text", 9);
    memcpy(ram + 64, "sixteen_letters_", 16);
    page->arg[0] = 32 * MIB;
    page->arg[1] = 32 * MIB + 64;
    request(1, ABI_PORT_CONSOLE, ABI_CONSOLE_USER << 16 | 9, 1234);
    cr_assert_eq(t.line_count, 1);
    cr_assert_eq(t.line[0].core, 1);
    cr_assert_eq(t.line[0].time_ns, 1234);
    cr_assert_str_eq(t.line[0].text, "some text");
}

Test(machine, scrub_zeroes)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    uint8_t *ram = machine_memory(t.machine, 32 * MIB, 3 * 4096);
    memset(ram, 1, 3 * 4096);
    page->arg[0] = 32 * MIB + 4096;
    page->arg[1] = 4096;
    request(0, ABI_PORT_SCRUB, 0, 1);
    cr_assert_eq(ram[4095], 1);
    cr_assert_eq(ram[4096], 0);
    cr_assert_eq(ram[8191], 0);
    cr_assert_eq(ram[8192], 1);
}

/* ---- the end ---- */

Test(machine, exit_ends_the_machine_and_nothing_follows)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    page->arg[0] = 3;
    cr_assert_eq(request(0, ABI_PORT_POWER, ABI_POWER_EXIT, 50), MACHINE_STOP_MACHINE);
    cr_assert_eq(asked.stop, STOP_EXIT);
    struct engine_stop why;
    machine_fill_stop(t.machine, &why);
    cr_assert_eq(why.exit_code, 3);
    cr_assert_eq(why.core, 0);
    machine_core_page(t.machine, 1)->arg[0] = 32 * MIB;
    cr_assert_eq(request(1, ABI_PORT_CONSOLE, 5, 60), MACHINE_STOP_MACHINE);
    cr_assert_eq(t.line_count, 0, "no line after the end");
}

Test(machine, cores_stop_one_by_one)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    page->arg[0] = 1;
    page->arg[1] = ABI_KERNEL_BASE;
    page->arg[2] = asked.entry.rdi;
    page->arg[3] = asked.entry.cr3;
    cr_assert_eq(request(0, ABI_PORT_POWER, ABI_POWER_START, 1), MACHINE_CONTINUE);
    cr_assert_eq(asked.starts, 2);
    cr_assert_eq(asked.started_core, 1);
    cr_assert_eq(request(0, ABI_PORT_POWER, ABI_POWER_STOP, 2), MACHINE_STOP_CORE);
    cr_assert_eq(asked.stop, STOP_NONE);
    cr_assert_eq(request(1, ABI_PORT_POWER, ABI_POWER_STOP, 3), MACHINE_STOP_MACHINE);
    cr_assert_eq(asked.stop, STOP_ALL_STOPPED);
}

/* ---- trace ---- */

static void record(unsigned core, uint64_t what, uint64_t arg)
{
    struct abi_core_page *page = machine_core_page(t.machine, core);
    struct abi_trace_record *ring = (void *)((uint8_t *)page + ABI_TRACE_RING_OFFSET);
    ring[page->trace_head++ % ABI_TRACE_RECORDS] = (struct abi_trace_record){ what, arg };
}

Test(machine, trace_is_taken_at_requests_and_losses_are_counted)
{
    start();
    record(0, ABI_TRACE_SYSCALL, 0);
    record(0, ABI_TRACE_UPCALL, 0);
    request(0, ABI_PORT_CLOCK, 0, 1);
    cr_assert_eq(t.trace_count, 2);
    for (unsigned i = 0; i < ABI_TRACE_RECORDS + 10; i++)
        record(0, ABI_TRACE_IDLE, 0);
    request(0, ABI_PORT_CLOCK, 0, 2);
    struct machine_stats stats;
    machine_get_stats(t.machine, &stats);
    cr_assert_eq(stats.trace_records, 2 + ABI_TRACE_RECORDS);
    cr_assert_eq(stats.trace_lost, 10);
    cr_assert_eq(stats.syscalls, 1);
    cr_assert_eq(stats.upcalls, 1);
}

Test(machine, a_damaged_trace_counter_counts_nothing)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    struct machine_stats stats;
    record(0, ABI_TRACE_SYSCALL, 0);
    request(0, ABI_PORT_CLOCK, 0, 1);
    for (unsigned shift = 33; shift < 64; shift += 15) {
        page->trace_head += 1ull << shift;
        request(0, ABI_PORT_CLOCK, 0, 1);
    }
    page->trace_head = 5; /* and back */
    request(0, ABI_PORT_CLOCK, 0, 1);
    record(0, ABI_TRACE_SYSCALL, 0);
    request(0, ABI_PORT_CLOCK, 0, 1);
    machine_get_stats(t.machine, &stats);
    cr_assert_eq(stats.trace_records, 2);
    cr_assert_eq(stats.trace_lost, 0);
}

Test(machine, trace_records_in_words)
{
    start();
    memcpy(machine_memory(t.machine, 32 * MIB, 16), "monitor", 8);
    static const struct {
        struct abi_trace_record record;
        const char *text;
    } cases[] = {
        { { ABI_TRACE_SYSCALL | 2 << 8 | 0x1full << 32, 32 * MIB },
          "syscall #2 cptr 0x1f (monitor)" },
        { { ABI_TRACE_SYSRET | 5ull << 32, 32 * MIB }, "sysret error 0x5 (monitor)" },
        { { ABI_TRACE_UPCALL | 1 << 8, 32 * MIB }, "upcall pagefault (monitor)" },
        { { ABI_TRACE_RESUME, 0 }, "resume (-)" },
        { { ABI_TRACE_INTERRUPT | 3 << 8, 1 }, "interrupt timer notify (?)" },
        { { ABI_TRACE_FAULT | 14 << 8 | 6ull << 32, 0x1234 },
          "fault vector 14 error 0x6 at 0x1234" },
        { { ABI_TRACE_IDLE, 0 }, "idle" },
        { { ABI_TRACE_NOTIFY | 0x20007ull << 32, 32 * MIB }, "notify core 2 id 7 (monitor)" },
        { { 0xff, 1 }, "record 0xff 0x1" },
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        machine_trace_text(t.machine, &cases[i].record, text, sizeof(text));
        cr_assert_str_eq(text, cases[i].text);
    }
}

/* ---- snapshots, private memory, window ---- */

Test(machine, state_can_be_saved_and_restored)
{
    start();
    struct abi_core_page *page = machine_core_page(t.machine, 0);
    void *block = malloc(machine_state_bytes());
    machine_save_state(t.machine, block);
    page->arg[0] = 400;
    request(0, ABI_PORT_TIMER, 0, 10);
    cr_assert_eq(machine_next_event_ns(t.machine), 400);
    machine_load_state(t.machine, block);
    cr_assert_eq(machine_next_event_ns(t.machine), t.config.deadline_ns);
    free(block);
}

Test(machine, private_memory_keeps_the_files_as_loaded)
{
    t.config.private_memory = true;
    start();
    unsigned count;
    const struct machine_region *region = machine_regions(t.machine, &count);
    cr_assert_eq(count, 3);
    uint8_t before, after;
    cr_assert_eq(pread(region[0].fd, &before, 1, 32 * (off_t)MIB), 1);
    region[0].host[32 * MIB] = (uint8_t)(before + 1);
    cr_assert_eq(pread(region[0].fd, &after, 1, 32 * (off_t)MIB), 1);
    cr_assert_eq(before, after);
    struct abi_boot boot;
    cr_assert_eq(pread(region[0].fd, &boot, sizeof(boot), (off_t)asked.entry.rdi),
                 (ssize_t)sizeof(boot));
    cr_assert_eq(boot.magic, ABI_BOOT_MAGIC);
}

Test(machine, window_stores_of_every_size_and_place)
{
    start();
    uint8_t *window = machine_memory(t.machine, ABI_WINDOW_BASE, 64);
    const uint64_t value = 0x8877665544332211;
    for (unsigned bytes = 1; bytes <= 8; bytes *= 2) {
        for (unsigned at = 0; at < 16; at++) {
            memset(window, 0, 64);
            cr_assert(machine_window_store(t.machine, 0, ABI_WINDOW_BASE + at, &value, bytes, 0));
            for (unsigned i = 0; i < 32; i++)
                cr_assert_eq(window[i], i >= at && i < at + bytes ? 0x11 * (i - at + 1) : 0);
        }
    }
    cr_assert_not(machine_window_store(t.machine, 0, ABI_WINDOW_BASE + MIB - 4, &value, 8, 0));
    cr_assert_not(machine_window_store(t.machine, 0, 0x1000, &value, 8, 0), "RAM is no window");
}
