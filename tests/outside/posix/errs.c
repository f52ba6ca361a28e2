#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    FILE *file = fopen("/no/such/file", "r");

    if (file != NULL)
        return 1;
    warn("opening failed, as it should");
    warnx("%d words", 3);
    if (getpid() <= 0 || usleep(100) != 0 || write(1, "raw\n", 4) != 4 || isatty(1) != 1)
        return 2;
    printf("px_err: passed\n");
    errx(0, "the end");
}
