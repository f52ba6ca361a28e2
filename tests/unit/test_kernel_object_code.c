/* SPDX-License-Identifier: MIT
 *
 * What only the object code of the CPU driver can tell, C and assembler as they were compiled.
 *
 * It reads nothing twice from memory that a domain can write.  A real machine runs on the
 * deterministic engine, with programs that enter the CPU driver in every way: short and long
 * messages, invocations with buffers, faults, upcalls, yields.  Each load that ring 0 does in a
 * dispatcher frame is noted, from one entry to the next; one that was loaded already since the
 * entry fails the test, since another core may have written there between the two.  Frames are
 * found by the status block of each core.
 *
 * And an overflow of its stack ends in a message.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "engine/unicorn/unicorn_private.h"
#include "machine/engine_host.h"
#include "run/run.h"

#include "barrelfish_kpi/dispatcher_shared.h"

#define HOOK_READ (1 << 10) /* (cpu, type, address, bytes, value, user) */
#define FRAMES_MAX 256
#define LOADS_MAX 1024
#define IMAGE_BYTES (1u << 20)

/* FXRSTOR loads what the instruction before has masked; if another core unmasks it meanwhile it
 * faults, which the CPU driver knows (entry.S, restore_fpu_fault). */
#define MXCSR_OFFSET (DISP_DISABLED_AREA + SA_FXSAVE + 24)
/* A call that is made again has its RIP moved back (syscall.c, enter_again).  That load decides
 * nothing: arch_resume checks the RIP that it loads itself. */
#define RIP_OFFSET (DISP_ENABLED_AREA + SA_RIP)

struct load {
    uint64_t address, offset; /* physical, and in its frame */
    unsigned bytes;
};

struct loads_of_core {
    bool in_kernel;
    unsigned count;
    struct load load[LOADS_MAX];
};

static struct {
    struct machine *machine;
    struct engine *engine;
    uint64_t frame[FRAMES_MAX];
    unsigned frames;
    struct loads_of_core core[ABI_MAX_CORES];
    unsigned char begins[IMAGE_BYTES]; /* enum begins, for each address of the image */
    unsigned long entries, loads, again;
    char where[256];
} seen;

enum begins { UNKNOWN, NOTHING, ENTRY, GENERAL_WAY };

/* Does the text of an address begin with that symbol?  A source line may follow. */
static bool is_at(const char *text, const char *symbol)
{
    const size_t length = strlen(symbol);
    return strncmp(text, symbol, length) == 0 && (text[length] == '\0' || text[length] == ' ');
}

/* What begins with the block at `address`? */
static enum begins begins(uint64_t address)
{
    const uint64_t offset = address - ABI_KERNEL_BASE;
    if (offset >= IMAGE_BYTES)
        return NOTHING;
    if (seen.begins[offset] == 0) {
        char text[128] = "";
        machine_symbol(seen.machine, "cpu", address, text, sizeof(text));
        if (is_at(text, "cpu!syscall_entry+0x0") || strncmp(text, "cpu!vector_", 11) == 0)
            seen.begins[offset] = ENTRY;
        else
            seen.begins[offset] = is_at(text, "cpu!sys_other+0x0") ? GENERAL_WAY : NOTHING;
    }
    return (enum begins)seen.begins[offset];
}

/* A message for which the short way is not open starts from the beginning: the short way has used
 * nothing of what it read of the receiver's endpoint and upcalls.  What was read of save areas
 * stays. */
static void forget_short_way(struct loads_of_core *core)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < core->count; i++)
        if (core->load[i].offset >= DISP_ENABLED_AREA && core->load[i].offset < DISP_SHARED_BYTES)
            core->load[kept++] = core->load[i];
    core->count = kept;
}

static void note_frame(unsigned core)
{
    const struct abi_core_page *page = machine_core_page(seen.machine, core);
    if (page->current_dcb == 0)
        return;
    const struct abi_dcb_head *head =
        machine_memory(seen.machine, page->current_dcb, sizeof(*head));
    for (unsigned i = 0; head && i < seen.frames; i++)
        if (seen.frame[i] == head->disp_frame)
            return;
    if (head && seen.frames < FRAMES_MAX)
        seen.frame[seen.frames++] = head->disp_frame;
}

static void on_block(unicorn_cpu *cpu, uint64_t address, uint32_t bytes, void *user)
{
    (void)cpu, (void)bytes, (void)user;
    struct loads_of_core *core = &seen.core[seen.engine->current];
    core->in_kernel = address >> 63 != 0;
    if (!core->in_kernel)
        return;
    const enum begins what = begins(address);
    if (what == GENERAL_WAY)
        forget_short_way(core);
    if (what != ENTRY)
        return;
    core->count = 0;
    seen.entries++;
    note_frame(seen.engine->current);
}

static void tell(uint64_t offset)
{
    uint64_t rip = 0;
    seen.again++;
    seen.engine->api->reg_read(seen.engine->cpu, UNICORN_RIP, &rip);
    char text[128] = "";
    machine_symbol(seen.machine, "cpu", rip, text, sizeof(text));
    if (seen.where[0] == '\0')
        snprintf(seen.where, sizeof(seen.where), "offset %lu of a frame, at %s", offset, text);
}

static void on_read(unicorn_cpu *cpu, int type, uint64_t address, int bytes, int64_t value,
                    void *user)
{
    (void)cpu, (void)type, (void)value, (void)user;
    struct loads_of_core *core = &seen.core[seen.engine->current];
    if (!core->in_kernel)
        return;
    if (address >= ABI_PHYSMAP_BASE)
        address -= ABI_PHYSMAP_BASE;
    unsigned i = 0;
    while (i < seen.frames && address - seen.frame[i] >= DISPATCHER_FRAME_BYTES)
        i++;
    if (i == seen.frames)
        return;
    const uint64_t offset = address - seen.frame[i];
    if (offset == MXCSR_OFFSET || offset == RIP_OFFSET)
        return;
    seen.loads++;
    for (unsigned l = 0; l < core->count; l++)
        if (address < core->load[l].address + core->load[l].bytes &&
            core->load[l].address < address + (unsigned)bytes) {
            tell(offset);
            return;
        }
    cr_assert_lt(core->count, LOADS_MAX);
    core->load[core->count++] = (struct load){ address, offset, (unsigned)bytes };
}

static void before_run(void *context, struct machine *machine, struct engine *engine)
{
    (void)context;
    const struct unicorn_api *api = engine->api;
    unicorn_hook hook;
    seen.machine = machine;
    seen.engine = engine;
    /* begin > end: everywhere */
    cr_assert_eq(
        api->hook_add(engine->cpu, &hook, UNICORN_HOOK_BLOCK, (void *)on_block, NULL, 1, 0), 0);
    cr_assert_eq(api->hook_add(engine->cpu, &hook, HOOK_READ, (void *)on_read, NULL, 1, 0), 0);
}

/* The library loses some bytes for a hook of reads. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libunicorn";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

#define MACHINE(name)                      \
    "scenario: " name "\n"                 \
    "machine:\n"                           \
    "  cores: 2\n"                         \
    "  memory: 256 MiB\n"                  \
    "boot: |\n"                            \
    "  kernel /boot/cpu slice=50us\n"      \
    "  module /sbin/init\n"                \
    "  module /sbin/mem_serv\n"            \
    "  module /sbin/monitor\n"             \
    "  module /sbin/chips boot\n"          \
    "  module /sbin/spawnd boot\n"         \
    "  module /sbin/boot_manager boot\n"   \
    "  module /sbin/myapp core=0 server\n" \
    "  module /sbin/myapp core=1 client\n"

static const char loads_scenario[] = MACHINE("loads") //
    "  module /sbin/hostile core=1 upcalls registers\n"
    "  module /sbin/hostile core=1 upcalls incomplete\n"
    "  module /sbin/hostile core=1 calls 1 1500\n"
    "  module /sbin/hostile core=1 run ud2\n"
    "  module /sbin/hostile core=1 frame faultloop\n"
    "deadline: 100 s\n"
    "expect:\n"
    "  - console: survived upcalls registers\n"
    "  - console: survived upcalls incomplete\n"
    "  - console: hello message received!\n";

static int run_with(const char *text, FILE *out,
                    void (*before)(void *, struct machine *, struct engine *))
{
    struct engine_capability capability;
    char images[8192], file[] = "/tmp/kernel_object_code_XXXXXX";
    int status = STATUS_OK;
    const struct engine_ops *ops = engine_choose(engine_unicorn.name, true, &capability, &status);
    if (!ops)
        cr_skip_test("no Unicorn library here");
    cr_assert(images_find(NULL, images, sizeof(images)), "%s", images);

    int fd = mkstemp(file);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    const struct sets no_sets = { .count = 0 };
    struct scenario *scenario = load_and_report(file, &no_sets);
    unlink(file);
    cr_assert_not_null(scenario);
    struct run_settings settings = {
        .ops = ops,
        .capability = &capability,
        .images = images,
        .seed = 1,
        .report = { .out = out },
        .before_run = before,
        .watch = watch_start(),
    };
    status = run_scenario(scenario, &settings);
    watch_stop(settings.watch);
    scenario_free(scenario);
    return status;
}

Test(kernel_object_code, nothing_is_loaded_twice_from_a_dispatcher_frame, .timeout = 3600)
{
    cr_assert_eq(run_with(loads_scenario, stdout, before_run), STATUS_OK);
    cr_log_info("%lu entries, %lu loads from %u frames", seen.entries, seen.loads, seen.frames);
    cr_assert(seen.entries > 1000 && seen.loads > 10000, "that is no test");
    cr_assert_eq(seen.again, 0, "%lu loads of what was loaded before, the first: %s", seen.again,
                 seen.where);
}

/* ---- the guard page ---- */

#define RSP 44
#define STACK_BYTES 16384 /* entry.S */
#define CALLS 500         /* before the stack is used up */

static const char stack_scenario[] = MACHINE("stack") //
    "deadline: 100 s\n"
    "expect:\n"
    "  - console: nobody says this\n";

/* At a system call all but a few words of the stack are in use. */
static void use_up_stack(unicorn_cpu *cpu, uint64_t address, uint32_t bytes, void *user)
{
    static unsigned calls;
    (void)bytes, (void)user;
    char text[128] = "";
    if (address < ABI_KERNEL_BASE)
        return;
    machine_symbol(seen.machine, "cpu", address, text, sizeof(text));
    if (!is_at(text, "cpu!kernel_syscall+0x0") || ++calls != CALLS)
        return;
    uint64_t rsp = 0;
    seen.engine->api->reg_read(cpu, RSP, &rsp);
    rsp -= STACK_BYTES - 8;
    seen.engine->api->reg_write(cpu, RSP, &rsp);
}

static void before_overflow(void *context, struct machine *machine, struct engine *engine)
{
    (void)context;
    unicorn_hook hook;
    seen.machine = machine;
    seen.engine = engine;
    cr_assert_eq(engine->api->hook_add(engine->cpu, &hook, UNICORN_HOOK_BLOCK, (void *)use_up_stack,
                                       NULL, 1, 0),
                 0);
}

Test(kernel_object_code, an_overflow_of_the_stack_is_a_panic_that_says_so, .timeout = 3600)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(run_with(stack_scenario, out, before_overflow), STATUS_FAILED);
    fclose(out);
    cr_assert_not_null(strstr(text, "CPU driver: its stack has overflowed, running "), "%s", text);
    free(text);
}
