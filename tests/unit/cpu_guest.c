/* SPDX-License-Identifier: MIT
 *
 * The guest of cpu_guest.h: its kernel in assembly, and the host code that puts it into two ELF
 * files, makes a machine of them and adds page tables for ring 3.
 *
 * The kernel is position independent and works on a data segment that is prepared here: GDT, TSS,
 * IDT and parameters, so that ring 0 executes few instructions (some KVM hosts emulate them).
 */
#include "cpu_guest.h"

#include <assert.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/machine_private.h"

/* Offsets in the data segment, also in the assembly below. */
#define D_GDT 0x000
#define D_TSS 0x100
#define D_GDTR 0x200
#define D_IDTR 0x210
#define D_PARAM 0x300 /* rip, rflags, ring, cr4, star, lstar, fmask, user rsp */
#define D_IDT 0x1000
#define D_COUNT 0x2000
#define D_LOG 0x3000 /* CPU_LOG_MAX records of 256 bytes */
#define D_BYTES 0x14000

__asm__(".pushsection .rodata\n"
        ".balign 16\n"
        "cpu_kernel_begin:\n"
        "    movabs $0xffffffff80100000, %rbx\n"
        "    lgdt 0x200(%rbx)\n"
        "    lidt 0x210(%rbx)\n"
        "    mov $0x28, %eax\n"
        "    ltr %ax\n"
        "    lea 0x10000(%rbx), %rsp\n"
        "    mov $0x10, %eax\n"
        "    mov %eax, %ds\n"
        "    mov %eax, %es\n"
        "    mov %eax, %ss\n"
        "    push $0x08\n"
        "    lea 1f(%rip), %rax\n"
        "    push %rax\n"
        "    lretq\n"
        "1:  mov %cr4, %rax\n"
        "    or 0x318(%rbx), %rax\n"
        "    mov %rax, %cr4\n"
        "    mov $0xc0000080, %ecx\n" /* EFER: system calls */
        "    rdmsr\n"
        "    or $1, %eax\n"
        "    wrmsr\n"
        "    mov $0xc0000081, %ecx\n" /* STAR */
        "    mov 0x320(%rbx), %eax\n"
        "    mov 0x324(%rbx), %edx\n"
        "    wrmsr\n"
        "    inc %ecx\n" /* LSTAR */
        "    mov 0x328(%rbx), %eax\n"
        "    mov 0x32c(%rbx), %edx\n"
        "    wrmsr\n"
        "    mov $0xc0000084, %ecx\n" /* FMASK */
        "    mov 0x330(%rbx), %eax\n"
        "    mov 0x334(%rbx), %edx\n"
        "    wrmsr\n"
        "    cmpl $0, 0x310(%rbx)\n"
        "    jne 2f\n"
        "    mov 0x300(%rbx), %rax\n"
        "    xor %r15d, %r15d\n"
        "    jmp *%rax\n"
        "2:  pushq $0x1b\n"
        "    pushq 0x338(%rbx)\n"
        "    pushq 0x308(%rbx)\n"
        "    pushq $0x23\n"
        "    pushq 0x300(%rbx)\n"
        "    xor %eax, %eax\n"
        "    xor %ebx, %ebx\n"
        "    xor %ecx, %ecx\n"
        "    xor %edx, %edx\n"
        "    xor %edi, %edi\n"
        "    xor %r15d, %r15d\n"
        "    iretq\n"

        /* traps: 16 bytes for each stub, 34 of them */
        ".balign 16\n"
        "cpu_stubs:\n"
        ".set vector, 0\n"
        ".rept 34\n"
        ".balign 16\n"
        ".if !(vector == 8 || vector == 10 || vector == 11 || vector == 12 || vector == 13 || "
        "vector == 14 || vector == 17)\n"
        "    pushq $0\n"
        ".endif\n"
        "    pushq $vector\n"
        "    jmp cpu_common\n"
        ".set vector, vector + 1\n"
        ".endr\n"

        ".balign 16\n"
        "cpu_syscall_entry:\n"
        "    mov %rsp, 0xffffffff80100340\n" /* sign-extended 32-bit address */
        "    mov $0xffffffff80110000, %rsp\n"
        "    pushq $0x1b\n"
        "    pushq 0xffffffff80100340\n"
        "    pushq %r11\n"
        "    pushq $0x23\n"
        "    pushq %rcx\n"
        "    pushq $0\n"
        "    pushq $0x80\n"
        "cpu_common:\n"
        "    push %r15\n    push %r14\n    push %r13\n    push %r12\n    push %r11\n"
        "    push %r10\n    push %r9\n    push %r8\n    push %rbp\n    push %rdi\n"
        "    push %rsi\n    push %rdx\n    push %rcx\n    push %rbx\n    push %rax\n"
        "    pushfq\n"
        "    pop %r10\n"
        "    cld\n"
        "    movabs $0xffffffff80100000, %rbx\n"
        "    mov %cr2, %r12\n"
        /* `syscall` on a host where it faults: the frame is at 15 registers + vector, error */
        "    cmpq $14, 0x78(%rsp)\n"
        "    jne 3f\n"
        "    cmp 0x328(%rbx), %r12\n"
        "    jne 3f\n"
        "    cmp %r12, 0x88(%rsp)\n"
        "    jne 3f\n"
        "    movq $0x80, 0x78(%rsp)\n"
        "    movq $0, 0x80(%rsp)\n"
        "    mov 0x10(%rsp), %rax\n" /* rcx */
        "    mov %rax, 0x88(%rsp)\n"
        "    mov 0x50(%rsp), %rax\n" /* r11 */
        "    mov %rax, 0x98(%rsp)\n"
        "3:  mov 0x2000(%rbx), %rdi\n"
        "    cmp $48, %rdi\n"
        "    jae cpu_leave\n"
        "    incq 0x2000(%rbx)\n"
        "    shl $8, %rdi\n"
        "    lea 0x3000(%rbx,%rdi), %rdi\n"
        "    mov %rsp, %rsi\n"
        "    mov $22, %ecx\n"
        "    rep movsq\n"
        "    mov %r12, (%rdi)\n"
        "    mov %cs, %eax\n"
        "    mov %rax, 8(%rdi)\n"
        "    mov %ss, %eax\n"
        "    mov %rax, 16(%rdi)\n"
        "    mov %r10, 24(%rdi)\n"
        "    mov 0x78(%rsp), %rax\n"
        "    cmp $32, %rax\n"
        "    jne 4f\n"
        "    movabs $0xffffffffc0000000, %rcx\n"
        "    xor %eax, %eax\n"
        "    xchg %rax, (%rcx)\n"
        "    mov %rax, 32(%rdi)\n"
        "    jmp 9f\n"
        "4:  cmp $0x80, %rax\n"
        "    jne 8f\n"
        "    mov (%rsp), %rax\n"
        "    mov 0x28(%rsp), %rdi\n"
        "    mov 0x20(%rsp), %rsi\n"
        "    mov 0x18(%rsp), %rdx\n"
        "    test %eax, %eax\n"
        "    jz cpu_leave\n"
        "    cmp $1, %eax\n"
        "    jne 5f\n"
        "    mov %rsi, (%rdi)\n"
        "    jmp 9f\n"
        "5:  cmp $2, %eax\n"
        "    jne 6f\n"
        "    invlpg (%rdi)\n"
        "    jmp 9f\n"
        "6:  cmp $4, %eax\n"
        "    jne 7f\n"
        "    movabs $0xffffffffc0000000, %rcx\n"
        "    mov %rsi, 72(%rcx)\n"
        "    mov $0x5014, %edx\n"
        "7:  movabs $0xffffffffc0000000, %rcx\n"
        "    mov %rdi, 64(%rcx)\n"
        "    mov %esi, %eax\n"
        "    out %eax, %dx\n"
        "    jmp 9f\n"
        "8:  mov 0x70(%rsp), %rax\n" /* r15: where to go on */
        "    test %rax, %rax\n"
        "    jz cpu_leave\n"
        "    mov %rax, 0x88(%rsp)\n"
        "9:  pop %rax\n    pop %rbx\n    pop %rcx\n    pop %rdx\n    pop %rsi\n    pop %rdi\n"
        "    pop %rbp\n    pop %r8\n    pop %r9\n    pop %r10\n    pop %r11\n    pop %r12\n"
        "    pop %r13\n    pop %r14\n    pop %r15\n"
        "    add $16, %rsp\n"
        "    iretq\n"
        "cpu_leave:\n"
        "    movabs $0xffffffffc0000000, %rcx\n"
        "    movq $0, 64(%rcx)\n"
        "    mov $0x5010, %edx\n"
        "    mov $3, %eax\n"
        "    out %eax, %dx\n"
        "5:  cli\n"
        "    hlt\n"
        "    jmp 5b\n"
        "cpu_kernel_end: .byte 0\n"
        ".popsection\n");
extern const uint8_t cpu_kernel_begin[], cpu_kernel_end[], cpu_stubs[], cpu_syscall_entry[];

static void put64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, 8);
}

static void prepare_data(uint8_t *data, const struct cpu_case *test)
{
    static const uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff,
                                    0x00affb000000ffff };
    memcpy(data + D_GDT, gdt, sizeof(gdt));
    uint64_t tss = CPU_DATA + D_TSS;
    put64(data + D_GDT + 0x28,
          0x67 | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56);
    put64(data + D_GDT + 0x30, tss >> 32);
    put64(data + D_TSS + 4, CPU_KERNEL_STACK);
    put64(data + D_TSS + 36, CPU_IST_STACK); /* IST 1 */
    uint16_t limit = 0x68;
    memcpy(data + D_TSS + 102, &limit, 2); /* no I/O permission bitmap */
    limit = 0x37;
    memcpy(data + D_GDTR, &limit, 2);
    put64(data + D_GDTR + 2, CPU_DATA + D_GDT);
    limit = 34 * 16 - 1;
    memcpy(data + D_IDTR, &limit, 2);
    put64(data + D_IDTR + 2, CPU_DATA + D_IDT);
    for (unsigned vector = 0; vector < 34; vector++) {
        uint64_t target = CPU_TEXT + (uint64_t)(cpu_stubs - cpu_kernel_begin) + 16 * vector;
        uint64_t type = vector == 3 || vector == 4 ? 0xee : 0x8e; /* int3 and into from ring 3 */
        uint64_t ist = vector == 8 ? 1 : 0;
        put64(data + D_IDT + 16 * vector,
              (target & 0xffff) | 8 << 16 | ist << 32 | type << 40 | (target >> 16 & 0xffff) << 48);
        put64(data + D_IDT + 16 * vector + 8, target >> 32);
    }
    uint8_t *param = data + D_PARAM;
    put64(param, test->ring0 ? CPU_KERNEL_CODE : CPU_USER_CODE);
    put64(param + 8, test->rflags ? test->rflags : 0x202);
    put64(param + 0x10, test->ring0 ? 0 : 3);
    put64(param + 0x18, test->cr4);
    put64(param + 0x20, 0x0010000800000000);
    put64(param + 0x28, CPU_TEXT + (uint64_t)(cpu_syscall_entry - cpu_kernel_begin));
    put64(param + 0x30, test->fmask ? test->fmask : 0x700);
    put64(param + 0x38, CPU_USER_STACK);
}

static bool write_elf(const char *path, uint64_t text_at, const uint8_t *text, size_t text_bytes,
                      uint64_t data_at, const uint8_t *data, size_t data_bytes)
{
    Elf64_Ehdr header = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = text_at,
        .e_phoff = sizeof(header),
        .e_ehsize = sizeof(header),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2,
    };
    Elf64_Phdr segments[2] = {
        { .p_type = PT_LOAD,
          .p_flags = PF_R | PF_X,
          .p_offset = 0x1000,
          .p_vaddr = text_at,
          .p_paddr = text_at,
          .p_filesz = text_bytes,
          .p_memsz = text_bytes,
          .p_align = 4096 },
        { .p_type = PT_LOAD,
          .p_flags = PF_R | PF_W,
          .p_offset = 0x1000 + ((text_bytes + 4095) & ~4095ul),
          .p_vaddr = data_at,
          .p_paddr = data_at,
          .p_filesz = data_bytes,
          .p_memsz = data_bytes,
          .p_align = 4096 },
    };
    FILE *file = fopen(path, "wb");
    if (!file)
        return false;
    bool good = fwrite(&header, sizeof(header), 1, file) == 1 &&
                fwrite(segments, sizeof(segments), 1, file) == 1 &&
                fseek(file, (long)segments[0].p_offset, SEEK_SET) == 0 &&
                fwrite(text, 1, text_bytes, file) == text_bytes &&
                fseek(file, (long)segments[1].p_offset, SEEK_SET) == 0 &&
                fwrite(data, 1, data_bytes, file) == data_bytes;
    return fclose(file) == 0 && good;
}

/* Where the machine keeps scratch memory for the CPU driver: ours for tables and user pages. */
struct scratch {
    uint8_t *host;
    uint64_t paddr;
};

static uint64_t page_of(struct scratch *scratch, uint8_t **host)
{
    *host = scratch->host;
    uint64_t paddr = scratch->paddr;
    scratch->host += 4096;
    scratch->paddr += 4096;
    return paddr;
}

/* Entry of `table` for vaddr at `level` (3 = PML4), making the tables below; returns the entry at
 * level `leaf` (0 = 4 KiB, 1 = 2 MiB). */
static uint64_t *entry_of(struct machine *machine, struct scratch *scratch, uint64_t cr3,
                          uint64_t vaddr, int leaf)
{
    uint64_t *table = machine_memory(machine, cr3, 4096);
    for (int level = 3; level > leaf; level--) {
        uint64_t *entry = &table[vaddr >> (12 + 9 * level) & 511];
        uint8_t *host;
        if (!(*entry & 1))
            *entry = page_of(scratch, &host) | 7;
        table = machine_memory(machine, *entry & 0xffffffffff000, 4096);
    }
    return &table[vaddr >> (12 + 9 * leaf) & 511];
}

static const char *map_user(struct machine *machine, const struct cpu_case *test)
{
    uint64_t cr3 = machine->boot_entry.cr3;
    uint64_t nx = 1ull << 63;
    struct scratch scratch = { .paddr = machine->boot->scratch_paddr };
    scratch.host = machine_memory(machine, scratch.paddr, machine->boot->scratch_bytes);
    /* scratch ends on 2 MiB and has at least 4: its last large page is ours as well */
    uint64_t large = machine->boot->scratch_paddr + machine->boot->scratch_bytes - 0x200000;
    if (!scratch.host)
        return "no scratch memory";
    uint8_t *code, *data, *page;
    uint64_t code_paddr = page_of(&scratch, &code), data_paddr = page_of(&scratch, &data);
    memcpy(code, test->begin, (size_t)(test->end - test->begin));
    put64(data, 0x1122334455667788);
#define MAP(vaddr, paddr, flags) *entry_of(machine, &scratch, cr3, vaddr, 0) = (paddr) | (flags)
    MAP(CPU_USER_CODE, code_paddr, 5);
    MAP(CPU_USER_CODE2, code_paddr, 7 | nx);
    MAP(CPU_USER_DATA, data_paddr, 7 | nx);
    MAP(CPU_USER_READONLY, page_of(&scratch, &page), 5 | nx);
    MAP(CPU_USER_SUPERVISOR, page_of(&scratch, &page), 3 | nx);
    MAP(CPU_USER_RESERVED, page_of(&scratch, &page), 7 | 1ull << 51);
    MAP(CPU_USER_STACK - 4096, page_of(&scratch, &page), 7 | nx);
    MAP(CPU_WINDOW, ABI_WINDOW_BASE, 7 | nx);
    MAP(CPU_UPPER_USER, page_of(&scratch, &page), 7 | nx);
    uint64_t table = *entry_of(machine, &scratch, cr3, CPU_USER_CODE, 1) & 0xffffffffff000;
    MAP(CPU_USER_TABLE, table, 7 | nx);
#undef MAP
    *entry_of(machine, &scratch, cr3, CPU_USER_LARGE, 1) = large | 0x87 | nx;
    *entry_of(machine, &scratch, cr3, CPU_USER_LARGE_READONLY, 1) = large | 0x85 | nx;
    *entry_of(machine, &scratch, cr3, CPU_USER_LARGE_CODE, 1) = large | 0x85;
    memcpy(machine_memory(machine, large, 4096), test->begin, (size_t)(test->end - test->begin));
    return NULL;
}

const char *cpu_machine(const struct cpu_case *test, struct machine **machine, bool private_memory)
{
    static char problem[256];
    static uint8_t text[0x4000], data[D_BYTES];
    size_t kernel_bytes = (size_t)(cpu_kernel_end - cpu_kernel_begin);
    assert(kernel_bytes <= 0x2000 && test->end - test->begin <= 4096);
    memset(text, 0xcc, sizeof(text));
    memset(data, 0, sizeof(data));
    memcpy(text, cpu_kernel_begin, kernel_bytes);
    memcpy(text + (CPU_KERNEL_CODE - CPU_TEXT), test->begin, (size_t)(test->end - test->begin));
    prepare_data(data, test);

    char dir[] = "/tmp/vmm-cpu-XXXXXX", path[64];
    if (!mkdtemp(dir))
        return "no temporary folder";
    snprintf(path, sizeof(path), "%s/kernel", dir);
    bool written = write_elf(path, CPU_TEXT, text, sizeof(text), CPU_DATA, data, sizeof(data));
    snprintf(path, sizeof(path), "%s/sbin", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/sbin/init", dir);
    written = written && write_elf(path, 0x400000, text, 4096, 0x500000, data, 4096);

    struct machine_menu_line init = { .path = "/sbin/init", .line = "/sbin/init" };
    struct machine_config config = {
        .core_count = test->cores ? test->cores : 1,
        .node_count = 1,
        .node[0] = { .ram_bytes = test->ram_bytes ? test->ram_bytes : 32 << 20,
                     .window_bytes = 1 << 20 },
        .sink = test->sink,
        .trace = test->trace,
        .image_dir = dir,
        .kernel = { .path = "/kernel", .line = "/kernel" },
        .module = &init,
        .module_count = 1,
        .seed = 1,
        .deadline_ns = test->deadline_ns ? test->deadline_ns : 100000000000,
        .private_memory = private_memory,
    };
    int r = written ? machine_create(machine, &config, problem, sizeof(problem)) : -1;
    unlink(path);
    snprintf(path, sizeof(path), "%s/kernel", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/sbin", dir);
    rmdir(path);
    rmdir(dir);
    if (!written)
        return "cannot write the images";
    if (r < 0)
        return problem;
    const char *wrong = map_user(*machine, test);
    if (!wrong && test->prepare)
        test->prepare(*machine, cpu_memory(*machine, (*machine)->boot_entry.cr3, CPU_DATA));
    return wrong;
}

void *cpu_memory(struct machine *machine, uint64_t cr3, uint64_t vaddr)
{
    uint64_t *table = machine_memory(machine, cr3 & ~4095ull, 4096);
    for (int level = 3; table; level--) {
        uint64_t entry = table[vaddr >> (12 + 9 * level) & 511];
        if (!(entry & 1))
            return NULL;
        if (level == 0 || (entry & 0x80)) {
            uint64_t offset = (1ull << (12 + 9 * level)) - 1;
            return machine_memory(machine, (entry & 0xffffffffff000 & ~offset) | (vaddr & offset),
                                  1);
        }
        table = machine_memory(machine, entry & 0xffffffffff000, 4096);
    }
    return NULL;
}

const char *cpu_run(const char *engine_name, const struct cpu_case *test,
                    const struct engine_options *options, struct cpu_result *result)
{
    static char problem[256];
    struct machine *machine = NULL;
    struct engine *engine = NULL;
    const struct engine_ops *ops = engine_find(engine_name);
    struct engine_options usual = { .seed = 1, .interrupt_fd = -1 };
    if (!ops)
        return "no such engine";
    memset(result, 0, sizeof(*result));
    const char *wrong = cpu_machine(test, &machine, false);
    if (!wrong && ops->create(&engine, machine, options ? options : &usual) < 0) {
        snprintf(problem, sizeof(problem), "%s", machine_error_text(machine));
        wrong = problem;
    }
    if (!wrong && machine_run(machine, &result->why) < 0) {
        snprintf(problem, sizeof(problem), "%s", result->why.detail);
        wrong = problem;
    }
    if (!wrong) {
        uint64_t cr3 = machine->boot_entry.cr3;
        /* ring 0 may have written anything anywhere, to the page tables too */
        const uint8_t *log = cpu_memory(machine, cr3, CPU_DATA + D_COUNT);
        if (log)
            memcpy(&result->count, log, sizeof(result->count));
        if (result->count > CPU_LOG_MAX)
            result->count = CPU_LOG_MAX;
        for (unsigned i = 0; i < result->count; i++) {
            log = cpu_memory(machine, cr3, CPU_DATA + D_LOG + 256 * i);
            if (log)
                memcpy(&result->trap[i], log, sizeof(result->trap[i]));
        }
        uint8_t *data = cpu_memory(machine, cr3, CPU_USER_DATA);
        if (data)
            memcpy(result->data, data, 4096);
        ops->core_state(engine, 0, &result->state);
        struct engine_stats *stats = malloc(sizeof(*stats));
        ops->stats(engine, stats);
        result->stats = stats->core[0];
        free(stats);
        if (ops->state_hash)
            ops->state_hash(engine, result->hash);
    }
    if (engine)
        ops->destroy(engine);
    machine_destroy(machine);
    return wrong;
}
