/* SPDX-License-Identifier: MIT
 *
 * What a dispatcher waits for: written by the user library into its dispatcher frame, read by the
 * machine when it must explain why nothing happens, or why a domain ended.
 *
 * The frame is found through abi_dcb_head.disp_frame; the table lies ABI_WAIT_OFFSET behind its
 * beginning.  A thread's entry is written when it blocks, not while it runs, so it costs nothing
 * where a message is there already.  Strings end with a zero unless they fill their field.  A
 * program may write anything here: the reader checks every number and believes nothing.  A
 * dispatcher without the library has no ABI_WAIT_MAGIC, and nothing is said about its threads.
 */
#ifndef ABI_WAIT_TABLE_H
#define ABI_WAIT_TABLE_H

#include <stdint.h>

#define ABI_WAIT_OFFSET 0x9000
#define ABI_WAIT_MAGIC 0x54494157 /* "WAIT" */
#define ABI_WAIT_VERSION 1

#define ABI_WAIT_THREADS 16
#define ABI_WAIT_EXPORTS 16
#define ABI_WAIT_CALLERS 12
#define ABI_WAIT_NAME_BYTES 24

/* The eight bytes before the kernel's part of an LMP endpoint: the guest-virtual address of the
 * name of its interface, with this bit if the receiver is the server; 0: it has none. */
#define ABI_ENDPOINT_SERVER (1ull << 63)

/* Kinds: name, number, meaning of the fields. */
#define ABI_WAIT_KINDS(X)                                                              \
    X(NOTHING, 0, "it runs, or would if it had the core")                              \
    X(EVENT, 1, "any event of waitset `object`; other: 1 if it has a channel, else 0") \
    X(REPLY, 2, "the reply `message` of `interface`; other: iref that was bound")      \
    X(SEND, 3, "room to send `message` of `interface`; other: as REPLY")               \
    X(TURN, 4, "a binding of `interface` that sends another message; other: as REPLY") \
    X(CHANNEL, 5, "the event of channel `object`; other: its type")                    \
    X(SLEEP, 6, "until_ns")                                                            \
    X(MUTEX, 7, "mutex `object`; other: id of the thread that holds it")               \
    X(CONDITION, 8, "a signal of condition variable `object`")                         \
    X(SEMAPHORE, 9, "semaphore `object`")                                              \
    X(JOIN, 10, "the end of a thread; other: its id")                                  \
    X(PAUSED, 11, "thread_resume")                                                     \
    X(EVENT_MUTEX, 12, "event mutex `object`")

enum abi_wait_kind {
#define X(name, number, text) ABI_WAIT_##name = number,
    ABI_WAIT_KINDS(X)
#undef X
};

struct abi_wait_thread {
    uint32_t id; /* 0: the entry is free */
    uint32_t kind;
    uint64_t object;   /* virtual address */
    uint64_t at;       /* return address of the call that blocks, 0: not known */
    uint64_t until_ns; /* guest time at which the dispatcher's next timer rings; 0: none, or only
                        * timers for heartbeats and the like, for which nobody waits */
    uint32_t other;
    uint32_t pad;
    char interface[ABI_WAIT_NAME_BYTES], message[ABI_WAIT_NAME_BYTES];
};

struct abi_wait_export {
    uint32_t iref; /* 0: the entry is free */
    uint32_t pad;
    char interface[ABI_WAIT_NAME_BYTES];
};

/* Why the domain is being ended by a fault.  Complete when `thread` is not 0. */
struct abi_wait_crash {
    uint32_t thread, vector; /* thread: id + 1 */
    uint64_t error, address;
    uint64_t rip, rsp, rflags;
    uint64_t reg[15];                  /* rax rbx rcx rdx rsi rdi rbp r8 .. r15 */
    uint64_t caller[ABI_WAIT_CALLERS]; /* return addresses, innermost first; 0: no more */
};

struct abi_wait_table {
    uint32_t magic;
    uint16_t version, threads_left_out; /* the latter had no room: 0 or more */
    /* Where the library keeps a binding's channel, that channel's LMP endpoint or UMP receive ring,
     * and the kernel's part of the endpoint: offsets of pointers in their structures, the last one
     * of the part itself.  All zero: there are no bindings. */
    uint16_t binding_channel, channel_endpoint, channel_ring, endpoint_kern;
    struct abi_wait_thread thread[ABI_WAIT_THREADS];
    struct abi_wait_export exported[ABI_WAIT_EXPORTS];
    struct abi_wait_crash crash;
};

_Static_assert(sizeof(struct abi_wait_thread) == 88, "wait entry layout");
_Static_assert(sizeof(struct abi_wait_table) <= 0x1000, "wait table layout");

#endif
