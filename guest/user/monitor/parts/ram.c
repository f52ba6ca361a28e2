/* SPDX-License-Identifier: MIT
 *
 * The monitor as a client of its core's memory server, without ever waiting for it.
 *
 * Requests wait in a list; one at a time is with the memory server, its answer calls the requester
 * and sends the next.  Small needs of the monitor itself (heap, CNodes) come from its own RAM: if
 * they came from here, it would have to wait for a domain that may be waiting for it.
 */
#include "parts.h"

#include <if/mem_defs.h>

struct request {
    struct request *next;
    bool give_back; /* `ram`, whose base is minbase; else allocate */
    struct capref ram;
    uint8_t bits;
    genpaddr_t minbase, maxlimit;
    ram_fn *done; /* of an allocation */
    void *st;
};

static struct request *first, *last;
static bool connected, asked, gone;
static struct mem_lmp_binding mem;

static void finish(errval_t err, struct capref ram)
{
    struct request *request = first;
    first = request->next;
    if (first == NULL)
        last = NULL;
    if (!request->give_back) {
        request->done(request->st, err, ram);
    } else {
        if (err_is_fail(err))
            DEBUG_ERR(err, "giving %" PRIu64 " KiB of RAM back",
                      (uint64_t)1 << request->bits >> 10);
        drop_cap(request->ram); /* what was given away has left its slot empty */
    }
    free(request);
}

static void ask(void)
{
    while (connected && !asked && first != NULL) {
        asked = true;
        errval_t err = first->give_back ? mem_free_monitor_call__tx(&mem.b, NOP_CONT, first->ram,
                                                                    first->minbase, first->bits)
                                        : mem_allocate_call__tx(&mem.b, NOP_CONT, first->bits,
                                                                first->minbase, first->maxlimit);
        if (err_is_ok(err))
            return;
        asked = false;
        finish(err, NULL_CAP);
    }
}

static void allocate_response(struct mem_binding *b, errval_t err, struct capref ram)
{
    (void)b;
    if (!asked) {
        drop_cap(ram);
        return;
    }
    asked = false;
    finish(err, ram);
    ask();
}

static void free_response(struct mem_binding *b, errval_t err)
{
    (void)b;
    if (!asked)
        return;
    asked = false;
    finish(err, NULL_CAP);
    ask();
}

static void queue(struct request *request)
{
    if (last != NULL)
        last->next = request;
    else
        first = request;
    last = request;
    if (gone)
        finish(FLOUNDER_ERR_BINDING_CLOSED, NULL_CAP);
    else
        ask();
}

void ram_give_back(struct capref ram, genpaddr_t base, uint8_t bits)
{
    struct request *request = malloc(sizeof(*request));
    if (request == NULL) {
        debug_printf("out of memory: %" PRIu64 " KiB of RAM are not given back\n",
                     (uint64_t)1 << bits >> 10);
        return;
    }
    *request = (struct request){ .give_back = true, .ram = ram, .bits = bits, .minbase = base };
    queue(request);
}

void ram_request(uint8_t bits, genpaddr_t minbase, genpaddr_t maxlimit, ram_fn *done, void *st)
{
    struct request *request = malloc(sizeof(*request));
    if (request == NULL) {
        done(st, LIB_ERR_MALLOC_FAIL, NULL_CAP);
        return;
    }
    *request = (struct request){
        .bits = bits, .minbase = minbase, .maxlimit = maxlimit, .done = done, .st = st
    };
    queue(request);
}

/* There will not be another memory server: nobody is left waiting for this one. */
static void service_lost(void *st)
{
    (void)st;
    if (!connected)
        return;
    debug_printf("the memory server of core %u is no more: nothing can be started here\n", my_core);
    connected = asked = false;
    gone = true;
    mem.b.control(&mem.b, IDC_CONTROL_TEARDOWN);
    while (first != NULL)
        finish(FLOUNDER_ERR_BINDING_CLOSED, NULL_CAP);
}

static void broken(struct mem_binding *b, errval_t err)
{
    (void)b, (void)err;
    service_lost(NULL);
}

static void bound(void *st, errval_t err, struct capref remote_ep)
{
    (void)st;
    MUST(err, "connecting to the memory server");
    mem.chan.remote_cap = remote_ep;
    mem.chan.connstate = LMP_CONNECTED;
    mem.b.rx_vtbl.allocate_response = allocate_response;
    mem.b.rx_vtbl.free_monitor_response = free_response;
    mem.b.error_handler = broken;
    MUST(mem_lmp_start(&mem), "connecting to the memory server");
    connected = true;
    ask();
}

void ram_connect(iref_t iref)
{
    mem_lmp_init(&mem, get_default_waitset());
    MUST(lmp_chan_accept(&mem.chan, MONITOR_LMP_BUF_WORDS, NULL_CAP),
         "connecting to the memory server");
    MUST(bind_self_lmp(iref, &mem.chan, bound, service_lost, NULL),
         "connecting to the memory server");
}
