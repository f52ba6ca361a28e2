/* SPDX-License-Identifier: MIT
 *
 * A machine with an engine that only writes down what it is asked: the fixture of test_machine*.c.
 */
#ifndef MACHINE_FIXTURE_H
#define MACHINE_FIXTURE_H

#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"
#include "abi/boot_tables.h"
#include "machine/event_queue.h"
#include "machine/fabric.h"
#include "machine/machine_private.h"

/* clang-format off */
GUEST(nothing, "hlt\n");
/* clang-format on */

#define MIB (1ull << 20)

static struct tiny t;

/* ---- the stand-in ---- */

static struct {
    unsigned kicks[ABI_MAX_CORES];
    unsigned starts;
    unsigned started_core;
    struct core_entry entry;
    uint64_t next_ns;
    enum stop_reason stop;
} asked;

static int fake_create(struct engine **out, struct machine *machine,
                       const struct engine_options *options);
static int fake_start_core(struct engine *engine, unsigned core, const struct core_entry *entry)
{
    (void)engine;
    asked.starts++;
    asked.started_core = core;
    asked.entry = *entry;
    return 0;
}
static void fake_kick(struct engine *engine, unsigned core)
{
    (void)engine;
    asked.kicks[core]++;
}
static void fake_events_changed(struct engine *engine, uint64_t next_ns)
{
    (void)engine;
    asked.next_ns = next_ns;
}
static int fake_run(struct engine *engine, struct engine_stop *why)
{
    (void)engine;
    why->reason = STOP_REQUEST;
    return 0;
}
static void fake_request_stop(struct engine *engine, enum stop_reason reason)
{
    (void)engine;
    if (asked.stop == STOP_NONE)
        asked.stop = reason;
}
static void fake_destroy(struct engine *engine)
{
    (void)engine;
}

static const struct engine_ops fake = {
    .name = "fake",
    .create = fake_create,
    .start_core = fake_start_core,
    .kick = fake_kick,
    .events_changed = fake_events_changed,
    .run = fake_run,
    .request_stop = fake_request_stop,
    .destroy = fake_destroy,
};

static int fake_create(struct engine **out, struct machine *machine,
                       const struct engine_options *options)
{
    static char handle;
    (void)options;
    *out = (struct engine *)&handle;
    machine_attach(machine, &fake, *out);
    machine_set_platform(machine, ABI_BOOT_SYSCALL_FAULTS, 12345);
    return 0;
}

static void set_up(void)
{
    memset(&asked, 0, sizeof(asked));
    tiny_init(&t, 3, nothing_start, nothing_end, NULL);
}

static void tear_down(void)
{
    tiny_free(&t);
}

static inline void start(void)
{
    cr_assert_eq(tiny_start(&t, &fake), 0, "%s", t.error);
    cr_assert_eq(tiny_run(&t), 0);
}

static inline enum machine_next request(unsigned core, uint16_t port, uint32_t value, uint64_t now)
{
    return machine_port_out(t.machine, core, port, 4, value, now);
}

#endif
