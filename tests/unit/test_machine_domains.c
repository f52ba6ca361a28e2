/* SPDX-License-Identifier: MIT
 *
 * What the machine says about threads: it comes from tables that a guest has written, so whatever
 * they hold the report has an end, names only printable things and touches nothing but guest
 * memory.
 */
#include <criterion/criterion.h>

#include "../guest/tiny_guest.h"
#include "machine/machine_private.h"

#define DCB 0x2000000ull
#define FRAME 0x2001000ull

GUEST(nothing, "1: hlt\n jmp 1b\n");

static struct tiny t;
static char *text;
static size_t text_bytes;

static void setup(void)
{
    tiny_init(&t, 2, nothing_start, nothing_end, NULL);
    cr_assert_eq(machine_create(&t.machine, &t.config, t.error, sizeof(t.error)), 0, "%s", t.error);
}

static void teardown(void)
{
    tiny_free(&t);
    free(text);
}

TestSuite(machine_domains, .init = setup, .fini = teardown, .timeout = 60);

/* A dispatcher with an empty table. */
static struct abi_wait_table *table(void)
{
    struct abi_dcb_head *head = machine_memory(t.machine, DCB, sizeof(*head));
    struct abi_wait_table *wait = machine_memory(t.machine, FRAME + ABI_WAIT_OFFSET, sizeof(*wait));
    memset(wait, 0, sizeof(*wait));
    *head = (struct abi_dcb_head){ .name = "app", .disp_frame = FRAME, .domain_id = 7 };
    wait->magic = ABI_WAIT_MAGIC;
    wait->version = ABI_WAIT_VERSION;
    machine_note_dispatcher(t.machine, 1, DCB);
    return wait;
}

static const char *said(void)
{
    free(text);
    FILE *out = open_memstream(&text, &text_bytes);
    machine_explain(t.machine, out);
    fclose(out);
    return text;
}

Test(machine_domains, names_thread_wait_and_peer)
{
    struct abi_wait_table *wait = table();
    wait->exported[3].iref = 258;
    wait->thread[0] = (struct abi_wait_thread){
        .id = 1, .kind = ABI_WAIT_REPLY, .other = 258, .message = "quiz.ask_response"
    };
    wait->thread[5] = (struct abi_wait_thread){ .id = 2, .kind = ABI_WAIT_EVENT, .other = 1 };
    wait->thread[6] = (struct abi_wait_thread){ .id = 3, .kind = ABI_WAIT_MUTEX, .other = 9 };
    said();
    cr_expect_not_null(strstr(text, "app.1 thread 1 waits for quiz.ask_response of its binding "
                                    "with app.1 (iref 258)\n"),
                       "%s", text);
    cr_expect_not_null(strstr(text, "held by thread 9, which has ended"), "%s", text);
    cr_expect_not_null(strstr(text, "wait for whatever comes: app.1\n"), "%s", text);
}

Test(machine_domains, believes_nothing)
{
    struct abi_wait_table *wait = table();
    memset((char *)wait + 8, 0xff, sizeof(*wait) - 8);
    for (unsigned i = 0; i < ABI_WAIT_THREADS; i++)
        wait->thread[i].kind = i % 2 ? i : UINT32_MAX;
    said();
    cr_expect_lt(text_bytes, 20000u);
    for (size_t i = 0; i < text_bytes; i++)
        cr_expect(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'), "byte %d", text[i]);
}

Test(machine_domains, passes_over_what_is_no_dispatcher)
{
    struct abi_wait_table *wait = table();
    struct abi_dcb_head *head = machine_memory(t.machine, DCB, sizeof(*head));
    const uint64_t frames[] = {
        0, 1, 0xfffffffffffff000, 64ull << 20, (64ull << 20) - 4096, 0x7c0000000
    };
    wait->thread[0] = (struct abi_wait_thread){ .id = 1, .kind = ABI_WAIT_PAUSED };
    cr_expect_not_null(strstr(said(), "is paused"));
    for (unsigned i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        head->disp_frame = frames[i];
        cr_expect_str_eq(said(), "", "frame at %llx", (unsigned long long)frames[i]);
    }
    head->disp_frame = FRAME;
    wait->version++;
    cr_expect_str_eq(said(), "");
    machine_note_dispatcher(t.machine, 1, 3); /* not aligned */
    machine_note_dispatcher(t.machine, 1, 0xfffffffffffffff8);
    cr_expect_str_eq(said(), "");
}

Test(machine_domains, knows_so_many_dispatchers_and_forgets_the_dead)
{
    for (uint64_t i = 0; i < 1000; i++) {
        struct abi_dcb_head *head = machine_memory(t.machine, DCB + 0x4000 + 64 * i, sizeof(*head));
        head->disp_frame = FRAME;
        machine_note_dispatcher(t.machine, 0, DCB + 0x4000 + 64 * i);
    }
    cr_expect_eq(t.machine->state.dispatchers[0].count, MACHINE_DISPATCHERS_MAX);
    struct abi_dcb_head *head = machine_memory(t.machine, DCB + 0x4000, sizeof(*head));
    head->disp_frame = 0;
    machine_note_dispatcher(t.machine, 0, DCB + 0x4000 + 64 * 999);
    cr_expect_eq(t.machine->state.dispatchers[0].dcb[0], DCB + 0x4000 + 64 * 999);
}

Test(machine_domains, tells_of_a_crash_once)
{
    struct abi_wait_table *wait = table();
    machine_core_page(t.machine, 1)->current_dcb = DCB;
    machine_look_for_crash(t.machine, 1, 5);
    cr_expect_not(machine_crash_text(t.machine, NULL, 0));
    wait->crash = (struct abi_wait_crash){ .thread = 2, .vector = 14, .error = 2, .rip = 0x401000 };
    memset(wait->crash.caller, 0xff, sizeof(wait->crash.caller));
    machine_look_for_crash(t.machine, 1, 5);
    machine_look_for_crash(t.machine, 1, 6);
    cr_expect_eq(t.machine->state.crash_count, 1u);
    cr_expect_eq(t.event_count[MACHINE_EVENT_CRASH], 1u);
    said();
    cr_expect_not_null(strstr(text, "app.1 died: page fault, write of address 0x0 (NULL pointer)\n"
                                    "    at app!0x401000\n"),
                       "%s", text);
}
