/* SPDX-License-Identifier: MIT
 *
 * Runs the KVM self-tests (tests/unit/test_kvm*.c) without Criterion, inside and outside.
 *
 * Each test runs in a process of its own, which tells through a pipe how it ended; one that says
 * nothing crashed, and one that takes longer than its deadline is killed.  For each test one line:
 *
 *     pass <tab> NAME <tab> MILLISECONDS <tab> OUTCOME
 *     fail <tab> NAME <tab> MILLISECONDS <tab> WHY         where its guest stood is above it
 *     skip <tab> NAME <tab> MILLISECONDS <tab> REASON
 *
 * OUTCOME is what the guest came to (how the run ended, exits that do not depend on time), so that
 * two hosts can be compared.  The exit code is 0 only if nothing failed and something was run.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_TESTS 128
#define DEADLINE_MS 90000 /* a hang guard: each takes well below a second on a quiet host */
#define MESSAGE_BYTES 1024

static struct {
    const char *name;
    void (*function)(void);
    const struct selftest_suite *suite;
} tests[MAX_TESTS];
static unsigned test_count;
static const struct selftest_suite *suite; /* of the test that runs in this process */

static int result_fd = -1;
static char outcome[MESSAGE_BYTES - 8];

void selftest_add(const char *name, void (*function)(void), const struct selftest_suite *of)
{
    if (test_count == MAX_TESTS)
        abort();
    tests[test_count].name = name;
    tests[test_count].suite = of;
    tests[test_count++].function = function;
}

static void tell(const char *verdict, const char *text)
{
    char message[MESSAGE_BYTES];
    int length = snprintf(message, sizeof(message), "%s\t%s", verdict, text);
    if (length >= (int)sizeof(message))
        length = sizeof(message) - 1;
    for (int i = 5; i < length; i++)
        if (message[i] == '\n' || message[i] == '\t')
            message[i] = ' ';
    if (write(result_fd, message, (size_t)length) < 0)
        abort();
}

void selftest_fail(const char *file, int line, const char *condition, const long long *values,
                   const char *format, ...)
{
    char why[MESSAGE_BYTES - 8], both[64] = "";
    if (values)
        snprintf(both, sizeof(both), " (%lld and %lld)", values[0], values[1]);
    int used = snprintf(why, sizeof(why), "%s:%d: not so: %s%s;", file, line, condition, both);
    va_list list;
    va_start(list, format);
    if (used < (int)sizeof(why))
        vsnprintf(why + used, sizeof(why) - (size_t)used, format, list);
    va_end(list);
    tell("fail", why);
    if (suite->fini)
        suite->fini();
    _exit(1);
}

void selftest_skip(const char *format, ...)
{
    char reason[MESSAGE_BYTES - 8];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof(reason), format, list);
    va_end(list);
    tell("skip", reason);
    _exit(0);
}

void selftest_outcome(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(outcome, sizeof(outcome), format, list);
    va_end(list);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Runs one test; `message` becomes "verdict<tab>text". */
static void run(unsigned number, char *message)
{
    int ends[2];
    fflush(NULL);
    if (pipe(ends) < 0) {
        snprintf(message, MESSAGE_BYTES, "fail\tpipe: %s", strerror(errno));
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        close(ends[0]);
        result_fd = ends[1];
        suite = tests[number].suite;
        tests[number].function();
        tell("pass", outcome);
        _exit(0);
    }
    close(ends[1]);
    struct pollfd poll_fd = { .fd = ends[0], .events = POLLIN };
    ssize_t got = 0;
    int ready = child < 0 ? -1 : poll(&poll_fd, 1, DEADLINE_MS);
    if (ready > 0)
        got = read(ends[0], message, MESSAGE_BYTES - 1);
    close(ends[0]);
    int status = 0;
    if (child > 0) {
        if (ready == 0)
            kill(child, SIGKILL);
        waitpid(child, &status, 0);
        kill(-child, SIGKILL); /* what it may have left behind */
    }
    if (got > 0)
        message[got] = 0;
    else if (ready == 0)
        snprintf(message, MESSAGE_BYTES, "fail\tno end after %d s", DEADLINE_MS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(message, MESSAGE_BYTES, "fail\tended by signal %d", WTERMSIG(status));
    else
        snprintf(message, MESSAGE_BYTES, "fail\tended without a word, status %d", status);
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    for (unsigned i = 0; i < test_count; i++) {
        if (argc > 1 && !strstr(tests[i].name, argv[1]))
            continue;
        char message[MESSAGE_BYTES] = "";
        uint64_t start = now_ms();
        run(i, message);
        const char *text = strchr(message, '\t');
        printf("%.4s\t%s\t%llu\t%s\n", message, tests[i].name,
               (unsigned long long)(now_ms() - start), text ? text + 1 : "");
        fflush(stdout);
        passed += strncmp(message, "pass", 4) == 0;
        failed += strncmp(message, "fail", 4) == 0;
    }
    return failed == 0 && passed > 0 ? 0 : 1;
}
