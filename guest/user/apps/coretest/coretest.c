/* SPDX-License-Identifier: MIT
 *
 * coretest boot: a core that cannot be started can be started later.
 *
 * Started by the monitor, in the place of the boot manager.  Takes the memory of core 0 away, so
 * that core 1 cannot be started, twice; looks whether the attempts have cost anything; gives the
 * memory back, and then core 1 must start.  Asking for a core that runs already must do no harm.
 * Switches the machine off, with status 0 if all was as expected.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <if/mem_defs.h>
#include <if/monitor_blocking_defs.h>
#include <stdio.h>

#define LEFT_BITS 22 /* no free block of twice this remains: a core needs two of those */
#define MAX_BITS 30
#define MAX_TAKEN 64

static unsigned failures;

#define EXPECT(condition)                                                      \
    do {                                                                       \
        if (!(condition)) {                                                    \
            printf("coretest: line %d: not true: %s\n", __LINE__, #condition); \
            failures++;                                                        \
        }                                                                      \
    } while (0)

static struct {
    struct capref ram;
    uint8_t bits;
} taken[MAX_TAKEN];
static unsigned taken_count;

static struct mem_binding *memory_server(void)
{
    errval_t err = SYS_ERR_OK;
    while (err_is_ok(err) &&
           get_mem_binding() == NULL) { /* connects when our first RAM is used up */
        struct capref ram;
        err = ram_alloc(&ram, 16);
    }
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "connecting to the memory server");
    return get_mem_binding();
}

static void take_memory(void)
{
    struct mem_binding *b = memory_server();
    for (uint8_t bits = MAX_BITS; bits > LEFT_BITS;) {
        errval_t answer = SYS_ERR_OK;
        struct capref ram = NULL_CAP;
        errval_t err = b->rpc_tx_vtbl.allocate(b, bits, 0, 0, &answer, &ram);
        if (err_is_fail(err) || err_is_fail(answer)) {
            bits--;
            continue;
        }
        if (taken_count == MAX_TAKEN)
            USER_PANIC("coretest: more pieces of memory than expected");
        taken[taken_count].ram = ram;
        taken[taken_count++].bits = bits;
    }
}

static void give_memory_back(void)
{
    struct mem_binding *b = memory_server();
    for (unsigned i = 0; i < taken_count; i++) {
        struct capability identity;
        errval_t answer = LIB_ERR_SHOULD_NOT_GET_HERE;
        EXPECT(err_is_ok(cap_direct_identify(taken[i].ram, &identity)));
        EXPECT(err_is_ok(b->rpc_tx_vtbl.free_monitor(b, taken[i].ram, identity.u.mem.base,
                                                     taken[i].bits, &answer)));
        EXPECT(err_is_ok(answer));
    }
}

static uint64_t free_bytes(void)
{
    uint64_t total = 0, free = 0;
    struct mem_binding *b = memory_server();
    EXPECT(err_is_ok(b->rpc_tx_vtbl.available(b, &total, &free)));
    return free;
}

static errval_t boot(uint64_t mask, uint64_t *running)
{
    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer = SYS_ERR_OK;
    *running = 0;
    errval_t err = b->rpc_tx_vtbl.boot_cores(b, mask, &answer, running);
    return err_is_fail(err) ? err : answer;
}

int main(void)
{
    uint64_t running;
    take_memory();
    uint64_t before = free_bytes();
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        EXPECT(err_no(boot(2, &running)) == MON_ERR_CORE_BOOT);
        EXPECT(running == 1);
    }
    EXPECT(free_bytes() == before);
    give_memory_back();
    EXPECT(err_is_ok(boot(2, &running)));
    EXPECT(running == 3);
    EXPECT(err_is_ok(boot(3, &running)));
    EXPECT(running == 3);
    printf("coretest: %s\n", failures == 0 ? "core 1 was started in the end" : "failed");

    struct monitor_blocking_binding *b = get_monitor_blocking_binding();
    errval_t answer;
    errval_t err = b->rpc_tx_vtbl.power_off(b, failures != 0, &answer);
    USER_PANIC_ERR(err_is_fail(err) ? err : answer, "the machine could not be switched off");
}
