/* SPDX-License-Identifier: MIT
 *
 * What the host's KVM offers, and the state in which vCPUs start.
 *
 * KVM comes in two kinds: on VMX or SVM, and in software on hosts without either.  They differ in
 * ways no capability bit tells (does `syscall` reach LSTAR?), so a tiny guest is run to find out
 * (kvm_probe.c); the vendor's or the module's name is never asked.  The guest's CPUID is what KVM
 * supports less what this machine does not have: APIC modes, and register files that the CPU driver
 * does not save.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/kvm/kvm_private.h"

#define CR0_PE (1ull << 0)
#define CR0_MP (1ull << 1)
#define CR0_ET (1ull << 4)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_FSGSBASE (1ull << 16)
#define EFER_SCE (1ull << 0)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

#define CPUID1_ECX_VMX (1u << 5)
#define CPUID1_ECX_SMX (1u << 6)
#define CPUID1_ECX_PDCM (1u << 15) /* MSR_PERF_CAPABILITIES */
#define CPUID1_ECX_X2APIC (1u << 21)
#define CPUID1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID1_ECX_XSAVE (1u << 26)
#define CPUID1_ECX_OSXSAVE (1u << 27)
#define CPUID1_ECX_AVX (1u << 28)
#define CPUID1_ECX_F16C (1u << 29)
#define CPUID1_ECX_FMA (1u << 12)
#define CPUID7_EBX_FSGSBASE (1u << 0)
#define CPUID7_EBX_AVX2 (1u << 5)
#define CPUID7_EBX_AVX512 (1u << 16)
#define CPUID7_EBX_HLE (1u << 4)
#define CPUID7_EBX_RTM (1u << 11)
#define CPUID7_EBX_MPX (1u << 14)
#define CPUID7_EBX_PT (1u << 25)
#define CPUID7_ECX_PKU (3u << 3)  /* PKU, OSPKE: PKRU is no part of what FXSAVE saves */
#define CPUID7_EDX_RTM (3u << 11) /* RTM_ALWAYS_ABORT, TSX_FORCE_ABORT */
#define CPUID7_EDX_LBR (1u << 19)
#define CPUID7_EDX_AMX (1u << 22 | 1u << 24 | 1u << 25)
#define CPUIDX1_ECX_SVM (1u << 2)
#define CPUIDX1_ECX_SKINIT (1u << 12)
#define CPUIDX1_ECX_XOP (1u << 11)
#define CPUIDX1_ECX_FMA4 (1u << 16)
#define CPUIDX1_ECX_PERF \
    (1u << 23 | 1u << 24 | 1u << 27 | 1u << 28) /* core, NB, TSC, L2I counters */

static void no_action(int signal)
{
    (void)signal;
}

int kvm_make_vm(const struct kvm_host *host)
{
    int fd;
    do {
        fd = ioctl(host->fd, KVM_CREATE_VM, 0);
    } while (fd < 0 && errno == EINTR); /* a signal of whatever kind ends the attempt */
    return fd < 0 ? -errno : fd;
}

void kvm_install_kick_handler(void)
{
    /* SA_RESTART: KVM_RUN ends all the same (immediate_exit is set), but a kick that comes late
     * must not cut off what the thread writes to a slow terminal or pipe. */
    struct sigaction action = { .sa_handler = no_action, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(KVM_KICK_SIGNAL, &action, NULL);
}

static int refuse(struct kvm_host *host, int code, const char *reason, const char *mend)
{
    struct engine_capability *c = &host->capability;
    c->usable = false;
    snprintf(c->reason, sizeof(c->reason), "%s", reason);
    snprintf(c->mend, sizeof(c->mend), "%s", mend);
    return code;
}

static int open_device(struct kvm_host *host)
{
    host->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (host->fd >= 0)
        return 0;
    switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return refuse(host, -ENODEV, "there is no /dev/kvm",
                      "load a KVM module (`modprobe kvm_intel` or `kvm_amd`), or turn nested "
                      "virtualisation on, or use --engine unicorn");
    case EACCES:
    case EPERM:
        return refuse(host, -EACCES, "no permission to open /dev/kvm",
                      "`sudo setfacl -m u:$USER:rw /dev/kvm`, or join the group that owns it and "
                      "log in again, or use --engine unicorn");
    default: {
        int code = -errno;
        char reason[128];
        snprintf(reason, sizeof(reason), "/dev/kvm cannot be opened: %s", strerror(errno));
        return refuse(host, code, reason, "use --engine unicorn");
    }
    }
}

static int check_extensions(struct kvm_host *host)
{
    static const struct {
        int number;
        const char *name;
    } needed[] = {
        { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
        { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
        { KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
    };
    int version = ioctl(host->fd, KVM_GET_API_VERSION, 0);
    if (version < 0)
        return refuse(host, -ENODEV, "/dev/kvm is not a KVM device", "use --engine unicorn");
    if (version != KVM_API_VERSION) {
        char reason[128];
        snprintf(reason, sizeof(reason), "/dev/kvm speaks API version %d, not %d", version,
                 KVM_API_VERSION);
        return refuse(host, -ENOTSUP, reason, "use --engine unicorn");
    }
    for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (ioctl(host->fd, KVM_CHECK_EXTENSION, needed[i].number) <= 0) {
            char reason[128];
            snprintf(reason, sizeof(reason), "the host's KVM lacks %s", needed[i].name);
            return refuse(host, -ENOTSUP, reason, "use a newer kernel, or --engine unicorn");
        }
    }
    host->capability.readonly_slots =
        ioctl(host->fd, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) > 0;
    int bytes = ioctl(host->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (bytes < (int)sizeof(struct kvm_run))
        return refuse(host, -ENOTSUP, "KVM_GET_VCPU_MMAP_SIZE fails", "use --engine unicorn");
    host->run_bytes = (size_t)bytes;
    int cores = ioctl(host->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
    host->max_vcpus = cores > 0 ? (unsigned)cores : 4; /* what the API promises at least */
    return 0;
}

/* The guest has no APIC; state beyond what FXSAVE saves would leak between dispatchers; and what
 * the host counts, or a transaction that its load aborts, is no part of the machine either, nor is
 * a hypervisor in the guest (VMX, SVM). */
static void trim_cpuid(struct kvm_host *host)
{
    struct kvm_host_cpuid *cpuid = &host->cpuid;
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *entry = &cpuid->entry[i];
        switch (entry->function) {
        case 1:
            entry->ecx &= ~(CPUID1_ECX_VMX | CPUID1_ECX_SMX | CPUID1_ECX_PDCM | CPUID1_ECX_X2APIC |
                            CPUID1_ECX_TSC_DEADLINE | CPUID1_ECX_XSAVE | CPUID1_ECX_OSXSAVE |
                            CPUID1_ECX_AVX | CPUID1_ECX_F16C | CPUID1_ECX_FMA);
            break;
        case 7:
            if (entry->index == 0) {
                host->cpuid_fsgsbase = entry->ebx & CPUID7_EBX_FSGSBASE;
                entry->ebx &= ~(CPUID7_EBX_AVX2 | CPUID7_EBX_AVX512 | CPUID7_EBX_HLE |
                                CPUID7_EBX_RTM | CPUID7_EBX_MPX | CPUID7_EBX_PT);
                entry->ecx &= ~CPUID7_ECX_PKU;
                entry->edx &= ~(CPUID7_EDX_RTM | CPUID7_EDX_LBR | CPUID7_EDX_AMX);
            } else { /* more of AVX and AMX */
                entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
            }
            break;
        case 0x80000001:
            entry->ecx &= ~(CPUIDX1_ECX_SVM | CPUIDX1_ECX_SKINIT | CPUIDX1_ECX_XOP |
                            CPUIDX1_ECX_FMA4 | CPUIDX1_ECX_PERF);
            break;
        case 0xa:        /* counters of Intel, ... */
        case 0x80000022: /* ... of AMD */
        case 0x8000000a: /* SVM */
        case 0x14:       /* processor trace */
        case 0x1c:       /* last branches */
        case 0x1d:       /* AMX */
        case 0x1e:
        case 0xd: /* XSAVE areas */
            entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
            break;
        case 0x40000001: /* paravirtual clocks and the like: none of them is part of the machine */
            entry->eax = entry->edx = 0;
            break;
        default:
            break;
        }
    }
}

static int get_cpuid(struct kvm_host *host)
{
    host->cpuid.nent = KVM_CPUID_ENTRIES;
    if (ioctl(host->fd, KVM_GET_SUPPORTED_CPUID, &host->cpuid) < 0) {
        int code = -errno;
        return refuse(host, code, "KVM_GET_SUPPORTED_CPUID fails", "use --engine unicorn");
    }
    trim_cpuid(host);
    return 0;
}

int kvm_set_cpuid(const struct kvm_host *host, int vcpu_fd, unsigned core)
{
    struct kvm_host_cpuid cpuid = host->cpuid;
    for (uint32_t i = 0; i < cpuid.nent; i++) {
        struct kvm_cpuid_entry2 *entry = &cpuid.entry[i];
        if (entry->function == 1)
            entry->ebx = (entry->ebx & 0xffffff) | core << 24;
        else if (entry->function == 0xb || entry->function == 0x1f)
            entry->edx = core;
    }
    return ioctl(vcpu_fd, KVM_SET_CPUID2, &cpuid) < 0 ? -errno : 0;
}

static struct kvm_segment flat(uint16_t selector, unsigned type, unsigned l)
{
    return (struct kvm_segment){
        .limit = 0xffffffff,
        .selector = selector,
        .type = (uint8_t)type,
        .present = 1,
        .s = 1,
        .l = (uint8_t)l,
        .db = !l,
        .g = 1,
    };
}

int kvm_set_entry(const struct kvm_host *host, int vcpu_fd, const struct core_entry *entry)
{
    struct kvm_sregs sregs;
    if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
        return -errno;
    sregs.cs = flat(ABI_BOOT_CS, 11, 1);
    sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat(ABI_BOOT_DS, 3, 0);
    memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap)); /* of an earlier life */
    sregs.gdt.base = sregs.idt.base = 0;
    sregs.gdt.limit = sregs.idt.limit = 0;
    sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    sregs.cr2 = 0;
    sregs.cr3 = entry->cr3;
    sregs.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (host->cpuid_fsgsbase)
        sregs.cr4 |= CR4_FSGSBASE;
    sregs.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0)
        return -errno;
    /* An interrupt that an earlier life was about to take stays queued without this. */
    struct kvm_vcpu_events events = { 0 };
    if (ioctl(vcpu_fd, KVM_SET_VCPU_EVENTS, &events) < 0)
        return -errno;
    struct kvm_regs regs = { .rip = entry->rip, .rdi = entry->rdi, .rflags = 2 };
    if (ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0)
        return -errno;
    struct kvm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };
    return ioctl(vcpu_fd, KVM_SET_FPU, &fpu) < 0 ? -errno : 0;
}

int kvm_host_open(struct kvm_host *host)
{
    memset(host, 0, sizeof(*host));
    int r = open_device(host);
    if (r == 0)
        r = check_extensions(host);
    if (r == 0)
        r = get_cpuid(host);
    if (r == 0) {
        char why[160], reason[256];
        r = kvm_probe_guest(host, why, sizeof(why));
        if (r < 0) {
            snprintf(reason, sizeof(reason), "the probe guest does not work on this KVM: %s", why);
            refuse(host, r, reason, "use --engine unicorn");
        }
    }
    if (r < 0) {
        kvm_host_close(host);
        return r;
    }
    struct engine_capability *c = &host->capability;
    c->usable = true;
    snprintf(c->version, sizeof(c->version), "KVM API %d, system calls %s", KVM_API_VERSION,
             c->syscall_faults ? "arrive as faults" : "native");
    return 0;
}

void kvm_host_close(struct kvm_host *host)
{
    if (host->fd >= 0)
        close(host->fd);
    host->fd = -1;
}
