/* SPDX-License-Identifier: MIT
 *
 * Decisions about faults, without a machine: which line gets which number, which rule chooses it,
 * and that what a rule chooses depends on nothing but its own key.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fault/fault.h"

#define SLOTS 7
#define CHANNEL "myappif:server.0<-client.1#1"

static const char section[] = "interface myappif\nmessage 3 hello 1\nmessage 4 long 2 b e4\n"
                              "message 5 call 1\nmessage 6 text 0 b\n";

static struct fault_names names;

static void set_up(void)
{
    cr_assert(fault_names_add(&names, section, sizeof(section)));
}

static void tear_down(void)
{
    fault_names_free(&names);
}

TestSuite(fault, .init = set_up, .fini = tear_down);

static struct fault_rule message_rule(const char *message)
{
    return (struct fault_rule){ .name = "rule",
                                .key = 1,
                                .trigger = FAULT_ON_MESSAGE,
                                .message = message,
                                .line = 1,
                                .attempt = 1,
                                .from = FAULT_ALL_CORES,
                                .to = FAULT_ALL_CORES,
                                .cores = FAULT_ALL_CORES,
                                .probability = -1,
                                .until_ns = UINT64_MAX,
                                .fired = FAULT_NO_RULE,
                                .after_rule = FAULT_NO_RULE,
                                .until_rule = FAULT_NO_RULE,
                                .action = { { .kind = FAULT_DROP } },
                                .action_count = 1 };
}

/* A sender on a ring: what it writes next. */
struct sender {
    struct fault_state *state;
    struct fault_ring *ring;
    unsigned slot, epoch;
    struct fault_message message;
    struct fault_decision decision;
};

static struct sender sender_new(struct fault_state *state, const char *channel)
{
    struct sender s = { .state = state, .epoch = 1 };
    s.ring = fault_ring_new(state, channel, "myappif", 1, 0, SLOTS, true);
    cr_assert_not_null(s.ring);
    return s;
}

static void write_slot(struct sender *s, unsigned slot, unsigned epoch, unsigned type,
                       uint64_t word0)
{
    uint64_t word[8] = { word0 };
    struct fault_line line = {
        .slot = slot, .epoch = epoch, .type = type, .word = word, .words = 8
    };
    fault_on_line(s->state, s->ring, &line, 1000, &s->message, &s->decision);
}

static void send_word(struct sender *s, unsigned type, uint64_t word0)
{
    write_slot(s, s->slot, s->epoch, type, word0);
    if (++s->slot == SLOTS) {
        s->slot = 0;
        s->epoch ^= 1;
    }
}

static void send(struct sender *s, unsigned type)
{
    send_word(s, type, 0);
}

static void check(const struct sender *s, const char *name, uint64_t number, uint64_t any,
                  unsigned line)
{
    cr_assert(s->message.known);
    cr_expect_str_eq(s->message.name, name);
    cr_expect_eq(s->message.number, number, "%s #%lu", s->message.name, s->message.number);
    cr_expect_eq(s->message.any, any);
    cr_expect_eq(s->message.line, line);
}

/* ---- names ---- */

Test(fault, names_of_sections_are_read_and_nonsense_is_skipped)
{
    static const char odd[] =
        "message 3 orphan 1\ninterface other\nmessage 2 low 1\n"
        "message 9 good 3 p2 b\nmessage x\n\nmessage 10 much 1 q\ninterface myappif\n"
        "message 3 changed 1\n";
    cr_assert(fault_names_add(&names, odd, sizeof(odd) - 1));
    cr_assert_eq(names.count, 2);
    const struct fault_interface *other = fault_names_interface(&names, "other");
    cr_assert_eq(other->count, 1);
    cr_expect_eq(fault_names_message(other, "good")->stream[0].size, 2);
    cr_expect_str_eq(fault_names_type(fault_names_interface(&names, "myappif"), 3)->name, "hello");
    cr_expect_null(fault_names_interface(&names, "none"));
}

Test(fault, globs)
{
    cr_expect(fault_glob("myapp*", "myappif:x"));
    cr_expect(fault_glob("*:server.0<-*", CHANNEL));
    cr_expect(fault_glob("*", ""));
    cr_expect(fault_glob("a?c", "abc"));
    cr_expect_not(fault_glob("myapp", "myappif"));
    cr_expect_not(fault_glob("*x", "xy"));
}

/* ---- rules that are over ---- */

/* Sends hellos and calls in turn; after how many lines is the ring done?  100: never. */
static unsigned done_after(const struct fault_rule *rule, size_t rules)
{
    const struct fault_rules all = { rule, rules, 7 };
    struct fault_state *state = fault_create(&all, &names);
    struct sender s = sender_new(state, CHANNEL);
    unsigned lines = 0;
    while (lines < 100 && !fault_ring_is_done(state, s.ring, 1000)) {
        send(&s, lines % 2 ? 5 : 3);
        lines++;
    }
    for (unsigned i = 0; i < 40 && lines < 100; i++) { /* what is done stays so: nothing fires */
        send(&s, i % 2 ? 5 : 3);
        cr_expect_eq(s.decision.count, 0);
        cr_expect(fault_ring_is_done(state, s.ring, 1000));
    }
    fault_ring_free(state, s.ring);
    fault_destroy(state);
    return lines;
}

Test(fault, a_ring_is_done_when_no_rule_can_fire_in_it_any_more)
{
    static const struct fault_range third = { 3, 3 }, two[] = { { 1, 1 }, { 4, 6 } };
    struct fault_rule rule = message_rule("hello");
    cr_expect_eq(done_after(&rule, 1), 100, "it fires again and again");
    rule.nth = &third;
    rule.nth_count = 1;
    cr_expect_eq(done_after(&rule, 1), 5, "hello is each second line");
    rule.message = "any";
    cr_expect_eq(done_after(&rule, 1), 3);
    rule.message = "$any";
    cr_expect_eq(done_after(&rule, 1), 3);
    rule.message = "$ack";
    cr_expect_eq(done_after(&rule, 1), 100, "one may still come");
    rule.message = "hello";
    rule.nth = two;
    rule.nth_count = 2;
    cr_expect_eq(done_after(&rule, 1), 11);
    rule.attempt = 2;
    cr_expect_eq(done_after(&rule, 1), 100, "a line may be written again");
    rule.attempt = 1;
    rule.line = 2;
    cr_expect_eq(done_after(&rule, 1), 13, "its second line is over when the next message begins");
    rule = message_rule("hello");
    rule.count = 2;
    cr_expect_eq(done_after(&rule, 1), 3);
    rule.count = 0;
    rule.until_ns = 1000;
    cr_expect_eq(done_after(&rule, 1), 0, "its time is over");
    rule.until_ns = 1001;
    cr_expect_eq(done_after(&rule, 1), 100);
    struct fault_rule both[] = { message_rule("hello"), message_rule("call") };
    both[0].until_rule = 1;
    both[1].count = 3;
    cr_expect_eq(done_after(both, 2), 6, "the one ends with the first, the other with the third");
}

/* ---- numbers ---- */

static const struct fault_rules no_rules;

Test(fault, messages_are_numbered_by_name_and_together)
{
    struct fault_state *state = fault_create(&no_rules, &names);
    struct sender s = sender_new(state, CHANNEL);
    send(&s, FAULT_TYPE_BIND);
    check(&s, "$bind", 1, 0, 1);
    send(&s, 3);
    check(&s, "hello", 1, 1, 1);
    send(&s, 5);
    check(&s, "call", 1, 2, 1);
    send(&s, FAULT_TYPE_ACK);
    check(&s, "$ack", 1, 2, 1);
    send(&s, 3);
    check(&s, "hello", 2, 3, 1);
    cr_expect_eq(s.message.lines, 5);
    send(&s, 77);
    check(&s, "type 77", 1, 4, 1);
    fault_ring_free(state, s.ring);
    fault_destroy(state);
}

Test(fault, lines_of_long_messages_are_told_from_the_next_message)
{
    struct fault_state *state = fault_create(&no_rules, &names);
    struct sender s = sender_new(state, CHANNEL);
    for (unsigned n = 1; n <= 2; n++) { /* two fixed lines, 50 bytes, 3 words of 4 bytes */
        for (unsigned line = 1; line <= 5; line++) {
            send_word(&s, 4, line == 3 ? 50 : line == 5 ? 3 : 99);
            check(&s, "long", n, n, line);
            if (line == 2)
                send(&s, FAULT_TYPE_ACK); /* is no part of it */
        }
    }
    send_word(&s, 6, 0); /* an empty text is a line with its length */
    check(&s, "text", 1, 3, 1);
    send_word(&s, 6, 49); /* 1 + 7 words */
    send_word(&s, 6, 0);
    check(&s, "text", 2, 4, 2);
    send_word(&s, 6, 48);
    check(&s, "text", 3, 5, 1);
    send_word(&s, 4, 0);
    send_word(&s, FAULT_TYPE_GOODBYE, 0); /* in the middle of a message */
    send_word(&s, 4, 0);
    check(&s, "long", 4, 7, 1);
    fault_ring_free(state, s.ring);
    fault_destroy(state);
}

Test(fault, a_rewritten_line_keeps_its_number)
{
    struct fault_state *state = fault_create(&no_rules, &names);
    struct sender s = sender_new(state, CHANNEL);
    for (unsigned i = 0; i < SLOTS + 2; i++)
        send(&s, 3);
    write_slot(&s, 1, 0, 3, 0);
    check(&s, "hello", SLOTS + 2, SLOTS + 2, 1);
    cr_expect_eq(s.message.attempt, 2);
    write_slot(&s, 4, 1, 3, 0);
    check(&s, "hello", 5, 5, 1);
    write_slot(&s, 4, 1, 3, 0);
    cr_expect_eq(s.message.attempt, 3);
    write_slot(&s, 4, 0, 3, 0); /* of the next pass: its turn has not come */
    cr_expect_not(s.message.known);
    send(&s, 3);
    check(&s, "hello", SLOTS + 3, SLOTS + 3, 1);
    fault_ring_free(state, s.ring);
    fault_destroy(state);
}

/* ---- choosing ---- */

/* Sends 40 messages, of which every third is a call; bit i: the rule chose message i + 1. */
static uint64_t chosen(const struct fault_rule *rules, size_t count, uint32_t which,
                       const char *channel, uint64_t seed)
{
    const struct fault_rules set = { rules, count, seed };
    struct fault_state *state = fault_create(&set, &names);
    struct sender s = sender_new(state, channel);
    uint64_t bits = 0;
    for (unsigned i = 0; i < 40; i++) {
        send(&s, i % 3 == 2 ? 5 : 3);
        for (size_t f = 0; f < s.decision.count; f++)
            if (s.decision.fire[f].rule == which)
                bits |= 1ull << i;
    }
    fault_ring_free(state, s.ring);
    fault_destroy(state);
    return bits;
}

static uint64_t chosen_by(struct fault_rule rule)
{
    return chosen(&rule, 1, 0, CHANNEL, 7);
}

Test(fault, numbers_choose_messages)
{
    struct fault_rule rule = message_rule("hello");
    struct fault_range nth[] = { { 3, 3 }, { 5, 6 } };
    rule.nth = nth;
    rule.nth_count = 1;
    cr_expect_eq(chosen_by(rule), 1ull << 3);
    rule.nth_count = 2;
    cr_expect_eq(chosen_by(rule), 1ull << 3 | 1ull << 6 | 1ull << 7);
    rule.message = "any";
    cr_expect_eq(chosen_by(rule), 1ull << 2 | 1ull << 4 | 1ull << 5);
    rule.nth_count = 0;
    rule.every = 10;
    cr_expect_eq(chosen_by(rule), 1ull << 9 | 1ull << 19 | 1ull << 29 | 1ull << 39);
    rule.count = 2;
    cr_expect_eq(chosen_by(rule), 1ull << 9 | 1ull << 19);
}

Test(fault, rules_choose_by_cores_channel_and_interface)
{
    struct fault_rule rule = message_rule("any");
    rule.from = 1u << 1;
    rule.to = 1u << 0;
    cr_expect_neq(chosen_by(rule), 0);
    rule.to = 1u << 2;
    cr_expect_eq(chosen_by(rule), 0);
    rule.to = FAULT_ALL_CORES;
    rule.channel.text = "*client.1#1";
    cr_expect_neq(chosen_by(rule), 0);
    rule.channel.text = "*client.1#2";
    cr_expect_eq(chosen_by(rule), 0);
    rule.channel.text = NULL;
    rule.interface = "myappif";
    cr_expect_neq(chosen_by(rule), 0);
    rule.interface = "other";
    cr_expect_eq(chosen_by(rule), 0);
}

Test(fault, what_no_rule_can_choose_is_not_watched)
{
    struct fault_rule rule = message_rule("nothing");
    const struct fault_rules set = { &rule, 1, 1 };
    struct fault_state *state = fault_create(&set, &names);
    cr_expect_null(fault_ring_new(state, CHANNEL, "myappif", 1, 0, SLOTS, false));
    rule.message = "hello";
    struct fault_ring *ring = fault_ring_new(state, CHANNEL, "myappif", 1, 0, SLOTS, false);
    cr_expect_not_null(ring);
    fault_ring_free(state, ring);
    fault_destroy(state);
}

Test(fault, chance_is_a_function_of_seed_rule_and_message)
{
    struct fault_rule rules[2] = { message_rule("any"), message_rule("any") };
    rules[0].probability = rules[1].probability = 0.5;
    rules[1].key = 2;
    uint64_t first = chosen(rules, 2, 0, CHANNEL, 7), second = chosen(rules, 2, 1, CHANNEL, 7);
    cr_expect_neq(first, 0);
    cr_expect_neq(first, (1ull << 40) - 1);
    cr_expect_neq(first, second);
    cr_expect_eq(first, chosen(rules, 1, 0, CHANNEL, 7), "the other rule changes this one");
    cr_expect_eq(second, chosen(rules + 1, 1, 0, CHANNEL, 7), "its place changes a rule");
    cr_expect_neq(first, chosen(rules, 1, 0, CHANNEL, 8));
    cr_expect_neq(first, chosen(rules, 1, 0, "myappif:server.0<-client.1#2", 7));
    rules[0].probability = 0;
    cr_expect_eq(chosen(rules, 1, 0, CHANNEL, 7), 0);
    rules[0].probability = 1;
    cr_expect_eq(chosen(rules, 1, 0, CHANNEL, 7), (1ull << 40) - 1);
}

Test(fault, rules_count_together_in_the_scope_of_the_rule)
{
    struct fault_rule rule = message_rule("hello");
    struct fault_range nth = { 3, 3 };
    rule.nth = &nth;
    rule.nth_count = 1;
    rule.scope_rule = true;
    const struct fault_rules set = { &rule, 1, 1 };
    struct fault_state *state = fault_create(&set, &names);
    struct sender a = sender_new(state, "myappif:s.0<-c.1#1"),
                  b = sender_new(state, "myappif:s.0<-c.1#2");
    send(&a, 3);
    send(&b, 3);
    write_slot(&b, 0, 1, 3, 0); /* again: counted once */
    cr_expect_eq(b.decision.count, 0);
    send(&b, 3);
    cr_expect_eq(b.decision.count, 1);
    send(&a, 3);
    cr_expect_eq(a.decision.count, 0);
    fault_ring_free(state, a.ring);
    fault_ring_free(state, b.ring);
    fault_destroy(state);
}

Test(fault, transmissions_and_lines_are_chosen)
{
    struct fault_rule rule = message_rule("long");
    rule.line = 2;
    rule.attempt = 2;
    const struct fault_rules set = { &rule, 1, 1 };
    struct fault_state *state = fault_create(&set, &names);
    struct sender s = sender_new(state, CHANNEL);
    send(&s, 4);
    send(&s, 4);
    cr_expect_eq(s.decision.count, 0);
    write_slot(&s, 0, 1, 4, 0);
    cr_expect_eq(s.decision.count, 0);
    write_slot(&s, 1, 1, 4, 0);
    cr_expect_eq(s.decision.count, 1);
    rule.attempt = 0;
    write_slot(&s, 1, 1, 4, 0);
    cr_expect_eq(s.decision.count, 1);
    fault_ring_free(state, s.ring);
    fault_destroy(state);
}

Test(fault, rules_follow_rules)
{
    struct fault_rule rules[3] = { message_rule("hello"), message_rule("hello"),
                                   message_rule("hello") };
    struct fault_range third = { 3, 3 }, second = { 2, 2 };
    rules[0].nth = &third;
    rules[0].nth_count = 1;
    rules[1].trigger = FAULT_ON_FIRED;
    rules[1].fired = 0;
    rules[1].action[0].kind = FAULT_CRASH;
    rules[2].after_rule = 0;
    rules[2].until_rule = 2;
    rules[2].nth = &second;
    const struct fault_rules set = { rules, 3, 1 };
    struct fault_state *state = fault_create(&set, &names);
    struct sender s = sender_new(state, CHANNEL);
    send(&s, 3);
    send(&s, 3);
    cr_expect_eq(s.decision.count, 0);
    send(&s, 3);
    cr_assert_eq(s.decision.count, 3);
    cr_expect_eq(s.decision.fire[0].action.kind, FAULT_DROP);
    cr_expect_eq(s.decision.fire[1].action.kind, FAULT_CRASH);
    cr_expect_eq(s.decision.fire[2].rule, 2);
    send(&s, 3);
    cr_expect_eq(s.decision.count, 0);
    fault_quiet(state);
    fault_ring_free(state, s.ring);
    s = sender_new(state, CHANNEL);
    for (unsigned i = 0; i < 3; i++)
        send(&s, 3);
    cr_expect_eq(s.decision.count, 0, "a quiet machine has faults");
    fault_ring_free(state, s.ring);
    fault_destroy(state);
}

Test(fault, actions_are_told_exactly)
{
    struct fault_rule rule = message_rule("hello");
    rule.action[0] = (struct fault_action){ .kind = FAULT_CORRUPT, .count = 5 };
    rule.action[1] = (struct fault_action){ .kind = FAULT_DELAY, .min_ns = 100, .max_ns = 200 };
    rule.action_count = 2;
    const struct fault_rules set = { &rule, 1, 1 };
    struct fault_state *state = fault_create(&set, &names);
    struct sender s = sender_new(state, CHANNEL);
    bool differs = false;
    uint64_t last_delay = 0;
    for (unsigned i = 0; i < 20; i++) {
        send(&s, 3);
        cr_assert_eq(s.decision.count, 2);
        const struct fault_action *corrupt = &s.decision.fire[0].action,
                                  *delay = &s.decision.fire[1].action;
        int bits = 0;
        for (unsigned w = 0; w < FAULT_LINE_WORDS_MAX; w++) {
            bits += __builtin_popcountll(corrupt->flip[w]);
            cr_expect(w < 8 || corrupt->flip[w] == 0, "a bit behind the line");
        }
        cr_expect_eq(bits, 5);
        cr_expect_eq(corrupt->count, 0);
        cr_expect(delay->min_ns >= 100 && delay->min_ns <= 200);
        cr_expect_eq(delay->min_ns, delay->max_ns);
        differs |= i > 0 && delay->min_ns != last_delay;
        last_delay = delay->min_ns;
    }
    cr_expect(differs);
    fault_ring_free(state, s.ring);
    fault_destroy(state);
}

/* ---- other events ---- */

Test(fault, notifications_count_for_each_pair_of_cores)
{
    struct fault_rule rule = message_rule("any");
    struct fault_range nth = { 2, 2 };
    struct fault_decision d;
    rule.trigger = FAULT_ON_IPI;
    rule.ipi = UINT32_MAX;
    rule.nth = &nth;
    rule.nth_count = 1;
    const struct fault_rules set = { &rule, 1, 1 };
    struct fault_state *state = fault_create(&set, &names);
    fault_on_ipi(state, 0, 1, 5, 0, &d);
    cr_expect_eq(d.count, 0);
    fault_on_ipi(state, 1, 0, 5, 0, &d);
    cr_expect_eq(d.count, 0);
    fault_on_ipi(state, 0, 1, 6, 0, &d);
    cr_expect_eq(d.count, 1);
    cr_expect_eq(d.event_number, 2);
    rule.ipi = 5;
    fault_on_ipi(state, 0, 1, 5, 0, &d);
    cr_expect_eq(d.count, 1, "the second of this id");
    rule.ipi = UINT32_MAX;
    rule.to = 1u << 3;
    fault_on_ipi(state, 2, 0, 6, 0, &d);
    fault_on_ipi(state, 2, 0, 6, 0, &d);
    cr_expect_eq(d.count, 0);
    fault_destroy(state);
}

Test(fault, timers_times_and_lines_of_the_console_choose)
{
    struct fault_rule rules[3] = { message_rule("any"), message_rule("any"), message_rule("any") };
    struct fault_range nth = { 2, 2 };
    struct fault_decision d;
    rules[0].trigger = FAULT_ON_TIMER;
    rules[0].to = 1u << 1;
    rules[1].trigger = FAULT_ON_TIME;
    rules[2].trigger = FAULT_ON_CONSOLE;
    rules[2].console.text = "hello";
    rules[2].domain = "myapp";
    rules[0].nth = rules[2].nth = &nth;
    rules[0].nth_count = rules[2].nth_count = 1;
    const struct fault_rules set = { rules, 3, 1 };
    struct fault_state *state = fault_create(&set, &names);
    fault_on_timer(state, 1, 0, &d);
    fault_on_timer(state, 0, 0, &d);
    cr_expect_eq(d.count, 0);
    fault_on_timer(state, 1, 0, &d);
    cr_expect_eq(d.count, 1);
    fault_on_time(state, 1, 5, &d);
    cr_expect_eq(d.count, 1);
    fault_on_console(state, 0, "myapp", "say hello", 0, &d);
    fault_on_console(state, 0, "other", "say hello", 0, &d);
    fault_on_console(state, 0, "myapp", "silence", 0, &d);
    cr_expect_eq(d.count, 0);
    fault_on_console(state, 0, "myapp", "hello again", 0, &d);
    cr_expect_eq(d.count, 1);
    cr_expect_eq(fault_fired(state, 2), 1);
    fault_destroy(state);
}

Test(fault, system_calls_are_counted_by_each_rule_for_each_core)
{
    struct fault_rule rules[2] = { message_rule("any"), message_rule("any") };
    struct fault_range nth = { 2, 2 };
    struct fault_decision d;
    for (unsigned r = 0; r < 2; r++) {
        rules[r].trigger = FAULT_ON_SYSCALL;
        rules[r].syscall = r == 0 ? 1 : UINT32_MAX;
        rules[r].cores = 3;
        rules[r].nth = &nth;
        rules[r].nth_count = 1;
    }
    rules[1].domain = "myapp";
    const struct fault_rules set = { rules, 2, 1 };
    struct fault_state *state = fault_create(&set, &names);
    fault_on_syscall(state, 0, "myapp", 1, 0, &d); /* the first for both */
    cr_expect_eq(d.count, 0);
    fault_on_syscall(state, 1, "myapp", 1, 0, &d); /* of another core */
    fault_on_syscall(state, 2, "myapp", 1, 0, &d); /* of a core that is not looked at */
    fault_on_syscall(state, 0, "other", 6, 0, &d); /* of another kind and domain */
    cr_expect_eq(d.count, 0);
    fault_on_syscall(state, 0, "other", 1, 0, &d);
    cr_assert_eq(d.count, 1);
    cr_expect_eq(d.fire[0].rule, 0);
    fault_on_syscall(state, 0, "myapp", 6, 0, &d);
    cr_assert_eq(d.count, 1);
    cr_expect_eq(d.fire[0].rule, 1);
    cr_expect_eq(d.event_number, 2);
    fault_destroy(state);
}
