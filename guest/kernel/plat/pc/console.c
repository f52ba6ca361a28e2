/* SPDX-License-Identifier: MIT
 *
 * The console of a PC: a 16550, both ways.
 *
 * A console line says what the machine would know otherwise:
 *
 *     SECONDS.MICROSECONDS CORE KIND SPEAKER: TEXT
 *
 * KIND is `u` for output of a domain, `k` of the CPU driver, `t` for what is shown on request only,
 * `x` for the end of the machine (TEXT is the exit code), `p` for its end by panic, `w` for the
 * address of the pump (abi/pump.h).  Bytes below blank in TEXT are shown as `?`, so nobody can
 * forge a line.
 */
#include "arch.h"
#include "plat/pc/pc.h"

#define UART 0x3f8
#define UART_INTERRUPTS (UART + 1)
#define UART_ON_INPUT 1
#define UART_LINE_STATUS (UART + 5)
#define UART_INPUT 0x01
#define UART_EMPTY 0x20 /* takes more */
#define UART_IDLE 0x40  /* has sent everything */
#define UART_FIFO 16
#define UART_LINE 4     /* of the interrupt controller */
#define UART_SECONDS 10 /* without progress: nobody is there */
#define LOCK_SECONDS 20
#define END_OF_INPUT 4 /* control-D, as at a terminal */

/* ---- lines ---- */

static struct {
    char text[UART_FIFO];
    unsigned used;
} fifo;

/* In seconds, not in rounds: whoever reads the console may stand still for a while. */
static void wait_until(uint8_t status)
{
    const uint64_t begin = pc_tsc();
    while (!(pc_inb(UART_LINE_STATUS) & status) &&
           pc_tsc() - begin < UART_SECONDS * boot_info->tsc_hz)
        __asm__ volatile("pause");
}

static void flush(void)
{
    wait_until(UART_EMPTY);
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

/* The word lies with core 0.  Whoever holds it ends soon, or never: then a line may be torn, which
 * is better than silence. */
static volatile uint64_t *console_lock(void)
{
    return &pc_core_of(0)->console;
}

static bool swap(volatile uint64_t *word, uint64_t from, uint64_t to)
{
    return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void pc_console_left(uint64_t core)
{
    (void)swap(console_lock(), 1 + core, 0);
}

static void begin_line(char kind)
{
    const uint64_t begin = pc_tsc();
    while (!swap(console_lock(), 0, 1 + my_core_id) &&
           pc_tsc() - begin < LOCK_SECONDS * boot_info->tsc_hz)
        __asm__ volatile("pause");
    const systime_t now = plat_time();
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
    pc_console_left(my_core_id);
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

void pc_console(paddr_t text, unsigned length, unsigned kind, paddr_t speaker)
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

void pc_say_number(char kind, uint64_t number)
{
    begin_line(kind);
    put_name(paddr(0));
    put_number(number, 1);
    end_line();
}

void pc_console_drain(void)
{
    wait_until(UART_IDLE);
}

/* ---- input ---- */

static struct {
    bool waits, ended;
    uint32_t notify_id;
} input;

/* Every interrupt has one vector: was it the UART's? */
void pc_look_for_input(void)
{
    if (!input.waits || !(pc_inb(UART_LINE_STATUS) & UART_INPUT))
        return;
    input.waits = false;
    pc_outb(UART_INTERRUPTS, 0);
    pc_set_notification(CORE_PAGE, input.notify_id);
}

/* Takes what has arrived.  If that is nothing, the UART interrupts when something comes: also if it
 * came in between, because its line rises when it may. */
uint64_t pc_input(paddr_t buffer, unsigned bytes, uint32_t notify_id)
{
    char *to = phys_to_mem(buffer);
    unsigned count = 0;
    apic_take_line(UART_LINE);
    pc_outb(UART_INTERRUPTS, 0);
    LOOP_BOUND(taken, ABI_INPUT_MAX + 1);
    while (!input.ended && count < bytes && (pc_inb(UART_LINE_STATUS) & UART_INPUT)) {
        LOOP_ROUND(taken);
        const char c = (char)pc_inb(UART);
        input.ended = c == END_OF_INPUT;
        if (!input.ended)
            to[count++] = c == '\r' ? '\n' : c;
    }
    if (count == 0 && input.ended)
        return ABI_INPUT_END;
    input.waits = count == 0;
    input.notify_id = notify_id;
    if (input.waits)
        pc_outb(UART_INTERRUPTS, UART_ON_INPUT);
    return count;
}
