/* SPDX-License-Identifier: MIT
 *
 * The KVM engine by its exits: for each reason a guest of a few instructions.
 *
 * Where /dev/kvm cannot be used, every test is skipped with the reason the engine gives.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "../guest/tiny_guest.h"

#define HANG_GUARD_S 120
#define SOON_NS 200000000 /* a deadline that a quiet host reaches long after the guest ran */
#define LATE_NS 50000000000

static struct tiny t;

static void start(unsigned cores, const uint8_t *code, const uint8_t *code_end, const char *text)
{
    struct engine_capability capability;
    if (engine_kvm.probe(&capability) < 0)
        cr_skip_test("%s", capability.reason);
    tiny_init(&t, cores, code, code_end, text);
}

static void run(void)
{
    cr_assert_eq(tiny_start(&t, &engine_kvm), 0, "%s", t.error);
    tiny_run(&t);
}

static void finish(void)
{
    cr_log_info("%s", tiny_outcome(&t)); /* `make check-nested` compares it between hosts */
    tiny_free(&t);
}

static struct engine_core_stats stats_of(unsigned core)
{
    static struct engine_stats stats;
    t.ops->stats(t.engine, &stats);
    return stats.core[core];
}

/* Runs to a deadline a guest that ends in a jump to itself or to the `hlt` before.  How much a core
 * does before a deadline is the host's affair: when core 0 was not yet at that jump, nothing was
 * seen, and it is run again with twice the time. */
static void run_to_deadline(unsigned cores, const uint8_t *code, const uint8_t *code_end)
{
    const uint64_t jump = ABI_KERNEL_BASE + TINY_BODY_OFFSET + (uint64_t)(code_end - code) - 2;
    for (uint64_t deadline_ns = SOON_NS;; deadline_ns *= 2) {
        struct core_state state;
        start(cores, code, code_end, NULL);
        t.config.deadline_ns = deadline_ns;
        run();
        cr_assert_eq(t.why.reason, STOP_DEADLINE, "%s %s", stop_reason_name(t.why.reason),
                     t.why.detail);
        cr_assert_eq(t.ops->core_state(t.engine, 0, &state), 0);
        if (state.rip >= jump || deadline_ns > LATE_NS)
            return;
        tiny_free(&t);
    }
}

/* One that failed left its machine behind: the log says where the guest stood. */
static void describe(void)
{
    tiny_describe(&t);
}

TestSuite(kvm, .timeout = HANG_GUARD_S, .fini = describe);

GUEST(exit_guest, "say 5\n power_off $7\n 1: jmp 1b\n");

Test(kvm, console_line_and_exit_code)
{
    start(1, exit_guest_start, exit_guest_end, "hello");
    run();
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 7);
    cr_assert_eq(t.line_count, 1);
    cr_assert_str_eq(t.line[0].text, "hello");
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_PORT_CONSOLE], 1);
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_PORT_POWER], 1);
    finish();
}

/* Arms the timer 300 ms ahead and halts.  Where the host is too busy for that the timer fires
 * first, but the interrupt waits: it is taken behind the instruction that follows `sti`.  The
 * handler powers off with the cause it takes + 0x20. */
GUEST(timer_guest, "  set_handler 2f\n"
                   "  request 0x5004, 0\n"
                   "  mov 128(%rbx), %rax\n" /* clock_ns */
                   "  mov %rax, 0x2000(%rbp)\n"
                   "  add $300000000, %rax\n"
                   "  mov %rax, 64(%rbx)\n"
                   "  request 0x5008, 0\n"
                   "1: sti\n"
                   "  hlt\n"
                   "  jmp 1b\n"
                   "2: xor %ecx, %ecx\n"
                   "  xchg %rcx, (%rbx)\n"
                   "  mov 128(%rbx), %rax\n" /* at least 300 ms later */
                   "  sub 0x2000(%rbp), %rax\n"
                   "  cmp $300000000, %rax\n"
                   "  jb 3f\n"
                   "  pop %rax\n" /* vector 32 */
                   "  or %rax, %rcx\n"
                   "  power_off %rcx\n"
                   "3: power_off $99\n");

Test(kvm, timer_wakes_a_halted_core)
{
    start(1, timer_guest_start, timer_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 32 + ABI_CAUSE_TIMER);
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_HLT], 1);
    cr_assert_eq(stats_of(0).interrupts, 1);
    finish();
}

/* An own notification while interrupts are off is delivered when they are switched on. */
GUEST(window_guest, "  set_handler 2f\n"
                    "  request 0x500c, 77\n" /* to core 0, id 77 */
                    "  mov $100, %ecx\n"
                    "1: loop 1b\n"
                    "  movb $1, 0x2000(%rbp)\n" /* reached with interrupts off */
                    "  sti\n"
                    "  nop\n"
                    "  mov $100000, %ecx\n"
                    "1: loop 1b\n"
                    "  power_off $98\n" /* never interrupted */
                    "2: cmpb $1, 0x2000(%rbp)\n"
                    "  jne 3f\n"
                    "  mov 520(%rbx), %rax\n" /* notify_pending[1], bit 13 */
                    "  cmp $0x2000, %rax\n"
                    "  jne 3f\n"
                    "  cmpq $2, 8(%rbx)\n" /* notify_summary */
                    "  jne 3f\n"
                    "  cmpq $2, (%rbx)\n" /* cause */
                    "  jne 3f\n"
                    "  power_off $5\n"
                    "3: power_off $97\n");

Test(kvm, interrupt_waits_until_the_guest_can_take_it)
{
    start(1, window_guest_start, window_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 5);
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_INTERRUPT_WINDOW], 1);
    finish();
}

/* Core 0 starts core 1 with its own boot information, has a second start refused, lets core 1 go
 * on, and waits for a notification; core 1 waits for the word to go on, notifies core 0 and stops.
 * Without that word a host that runs the cores in turns may see core 1 gone before the second
 * start. */
GUEST(two_core_guest,
      "  set_handler 2f\n"
      "  mov $4, %ecx\n" /* no such core: 1 */
      "  mov %rcx, 64(%rbx)\n"
      "  request 0x5010, 1\n"
      "  cmpq $1, 136(%rbx)\n"
      "  jne 9f\n"
      "  start_core_1 5f\n"
      "  cmpq $0, 136(%rbx)\n"
      "  jne 9f\n"
      "  request 0x5010, 1\n" /* running already: 2 */
      "  cmpq $2, 136(%rbx)\n"
      "  jne 9f\n"
      "  movq $1, 0x1000(%rbp)\n" /* TINY_FREE: core 1 may go on */
      "1: sti\n"
      "  hlt\n"
      "  jmp 1b\n"
      "2: cmpq $8, 512(%rbx)\n" /* id 3 */
      "  jne 9f\n"
      "3: movq $1, 64(%rbx)\n" /* until core 1 is gone for good: no such core */
      "  request 0x5010, 1\n"
      "  cmpq $2, 136(%rbx)\n"
      "  je 3b\n"
      "  cmpq $1, 136(%rbx)\n"
      "  jne 9f\n"
      "  power_off $11\n"
      "9: power_off $96\n"
      /* core 1: its area is the next one, not mapped by these tables; use the requests that need no
       * argument */
      "5: pause\n"
      "  cmpq $0, -0x7feff000\n" /* what core 0 reaches by RBP */
      "  je 5b\n"
      "  request 0x500c, 3\n"
      "  request 0x5010, 2\n"
      "  ud2\n");

Test(kvm, core_starts_core_and_is_notified)
{
    start(2, two_core_guest_start, two_core_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 11);
    cr_assert_eq(t.event_count[MACHINE_EVENT_CORE_STARTED], 2);
    cr_assert_eq(t.event_count[MACHINE_EVENT_CORE_STOPPED], 1);
    cr_assert_geq(t.event_count[MACHINE_EVENT_BAD_REQUEST], 3);
    cr_assert_eq(stats_of(1).exit[ENGINE_EXIT_PORT_IPI], 1);
    struct core_state state;
    cr_assert_eq(t.ops->core_state(t.engine, 1, &state), 0);
    cr_assert_eq(state.activity, CORE_STOPPED);
    finish();
}

GUEST(halt_off_guest, "cli\n 1: hlt\n jmp 1b\n");

Test(kvm, a_core_halted_for_good_ends_the_run_before_its_deadline)
{
    run_to_deadline(1, halt_off_guest_start, halt_off_guest_end);
    cr_assert_lt(t.why.time_ns, t.config.deadline_ns);
    struct core_state state;
    cr_assert_eq(t.ops->core_state(t.engine, 0, &state), 0);
    cr_assert_eq(state.activity, CORE_HALTED);
    cr_assert_eq(state.rip, ABI_KERNEL_BASE + TINY_BODY_OFFSET + 2);
    finish();
}

GUEST(spin_guest, "1: jmp 1b\n");

Test(kvm, deadline_ends_a_core_that_never_exits)
{
    run_to_deadline(2, spin_guest_start, spin_guest_end);
    struct core_state state;
    cr_assert_eq(t.ops->core_state(t.engine, 0, &state), 0);
    cr_assert_eq(state.activity, CORE_RUNNING);
    cr_assert_eq(state.rip, ABI_KERNEL_BASE + TINY_BODY_OFFSET);
    cr_assert_eq(t.ops->core_state(t.engine, 1, &state), 0);
    cr_assert_eq(state.activity, CORE_OFF);
    finish();
}

Test(kvm, readable_interrupt_fd_ends_the_run)
{
    start(1, spin_guest_start, spin_guest_end, NULL);
    t.options.interrupt_fd = eventfd(1, EFD_CLOEXEC);
    run();
    cr_assert_eq(t.why.reason, STOP_INTERRUPTED);
    close(t.options.interrupt_fd);
    finish();
}

Test(kvm, request_before_run_ends_it_at_once)
{
    start(1, spin_guest_start, spin_guest_end, NULL);
    cr_assert_eq(tiny_start(&t, &engine_kvm), 0, "%s", t.error);
    t.ops->request_stop(t.engine, STOP_REQUEST);
    t.ops->request_stop(t.engine, STOP_INTERRUPTED); /* too late */
    tiny_run(&t);
    cr_assert_eq(t.why.reason, STOP_REQUEST);
    finish();
}

/* An IDT without room for any gate, then an undefined instruction. */
GUEST(triple_guest, "  movw $0, 0x90(%rbp)\n"
                    "  lidt 0x90(%rbp)\n"
                    "  ud2\n");

Test(kvm, triple_fault_names_the_core)
{
    start(1, triple_guest_start, triple_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_TRIPLE_FAULT, "%s", stop_reason_name(t.why.reason));
    cr_assert_eq(t.why.core, 0);
    finish();
}

GUEST(stop_guest, "request 0x5010, 2\n ud2\n");

Test(kvm, last_core_that_stops_ends_the_run)
{
    start(1, stop_guest_start, stop_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_ALL_STOPPED);
    finish();
}

GUEST(panic_guest, "request 0x5010, 4\n ud2\n");

Test(kvm, panic_stops_behind_the_instruction)
{
    start(1, panic_guest_start, panic_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_PANIC);
    struct core_state state;
    cr_assert_eq(t.ops->core_state(t.engine, 0, &state), 0);
    cr_assert_eq(state.rip, ABI_KERNEL_BASE + TINY_BODY_OFFSET + 11);
    finish();
}

/* Maps the window at 32 GiB of the physical map with a large page whose directory lies in the
 * scratch memory, stores 8, 4, 2 and 1 bytes there, reads them back. */
#define MAP_WINDOW                                      \
    "  mov 72(%r14), %rcx\n" /* scratch_paddr */        \
    "  mov %cr3, %rax\n"                                \
    "  mov $0xffff800000000000, %rdx\n"                 \
    "  mov 2048(%rdx,%rax), %rax\n" /* PML4 slot 256 */ \
    "  and $~0xfff, %rax\n"                             \
    "  lea 3(%rcx), %rsi\n"                             \
    "  mov %rsi, 256(%rdx,%rax)\n" /* PDPT slot 32 */   \
    "  mov $0x800000083, %rsi\n"                        \
    "  mov %rsi, (%rdx,%rcx)\n"                         \
    "  mov $0xffff800800000000, %rsi\n"
_Static_assert(offsetof(struct abi_boot, scratch_paddr) == 72, "see MAP_WINDOW");

GUEST(window_store_guest, MAP_WINDOW "  mov $0x1122334455667788, %rax\n"
                                     "  mov %rax, 0x100(%rsi)\n"
                                     "  movl $0xaabbccdd, 0x108(%rsi)\n"
                                     "  movw $0x1234, 0x10c(%rsi)\n"
                                     "  movb $0x56, 0x10e(%rsi)\n"
                                     "  cmp %rax, 0x100(%rsi)\n"
                                     "  jne 9f\n"
                                     "  cmpl $0xaabbccdd, 0x108(%rsi)\n"
                                     "  jne 9f\n"
                                     "  power_off $3\n"
                                     "9: power_off $95\n");

static void check_window(void)
{
    cr_assert_eq(t.why.reason, STOP_EXIT, "%s %s", stop_reason_name(t.why.reason), t.why.detail);
    cr_assert_eq(t.why.exit_code, 3);
    const uint8_t expected[16] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
                                   0xdd, 0xcc, 0xbb, 0xaa, 0x34, 0x12, 0x56, 0 };
    const uint8_t *window = machine_memory(t.machine, ABI_WINDOW_BASE + 0x100, 16);
    cr_assert_arr_eq(window, expected, 16);
}

Test(kvm, plain_window_stores_do_not_exit)
{
    start(1, window_store_guest_start, window_store_guest_end, NULL);
    run();
    check_window();
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_WINDOW_STORE], 0);
    finish();
}

Test(kvm, trapped_window_stores_arrive_one_by_one)
{
    start(1, window_store_guest_start, window_store_guest_end, NULL);
    t.options.trap_window = true;
    run();
    check_window();
    cr_assert_eq(stats_of(0).exit[ENGINE_EXIT_WINDOW_STORE], 4);
    finish();
}

GUEST(nowhere_guest, MAP_WINDOW "  mov $0x900000083, %rax\n" /* 36 GiB: nothing there */
                                "  mov %rax, (%rdx,%rcx)\n"
                                "  mov (%rsi), %rax\n"
                                "  power_off $94\n");

Test(kvm, load_from_no_memory_is_reported)
{
    start(1, nowhere_guest_start, nowhere_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_BAD_ACCESS, "%s", stop_reason_name(t.why.reason));
    cr_assert(strstr(t.why.detail, "0x900000000"), "%s", t.why.detail);
    finish();
}

GUEST(in_guest, "  mov $0x5000, %edx\n"
                "  in %dx, %eax\n"
                "  cmp $-1, %eax\n"
                "  jne 9f\n"
                "  xor %eax, %eax\n"
                "  in %dx, %al\n"
                "  cmp $0xff, %eax\n"
                "  jne 9f\n"
                "  out %al, %dx\n" /* a byte: bad request */
                "  cmpq $4, 136(%rbx)\n"
                "  jne 9f\n"
                "  power_off $2\n"
                "9: power_off $93\n");

Test(kvm, reading_ports_gives_ones_and_bytes_are_refused)
{
    start(1, in_guest_start, in_guest_end, NULL);
    run();
    cr_assert_eq(t.why.exit_code, 2);
    struct machine_stats stats;
    machine_get_stats(t.machine, &stats);
    cr_assert_eq(stats.bad_requests, 1);
    finish();
}

/* On hardware `int3` is an exception like any other; software KVM cannot emulate it in ring 0. */
GUEST(int3_guest, "  set_handler 2f\n"
                  "  int3\n"
                  "  power_off $92\n"
                  "2: pop %rax\n"
                  "  add $1, %rax\n"
                  "  power_off %rax\n");

Test(kvm, int3_in_ring_0_works_or_is_an_emulation_failure)
{
    start(1, int3_guest_start, int3_guest_end, NULL);
    run();
    if (t.why.reason == STOP_EMULATION) {
        cr_assert_eq(t.why.core, 0);
        cr_assert_neq(t.why.detail[0], 0);
        struct core_state state;
        cr_assert_eq(t.ops->core_state(t.engine, 0, &state), 0);
        cr_assert_geq(state.rip, ABI_KERNEL_BASE + TINY_BODY_OFFSET);
    } else {
        cr_assert_eq(t.why.reason, STOP_EXIT);
        cr_assert_eq(t.why.exit_code, 4);
    }
    finish();
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Threads of this process that are vCPUs; the kernel may have added some of its own. */
static unsigned vcpu_threads(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char path[300], name[16] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fgets(name, sizeof(name), file))
            count += strncmp(name, "vcpu ", 5) == 0;
        if (file)
            fclose(file);
    }
    closedir(dir);
    return count;
}

Test(kvm, nothing_is_left_behind)
{
    start(4, spin_guest_start, spin_guest_end, NULL);
    t.config.deadline_ns = 1000000;
    unsigned descriptors = open_descriptors();
    run();
    while (vcpu_threads() != 0) /* a joined thread may still be leaving the list */
        sched_yield();
    finish();
    cr_assert_eq(open_descriptors(), descriptors);
}

Test(kvm, platform_is_in_the_boot_information)
{
    start(1, spin_guest_start, spin_guest_end, NULL);
    struct engine_capability capability;
    cr_assert_eq(engine_kvm.probe(&capability), 0);
    cr_assert_eq(tiny_start(&t, &engine_kvm), 0);
    const struct abi_boot *boot = machine_memory(t.machine, 0x1000, sizeof(*boot));
    cr_assert_eq(boot->flags, (capability.syscall_faults ? ABI_BOOT_SYSCALL_FAULTS : 0) |
                                  (capability.wide_vectors ? ABI_BOOT_WIDE_VECTORS : 0));
    cr_assert_gt(boot->tsc_hz, 100000000);
    finish();
}

static char *report(bool verbose)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    machine_postmortem(t.machine, &t.why, verbose, out);
    fclose(out);
    return text;
}

Test(kvm, postmortem_of_a_triple_fault_shows_registers_and_code)
{
    start(2, triple_guest_start, triple_guest_end, NULL);
    run();
    char *text = report(false);
    cr_assert(strstr(text, "run ended: triple fault (a trap could not be delivered)"), "%s", text);
    if (!strstr(text, "the host reset the core")) { /* as KVM on SVM does */
        cr_assert(strstr(text, "core 0: running in ring 0 at cpu!0xffffffff8000"), "%s", text);
        cr_assert(strstr(text, "code at rip:"), "%s", text);
        cr_assert(strstr(text, "rbx ffffffffc0000000"), "%s", text);
    }
    cr_assert(strstr(text, "1 core was never started"), "%s", text);
    free(text);
    finish();
}

/* Fills the status block and the trace ring as a CPU driver would, with one dispatcher "alpha" that
 * runs and one "beta" that waits, then halts for good. */
GUEST(status_guest, "  movl $0x68706c61, 0x2000(%rbp)\n" /* "alph" */
                    "  movb $0x61, 0x2004(%rbp)\n"
                    "  movl $1, 0x2024(%rbp)\n"          /* disabled */
                    "  movl $0x61746562, 0x2040(%rbp)\n" /* "beta" */
                    "  lea 0x2000(%r15), %rax\n"
                    "  mov %rax, 192(%rbx)\n" /* current_dcb */
                    "  lea 0x2040(%r15), %rcx\n"
                    "  mov %rcx, 200(%rbx)\n" /* runq_head */
                    "  movq $2, 208(%rbx)\n"
                    "  movq $0x0b03, 0x2000(%rbx)\n" /* upcall, a = 11: unknown */
                    "  mov %rax, 0x2008(%rbx)\n"
                    "  mov $0x1200000101, %rdx\n" /* system call 1, cptr 0x12 */
                    "  mov %rdx, 0x2010(%rbx)\n"
                    "  mov %rax, 0x2018(%rbx)\n"
                    "  movq $2, 216(%rbx)\n"
                    "  request 0x500c, 70\n"
                    "  cli\n"
                    "1: hlt\n"
                    "  jmp 1b\n");

Test(kvm, postmortem_names_dispatchers_causes_and_calls)
{
    run_to_deadline(1, status_guest_start, status_guest_end);
    cr_assert_eq(t.trace_count, 2);
    char *text = report(false);
    static const char *const parts[] = {
        "core 0: halted with interrupts off in ring 0 at cpu!0x",
        "phase: dispatching",
        "dispatcher: alpha, disabled",
        "run queue: beta\n",
        "pending: notify; notifications 70\n",
        "last system call: syscall #1 cptr 0x12 (alpha)",
        "upcall ? (alpha)",
        "last of 2 trace records (0 lost)",
    };
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        cr_assert(strstr(text, parts[i]), "%s missing in %s", parts[i], text);
    cr_assert_null(strstr(text, "rax"), "registers only where something went wrong");
    free(text);
    text = report(true);
    cr_assert(strstr(text, "rax"));
    free(text);
    finish();
}

/* A run queue that leads nowhere, or for ever in a circle, and a trace head far ahead. */
GUEST(damaged_guest, "  lea 0x2000(%r15), %rax\n"
                     "  mov %rax, 200(%rbx)\n"
                     "  lea 0x2040(%r15), %rcx\n"
                     "  mov %rcx, 0x2010(%rbp)\n" /* runq_next of the first */
                     "  mov %rcx, 0x2050(%rbp)\n" /* the second leads to itself */
                     "  movq $-1, 192(%rbx)\n"
                     "  movq $77, 208(%rbx)\n"
                     "  movq $100000, 216(%rbx)\n"
                     "  request 0x5010, 4\n");

Test(kvm, postmortem_survives_a_damaged_guest)
{
    start(1, damaged_guest_start, damaged_guest_end, NULL);
    run();
    cr_assert_eq(t.why.reason, STOP_PANIC);
    char *text = report(true);
    cr_assert(strstr(text, "dispatcher: ?\n"), "%s", text);
    cr_assert(strstr(text, " ...\n"), "%s", text);
    cr_assert(strstr(text, "phase: unknown"), "%s", text);
    cr_assert(strstr(text, "of 100000 trace records (99488 lost)"), "%s", text);
    free(text);
    finish();
}
