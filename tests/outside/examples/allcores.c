/* One of us on every core; one that runs for ever is killed. */
#include <barrelfish/barrelfish.h>
#include <barrelfish/spawn_client.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char *argv[])
{
    char *xargv[] = { "ex_allcores", "worker", NULL };
    char *yargv[] = { "ex_allcores", "for-ever", NULL };
    struct capref last;
    coreid_t count = 0;
    uint8_t status = 0;

    if (argc == 2 && strcmp(argv[1], "worker") == 0) {
        printf("ex_allcores: worker %u\n", (unsigned)disp_get_core_id());
        spawn_exit(0);
    }
    if (argc == 2)
        messages_handler_loop();
    errval_t err = spawn_program_on_all_cores(true, "/x86_64/sbin/ex_allcores", xargv, NULL,
                                              SPAWN_FLAGS_DEFAULT, &last, &count);
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "spawning on all cores");
    assert(count == 2);
    err = spawn_wait(last, &status, false);
    assert(err_is_ok(err) && status == 0);
    err = spawn_program(1, "ex_allcores", yargv, NULL, SPAWN_FLAGS_DEFAULT, &last);
    assert(err_is_ok(err));
    assert(err_no(spawn_wait(last, &status, true)) == LIB_ERR_NO_EVENT);
    err = spawn_kill(last);
    assert(err_is_ok(err));
    err = spawn_wait(last, &status, false);
    assert(err_is_ok(err) && status == 137);
    printf("ex_allcores: passed\n");
    return 0;
}
