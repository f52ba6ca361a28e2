/* SPDX-License-Identifier: MIT
 *
 * Device models: every port with good and bad accesses, without a VM.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "device.h"

#define CORES 3
#define RAM_BYTES 0x4000
#define WINDOW_BYTES 0x2000

static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
static uint8_t window[WINDOW_BYTES] __attribute__((aligned(4096)));
static struct device_state state;
static struct device_memory memory;
static struct device_access access_;
static struct device_reply reply;

static void set_up(void)
{
    memset(ram, 0, sizeof(ram));
    memset(window, 0, sizeof(window));
    memory.count = 2;
    memory.range[0] = (struct device_range){ DEVICE_RANGE_RAM, 0, RAM_BYTES, ram };
    memory.range[1] =
        (struct device_range){ DEVICE_RANGE_WINDOW, ABI_WINDOW_BASE, WINDOW_BYTES, window };
    device_state_init(&state, CORES);
    device_power_on(&state);
    access_ = (struct device_access){ .core = 0, .width = 4, .now_ns = 1000 };
}

TestSuite(devices, .init = set_up);

static uint64_t out(uint16_t port, uint32_t value)
{
    struct device_state before = state;
    access_.port = port;
    access_.value = value;
    device_out(&state, &memory, &access_, &reply);
    if (reply.result != ABI_RESULT_OK) {
        /* a refused request changes nothing but its counter */
        cr_assert_eq(reply.effect_count, 0);
        before.bad_requests[access_.core]++;
        cr_assert_eq(memcmp(&before, &state, sizeof(state)), 0);
    }
    return reply.result;
}

static const struct device_effect *only_effect(enum device_effect_kind kind)
{
    cr_assert_eq(reply.effect_count, 1, "%u effects", reply.effect_count);
    cr_assert_eq(reply.effect[0].kind, kind);
    return &reply.effect[0];
}

/* ---- dispatch ---- */

Test(devices, only_the_contracts_ports_answer)
{
    static const uint16_t known[] = { ABI_PORT_CONSOLE, ABI_PORT_CLOCK,   ABI_PORT_TIMER,
                                      ABI_PORT_IPI,     ABI_PORT_POWER,   ABI_PORT_SCRUB,
                                      ABI_PORT_FABRIC,  ABI_PORT_VECTORS, ABI_PORT_REPORT,
                                      ABI_PORT_WATCH,   ABI_PORT_INPUT };
    for (uint32_t port = 0; port <= 0xffff; port++) {
        bool is_known = false;
        for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            is_known |= known[i] == port;
        if (!is_known)
            cr_assert_eq(out((uint16_t)port, 0), ABI_RESULT_BAD_REQUEST, "port %x", port);
    }
    cr_assert_eq(state.bad_requests[0], 0x10000 - sizeof(known) / sizeof(known[0]));
    cr_assert_eq(state.bad_requests[1], 0);
}

Test(devices, other_widths_than_four_bytes_are_refused_at_every_port)
{
    for (uint16_t port = ABI_PORT_CONSOLE; port <= ABI_PORT_INPUT; port += 4) {
        for (unsigned width = 0; width <= 8; width++) {
            access_.width = width;
            access_.arg[0] = 1;
            if (width != 4)
                cr_assert_eq(out(port, 1), ABI_RESULT_BAD_REQUEST, "port %x width %u", port, width);
        }
    }
}

Test(devices, vectors_asks_for_the_registers_of_the_issuer_to_be_cleared)
{
    cr_assert_eq(out(ABI_PORT_VECTORS, 99), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 1);
    cr_assert_eq(reply.effect[0].kind, DEVICE_VECTORS);
    cr_assert_eq(reply.effect[0].core, access_.core);
}

Test(devices, reading_gives_all_ones)
{
    cr_assert_eq(device_in(1), 0xff);
    cr_assert_eq(device_in(2), 0xffff);
    cr_assert_eq(device_in(4), 0xffffffff);
}

Test(devices, memory_is_found_only_where_it_is)
{
    cr_assert_eq(device_memory_at(&memory, 0, 1), ram);
    cr_assert_eq(device_memory_at(&memory, 0, RAM_BYTES), ram);
    cr_assert_eq(device_memory_at(&memory, RAM_BYTES - 1, 1), ram + RAM_BYTES - 1);
    cr_assert_eq(device_memory_at(&memory, ABI_WINDOW_BASE + 8, 8), window + 8);
    cr_assert_null(device_memory_at(&memory, 0, 0));
    cr_assert_null(device_memory_at(&memory, 0, RAM_BYTES + 1));
    cr_assert_null(device_memory_at(&memory, RAM_BYTES - 1, 2));
    cr_assert_null(device_memory_at(&memory, RAM_BYTES, 1));
    cr_assert_null(device_memory_at(&memory, 1, UINT64_MAX));
    cr_assert_null(device_memory_at(&memory, UINT64_MAX, 2));
    cr_assert_null(device_memory_at(&memory, ABI_WINDOW_BASE - 1, 2));
    cr_assert_null(device_memory_at(&memory, ABI_WINDOW_BASE + WINDOW_BYTES, 1));
}

/* ---- console ---- */

Test(devices, console_line_points_into_guest_memory)
{
    access_.core = 2;
    access_.arg[0] = 0x100;
    access_.arg[1] = 0x200;
    cr_assert_eq(out(ABI_PORT_CONSOLE, ABI_CONSOLE_KERNEL << 16 | 17), ABI_RESULT_OK);
    const struct device_effect *effect = only_effect(DEVICE_CONSOLE);
    cr_assert_eq(effect->core, 2);
    cr_assert_eq(effect->console.text, (const char *)ram + 0x100);
    cr_assert_eq(effect->console.bytes, 17);
    cr_assert_eq(effect->console.kind, ABI_CONSOLE_KERNEL);
    cr_assert_eq((const uint8_t *)effect->console.speaker, ram + 0x200);
}

Test(devices, console_without_speaker_or_text)
{
    access_.arg[0] = UINT64_MAX; /* not looked at: no bytes */
    cr_assert_eq(out(ABI_PORT_CONSOLE, 0), ABI_RESULT_OK);
    cr_assert_null(only_effect(DEVICE_CONSOLE)->console.speaker);
    cr_assert_eq(reply.effect[0].console.bytes, 0);
}

Test(devices, console_refuses_long_lines_unknown_kinds_and_bad_addresses)
{
    cr_assert_eq(out(ABI_PORT_CONSOLE, ABI_CONSOLE_MAX), ABI_RESULT_OK);
    cr_assert_eq(out(ABI_PORT_CONSOLE, ABI_CONSOLE_MAX + 1), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(out(ABI_PORT_CONSOLE, 0xffff), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(out(ABI_PORT_CONSOLE, 2 << 16 | 1), ABI_RESULT_OK);
    cr_assert_eq(out(ABI_PORT_CONSOLE, 3 << 16 | 1), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(out(ABI_PORT_CONSOLE, 0xffff0001), ABI_RESULT_BAD_REQUEST);
    static const uint64_t bad[] = { RAM_BYTES - 3,      RAM_BYTES,
                                    UINT64_MAX,         UINT64_MAX - 3,
                                    ABI_CORE_AREA_BASE, ABI_WINDOW_BASE + WINDOW_BYTES - 3 };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        access_.arg[0] = bad[i];
        cr_assert_eq(out(ABI_PORT_CONSOLE, 4), ABI_RESULT_BAD_ADDRESS, "%u", i);
    }
    access_.arg[0] = 0;
    access_.arg[1] = RAM_BYTES - sizeof(struct abi_dcb_head) + 8;
    cr_assert_eq(out(ABI_PORT_CONSOLE, 4), ABI_RESULT_BAD_ADDRESS);
    access_.arg[1] -= 8;
    cr_assert_eq(out(ABI_PORT_CONSOLE, 4), ABI_RESULT_OK);
    access_.arg[1] -= 4;
    cr_assert_eq(out(ABI_PORT_CONSOLE, 4), ABI_RESULT_BAD_ADDRESS, "not aligned");
}

/* ---- clock and timer ---- */

Test(devices, clock_has_no_effect_whatever_the_value)
{
    cr_assert_eq(out(ABI_PORT_CLOCK, 0xdeadbeef), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 0);
}

Test(devices, timer_fires_once_at_its_time)
{
    access_.core = 1;
    access_.arg[0] = 5000;
    cr_assert_eq(out(ABI_PORT_TIMER, 0), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_TIMER)->timer.at_ns, 5000);
    cr_assert_eq(reply.effect[0].core, 1);

    device_timer_due(&state, 1, ABI_TIMER_FIRST, 4999, &reply);
    cr_assert_eq(reply.effect_count, 0);
    device_timer_due(&state, 0, ABI_TIMER_FIRST, 5000, &reply);
    cr_assert_eq(reply.effect_count, 0, "another core's timer");
    device_timer_due(&state, 1, ABI_TIMER_FIRST, 5000, &reply);
    const struct device_effect *effect = only_effect(DEVICE_SET_CAUSE);
    cr_assert_eq(effect->core, 1);
    cr_assert_eq(effect->cause.bits, ABI_CAUSE_TIMER);
    device_timer_due(&state, 1, ABI_TIMER_FIRST, 6000, &reply);
    cr_assert_eq(reply.effect_count, 0, "one-shot");
}

Test(devices, timer_in_the_past_fires_at_once)
{
    static const uint64_t past[] = { 1, 999, 1000 };
    for (unsigned i = 0; i < 3; i++) {
        access_.arg[0] = past[i];
        cr_assert_eq(out(ABI_PORT_TIMER, 0), ABI_RESULT_OK);
        cr_assert_eq(only_effect(DEVICE_SET_CAUSE)->cause.bits, ABI_CAUSE_TIMER);
        cr_assert_eq(state.timer_at_ns[0][ABI_TIMER_FIRST], 0);
    }
    access_.arg[0] = 1001;
    out(ABI_PORT_TIMER, 0);
    only_effect(DEVICE_TIMER);
}

Test(devices, timer_in_the_past_replaces_an_armed_one)
{
    access_.arg[0] = 9000;
    out(ABI_PORT_TIMER, 0);
    access_.arg[0] = 10;
    cr_assert_eq(out(ABI_PORT_TIMER, 0), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 2);
    cr_assert_eq(reply.effect[0].kind, DEVICE_TIMER);
    cr_assert_eq(reply.effect[0].timer.at_ns, 0);
    cr_assert_eq(reply.effect[1].kind, DEVICE_SET_CAUSE);
    device_timer_due(&state, 0, ABI_TIMER_FIRST, 9000, &reply);
    cr_assert_eq(reply.effect_count, 0);
}

Test(devices, timer_is_moved_and_cancelled)
{
    access_.arg[0] = 2000;
    out(ABI_PORT_TIMER, 0);
    access_.arg[0] = 3000;
    out(ABI_PORT_TIMER, 0);
    cr_assert_eq(only_effect(DEVICE_TIMER)->timer.at_ns, 3000);
    device_timer_due(&state, 0, ABI_TIMER_FIRST, 2000, &reply);
    cr_assert_eq(reply.effect_count, 0);
    access_.arg[0] = 0;
    out(ABI_PORT_TIMER, 0);
    cr_assert_eq(only_effect(DEVICE_TIMER)->timer.at_ns, 0);
    device_timer_due(&state, 0, ABI_TIMER_FIRST, 3000, &reply);
    cr_assert_eq(reply.effect_count, 0);
    cr_assert_eq(out(ABI_PORT_TIMER, 0), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 0, "nothing to cancel");
}

Test(devices, the_two_timers_of_a_core_know_nothing_of_each_other)
{
    access_.arg[0] = 2000;
    out(ABI_PORT_TIMER, ABI_TIMER_FIRST);
    cr_assert_eq(only_effect(DEVICE_TIMER)->timer.which, ABI_TIMER_FIRST);
    access_.arg[0] = 3000;
    out(ABI_PORT_TIMER, ABI_TIMER_WATCH);
    cr_assert_eq(only_effect(DEVICE_TIMER)->timer.which, ABI_TIMER_WATCH);
    access_.arg[0] = 0;
    out(ABI_PORT_TIMER, ABI_TIMER_FIRST);
    device_timer_due(&state, 0, ABI_TIMER_FIRST, 3000, &reply);
    cr_assert_eq(reply.effect_count, 0, "cancelled");
    device_timer_due(&state, 0, ABI_TIMER_WATCH, 3000, &reply);
    cr_assert_eq(only_effect(DEVICE_SET_CAUSE)->cause.bits, ABI_CAUSE_TIMER);
    cr_assert_eq(out(ABI_PORT_TIMER, ABI_TIMERS), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(reply.effect_count, 0);
}

Test(devices, a_core_that_stops_has_no_timers)
{
    access_.arg[0] = 5000;
    out(ABI_PORT_TIMER, ABI_TIMER_FIRST);
    out(ABI_PORT_TIMER, ABI_TIMER_WATCH);
    cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_STOP), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 3);
    for (unsigned which = 0; which < ABI_TIMERS; which++) {
        cr_assert_eq(reply.effect[which].kind, DEVICE_TIMER);
        cr_assert_eq(reply.effect[which].timer.which, which);
        cr_assert_eq(reply.effect[which].timer.at_ns, 0);
    }
}

Test(devices, timer_at_the_end_of_time_is_armed)
{
    access_.arg[0] = UINT64_MAX;
    cr_assert_eq(out(ABI_PORT_TIMER, 0), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_TIMER)->timer.at_ns, UINT64_MAX);
}

/* ---- notification ---- */

Test(devices, ipi_reaches_every_core_and_id_and_no_other)
{
    for (uint32_t target = 0; target < 70; target++) {
        for (uint32_t id = 0; id < ABI_NOTIFY_IDS + 2; id += 13) {
            uint64_t result = out(ABI_PORT_IPI, target << 16 | id);
            if (target >= CORES) {
                cr_assert_eq(result, ABI_RESULT_NO_SUCH_CORE);
            } else if (id >= ABI_NOTIFY_IDS) {
                cr_assert_eq(result, ABI_RESULT_BAD_REQUEST);
            } else {
                const struct device_effect *effect = only_effect(DEVICE_SET_CAUSE);
                cr_assert_eq(effect->core, target);
                cr_assert_eq(effect->cause.bits, ABI_CAUSE_NOTIFY);
                cr_assert_eq(effect->cause.notify_id, id);
            }
        }
    }
    cr_assert_eq(out(ABI_PORT_IPI, ABI_NOTIFY_IDS - 1), ABI_RESULT_OK);
    cr_assert_eq(out(ABI_PORT_IPI, ABI_NOTIFY_IDS), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(out(ABI_PORT_IPI, 0xffffffff), ABI_RESULT_NO_SUCH_CORE);
}

Test(devices, a_core_that_cannot_signal_another_is_told_so)
{
    state.unsignalled[access_.core] = 1u << 2;
    cr_expect_eq(out(ABI_PORT_IPI, 2u << 16), ABI_RESULT_NO_WAY);
    cr_expect_eq(out(ABI_PORT_IPI, 1u << 16), ABI_RESULT_OK);
    cr_expect_eq(only_effect(DEVICE_SET_CAUSE)->core, 1);
}

/* ---- power ---- */

static uint64_t start_core(uint64_t core, uint64_t rip, uint64_t rdi, uint64_t cr3)
{
    access_.arg[0] = core;
    access_.arg[1] = rip;
    access_.arg[2] = rdi;
    access_.arg[3] = cr3;
    return out(ABI_PORT_POWER, ABI_POWER_START);
}

Test(devices, power_starts_a_core_once)
{
    cr_assert_eq(start_core(1, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_OK);
    const struct device_effect *effect = only_effect(DEVICE_START_CORE);
    cr_assert_eq(effect->core, 1);
    cr_assert_eq(effect->start.rip, ABI_KERNEL_BASE);
    cr_assert_eq(effect->start.rdi, 0x1000);
    cr_assert_eq(effect->start.cr3, 0x2000);
    cr_assert_eq(start_core(1, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_CORE_RUNNING);
    cr_assert_eq(start_core(0, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_CORE_RUNNING);
}

Test(devices, power_refuses_cores_and_addresses_that_do_not_exist)
{
    const uint64_t rip = ABI_KERNEL_BASE;
    cr_assert_eq(start_core(CORES, rip, 0x1000, 0x2000), ABI_RESULT_NO_SUCH_CORE);
    cr_assert_eq(start_core(UINT64_MAX, rip, 0x1000, 0x2000), ABI_RESULT_NO_SUCH_CORE);
    cr_assert_eq(start_core(1ull << 32, rip, 0x1000, 0x2000), ABI_RESULT_NO_SUCH_CORE);
    cr_assert_eq(start_core(1, 0x0000800000000000, 0x1000, 0x2000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(start_core(1, 0xffff7fffffffffff, 0x1000, 0x2000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(start_core(1, rip, 0x1001, 0x2000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(start_core(1, rip, 0x1000, 0x2008), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(start_core(1, rip, RAM_BYTES, 0x2000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(start_core(1, rip, 0x1000, RAM_BYTES), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(start_core(1, rip, ABI_WINDOW_BASE, 0x2000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(state.power[1], DEVICE_CORE_OFF);
    cr_assert_eq(start_core(1, rip, 0x1000, 0x2000), ABI_RESULT_OK);
}

Test(devices, power_stop_is_for_good_and_cancels_the_timer)
{
    access_.arg[0] = 5000;
    out(ABI_PORT_TIMER, 0);
    cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_STOP), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 2);
    cr_assert_eq(reply.effect[0].kind, DEVICE_TIMER);
    cr_assert_eq(reply.effect[0].timer.at_ns, 0);
    cr_assert_eq(reply.effect[1].kind, DEVICE_STOP_CORE);
    device_timer_due(&state, 0, ABI_TIMER_FIRST, 5000, &reply);
    cr_assert_eq(reply.effect_count, 0);
    access_.core = 1;
    cr_assert_eq(start_core(0, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_NO_SUCH_CORE);
}

Test(devices, power_exit_takes_a_byte)
{
    for (unsigned code = 0; code < 256; code++) {
        access_.arg[0] = code;
        cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_EXIT), ABI_RESULT_OK);
        cr_assert_eq(only_effect(DEVICE_EXIT)->exit_code, code);
    }
    access_.arg[0] = 256;
    cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_EXIT), ABI_RESULT_BAD_REQUEST);
    access_.arg[0] = 1ull << 32;
    cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_EXIT), ABI_RESULT_BAD_REQUEST);
}

Test(devices, power_panics_and_refuses_unknown_commands)
{
    access_.core = 2;
    cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_PANIC), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_PANIC)->core, 2);
    cr_assert_eq(out(ABI_PORT_POWER, 0), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(out(ABI_PORT_POWER, ABI_POWER_RETIRE + 1), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(out(ABI_PORT_POWER, 0xffffffff), ABI_RESULT_BAD_REQUEST);
}

static uint64_t about_core(uint64_t core, uint32_t command)
{
    access_.arg[0] = core;
    return out(ABI_PORT_POWER, command);
}

Test(devices, power_asks_how_late_a_core_that_exists_is)
{
    access_.core = 1;
    cr_assert_eq(about_core(2, ABI_POWER_LATE), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_LATE)->core, 2);
    cr_assert_eq(about_core(CORES, ABI_POWER_LATE), ABI_RESULT_NO_SUCH_CORE);
}

Test(devices, power_kills_another_core_for_good_and_cancels_its_timer)
{
    cr_assert_eq(about_core(1, ABI_POWER_AVAILABLE), ABI_RESULT_OK);
    cr_assert_eq(about_core(1, ABI_POWER_KILL), ABI_RESULT_OK, "it does not run");
    cr_assert_eq(reply.effect_count, 0);
    cr_assert_eq(start_core(1, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_OK);
    cr_assert_eq(about_core(1, ABI_POWER_AVAILABLE), ABI_RESULT_CORE_RUNNING);
    access_.core = 1;
    access_.arg[0] = 5000;
    out(ABI_PORT_TIMER, 0);
    cr_assert_eq(about_core(1, ABI_POWER_KILL), ABI_RESULT_BAD_REQUEST, "nobody kills himself");
    access_.core = 0;
    cr_assert_eq(about_core(1, ABI_POWER_KILL), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 2);
    cr_assert_eq(reply.effect[0].kind, DEVICE_TIMER);
    cr_assert_eq(reply.effect[0].timer.at_ns, 0);
    cr_assert_eq(reply.effect[1].kind, DEVICE_KILL_CORE);
    cr_assert_eq(reply.effect[1].core, 1);
    cr_assert_eq(about_core(1, ABI_POWER_KILL), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 0, "once is enough");
    cr_assert_eq(about_core(1, ABI_POWER_AVAILABLE), ABI_RESULT_NO_SUCH_CORE);
    cr_assert_eq(start_core(1, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_NO_SUCH_CORE);
    cr_assert_eq(about_core(CORES, ABI_POWER_KILL), ABI_RESULT_NO_SUCH_CORE);
    cr_assert_eq(about_core(UINT64_MAX, ABI_POWER_AVAILABLE), ABI_RESULT_NO_SUCH_CORE);
}

Test(devices, power_starts_a_core_again_that_was_retired)
{
    access_.core = 0;
    cr_assert_eq(about_core(1, ABI_POWER_RETIRE), ABI_RESULT_OK, "it does not run");
    cr_assert_eq(reply.effect_count, 0);
    for (unsigned life = 0; life < 3; life++) {
        cr_assert_eq(start_core(1, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_OK);
        cr_assert_eq(only_effect(DEVICE_START_CORE)->start.again, life > 0);
        cr_assert_eq(about_core(1, ABI_POWER_RETIRE), ABI_RESULT_OK);
        cr_assert_eq(only_effect(DEVICE_KILL_CORE)->core, 1);
        cr_assert_eq(about_core(1, ABI_POWER_AVAILABLE), ABI_RESULT_OK);
    }
    cr_assert_eq(start_core(1, ABI_KERNEL_BASE, 0x1000, 0x2000), ABI_RESULT_OK);
    cr_assert_eq(about_core(1, ABI_POWER_KILL), ABI_RESULT_OK);
    cr_assert_eq(about_core(1, ABI_POWER_RETIRE), ABI_RESULT_OK);
    cr_assert_eq(about_core(1, ABI_POWER_AVAILABLE), ABI_RESULT_NO_SUCH_CORE, "it was killed");
    cr_assert_eq(about_core(0, ABI_POWER_RETIRE), ABI_RESULT_BAD_REQUEST, "nobody retires himself");
    cr_assert_eq(about_core(CORES, ABI_POWER_RETIRE), ABI_RESULT_NO_SUCH_CORE);
}

/* ---- scrub ---- */

static uint64_t scrub(uint64_t paddr, uint64_t bytes)
{
    access_.arg[0] = paddr;
    access_.arg[1] = bytes;
    return out(ABI_PORT_SCRUB, 0);
}

Test(devices, scrub_takes_whole_lines_of_ram_and_window)
{
    cr_assert_eq(scrub(0x1000, 0x3000), ABI_RESULT_OK);
    const struct device_effect *effect = only_effect(DEVICE_SCRUB);
    cr_assert_eq((uint8_t *)effect->scrub.host, ram + 0x1000);
    cr_assert_eq(effect->scrub.paddr, 0x1000);
    cr_assert_eq(effect->scrub.bytes, 0x3000);
    cr_assert_eq(scrub(0x1400, 0x400), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_SCRUB)->scrub.bytes, 0x400);
    cr_assert_eq(scrub(ABI_WINDOW_BASE, 0x1000), ABI_RESULT_OK);
    cr_assert_eq((uint8_t *)only_effect(DEVICE_SCRUB)->scrub.host, window);
    cr_assert_eq(scrub(0x1000, 0), ABI_RESULT_OK);
    cr_assert_eq(reply.effect_count, 0);
}

Test(devices, scrub_refuses_parts_of_lines_and_what_is_outside)
{
    cr_assert_eq(scrub(0x1001, 0x1000), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(scrub(0x1000, 0x820), ABI_RESULT_BAD_REQUEST);
    cr_assert_eq(scrub(0, RAM_BYTES + 0x1000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(scrub(RAM_BYTES, 0x1000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(scrub(0x1000, ~0xfffull), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(scrub(ABI_CORE_AREA_BASE, 0x1000), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(scrub(~0xfffull, 0x1000), ABI_RESULT_BAD_ADDRESS);
}

/* ---- report ---- */

static uint64_t report(uint64_t block, uint64_t speaker)
{
    access_.arg[0] = block;
    access_.arg[1] = speaker;
    return out(ABI_PORT_REPORT, 0);
}

Test(devices, report_takes_blocks_and_speakers_in_ram_only)
{
    cr_assert_eq(report(0x800, 0x40), ABI_RESULT_OK);
    const struct device_effect *effect = only_effect(DEVICE_REPORT);
    cr_expect_eq(effect->report.block, 0x800);
    cr_expect_eq(effect->report.speaker, 0x40);
    cr_expect_eq(report(RAM_BYTES - ABI_REPORT_BYTES, 0), ABI_RESULT_OK);
    cr_expect_eq(report(RAM_BYTES - ABI_REPORT_BYTES + 8, 0), ABI_RESULT_BAD_ADDRESS);
    cr_expect_eq(report(0x804, 0), ABI_RESULT_BAD_ADDRESS);
    cr_expect_eq(report(UINT64_MAX - 7, 0), ABI_RESULT_BAD_ADDRESS);
    cr_expect_eq(report(ABI_WINDOW_BASE, 0), ABI_RESULT_BAD_ADDRESS);
    cr_expect_eq(report(0x800, RAM_BYTES - 8), ABI_RESULT_BAD_ADDRESS);
    cr_expect_eq(report(0x800, 4), ABI_RESULT_BAD_ADDRESS);
    cr_expect_eq(report(0x800, ABI_WINDOW_BASE), ABI_RESULT_BAD_ADDRESS);
}

/* ---- fabric ---- */

enum { RECORD = 0x400 };

static struct abi_channel good_channel(void)
{
    return (struct abi_channel){
        .magic = ABI_CHANNEL_MAGIC,
        .state = ABI_CHANNEL_NAMED,
        .interface = "myappif",
        .server = "myapp",
        .client = "myapp",
        .ring = { { .base = ABI_WINDOW_BASE + 2048, .bytes = 512, .notify_id = 5, .core = 1 },
                  { .base = ABI_WINDOW_BASE + 2560,
                    .bytes = 320,
                    .notify_id = ABI_NOTIFY_UNKNOWN,
                    .core = 2 } },
        .layout = { .line_bytes = 64,
                    .commit_offset = 56,
                    .type_offset = 56,
                    .type_shift = 1,
                    .type_bits = 15 },
    };
}

static uint64_t name_channel(const struct abi_channel *channel)
{
    memcpy(window + RECORD, channel, sizeof(*channel));
    access_.arg[0] = ABI_WINDOW_BASE + RECORD;
    return out(ABI_PORT_FABRIC, 0);
}

Test(devices, fabric_takes_a_copy_of_the_channel)
{
    struct abi_channel channel = good_channel();
    cr_assert_eq(name_channel(&channel), ABI_RESULT_OK);
    memset(window + RECORD, 0xff, sizeof(channel));
    const struct device_effect *effect = only_effect(DEVICE_CHANNEL);
    cr_assert_eq(memcmp(&effect->channel.is, &channel, sizeof(channel)), 0);
    cr_assert_eq(effect->channel.record, ABI_WINDOW_BASE + RECORD);
    cr_assert_eq(state.channels, 1);
}

Test(devices, fabric_takes_names_back_whatever_else_the_record_says)
{
    struct abi_channel channel = good_channel();
    channel.ring[0].base = 1;
    channel.state = ABI_CHANNEL_FREE;
    cr_assert_eq(name_channel(&channel), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_CHANNEL)->channel.is.state, ABI_CHANNEL_FREE);
}

#define REFUSES(change, why)                   \
    do {                                       \
        struct abi_channel c = good_channel(); \
        change;                                \
        cr_assert_eq(name_channel(&c), why);   \
    } while (0)

Test(devices, fabric_refuses_channels_that_cannot_be)
{
    REFUSES(c.magic++, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.state = 2, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[0].core = CORES, ABI_RESULT_NO_SUCH_CORE);
    REFUSES(c.ring[1].core = UINT32_MAX, ABI_RESULT_NO_SUCH_CORE);
    REFUSES(memset(c.interface, 'x', sizeof(c.interface)), ABI_RESULT_BAD_REQUEST);
    REFUSES(memset(c.server, 'x', sizeof(c.server)), ABI_RESULT_BAD_REQUEST);
    REFUSES(memset(c.client, 'x', sizeof(c.client)), ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[0].notify_id = ABI_NOTIFY_IDS, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[0].reserved = 1, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[0].base += 8, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[0].base = 0x1000, ABI_RESULT_BAD_ADDRESS); /* RAM */
    REFUSES(c.ring[0].base = UINT64_MAX - 63, ABI_RESULT_BAD_ADDRESS);
    REFUSES(c.ring[1].bytes = 0, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[1].bytes = 64, ABI_RESULT_BAD_REQUEST); /* no line beside the control line */
    REFUSES(c.ring[1].bytes = 100, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[1].bytes = WINDOW_BYTES, ABI_RESULT_BAD_ADDRESS);
    REFUSES(c.ring[1].bytes = 0xffffffc0, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.ring[0].bytes += 64, ABI_RESULT_BAD_REQUEST); /* into the other ring */
}

Test(devices, fabric_refuses_lines_that_cannot_be)
{
    REFUSES(c.layout.line_bytes = 0, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.line_bytes = 48, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.line_bytes = 256, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.commit_offset = 60, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.commit_offset = 64, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.wake_offset = 64, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.epoch_shift = 64, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.type_bits = 0, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.type_shift = 60, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.type_offset = 60, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.type_offset = 64, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.tail_offset = 64, ABI_RESULT_BAD_REQUEST);
    REFUSES(c.layout.commit = ABI_COMMIT_HEAD + 1, ABI_RESULT_BAD_REQUEST);
}

/* Head, tail and wake word share the control line, so they must be different words of it. */
Test(devices, fabric_takes_lines_that_a_head_commits)
{
    const struct abi_line_layout head = { .line_bytes = 32,
                                          .commit = ABI_COMMIT_HEAD,
                                          .commit_offset = 0,
                                          .tail_offset = 8,
                                          .wake_offset = 16,
                                          .type_bits = 16,
                                          .ack_bits = 32 };
    struct abi_channel channel = good_channel();
    channel.layout = head;
    cr_assert_eq(name_channel(&channel), ABI_RESULT_OK);
    cr_assert_eq(only_effect(DEVICE_CHANNEL)->channel.is.layout.commit, ABI_COMMIT_HEAD);
    REFUSES((c.layout = head, c.layout.wake_offset = 0), ABI_RESULT_BAD_REQUEST);
    REFUSES((c.layout = head, c.layout.tail_offset = 0), ABI_RESULT_BAD_REQUEST);
    REFUSES((c.layout = head, c.layout.tail_offset = 16), ABI_RESULT_BAD_REQUEST);
}

Test(devices, fabric_refuses_records_outside_the_window)
{
    struct abi_channel channel = good_channel();
    memcpy(ram + 0x800, &channel, sizeof(channel));
    access_.arg[0] = 0x800;
    cr_assert_eq(out(ABI_PORT_FABRIC, 0), ABI_RESULT_BAD_ADDRESS);
    name_channel(&channel);
    access_.arg[0] += 4;
    cr_assert_eq(out(ABI_PORT_FABRIC, 0), ABI_RESULT_BAD_ADDRESS);
    access_.arg[0] = ABI_WINDOW_BASE + WINDOW_BYTES - sizeof(channel) + 8;
    cr_assert_eq(out(ABI_PORT_FABRIC, 0), ABI_RESULT_BAD_ADDRESS);
    cr_assert_eq(state.channels, 1);
}

/* ---- watch ---- */

Test(devices, a_watched_call_is_told_with_who_makes_it)
{
    access_.arg[0] = 0x1000;
    cr_expect_eq(out(ABI_PORT_WATCH, 63), ABI_RESULT_OK);
    const struct device_effect *effect = only_effect(DEVICE_SYSCALL);
    cr_expect_eq(effect->syscall.number, 63);
    cr_expect_eq(effect->syscall.speaker, 0x1000);
    cr_expect_eq(out(ABI_PORT_WATCH, 64), ABI_RESULT_BAD_ADDRESS);
    access_.arg[0] = 0x1000 + 1;
    cr_expect_eq(out(ABI_PORT_WATCH, 1), ABI_RESULT_BAD_ADDRESS);
    access_.arg[0] = UINT64_MAX;
    cr_expect_eq(out(ABI_PORT_WATCH, 1), ABI_RESULT_BAD_ADDRESS);
}

/* ---- input ---- */

static unsigned take_input(unsigned most, char *text)
{
    access_.arg[0] = 0x1000;
    cr_assert_eq(out(ABI_PORT_INPUT, 7u << 16 | most), ABI_RESULT_OK);
    const struct device_effect *effect = only_effect(DEVICE_INPUT);
    cr_assert_eq(effect->input.to, ram + 0x1000);
    cr_assert_leq(effect->input.bytes, most);
    memcpy(text, effect->input.from, effect->input.bytes);
    return effect->input.answer;
}

static bool notified_of_input(unsigned core)
{
    if (reply.effect_count == 0)
        return false;
    const struct device_effect *effect = only_effect(DEVICE_SET_CAUSE);
    cr_assert_eq(effect->core, core);
    cr_assert_eq(effect->cause.bits, ABI_CAUSE_NOTIFY);
    cr_assert_eq(effect->cause.notify_id, 7);
    return true;
}

Test(devices, input_arrives_in_order_and_whoever_found_none_is_notified_once)
{
    char text[ABI_INPUT_MAX];
    cr_assert_eq(take_input(10, text), 0);
    device_input(&state, "hello", 5, &reply);
    cr_assert(notified_of_input(0));
    device_input(&state, "you", 3, &reply);
    cr_assert_not(notified_of_input(0), "nobody has asked again");
    cr_assert_eq(take_input(6, text), 6);
    cr_assert_eq(memcmp(text, "helloy", 6), 0);
    cr_assert_eq(take_input(6, text), 2);
    device_input(&state, "x", 1, &reply);
    cr_assert_not(notified_of_input(0), "that request found something");
}

Test(devices, the_last_core_that_asked_is_notified)
{
    char text[ABI_INPUT_MAX];
    take_input(1, text);
    access_.core = 2;
    take_input(1, text);
    device_input(&state, "x", 1, &reply);
    cr_assert(notified_of_input(2));
}

Test(devices, input_keeps_its_order_around_the_ring)
{
    static char piece[ABI_INPUT_MAX], text[ABI_INPUT_MAX];
    uint8_t sent = 0, got = 0;
    for (unsigned round = 0; round < 100; round++) {
        unsigned bytes = 1 + round * 37 % 1000;
        for (unsigned i = 0; i < bytes; i++)
            piece[i] = (char)sent++;
        cr_assert_leq(bytes, device_input_room(&state));
        device_input(&state, piece, bytes, &reply);
        for (unsigned answer; (answer = take_input(900, text)) != 0;)
            for (unsigned i = 0; i < answer; i++)
                cr_assert_eq((uint8_t)text[i], got++);
    }
    cr_assert_eq(sent, got);
    cr_assert_eq(device_input_room(&state), DEVICE_INPUT_BYTES);
}

Test(devices, the_end_of_input_comes_behind_the_last_byte_and_stays)
{
    char text[ABI_INPUT_MAX];
    device_input(&state, "x", 1, &reply);
    device_input_end(&state, &reply);
    cr_assert_eq(device_input_room(&state), 0);
    cr_assert_eq(take_input(5, text), 1);
    cr_assert_eq(take_input(5, text), ABI_INPUT_END);
    cr_assert_eq(take_input(5, text), ABI_INPUT_END);
}

Test(devices, whoever_waits_hears_of_the_end_of_input)
{
    char text[ABI_INPUT_MAX];
    take_input(5, text);
    device_input_end(&state, &reply);
    cr_assert(notified_of_input(0));
}

Test(devices, requests_for_input_are_checked)
{
    access_.arg[0] = 0x1000;
    cr_expect_eq(out(ABI_PORT_INPUT, 0), ABI_RESULT_BAD_REQUEST);
    cr_expect_eq(out(ABI_PORT_INPUT, ABI_INPUT_MAX + 1), ABI_RESULT_BAD_REQUEST);
    cr_expect_eq(out(ABI_PORT_INPUT, ABI_NOTIFY_IDS << 16 | 1), ABI_RESULT_BAD_REQUEST);
    cr_expect_eq(out(ABI_PORT_INPUT, (ABI_NOTIFY_IDS - 1) << 16 | ABI_INPUT_MAX), ABI_RESULT_OK);
    static const uint64_t nowhere[] = { RAM_BYTES - 9, RAM_BYTES, ABI_WINDOW_BASE, UINT64_MAX - 3 };
    for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        access_.arg[0] = nowhere[i];
        cr_expect_eq(out(ABI_PORT_INPUT, 10), ABI_RESULT_BAD_ADDRESS, "%d", (int)i);
    }
}
