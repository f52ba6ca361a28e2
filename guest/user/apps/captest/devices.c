/* SPDX-License-Identifier: MIT
 *
 * Interrupts, names of devices and domains, counters: what domains of the system have.
 *
 * The device of this test is made of software: it raises a line that its driver's IRQSrc names, and
 * the driver gets a message.
 */
#include <barrelfish/lmp_chan.h>
#include <stdio.h>

#include "captest.h"

#define LINE 5
#define DEVICE 0x010203 /* bus 1, device 2, function 3 */

static struct lmp_chan chan;
static unsigned interrupts;
static uint64_t told;

static void interrupt(void *arg)
{
    struct lmp_recv_msg message = LMP_RECV_MSG_INIT;

    (void)arg;
    while (err_is_ok(lmp_chan_recv(&chan, &message, NULL))) {
        interrupts++;
        told = message.words[0];
    }
    MUST(lmp_chan_register_recv(&chan, get_default_waitset(), MKCLOSURE(interrupt, NULL)));
}

static void refuse(struct capref src, struct capref dest, struct capref frame, int vector)
{
    struct capref empty = new_slot();

    EXPECT(invoke_irqsrc_route, "another driver's line", SYS_ERR_IRQ_INVALID_LINE,
           invoke_irqsrc_route(src, LINE + 2, dest));
    EXPECT(invoke_irqsrc_route, "to an empty slot", SYS_ERR_IRQ_LOOKUP_DEST,
           invoke_irqsrc_route(src, LINE, empty));
    EXPECT(invoke_irqsrc_route, "to a frame", SYS_ERR_IRQ_NOT_IRQ_TYPE,
           invoke_irqsrc_route(src, LINE, frame));
    EXPECT(invoke_irqsrc_raise, "another device's line", SYS_ERR_IRQ_INVALID_LINE,
           invoke_irqsrc_raise(src, LINE - 1));
    EXPECT(invoke_irqdest_connect, "an empty slot", SYS_ERR_IRQ_LOOKUP_EP,
           invoke_irqdest_connect(dest, empty));
    EXPECT(invoke_irqdest_connect, "a frame", SYS_ERR_IRQ_NOT_ENDPOINT,
           invoke_irqdest_connect(dest, frame));
    EXPECT(invoke_irqtable_set, "a vector that nobody has", SYS_ERR_IRQ_INVALID_VECTOR,
           invoke_irqtable_set(cap_irq, IRQ_LINES, frame));
    EXPECT(invoke_irqtable_set, "an empty slot", SYS_ERR_IRQ_LOOKUP_EP,
           invoke_irqtable_set(cap_irq, vector, empty));
    EXPECT(invoke_irqtable_set, "a frame", SYS_ERR_IRQ_NOT_ENDPOINT,
           invoke_irqtable_set(cap_irq, vector, frame));
    EXPECT(invoke_irqtable_alloc_dest_cap, "into a slot that is in use", SYS_ERR_SLOT_IN_USE,
           invoke_irqtable_alloc_dest_cap(cap_irq, dest));
    EXPECT(cap_retype, "lines that are given away", SYS_ERR_REVOKE_FIRST,
           cap_retype(empty, cap_irqsrc, LINE + 1, ObjType_IRQSrc, 2, 1));
    slot_free(empty);
}

static void test_interrupts(void)
{
    struct capref src = new_slot(), dest = new_slot(), frame;
    uint64_t first, last, vector, core;

    MUST(frame_alloc(&frame, BASE_PAGE_SIZE, NULL));
    lmp_chan_init(&chan);
    MUST(lmp_chan_accept(&chan, DEFAULT_LMP_BUF_WORDS, NULL_CAP));
    MUST(lmp_chan_register_recv(&chan, get_default_waitset(), MKCLOSURE(interrupt, NULL)));

    /* the manager of drivers */
    MUST(cap_retype(src, cap_irqsrc, LINE, ObjType_IRQSrc, 2, 1));
    MUST(invoke_irqtable_alloc_dest_cap(cap_irq, dest));
    MUST(invoke_irqsrc_get_vec_start(src, &first));
    MUST(invoke_irqsrc_get_vec_end(src, &last));
    MUST(invoke_irqdest_get_vector(dest, &vector));
    MUST(invoke_irqdest_get_cpu(dest, &core));
    if (first != LINE || last != LINE + 1 || core != disp_get_core_id())
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "lines and core of an interrupt");
    refuse(src, dest, frame, (int)vector);

    /* the driver */
    MUST(invoke_irqdest_connect(dest, chan.local_cap));
    MUST(invoke_irqsrc_route(src, LINE, dest));
    for (unsigned i = 1; i <= 3; i++) {
        MUST(invoke_irqsrc_raise(src, LINE));
        while (interrupts < i)
            MUST(event_dispatch(get_default_waitset()));
    }
    if (told != vector)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "the vector in the message");
    MUST(invoke_irqsrc_route(src, LINE, NULL_CAP));
    int other;
    MUST(invoke_irqtable_alloc_vector(cap_irq, &other));
    MUST(invoke_irqtable_delete(cap_irq, other));
    MUST(invoke_irqtable_delete(cap_irq, (int)vector));
    EXPECT(invoke_irqtable_delete, "twice", SYS_ERR_IRQ_INVALID_VECTOR,
           invoke_irqtable_delete(cap_irq, (int)vector));
    EXPECT(invoke_irqdest_connect, "a vector that was given back", SYS_ERR_IRQ_INVALID_VECTOR,
           invoke_irqdest_connect(dest, chan.local_cap));
    MUST(cap_destroy(dest));
    MUST(cap_destroy(src));
    MUST(cap_destroy(frame));
}

static void test_names(void)
{
    struct capref device = new_slot(), domains = new_slot(), twin = new_slot();
    uint64_t address, a, b;

    MUST(invoke_device_id_create(cap_devman, DEVICE, 0, device));
    EXPECT(invoke_device_id_create, "into a slot that is in use", SYS_ERR_SLOT_IN_USE,
           invoke_device_id_create(cap_devman, DEVICE, 0, device));
    MUST(invoke_device_identify(device, &address));
    MUST(cap_retype(domains, cap_procmng, 0, ObjType_Domain, 0, 1));
    MUST(cap_retype(twin, cap_procmng, 0, ObjType_Domain, 0, 1));
    MUST(invoke_idcap_identify(domains, &a));
    MUST(invoke_idcap_identify(twin, &b));
    if (address != DEVICE || a == b)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "names are those that were given");
    MUST(cap_destroy(device));
    MUST(cap_destroy(twin));
    MUST(cap_destroy(domains));
}

static void test_domains(void)
{
    struct capref dispatcher = new_slot(), empty = new_slot();

    MUST(dispatcher_create(dispatcher));
    EXPECT(invoke_dispatcher_setup, "of another domain", SYS_ERR_DISP_DOMAIN,
           invoke_dispatcher_setup(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, false,
                                   disp_get_domain_id() + 1, NULL_CAP));
    EXPECT(invoke_dispatcher_setup, "of another domain, with proof", SYS_ERR_OK,
           invoke_dispatcher_setup(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, false,
                                   disp_get_domain_id() + 1, cap_procmng));
    EXPECT(invoke_dispatcher_setup, "to run without anything", SYS_ERR_DISP_NOT_RUNNABLE,
           invoke_dispatcher_setup(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, true, 0, NULL_CAP));
    EXPECT(invoke_dispatcher_setup, "a CSpace that is none", SYS_ERR_DISP_CSPACE_INVALID,
           invoke_dispatcher_setup(dispatcher, cap_vroot, NULL_CAP, NULL_CAP, false, 0, NULL_CAP));
    EXPECT(invoke_dispatcher_setup, "an address space that is none", SYS_ERR_DISP_VSPACE_INVALID,
           invoke_dispatcher_setup(dispatcher, NULL_CAP, cap_root, NULL_CAP, false, 0, NULL_CAP));
    EXPECT(invoke_dispatcher_setup, "a frame that is none", SYS_ERR_DISP_FRAME_INVALID,
           invoke_dispatcher_setup(dispatcher, NULL_CAP, NULL_CAP, cap_root, false, 0, NULL_CAP));
    struct capref small;
    MUST(frame_alloc(&small, BASE_PAGE_SIZE, NULL));
    EXPECT(invoke_dispatcher_setup, "a frame that is too small", SYS_ERR_DISP_FRAME_SIZE,
           invoke_dispatcher_setup(dispatcher, NULL_CAP, NULL_CAP, small, false, 0, NULL_CAP));
    EXPECT(invoke_dispatcher_setup_other, "beside an empty slot", SYS_ERR_DISP_OCAP_LOOKUP,
           invoke_dispatcher_setup_other(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, false, empty));
    EXPECT(
        invoke_dispatcher_setup_other, "beside one that is not set up", SYS_ERR_DISP_OCAP_TYPE,
        invoke_dispatcher_setup_other(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, false, dispatcher));
    uint32_t count;
    EXPECT(invoke_dispatcher_perfmon, "without a frame", SYS_ERR_DISP_NOT_RUNNABLE,
           invoke_dispatcher_perfmon(dispatcher, DISPATCHER_LMP_MESSAGES, &count));
    EXPECT(invoke_dispatcher_perfmon, "an event that does not exist", SYS_ERR_PERFMON_NOT_AVAILABLE,
           invoke_dispatcher_perfmon(cap_dispatcher, DISPATCHER_EVENTS, &count));
    EXPECT(invoke_dispatcher_setup_guest, "as on all machines here", SYS_ERR_NOT_IMPLEMENTED,
           invoke_dispatcher_setup_guest(dispatcher));
    MUST(invoke_dispatcher_perfmon(cap_dispatcher, DISPATCHER_LMP_MESSAGES, &count));
    if (count == 0)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "a program that has asked monitors got messages");
    EXPECT(invoke_dispatcher_setup_other, "beside this one", SYS_ERR_OK,
           invoke_dispatcher_setup_other(dispatcher, NULL_CAP, NULL_CAP, NULL_CAP, false,
                                         cap_dispatcher));
    MUST(cap_destroy(small));
    MUST(cap_destroy(dispatcher));
    slot_free(empty);
}

static void test_counters(void)
{
    uint64_t value;

    EXPECT(invoke_perfmon_read, "a counter that does not run", SYS_ERR_PERFMON_NOT_AVAILABLE,
           invoke_perfmon_read(cap_perfmon, 1, &value));
    EXPECT(invoke_perfmon_activate, "an event that does not exist", SYS_ERR_PERFMON_NOT_AVAILABLE,
           invoke_perfmon_activate(cap_perfmon, 1, 1000));
    MUST(invoke_perfmon_activate(cap_perfmon, 1, 0));
    MUST(invoke_perfmon_write(cap_perfmon, 1, 1000));
    MUST(invoke_perfmon_read(cap_perfmon, 1, &value));
    if (value < 1000)
        must(LIB_ERR_SHOULD_NOT_GET_HERE, "a counter counts from what was written");
    MUST(invoke_perfmon_deactivate(cap_perfmon, 1, &value));
    EXPECT(invoke_perfmon_deactivate, "twice", SYS_ERR_PERFMON_NOT_AVAILABLE,
           invoke_perfmon_deactivate(cap_perfmon, 1, &value));
    EXPECT(invoke_perfmon_write, "a counter that does not run", SYS_ERR_PERFMON_NOT_AVAILABLE,
           invoke_perfmon_write(cap_perfmon, 1, 0));
}

void test_devices(void)
{
    test_interrupts();
    test_names();
    test_domains();
    test_counters();
}
