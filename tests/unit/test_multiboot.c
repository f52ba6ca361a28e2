/* SPDX-License-Identifier: MIT
 *
 * What the loader of a PC learns from GRUB: start information as the specification of Multiboot 2
 * has it, cut off, lying, and noise.  It fills its buffer to the last byte, so whoever reads too
 * far is caught.
 */
/* link: guest/loader/multiboot.c guest/loader/memory.c */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "guest/loader/loader.h"

#define MIB (1ull << 20)

static uint8_t *info;
static uint32_t used;

static void put(const void *bytes, uint32_t count)
{
    info = realloc(info, used + count);
    cr_assert_not_null(info);
    memcpy(info + used, bytes, count);
    used += count;
}

static void put_number(uint64_t value, unsigned bytes)
{
    put(&value, bytes);
}

/* The start of a tag; what follows it is aligned. */
static void put_tag(uint32_t type, uint32_t bytes)
{
    while (used % 8 != 0)
        put_number(0, 1);
    put_number(type, 4);
    put_number(8 + bytes, 4);
}

static void put_module(uint32_t start, uint32_t end, const char *line)
{
    put_tag(3, (uint32_t)(8 + strlen(line) + 1));
    put_number(start, 4);
    put_number(end, 4);
    put(line, (uint32_t)strlen(line) + 1);
}

static void put_range(uint64_t base, uint64_t bytes, uint32_t type)
{
    put_number(base, 8);
    put_number(bytes, 8);
    put_number(type, 8);
}

static void end(void)
{
    put_tag(0, 0);
    memcpy(info, &used, 4);
}

/* As GRUB writes it. */
static void good(void)
{
    free(info);
    info = NULL;
    used = 0;
    put_number(0, 8);
    put_tag(2, 5); /* the loader's name, which nobody reads */
    put("GRUB", 5);
    put_module(2 * MIB, 2 * MIB + 5000, "/boot/cpu loglevel=3");
    put_module(3 * MIB, 3 * MIB + 1, "/sbin/init");
    put_module(4 * MIB, 4 * MIB, "/sbin/cpu-load core=1");
    put_tag(14, 20);
    put("RSD PTR .............", 20);
    put_tag(6, 8 + 2 * 24);
    put_number(24, 4);
    put_number(0, 4);
    put_range(MIB, 127 * MIB, 1);
    put_range(128 * MIB, MIB, 2);
    end();
}

static const char *read_all(struct multiboot *multiboot)
{
    static struct memory memory;
    memset(&memory, 0, sizeof(memory));
    const char *wrong = multiboot_read(multiboot, &memory, info, used);
    if (!wrong) {
        cr_assert_leq(multiboot->files.count, ABI_BUNDLE_MAX_FILES);
        cr_assert_leq(memory.count, MEMORY_MAX_RANGES);
    }
    return wrong;
}

Test(multiboot, modules_and_memory_are_read)
{
    static struct multiboot multiboot;
    static struct memory memory;
    good();
    cr_assert_null(multiboot_read(&multiboot, &memory, info, used));
    cr_assert_eq(multiboot.files.count, 3);
    cr_expect_eq(multiboot.files.file[0].base, 2 * MIB);
    cr_expect_eq(multiboot.files.file[0].bytes, 5000);
    cr_expect_str_eq(multiboot.files.file[2].line, "/sbin/cpu-load core=1");
    cr_expect_eq(multiboot.files.file[2].bytes, 0);
    cr_expect_eq(memory.count, 1);
    cr_expect_eq(memory.range[0].base, LOADER_END);
    cr_expect_eq(memory.range[0].end, 128 * MIB);
    cr_expect_eq(memcmp((const void *)multiboot.root, "RSD PTR ", 8), 0);
    cr_expect_eq(multiboot.bytes, used);
}

Test(multiboot, files_have_their_part_by_name)
{
    static struct multiboot multiboot;
    good();
    cr_assert_null(read_all(&multiboot));
    cr_assert_null(multiboot_mark_files(&multiboot.files));
    cr_expect_eq(multiboot.files.file[0].flags, ABI_BUNDLE_KERNEL);
    cr_expect_eq(multiboot.files.file[1].flags, ABI_BUNDLE_INIT);
    cr_expect_eq(multiboot.files.file[2].flags, 0);
    multiboot.files.file[2].line = "/other/cpu";
    cr_expect_not_null(multiboot_mark_files(&multiboot.files), "two CPU drivers");
    multiboot.files.count = 1;
    cr_expect_not_null(strstr(multiboot_mark_files(&multiboot.files), "/sbin/init"));
    multiboot.files.count = 0;
    cr_expect_not_null(strstr(multiboot_mark_files(&multiboot.files), "/boot/cpu"));
}

#define LIES(words, change)                                                \
    do {                                                                   \
        static struct multiboot is;                                        \
        good();                                                            \
        change;                                                            \
        const char *wrong = read_all(&is);                                 \
        cr_expect(wrong &&strstr(wrong, words), "%s: %s", #change, wrong); \
    } while (0)

/* The first module's tag lies behind the loader's name. */
#define MODULE_AT 24

Test(multiboot, a_lie_is_one_sentence)
{
    LIES("cut off", used = 7);
    LIES("too long", used -= 1);
    LIES("wrong length", memset(info + MODULE_AT + 4, 0, 4));
    LIES("wrong length", memset(info + MODULE_AT + 4, 0xff, 4));
    LIES("must not", memset(info + MODULE_AT + 8, 0, 4));  /* in low memory */
    LIES("must not", memset(info + MODULE_AT + 12, 0, 4)); /* ends before it begins */
    LIES("must not", info[MODULE_AT + 8] = 1);             /* on no page */
    LIES("has no end", memset(info + MODULE_AT + 16, 'x', 21));
    LIES("cut off", (info[0] = 24, memset(info + 1, 0, 3))); /* no tag of the end */
}

Test(multiboot, too_many_modules_are_refused)
{
    static struct multiboot multiboot;
    good();
    used -= 8;
    for (unsigned i = 0; i < ABI_BUNDLE_MAX_FILES; i++)
        put_module(2 * MIB, 3 * MIB, "/sbin/x");
    end();
    cr_expect_str_eq(read_all(&multiboot), "there are too many modules");
}

Test(multiboot, noise_reads_nothing_outside)
{
    srand(2);
    unsigned read = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        static struct multiboot multiboot;
        good();
        for (unsigned i = (unsigned)rand() % 4 + 1; i-- > 0;)
            info[8 + (unsigned)rand() % (used - 8)] = (uint8_t)rand();
        if (rand() % 4 == 0) {
            used = 8 + (unsigned)rand() % (used - 8);
            memcpy(info, &used, 4);
            info = realloc(info, used);
        }
        if (read_all(&multiboot) == NULL)
            read++;
        else
            refused++;
    }
    cr_expect_gt(read, 1000);
    cr_expect_gt(refused, 1000);
}
