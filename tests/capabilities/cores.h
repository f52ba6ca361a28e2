/* SPDX-License-Identifier: MIT
 *
 * Several cores in one process, as far as capabilities go: of each the real CPU driver with its two
 * databases, and of its monitor the parts that carry capabilities (kept.c, capops.c, parcel.c).
 * Each copy has every name local but one (mk/tests.mk).
 *
 *   kernel_copy.c   the CPU driver, entered by its system calls
 *   monitor_copy.c  what the monitor's parts ask of the rest of it and of the library
 *   cores.c         messages between the cores, and what a program does: the library's retries
 */
#ifndef TEST_CAPABILITIES_CORES_H
#define TEST_CAPABILITIES_CORES_H

#include <stdbool.h>
#include <stdint.h>

#define CORES 3
#define DOMAIN_SLOTS 64 /* of the CNode in which both have their capabilities, the domain's first */
#define ALL_SLOTS 256
#define CALL_WORDS 10

/* A capability as a test sees it: what is in a slot, or in a database. */
struct seen {
    uint64_t base, bytes;
    uint8_t type, generation, rights, owner;
    bool kept;
    uint8_t slot; /* of seen_in_slot() */
};

struct kernel_copy {
    void (*start)(unsigned core);
    /* A system call of the one program there.  A word that is `buffer` is an address of 64 bytes
     * that the CPU driver reads or writes. */
    uint64_t (*call)(uint64_t cptr, unsigned level, const uint64_t *words, void *buffer,
                     uint64_t *value);
    bool (*in_slot)(unsigned slot, struct seen *ret); /* false: it is empty */
    unsigned (*all)(struct seen *list, unsigned room);
    const char *(*broken_rule)(void); /* of the databases; NULL: none */
};

enum message_kind {
    FETCH_REQUEST,
    FETCH_REPLY,
    RELEASE_REQUEST,
    RELEASE_REPLY,
    REQUEST_COPY,
    REQUEST_RETYPE,
    RETYPE_RESPONSE,
    REVOKE_MARK,
    REVOKE_DONE,
};

/* What goes from one monitor to another; each kind uses some of the fields. */
struct message {
    struct message *next;
    enum message_kind kind;
    uint64_t ticket, err, base, bytes;
    uint64_t cap[4];
    unsigned core;
    bool yes;
    uint8_t outcome;
};

enum request { REVOKE, RETYPE, COLLECT };

struct monitor_copy {
    void (*start)(unsigned core);
    void (*deliver)(unsigned from, const struct message *m);
    bool (*run_event)(void); /* false: there is none */
    /* Puts what is in the domain's slot into a parcel.  given: the slot is emptied. */
    uint64_t (*deposit)(unsigned slot, bool given, uint64_t *ticket);
    /* Asks; the answer is there when `answered`. */
    void (*ask)(enum request request, unsigned slot, uint64_t offset, uint64_t bytes_or_ticket);
    bool (*answered)(uint64_t *err);
    void (*release_unused)(void);
    unsigned (*slots_used)(void);
    void (*program_ends)(void); /* what lies in parcels of it is dropped */
    void (*core_died)(unsigned core);
    bool (*holds_of)(unsigned core);      /* has it something that the dead core owned? */
    void (*core_given_up)(unsigned core); /* nobody has any more */
};

/* ---- cores.c ---- */

void cores_start(void);
void cores_send(unsigned from, unsigned to, const struct message *m);
extern bool cores_lie; /* a fault to be found: each core says that it does not use what it has */

/* What a program on the core does; errors are those of the library.  The order of messages and
 * events is `random`'s.  All come to rest before they return. */
uint64_t program_copy(unsigned core, unsigned from, unsigned to);
uint64_t program_delete(unsigned core, unsigned slot);
uint64_t program_retype(unsigned core, unsigned from, unsigned to, uint64_t offset, unsigned type,
                        uint64_t bytes);
uint64_t program_revoke(unsigned core, unsigned slot);
uint64_t program_send(unsigned core, unsigned slot, bool given, unsigned to, unsigned to_slot);
void program_release_unused(unsigned core);
extern uint64_t cores_random;

/* What is done on another core while a program's next request is under way, once, after some
 * messages and events; then it is NULL again. */
extern void (*cores_meanwhile)(void);

/* It is fenced, and what it has sent and is to get is lost; the others hear of it at once.  A
 * program there that waits is told MON_ERR_CORE_DEAD. */
void core_dies(unsigned core);
bool core_lives(unsigned core);
/* False: some core has still something of the dead one. */
bool core_is_given_up(unsigned dead);
void programs_end(void); /* where somebody lives */

bool seen_in_slot(unsigned core, unsigned slot, struct seen *ret);
/* Do the rules hold, on each core and of all?  NULL: yes. */
const char *cores_broken_rule(void);

#endif
