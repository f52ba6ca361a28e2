/* Starts itself again on this core and on the next, and waits for both. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/spawn_client.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char *argv[])
{
    char path[64];
    char *xargv[] = { argv[0], "-c", NULL };
    uint8_t status;
    struct capref domains[2];
    errval_t err;

    if (argc == 2 && strcmp(argv[1], "-c") == 0) {
        printf("ex_spawn: child on core %" PRIuCOREID "\n", disp_get_core_id());
        return 7;
    }
    snprintf(path, sizeof(path), "examples/%s", argv[0]);
    for (coreid_t core = 0; core < 2; core++) {
        err = spawn_program(core, path, xargv, NULL, SPAWN_FLAGS_DEFAULT, &domains[core]);
        if (err_is_fail(err))
            USER_PANIC_ERR(err, "failed to spawn program %s", path);
    }
    for (int i = 0; i < 2; i++) {
        err = spawn_wait(domains[i], &status, false);
        if (err_is_fail(err) || status != 7)
            USER_PANIC_ERR(err, "waiting: status %u", status);
        assert(err_no(spawn_wait(domains[i], &status, true)) == SPAWN_ERR_DOMAIN_NOTFOUND);
    }
    err = spawn_program(0, "/sbin/there_is_none", xargv, NULL, SPAWN_FLAGS_DEFAULT, NULL);
    assert(err_no(err) == SPAWN_ERR_FIND_MODULE);
    err = spawn_program(17, path, xargv, NULL, SPAWN_FLAGS_DEFAULT, NULL);
    assert(err_no(err) == SPAWN_ERR_NO_SPAWND);
    printf("ex_spawn: passed\n");
    return EXIT_SUCCESS;
}
