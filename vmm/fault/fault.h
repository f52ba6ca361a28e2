/* SPDX-License-Identifier: MIT
 *
 * Faults on purpose: rules, and what they decide.
 *
 * Pure: (rules, what has been counted, event) -> actions.  No I/O, no thread, no engine, no clock;
 * so tests call it without a machine, and every engine decides alike.  The machine tells of events
 * (a line of a ring was written, an interrupt was asked for, a time has come) and carries out what
 * is decided.
 *
 * A rule that chooses a message is keyed by (channel, message, number, transmission), never by time
 * or by what other rules did: taking one rule away leaves the others bound to the same messages.
 * Chance is a hash of seed, rule and that key, not the next draw of a sequence.
 */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/layout.h"
#include "fault/names.h"

#define FAULT_RULES_MAX 20000
#define FAULT_ACTIONS_MAX 8      /* of one rule */
#define FAULT_FIRES_MAX 32       /* actions that one event can cause */
#define FAULT_LINE_BYTES_MAX 128 /* of a ring's line */
#define FAULT_LINE_WORDS_MAX (FAULT_LINE_BYTES_MAX / 8)
#define FAULT_STALE_MAX 4   /* how far back the contents of a slot are kept */
#define FAULT_NAME_MAX 48   /* of a rule */
#define FAULT_DOMAIN_MAX 15 /* name of a domain, without its core */
#define FAULT_CHANNEL_NAME_MAX 160
#define FAULT_ALL_CORES (~0ull)
#define FAULT_NO_RULE UINT32_MAX

/* ---- rules ---- */

enum fault_trigger {
    FAULT_ON_MESSAGE, /* a line was written */
    FAULT_ON_IPI,     /* a core asks for a notification of another */
    FAULT_ON_TIMER,   /* a core sets its timer */
    FAULT_ON_TIME,    /* machine time */
    FAULT_ON_CONSOLE, /* a line was said */
    FAULT_ON_FIRED,   /* another rule fired */
    FAULT_ON_SYSCALL, /* a domain makes a system call */
};

enum fault_action_kind {
    FAULT_DROP,      /* line, IPI: it never happens */
    FAULT_DELAY,     /* line, IPI: it happens min_ns .. max_ns later */
    FAULT_DUPLICATE, /* line: again in the next slot; IPI: twice */
    FAULT_REORDER,   /* line: visible after `count` later lines */
    FAULT_CORRUPT,   /* line: bits flipped: those of `flip`, or `count` chosen by the hash */
    FAULT_TEAR,      /* line: `words` visible first, the rest min_ns later */
    FAULT_STALE,     /* line: the content that the slot had `count` contents ago */
    FAULT_MISROUTE,  /* IPI: to `core` instead */
    FAULT_LATE,      /* timer: fires min_ns later */
    FAULT_EARLY,     /* timer: fires min_ns earlier */
    FAULT_LOST,      /* timer: does not fire */
    FAULT_SPURIOUS,  /* `count` interrupts without a reason to `core`, every min_ns */
    FAULT_SKEW,      /* clock of `core` runs faster by `amount` ppm */
    FAULT_JUMP,      /* clock of `core` jumps by `amount` ns */
    FAULT_STALL,     /* cores of the set stand still for min_ns */
    FAULT_CRASH,     /* cores of the set never run again */
    FAULT_RESTART,   /* they crash, if they have not, and can be started anew */
    FAULT_PARTITION, /* no line and no IPI between the sides, for min_ns, or until healed (0) */
    FAULT_HEAL,      /* ends all partitions */
    FAULT_FLIP,      /* bit `count` of the memory at guest-physical `address` changes; with
                      * `domain`: of its memory at the virtual `address`, where `symbol` lies */
    FAULT_KILL,      /* `domain` ends as by a fault of its own */
    FAULT_NO_MEMORY, /* the memory servers of the set refuse the next `count` allocations */
    FAULT_ACTIONS
};

/* "drop", "delay", ...: as written in a scenario. */
extern const char *const fault_action_name[FAULT_ACTIONS];

struct fault_action {
    enum fault_action_kind kind;
    uint64_t min_ns, max_ns;
    uint32_t count;
    uint32_t words; /* bit w: word w */
    uint32_t core;
    uint64_t address;
    int64_t amount;
    uint64_t cores;
    uint64_t flip[FAULT_LINE_WORDS_MAX];
    const char *domain; /* "myapp.1": name and core; lives as long as the rule, like the symbol */
    const char *symbol;
    bool of_kernel;   /* FLIP: `domain` is the CPU driver of that core; filled in like `address` */
    const char *note; /* filled in like this: what of it does not happen on this engine; or NULL */
    const char *in_vain; /* filled in by who carried it out: why it had no effect; NULL: it had */
    uint8_t
        side[ABI_MAX_CORES]; /* PARTITION: cores of the same number hear each other; 0: hears all */
};

struct fault_range {
    uint64_t first, last;
};

/* What a rule looks for; NULL: anything. */
struct fault_pattern {
    const char *text;
    bool regex;     /* POSIX extended; else a glob (channel) or contained text (console) */
    void *compiled; /* a regex_t of tre, of whoever made the rule; NULL if not regex */
};

struct fault_rule {
    const char *name;
    uint64_t key; /* of its name or content, never of its place: chance depends on it */
    enum fault_trigger trigger;
    /* MESSAGE */
    const char *message; /* name, "any", "$any", "$ack", ... */
    const char *interface;
    struct fault_pattern channel;
    uint32_t line;    /* n-th line of the message, from 1 */
    uint32_t attempt; /* transmission, from 1; 0: any */
    /* MESSAGE, IPI; TIMER uses `to` */
    uint64_t from, to; /* sets of cores */
    uint32_t ipi;      /* notification id; UINT32_MAX: any */
    /* TIME */
    uint64_t at_ns;
    /* CONSOLE */
    struct fault_pattern console;
    /* CONSOLE, SYSCALL */
    uint64_t cores;
    const char *domain;
    /* SYSCALL */
    uint32_t syscall; /* UINT32_MAX: any */
    /* FIRED */
    uint32_t fired;

    /* Which of them: all that are given must agree. */
    const struct fault_range *nth;
    size_t nth_count;
    uint64_t every;              /* 0: not given */
    double probability;          /* negative: not given */
    uint64_t count;              /* most firings; 0: no limit */
    bool scope_rule;             /* numbers count what this rule sees, in all channels together */
    uint64_t after_ns, until_ns; /* 0, UINT64_MAX: not given */
    uint32_t after_rule, until_rule;
    bool optional;

    struct fault_action action[FAULT_ACTIONS_MAX];
    size_t action_count;
};

struct fault_rules {
    const struct fault_rule *rule;
    size_t count;
    uint64_t seed;
};

/* ---- channels ---- */

enum fault_side { FAULT_SERVER, FAULT_CLIENT }; /* who writes the ring */

struct fault_end {
    const char *name; /* of the domain */
    unsigned core;
};

/* Writes "interface:server.core<-client.core#k". */
void fault_channel_name(char name[FAULT_CHANNEL_NAME_MAX], const char *interface,
                        const struct fault_end *server, const struct fault_end *client, unsigned k);

/* ---- state ---- */

struct fault_state;
struct fault_ring; /* one direction of a channel, as far as rules count in it */

/* The rules and names must live as long as the state.  NULL: no memory. */
struct fault_state *fault_create(const struct fault_rules *rules, const struct fault_names *names);
void fault_destroy(struct fault_state *state);

/* Does any rule look for this? */
bool fault_looks_for(const struct fault_rules *rules, enum fault_trigger trigger);

/* How often a rule has fired. */
uint64_t fault_fired(const struct fault_state *state, uint32_t rule);

/* From now on nothing fires. */
void fault_quiet(struct fault_state *state);

/* Can any action part cores, now or later?  Then lines between all cores must be seen. */
bool fault_parts_cores(const struct fault_state *state);

/* The ring of `slots` lines that `from` writes and `to` reads, if a rule can ever fire there or
 * `always`; else NULL.  `channel` and `interface` are copied. */
struct fault_ring *fault_ring_new(struct fault_state *state, const char *channel,
                                  const char *interface, unsigned from, unsigned to, unsigned slots,
                                  bool always);
void fault_ring_free(struct fault_state *state, struct fault_ring *ring);

/* Can no rule fire in this ring any more, whatever comes?  True stays true. */
bool fault_ring_is_done(const struct fault_state *state, const struct fault_ring *ring,
                        uint64_t now_ns);

/* ---- events ---- */

/* A line whose commit word is being written. */
struct fault_line {
    unsigned slot;
    unsigned epoch; /* 0 or 1 */
    unsigned type;
    const uint64_t *word; /* content */
    unsigned words;
};

/* What is known of a line: its key. */
struct fault_message {
    char name[48];    /* "hello", "$ack", "type 9" */
    uint64_t number;  /* of messages of this name in this ring, from 1 */
    uint64_t any;     /* of messages of any name */
    uint64_t lines;   /* of lines */
    uint32_t line;    /* of the message, from 1 */
    uint32_t attempt; /* transmission, from 1 */
    bool last;        /* a first transmission, and no line of this message follows */
    bool known;       /* it is part of the protocol; else nothing of this counts */
};

/* One action to be carried out, with everything that was left to chance decided. */
struct fault_fire {
    uint32_t rule;
    uint64_t firing; /* of this rule, from 1 */
    uint64_t number; /* that the rule chose */
    struct fault_action action;
};

struct fault_decision {
    size_t count;
    uint64_t event_number; /* of a notification between two cores, of a timer's setting, of a
                            * core's system calls of this kind; from 1 */
    struct fault_fire fire[FAULT_FIRES_MAX];
};

void fault_on_line(struct fault_state *state, struct fault_ring *ring,
                   const struct fault_line *line, uint64_t now_ns, struct fault_message *message,
                   struct fault_decision *decision);
void fault_on_ipi(struct fault_state *state, unsigned from, unsigned to, unsigned id,
                  uint64_t now_ns, struct fault_decision *decision);
void fault_on_timer(struct fault_state *state, unsigned core, uint64_t now_ns,
                    struct fault_decision *decision);
void fault_on_time(struct fault_state *state, uint32_t rule, uint64_t now_ns,
                   struct fault_decision *decision);
void fault_on_console(struct fault_state *state, unsigned core, const char *domain,
                      const char *text, uint64_t now_ns, struct fault_decision *decision);

void fault_on_syscall(struct fault_state *state, unsigned core, const char *domain, unsigned number,
                      uint64_t now_ns, struct fault_decision *decision);

/* Is it in the line, as the pattern of FAULT_ON_CONSOLE? */
bool fault_console_matches(const struct fault_pattern *pattern, const char *line);

/* A hash of text, the same on every machine: for fault_rule.key. */
uint64_t fault_hash_text(const char *text);

/* Does the glob match all of the text?  `*`, `?`; everything else stands for itself. */
bool fault_glob(const char *glob, const char *text);

#endif
