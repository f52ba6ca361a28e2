/* SPDX-License-Identifier: MIT
 *
 * nested vmlinux BZIMAGE OUT: the kernel without its boot wrapper.
 *
 * QEMU starts an ELF kernel with a PVH note directly in 32-bit mode, which spares the emulated CPU
 * the decompression.  The header of a bzImage (Linux' x86 boot protocol 2.08 and later) says where
 * the compressed payload lies.  LZ4 in its "legacy" framing, which Debian uses, is decoded here: a
 * magic number, then blocks of at most 8 MiB, each with its compressed length before it.  gzip, xz
 * and zstd payloads are left to the programs of these names.  Whatever comes out must be an ELF file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nested.h"

#define SETUP_SECTORS 0x1f1
#define HEADER_MAGIC 0x202
#define HEADER_VERSION 0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define LZ4_LEGACY_MAGIC 0x184c2102u
#define LZ4_BLOCK_MAX (8u << 20)
#define LZ4_MATCH_MIN 4

static uint32_t get32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

/* A length whose nibble was 15: bytes are added until one is not 255.  False at the end of input. */
static int longer(const uint8_t **in, const uint8_t *end, size_t *length)
{
    uint8_t more = 255;
    while (more == 255) {
        if (*in == end)
            return 0;
        more = *(*in)++;
        *length += more;
    }
    return 1;
}

/* One block, matches reaching back within it only.  Returns bytes written, or -1 if it is damaged. */
static long lz4_block(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t room)
{
    const uint8_t *end = in + in_bytes;
    size_t at = 0;
    while (in < end) {
        uint8_t token = *in++;
        size_t literals = token >> 4, match = (token & 15) + LZ4_MATCH_MIN;
        if (literals == 15 && !longer(&in, end, &literals))
            return -1;
        if (literals > (size_t)(end - in) || literals > room - at)
            return -1;
        memcpy(out + at, in, literals);
        at += literals;
        in += literals;
        if (in == end)
            break; /* the last sequence has no match */
        if (end - in < 2)
            return -1;
        size_t distance = in[0] | (size_t)in[1] << 8;
        in += 2;
        if ((token & 15) == 15 && !longer(&in, end, &match))
            return -1;
        if (distance == 0 || distance > at || match > room - at)
            return -1;
        for (size_t i = 0; i < match; i++, at++) /* may overlap what it writes */
            out[at] = out[at - distance];
    }
    return (long)at;
}

static int lz4(const uint8_t *in, size_t bytes, const char *path)
{
    FILE *out = fopen(path, "wbe");
    uint8_t *block = malloc(LZ4_BLOCK_MAX);
    long made = out && block ? 0 : -1;
    size_t at = 4;
    while (made >= 0 && at + 4 <= bytes) {
        uint32_t length = get32(in + at);
        at += 4;
        if (length == LZ4_LEGACY_MAGIC)
            continue;
        if (length == 0 || length > bytes - at) /* the kernel's build appends the unpacked size */
            break;
        made = lz4_block(in + at, length, block, LZ4_BLOCK_MAX);
        if (made > 0)
            fwrite(block, 1, (size_t)made, out);
        at += length;
    }
    free(block);
    if (!out || fclose(out) != 0 || made < 0)
        return nested_fail("vmlinux: the kernel's payload is damaged, or %s cannot be written",
                           path);
    return 0;
}

/* Lets a program of the system decompress. */
static int other(const char *program, const uint8_t *in, size_t bytes, const char *path)
{
    char command[4096];
    snprintf(command, sizeof(command), "%s -dc >'%s' 2>/dev/null", program, path);
    FILE *pipe = popen(command, "we");
    if (!pipe)
        return nested_fail("vmlinux: %s: %s", program, strerror(errno));
    fwrite(in, 1, bytes, pipe);
    /* bytes behind the compressed stream make some of them complain: the ELF header decides */
    if (pclose(pipe) == 127 << 8)
        return nested_fail("vmlinux: the kernel is packed with %s: install it", program);
    return 0;
}

static int unpack(const uint8_t *in, size_t bytes, const char *path)
{
    static const struct {
        uint8_t magic[4];
        unsigned magic_bytes;
        const char *program;
    } kinds[] = {
        { { 0x1f, 0x8b }, 2, "gzip" },
        { { 0xfd, '7', 'z', 'X' }, 4, "xz" },
        { { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd" },
    };
    if (bytes >= 8 && get32(in) == LZ4_LEGACY_MAGIC)
        return lz4(in, bytes, path);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (bytes > 4 && memcmp(in, kinds[i].magic, kinds[i].magic_bytes) == 0)
            return other(kinds[i].program, in, bytes, path);
    return nested_fail("vmlinux: the kernel is packed in a way unknown here");
}

int nested_vmlinux(int argc, char **argv)
{
    if (argc != 3)
        return nested_fail("usage: nested vmlinux BZIMAGE OUT");
    size_t bytes, made;
    uint8_t *image = nested_read(argv[1], &bytes);
    if (!image)
        return nested_fail("vmlinux: %s: %s", argv[1], strerror(errno));
    int r = 1;
    if (bytes < 4096 || memcmp(image + HEADER_MAGIC, "HdrS", 4) != 0 ||
        (image[HEADER_VERSION] | image[HEADER_VERSION + 1] << 8) < 0x208) {
        nested_fail("vmlinux: %s is no bzImage", argv[1]);
    } else {
        size_t start = (image[SETUP_SECTORS] + 1ul) * 512 + get32(image + PAYLOAD_OFFSET);
        size_t length = get32(image + PAYLOAD_LENGTH);
        if (start > bytes || length > bytes - start)
            nested_fail("vmlinux: %s is cut short", argv[1]);
        else
            r = unpack(image + start, length, argv[2]);
    }
    free(image);
    if (r != 0)
        return r;
    uint8_t *elf = nested_read(argv[2], &made);
    r = elf && made > 64 && memcmp(elf, "\177ELF", 4) == 0 ? 0 : 1;
    free(elf);
    return r == 0 ? 0 : nested_fail("vmlinux: what came out of %s is no ELF file", argv[1]);
}
