/* SPDX-License-Identifier: MIT
 *
 * Dispatchers of one's own: whoever has RAM can make them, as many as he likes, and fill in their
 * frames as he likes.  All that are made here share one frame; their code is a handful of system
 * calls without stack or library.
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/ram_alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL 0xffffffff80000000ull

/* Gives the core away, again and again.  RDI = the frame; R12 = cptr to yield to. */
void hostile_yields(void);
__asm__("hostile_yields:\n"
        "    movl $1, %edi\n" /* SYSCALL_YIELD */
        "    movq %r12, %rsi\n"
        "    syscall\n"
        "    jmp hostile_yields\n");

static struct dispatcher_shared *make_frame(struct capref *frame)
{
    void *address;
    if (err_is_fail(frame_alloc(frame, DISPATCHER_FRAME_BYTES, NULL)) ||
        err_is_fail(vspace_map_one_frame(&address, DISPATCHER_FRAME_BYTES, *frame, NULL, NULL)))
        return NULL;
    struct dispatcher_shared *disp = address;
    strcpy(disp->name, "crowd");
    disp->udisp = (lvaddr_t)disp;
    disp->upcall_stack = (lvaddr_t)disp + DISPATCHER_FRAME_BYTES - 16;
    disp->dispatcher_run = (lvaddr_t)hostile_yields;
    disp->haswork = 1;
    disp->crit_pc_high = ~0ull; /* they share one `disabled` word, so RIP must tell */
    struct registers_x86_64 *start = &disp->disabled_save_area;
    start->rip = (lvaddr_t)hostile_yields;
    start->rsp = disp->upcall_stack;
    *(uint32_t *)&start->fxsave_area[24] = 0x1f80;
    return disp;
}

static bool make_dispatchers(struct capref frame, unsigned count, struct capref *last)
{
    struct capref ram;
    if (err_is_fail(ram_alloc(&ram, 20)))
        return false;
    for (unsigned i = 0; i < count; i++) {
        errval_t err = slot_alloc(last);
        if (err_is_ok(err))
            err =
                cap_retype(*last, ram, i * (gensize_t)OBJSIZE_DISPATCHER, ObjType_Dispatcher, 0, 1);
        if (err_is_ok(err))
            err = invoke_dispatcher_setup(*last, cap_root, cap_vroot, frame, true, 0, NULL_CAP);
        if (err_is_fail(err)) {
            printf("dispatcher %u: %s\n", i, err_getstring(err));
            return false;
        }
    }
    return true;
}

static void let_run(void)
{
    for (unsigned i = 0; i < 4; i++)
        thread_yield_dispatcher(NULL_CAP);
}

bool hostile_dispatchers(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 1;
    const char *what = argv[0];
    struct capref frame, last;
    struct dispatcher_shared *disp = make_frame(&frame);
    if (disp == NULL)
        return false;
    if (strcmp(what, "crowd") == 0) { /* none of which can be entered, one after the other */
        if (!make_dispatchers(frame, count, &last))
            return true;
        let_run();
        disp->dispatcher_run = KERNEL;
        let_run();
    } else if (strcmp(what, "sleepers") == 0) { /* who all wake up at the same time, three times */
        disp->haswork = 0;
        for (unsigned round = 0; round < 3; round++) {
            disp->wakeup = get_system_time() + 5000000;
            if (round == 0 && !make_dispatchers(frame, count, &last))
                return true;
            do
                thread_yield_dispatcher(NULL_CAP);
            while (get_system_time() < disp->wakeup);
        }
    } else if (strcmp(what, "self") == 0) { /* hands over to itself and sleeps at the same time */
        if (err_is_fail(slot_alloc(&last)) || err_is_fail(dispatcher_create(last)))
            return true;
        disp->disabled_save_area.r12 = get_cap_addr(last);
        disp->haswork = 0;
        disp->wakeup = get_system_time() + 10000000000;
        invoke_dispatcher_setup(last, cap_root, cap_vroot, frame, true, 0, NULL_CAP);
        let_run();
    } else if (strcmp(what, "forge") == 0) { /* others' ends: of those who were here before */
        domainid_t me = disp_get_domain_id();
        for (domainid_t id = me - 6; id != me; id++)
            if (err_is_ok(slot_alloc(&last)) && err_is_ok(dispatcher_create(last)) &&
                err_is_ok(
                    invoke_dispatcher_setup(last, cap_root, cap_vroot, frame, false, id, NULL_CAP)))
                invoke_dispatcher_stop(last);
    } else {
        return false;
    }
    return true;
}
