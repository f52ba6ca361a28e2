/* SPDX-License-Identifier: MIT
 *
 * The machine's side of faults: the channels it knows by name, the lines it sees being written,
 * what it holds back, and everything else that rules do to a machine.  What is to be done is
 * decided by vmm/fault; here it is carried out.
 *
 * All functions are called with the machine's lock held.
 */
#ifndef VMM_MACHINE_FABRIC_H
#define VMM_MACHINE_FABRIC_H

#include "fault/far_memory.h"
#include "fault/fault.h"
#include "machine/event_queue.h"
#include "machine/machine.h"

/* One direction of a channel. */
struct fabric_ring {
    uint64_t sent, acked;     /* lines, if channels are checked */
    struct fault_ring *count; /* NULL: nothing can happen here */
    uint64_t base;
    unsigned lines;     /* message lines; the control line follows */
    unsigned core;      /* of the writer */
    uint32_t notify_id; /* wakes the writer */
    bool *open;         /* for each slot: a line is being filled, and `old` is what it held */
    uint64_t *old;      /* both NULL if nothing can happen here */
    uint64_t head;      /* ABI_COMMIT_HEAD: lines that the writer has committed */
    struct fabric_journey *journey; /* messages on their way (messages.c); NULL: nobody asks */
    unsigned journey_first, journey_count;
    uint64_t lines_written, lines_read; /* as far as `journey` goes */
    uint64_t *left;    /* pumped: what is left of each slot's commit word in its writer's view */
    unsigned next;     /* the slot in which the next line is expected there */
    uint64_t *history; /* FAULT_STALE_MAX contents of each slot, latest first; NULL: not needed */
};

struct fabric_channel {
    bool used, watched;
    bool retired;    /* since the engine was last told */
    bool disturbed;  /* by a fault: it is not checked any more */
    bool ended;      /* with the life of a core at one of its ends */
    bool split;      /* its ends see different memory, and we carry lines (pump.c) */
    unsigned second; /* the end that sees the second view */
    uint64_t record; /* its address names the channel */
    char name[FAULT_CHANNEL_NAME_MAX];
    struct abi_line_layout layout;
    struct fabric_ring ring[2];
};

/* A line that is not visible yet, or not whole. */
struct fabric_held {
    bool used;
    bool parted;      /* until the partition heals */
    uint32_t later;   /* until so many later lines are visible; 0: a time decides */
    uint32_t channel; /* index */
    uint32_t side, slot;
    uint32_t words;  /* those to be stored */
    uint64_t event;  /* of fabric.queue; 0: none */
    unsigned copies; /* in the slots behind it */
    uint64_t head;   /* ABI_COMMIT_HEAD: what makes it visible */
    struct machine_message message;
    uint64_t word[FAULT_LINE_WORDS_MAX];
};

struct fabric_pair { /* how often these have bound */
    char name[FAULT_CHANNEL_NAME_MAX];
    unsigned binds;
};

/* A clock that does not go as the machine's. */
struct fabric_clock {
    int64_t offset_ns; /* at `since_ns` */
    int64_t ppm;
    uint64_t since_ns;
};

struct fabric {
    struct fault_names names;
    struct fault_state *faults; /* NULL: no rules */
    size_t rule_count;
    bool see_all; /* partitions: every line between cores counts */
    bool keep_history;
    bool watch;              /* all rings, for messages.c */
    bool check;              /* that channels keep their order (channel_check.c) */
    char check_problem[256]; /* the first that did not, "": none */

    struct fabric_channel *channel;
    size_t channel_count;
    size_t last_hit;
    struct fabric_pair *pair;
    size_t pair_count;
    struct fabric_held *held;
    size_t held_count;

    struct machine_message last_sent[ABI_MAX_CORES], last_shown[ABI_MAX_CORES];

    struct interconnect *net; /* NULL: cores see each other's stores at once */
    struct far_memory *far;   /* NULL: loads take no time of their own */

    bool parted;
    uint8_t side[ABI_MAX_CORES];
    uint64_t heal_event;
    struct fabric_clock clock[ABI_MAX_CORES];
    bool stopped[ABI_MAX_CORES]; /* stalled or crashed */
    uint64_t resume_event[ABI_MAX_CORES];
    bool quiet_begun;

    bool retired; /* channels of which the engine does not know yet that they are watched no more */

    struct event_queue queue; /* of its own: what never happens shall leave no trace */
};

/* Kinds of events in fabric.queue. */
enum fabric_event {
    FABRIC_SHOW = EVENT_USER, /* argument: index of the held line */
    FABRIC_TIME,              /* argument: rule */
    FABRIC_CAUSE,             /* argument: notification id; core */
    FABRIC_RESUME,            /* core */
    FABRIC_HEAL,
    FABRIC_QUIET,     /* faults end */
    FABRIC_QUIET_END, /* and so does the run */
};

/* Makes the fabric of a machine; -ENOMEM. */
int fabric_create(struct machine *machine);
void fabric_destroy(struct machine *machine);

/* The machine is switched on. */
void fabric_power_on(struct machine *machine);

/* ---- fabric.c: channels ---- */

/* A record has changed.  *paddr, *bytes: pages about which the engine must ask again. */
void fabric_channel_changed(struct machine *machine, uint64_t record, const struct abi_channel *is,
                            unsigned by, uint64_t now_ns, uint64_t *paddr, uint64_t *bytes);

/* The core is started anew. */
void fabric_restart_core(struct machine *machine, unsigned core);

/* The core is fenced: its lines that are held back are lost.  Its channels are of an earlier life
 * from now on.  Others may still read them, so they are forgotten when the core starts anew; those
 * that its starter has named meanwhile are for the new life. */
void fabric_end_life(struct fabric *f, unsigned core);
void fabric_forget_ended(struct machine *machine, unsigned core);

/* A channel in which nothing can happen any more is not watched from here on.  All such channels,
 * when the faults have ended. */
void fabric_retire(struct fabric *f, struct fabric_channel *c, uint64_t now_ns);
void fabric_retire_all(struct fabric *f, uint64_t now_ns);

/* Widens *paddr, *bytes (0: nothing yet) by the pages of the channel's rings. */
void fabric_pages(const struct fabric_channel *c, uint64_t *paddr, uint64_t *bytes);

/* Pages of the next channel that is watched no more, 0: none.  The machine tells the engine when it
 * has let go of the lock, of each channel apart: between them may lie thousands of pages. */
uint64_t fabric_take_changed(struct fabric *f, uint64_t *paddr);

/* ---- lines.c ---- */

/* A store to the window that was trapped.  False: it is not to a watched line, and still to be
 * done. */
bool fabric_store(struct machine *machine, unsigned core, uint64_t paddr, const void *data,
                  unsigned bytes, uint64_t now_ns);

/* A line of a ring that its reader does not see by itself: decides, and shows what is to be shown
 * now.  head: with ABI_COMMIT_HEAD, lines committed with it. */
void fabric_carry(struct machine *machine, size_t channel, unsigned side, unsigned slot,
                  const uint64_t *line, uint64_t head, uint64_t now_ns);

void fabric_show(struct machine *machine, size_t held, uint64_t now_ns);
void fabric_show_all(struct machine *machine, bool only_parted, uint64_t now_ns);

/* ---- line_words.c ---- */

/* A line of the ring of `side`, or its control line behind all others, as its reader sees it or as
 * its writer does.  The same memory unless the channel is split. */
uint64_t *fabric_line(const struct machine *machine, const struct fabric_channel *c, unsigned side,
                      unsigned slot, bool writer);

/* The slots' content as its writer last left it; history is kept. */
const uint64_t *fabric_last_written(const struct fabric_channel *c, unsigned side, unsigned slot);

/* ---- messages.c ---- */

/* From now on the way of each message in this ring is told.  (Without memory it is not.) */
void messages_watch(struct fabric_ring *ring);
/* What is still on its way in it is told as left. */
void messages_forget(struct machine *machine, struct fabric_ring *ring);

/* A line was written; `message` is what it begins, if it begins one.  ack_word: the word in which
 * its writer says how much it has read. */
void messages_line(struct machine *machine, struct fabric_channel *c, unsigned side,
                   const struct fault_message *line, const struct machine_message *message,
                   uint64_t ack_word, uint64_t now_ns);
/* The handler of this message, which came through the ring that begins there, begins. */
void messages_handled(struct fabric *f, uint64_t ring_base, const char *message, uint64_t now_ns);
void messages_shown(struct fabric_channel *c, unsigned side, uint64_t any, uint64_t now_ns);

/* ---- channel_check.c ---- */

/* A line was written; `fired`: a rule has chosen it. */
void fabric_check_line(struct fabric *f, struct fabric_channel *c, unsigned side,
                       const struct fault_line *line, const struct fault_message *message,
                       uint64_t ack_word, bool fired);

/* ---- disturb.c: everything else ---- */

/* The core never runs again, and nothing that it wrote is shown later. */
void fabric_kill_core(struct machine *machine, unsigned core);

/* Carries out what is no matter of one line, IPI or timer. */
/* What was decided is done, and told of. */
void fabric_act_and_tell(struct machine *machine, struct fault_decision *decision,
                         struct fault_injection *injection, uint64_t now_ns);

/* harm.c: what is done to programs; returns why it cannot be, NULL if it was.  Each core is told of
 * the system calls that rules look for; one is made. */
const char *fabric_harm(struct machine *machine, const struct fault_action *action);
void fabric_watch_syscalls(struct machine *machine);
void fabric_syscall(struct machine *machine, unsigned core, uint32_t number, uint64_t speaker,
                    uint64_t now_ns);

void fabric_act(struct machine *machine, struct fault_fire *fire, uint64_t now_ns);

/* How long what a core sends to another is on its way; takes the links meanwhile. */
uint64_t fabric_latency(struct fabric *fabric, unsigned from, unsigned to, unsigned bytes,
                        uint64_t now_ns);

/* Are these cores on different sides of a partition? */
bool fabric_is_parted(const struct fabric *fabric, unsigned a, unsigned b);

/* Notification `id` from a core to another: the fault rules decide. */
void fabric_ipi(struct machine *machine, unsigned from, unsigned to, unsigned id, uint64_t now_ns);

/* When the timer of a core that was set to `at_ns` is to fire; 0: never. */
uint64_t fabric_timer(struct machine *machine, unsigned core, uint64_t at_ns, uint64_t now_ns);

void fabric_console(struct machine *machine, const struct machine_console_line *line);

/* An event of fabric.queue. */
void fabric_event(struct machine *machine, const struct event *event, uint64_t now_ns);

/* The clock that a core reads, and back. */
uint64_t fabric_clock(const struct machine *machine, unsigned core, uint64_t now_ns);
uint64_t fabric_machine_time(const struct machine *machine, unsigned core, uint64_t clock_ns);

/* Has any fault happened, or is anything on its way all the time?  Until then this is no part of
 * the machine's state. */
bool fabric_has_happened(const struct fabric *fabric);

/* Feeds what a run depends on from here: what is held back, who stands still, clocks, firings. */
void fabric_feed(const struct fabric *fabric, machine_feed *feed, void *context);

/* Tells the sink. */
void fabric_tell(struct machine *machine, struct fault_injection *injection,
                 const struct fault_fire *fire, uint64_t now_ns);

/* machine.c: sets cause bits of a core, and a notification or none, and kicks it unless it holds
 * them. */
#define MACHINE_NO_NOTIFY UINT32_MAX
void machine_notify(struct machine *machine, unsigned core, uint32_t bits, uint32_t notify_id);

#endif
