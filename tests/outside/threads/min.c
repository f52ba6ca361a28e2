#include <barrelfish/barrelfish.h>
#include <barrelfish/threads.h>
#include <stdio.h>

static int my_thread(void *data)
{
    debug_printf("Hello from thread, given %s\n", (const char *)data);
    return 1;
}

int main(int argc, char *argv[])
{
    int retval = 0;
    struct thread *t = thread_create(my_thread, "a string");

    if (t == NULL) {
        debug_printf("ERROR: starting thread\n");
        return EXIT_FAILURE;
    }
    errval_t err = thread_join(t, &retval);
    if (err_is_fail(err)) {
        DEBUG_ERR(err, "failed to join thread");
        return EXIT_FAILURE;
    }
    if (retval != 1)
        return EXIT_FAILURE;
    printf("th_min: passed\n");
    return EXIT_SUCCESS;
}
