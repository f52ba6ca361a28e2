/* SPDX-License-Identifier: MIT
 *
 * The post-mortem: what each core was doing when the run ended.
 *
 * Sources are the engine's registers, the status block and causes in the core's page, the trace
 * records kept, and dispatcher heads in guest memory.  A user-mode RIP belongs to the current
 * dispatcher, whose name is that of its ELF file.  For a core in trouble the registers, the bytes
 * at RIP and the return addresses found on its stack are added; the stack is read through the
 * core's own page tables.  All of it comes from a guest that went wrong: every address is checked,
 * every list has an end, and nothing here can fail.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi/boot_tables.h"
#include "machine/machine_private.h"

#define RUN_QUEUE_SHOWN 16
#define STACK_WORDS_READ 512
#define STACK_ENTRIES_SHOWN 12
#define BRIEF_CORES 4
#define CR0_PG (1ull << 31)
#define PTE_ADDRESS 0x000ffffffffff000ull

/* ---- symbols ---- */

static bool is_kernel_address(uint64_t vaddr)
{
    return vaddr >= ABI_KERNEL_BASE && vaddr < ABI_CORE_AREA_VADDR;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The menu's line of the program that a domain was made from, NULL if the menu has none of that
 * name. The name is the guest's word: it may pick a line of the menu, and never becomes part of a
 * path. */
static const struct machine_menu_line *domain_line(const struct machine *machine,
                                                   const char *domain)
{
    for (unsigned i = 0; i < machine->config.module_count; i++) {
        const struct machine_menu_line *module = &machine->config.module[i];
        if (strcmp(base_name(module->path), domain) == 0)
            return module;
    }
    return NULL;
}

bool machine_symbol(struct machine *machine, const char *domain, uint64_t vaddr, char *text,
                    size_t text_bytes)
{
    const struct machine_menu_line *line = domain_line(machine, domain);
    if (is_kernel_address(vaddr)) {
        line = &machine->config.kernel;
        domain = base_name(line->path);
    }
    const char *name;
    uint64_t offset;
    char *host = line ? machine_image_path(machine, line) : NULL;
    bool found = host && symbol_lookup(machine->symbols, host, vaddr, &name, &offset);
    const char *source;
    int source_line;
    bool placed = found && symbol_line(machine->symbols, host, vaddr, &source, &source_line);
    free(host);
    if (placed)
        snprintf(text, text_bytes, "%s!%s+0x%" PRIx64 " (%s:%d)", domain, name, offset, source,
                 source_line);
    else if (found)
        snprintf(text, text_bytes, "%s!%s+0x%" PRIx64, domain, name, offset);
    else
        snprintf(text, text_bytes, "%s!0x%" PRIx64, domain, vaddr);
    return found;
}

/* ---- guest-virtual memory ---- */

bool machine_translate(const struct machine *machine, uint64_t cr3, uint64_t vaddr, uint64_t *paddr)
{
    uint64_t table = cr3 & PTE_ADDRESS;
    for (unsigned level = 4; level > 0; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        const uint64_t *entries = machine_memory(machine, table, ABI_PAGE_BYTES);
        if (!entries)
            return false;
        uint64_t entry = entries[vaddr >> shift & 511];
        if (!(entry & ABI_PTE_PRESENT))
            return false;
        if (level == 1 || (level < 4 && (entry & ABI_PTE_LARGE))) {
            uint64_t mask = (1ull << shift) - 1;
            *paddr = (entry & PTE_ADDRESS & ~mask) | (vaddr & mask);
            return true;
        }
        table = entry & PTE_ADDRESS;
    }
    return false;
}

/* Host address of a byte of guest-virtual memory, NULL if it is not mapped. */
static const uint8_t *at_vaddr(const struct machine *machine, uint64_t cr3, uint64_t vaddr)
{
    uint64_t paddr;
    return machine_translate(machine, cr3, vaddr, &paddr) ? machine_memory(machine, paddr, 1)
                                                          : NULL;
}

static bool read_word(const struct machine *machine, uint64_t cr3, uint64_t vaddr, uint64_t *word)
{
    const uint8_t *host = vaddr % 8 == 0 ? at_vaddr(machine, cr3, vaddr) : NULL;
    if (host)
        memcpy(word, host, 8); /* aligned: does not leave the page */
    return host != NULL;
}

/* ---- parts of the report ---- */

static void print_registers(const struct core_state *s, FILE *out)
{
#define R "%016" PRIx64
    fprintf(out, "    rax " R " rbx " R " rcx " R " rdx " R "\n", s->rax, s->rbx, s->rcx, s->rdx);
    fprintf(out, "    rsi " R " rdi " R " rbp " R " rsp " R "\n", s->rsi, s->rdi, s->rbp, s->rsp);
    fprintf(out, "    r8  " R " r9  " R " r10 " R " r11 " R "\n", s->r8, s->r9, s->r10, s->r11);
    fprintf(out, "    r12 " R " r13 " R " r14 " R " r15 " R "\n", s->r12, s->r13, s->r14, s->r15);
    fprintf(out, "    rip " R " flags %06" PRIx64 " cs %02x ss %02x fs " R " gs " R "\n", s->rip,
            s->rflags, s->cs, s->ss, s->fs_base, s->gs_base);
    fprintf(out, "    cr0 " R " cr2 " R " cr3 " R " cr4 " R "\n", s->cr0, s->cr2, s->cr3, s->cr4);
#undef R
}

static void print_code(const struct machine *machine, const struct core_state *s, FILE *out)
{
    fprintf(out, "    code at rip:");
    for (unsigned i = 0; i < 16; i++) {
        const uint8_t *byte = at_vaddr(machine, s->cr3, s->rip + i);
        if (!byte)
            break;
        fprintf(out, " %02x", *byte);
    }
    if (!at_vaddr(machine, s->cr3, s->rip))
        fprintf(out, " not mapped");
    fprintf(out, "\n");
}

/* Words on the stack that lie in a function: mostly return addresses, some left-overs. */
static void print_stack(struct machine *machine, const struct core_state *s, const char *domain,
                        FILE *out)
{
    unsigned shown = 0;
    uint64_t base = s->rsp & ~7ull, word;
    char text[128];
    for (unsigned i = 0; i < STACK_WORDS_READ && shown < STACK_ENTRIES_SHOWN; i++) {
        if (!read_word(machine, s->cr3, base + 8ull * i, &word))
            break;
        if (word < 0x1000 || !machine_symbol(machine, domain, word, text, sizeof(text)))
            continue;
        fprintf(out, "%s %s\n", shown++ ? "             " : "    on stack:", text);
    }
}

static void print_causes(const struct abi_core_page *page, FILE *out)
{
    uint64_t cause = page->cause;
    fprintf(out, "    pending:");
    if (cause == 0)
        fprintf(out, " nothing");
    if (cause & ABI_CAUSE_TIMER)
        fprintf(out, " timer");
    if (cause & ABI_CAUSE_NOTIFY)
        fprintf(out, " notify");
    unsigned shown = 0;
    for (unsigned id = 0; id < ABI_NOTIFY_IDS; id++)
        if (page->notify_pending[id / 64] >> (id % 64) & 1 && ++shown <= 8)
            fprintf(out, "%s%u", shown == 1 ? "; notifications " : ", ", id);
    fprintf(out, shown > 8 ? ", and %u more\n" : "\n", shown - 8);
}

static void print_queue(const struct machine *machine, const struct abi_core_page *page, FILE *out)
{
    uint64_t dcb = page->runq_head;
    fprintf(out, "    run queue:");
    if (dcb == 0)
        fprintf(out, " empty");
    for (unsigned i = 0; dcb != 0; i++) {
        const struct abi_dcb_head *head = machine_dcb_head(machine, dcb);
        char name[17];
        machine_dispatcher_name(machine, dcb, name);
        if (i == RUN_QUEUE_SHOWN || !head) {
            fprintf(out, head ? " ..." : " (damaged)");
            break;
        }
        fprintf(out, "%s%s", i ? ", " : " ", name);
        dcb = head->runq_next;
        if (dcb == page->runq_head)
            break; /* kept as a ring */
    }
    fprintf(out, "\n");
}

static void print_trace(struct machine *machine, unsigned core, FILE *out)
{
    const struct machine_trace *trace = &machine->state.trace[core];
    char text[200];
    if (trace->last_syscall.what != 0) {
        machine_trace_text(machine, &trace->last_syscall, text, sizeof(text));
        fprintf(out, "    last system call: %s\n", text);
    }
    uint64_t first = trace->kept > MACHINE_TRACE_KEPT ? trace->kept - MACHINE_TRACE_KEPT : 0;
    if (first < trace->kept)
        fprintf(out, "    last of %" PRIu64 " trace records (%" PRIu64 " lost):\n", trace->seen,
                trace->lost);
    for (uint64_t i = first; i < trace->kept; i++) {
        machine_trace_text(machine, &trace->last[i % MACHINE_TRACE_KEPT], text, sizeof(text));
        fprintf(out, "      %s\n", text);
    }
}

/* Enabled or disabled.  While the dispatcher itself runs, its own word says so (the critical range,
 * a few instructions, aside); what the CPU driver saw when it was last entered may be long past. */
static void print_mode(struct machine *machine, const struct abi_dcb_head *head, unsigned ring,
                       FILE *out)
{
    const uint32_t *word = NULL;
    if (ring == 3 && head->disp_frame != 0 && head->disp_frame % 4096 == 0)
        word = machine_memory(machine, head->disp_frame, sizeof(*word));
    if (word)
        fprintf(out, ", %s", *word ? "disabled" : "enabled");
    else
        fprintf(out, ", %s at its last entry to the CPU driver",
                head->disabled ? "disabled" : "enabled");
}

static void print_core(struct machine *machine, unsigned core, bool details, bool trace, FILE *out)
{
    static const char *const activities[] = { "off", "running", "halted", "stopped" };
    static const char *const phases[] = { "not started", "CPU driver starting", "dispatching",
                                          "idle", "panic" };
    const struct abi_core_page *page = machine_core_page(machine, core);
    struct core_state s = { 0 };
    if (machine->ops->core_state(machine->engine, core, &s) < 0) {
        fprintf(out, "core %u: no state\n", core);
        return;
    }
    char current[17], where[200];
    machine_dispatcher_name(machine, page->current_dcb, current);
    machine_symbol(machine, current, s.rip, where, sizeof(where));
    unsigned ring = s.cs & 3;
    fprintf(out, "core %u: %s%s in ring %u at %s, phase: %s\n", core, activities[s.activity],
            s.activity == CORE_HALTED && !(s.rflags & 0x200) ? " with interrupts off" : "", ring,
            where, page->phase < 5 ? phases[page->phase] : "unknown");
    if (details && s.activity != CORE_OFF && !(s.cr0 & CR0_PG)) {
        /* our cores never leave paged mode: KVM on SVM resets a vCPU that triple-faults */
        fprintf(out, "    the host reset the core: its registers at the fault are lost\n");
    } else if (details) {
        print_registers(&s, out);
        print_code(machine, &s, out);
        print_stack(machine, &s, current, out);
    }
    const struct abi_dcb_head *head = machine_dcb_head(machine, page->current_dcb);
    fprintf(out, "    dispatcher: %s", current);
    if (head)
        print_mode(machine, head, ring, out);
    fprintf(out, "\n");
    print_queue(machine, page, out);
    print_causes(page, out);
    if (trace)
        print_trace(machine, core, out);
}

static bool is_culprit(const struct engine_stop *why, unsigned core)
{
    return core == why->core && (why->reason == STOP_PANIC || why->reason == STOP_TRIPLE_FAULT ||
                                 why->reason == STOP_EMULATION || why->reason == STOP_BAD_ACCESS ||
                                 why->reason == STOP_ENGINE);
}

/* Nothing runs, nothing is due. */
static bool is_idle(const struct machine *machine, unsigned core)
{
    const struct abi_core_page *page = machine_core_page(machine, core);
    struct core_state s = { 0 };
    return machine->ops->core_state(machine->engine, core, &s) == 0 && s.activity == CORE_HALTED &&
           page->phase == ABI_PHASE_IDLE && page->cause == 0;
}

static void print_end(struct machine *machine, const struct engine_stop *why, FILE *out)
{
    fprintf(out, "run ended: %s", stop_reason_name(why->reason));
    if (why->detail[0])
        fprintf(out, " (%s)", why->detail);
    fprintf(out, " at %" PRIu64 ".%06" PRIu64 " s\n", why->time_ns / 1000000000,
            why->time_ns / 1000 % 1000000);
    machine_print_domains(machine, out);
}

void machine_postmortem(struct machine *machine, const struct engine_stop *why, bool verbose,
                        FILE *out)
{
    unsigned off = 0;
    print_end(machine, why, out);
    for (unsigned core = 0; core < machine->config.core_count; core++) {
        if (machine->state.device.power[core] == DEVICE_CORE_OFF) {
            off++;
            continue;
        }
        print_core(machine, core, verbose || is_culprit(why, core), true, out);
    }
    if (off > 0)
        fprintf(out, "%u core%s never started\n", off, off == 1 ? " was" : "s were");
}

void machine_postmortem_brief(struct machine *machine, const struct engine_stop *why, FILE *out)
{
    unsigned idle = 0, shown = 0, more = 0;
    print_end(machine, why, out);
    for (unsigned core = 0; core < machine->config.core_count; core++) {
        if (machine->state.device.power[core] == DEVICE_CORE_OFF)
            continue;
        if (is_culprit(why, core))
            print_core(machine, core, true, true, out);
        else if (is_idle(machine, core))
            idle++;
        else if (shown++ < BRIEF_CORES)
            print_core(machine, core, false, false, out);
        else
            more++;
    }
    if (idle > 0)
        fprintf(out, "%u core%s idle\n", idle, idle == 1 ? " is" : "s are");
    if (more > 0)
        fprintf(out, "%u more core%s not idle\n", more, more == 1 ? " is" : "s are");
}
