/* SPDX-License-Identifier: MIT
 *
 * Agreement on the death of cores: what one monitor knows, and what follows from what it hears
 * (docs/agreement.md has states, messages and why no two sides kill each other; the model is
 * tests/models/agreement.pml).  Pure: no clock, no channel, no power device.  The caller says what
 * was heard and when a tick has passed, and does what comes of it.
 */
#ifndef MONITOR_AGREEMENT_H
#define MONITOR_AGREEMENT_H

#include <barrelfish_kpi/types.h>

#include <stdbool.h>
#include <stdint.h>

#define AGREEMENT_CORES 64
#define AGREEMENT_SILENT_TICKS 8 /* without a word of a member: it is suspected */
#define AGREEMENT_JOIN_TICKS 200 /* of one that has not spoken yet: it may be connecting */
#define AGREEMENT_LINK_TICKS 100 /* the same, if it is all that keeps this one from speaking */

enum agreement_state {
    AGREEMENT_CALM,       /* no suspects */
    AGREEMENT_SUSPECTING, /* votes of the own side are missing, or it is too small */
    AGREEMENT_DECIDED,    /* all of the side have voted: its lowest core fences the suspects */
    AGREEMENT_FENCED,     /* that is done, and all members are to hear of it */
};

/* What monitors say to each other with every heartbeat, as sets of cores: report and vote. */
struct agreement_words {
    uint32_t epoch;    /* joins that the speaker knows of */
    uint64_t members;  /* not dead, itself among them */
    uint64_t suspects; /* of these */
    uint64_t view;     /* dead */
};

struct agreement {
    coreid_t me, starter; /* the starter announces who joins */
    enum agreement_state state;
    struct agreement_words is; /* own words */
    uint64_t votes;            /* of the own side, for `is`, since it is so */
    uint64_t linked;           /* members to which there is a channel */
    uint64_t heard;            /* since the last tick */
    uint64_t spoken;           /* ever, in this life */
    bool connected;            /* it has had channels to all members that it did not suspect */
    uint64_t died;             /* new in the view; for the caller to take */
    bool changed;              /* `is`, or the state: the others should hear of it at once */
    uint32_t joined[AGREEMENT_CORES];  /* the epoch of its last join */
    uint16_t silent[AGREEMENT_CORES];  /* ticks without a word */
    uint16_t accuses[AGREEMENT_CORES]; /* ticks in which it suspected somebody that was heard */
    uint64_t accused[AGREEMENT_CORES]; /* whom it suspects, as it has said last */
};

/* The only member is the own core, until others join. */
void agreement_init(struct agreement *a, coreid_t me, coreid_t starter);

/* The own core is new: these are the members that the starter knows, in this epoch. */
void agreement_welcome(struct agreement *a, uint32_t epoch, uint64_t members);
/* The starter announces a new core, or one in a new life: an old one is dead by that. */
void agreement_join(struct agreement *a, coreid_t core, uint32_t epoch);
/* There is a channel to a member. */
void agreement_link(struct agreement *a, coreid_t core);

/* A core that cannot reach all members yet says nothing, and has no vote. */
bool agreement_may_speak(const struct agreement *a);

/* Members of the own side that have not spoken since the last tick. */
uint64_t agreement_silent(const struct agreement *a);

/* A heartbeat has passed.  The core has run meanwhile, or it would not know.  waited: cores that
 * the host has not let run meanwhile; that they were silent does not count. */
void agreement_tick(struct agreement *a, uint64_t waited);
/* Another core has said this. */
void agreement_hear(struct agreement *a, coreid_t from, const struct agreement_words *words);

/* It may be silent for as long as one that joins: until it speaks again. */
void agreement_excuse(struct agreement *a, coreid_t core);

/* Cores that this one is to fence, now: it is the lowest of a side that has decided.  0: none. */
uint64_t agreement_to_fence(const struct agreement *a);
/* They are fenced. */
void agreement_fenced(struct agreement *a, uint64_t cores);

/* The starter has stopped a core on purpose; it is fenced. */
void agreement_stopped(struct agreement *a, coreid_t core);

/* Takes the cores that have died since the last call. */
uint64_t agreement_take_died(struct agreement *a);
/* Is there something that the others have not heard?  Asked once for each change. */
bool agreement_take_changed(struct agreement *a);

#endif
