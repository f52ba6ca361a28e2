/* SPDX-License-Identifier: MIT
 *
 * libtest: the user library tries itself, from inside a domain: capabilities, memory, threads,
 * events, LMP and UMP to itself, exceptions.  Prints one line for each part and, last,
 * "libtest: all parts passed", or says which check failed and ends with status 1.
 *
 * It runs as an ordinary program and also in the place of init, where nothing else exists.  With
 * the argument fault=KIND it does something wrong instead (faults.c).
 */
#include "libtest.h"

#include <stdio.h>
#include <string.h>

void libtest_failed(const char *file, int line, const char *check)
{
    debug_printf("libtest: FAILED %s:%d: %s\n", file, line, check);
    exit(EXIT_FAILURE);
}

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    { "names", test_names }, /* first: see there */
    { "capabilities", test_capabilities },
    { "address space", test_vspace },
    { "regions", test_regions },
    { "heap", test_heap },
    { "threads", test_threads },
    { "preemption", test_preemption },
    { "synchronisation", test_sync },
    { "events", test_events },
    { "LMP", test_lmp },
    { "UMP", test_ump },
    { "senders", test_senders },
    { "time", test_time },
    { "exceptions", test_exceptions },
    { "dispatchers", test_dispatchers },
};

int main(int argc, char *argv[])
{
    const char *last = argc > 1 ? argv[argc - 1] : "";

    if (strncmp(last, "fault=", 6) == 0) {
        commit_fault(last + 6);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t before, after;

        sys_debug_get_syscall_count(&before);
        parts[i].run();
        sys_debug_get_syscall_count(&after);
        printf("libtest: %s passed\n", parts[i].name);
        debug_trace("%s: %u system calls", parts[i].name, (unsigned)(after - before));
    }
    printf("libtest: all parts passed\n");
    return EXIT_SUCCESS;
}
