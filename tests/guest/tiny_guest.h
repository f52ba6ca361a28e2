/* SPDX-License-Identifier: MIT
 *
 * Tiny assembled guests: a machine whose CPU driver is a few instructions written in a test.
 *
 * GUEST(name, "instructions") assembles position-independent code into the test program.
 * tiny_make() wraps it into an ELF file with GDT, IDT and a stack, writes that and an equally tiny
 * first domain to a temporary folder and makes a real machine of them, which runs on any engine.
 *
 * The code starts in ring 0 with  RBX = core area, RBP = data segment (64 KiB, writable), R15 =
 * guest-physical address of the data segment, RDI = boot information as the contract says, R14 =
 * the same in the physical map, RSP = a stack.  Interrupts and exceptions push their vector (below
 * the error code if there is one) and jump to the address at TINY_HANDLER(%rbp).
 */
#ifndef TESTS_GUEST_TINY_GUEST_H
#define TESTS_GUEST_TINY_GUEST_H

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "machine/machine.h"

#define TINY_BODY_OFFSET 0x1000 /* of the guest's code in the image; before it the runtime */
#define TINY_DATA_OFFSET 0x100000
#define TINY_DATA_BYTES 0x10000
#define TINY_MAX_LINES 64

/* In the data segment. */
#define TINY_GDT 0x000
#define TINY_GDTR 0x080
#define TINY_IDTR 0x090
#define TINY_HANDLER 0x0a0
#define TINY_TSS 0x100
#define TINY_IDT 0x200   /* 64 gates */
#define TINY_FREE 0x1000 /* from here to the stack for the guest's use */

#define GUEST_STRING_(x) #x
#define GUEST_STRING(x) GUEST_STRING_(x)

/* clang-format off */
#define GUEST(name, code)                                                                          \
    extern const uint8_t name##_start[], name##_end[];                                             \
    __asm__(".pushsection .rodata\n.balign 1024\n" #name "_start:\n" code "\n" #name "_end:\n.popsection\n")

/* Assembler macros for guests; the numbers are those of devices/abi/. */
__asm__(".macro request port, value\n"
        "  mov $\\port, %edx\n"
        "  mov $\\value, %eax\n"
        "  out %eax, %dx\n"
        ".endm\n"
        ".macro power_off code\n" /* a constant or a register */
        "  mov \\code, %rax\n"
        "  mov %rax, 64(%rbx)\n"
        "  request 0x5010, 3\n"
        ".endm\n"
        ".macro set_handler label\n"
        "  lea \\label(%rip), %rax\n"
        "  mov %rax, 0xa0(%rbp)\n"
        ".endm\n"
        ".macro start_core_1 label\n" /* at the label, with this core's memory */
        "  movq $1, 64(%rbx)\n"
        "  lea \\label(%rip), %rax\n"
        "  mov %rax, 72(%rbx)\n"
        "  mov %rdi, 80(%rbx)\n"
        "  mov %cr3, %rax\n"
        "  mov %rax, 88(%rbx)\n"
        "  request 0x5010, 1\n"
        ".endm\n"
        /* console: the `length` bytes at offset TINY_FREE of the data segment */
        ".macro say length\n"
        "  lea 0x1000(%r15), %rax\n"
        "  mov %rax, 64(%rbx)\n"
        "  movq $0, 72(%rbx)\n"
        "  request 0x5000, \\length\n"
        ".endm\n");

/* Runtime at the image's start: loads the tables, then jumps to the body. */
GUEST(tiny_runtime,
      "  mov $-0x40000000, %rbx\n"
      "  mov $-0x7ff00000, %rbp\n"
      "  mov $0xffff800000000000, %r14\n"
      "  add %rdi, %r14\n"
      "  mov 48(%r14), %r15\n" /* kernel_paddr */
      "  add $0x100000, %r15\n"
      "  lgdt 0x80(%rbp)\n"
      "  lidt 0x90(%rbp)\n"
      "  mov $0x28, %eax\n"
      "  ltr %ax\n"
      "  lea 0x10000(%rbp), %rsp\n"
      "  mov $-0x7ffff000, %rax\n"
      "  jmp *%rax\n"
      "  .balign 1024\n"
      "  .set tiny_vector, 0\n" /* 64 stubs of 16 bytes */
      "  .rept 64\n"
      "  .balign 16\n"
      "  push $tiny_vector\n"
      "  jmp *-0x7fefff60\n" /* the address at TINY_HANDLER of the data segment */
      "  .set tiny_vector, tiny_vector + 1\n"
      "  .endr\n");
/* clang-format on */
#define TINY_STUBS 1024

_Static_assert(offsetof(struct abi_boot, kernel_paddr) == 48, "see tiny_runtime");
_Static_assert(offsetof(struct abi_core_page, arg) == 64, "see the macros");

/* ---- ELF files ---- */

struct tiny_part {
    uint64_t vaddr;
    const void *data;
    size_t bytes;
    uint64_t memory_bytes;
    uint32_t flags; /* PF_* */
};

/* Writes an ELF executable with the given parts as segments, each at its own page of the file. */
static inline void tiny_write_elf(const char *path, uint64_t entry, const struct tiny_part *part,
                                  unsigned parts)
{
    Elf64_Ehdr eh = {
        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = entry,
        .e_phoff = sizeof(eh),
        .e_ehsize = sizeof(eh),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = (uint16_t)parts,
    };
    FILE *file = fopen(path, "wb");
    assert(file);
    fwrite(&eh, sizeof(eh), 1, file);
    uint64_t offset = 4096;
    for (unsigned i = 0; i < parts; i++) {
        Elf64_Phdr ph = {
            .p_type = PT_LOAD,
            .p_flags = part[i].flags,
            .p_offset = offset,
            .p_vaddr = part[i].vaddr,
            .p_filesz = part[i].bytes,
            .p_memsz = part[i].memory_bytes > part[i].bytes ? part[i].memory_bytes : part[i].bytes,
            .p_align = 4096,
        };
        fwrite(&ph, sizeof(ph), 1, file);
        offset += (part[i].bytes + 4095) / 4096 * 4096;
    }
    offset = 4096;
    for (unsigned i = 0; i < parts; i++) {
        fseek(file, (long)offset, SEEK_SET);
        fwrite(part[i].data, 1, part[i].bytes, file);
        offset += (part[i].bytes + 4095) / 4096 * 4096;
    }
    fclose(file);
}

/* GDT, IDT, TSS and the pointers to them. */
static inline void tiny_fill_data(uint8_t *data)
{
    const uint64_t base = ABI_KERNEL_BASE + TINY_DATA_OFFSET;
    const uint64_t tss = base + TINY_TSS;
    const uint64_t gdt[] = {
        0,
        0x00af9b000000ffff, /* 0x08 kernel code */
        0x00cf93000000ffff, /* 0x10 kernel data */
        0x00cff3000000ffff, /* 0x18 user data */
        0x00affb000000ffff, /* 0x20 user code */
        0x0000890000000067 | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56, /* 0x28 TSS */
        tss >> 32,
    };
    memcpy(data + TINY_GDT, gdt, sizeof(gdt));
    const uint64_t stack = base + TINY_DATA_BYTES - 0x4000; /* for faults from ring 3 */
    memcpy(data + TINY_TSS + 4, &stack, 8);
    for (unsigned vector = 0; vector < 64; vector++) {
        const uint64_t stub = ABI_KERNEL_BASE + TINY_STUBS + 16ull * vector;
        const uint64_t dpl = vector == 3 || vector == 4 ? 3 : 0;
        const uint64_t gate[2] = { (stub & 0xffff) | 0x8ull << 16 | (0x8eull | dpl << 5) << 40 |
                                       (stub >> 16 & 0xffff) << 48,
                                   stub >> 32 };
        memcpy(data + TINY_IDT + 16ull * vector, gate, 16);
    }
    const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr = { sizeof(gdt) - 1, base + TINY_GDT },
                              idtr = { 64 * 16 - 1, base + TINY_IDT };
    memcpy(data + TINY_GDTR, &gdtr, sizeof(gdtr));
    memcpy(data + TINY_IDTR, &idtr, sizeof(idtr));
}

/* Writes the CPU driver around `code`; `text` is put at TINY_FREE of its data segment. */
static inline void tiny_write_kernel(const char *path, const uint8_t *code, const uint8_t *code_end,
                                     const char *text)
{
    static uint8_t image[0x10000], data[TINY_DATA_BYTES];
    size_t runtime = (size_t)(tiny_runtime_end - tiny_runtime_start);
    size_t bytes = (size_t)(code_end - code);
    assert(runtime <= TINY_BODY_OFFSET && TINY_BODY_OFFSET + bytes <= sizeof(image));
    memset(image, 0xf4, sizeof(image)); /* hlt */
    memcpy(image, tiny_runtime_start, runtime);
    memcpy(image + TINY_BODY_OFFSET, code, bytes);
    memset(data, 0, sizeof(data));
    tiny_fill_data(data);
    if (text)
        memcpy(data + TINY_FREE, text, strlen(text));
    const struct tiny_part parts[] = {
        { ABI_KERNEL_BASE, image, sizeof(image), 0, PF_R | PF_X },
        { ABI_KERNEL_BASE + TINY_DATA_OFFSET, data, sizeof(data), 0, PF_R | PF_W },
    };
    tiny_write_elf(path, ABI_KERNEL_BASE, parts, 2);
}

/* ---- machines ---- */

struct tiny {
    char dir[64];
    struct machine_config config; /* may be changed between tiny_init and tiny_start */
    struct machine_menu_line module;
    struct engine_options options;
    char error[512];
    struct machine *machine;
    const struct engine_ops *ops;
    struct engine *engine;
    struct engine_stop why;
    unsigned line_count;
    struct {
        unsigned core;
        uint32_t kind;
        uint64_t time_ns;
        char text[128];
    } line[TINY_MAX_LINES];
    unsigned event_count[16]; /* by enum machine_event */
    unsigned trace_count;
};

static inline void tiny_on_line(void *context, const struct machine_console_line *line)
{
    struct tiny *t = context;
    if (t->line_count == TINY_MAX_LINES)
        return;
    t->line[t->line_count].core = line->core;
    t->line[t->line_count].kind = line->kind;
    t->line[t->line_count].time_ns = line->time_ns;
    snprintf(t->line[t->line_count].text, sizeof(t->line[0].text), "%s", line->text);
    t->line_count++;
}

static inline void tiny_on_event(void *context, enum machine_event kind, unsigned core,
                                 uint64_t time_ns, const char *text)
{
    struct tiny *t = context;
    (void)core;
    (void)time_ns;
    (void)text;
    assert(kind < sizeof(t->event_count) / sizeof(t->event_count[0]));
    t->event_count[kind]++;
}

static inline void tiny_on_trace(void *context, unsigned core, uint64_t time_ns, uint64_t index,
                                 const struct abi_trace_record *record)
{
    struct tiny *t = context;
    (void)core;
    (void)time_ns;
    (void)index;
    (void)record;
    t->trace_count++;
}

/* Writes the images and fills a configuration: `cores` cores, one node of 64 MiB, 1 MiB of window,
 * a deadline of 60 s that no good guest reaches. */
static inline void tiny_init(struct tiny *t, unsigned cores, const uint8_t *code,
                             const uint8_t *code_end, const char *text)
{
    static const uint8_t user_code[] = { 0x0f, 0x0b }; /* ud2 */
    memset(t, 0, sizeof(*t));
    snprintf(t->dir, sizeof(t->dir), "/tmp/tiny-guest-XXXXXX");
    if (!mkdtemp(t->dir))
        abort();
    char path[128];
    snprintf(path, sizeof(path), "%s/boot", t->dir);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/sbin", t->dir);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/boot/cpu", t->dir);
    tiny_write_kernel(path, code, code_end, text);
    snprintf(path, sizeof(path), "%s/sbin/init", t->dir);
    const struct tiny_part user = { 0x400000, user_code, sizeof(user_code), 0, PF_R | PF_X };
    tiny_write_elf(path, 0x400000, &user, 1);

    t->module = (struct machine_menu_line){ .path = "/sbin/init", .line = "/sbin/init" };
    t->config.core_count = cores;
    t->config.node_count = 1;
    t->config.node[0].ram_bytes = 64ull << 20;
    t->config.node[0].window_bytes = 1ull << 20;
    t->config.image_dir = t->dir;
    t->config.kernel = (struct machine_menu_line){ .path = "/boot/cpu", .line = "/boot/cpu" };
    t->config.module = &t->module;
    t->config.module_count = 1;
    t->config.seed = 42;
    t->config.deadline_ns = 60000000000ull;
    t->config.trace = true;
    t->config.sink = (struct machine_sink){ .context = t,
                                            .console_line = tiny_on_line,
                                            .trace_record = tiny_on_trace,
                                            .event = tiny_on_event };
    t->options.interrupt_fd = -1;
}

/* Makes machine and engine; negative errno with t->error on failure. */
static inline int tiny_start(struct tiny *t, const struct engine_ops *ops)
{
    t->ops = ops;
    int r = machine_create(&t->machine, &t->config, t->error, sizeof(t->error));
    if (r < 0)
        return r;
    r = ops->create(&t->engine, t->machine, &t->options);
    if (r < 0)
        snprintf(t->error, sizeof(t->error), "%s", machine_error_text(t->machine));
    return r;
}

static inline int tiny_run(struct tiny *t)
{
    return machine_run(t->machine, &t->why);
}

/* How the run ended and which exits there were, in one line, for comparing hosts.  Left out are the
 * exits that depend on who was faster. */
static inline const char *tiny_outcome(struct tiny *t)
{
    static const enum engine_counter timely[] = { ENGINE_EXIT_HLT, ENGINE_EXIT_INTERRUPT_WINDOW,
                                                  ENGINE_EXIT_KICK };
    static char text[512];
    static struct engine_stats stats;
    int used = snprintf(text, sizeof(text), "%s", stop_reason_name(t->why.reason));
    if (t->why.reason == STOP_EXIT)
        used += snprintf(text + used, sizeof(text) - (size_t)used, " %d", (int)t->why.exit_code);
    if (!t->engine)
        return text;
    t->ops->stats(t->engine, &stats);
    for (unsigned counter = 0; counter < ENGINE_EXITS; counter++) {
        bool seen = false;
        for (unsigned core = 0; core < stats.core_count; core++)
            seen |= stats.core[core].exit[counter] != 0;
        for (unsigned i = 0; i < sizeof(timely) / sizeof(timely[0]); i++)
            seen &= counter != timely[i];
        if (seen && used < (int)sizeof(text))
            used += snprintf(text + used, sizeof(text) - (size_t)used, ", %s",
                             engine_counter_name((enum engine_counter)counter));
    }
    return text;
}

static inline void tiny_free(struct tiny *t)
{
    if (t->engine)
        t->ops->destroy(t->engine);
    machine_destroy(t->machine);
    t->engine = NULL;
    t->machine = NULL;
    char path[128];
    static const char *const names[] = { "boot/cpu", "boot", "sbin/init", "sbin", "" };
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", t->dir, names[i]);
        remove(path);
    }
}

/* For a test that failed before tiny_free(): how the run ended and where each core stood, to the
 * log. */
static inline void tiny_describe(struct tiny *t)
{
    if (t->engine && t->why.reason != STOP_NONE) {
        fprintf(stderr, "the guest's run: %s; core %u; %s\n", tiny_outcome(t), t->why.core,
                t->why.detail);
        machine_postmortem(t->machine, &t->why, true, stderr);
        fflush(stderr);
    }
    if (t->machine)
        tiny_free(t);
}

#endif
