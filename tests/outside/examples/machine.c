/* What a program can learn of the machine and itself. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/machine_topology.h>
#include <barrelfish/resource_ctrl.h>
#include <barrelfish/sys_debug.h>
#include <barrelfish/systime.h>
#include <stdio.h>

int main(int argc, char *argv[])
{
    const struct abi_topology *machine;
    uint64_t tsc = 0;
    rsrcid_t id;

    errval_t err = machine_topology_get(&machine);
    assert(err_is_ok(err) && machine->core_count == 2);
    err = sys_debug_get_tsc_per_ms(&tsc);
    assert(err_is_ok(err) && tsc > 0);
    assert(err_is_ok(sys_debug_flush_cache()));
    systime_t before = systime_now();
    barrelfish_usleep(1000);
    assert(systime_to_us(systime_now() - before) >= 1000);
    assert(us_to_systime(3) == ns_to_systime(3000) && systime_to_ns(us_to_systime(3)) == 3000);
    assert(disp_get_core_id() == 1 && disp_get_domain_id() != 0);
    err = rsrc_manifest("B 1\n", &id);
    assert(err_is_ok(err) && err_is_ok(rsrc_join(id)) && err_is_ok(rsrc_phase(id, 1)));
    assert(err_no(rsrc_join(id + 1)) == ERR_INVALID_ARGS);
    sys_print("any text\nfrom anywhere\n", 23);
    printf("ex_machine: %s passed\n", argv[0]);
    return 0;
}
