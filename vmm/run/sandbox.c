/* SPDX-License-Identifier: MIT
 *
 * Filters of system calls, by libseccomp.
 *
 * The threads that execute a guest, and with it the device models and the libraries behind the
 * engines, get a short list of what they need; all else ends the program.  The other threads open
 * files after a run (symbols, results), so for them only what no run ever needs is refused.  A
 * helper process of an engine must be started before, or by a thread outside.
 *
 * Limits of resources stand beside the filters: what a thread may do, it may do so often only.
 *
 * A refused call arrives as SIGSYS, whose handler says which one it was: the guest's threads cannot
 * replace it, since sigaction is not on their list.  Must never change what a guest sees.
 */
#include "run/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <linux/kvm.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "report/output.h"
#include "run/status.h"

#define ARENAS_MAX 8 /* of malloc */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a thread that executes a guest needs, whatever the arguments. */
static const int guest_calls[] = {
    /* output, recordings and descriptors that wake somebody */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fallocate),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(timerfd_settime),
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    /* threads, and signals to them */
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(membarrier),
    /* time and chance */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
};

/* What no run needs. */
static const int refused_calls[] = {
    /* other programs and processes */
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(process_madvise),
    /* the network */
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    /* other views of the system */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    /* the kernel itself */
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(syslog),
    SCMP_SYS(quotactl),
    /* who we are */
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
};

bool sandbox_parse(const char *text, enum sandbox_mode *mode)
{
    static const char *const names[] = {
        [SANDBOX_OFF] = "off", [SANDBOX_ON] = "on", [SANDBOX_LOG] = "log"
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum sandbox_mode)i;
            return true;
        }
    }
    return false;
}

static void on_refused(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    /* formatting is no affair of signal handlers in general; this one returns to nobody */
    output_warn("\nvmm: system call %d is not one that running a guest needs; the program ends "
                "(--seccomp log allows it, --seccomp off has no filter)\n",
                info->si_syscall);
    _exit(STATUS_HOST);
}

static uint32_t refusal(enum sandbox_mode mode)
{
    return mode == SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_TRAP;
}

static bool explain(int error, char *problem, size_t bytes)
{
    snprintf(problem, bytes, "this host filters no system calls (seccomp): %s", strerror(-error));
    return false;
}

/* Takes the filter along on success and failure. */
static bool load(scmp_filter_ctx filter, int error, char *problem, size_t bytes)
{
    if (!error)
        error = seccomp_load(filter);
    seccomp_release(filter);
    return error ? explain(error, problem, bytes) : true;
}

/* Its arguments lie in memory, which a filter cannot see: the C library then uses clone. */
static int hide_clone3(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

bool sandbox_process(enum sandbox_mode mode, char *problem, size_t bytes)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;
    if (mode == SANDBOX_OFF || atomic_flag_test_and_set(&done))
        return true;
    /* Else the allocator opens a file of the host, to count its processors when many threads ask at
     * once, or to ask how memory is promised when a thread gives much of it back.  Blocks that are
     * large go back to the host as before. */
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    struct sigaction action = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO };
    if (sigaction(SIGSYS, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return explain(-errno, problem, bytes);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return explain(-ENOMEM, problem, bytes);
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; !error && i < COUNT(refused_calls); i++)
        error = seccomp_rule_add(filter, refusal(mode), refused_calls[i], 0);
    if (!error)
        error = seccomp_rule_add(filter, refusal(mode), SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    if (!error)
        error = hide_clone3(filter);
    return load(filter, error, problem, bytes);
}

/* Requests of KVM only; threads of this process only; signals to it only. */
static int add_checked_calls(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, KVMIO << 8));
    if (!error)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (!error)
        error = hide_clone3(filter);
    if (!error)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (!error)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                 SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    return error;
}

static void lower(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0 || limit.rlim_cur <= value)
        return;
    limit.rlim_cur = value; /* only the soft one: the next run may need more */
    setrlimit(resource, &limit);
}

/* The first numbers of a file of /proc; false if they are not to be had. */
static bool read_numbers(const char *path, const char *format, unsigned long long *number)
{
    FILE *file = fopen(path, "re");
    bool found = file && fscanf(file, format, number) == 1;
    if (file)
        fclose(file);
    return found && *number > 0;
}

void sandbox_limits(enum sandbox_mode mode, uint64_t memory_bytes)
{
    static struct rlimit memory; /* as it was before the first run */
    static bool known;
    unsigned long long pages, tasks;
    if (mode == SANDBOX_OFF)
        return;
    lower(RLIMIT_CORE, 0);
    lower(RLIMIT_FSIZE, SANDBOX_FILE_BYTES);
    lower(RLIMIT_NOFILE, SANDBOX_FILES);
    /* of all users, so not fewer than this user's */
    if (read_numbers("/proc/loadavg", "%*s %*s %*s %*u/%llu", &tasks))
        lower(RLIMIT_NPROC, tasks + SANDBOX_TASKS);
    if (!known)
        known = getrlimit(RLIMIT_AS, &memory) == 0;
    if (!known || !read_numbers("/proc/self/statm", "%llu", &pages))
        return;
    setrlimit(RLIMIT_AS, &memory);
    lower(RLIMIT_AS, pages * (unsigned long long)sysconf(_SC_PAGESIZE) + memory_bytes);
}

bool sandbox_guest_thread(enum sandbox_mode mode, char *problem, size_t bytes)
{
    if (mode == SANDBOX_OFF)
        return true;
    scmp_filter_ctx filter = seccomp_init(refusal(mode));
    if (!filter)
        return explain(-ENOMEM, problem, bytes);
    int error = 0;
    for (size_t i = 0; !error && i < COUNT(guest_calls); i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, guest_calls[i], 0);
    if (!error)
        error = add_checked_calls(filter);
    return load(filter, error, problem, bytes);
}
