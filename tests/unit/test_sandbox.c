/* SPDX-License-Identifier: MIT
 *
 * The filters of system calls: what a guest's thread may not do ends the process with status 3;
 * what it needs works.  Each case is a process of its own, since no filter can be taken back.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/sandbox.h"

TestSuite(sandbox, .timeout = 60);

static int pipe_fd[2];

static void open_file(void)
{
    if (open("/etc/passwd", O_RDONLY) >= 0)
        _exit(9);
}

static void make_socket(void)
{
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
        _exit(9);
}

static void run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void kill_another(void)
{
    if (kill(1, 0) == 0)
        _exit(9);
}

static void type_into_the_terminal(void)
{
    if (ioctl(0, TIOCSTI, "x") == 0)
        _exit(9);
}

static void replace_the_handler(void)
{
    signal(SIGSYS, SIG_IGN);
}

static void make_process(void)
{
    if (fork() == 0)
        _exit(0);
}

static void *nothing(void *context)
{
    return context;
}

/* What engines and writers do. */
static void work(void)
{
    pthread_t thread;
    void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || munmap(memory, 1 << 20) || write(pipe_fd[1], "x", 1) != 1 ||
        pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL) ||
        pthread_kill(pthread_self(), 0))
        _exit(9);
    usleep(1000);
    free(malloc(10 << 20));
}

static void nothing_at_all(void)
{
}

/* The exit status of a process that confines itself and calls `what`. */
static int status_of(enum sandbox_mode mode, void (*what)(void), bool of_guest)
{
    char problem[160];
    int status;
    fflush(NULL);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (!sandbox_process(mode, problem, sizeof(problem)) ||
            (of_guest && !sandbox_guest_thread(mode, problem, sizeof(problem))))
            _exit(77); /* this host has no filters */
        what();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void need_filters(void)
{
    cr_assert_eq(pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK), 0);
    if (status_of(SANDBOX_ON, nothing_at_all, true) == 77)
        cr_skip_test("this host filters no system calls");
}

Test(sandbox, a_guest_thread_can_do_its_work_and_nothing_else)
{
    static void (*const refused[])(void) = { open_file,          make_socket,
                                             run_program,        kill_another,
                                             make_process,       type_into_the_terminal,
                                             replace_the_handler };
    need_filters();
    cr_expect_eq(status_of(SANDBOX_ON, work, true), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        cr_expect_eq(status_of(SANDBOX_ON, refused[i], true), 3, "case %zu", i);
}

Test(sandbox, other_threads_open_files_and_start_no_programs)
{
    need_filters();
    cr_expect_eq(status_of(SANDBOX_ON, open_file, false), 9);
    cr_expect_eq(status_of(SANDBOX_ON, make_socket, false), 3);
    cr_expect_eq(status_of(SANDBOX_ON, run_program, false), 3);
}

Test(sandbox, no_thread_makes_a_process)
{
    need_filters();
    cr_expect_eq(status_of(SANDBOX_ON, make_process, false), 3);
}

static void exceed_limits(void)
{
    struct rlimit limit;
    sandbox_limits(SANDBOX_ON, 1ull << 60); /* the sanitizer has terabytes of addresses */
    if (getrlimit(RLIMIT_CORE, &limit) < 0 || limit.rlim_cur != 0)
        _exit(9);
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur > SANDBOX_FILE_BYTES)
        _exit(10);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > SANDBOX_FILES)
        _exit(11);
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        _exit(12);
    char problem[160];
    sandbox_guest_thread(SANDBOX_ON, problem, sizeof(problem));
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_CORE, &limit); /* ends here */
}

static void keep_lower_limits(void)
{
    struct rlimit limit = { 1000, 1000 };
    setrlimit(RLIMIT_FSIZE, &limit);
    sandbox_limits(SANDBOX_ON, 1ull << 60);
    _exit(getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur == 1000 ? 5 : 9);
}

Test(sandbox, a_run_has_limits_that_its_guest_cannot_raise)
{
    need_filters();
    cr_expect_eq(status_of(SANDBOX_ON, exceed_limits, false), 3);
    cr_expect_eq(status_of(SANDBOX_ON, keep_lower_limits, false), 5);
}

Test(sandbox, log_and_off_let_all_pass)
{
    need_filters();
    cr_expect_eq(status_of(SANDBOX_LOG, open_file, true), 9);
    cr_expect_eq(status_of(SANDBOX_OFF, open_file, true), 9);
}

static void tell_privileges(void)
{
    _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 5 : 6);
}

Test(sandbox, no_new_privileges)
{
    need_filters();
    cr_expect_eq(status_of(SANDBOX_ON, tell_privileges, false), 5);
    cr_expect_eq(status_of(SANDBOX_OFF, tell_privileges, false), 6);
}
