/* SPDX-License-Identifier: MIT
 *
 * A dispatcher frame that is written from two cores.  The kernel of one core reads what its domain
 * left there; here the domain has an accomplice on another core, who got the frame as a capability
 * and writes while the kernel looks.  What is checked first and read again later would show.
 *
 *   share victim WHAT   gives its frame to who asks for it, then enters the kernel all the time
 *   share writer WHAT   asks for it and writes
 *
 * WHAT: fpu (MXCSR of the disabled area), base (FS base, RIP), endpoints (the buffers' indices),
 * identify (the kernel's answers).
 */
#include "hostile.h"

#include <barrelfish/barrelfish.h>
#include <barrelfish/dispatch.h>
#include <barrelfish/dispatcher.h>
#include <barrelfish/syscalls.h>
#include <barrelfish_kpi/init.h>
#include <stdio.h>
#include <string.h>

#define VICTIM_NS 300000000u
#define WRITER_NS 200000000u /* from when it has the frame, so less */
#define WRITES 500000u       /* between two looks at the clock, which may be slow */

/* Long enough to be interrupted, which happens every few milliseconds. */
static void spin(void)
{
    for (volatile unsigned i = 0; i < 20000; i++)
        continue;
}

static char service_name[64];

/* ---- victim ---- */

static void be_victim(const char *what)
{
    if (!offer_frame(service_name, cap_dispframe))
        return;

    struct lmp_endpoint *endpoint;
    struct capref cap;
    if (err_is_fail(endpoint_create(LMP_ENDPOINT_MIN_WORDS, &cap, &endpoint)))
        return;
    uint64_t header = invoke_header(get_cap_addr(cap), get_cap_level(cap), 0, 4, 0);
    const uintptr_t words[LMP_MSG_WORDS] = { 1, 2, 3, 4 };
    struct capability contents;
    if (strcmp(what, "fpu") == 0)
        disp_disable(); /* what is interrupted then is resumed from the disabled area */
    systime_t end = get_system_time() + VICTIM_NS;
    while (get_system_time() < end)
        if (strcmp(what, "endpoints") == 0)
            sys_invoke_raw(header, get_cap_addr(cap_dispframe), words);
        else if (strcmp(what, "identify") == 0)
            cap_direct_identify(cap_vroot, &contents);
        else if (strcmp(what, "fpu") == 0)
            spin();
        else
            sys_nop();
}

/* ---- writer ---- */

static void be_writer(const char *what)
{
    struct capref frame;
    void *address;
    errval_t err = borrow_frame(service_name, &frame);
    if (err_is_ok(err))
        err = vspace_map_one_frame(&address, DISPATCHER_FRAME_BYTES, frame, NULL, NULL);
    if (err_is_fail(err)) {
        printf("no frame: %s\n", err_getstring(err));
        return;
    }
    printf("writing %s into another core's frame\n", what);
    volatile struct dispatcher_shared *disp = address;
    volatile uint64_t *buffer = (uint64_t *)((char *)address + DISP_KERNEL_BUFFER_OFFSET);
    volatile uint32_t *mxcsr = (volatile uint32_t *)&disp->disabled_save_area.fxsave_area[24];
    volatile uint32_t *heap = (uint32_t *)((char *)address + DISP_ENDPOINT_HEAP_OFFSET);
    const char kind = what[0];
    systime_t end = get_system_time() + WRITER_NS;
    while (get_system_time() < end) {
        for (unsigned i = 0; i < WRITES; i++)
            if (kind == 'f')
                *mxcsr = 0xffffffff;
            else if (kind == 'b')
                disp->enabled_save_area.fs = i % 2 != 0 ? 0 : 0x8000000000000000;
            else if (kind == 'i')
                buffer[0] = ~0ull; /* type and rights */
            else
                heap[i % 4096] = i;
    }
    printf("wrote %s\n", what);
}

bool hostile_share(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "fpu";
    snprintf(service_name, sizeof(service_name), "hostile_frame_%s", what);
    if (strcmp(argv[0], "victim") == 0)
        be_victim(what);
    else if (strcmp(argv[0], "writer") == 0)
        be_writer(what);
    else
        return false;
    return true;
}
