/* SPDX-License-Identifier: MIT
 *
 * A PC: local APIC, time stamp counter, 16550 console, QEMU's debug exit.
 *
 * What the machine does with the core page on our own hardware, CPU drivers do for each other here:
 * who notifies sets the bits in the area of the other core, in the order of core_page.h, and
 * interrupts it. There is no other memory that two CPU drivers write, except the word that
 * serialises console lines.
 *
 * A console line says what the machine would know otherwise:
 *
 *     SECONDS.MICROSECONDS CORE KIND SPEAKER: TEXT
 *
 * KIND is `u` for output of a domain, `k` of the CPU driver, `t` for what is shown on request only,
 * `x` for the end of the machine (TEXT is the exit code), `p` for its end by panic.  Bytes below
 * blank in TEXT are shown as `?`, so nobody can forge a line.
 */
#include "plat/pc/pc.h"
#include "arch.h"

#define UART 0x3f8
#define UART_LINE_STATUS (UART + 5)
#define UART_EMPTY 0x20
#define UART_FIFO 16
#define UART_ROUNDS 100000 /* without progress: nobody is there */
#define LOCK_ROUNDS 1000000

#define QEMU_EXIT 0xf4 /* -device isa-debug-exit,iobase=0xf4: QEMU ends with 2 * value + 1 */
#define PANIC_CODE 127

static uint64_t ns_per_tick; /* 32 bits behind the point */
static systime_t timer_at;   /* 0: not armed */

/* ---- time ---- */

static systime_t pc_time(void)
{
    const uint64_t ticks = pc_tsc() - boot_info->pc.tsc_at_zero;
    CORE_PAGE->clock_ns = (systime_t)((unsigned __int128)ticks * ns_per_tick >> 32);
    return CORE_PAGE->clock_ns;
}

/* Never 0 ns away: that would stop the timer. */
static void arm(systime_t now)
{
    apic_timer(timer_at > now ? timer_at - now : 1);
}

static void pc_timer_set(systime_t at)
{
    const systime_t now = pc_time();
    timer_at = at;
    if (at == 0)
        apic_timer(0);
    else
        arm(now);
}

/* ---- interrupts ---- */

static void pc_notify(coreid_t core, uint32_t id)
{
    struct abi_core_page *page = core_page_of(core);
    set_bits(&page->notify_pending[id / 64], 1ull << id % 64);
    set_bits(&page->notify_summary, 1ull << id / 64);
    set_bits(&page->cause, ABI_CAUSE_NOTIFY);
    apic_interrupt(core);
}

/* First the end of interrupt, then the look: what is raised after the look interrupts again.  The
 * timer may be early: its clock is another one, and its longest time may be too short. */
static uint64_t pc_take_causes(void)
{
    apic_eoi();
    const systime_t now = pc_time();
    uint64_t causes = exchange(&CORE_PAGE->cause, 0);
    if (timer_at != 0 && now >= timer_at) {
        timer_at = 0;
        causes |= ABI_CAUSE_TIMER;
    } else if (timer_at != 0) {
        arm(now);
    }
    return causes;
}

/* Who notifies sends the interrupt itself, and asks nobody. */
static bool pc_hold(uint64_t causes)
{
    (void)causes;
    return false;
}

/* ---- console ---- */

static struct {
    char text[UART_FIFO];
    unsigned used;
} fifo;

static void flush(void)
{
    unsigned rounds = 0;
    while (!(pc_inb(UART_LINE_STATUS) & UART_EMPTY) && rounds++ < UART_ROUNDS)
        __asm__ volatile("pause");
    const char *text = fifo.text;
    uint64_t count = fifo.used;
    __asm__ volatile("rep outsb" : "+S"(text), "+c"(count) : "d"(UART) : "memory");
    fifo.used = 0;
}

static void put(char c)
{
    fifo.text[fifo.used++] = c;
    if (fifo.used == UART_FIFO)
        flush();
}

static void put_number(uint64_t value, unsigned width)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || n < width);
    while (n > 0)
        put(digits[--n]);
}

/* The word lies on the spare page of core 0's area.  Whoever holds it ends soon, or never: then a
 * line may be torn, which is better than silence. */
static volatile uint64_t *console_lock(void)
{
    return (uint64_t *)((char *)core_page_of(0) + ABI_PAGE_BYTES);
}

static void begin_line(char kind)
{
    for (unsigned rounds = 0; exchange(console_lock(), 1) != 0 && rounds < LOCK_ROUNDS; rounds++)
        __asm__ volatile("pause");
    const systime_t now = pc_time();
    put_number(now / 1000000000, 1);
    put('.');
    put_number(now / 1000 % 1000000, 6);
    put(' ');
    put_number(my_core_id, 1);
    put(' ');
    put(kind);
    put(' ');
}

static void end_line(void)
{
    put('\r');
    put('\n');
    flush();
    exchange(console_lock(), 0);
}

static void put_name(paddr_t speaker)
{
    const struct abi_dcb_head *head = phys_to_mem(speaker);
    for (unsigned i = 0; speaker.v != 0 && i < sizeof(head->name) && head->name[i] != 0; i++) {
        const uint8_t c = (uint8_t)head->name[i];
        put(c <= ' ' || c == ':' || c == 0x7f ? '_' : (char)c);
    }
    if (speaker.v == 0)
        put('-');
    put(':');
    put(' ');
}

static void pc_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker)
{
    const char *bytes = phys_to_mem(text);
    begin_line(kind == ABI_CONSOLE_USER ? 'u' : kind == ABI_CONSOLE_KERNEL ? 'k' : 't');
    put_name(speaker);
    for (unsigned i = 0; i < length; i++) {
        const uint8_t c = (uint8_t)read_once(bytes[i]);
        put(c < ' ' && c != '\t' ? '?' : (char)c);
    }
    end_line();
}

/* Nobody types there. */
static uint64_t pc_input(paddr_t buffer, unsigned bytes, uint32_t notify_id)
{
    (void)buffer, (void)bytes, (void)notify_id;
    return ABI_INPUT_END;
}

/* ---- the end ---- */

static void __attribute__((noreturn)) end(char kind, uint64_t code)
{
    begin_line(kind);
    put_name(paddr(0));
    put_number(code, 1);
    end_line();
    __asm__ volatile("outl %0, %1" ::"a"((uint32_t)code), "Nd"((uint16_t)QEMU_EXIT) : "memory");
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

static void __attribute__((noreturn)) pc_power_off(uint64_t code)
{
    end('x', code);
}

static void __attribute__((noreturn)) pc_panic(void)
{
    end('p', PANIC_CODE);
}

/* ---- the rest ---- */

static void pc_scrub(paddr_t base, uint64_t bytes)
{
    memset(phys_to_mem(base), 0, bytes);
}

/* Ring 3 has only what CR4 gives it. */
static void pc_clear_vectors(void)
{
}

/* The record lies in the window: whoever can see that needs no more. */
static void pc_channel(paddr_t description)
{
    (void)description;
}

/* Nobody looks. */
static void pc_report(paddr_t block, paddr_t speaker)
{
    (void)block, (void)speaker;
}

static void pc_watched(uint32_t number, paddr_t speaker)
{
    (void)number, (void)speaker;
}

/* The tables of the loader or of the start-up page go: they map low memory, too. */
static void pc_init(void)
{
    arch_write_cr3(boot_info->pml4);
    ns_per_tick = (1000000000ull << 32) / boot_info->tsc_hz;
    apic_init();
    (void)pc_time();
}

const struct platform platform_pc = {
    .init = pc_init,
    .console = pc_console,
    .input = pc_input,
    .time = pc_time,
    .timer_set = pc_timer_set,
    .notify = pc_notify,
    .start_core = pc_start_core,
    .kill_core = pc_kill_core,
    .retire_core = pc_retire_core,
    .core_available = pc_core_available,
    .core_late = pc_core_late,
    .scrub = pc_scrub,
    .clear_vectors = pc_clear_vectors,
    .channel = pc_channel,
    .report = pc_report,
    .watched = pc_watched,
    .power_off = pc_power_off,
    .panic = pc_panic,
    .take_causes = pc_take_causes,
    .hold = pc_hold,
};
