/* SPDX-License-Identifier: MIT
 *
 * pci: finds the functions on the PCI buses, and tells the system knowledge base (overview 1.7).
 *
 * It reads their configuration through two ports, as PCI's specification has it ("configuration
 * mechanism #1"), bus after bus: behind a bridge lies the bus that the bridge names.  Facts live as
 * long as the domain that added them, so it stays.
 */
#include <barrelfish/barrelfish.h>
#include <barrelfish/monitor_client.h>
#include <if/monitor_blocking_defs.h>
#include <inttypes.h>
#include <skb/skb.h>

#include <abi/boot.h>

#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_VALID 0x80000000u

#define BUSES 256
#define DEVICES 32
#define FUNCTIONS 8

/* Registers of the configuration, in units of four bytes. */
enum {
    REG_ID = 0,
    REG_COMMAND = 1,
    REG_CLASS = 2,
    REG_HEADER = 3,
    REG_BAR = 4,
    REG_BUSES = 6,
    REG_CAPABILITIES = 13,
    REG_INTERRUPT = 15
};
#define COMMAND_DECODE 3u /* ports and memory */
#define STATUS_HAS_LIST (1u << 20)
#define HEADER_TYPE(header) ((header) >> 16 & 0x7f)
#define HEADER_MANY(header) ((header) >> 23 & 1)
#define CAPABILITY_PCIE 0x10
#define CAPABILITIES_MAX 48

struct function {
    unsigned bus, device, function;
};

static struct capref io;
static bool seen[BUSES];
static unsigned functions;

static void must(errval_t err, const char *what)
{
    if (err_is_fail(err))
        USER_PANIC_ERR(err, "%s", what);
}

static void select_register(const struct function *f, unsigned reg)
{
    must(iocap_out32(io, PORT_ADDRESS,
                     ADDRESS_VALID | f->bus << 16 | f->device << 11 | f->function << 8 | reg << 2),
         "writing the address of a register");
}

static uint32_t read_register(const struct function *f, unsigned reg)
{
    uint32_t value = 0;
    select_register(f, reg);
    must(iocap_in32(io, PORT_DATA, &value), "reading a register");
    return value;
}

static void write_register(const struct function *f, unsigned reg, uint32_t value)
{
    select_register(f, reg);
    must(iocap_out32(io, PORT_DATA, value), "writing a register");
}

#define FACT(...)                                      \
    do {                                               \
        errval_t fact_err = skb_add_fact(__VA_ARGS__); \
        if (err_is_fail(fact_err))                     \
            DEBUG_SKB_ERR(fact_err, "adding a fact");  \
    } while (0)

/* How much memory or how many ports the function decodes there: bits that stay 0 when all are
 * written. */
static uint32_t size_mask(const struct function *f, unsigned reg, uint32_t old)
{
    write_register(f, reg, 0xffffffff);
    const uint32_t mask = read_register(f, reg);
    write_register(f, reg, old);
    return mask;
}

/* Returns how many registers the address takes. */
static unsigned read_bar(const struct function *f, unsigned number)
{
    const unsigned reg = REG_BAR + number;
    const uint32_t low = read_register(f, reg);
    const uint32_t mask = size_mask(f, reg, low);
    const bool is_io = low & 1, is_wide = !is_io && (low >> 1 & 3) == 2;
    const uint32_t flag_bits = is_io ? 3 : 15;
    uint64_t base = low & ~flag_bits, kept = mask & ~flag_bits;
    if (is_wide) {
        const uint32_t high = read_register(f, reg + 1);
        kept |= (uint64_t)size_mask(f, reg + 1, high) << 32;
        base |= (uint64_t)high << 32;
    } else if (kept != 0) {
        kept |= UINT64_MAX << 32;
    }
    if (is_io)
        kept |= kept != 0 ? 0xffff0000u : 0; /* there are 65,536 ports */
    if (kept != 0)
        FACT("bar(addr(%u, %u, %u), %u, %" PRIu64 ", %" PRIu64 ", %s, %s, %u)", f->bus, f->device,
             f->function, number, base, ~kept + 1, is_io ? "io" : "mem",
             !is_io && low & 8 ? "prefetchable" : "nonprefetchable", is_wide ? 64 : 32);
    return is_wide ? 2 : 1;
}

/* A function that decodes while its addresses are changed would answer for others. */
static void read_bars(const struct function *f, unsigned count)
{
    const uint32_t command = read_register(f, REG_COMMAND) & 0xffff; /* status: 0 changes nothing */
    write_register(f, REG_COMMAND, command & ~COMMAND_DECODE);
    for (unsigned number = 0; number < count;)
        number += read_bar(f, number);
    write_register(f, REG_COMMAND, command);
}

static bool is_pcie(const struct function *f)
{
    if (!(read_register(f, REG_COMMAND) & STATUS_HAS_LIST))
        return false;
    unsigned at = read_register(f, REG_CAPABILITIES) & 0xfc;
    for (unsigned i = 0; at != 0 && i < CAPABILITIES_MAX; i++) {
        const uint32_t head = read_register(f, at / 4);
        if ((head & 0xff) == CAPABILITY_PCIE)
            return true;
        at = head >> 8 & 0xfc;
    }
    return false;
}

static void scan_bus(unsigned bus);

static void read_function(const struct function *f, uint32_t id)
{
    const uint32_t class = read_register(f, REG_CLASS), header = read_register(f, REG_HEADER);
    const char *kind = is_pcie(f) ? "pcie" : "pci";
    functions++;
    printf("%u:%u.%u %04x:%04x class %u.%u.%u\n", f->bus, f->device, f->function, id & 0xffff,
           id >> 16, class >> 24, class >> 16 & 0xff, class >> 8 & 0xff);
    if (HEADER_TYPE(header) == 1) {
        const unsigned behind = read_register(f, REG_BUSES) >> 8 & 0xff;
        FACT("bridge(%s, addr(%u, %u, %u), %u, %u, %u, %u, %u, secondary(%u))", kind, f->bus,
             f->device, f->function, id & 0xffff, id >> 16, class >> 24, class >> 16 & 0xff,
             class >> 8 & 0xff, behind);
        read_bars(f, 2);
        scan_bus(behind);
        return;
    }
    FACT("device(%s, addr(%u, %u, %u), %u, %u, %u, %u, %u, %u)", kind, f->bus, f->device,
         f->function, id & 0xffff, id >> 16, class >> 24, class >> 16 & 0xff, class >> 8 & 0xff,
         read_register(f, REG_INTERRUPT) >> 8 & 0xff);
    if (HEADER_TYPE(header) == 0)
        read_bars(f, 6);
}

/* Bridges that the firmware left alone name no bus, or one that was seen. */
static void scan_bus(unsigned bus)
{
    if (seen[bus])
        return;
    seen[bus] = true;
    for (unsigned device = 0; device < DEVICES; device++) {
        struct function f = { .bus = bus, .device = device };
        unsigned count = 1;
        for (; f.function < count; f.function++) {
            const uint32_t id = read_register(&f, REG_ID);
            if ((id & 0xffff) == 0xffff)
                continue;
            if (f.function == 0 && HEADER_MANY(read_register(&f, REG_HEADER)))
                count = FUNCTIONS;
            read_function(&f, id);
        }
    }
}

/* Does the machine have the two ports? */
static bool has_mechanism(void)
{
    uint32_t old = 0, value = 0;
    must(iocap_in32(io, PORT_ADDRESS, &old), "reading the address register");
    must(iocap_out32(io, PORT_ADDRESS, ADDRESS_VALID), "writing the address register");
    must(iocap_in32(io, PORT_ADDRESS, &value), "reading the address register");
    must(iocap_out32(io, PORT_ADDRESS, old), "writing the address register");
    return value == ADDRESS_VALID;
}

int main(void)
{
    const struct abi_boot *boot = domain_get_bootinfo();
    if (boot == NULL)
        USER_PANIC("pci: the menu's line needs the word 'boot'");
    if (boot->flags & ABI_BOOT_PC) {
        struct monitor_blocking_binding *b = get_monitor_blocking_binding();
        errval_t answer = SYS_ERR_OK;
        must(b->rpc_tx_vtbl.get_io_cap(b, &io, &answer), "asking for the ports");
        must(answer, "asking for the ports");
        if (has_mechanism())
            scan_bus(0);
    }
    printf("%u functions\n", functions);
    FACT("pci_done");
    messages_handler_loop();
}
