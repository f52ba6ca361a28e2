/* SPDX-License-Identifier: MIT
 *
 * Random system calls.  Half of the arguments are taken from what is likely to be understood:
 * capability addresses of the own CSpace, small numbers, addresses in the dispatcher frame.  One
 * call of four is meant: it may well succeed, on objects made before, so that there is something to
 * break.
 *
 *   hostile calls SEED COUNT [give SERVICE | take SERVICE]
 *
 * With an accomplice on another core both have the same frame, in slots that are often meant.
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/invocations.h>
#include <barrelfish/syscalls.h>
#include <barrelfish_kpi/init.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static uint64_t random_word(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t argument(void)
{
    switch (random_word() % 10) {
    case 0:
        return random_word();
    case 1:
        return ~0ull - random_word() % 64;
    case 2:
        return (uint64_t)curdispatcher() + random_word() % DISPATCHER_FRAME_BYTES;
    case 3:
    case 4:
        return (random_word() % 8 << 8) | random_word() % 32;
    case 5:
        return ((random_word() % 8 << 8) | random_word() % 32) | (random_word() % 3) << 32;
    case 6:
        return 0xffff800000000000ull + random_word() % 0x10000000;
    case 7:
        return random_word() % 64 << 12;
    default:
        return random_word() % 16;
    }
}

#define FIRST_SLOT 24
#define COPIES 6

static bool share_frame(const char *how, const char *service)
{
    struct capref frame, part;
    if (strcmp(how, "give") == 0) {
        if (err_is_fail(frame_alloc(&frame, 4 * BASE_PAGE_SIZE, NULL)) ||
            !offer_frame(service, frame))
            return false;
    } else if (err_is_fail(borrow_frame(service, &frame))) {
        return false;
    }
    for (unsigned i = 0; i < COPIES; i++) {
        part = (struct capref){ .cnode = cnode_task, .slot = FIRST_SLOT + i };
        errval_t err = i % 2 ? cap_retype(part, frame, i / 2 * BASE_PAGE_SIZE, ObjType_Frame,
                                          BASE_PAGE_SIZE, 1)
                             : cap_copy(part, frame);
        if (err_is_fail(err))
            return false;
    }
    return true;
}

/* Slots of the task CNode that meant calls fill and empty. */
#define MEANT_SLOT 64
#define MEANT_SLOTS 64

static struct capref meant_slot(void)
{
    return (struct capref){ .cnode = cnode_task,
                            .slot = MEANT_SLOT + (cslot_t)(random_word() % MEANT_SLOTS) };
}

/* Memory from which all of them come; other cores may have some of it. */
static struct capref meant_ram;

static void meant_retype(void)
{
    static const uint8_t types[] = { ObjType_RAM,
                                     ObjType_Frame,
                                     ObjType_Frame,
                                     ObjType_L1CNode,
                                     ObjType_L2CNode,
                                     ObjType_Dispatcher,
                                     ObjType_EndPointUMP,
                                     ObjType_VNode_x86_64_pml4,
                                     ObjType_VNode_x86_64_pdpt,
                                     ObjType_VNode_x86_64_pdir,
                                     ObjType_VNode_x86_64_ptable,
                                     ObjType_VNode_x86_64_pml5,
                                     ObjType_KernelControlBlock };
    const enum objtype type = types[random_word() % sizeof(types)];
    invoke_cnode_retype(meant_slot(), random_word() % 4 ? meant_ram : meant_slot(),
                        random_word() % 64 << 14, type, (1 + random_word() % 4) << 14,
                        1 + random_word() % 3);
}

static void meant_map(void)
{
    const struct capref table = meant_slot(), what = meant_slot(), mapping = meant_slot();
    const capaddr_t entry = (capaddr_t)(random_word() % 8);
    const uint64_t attr = random_word() % 2 ? PTABLE_READ_WRITE : PTABLE_READ_ONLY;
    cslot_t at = (cslot_t)(random_word() % 16);

    switch (random_word() % 6) {
    case 0:
    case 1:
        invoke_vnode_map(table, what, entry, attr, 0, 1 + random_word() % 4, mapping);
        break;
    case 2:
        invoke_vnode_copy_remap(table, what, entry, attr, 0, 1 + random_word() % 4, mapping);
        break;
    case 3:
        invoke_vnode_inherit(table, what, &at, (cslot_t)(random_word() % 520),
                             random_word() % 2 ? INHERIT_ATTR_SAME : attr, mapping);
        break;
    case 4:
        invoke_vnode_unmap(table, mapping);
        break;
    default:
        invoke_vnode_modify_flags(table, entry, 1 + random_word() % 4, attr);
    }
}

static void meant_call(void)
{
    size_t size;
    uint32_t answer;

    switch (random_word() % 12) {
    case 0:
    case 1:
    case 2:
        meant_retype();
        break;
    case 3:
    case 4:
    case 5:
        meant_map();
        break;
    case 6:
        invoke_cnode_copy(meant_slot(), meant_slot());
        break;
    case 7:
        invoke_cnode_mint(meant_slot(), meant_slot(), random_word() % 64, random_word() % 4);
        break;
    case 8:
        invoke_cnode_revoke(meant_slot());
        break;
    case 9:
        invoke_dispatcher_perfmon(meant_slot(), (enum dispatcher_event)(random_word() % 3),
                                  &answer);
        invoke_cnode_get_size(meant_slot(), &size);
        break;
    case 10:
        sys_getchar(get_cap_addr(meant_slot()), &answer);
        sys_reboot(get_cap_addr(meant_slot()));
        break;
    default:
        invoke_cnode_delete(meant_slot());
    }
}

bool hostile_calls(int argc, char **argv)
{
    state = strtoull(argv[0], NULL, 0) * 0x9e3779b97f4a7c15ull | 1;
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000;
    if (argc > 3 && !share_frame(argv[2], argv[3]))
        return false;
    if (err_is_fail(ram_alloc(&meant_ram, 20)))
        return false;
    for (unsigned long i = 0; i < count; i++) {
        if (random_word() % 4 == 0) {
            meant_call();
            continue;
        }
        uint64_t number = random_word() % 3 ? SYSCALL_INVOKE : random_word() % 16;
        if (number == SYSCALL_INVOKE) {
            uintptr_t words[LMP_MSG_WORDS];
            for (size_t w = 0; w < LMP_MSG_WORDS; w++)
                words[w] = argument();
            words[0] = random_word() % 12;
            uint64_t cptr = (random_word() % 8 << 8) | random_word() % 32;
            uint64_t header = random_word() % 4 == 0
                                  ? random_word()
                                  : invoke_header((capaddr_t)cptr, (uint8_t)(random_word() % 3),
                                                  (uint8_t)(random_word() % 3),
                                                  random_word() % (LMP_MSG_WORDS + 2),
                                                  (unsigned)random_word() & 0xff);
            sys_invoke_raw(header, argument(), words);
        } else if (number == SYSCALL_YIELD || number == SYSCALL_PRINT ||
                   number == SYSCALL_SUSPEND) {
            sys_call3(number, argument(), argument(), random_word() % 4);
        } else if (number != SYSCALL_DEBUG) {
            sys_call3(number, argument(), argument(), argument());
        } else {
            sys_call3(number, random_word() % 4, argument(), argument());
        }
    }
    return true;
}
