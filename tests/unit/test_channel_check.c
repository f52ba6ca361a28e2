/* SPDX-License-Identifier: MIT
 *
 * The checker of channels: a writer and a reader that keep to the protocol pass in all orders of
 * their steps, and each way to lose a line or to have it twice is found.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "machine/fabric.h"

enum { LINES = 3, BITS = 4 };

static struct fabric f;
static struct fabric_channel c;
static uint64_t word[8];

static void begin(void)
{
    memset(&f, 0, sizeof(f));
    f.check = true;
    c = (struct fabric_channel){ .used = true, .name = "myappif:a.0<-b.1#1" };
    c.layout = (struct abi_line_layout){
        .line_bytes = 64, .commit_offset = 56, .ack_shift = 16, .ack_bits = BITS
    };
    c.ring[0].core = 0;
    c.ring[1].core = 1;
    c.ring[0].lines = c.ring[1].lines = LINES;
}

TestSuite(channel_check, .init = begin);

/* The n-th line of a side, which has read so many of the other. */
static void put(unsigned side, uint64_t n, uint64_t read)
{
    word[7] = (read & ((1u << BITS) - 1)) << 16;
    const struct fault_line line = { .slot = (unsigned)((n - 1) % LINES),
                                     .word = word,
                                     .words = 8 };
    const struct fault_message message = { .known = true, .lines = n, .attempt = 1 };
    fabric_check_line(&f, &c, side, &line, &message, word[7], false);
}

/* All orders in which two sides, each keeping to the window, can write and read `left` more
 * lines. */
static void all_orders(unsigned left, const uint64_t sent[2], const uint64_t read[2],
                       const uint64_t told[2])
{
    const struct fabric_channel saved = c;
    cr_assert_str_empty(f.check_problem);
    for (unsigned side = 0; left > 0 && side < 2; side++) {
        uint64_t s[2] = { sent[0], sent[1] }, r[2] = { read[0], read[1] },
                 t[2] = { told[0], told[1] };
        if (s[side] - t[!side] < LINES) { /* what the other side said it has read */
            s[side]++;
            t[side] = r[side];
            put(side, s[side], r[side]);
            all_orders(left - 1, s, r, t);
            c = saved;
        }
        uint64_t s2[2] = { sent[0], sent[1] }, r2[2] = { read[0], read[1] };
        if (r2[side] < s2[!side]) {
            r2[side]++;
            all_orders(left - 1, s2, r2, told);
            c = saved;
        }
    }
}

Test(channel_check, who_keeps_to_the_window_passes_in_all_orders)
{
    const uint64_t none[2] = { 0, 0 };
    all_orders(11, none, none, none);
}

Test(channel_check, a_line_over_one_that_was_not_read_is_lost)
{
    for (uint64_t n = 1; n <= LINES; n++)
        put(0, n, 0);
    cr_expect_str_empty(f.check_problem);
    put(0, LINES + 1, 0);
    cr_expect_str_eq(f.check_problem, "core 0 to 1: line 4 is written over one that was not read, "
                                      "myappif:a.0<-b.1#1");
}

Test(channel_check, what_was_never_written_cannot_be_read)
{
    put(0, 1, 0);
    put(1, 1, 1);
    cr_expect_str_empty(f.check_problem);
    put(1, 2, 2);
    cr_expect_str_eq(f.check_problem, "core 1 to 0: acknowledges line 2, but 1 were written, "
                                      "myappif:a.0<-b.1#1");
}

Test(channel_check, the_numbers_of_acknowledgements_wrap)
{
    for (uint64_t n = 1; n <= 5u << BITS; n++) {
        put(0, n, n - 1);
        put(1, n, n);
    }
    cr_expect_str_empty(f.check_problem);
    put(1, (5u << BITS) + 1, (5u << BITS) - 1); /* taken back */
    cr_expect(strstr(f.check_problem, "acknowledges line"));
}

Test(channel_check, a_line_out_of_turn_is_found)
{
    const struct fault_line line = { .slot = 2, .word = word, .words = 8 };
    const struct fault_message message = { .known = false };
    fabric_check_line(&f, &c, 1, &line, &message, word[7], false);
    cr_expect(strstr(f.check_problem, "core 1 to 0: a line in slot 2 out of turn"));
}

Test(channel_check, a_channel_that_a_fault_has_touched_is_left_alone)
{
    const struct fault_line line = { .slot = 2, .word = word, .words = 8 };
    const struct fault_message message = { .known = false };
    fabric_check_line(&f, &c, 1, &line, &message, word[7], true);
    fabric_check_line(&f, &c, 1, &line, &message, word[7], false);
    put(0, 9, 5);
    cr_expect_str_empty(f.check_problem);
    cr_expect(c.disturbed);
}

Test(channel_check, a_line_written_again_counts_once)
{
    put(0, 1, 0);
    const struct fault_line line = { .slot = 0, .word = word, .words = 8 };
    const struct fault_message again = { .known = true, .lines = 1, .attempt = 2 };
    for (unsigned i = 0; i < 10; i++)
        fabric_check_line(&f, &c, 0, &line, &again, word[7], false);
    cr_expect_str_empty(f.check_problem);
    cr_expect_eq(c.ring[0].sent, 1);
}

Test(channel_check, layouts_without_acknowledgements_are_checked_for_turns_only)
{
    c.layout.ack_bits = 0;
    for (uint64_t n = 1; n <= 100; n++)
        put(0, n, 0);
    cr_expect_str_empty(f.check_problem);
}
