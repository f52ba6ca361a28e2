/* SPDX-License-Identifier: MIT
 *
 * The probe guest: twenty instructions that find out what no capability bit says.
 *
 * A VM of 16 pages enters ring 3 by `iretq`, executes an instruction of AVX, which CR4 forbids, or
 * `wrfsbase` (if CPUID offers it), and then `syscall`.  Where `syscall` works it arrives at LSTAR
 * in ring 0; on software KVM the ring does not change, so fetching from LSTAR raises #PF with CR2 =
 * RIP = LSTAR.  Whichever place in ring 0 is reached tells its name through a port, which ends the
 * probe.  Anything else that happens means this KVM cannot run our guests, and is reported with
 * what was seen.
 *
 * The guest has its own page tables: its kernel page in the upper half, supervisor only, its user
 * page in the lower half, as the CPU driver has it.  It shares nothing with the machine.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "abi/boot_tables.h"
#include "engine/host_limits.h"
#include "engine/kvm/kvm_private.h"

#define PROBE_PORT 0x5ff0
#define PROBE_SYSCALL 1   /* LSTAR was reached in ring 0 */
#define PROBE_FAULT 0x100 /* + vector */
#define VECTOR_UNDEFINED 6
#define PROBE_SECONDS 5 /* far more than it takes (milliseconds) */

/* Guest-physical pages. */
enum {
    PAGE_PML4 = 1,
    PAGE_PDPT_LOW,
    PAGE_PD_LOW,
    PAGE_PT_LOW,
    PAGE_PDPT_HIGH,
    PAGE_PD_HIGH,
    PAGE_PT_HIGH,
    PAGE_CODE,  /* supervisor */
    PAGE_DATA,  /* supervisor: GDT, IDT, TSS */
    PAGE_STACK, /* supervisor */
    PAGE_USER,  /* user code */
    PROBE_PAGES = 16
};

#define USER_VADDR 0x400000ull
#define HIGH_VADDR(page) (ABI_KERNEL_BASE + (page)*0x1000ull)
#define GDT_OFFSET 0x000
#define TSS_OFFSET 0x080
#define IDT_OFFSET 0x100 /* 32 gates */

/* Positions of the code are computed from these labels; the code is position-independent. */
extern const uint8_t probe_entry[], probe_lstar[], probe_vectors[], probe_kernel_end[];
extern const uint8_t probe_user[], probe_user_end[];

__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "probe_entry:\n"            /* RDI = LSTAR; RSP = an iretq frame; RBX = enum attempt */
        "  mov $0xc0000081, %ecx\n" /* STAR: kernel selectors 8, 16; user ones from 0x10 */
        "  xor %eax, %eax\n"
        "  mov $0x00100008, %edx\n"
        "  wrmsr\n"
        "  mov $0xc0000082, %ecx\n" /* LSTAR */
        "  mov %edi, %eax\n"
        "  mov %rdi, %rdx\n"
        "  shr $32, %rdx\n"
        "  wrmsr\n"
        "  mov $0xc0000084, %ecx\n" /* SFMASK: interrupts and direction flag off */
        "  mov $0x600, %eax\n"
        "  xor %edx, %edx\n"
        "  wrmsr\n"
        "  iretq\n"
        "probe_lstar:\n"
        "  mov $1, %eax\n"
        "  jmp probe_out\n"
        ".balign 16\n"
        "probe_vectors:\n" /* 32 stubs of 16 bytes each */
        ".set vector, 0\n"
        ".rept 32\n"
        "  .balign 16\n"
        "  mov $(0x100 + vector), %eax\n"
        "  jmp probe_out\n"
        "  .set vector, vector + 1\n"
        ".endr\n"
        "  .balign 16\n"
        "probe_out:\n"
        "  mov $0x5ff0, %edx\n"
        "  out %eax, %dx\n"
        "1: hlt\n"
        "  jmp 1b\n"
        "probe_kernel_end:\n"
        "probe_user:\n"
        "  test %ebx, %ebx\n"
        "  jz 2f\n"
        "  dec %ebx\n"
        "  jz 1f\n"
        "  vpxor %ymm0, %ymm0, %ymm0\n"
        "  jmp 2f\n"
        "1: mov $0x1234000, %eax\n"
        "  wrfsbase %rax\n"
        "2: syscall\n"
        "  ud2\n"
        "probe_user_end:\n"
        ".popsection\n");

/* What ring 3 does before `syscall`. */
enum attempt { ATTEMPT_NOTHING, ATTEMPT_FSGSBASE, ATTEMPT_AVX };

struct probe_vm {
    int vm_fd, vcpu_fd;
    uint8_t *memory;
    struct kvm_run *run;
};

static uint64_t *page_of(const struct probe_vm *vm, unsigned page)
{
    return (uint64_t *)(vm->memory + page * 4096ull);
}

static void build_tables(const struct probe_vm *vm)
{
    const uint64_t rw = ABI_PTE_PRESENT | ABI_PTE_WRITE | ABI_PTE_ACCESSED;
    page_of(vm, PAGE_PML4)[0] = PAGE_PDPT_LOW << 12 | rw | ABI_PTE_USER;
    page_of(vm, PAGE_PML4)[511] = PAGE_PDPT_HIGH << 12 | rw;
    page_of(vm, PAGE_PDPT_LOW)[0] = PAGE_PD_LOW << 12 | rw | ABI_PTE_USER;
    page_of(vm, PAGE_PD_LOW)[USER_VADDR >> 21] = PAGE_PT_LOW << 12 | rw | ABI_PTE_USER;
    page_of(vm, PAGE_PT_LOW)[0] = PAGE_USER << 12 | rw | ABI_PTE_USER;
    page_of(vm, PAGE_PDPT_HIGH)[510] = PAGE_PD_HIGH << 12 | rw;
    page_of(vm, PAGE_PD_HIGH)[0] = PAGE_PT_HIGH << 12 | rw;
    for (unsigned page = PAGE_CODE; page <= PAGE_STACK; page++)
        page_of(vm, PAGE_PT_HIGH)[page] = (uint64_t)page << 12 | rw | ABI_PTE_DIRTY;
}

static void build_data(const struct probe_vm *vm)
{
    uint8_t *data = (uint8_t *)page_of(vm, PAGE_DATA);
    uint64_t tss = HIGH_VADDR(PAGE_DATA) + TSS_OFFSET;
    const uint64_t gdt[] = {
        0,
        0x00af9b000000ffff, /* 0x08: kernel code */
        0x00cf93000000ffff, /* 0x10: kernel data */
        0x00cff3000000ffff, /* 0x18: user data */
        0x00affb000000ffff, /* 0x20: user code */
        0x00008b0000000067 | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56, /* 0x28: busy TSS */
        tss >> 32,
    };
    memcpy(data + GDT_OFFSET, gdt, sizeof(gdt));
    uint64_t rsp0 = HIGH_VADDR(PAGE_STACK) + 4096;
    memcpy(data + TSS_OFFSET + 4, &rsp0, sizeof(rsp0));
    for (unsigned vector = 0; vector < 32; vector++) {
        uint64_t handler =
            HIGH_VADDR(PAGE_CODE) + (uint64_t)(probe_vectors - probe_entry) + 16ull * vector;
        uint64_t gate[2] = { (handler & 0xffff) | 0x8ull << 16 | 0x8eull << 40 |
                                 (handler >> 16 & 0xffff) << 48,
                             handler >> 32 };
        memcpy(data + IDT_OFFSET + 16ull * vector, gate, sizeof(gate));
    }
    memcpy(page_of(vm, PAGE_CODE), probe_entry, (size_t)(probe_kernel_end - probe_entry));
    memcpy(page_of(vm, PAGE_USER), probe_user, (size_t)(probe_user_end - probe_user));
    const uint64_t frame[] = { USER_VADDR, 0x20 | 3, 2, USER_VADDR + 4096, 0x18 | 3 };
    memcpy(page_of(vm, PAGE_STACK) + 256, frame, sizeof(frame));
}

static int set_registers(const struct kvm_host *host, const struct probe_vm *vm,
                         enum attempt attempt)
{
    struct core_entry entry = { .rip = HIGH_VADDR(PAGE_CODE), .cr3 = PAGE_PML4 << 12 };
    entry.rdi = HIGH_VADDR(PAGE_CODE) + (uint64_t)(probe_lstar - probe_entry);
    int r = kvm_set_entry(host, vm->vcpu_fd, &entry);
    if (r < 0)
        return r;
    struct kvm_sregs sregs;
    struct kvm_regs regs;
    if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs) < 0 ||
        ioctl(vm->vcpu_fd, KVM_GET_REGS, &regs) < 0)
        return -errno;
    sregs.gdt.base = HIGH_VADDR(PAGE_DATA) + GDT_OFFSET;
    sregs.gdt.limit = 7 * 8 - 1;
    sregs.idt.base = HIGH_VADDR(PAGE_DATA) + IDT_OFFSET;
    sregs.idt.limit = 32 * 16 - 1;
    sregs.tr = (struct kvm_segment){
        .base = HIGH_VADDR(PAGE_DATA) + TSS_OFFSET,
        .limit = 0x67,
        .selector = 0x28,
        .type = 11,
        .present = 1,
    };
    regs.rsp = HIGH_VADDR(PAGE_STACK) + 256 * 8;
    regs.rbx = attempt;
    if (ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
        ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs) < 0)
        return -errno;
    return 0;
}

static int make_vm(struct kvm_host *host, struct probe_vm *vm)
{
    vm->memory =
        mmap(NULL, PROBE_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (vm->memory == MAP_FAILED) {
        vm->memory = NULL;
        return -errno;
    }
    vm->vm_fd = kvm_make_vm(host);
    if (vm->vm_fd < 0)
        return vm->vm_fd;
    struct kvm_userspace_memory_region slot = { .memory_size = PROBE_PAGES * 4096,
                                                .userspace_addr = (uintptr_t)vm->memory };
    if (ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
        return -errno;
    vm->vcpu_fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, 0);
    if (vm->vcpu_fd < 0)
        return -errno;
    vm->run = mmap(NULL, host->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu_fd, 0);
    if (vm->run == MAP_FAILED) {
        vm->run = NULL;
        return -errno;
    }
    return kvm_set_cpuid(host, vm->vcpu_fd, 0);
}

static void free_vm(struct kvm_host *host, struct probe_vm *vm)
{
    if (vm->run)
        munmap(vm->run, host->run_bytes);
    if (vm->vcpu_fd >= 0)
        close(vm->vcpu_fd);
    if (vm->vm_fd >= 0)
        close(vm->vm_fd);
    if (vm->memory)
        munmap(vm->memory, PROBE_PAGES * 4096);
}

/* Runs until the guest says something.  A timer of this thread ends a guest that never does.  Other
 * signals end KVM_RUN as well, and so does a process that is stopped and goes on (Ctrl-Z, a
 * debugger): then it is entered again.  The timer has to come twice, for while the process is
 * stopped, however long, it comes once. */
static int run_guarded(const struct probe_vm *vm)
{
    kvm_install_kick_handler();
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KVM_KICK_SIGNAL };
    event._sigev_un._tid = gettid();
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
        return -errno;
    struct itimerspec when = { .it_value.tv_sec = PROBE_SECONDS,
                               .it_interval.tv_sec = PROBE_SECONDS };
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t last = now.tv_sec;
    timer_settime(timer, 0, &when, NULL);
    int r;
    unsigned expired = 0;
    do {
        r = ioctl(vm->vcpu_fd, KVM_RUN, 0) < 0 ? -errno : 0;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (r == -EINTR && now.tv_sec - last >= PROBE_SECONDS) {
            expired++;
            last = now.tv_sec;
        }
    } while (r == -EINTR && expired < 2);
    timer_delete(timer);
    return r;
}

/* Runs the guest once; *said is what it wrote to the port. */
static int run_once(struct kvm_host *host, enum attempt attempt, uint32_t *said, uint64_t *cr2,
                    char *why, size_t why_bytes)
{
    struct probe_vm vm = { .vm_fd = -1, .vcpu_fd = -1 };
    const char *step = "making a VM";
    int r = make_vm(host, &vm);
    if (r == 0) {
        build_tables(&vm);
        build_data(&vm);
        step = "setting registers";
        r = set_registers(host, &vm, attempt);
    }
    if (r == 0) {
        step = "running";
        r = run_guarded(&vm);
    }
    struct kvm_sregs sregs = { 0 };
    if (r == 0)
        r = ioctl(vm.vcpu_fd, KVM_GET_SREGS, &sregs) < 0 ? -errno : 0;
    if (r < 0) {
        char reason[160];
        host_explain("", -r, reason, sizeof(reason));
        snprintf(why, why_bytes, "%s: %s", step,
                 r == -EINTR ? "the guest does not come to an end" : reason);
    } else if (!vm.run || vm.run->exit_reason != KVM_EXIT_IO || vm.run->io.port != PROBE_PORT ||
               vm.run->io.direction != KVM_EXIT_IO_OUT || vm.run->io.size != 4) {
        r = -ENOTSUP;
        snprintf(why, why_bytes, "unexpected exit, reason %u", vm.run ? vm.run->exit_reason : 0);
    } else {
        memcpy(said, (uint8_t *)vm.run + vm.run->io.data_offset, sizeof(*said));
        *cr2 = sregs.cr2;
    }
    free_vm(host, &vm);
    return r;
}

int kvm_probe_guest(struct kvm_host *host, char *why, size_t why_bytes)
{
    uint32_t said = 0;
    uint64_t cr2 = 0;
    uint64_t lstar = HIGH_VADDR(PAGE_CODE) + (uint64_t)(probe_lstar - probe_entry);
    int r = run_once(host, ATTEMPT_AVX, &said, &cr2, why, why_bytes);
    if (r < 0)
        return r;
    host->capability.wide_vectors = said != (PROBE_FAULT | VECTOR_UNDEFINED);
    host->capability.fsgsbase = host->cpuid_fsgsbase;
    r = run_once(host, host->cpuid_fsgsbase ? ATTEMPT_FSGSBASE : ATTEMPT_NOTHING, &said, &cr2, why,
                 why_bytes);
    if (r == 0 && host->cpuid_fsgsbase && said == (PROBE_FAULT | VECTOR_UNDEFINED)) {
        host->capability.fsgsbase = false; /* offered, but undefined in ring 3 */
        r = run_once(host, ATTEMPT_NOTHING, &said, &cr2, why, why_bytes);
    }
    if (r < 0)
        return r;
    if (said == PROBE_SYSCALL) {
        host->capability.syscall_faults = false;
        return 0;
    }
    if (said == (PROBE_FAULT | 14) && cr2 == lstar) {
        host->capability.syscall_faults = true;
        return 0;
    }
    snprintf(why, why_bytes, "`syscall` ends in 0x%x with CR2 0x%llx", said,
             (unsigned long long)cr2);
    return -ENOTSUP;
}
