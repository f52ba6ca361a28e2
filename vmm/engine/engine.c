/* SPDX-License-Identifier: MIT
 *
 * The list of engines and the names engines share.
 *
 * Engines are referred to weakly, so that a build without one of them (its file or its library left
 * out) needs no change here.
 */
#include "engine/engine.h"

#include <assert.h>
#include <string.h>

#include "abi/ports.h"

#pragma weak engine_kvm
#pragma weak engine_unicorn
#pragma weak engine_qemu

/* What a full build has, in the order `auto` prefers, witnesses last; the address is NULL where it
 * was left out. */
static const struct {
    const char *name;
    const struct engine_ops *ops;
} known[] = {
    { "kvm", &engine_kvm },
    { "unicorn", &engine_unicorn },
    { "qemu", &engine_qemu },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

const struct engine_ops *engine_nth(unsigned number)
{
    for (unsigned i = 0; i < KNOWN; i++)
        if (known[i].ops && number-- == 0)
            return known[i].ops;
    return NULL;
}

const struct engine_ops *engine_find(const char *name)
{
    const struct engine_ops *ops;
    for (unsigned i = 0; (ops = engine_nth(i)); i++)
        if (strcmp(ops->name, name) == 0)
            return ops;
    return NULL;
}

bool engine_was_left_out(const char *name)
{
    for (unsigned i = 0; i < KNOWN; i++)
        if (!known[i].ops && strcmp(known[i].name, name) == 0)
            return true;
    return false;
}

const struct engine_ops *engine_deterministic(void)
{
    const struct engine_ops *ops;
    for (unsigned i = 0; (ops = engine_nth(i)); i++)
        if (ops->observe && ops->state_hash)
            return ops;
    return NULL;
}

const char *stop_reason_name(enum stop_reason reason)
{
    static const char *const names[STOP_REASONS] = {
        [STOP_NONE] = "none",
        [STOP_EXIT] = "exit",
        [STOP_ALL_STOPPED] = "all cores stopped",
        [STOP_PANIC] = "panic",
        [STOP_DEADLINE] = "deadline",
        [STOP_REQUEST] = "request",
        [STOP_INTERRUPTED] = "interrupted",
        [STOP_TRIPLE_FAULT] = "triple fault",
        [STOP_EMULATION] = "emulation failure",
        [STOP_BAD_ACCESS] = "bad physical access",
        [STOP_LIMIT] = "limit",
        [STOP_ENGINE] = "engine failure",
    };
    assert((unsigned)reason < STOP_REASONS);
    return names[reason];
}

const char *engine_counter_name(enum engine_counter counter)
{
    static const char *const names[ENGINE_EXITS] = {
#define X(name, text) [ENGINE_EXIT_##name] = (text),
        ENGINE_COUNTERS(X)
#undef X
    };
    assert((unsigned)counter < ENGINE_EXITS);
    return names[counter];
}

enum engine_counter engine_port_counter(uint16_t port)
{
    switch (port) {
    case ABI_PORT_CONSOLE:
        return ENGINE_EXIT_PORT_CONSOLE;
    case ABI_PORT_CLOCK:
        return ENGINE_EXIT_PORT_CLOCK;
    case ABI_PORT_TIMER:
        return ENGINE_EXIT_PORT_TIMER;
    case ABI_PORT_IPI:
        return ENGINE_EXIT_PORT_IPI;
    case ABI_PORT_POWER:
        return ENGINE_EXIT_PORT_POWER;
    case ABI_PORT_SCRUB:
        return ENGINE_EXIT_PORT_SCRUB;
    case ABI_PORT_FABRIC:
        return ENGINE_EXIT_PORT_FABRIC;
    case ABI_PORT_VECTORS:
        return ENGINE_EXIT_PORT_VECTORS;
    default:
        return ENGINE_EXIT_PORT_OTHER;
    }
}
