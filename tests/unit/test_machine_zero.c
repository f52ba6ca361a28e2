/* SPDX-License-Identifier: MIT
 *
 * Zeroing for the scrub device: the memory reads as zero, what lies beside it stays, and the host
 * provides no page for it.
 */
#include <criterion/criterion.h>
#include <sys/mman.h>

#include "../guest/tiny_guest.h"
#include "machine/machine_private.h"

/* clang-format off */
GUEST(nothing, "hlt\n");
/* clang-format on */

#define MIB (1ull << 20)
#define AT (32 * MIB)    /* in free memory */
#define BYTES (16 * MIB) /* how much of it is used here */

static struct tiny t;
static uint8_t *ram;

static void make(bool private_memory)
{
    tiny_init(&t, 1, nothing_start, nothing_end, NULL);
    t.config.private_memory = private_memory;
    cr_assert_eq(machine_create(&t.machine, &t.config, t.error, sizeof(t.error)), 0, "%s", t.error);
    ram = machine_memory(t.machine, AT, BYTES);
}

static void tear_down(void)
{
    tiny_free(&t);
}

TestSuite(machine_zero, .fini = tear_down, .timeout = 60);

/* Pages of the first region that the host had to provide for its file. */
static size_t pages_in_file(void)
{
    struct stat status;
    cr_assert_eq(fstat(machine_regions(t.machine, &(unsigned){ 0 })->fd, &status), 0);
    return (size_t)status.st_blocks * 512 / 4096;
}

/* The same for the mapping of BYTES at `ram`: what this process has touched of it. */
static size_t pages_of_mine(void)
{
    size_t count = 0;
    FILE *file = fopen("/proc/self/pagemap", "rb");
    uint64_t entry;
    cr_assert_not_null(file);
    fseek(file, (long)((uintptr_t)ram / 4096 * sizeof(entry)), SEEK_SET);
    for (size_t i = 0; i < BYTES / 4096 && fread(&entry, sizeof(entry), 1, file) == 1; i++)
        count += entry >> 63;
    fclose(file);
    return count;
}

static bool all_are(const uint8_t *memory, size_t bytes, uint8_t value)
{
    return bytes == 0 || (memory[0] == value && memcmp(memory, memory + 1, bytes - 1) == 0);
}

static void zero_and_look(size_t at, size_t bytes)
{
    memset(ram, 1, BYTES);
    machine_zero(t.machine, ram + at, bytes);
    cr_expect(all_are(ram, at, 1), "before 0x%zx", at);
    cr_expect(all_are(ram + at, bytes, 0), "0x%zx bytes at 0x%zx", bytes, at);
    cr_expect(all_are(ram + at + bytes, BYTES - at - bytes, 1), "behind 0x%zx + 0x%zx", at, bytes);
}

static void everywhere(void)
{
    static const size_t place[][2] = { { 64, 64 },
                                       { 0, 4096 },
                                       { 4096, 4096 },
                                       { 4096 - 64, 128 },
                                       { 4096 + 64, 3 * 4096 },
                                       { 0, BYTES },
                                       { 2 * MIB, 4 * MIB },
                                       { 2 * MIB + 64, 4 * MIB },
                                       { 2 * MIB, 4 * MIB + 64 },
                                       { BYTES - 64, 64 } };
    for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++)
        zero_and_look(place[i][0], place[i][1]);
}

Test(machine_zero, shared_memory)
{
    make(false);
    everywhere();
}

Test(machine_zero, private_memory)
{
    make(true);
    everywhere();
}

Test(machine_zero, memory_that_nobody_touched_stays_so)
{
    for (int private_memory = 0; private_memory < 2; private_memory++) {
        make(private_memory);
        size_t file = pages_in_file(), mine = pages_of_mine();
        machine_zero(t.machine, ram, BYTES);
        for (size_t at = 0; at < BYTES; at += 4096)
            machine_zero(t.machine, ram + at, 4096);
        cr_expect_eq(pages_in_file(), file);
        cr_expect_eq(pages_of_mine(), mine);
        tiny_free(&t);
    }
}

Test(machine_zero, much_memory_goes_back_to_the_host)
{
    make(false);
    size_t before = pages_in_file();
    memset(ram, 1, BYTES);
    cr_assert_geq(pages_in_file(), before + BYTES / 4096);
    machine_zero(t.machine, ram, BYTES);
    cr_expect_eq(pages_in_file(), before);
}

/* What the file of private memory holds must not come back with its pages. */
Test(machine_zero, what_was_loaded)
{
    for (int private_memory = 0; private_memory < 2; private_memory++) {
        make(private_memory);
        uint8_t *first = machine_memory(t.machine, t.machine->boot->kernel_paddr, 4 * MIB);
        cr_assert_not(all_are(first, 4 * MIB, 0), "the CPU driver lies there");
        machine_zero(t.machine, first, 4 * MIB);
        cr_expect(all_are(first, 4 * MIB, 0));
        tiny_free(&t);
    }
}
