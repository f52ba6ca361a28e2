/* SPDX-License-Identifier: MIT
 *
 * Inside plat/: what a platform provides.  One image of the CPU driver holds all of them; the boot
 * information says which one it is.  The functions are those of plat.h.
 */
#ifndef PLAT_PLATFORM_H
#define PLAT_PLATFORM_H

#include "plat.h"

struct platform {
    void (*init)(void);
    void (*console)(paddr_t text, unsigned length, unsigned kind, paddr_t speaker);
    uint64_t (*input)(paddr_t buffer, unsigned bytes, uint32_t notify_id);
    systime_t (*time)(void);
    void (*timer_set)(systime_t at);
    void (*notify)(coreid_t core, uint32_t id);
    uint64_t (*start_core)(uint64_t core, uint64_t entry, uint64_t rdi, uint64_t cr3);
    uint64_t (*kill_core)(uint64_t core);
    uint64_t (*retire_core)(uint64_t core);
    uint64_t (*core_available)(uint64_t core);
    uint64_t (*core_late)(uint64_t core, uint64_t *late_ns);
    void (*scrub)(paddr_t base, uint64_t bytes);
    void (*clear_vectors)(void);
    void (*channel)(paddr_t description);
    uint64_t (*seen)(uint64_t base);
    void (*report)(paddr_t block, paddr_t speaker);
    void (*watched)(uint32_t number, paddr_t speaker);
    void __attribute__((noreturn)) (*power_off)(uint64_t code);
    void __attribute__((noreturn)) (*panic)(void);
    uint64_t (*take_causes)(void);
    bool (*hold)(uint64_t causes);
};

extern const struct platform platform_synth; /* the devices of devices/abi */
extern const struct platform platform_pc;    /* APIC, TSC, 16550 */

static inline void set_bits(volatile uint64_t *word, uint64_t bits)
{
    __asm__ volatile("lock orq %1, %0" : "+m"(*word) : "r"(bits) : "memory");
}

static inline uint64_t exchange(volatile uint64_t *word, uint64_t value)
{
    __asm__ volatile("xchgq %0, %1" : "+r"(value), "+m"(*word)::"memory");
    return value;
}

#endif
